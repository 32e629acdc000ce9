package x86

import (
	"encoding/binary"
	"testing"

	"goemu/emu/cpumodel"
	"goemu/mmu"
	"goemu/tcg"
)

// SDM vol. 2B, MOV: what loading a segment register checks, by CPL and RPL.
func TestLoadSegment(t *testing.T) {
	ok := -1
	for _, tt := range []struct {
		name   string
		cpl    int
		reg    byte // ModRM of 8E with AX as source
		sel    uint64
		vector int
		code   uint32
	}{
		{"DS data", 0, 0xd8, selData, ok, 0},
		{"DS null", 3, 0xd8, 3, ok, 0},
		{"DS readable code", 0, 0xd8, selCode32, ok, 0},
		{"DS execute-only code", 0, 0xd8, selExec, vecGP, selExec},
		{"DS kernel data from user", 3, 0xd8, selData | 3, vecGP, selData},
		{"DS with RPL above DPL", 0, 0xd8, selData | 3, vecGP, selData},
		{"DS conforming code from user", 3, 0xd8, selConf | 3, ok, 0},
		{"DS absent", 0, 0xd8, selAbsent, vecNP, selAbsent},
		{"DS beyond the table", 0, 0xd8, 0x100, vecGP, 0x100},
		{"DS in an LDT that is not there", 0, 0xd8, 0x0c, vecGP, 0x0c},
		{"DS system segment", 0, 0xd8, selTSS, vecGP, selTSS},
		{"SS null", 0, 0xd0, 0, vecGP, 0},
		{"SS read-only", 0, 0xd0, selRO, vecGP, selRO},
		{"SS code", 0, 0xd0, selCode32, vecGP, selCode32},
		{"SS RPL not CPL", 0, 0xd0, selData | 3, vecGP, selData},
		{"SS DPL not CPL", 0, 0xd0, selUData &^ 3, vecGP, selUData &^ 3},
		{"SS absent", 0, 0xd0, selAbsent, vecSS, selAbsent},
		{"SS user", 3, 0xd0, selUData, ok, 0},
	} {
		m := newMachine(t).protected32(tt.cpl)
		m.ldtr = Segment{}
		m.env.GPR[regAX] = tt.sel
		before := m.seg
		m.exec(0x8e, tt.reg)
		m.wantFault(tt.name, tt.vector, tt.code)
		if tt.vector != ok && m.seg != before {
			t.Errorf("%s: a segment changed", tt.name)
		}
		if tt.vector == ok && tt.sel&^3 != 0 && m.get(gdtAt+tt.sel&^7+5, 1)&1 == 0 {
			t.Errorf("%s: accessed bit not set", tt.name)
		}
	}
}

func TestNullSSIn64Bit(t *testing.T) {
	m := newMachine(t).long(0)
	m.env.GPR[regAX] = 0
	if !m.exec(0x8e, 0xd0) {
		t.Error("null SS at CPL 0 in 64-bit mode faults")
	}
	m.long(3)
	m.env.GPR[regAX] = 3
	m.exec(0x8e, 0xd0)
	m.wantFault("null SS at CPL 3", vecGP, 0)
}

// Accesses through segments: type and limit (SDM vol. 3A 5.3, 5.5).
func TestLinear(t *testing.T) {
	seg := func(limit uint32, attr uint32) Segment {
		return Segment{Selector: 8, Base: 0x10000, Limit: limit, Attr: attr}
	}
	const data = AttrP | AttrS | AttrRW | AttrDB
	for _, tt := range []struct {
		name  string
		seg   tcg.Seg
		s     Segment
		off   uint64
		size  int
		write bool
		want  int
	}{
		{"last byte", tcg.SegDS, seg(0xff, data), 0xff, 1, true, -1},
		{"one beyond", tcg.SegDS, seg(0xff, data), 0xff, 2, true, vecGP},
		{"stack segment faults differ", tcg.SegSS, seg(0xff, data), 0x100, 1, false, vecSS},
		{"write to read-only", tcg.SegDS, seg(0xff, data&^AttrRW), 0, 1, true, vecGP},
		{"read of read-only", tcg.SegDS, seg(0xff, data&^AttrRW), 0, 1, false, -1},
		{"write to code", tcg.SegES, seg(0xff, data|AttrCode), 0, 1, true, vecGP},
		{"read of execute-only", tcg.SegES, seg(0xff, data&^AttrRW|AttrCode), 0, 1, false, vecGP},
		{"null", tcg.SegES, Segment{}, 0, 1, false, vecGP},
		{"expand-down below", tcg.SegDS, seg(0xfff, data|AttrDC), 0xfff, 1, true, vecGP},
		{"expand-down above", tcg.SegDS, seg(0xfff, data|AttrDC), 0x1000, 4, true, -1},
		{"expand-down 32-bit top", tcg.SegDS, seg(0xfff, data|AttrDC), 0xffff_fffc, 4, true, -1},
		{"expand-down 32-bit wrap", tcg.SegDS, seg(0xfff, data|AttrDC), 0xffff_fffd, 4, true, vecGP},
		{"expand-down 16-bit top", tcg.SegDS, seg(0xfff, data&^AttrDB|AttrDC), 0xffff, 2, true, vecGP},
		{"wrap with the largest limit", tcg.SegDS, seg(0xffff_ffff, data), 0xffff_ffff, 2, false, vecGP},
	} {
		m := newMachine(t).protected32(0)
		m.seg[tt.seg] = tt.s
		m.update()
		a, ok := m.Linear(tt.seg, tt.off, tt.size, tt.write)
		v, code := m.fault()
		if ok != (tt.want < 0) || v != tt.want || code != 0 {
			t.Errorf("%s: ok %v exception %d", tt.name, ok, v)
		}
		if want := (0x10000 + tt.off) & 0xffff_ffff; ok && a != want {
			t.Errorf("%s: %#x, want %#x", tt.name, a, want)
		}
		// What generated code may do without asking must be allowed.
		top := m.env.SegRdTop[tt.seg]
		if tt.write {
			top = m.env.SegWrTop[tt.seg]
		}
		if tt.off+uint64(tt.size) <= top && !ok {
			t.Errorf("%s: inside the bound %#x of generated code", tt.name, top)
		}
	}
}

func TestCanonical(t *testing.T) {
	m := newMachine(t).long(0)
	for _, tt := range []struct {
		a    uint64
		size int
		ok   bool
	}{
		{0x7fff_ffff_ffff, 1, true}, {0x7fff_ffff_ffff, 2, false}, {0x8000_0000_0000, 1, false},
		{0xffff_7fff_ffff_ffff, 1, false}, {0xffff_8000_0000_0000, 8, true}, {^uint64(0), 2, true},
	} {
		if ok := m.Canonical(tt.a, tt.size, false); ok != tt.ok {
			t.Errorf("%#x size %d: %v", tt.a, tt.size, ok)
		}
		m.fault()
	}
	m.Canonical(1<<63, 1, true)
	m.wantFault("stack address", vecSS, 0)
	m.Linear(tcg.SegFS, 1<<63, 1, false)
	m.wantFault("FS address", vecGP, 0)
}

// farJump makes JMP FAR ptr16:32.
func farJump(op byte, sel uint16, off uint32) []byte {
	b := binary.LittleEndian.AppendUint32([]byte{op}, off)
	return binary.LittleEndian.AppendUint16(b, sel)
}

func TestFarJumpChecks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cpl    int
		sel    uint16
		vector int
		code   uint32
	}{
		{"same level", 0, selCode32, -1, 0},
		{"null", 0, 0, vecGP, 0},
		{"data", 0, selData, vecGP, selData},
		{"RPL above CPL", 0, selCode32 | 3, vecGP, selCode32},
		{"kernel code from user", 3, selCode32, vecGP, selCode32},
		{"user code from kernel", 0, selUCode32 &^ 3, vecGP, selUCode32 &^ 3},
		{"conforming from user", 3, selConf | 3, -1, 0},
		{"LDT", 0, selLDT, vecGP, selLDT},
		{"beyond the table", 0, 0xfff8, vecGP, 0xfff8},
	} {
		m := newMachine(t).protected32(tt.cpl)
		m.exec(farJump(0xea, tt.sel, 0x4321)...)
		m.wantFault(tt.name, tt.vector, tt.code)
		if tt.vector < 0 && (m.env.RIP != 0x4321 || m.cpl != tt.cpl || int(m.seg[segCS].Selector&3) != tt.cpl) {
			t.Errorf("%s: RIP %#x CPL %d CS %#x", tt.name, m.env.RIP, m.cpl, m.seg[segCS].Selector)
		}
	}
}

func TestCallGateToInnerLevel(t *testing.T) {
	m := newMachine(t).protected32(3)
	// A 32-bit gate, DPL 3, two parameters.
	m.setDesc(selGate, 0x5678|selCode32<<16|2<<32|(AttrP|typeCall32|3<<5)<<40|0x1234<<48)
	m.env.GPR[regSP] = stackAt - 8
	m.put(stackAt-8, 4, 0x11)
	m.put(stackAt-4, 4, 0x22)
	if !m.exec(farJump(0x9a, selGate|3, 0)...) {
		v, c := m.fault()
		t.Fatalf("exception %d %#x", v, c)
	}
	if m.env.RIP != 0x1234_5678 || m.cpl != 0 || m.env.GPR[regSP] != stack0-24 {
		t.Fatalf("RIP %#x CPL %d ESP %#x", m.env.RIP, m.cpl, m.env.GPR[regSP])
	}
	for k, w := range []uint64{codeAt + 7, selUCode32, 0x11, 0x22, stackAt - 8, selUData} {
		if got := m.get(stack0-24+4*uint64(k), 4); got != w {
			t.Errorf("frame[%d] %#x, want %#x", k, got, w)
		}
	}
	// RETF 8 goes back and releases the parameters on both stacks.
	m.seg[segFS] = flat(selData, data32)
	if !m.exec(0xca, 8, 0) || m.env.RIP != codeAt+7 || m.cpl != 3 || m.env.GPR[regSP] != stackAt {
		t.Errorf("RETF: RIP %#x CPL %d ESP %#x", m.env.RIP, m.cpl, m.env.GPR[regSP])
	}
	if !m.seg[segFS].null() || m.seg[segDS].null() {
		t.Error("data segments of the inner level must be dropped, others not")
	}
}

func TestIRETChecks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cpl    int
		frame  []uint64
		vector int
		code   uint32
	}{
		{"same level", 0, []uint64{0x1000, selCode32, 2}, -1, 0},
		{"outer level", 0, []uint64{0x1000, selUCode32, 2, 0x2000, selUData}, -1, 0},
		{"null CS", 0, []uint64{0x1000, 0, 2}, vecGP, 0},
		{"inner level", 3, []uint64{0x1000, selCode32, 2}, vecGP, selCode32},
		{"CS data", 0, []uint64{0x1000, selData, 2}, vecGP, selData},
		{"DPL not RPL", 0, []uint64{0x1000, selCode32 | 3, 2, 0, selUData}, vecGP, selCode32},
		{"outer with null SS", 0, []uint64{0x1000, selUCode32, 2, 0x2000, 0}, vecGP, 0},
		{"SS RPL differs", 0, []uint64{0x1000, selUCode32, 2, 0x2000, selUData &^ 3}, vecGP, selUData &^ 3},
		{"SS DPL differs", 0, []uint64{0x1000, selUCode32, 2, 0x2000, selData | 3}, vecGP, selData},
	} {
		m := newMachine(t).protected32(tt.cpl)
		sp := uint64(stackAt - 4*len(tt.frame))
		for k, v := range tt.frame {
			m.put(sp+4*uint64(k), 4, v)
		}
		m.env.GPR[regSP] = sp
		m.exec(0xcf)
		m.wantFault(tt.name, tt.vector, tt.code)
		if tt.vector < 0 && m.env.RIP != tt.frame[0] || tt.vector >= 0 && m.env.GPR[regSP] != sp {
			t.Errorf("%s: RIP %#x ESP %#x", tt.name, m.env.RIP, m.env.GPR[regSP])
		}
	}
}

// Which flags POPF and IRET change, by CPL and IOPL (SDM vol. 2B tables of POPF).
func TestPOPFPrivilege(t *testing.T) {
	for _, tt := range []struct {
		cpl, iopl int
		want      uint32
	}{
		{0, 0, flagIF | flagIOPL}, {3, 0, 0}, {3, 3, flagIF},
	} {
		m := newMachine(t).protected32(tt.cpl)
		m.SetFlags(uint32(tt.iopl) << 12)
		m.env.GPR[regSP] = stackAt - 4
		m.put(stackAt-4, 4, flagsKnown)
		m.exec(0x9d)
		const always = flagsArith | flagTF | flagDF | flagNT | flagAC | flagID
		want := uint32(tt.iopl)<<12 | tt.want | always | flagFixed
		if m.Flags() != want {
			t.Errorf("CPL %d IOPL %d: %#x, want %#x", tt.cpl, tt.iopl, m.Flags(), want)
		}
	}
}

func TestSyscall(t *testing.T) {
	m := newMachine(t).long(3)
	m.pg.EFER |= eferSCE
	m.msr.star = selUCode32<<48 | selCode32<<32
	m.msr.lstar = 0xffff_ffff_8100_0000
	m.msr.sfmask = flagIF | flagTF
	m.SetFlags(flagIF | flagCF)
	if !m.exec(0x0f, 0x05) {
		t.Fatal("SYSCALL faulted")
	}
	if m.env.RIP != m.msr.lstar || m.cpl != 0 || m.env.GPR[regCX] != codeAt+2 || m.env.GPR[11] != flagFixed|flagIF|flagCF || m.Flags() != flagFixed|flagCF ||
		m.seg[segCS].Selector != selCode32 || m.seg[segSS].Selector != selCode32+8 || m.Mode().CodeBits() != 64 {
		t.Errorf("RIP %#x CPL %d RCX %#x R11 %#x flags %#x CS %#x SS %#x", m.env.RIP, m.cpl, m.env.GPR[regCX], m.env.GPR[11], m.Flags(), m.seg[segCS].Selector, m.seg[segSS].Selector)
	}
	if !m.exec(0x48, 0x0f, 0x07) || m.env.RIP != codeAt+2 || m.cpl != 3 || m.Flags() != flagFixed|flagIF|flagCF ||
		m.seg[segCS].Selector != selUCode64 || m.seg[segSS].Selector != selUData {
		t.Errorf("SYSRET: RIP %#x CPL %d flags %#x CS %#x SS %#x", m.env.RIP, m.cpl, m.Flags(), m.seg[segCS].Selector, m.seg[segSS].Selector)
	}
	m.exec(0x48, 0x0f, 0x07)
	m.wantFault("SYSRET in user mode", vecGP, 0)
	m.pg.EFER &^= eferSCE
	m.exec(0x0f, 0x05)
	m.wantFault("SYSCALL without SCE", vecUD, 0)
}

func TestTaskSwitchByJump(t *testing.T) {
	m := newMachine(t).protected32(0)
	const tss2 = tssAt + 0x100
	m.setDesc(selTSS, desc(tssAt, 0x67, AttrP|typeTSS32Busy))
	m.put(tss2+tss32EIP, 4, 0x7777)
	m.put(tss2+tss32Flags, 4, flagFixed|flagCF)
	m.put(tss2+tss32Regs+4*regBX, 4, 0xb0b0)
	m.put(tss2+tss32Regs+4*regSP, 4, 0x6000)
	for k, sel := range []uint64{selData, selCode32, selData, selData, 0, 0} {
		m.put(tss2+tss32Segs+4*uint64(k), 4, sel)
	}
	m.env.GPR[regBX] = 0x1111
	if !m.exec(farJump(0xea, selTSS2, 0)...) {
		v, c := m.fault()
		t.Fatalf("exception %d %#x", v, c)
	}
	if m.env.RIP != 0x7777 || m.env.GPR[regBX] != 0xb0b0 || m.tr.Selector != selTSS2 || m.Flags() != flagFixed|flagCF || m.pg.CR0&cr0TS == 0 {
		t.Errorf("RIP %#x EBX %#x TR %#x flags %#x", m.env.RIP, m.env.GPR[regBX], m.tr.Selector, m.Flags())
	}
	if m.get(tssAt+tss32EIP, 4) != codeAt+7 || m.get(tssAt+tss32Regs+4*regBX, 4) != 0x1111 {
		t.Errorf("saved EIP %#x EBX %#x", m.get(tssAt+tss32EIP, 4), m.get(tssAt+tss32Regs+4*regBX, 4))
	}
	if m.get(gdtAt+selTSS+5, 1)&2 != 0 || m.get(gdtAt+selTSS2+5, 1)&2 == 0 {
		t.Error("busy flags are wrong")
	}
	// CALL back nests, IRET with NT returns.
	if !m.exec(farJump(0x9a, selTSS, 0)...) || m.Flags()&flagNT == 0 || m.get(tssAt+tssLink, 2) != selTSS2 || m.env.RIP != codeAt+7 {
		t.Fatalf("CALL: RIP %#x flags %#x link %#x", m.env.RIP, m.Flags(), m.get(tssAt+tssLink, 2))
	}
	if !m.exec(0xcf) || m.tr.Selector != selTSS2 || m.env.RIP != 0x7777+7 || m.Flags()&flagNT != 0 {
		t.Errorf("IRET: RIP %#x TR %#x flags %#x", m.env.RIP, m.tr.Selector, m.Flags())
	}
}

// LAR, LSL, VERR and VERW say with ZF what may be used (SDM vol. 2A tables 3-53, 3-54). LAR gives the upper bits of the limit too,
// which the manual leaves undefined.
func TestDescriptorQueries(t *testing.T) {
	m := newMachine(t).protected32(3)
	for _, tt := range []struct {
		name string
		code []byte
		sel  uint64
		zf   bool
		dx   uint64
	}{
		{"LAR user data", []byte{0x0f, 0x02, 0xd0}, selUData, true, 0xcff200},
		{"LAR kernel data", []byte{0x0f, 0x02, 0xd0}, selData, false, 0},
		{"LAR null", []byte{0x0f, 0x02, 0xd0}, 0, false, 0},
		{"LAR conforming", []byte{0x0f, 0x02, 0xd0}, selConf, true, 0xcf9e00},
		{"LSL user data", []byte{0x0f, 0x03, 0xd0}, selUData, true, 0xffff_ffff},
		{"LSL beyond", []byte{0x0f, 0x03, 0xd0}, 0x1f8, false, 0},
		{"VERR user code", []byte{0x0f, 0x00, 0xe0}, selUCode32, true, 0},
		{"VERW user code", []byte{0x0f, 0x00, 0xe8}, selUCode32, false, 0},
		{"VERW user data", []byte{0x0f, 0x00, 0xe8}, selUData, true, 0},
		{"VERR kernel data", []byte{0x0f, 0x00, 0xe0}, selData | 3, false, 0},
	} {
		m.env.GPR[regAX], m.env.GPR[regDX] = tt.sel, 0
		if !m.exec(tt.code...) {
			t.Errorf("%s faulted", tt.name)
		}
		if zf := m.Flags()&flagZF != 0; zf != tt.zf || m.env.GPR[regDX] != tt.dx {
			t.Errorf("%s: ZF %v EDX %#x, want %v %#x", tt.name, zf, m.env.GPR[regDX], tt.zf, tt.dx)
		}
	}
}

// The MMU index follows CPL, CR4.SMAP and EFLAGS.AC.
func TestModeIndex(t *testing.T) {
	for _, tt := range []struct {
		cpl  int
		smap bool
		ac   bool
		want int
	}{
		{0, false, false, mmu.IndexKernelAC}, {0, true, false, mmu.IndexKernel}, {0, true, true, mmu.IndexKernelAC},
		{3, true, false, mmu.IndexUser}, {3, false, true, mmu.IndexUser},
	} {
		m := newMachine(t).long(tt.cpl)
		if tt.smap {
			m.pg.CR4 |= cr4SMAP
		}
		if tt.ac {
			m.SetFlags(flagAC)
		}
		m.update()
		if m.Mode().Index() != tt.want || m.Mode().CPL() != tt.cpl || m.Mode()&tcg.ModeFlat == 0 {
			t.Errorf("CPL %d SMAP %v AC %v: mode %#x index %d, want %d", tt.cpl, tt.smap, tt.ac, m.Mode(), m.Mode().Index(), tt.want)
		}
	}
}

// An IRET to user mode keeps the bases of null FS and GS, which threads use.
func TestIRETKeepsBaseOfNullFS(t *testing.T) {
	m := newMachine(t).long(0)
	m.seg[segFS] = Segment{}
	m.WriteMSR(msrFSBase, 0x7000)
	sp := uint64(stackAt - 40)
	for k, v := range []uint64{0x1000, selUCode64, 2, 0x2000, selUData} {
		m.put(sp+8*uint64(k), 8, v)
	}
	m.env.GPR[regSP] = sp
	if !m.exec(0x48, 0xcf) || m.cpl != 3 || m.env.SegBase[segFS] != 0x7000 {
		t.Errorf("CPL %d, FS base %#x", m.cpl, m.env.SegBase[segFS])
	}
	if !m.seg[segGS].null() {
		t.Error("GS with DPL 0 survives")
	}
}

// Virtual-8086 mode: IRET into it, sensitive instructions, an interrupt out of it (SDM vol. 3B 20.2, 20.3).
func TestVM86(t *testing.T) {
	m := newMachine(t).protected32(0)
	frame := []uint64{0x100, 0x2000, flagVM | flagFixed | flagIF, 0x800, 0x3000, 0x11, 0x22, 0x33, 0x44} // EIP CS EFLAGS ESP SS ES DS FS GS
	sp := uint64(stackAt - 4*len(frame))
	for k, v := range frame {
		m.put(sp+4*uint64(k), 4, v)
	}
	m.env.GPR[regSP] = sp
	if !m.exec(0xcf) {
		t.Fatal("IRET faulted")
	}
	if m.cpl != 3 || m.Mode()&tcg.ModeVM86 == 0 || m.Mode().CodeBits() != 16 || m.seg[segCS].Base != 0x20000 || m.seg[segGS].Base != 0x440 || m.env.GPR[regSP] != 0x800 {
		t.Fatalf("CPL %d mode %#x CS base %#x", m.cpl, m.Mode(), m.seg[segCS].Base)
	}
	for _, op := range []struct {
		name string
		code []byte
	}{{"CLI", []byte{0xfa}}, {"PUSHF", []byte{0x9c}}, {"POPF", []byte{0x9d}}, {"INT 21", []byte{0xcd, 0x21}}, {"IRET", []byte{0xcf}}, {"HLT", []byte{0xf4}}, {"OUT", []byte{0xe6, 0x80}}} {
		m.exec(op.code...)
		m.wantFault(op.name+" with IOPL 0", vecGP, 0)
	}
	m.exec(0x0f, 0x00, 0xc0)
	m.wantFault("SLDT", vecUD, 0)
	m.gate(0x20, selCode32, 0x5000, typeInt32, 0, 0)
	m.Interrupt(0x20)
	if m.cpl != 0 || m.vm86() || m.env.RIP != 0x5000 || !m.seg[segDS].null() || m.env.GPR[regSP] != stack0-36 {
		t.Fatalf("CPL %d RIP %#x ESP %#x", m.cpl, m.env.RIP, m.env.GPR[regSP])
	}
	for k, v := range frame {
		if got := m.get(stack0-36+4*uint64(k), 4); got != v {
			t.Errorf("frame[%d] %#x, want %#x", k, got, v)
		}
	}
	if !m.exec(0xcf) || !m.vm86() || m.seg[segDS].Selector != 0x22 {
		t.Error("IRET does not go back")
	}
}

// onModel makes a machine of a CPU model.
func onModel(t *testing.T, cpu string) *machine {
	t.Helper()
	model, _, err := cpumodel.Parse(cpu, nil)
	if err != nil {
		t.Fatal(err)
	}
	return newMachine(t, func(o *Options) { o.Model = model })
}

// AMD's processors have no SYSENTER in long mode (APM vol. 3), Intel's no SYSCALL outside 64-bit mode (SDM vol. 2B).
func TestSystemCallsByVendor(t *testing.T) {
	for _, tt := range []struct {
		vendor            string
		syscall, sysenter [3]bool // in legacy, compatibility and 64-bit mode
	}{
		{cpumodel.Intel, [3]bool{false, false, true}, [3]bool{true, true, true}},
		{cpumodel.AMD, [3]bool{true, true, true}, [3]bool{true, false, false}},
		{"GenuineGoEmu", [3]bool{true, true, true}, [3]bool{true, true, true}},
	} {
		for k, mode := range []string{"legacy", "compatibility", "64-bit"} {
			for _, insn := range []struct {
				name   string
				opcode byte
				want   bool
			}{{"SYSCALL", 0x05, tt.syscall[k]}, {"SYSRET", 0x07, tt.syscall[k]}, {"SYSENTER", 0x34, tt.sysenter[k]}, {"SYSEXIT", 0x35, tt.sysenter[k]}} {
				m := onModel(t, "max,vendor="+tt.vendor)
				if k == 0 {
					m.protected32(0)
				} else {
					m.long(0)
				}
				m.pg.EFER |= eferSCE
				m.msr.sysenterCS = selCode32
				if k == 1 {
					m.seg[segCS] = flat(selCode32, code32)
					m.update()
				}
				ok := m.exec(0x0f, insn.opcode)
				if ok != insn.want {
					t.Errorf("%s, %s mode: %s runs: %v", tt.vendor, mode, insn.name, ok)
				}
				if !ok {
					m.wantFault(insn.name, vecUD, 0)
				}
			}
		}
	}
}

func TestSysenter(t *testing.T) {
	m := onModel(t, "max,vendor="+cpumodel.Intel).long(3)
	m.exec(0x0f, 0x34)
	m.wantFault("SYSENTER with a null CS", vecGP, 0)
	m.msr.sysenterCS, m.msr.sysenterEIP, m.msr.sysenterESP = selCode32, 0xffff_8000_0000_1000, 0xffff_8000_0000_2000
	m.SetFlags(flagIF | flagZF)
	if !m.exec(0x0f, 0x34) || m.cpl != 0 || m.env.RIP != m.msr.sysenterEIP || m.env.GPR[regSP] != m.msr.sysenterESP || m.Flags() != flagFixed|flagZF || m.Mode().CodeBits() != 64 {
		t.Errorf("CPL %d RIP %#x flags %#x", m.cpl, m.env.RIP, m.Flags())
	}
	m.env.GPR[regDX], m.env.GPR[regCX] = 0x4000, 0x5000
	if !m.exec(0x0f, 0x35) || m.cpl != 3 || m.env.RIP != 0x4000 || m.env.GPR[regSP] != 0x5000 || m.Mode().CodeBits() != 32 || m.seg[segCS].Selector != selCode32+16|3 {
		t.Errorf("SYSEXIT: CPL %d RIP %#x CS %#x", m.cpl, m.env.RIP, m.seg[segCS].Selector)
	}
}
