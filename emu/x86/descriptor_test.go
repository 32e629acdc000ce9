package x86

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/binary"
	"io"
	"testing"
)

// descriptorGolden was recorded under QEMU: see testdata/descriptors.asm.
//
//go:embed testdata/descriptors.golden.gz
var descriptorGolden []byte

// Addresses and selectors of testdata/descriptors.asm.
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
	z, err := gzip.NewReader(bytes.NewReader(descriptorGolden))
	if err != nil {
		t.Fatal(err)
	}
	golden, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(t)
	bad := 0
	for _, cpl := range []int{0, 3} {
		for sel := uint16(dtFirst * 8); sel < (dtFirst+256)*8; sel++ {
			k := sel>>3 - dtFirst
			for op := range dtOps {
				if (op == 6 || op == 7) && k&0x10 == 0 && (1<<1|1<<4|1<<5|1<<9|1<<12)>>(k&15)&1 != 0 {
					continue // available TSSs and gates
				}
				r := golden[:12]
				golden = golden[12:]
				if int(r[0]) != op {
					t.Fatalf("record of operation %d, want %d", r[0], op)
				}
				m.descriptorCase(cpl, sel, op)
				ok := m.exec(dtOps[op].code...)
				vector, code := m.fault()
				wantVec, wantCode := int(r[1]), uint32(binary.LittleEndian.Uint16(r[2:]))
				if wantVec == 0xff {
					wantVec = -1
				}
				access := m.ram[dtGDT+uint64(sel&^7)+5]
				good := ok == (wantVec < 0) && vector == wantVec && code == wantCode
				if ok && good {
					zf := byte(m.Flags() >> 6 & 1)
					good = m.env.GPR[regDX] == uint64(binary.LittleEndian.Uint32(r[4:])) && m.seg[segCS].Selector == binary.LittleEndian.Uint16(r[8:]) && zf == r[10]
				}
				// QEMU leaves the accessed bit of code segments alone; SDM vol. 3A 3.4.5.1 sets it.
				if ok && op >= 6 {
					r[11] |= 1
				}
				if good && access == r[11] {
					continue
				}
				if bad++; bad < 30 {
					t.Errorf("CPL %d %s of %#x, access byte %#02x: exception %d %#x EDX %#x CS %#x ZF %d access %#x, want %d %#x EDX %#x CS %#x ZF %d access %#x", cpl, dtOps[op].name, sel, k,
						vector, code, m.env.GPR[regDX], m.seg[segCS].Selector, m.Flags()>>6&1, access,
						wantVec, wantCode, binary.LittleEndian.Uint32(r[4:]), binary.LittleEndian.Uint16(r[8:]), r[10], r[11])
				}
			}
		}
	}
	if len(golden) != 0 {
		t.Errorf("%d bytes of records left", len(golden))
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
		frame := []uint64{dtLand, uint64(sel), 2, 0x40000, []uint64{dtData, 0x28 | 1, 0x30 | 2, dtUData}[sel&3]}
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
