package x86

import (
	"strings"
	"testing"

	"goemu/mmu"
)

// SDM vol. 3A 2.5 and 10.8.5: what MOV CR0 and MOV CR4 refuse.
func TestControlRegisterChecks(t *testing.T) {
	for _, tt := range []struct {
		name string
		long bool
		n    byte
		v    uint64
		ok   bool
	}{
		{"PG without PE", false, 0, cr0PG, false},
		{"NW without CD", false, 0, cr0PE | cr0NW, false},
		{"NW with CD", false, 0, cr0PE | cr0NW | cr0CD, true},
		{"upper half", true, 0, 1<<32 | cr0PE | cr0PG, false},
		{"PG off in 64-bit mode", true, 0, cr0PE, false},
		{"CR3 above MAXPHYADDR", true, 3, 1 << 40, false},
		{"CR3", true, 3, tablesAt, true},
		{"CR4 reserved", false, 4, 1 << 15, false},
		{"PCIDE outside long mode", false, 4, cr4PCIDE, false},
		{"PCIDE", true, 4, cr4PAE | cr4PCIDE, true},
		{"LA57 where the processor lacks it", false, 4, cr4LA57, false},
		{"CR3 bit 63 without PCIDE", true, 3, tablesAt | 1<<63, false},
		{"CR4 VME and PVI", false, 4, cr4VME | cr4PVI, true},
		{"CR4 known", false, 4, cr4TSD | cr4DE | cr4PSE | cr4PAE | cr4MCE | cr4PGE | cr4PCE | cr4UMIP | cr4OSXSAVE | cr4SMEP | cr4SMAP, true},
		{"PAE off in long mode", true, 4, 0, false},
		{"CR8 above 15", true, 8, 16, false},
		{"CR8", true, 8, 15, true},
	} {
		m := newMachine(t).protected32(0)
		if tt.long {
			m.long(0)
		}
		before := m.pg
		if ok := m.writeCR(int(tt.n), tt.v); ok != tt.ok {
			t.Errorf("%s: %v", tt.name, ok)
		}
		if !tt.ok {
			m.wantFault(tt.name, vecGP, 0)
			if m.pg != before {
				t.Errorf("%s: state changed", tt.name)
			}
		}
	}
	m := newMachine(t).protected32(3)
	m.exec(0x0f, 0x20, 0xc0)
	m.wantFault("MOV from CR0 at CPL 3", vecGP, 0)
}

// The way into long mode and out (SDM vol. 3A 10.8.5).
func TestLongModeActivation(t *testing.T) {
	m := newMachine(t).protected32(0)
	m.long(0) // for its page tables
	m.protected32(0)
	m.tables(true)
	if !m.WriteMSR(msrEFER, eferLME|eferSCE) || m.pg.EFER&eferLMA != 0 {
		t.Fatalf("EFER %#x", m.pg.EFER)
	}
	m.pg.CR3 = tablesAt
	if m.writeCR(0, cr0PE|cr0PG) {
		t.Error("PG with LME and without PAE is taken")
	}
	m.fault()
	m.writeCR(4, cr4PAE)
	if !m.writeCR(0, cr0PE|cr0PG) || m.pg.EFER&eferLMA == 0 || m.Mode().CodeBits() != 32 {
		t.Fatalf("EFER %#x, %d-bit code", m.pg.EFER, m.Mode().CodeBits())
	}
	if m.WriteMSR(msrEFER, 0) {
		t.Error("LME changes while PG is set")
	}
	if !m.exec(farJump(0xea, selCode64, 0x4000)...) || m.Mode().CodeBits() != 64 {
		t.Fatalf("%d-bit code", m.Mode().CodeBits())
	}
	if m.WriteMSR(msrEFER, eferLME|1<<20) {
		t.Error("reserved bit of EFER is taken")
	}
	// Back by way of compatibility mode.
	m.env.GPR[regSP] = stackAt - 16
	m.put(stackAt-16, 8, 0x5000|selCode32<<32)
	m.exec(0xcb)
	if m.Mode().CodeBits() != 32 || !m.writeCR(0, cr0PE) || m.pg.EFER&eferLMA != 0 {
		t.Errorf("%d-bit code, EFER %#x", m.Mode().CodeBits(), m.pg.EFER)
	}
}

func TestRealModeEntersProtected(t *testing.T) {
	m := newMachine(t)
	m.tables(false)
	if m.FetchAt() != 0xffff_fff0 {
		t.Errorf("first instruction at %#x", m.FetchAt())
	}
	m.real16()
	m.gdtr = Table{gdtAt, gdtLimit}
	m.env.GPR[regAX] = cr0PE
	m.exec(0x0f, 0x22, 0xc0) // MOV CR0, EAX
	if m.Mode().CodeBits() != 16 || !m.protected() {
		t.Fatal("not in 16-bit protected mode")
	}
	m.exec(0x66, 0xea, 0x00, 0x10, 0x00, 0x00, selCode32, 0)
	if m.Mode().CodeBits() != 32 || m.env.RIP != 0x1000 {
		t.Errorf("%d-bit code at %#x", m.Mode().CodeBits(), m.env.RIP)
	}
}

// FetchAt is the linear address of the next instruction.
func (m *machine) FetchAt() uint64 { return (m.CSBase() + m.env.RIP) & 0xffff_ffff }

// Segments loaded in protected mode keep their limits in real mode.
func TestUnrealMode(t *testing.T) {
	m := newMachine(t).protected32(0)
	m.writeCR(0, 0)
	m.env.GPR[regAX] = 0x10
	m.exec(0x8e, 0xd8)
	if a, ok := m.Linear(segDS, 0x10_0000, 4, true); !ok || a != 0x10_0100 {
		t.Errorf("ok %v, linear %#x", ok, a)
	}
}

func TestDebugRegisters(t *testing.T) {
	m := newMachine(t).long(0)
	m.env.GPR[regAX] = 0xffff_ffff
	m.exec(0x0f, 0x23, 0xf8) // DR7
	if m.dr[7] != 0xffff_2fff|dr7Fixed {
		t.Errorf("DR7 %#x", m.dr[7])
	}
	m.exec(0x0f, 0x21, 0xc0) // general detect
	m.wantFault("MOV from DR0 with GD", vecDB, 0)
	if m.dr[6]&dr6BD == 0 {
		t.Error("BD is clear")
	}
	m.dr[7] = dr7Fixed
	m.env.GPR[regAX] = 1 << 32
	m.exec(0x0f, 0x23, 0xf0)
	m.wantFault("DR6 upper half", vecGP, 0)
	m.env.GPR[regAX] = 0
	m.exec(0x0f, 0x23, 0xe0) // DR4 is DR6
	if m.dr[6] != dr6Fixed {
		t.Errorf("DR6 %#x", m.dr[6])
	}
	m.pg.CR4 |= cr4DE
	m.exec(0x0f, 0x23, 0xe0)
	m.wantFault("DR4 with DE", vecUD, 0)
}

func TestMSRs(t *testing.T) {
	m := newMachine(t).long(0)
	for _, tt := range []struct {
		name string
		n    uint32
		v    uint64
		ok   bool
	}{
		{"LSTAR", msrLSTAR, 0xffff_8000_0000_0000, true}, {"LSTAR not canonical", msrLSTAR, 1 << 63, false},
		{"FS base", msrFSBase, 0x1234, true}, {"PAT", msrPAT, 0x0007_0406_0007_0406, true}, {"PAT reserved type", msrPAT, 2, false},
		{"MTRR base", msrMTRRPhys, 6, true}, {"MTRR mask above MAXPHYADDR", msrMTRRPhys + 1, 1<<40 | 0x800, false},
		{"fixed MTRR", msrMTRRFix4K + 7, 0x0606_0606_0606_0606, true}, {"fixed MTRR bad type", msrMTRRFix64K, 3, false},
		{"unknown", 0x1234, 0, false}, {"read-only", msrMTRRCap, 0, false}, {"TSC_AUX upper half", msrTSCAux, 1 << 32, false},
		{"kernel GS base", msrKernelGSBase, 0x5678, true},
	} {
		m.env.GPR[regCX] = uint64(tt.n)
		m.setEDXEAX(tt.v)
		ok := m.exec(0x0f, 0x30)
		if ok != tt.ok {
			t.Errorf("%s: %v", tt.name, ok)
		}
		if v, c := m.fault(); !tt.ok && (v != vecGP || c != 0) {
			t.Errorf("%s: exception %d", tt.name, v)
		}
		if tt.ok {
			m.setEDXEAX(0)
			if !m.exec(0x0f, 0x32) || m.edxeax() != tt.v {
				t.Errorf("%s: reads %#x", tt.name, m.edxeax())
			}
		}
	}
	if m.env.SegBase[segFS] != 0x1234 {
		t.Errorf("FS base of generated code %#x", m.env.SegBase[segFS])
	}
	m.exec(0x0f, 0x01, 0xf8) // SWAPGS
	if m.env.SegBase[segGS] != 0x5678 || m.env.KernelGS != 0 {
		t.Errorf("SWAPGS: %#x %#x", m.env.SegBase[segGS], m.env.KernelGS)
	}
	m.bus.tsc = 1000
	m.WriteMSR(msrTSC, 5)
	m.bus.tsc = 1010
	if m.exec(0x0f, 0x31); m.edxeax() != 15 {
		t.Errorf("TSC %d", m.edxeax())
	}
	// IA32_TSC_ADJUST has what the guest has added, and nothing of what an engine does.
	m.SetTSC(5000)
	if v, _ := m.ReadMSR(msrTSCAdjust); int64(v) != -995 || m.TSC() != 5000 {
		t.Errorf("TSC_ADJUST %d, TSC %d", int64(v), m.TSC())
	}
	if m.WriteMSR(msrTSCAdjust, 5); m.TSC() != 6000 {
		t.Errorf("TSC %d", m.TSC())
	}
	m.long(3)
	m.exec(0x0f, 0x32)
	m.wantFault("RDMSR at CPL 3", vecGP, 0)
}

func TestCPUID(t *testing.T) {
	m := newMachine(t).long(0)
	_, b, c, d := m.CPUID(0, 0)
	if b != 0x68747541 || d != 0x69746e65 || c != 0x444d4163 { // AuthenticAMD
		t.Errorf("vendor %x %x %x", b, d, c)
	}
	if _, _, c, _ := m.CPUID(1, 0); c>>27&1 != 0 {
		t.Error("OSXSAVE without CR4.OSXSAVE")
	}
	m.writeCR(4, cr4PAE|cr4OSXSAVE)
	if _, _, c, _ := m.CPUID(1, 0); c>>27&1 == 0 {
		t.Error("no OSXSAVE with CR4.OSXSAVE")
	}
	if _, b, c, d := m.CPUID(0x4000_0000, 0); b != 0x6d456f47 || c != 0x456f4775 || d != 0x2020756d {
		t.Errorf("hypervisor %x %x %x", b, c, d)
	}
	if a, _, _, _ := m.CPUID(1, 0); a != uint32(m.model.Signature()) || a != 0x00060fb1 {
		t.Errorf("signature %#x", a)
	}
	// Leaves between and beyond the ranges are empty.
	for _, leaf := range []uint32{2, 0x17, 0x3fff_ffff, 0x8000_0009, 0xffff_ffff} {
		if a, b, c, d := m.CPUID(leaf, 0); a|b|c|d != 0 {
			t.Errorf("leaf %#x: %x %x %x %x", leaf, a, b, c, d)
		}
	}
}

// Large pages and INVLPG: one address drops all of the page, and nothing else (SDM vol. 3A 4.10.4.1).
func TestFlushes(t *testing.T) {
	m := newMachine(t).long(0)
	// 0x200000 to 0x3fffff is one 2 MiB page, global.
	m.put(tablesAt+0x2000+8, 8, 0x20_0000|0x1e7)
	m.writeCR(4, cr4PAE|cr4PGE)
	idx := m.index()
	read := func(a uint64) bool { return m.env.TLB.Read[idx][mmu.TLBIndex(a)].Page == a&^mmu.PageMask }
	fill := func() {
		for _, a := range []uint64{0x20_0000, 0x3f_f000, dataAt, dataAt + 0x1000} {
			if !m.Fill(a, false, idx) || !read(a) {
				t.Fatalf("Fill(%#x)", a)
			}
		}
	}
	fill()
	m.FlushPage(dataAt + 5)
	if read(dataAt) || !read(dataAt+0x1000) || !read(0x20_0000) {
		t.Error("INVLPG of a 4 KiB page")
	}
	fill()
	m.FlushPage(0x30_0000)
	if read(0x20_0000) || read(0x3f_f000) || !read(dataAt) {
		t.Error("INVLPG of a 2 MiB page")
	}
	fill()
	m.writeCR(3, tablesAt)
	if !read(0x20_0000) || read(dataAt) {
		t.Error("MOV CR3 must keep global pages and drop others")
	}
	fill()
	m.writeCR(4, cr4PAE)
	if read(0x20_0000) || read(dataAt) || len(m.tlb.local)+len(m.tlb.global) != 0 {
		t.Error("a change of CR4.PGE must drop everything")
	}
	// A write entry needs the dirty bit and a page without code.
	if !m.Fill(dataAt, true, idx) || m.get(pte(dataAt), 8)&mmu.PTEDirty == 0 {
		t.Error("Fill for writing does not set D")
	}
	m.space.MarkCode(dataAt)
	m.DropWrite(dataAt)
	if m.env.TLB.Write[idx][mmu.TLBIndex(dataAt)].Page == dataAt {
		t.Error("DropWrite left the entry")
	}
	if m.Fill(dataAt, true, idx) {
		t.Error("a page with code got a write entry")
	}
	var told uint64
	m.space.OnCodeWrite = func(phys uint64, n int) { told = phys }
	if !m.WriteMem(dataAt+8, 4, 1, idx) || told != dataAt+8 {
		t.Errorf("OnCodeWrite got %#x", told)
	}
}

func TestFetchPhys(t *testing.T) {
	m := newMachine(t).long(3)
	m.pg.EFER |= eferNXE
	m.put(pte(dataAt), 8, dataAt|7|mmu.PTENX)
	if p, ok := m.FetchPhys(codeAt + 3); !ok || p != codeAt+3 {
		t.Errorf("ok %v physical %#x", ok, p)
	}
	m.FetchPhys(dataAt)
	m.wantFault("fetch from NX", vecPF, mmu.FaultPresent|mmu.FaultUser|mmu.FaultFetch)
	m.FetchPhys(1 << 47)
	m.wantFault("not canonical", vecGP, 0)
	m.long(0)
	m.pg.CR4 |= mmu.CR4SMEP
	m.FlushTLB(true)
	m.FetchPhys(codeAt)
	m.wantFault("SMEP", vecPF, mmu.FaultPresent|mmu.FaultFetch)
	m.protected32(0)
	m.seg[segCS].Limit = 0xfff
	m.FetchPhys(0x1000)
	m.wantFault("beyond CS", vecGP, 0)
}

// Splits: a write over a page boundary changes nothing unless both pages can be written.
func TestSplitWrite(t *testing.T) {
	m := newMachine(t).long(3)
	edge := uint64(dataAt + 0x1000)
	m.put(pte(edge), 8, edge|5) // read-only
	m.put(edge-4, 8, 0x1111_1111_1111_1111)
	if m.WriteMem(edge-4, 8, ^uint64(0), m.index()) {
		t.Error("written")
	}
	m.wantFault("second page read-only", vecPF, mmu.FaultPresent|mmu.FaultWrite|mmu.FaultUser)
	if m.CR2() != edge || m.get(edge-4, 8) != 0x1111_1111_1111_1111 {
		t.Errorf("CR2 %#x memory %#x", m.CR2(), m.get(edge-4, 8))
	}
	if v, ok := m.ReadMem(edge-3, 8, m.index()); !ok || v&0xff_ffff_ffff != 0x11_1111_1111 {
		t.Errorf("read %#x", v)
	}
	if m.WriteBytes(edge-8, make([]byte, 16), m.index()) {
		t.Error("WriteBytes wrote")
	}
}

func TestUndefinedIsCounted(t *testing.T) {
	m := newMachine(t).long(0)
	m.exec(0x0f, 0x01, 0xc1) // VMCALL: known to be refused
	m.wantFault("VMCALL", vecUD, 0)
	if len(m.Unimplemented) != 0 {
		t.Errorf("counted %v", m.Unimplemented)
	}
	m.exec(0x0f, 0x01, 0xdd) // CLGI
	m.wantFault("CLGI", vecUD, 0)
	if len(m.Unimplemented) != 1 {
		t.Errorf("counted %v", m.Unimplemented)
	}
}

func TestDumps(t *testing.T) {
	m := newMachine(t).long(0)
	m.raise(vecUD, 0)
	m.gate(vecUD, selCode64, 0x1000, typeInt32, 0, 0)
	m.Deliver()
	var b strings.Builder
	m.DumpState(&b)
	m.DumpHistory(&b)
	m.DumpWalk(&b, codeAt)
	for _, want := range []string{"RIP=0000000000001000", "CS64", "CR3=0000000000010000", "#UD", "4-level"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
