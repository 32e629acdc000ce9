package inspect

import "encoding/binary"

// Decode fills the fields of a descriptor from Raw and Size (SDM vol. 3A 3.4.5, 3.5, 6.11, 5.8.3). long: the CPU is in long mode.
func (d *Descriptor) Decode(long bool) {
	le := binary.LittleEndian
	lo, hi := le.Uint32(d.Raw[:]), le.Uint32(d.Raw[4:])
	if lo == 0 && hi == 0 {
		d.Type = "null"
		return
	}
	var upper uint64
	if d.Size == 16 {
		upper = uint64(le.Uint32(d.Raw[8:])) << 32
	}
	d.Present, d.DPL = hi>>15&1 != 0, int(hi>>13&3)
	d.Attr = hi >> 8 & 0xf0ff
	s := Segment{Attr: d.Attr}
	d.Type = s.Kind(long)
	if typ := d.Attr & 15; d.Attr&AttrS == 0 && typ&4 != 0 {
		d.Gate = true
		d.Target = uint16(lo >> 16)
		d.Offset = uint64(lo & 0xffff)
		if typ&8 != 0 {
			d.Offset |= uint64(hi&0xffff_0000) | upper
		}
		d.IST = int(hi & 31)
		if long {
			d.IST &= 7
		}
		return
	}
	d.Base = uint64(lo>>16|hi<<16&0xff_0000|hi&0xff00_0000) | upper
	d.Limit = lo&0xffff | hi&0xf_0000
	if d.Attr&AttrG != 0 {
		d.Limit = d.Limit<<12 | 0xfff
	}
}

// Decode fills the fields of a task-state segment from its first bytes; what they do not have is 0. attr is that of TR.
func (t *TSS) Decode(p []byte, attr uint32, long bool) {
	var full [104]byte
	copy(full[:], p)
	le := binary.LittleEndian
	w := func(off int) uint16 { return le.Uint16(full[off:]) }
	d := func(off int) uint64 { return uint64(le.Uint32(full[off:])) }
	switch {
	case long:
		t.Bits = 64
		for i := range t.Stack {
			t.Stack[i].ESP = le.Uint64(full[4+8*i:])
		}
		for i := 1; i < len(t.IST); i++ {
			t.IST[i] = le.Uint64(full[36+8*(i-1):])
		}
		t.IOMap = w(102)
	case attr&8 != 0:
		t.Bits, t.Link = 32, w(0)
		for i := range t.Stack {
			t.Stack[i].ESP, t.Stack[i].SS = d(4+8*i), w(8+8*i)
		}
		t.CR3, t.EIP, t.Flags = d(28), d(32), d(36)
		for i := range t.GPR {
			t.GPR[i] = d(40 + 4*i)
		}
		for i := range t.Seg {
			t.Seg[i] = w(72 + 4*i)
		}
		t.LDTR, t.IOMap = w(96), w(102)
	default:
		t.Bits, t.Link = 16, w(0)
		for i := range t.Stack {
			t.Stack[i].ESP, t.Stack[i].SS = uint64(w(2+4*i)), w(4+4*i)
		}
		t.EIP, t.Flags = uint64(w(14)), uint64(w(16))
		for i := range t.GPR {
			t.GPR[i] = uint64(w(18 + 2*i))
		}
		for i := range 4 {
			t.Seg[i] = w(34 + 2*i)
		}
		t.LDTR = w(42)
	}
}
