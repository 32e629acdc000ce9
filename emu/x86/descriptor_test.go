package x86

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/binary"
	"io"
	"testing"
)

// Recorded under QEMU: see testdata/descriptors.asm and descriptors64.asm.
var (
	//go:embed testdata/descriptors.golden.gz
	descriptorGolden []byte
	//go:embed testdata/descriptors64.golden.gz
	descriptor64Golden []byte
)

// Addresses and selectors of testdata/descriptors.asm and descriptors64.asm.
const (
	dtGDT    = 0x50000
	dtFirst  = 16
	dtPtr    = dataAt
	dtLand   = 0x100500
	dtUser   = 0x18 | 3
	dtUData  = 0x20 | 3
	dtKernel = 0x08
	dtData   = 0x10
)

// dtStacks are the stack selectors for returns to each level.
var dtStacks = [4]uint64{dtData, 0x28 | 1, 0x30 | 2, dtUData}

// dtRecord is what happened to one operation.
type dtRecord struct {
	op     uint8
	vector int // -1: none
	code   uint16
	edx    uint32
	cs     uint16
	zf     uint8
	access uint8 // access byte of the descriptor afterwards
}

// dtRecords unpacks a file of records.
func dtRecords(t *testing.T, file []byte) (r []dtRecord) {
	z, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	for ; len(b) >= 12; b = b[12:] {
		v := int(b[1])
		if v == 0xff {
			v = -1
		}
		r = append(r, dtRecord{b[0], v, le.Uint16(b[2:]), le.Uint32(b[4:]), le.Uint16(b[8:]), b[10], b[11]})
	}
	return r
}

// observe makes the record of the operation that has just run.
func (m *machine) observe(op int, ok bool, access uint8) dtRecord {
	v, code := m.fault()
	r := dtRecord{op: uint8(op), vector: v, code: uint16(code), access: access}
	if ok {
		r.edx, r.cs, r.zf = uint32(m.env.GPR[regDX]), m.seg[segCS].Selector, uint8(m.Flags()>>6&1)
	}
	if op == 0 && r.zf != 0 {
		r.edx &^= 0xf0000 // LAR: the limit's upper bits, which QEMU leaves out and processors do not
	}
	return r
}

var dtOps = []struct {
	name string
	code []byte
}{
	{"LAR", []byte{0x0f, 0x02, 0xd0}}, {"LSL", []byte{0x0f, 0x03, 0xd0}}, {"VERR", []byte{0x0f, 0x00, 0xe0}}, {"VERW", []byte{0x0f, 0x00, 0xe8}},
	{"MOV DS", []byte{0x8e, 0xd8}}, {"MOV SS", []byte{0x8e, 0xd0}},
	{"JMP", []byte{0xff, 0x2d, 0, 0, dtPtr >> 16, 0}}, {"CALL", []byte{0xff, 0x1d, 0, 0, dtPtr >> 16, 0}},
	{"IRET", []byte{0xcf}}, {"RETF", []byte{0xcb}},
}

// Every operation on descriptors with all 256 access bytes, all RPLs and both tables, at CPL 0 and 3.
func TestDescriptorsAgainstQEMU(t *testing.T) {
	golden := dtRecords(t, descriptorGolden)
	m := newMachine(t)
	for _, cpl := range []int{0, 3} {
		for sel := uint16(dtFirst * 8); sel < (dtFirst+256)*8; sel++ {
			k := sel>>3 - dtFirst
			for op := range dtOps {
				if (op == 6 || op == 7) && k&0x10 == 0 && (1<<1|1<<4|1<<5|1<<9|1<<12)>>(k&15)&1 != 0 {
					continue // available TSSs and gates
				}
				want := golden[0]
				golden = golden[1:]
				m.descriptorCase(cpl, sel, op)
				ok := m.exec(dtOps[op].code...)
				// QEMU leaves the accessed bit of code segments alone; SDM vol. 3A 3.4.5.1 sets it.
				if ok && op >= 6 {
					want.access |= 1
				}
				if got := m.observe(op, ok, m.ram[dtGDT+uint64(sel&^7)+5]); got != want {
					t.Errorf("CPL %d %s of %#x, access byte %#02x:\n got %+v\nwant %+v", cpl, dtOps[op].name, sel, k, got, want)
				}
			}
		}
	}
	if len(golden) != 0 {
		t.Errorf("%d records left", len(golden))
	}
}

var dtOps64 = []struct {
	name string
	code []byte
}{
	{"LAR", dtOps[0].code}, {"LSL", dtOps[1].code}, {"VERR", dtOps[2].code}, {"VERW", dtOps[3].code},
	{"MOV FS", []byte{0x8e, 0xe0}}, {"MOV SS", []byte{0x8e, 0xd0}},
	{"JMP", []byte{0xff, 0x2c, 0x25, 0, 0, dtPtr >> 16, 0}}, {"CALL", []byte{0xff, 0x1c, 0x25, 0, 0, dtPtr >> 16, 0}},
	{"IRETQ", []byte{0x48, 0xcf}}, {"IRETQ to a null SS", []byte{0x48, 0xcf}}, {"RETFQ", []byte{0x48, 0xcb}},
}

// The same in 64-bit mode, with L and D in three combinations.
func TestDescriptors64AgainstQEMU(t *testing.T) {
	golden := dtRecords(t, descriptor64Golden)
	m := newMachine(t).long(0)
	sels := []uint16{0, 1, 2, 3}
	for k := range uint16(256) {
		for rpl := range uint16(4) {
			sels = append(sels, dtFirst*8+k*16+rpl)
		}
	}
	for _, nibble := range []uint64{0xa, 0xc, 0xe} {
		for _, cpl := range []int{0, 3} {
			for _, sel := range sels {
				k := sel>>4 - dtFirst/2
				for op := range dtOps64 {
					if sel > 3 && (op == 6 || op == 7) && k&0x1f == typeCall32 {
						continue // call gates
					}
					want := golden[0]
					golden = golden[1:]
					m.descriptorCase64(cpl, sel, op, nibble)
					ok := m.exec(dtOps64[op].code...)
					got := m.observe(op, ok, m.ram[dtGDT+uint64(sel&^7)+5])
					if ok && op >= 6 && sel > 3 {
						want.access |= 1
					}
					if got != want && !dtKnown64(cpl, sel, op, k, nibble) {
						t.Errorf("CPL %d %s of %#x, access byte %#02x, flags %x:\n got %+v\nwant %+v", cpl, dtOps64[op].name, sel, k, nibble, got, want)
					}
				}
			}
		}
	}
	if len(golden) != 0 {
		t.Errorf("%d records left", len(golden))
	}
}

// dtKnown64 tells in which cases QEMU is laxer than the manual.
func dtKnown64(cpl int, sel uint16, op int, access uint16, nibble uint64) bool {
	code := access&0x18 == 0x18
	switch {
	case op < 2 && (access&0x1f == typeTSS16 || access&0x1f == typeTSS16Busy || access&0x1f == typeCall16 || access&0x1f == typeTaskGate):
		return true // LAR, LSL: these types are not defined in long mode (SDM vol. 2A tables 3-53, 3-54)
	case op == 5 && sel <= 3:
		return int(sel&3) != cpl // a null SS must have RPL = CPL (vol. 2B, MOV)
	case op >= 6 && nibble == 0xe:
		return code // L and D together are #GP (vol. 2A, CALL; vol. 3A 3.4.5)
	case op == 9 && nibble == 0xc:
		return code // no null SS on the way to compatibility mode (vol. 2A, IRET)
	}
	return false
}

// descriptorCase64 sets up what testdata/descriptors64.asm does before an operation.
func (m *machine) descriptorCase64(cpl int, sel uint16, op int, nibble uint64) {
	for n, d := range []uint64{0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00affb000000ffff, 0x00cff3000000ffff, 0x00cfb3000000ffff, 0x00cfd3000000ffff} {
		m.put(dtGDT+uint64(n)*8, 8, d)
	}
	if sel > 3 {
		k := uint64(sel>>4 - dtFirst/2)
		m.put(dtGDT+uint64(sel&^7), 8, 0x000f_0000_0000_ffff|nibble<<52|k<<40)
		m.put(dtGDT+uint64(sel&^7)+8, 8, 0)
	}
	cs, ds := flat(dtKernel, code64), flat(dtData, data32)
	if cpl == 3 {
		cs, ds = flat(dtUser, code64|dpl3), flat(dtUData, data32|dpl3)
	}
	m.Enter(&EntryState{
		RIP: codeAt, RFLAGS: flagFixed, Segs: [6]Segment{ds, cs, ds, ds, {}, {}},
		TR:  Segment{Selector: 0x40, Base: tssAt, Limit: 0x67, Attr: AttrP | typeTSS32Busy},
		GDT: Table{dtGDT, dtFirst*8 + 256*16 - 1}, IDT: Table{idtAt, 0x40f},
		CR0: cr0PE | cr0ET | cr0PG, CR3: tablesAt, CR4: cr4PAE, EFER: eferLME | eferLMA,
	})
	m.ldtr = Segment{}
	m.cpl = cpl
	m.update()
	g := &m.env.GPR
	g[regAX], g[regDX], g[regSP] = uint64(sel), 0, stackAt
	m.put(dtPtr, 4, dtLand)
	m.put(dtPtr+4, 2, uint64(sel))
	if op < 8 {
		return
	}
	ss := dtStacks[sel&3]
	if op == 9 {
		ss = uint64(sel & 3)
	}
	frame := []uint64{dtLand, uint64(sel), 2, 0x40000, ss}
	if op == 10 {
		frame = append(frame[:2:2], frame[3:]...)
		if sel&3 == 0 {
			m.SetFlags(flagZF)
		}
	}
	g[regSP] -= 8 * uint64(len(frame))
	for n, v := range frame {
		m.put(g[regSP]+8*uint64(n), 8, v)
	}
}

// descriptorCase sets up what testdata/descriptors.asm does before an operation.
func (m *machine) descriptorCase(cpl int, sel uint16, op int) {
	for n, d := range []uint64{0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00cfb3000000ffff, 0x00cfd3000000ffff, 0x0000_8900_0000_0067} {
		m.put(dtGDT+uint64(n)*8, 8, d)
	}
	k := uint64(sel>>3 - dtFirst)
	d := 0x00cf_0000_0000_ffff | k<<40
	if k&0x1c == 0x14 { // expand-down
		d = 0x00c0_0000_0000_0000 | k<<40
	}
	m.put(dtGDT+uint64(sel&^7), 8, d)

	cs, ds := flat(dtKernel, code32), flat(dtData, data32)
	if cpl == 3 {
		cs, ds = flat(dtUser, code32|dpl3), flat(dtUData, data32|dpl3)
	}
	null := Segment{}
	m.Enter(&EntryState{
		RIP: codeAt, RFLAGS: flagFixed, Segs: [6]Segment{ds, cs, ds, ds, null, null},
		TR:  Segment{Selector: 0x38, Base: tssAt, Limit: 0x67, Attr: AttrP | typeTSS32Busy},
		GDT: Table{dtGDT, (dtFirst+256)*8 - 1}, IDT: Table{idtAt, 0x207}, CR0: cr0PE | cr0ET,
	})
	m.ldtr = Segment{}
	m.cpl = cpl
	m.update()
	g := &m.env.GPR
	g[regAX], g[regDX], g[regSP] = uint64(sel), 0, stackAt
	m.put(dtPtr, 4, dtLand)
	m.put(dtPtr+4, 2, uint64(sel))
	if op >= 8 {
		frame := []uint64{dtLand, uint64(sel), 2, 0x40000, dtStacks[sel&3]}
		if op == 9 {
			frame = append(frame[:2:2], frame[3:]...)
			if sel&3 == 0 {
				m.SetFlags(flagZF)
			}
		}
		g[regSP] -= 4 * uint64(len(frame))
		for n, v := range frame {
			m.put(g[regSP]+4*uint64(n), 4, v)
		}
	}
}
