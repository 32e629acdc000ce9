package bios

import (
	"encoding/binary"
	"slices"
	"testing"
)

// FuzzServices calls services with any registers and any memory, in any order, and lets them wait or not: nothing crashes or hangs,
// and drives are asked only for what they have.
func FuzzServices(f *testing.F) {
	f.Add([]byte("\x01\x02\x03\x04\x05\x06\x07\x08"))
	f.Add(make([]byte, 300))
	var names []string
	for name := range services {
		names = append(names, name)
	}
	slices.Sort(names)
	f.Fuzz(func(t *testing.T, in []byte) {
		b := newBench(t)
		take := func() uint32 {
			var p [4]byte
			n := copy(p[:], in)
			in = in[n:]
			return binary.LittleEndian.Uint32(p[:])
		}
		b.ports.next = func(port uint16) (uint32, bool) {
			if len(in) < 3 || in[0]&3 != 0 {
				return 0, false
			}
			v := uint32(in[1])
			in = in[2:]
			return v, true
		}
		for step := 0; len(in) > 0 && step < 50; step++ {
			how := take()
			name := names[how%uint32(len(names))]
			if name == "post" && how>>8&7 != 0 {
				name = "int13"
			}
			if how>>11&1 != 0 {
				b.state = State{EFLAGS: take(), CR0: take() & 1}
				for i := range b.state.GPR {
					b.state.GPR[i] = take()
				}
				for i := range b.state.Seg {
					v := take()
					b.state.Seg[i] = Segment{uint16(v), v & 0xfffff, take(), take() & 0xf0ff}
				}
			} else {
				b.state.GPR[AX], b.state.GPR[DX] = take(), take()&0xff0080
				b.state.GPR[BX], b.state.GPR[CX] = take()&0xffff, take()&0xffff
			}
			if how>>12&1 != 0 { // nonsense in the data areas
				at := 0x400 + take()%0x100
				var p [16]byte
				n := copy(p[:], in)
				in = in[n:]
				_ = b.mem.WritePhys(uint64(at), p[:])
			}
			if name == "int10" {
				b.state.GPR[CX] &= 0xff // long strings scroll for long
			}
			b.at(name)
			if how>>13&1 != 0 {
				b.state.EIP += waitRetried - sizeOfOut // a retry of a call that may never have been
			}
			b.f.Trap(b)
			if d := b.drives[how>>14&3%3]; how>>16&1 != 0 {
				d.absent, d.fails = how>>17&1 != 0, how>>18&1 != 0
				d.finish(t)
			}
			b.clock.Advance(int64(how>>20) * 1000)
		}
		for _, d := range b.drives {
			d.finish(t)
		}
	})
}

// FuzzCD boots CDs with anything in the sectors that tell how.
func FuzzCD(f *testing.F) {
	f.Add(make([]byte, 64), make([]byte, 64))
	f.Fuzz(func(t *testing.T, record, catalogue []byte) {
		b := newBench(t)
		cd := b.drives[2].data
		rec := cd[bootRec*cdSector:]
		copy(rec, "\x00CD001\x01EL TORITO SPECIFICATION")
		copy(rec[0x47:0x4b], record)
		rec[0x47] |= 18
		at := int(le.Uint32(rec[0x47:])) * cdSector
		if at+cdSector <= len(cd) && at > bootRec*cdSector {
			copy(cd[at:], "\x01\x00")
			copy(cd[at+32:at+cdSector], catalogue)
			cd[at+30], cd[at+31], cd[at+32] = 0x55, 0xaa, 0x88
			le.PutUint16(cd[at+28:], 0x55aa-1) // the sum is 0
		}
		b.drives[0].absent, b.drives[1].absent = true, true
		b.at("int19")
		for range 2000 {
			b.f.Trap(b)
			for _, d := range b.drives {
				d.finish(t)
			}
			if b.state.Seg[CS].Selector != romSeg || b.f.boot.failed {
				break
			}
			b.state.EIP = uint32(b.f.rom.offset("int19")) + waitRetried
		}
	})
}
