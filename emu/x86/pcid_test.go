package x86

import (
	"testing"

	"goemu/mmu"
)

// pcidMachine is in long mode with CR4.PCIDE and PGE; readAt reads a byte of dataAt's page, whose mapping tests change.
func pcidMachine(t *testing.T) *machine {
	m := newMachine(t).long(0)
	if !m.writeCR(4, cr4PAE|cr4PGE|cr4PCIDE) {
		t.Fatal("CR4.PCIDE refused")
	}
	for k := range uint64(8) {
		m.put(dataAt+k<<12, 1, k)
	}
	return m
}

// remap maps dataAt to its k-th neighbour.
func (m *machine) remap(k uint64, flags uint64) { m.put(pte(dataAt), 8, (dataAt+k<<12)|3|flags) }

func (m *machine) wantPage(what string, k uint64) {
	m.t.Helper()
	if v, ok := m.ReadMem(dataAt, 1, m.index()); !ok || v != k {
		m.t.Errorf("%s: page %d, ok %v, want %d", what, v, ok, k)
	}
}

// INVPCID of type kind with a descriptor at 0x6000.
func (m *machine) invpcid(kind, pcid, linear uint64) bool {
	m.put(0x6000, 8, pcid)
	m.put(0x6008, 8, linear)
	m.env.GPR[regAX], m.env.GPR[regBX] = kind, 0x6000
	return m.exec(0x66, 0x0f, 0x38, 0x82, 0x03) // INVPCID RAX, [RBX]
}

const noFlush = cr3NoFlush

// What a translation of PCID 0 survives (SDM vol. 3A 4.10.4.1): it is cached, its entry is changed, and then each row happens in
// PCID 1. The TLB keeps what it may keep.
func TestPCIDRetention(t *testing.T) {
	for _, tt := range []struct {
		name    string
		do      func(m *machine) bool
		back    uint64 // bit 63 of the load that returns to PCID 0
		global  bool
		flushed bool
	}{
		{"nothing", func(m *machine) bool { return true }, noFlush, false, false},
		{"return without bit 63", func(m *machine) bool { return true }, 0, false, true},
		{"return without bit 63, global", func(m *machine) bool { return true }, 0, true, false},
		{"INVLPG", func(m *machine) bool { m.FlushPage(dataAt); return true }, noFlush, false, false},
		{"INVLPG, global", func(m *machine) bool { m.FlushPage(dataAt); return true }, noFlush, true, true},
		{"INVPCID 0, PCID 0", func(m *machine) bool { return m.invpcid(0, 0, dataAt) }, noFlush, false, true},
		{"INVPCID 0, PCID 0, other page", func(m *machine) bool { return m.invpcid(0, 0, dataAt+0x1000) }, noFlush, false, false},
		{"INVPCID 0, PCID 1", func(m *machine) bool { return m.invpcid(0, 1, dataAt) }, noFlush, false, false},
		{"INVPCID 1, PCID 0", func(m *machine) bool { return m.invpcid(1, 0, 0) }, noFlush, false, true},
		{"INVPCID 1, PCID 1", func(m *machine) bool { return m.invpcid(1, 1, 0) }, noFlush, false, false},
		{"INVPCID 2", func(m *machine) bool { return m.invpcid(2, 5, 0) }, noFlush, false, true},
		{"INVPCID 2, global", func(m *machine) bool { return m.invpcid(2, 5, 0) }, noFlush, true, true},
		{"INVPCID 3", func(m *machine) bool { return m.invpcid(3, 5, 0) }, noFlush, false, true},
		{"INVPCID 3, global", func(m *machine) bool { return m.invpcid(3, 5, 0) }, noFlush, true, false},
		{"CR4.PGE", func(m *machine) bool { return m.writeCR(4, cr4PAE|cr4PCIDE) }, noFlush, false, true},
		{"CR4.PGE, global", func(m *machine) bool { return m.writeCR(4, cr4PAE|cr4PCIDE) }, noFlush, true, true},
		{"other table, same PCID", func(m *machine) bool { return m.writeCR(3, tablesAt+0x8000|1|noFlush) }, noFlush, false, false},
	} {
		m := pcidMachine(t)
		flags := uint64(0)
		if tt.global {
			flags = mmu.PTEGlobal
		}
		m.remap(1, flags)
		m.wantPage(tt.name+": at first", 1)
		m.remap(2, flags)
		m.wantPage(tt.name+": stale", 1)
		if !m.writeCR(3, tablesAt|1|noFlush) || m.pg.CR3 != tablesAt|1 {
			t.Fatalf("%s: CR3 %#x", tt.name, m.pg.CR3)
		}
		if !tt.do(m) {
			v, code := m.fault()
			t.Fatalf("%s: exception %d code %#x", tt.name, v, code)
		}
		if !m.writeCR(3, tablesAt|tt.back) {
			t.Fatalf("%s: CR3 refused", tt.name)
		}
		want := uint64(1)
		if tt.flushed {
			want = 2
		}
		m.wantPage(tt.name, want)
	}
}

// A PCID's translations are not those of another.
func TestPCIDSeparates(t *testing.T) {
	m := pcidMachine(t)
	m.remap(1, 0)
	m.wantPage("PCID 0", 1)
	m.remap(2, 0)
	for k := range uint64(40) { // more than are remembered
		m.writeCR(3, tablesAt|(k+1)|noFlush)
		m.wantPage("a new PCID", 2)
	}
	m.writeCR(3, tablesAt|noFlush)
	m.wantPage("PCID 0, put away long ago", 2)
}

// A page that gets translated code while its write translation is put away is not written to directly.
func TestPCIDCodePage(t *testing.T) {
	m := pcidMachine(t)
	if !m.Fill(dataAt, true, m.index()) {
		t.Fatal("Fill")
	}
	m.writeCR(3, tablesAt|1|noFlush)
	m.space.MarkCode(dataAt)
	m.DropWrite(dataAt)
	m.writeCR(3, tablesAt|noFlush)
	if m.env.TLB.Write[m.index()][mmu.TLBIndex(dataAt)].Page == dataAt {
		t.Error("the write entry came back")
	}
}

// SDM vol. 2A, INVPCID: what is #GP(0).
func TestINVPCIDChecks(t *testing.T) {
	for _, tt := range []struct {
		name               string
		kind, pcid, linear uint64
		pcide, ok          bool
	}{
		{"type 4", 4, 0, 0, true, false},
		{"type 1<<32", 1 << 32, 0, 0, true, false},
		{"reserved bit 12", 1, 1 << 12, 0, true, false},
		{"reserved bit 63", 2, 1 << 63, 0, true, false},
		{"not canonical", 0, 0, 1 << 47, true, false},
		{"not canonical, type 1", 1, 0, 1 << 47, true, true},
		{"PCID 1 without PCIDE, type 0", 0, 1, 0, false, false},
		{"PCID 1 without PCIDE, type 1", 1, 1, 0, false, false},
		{"PCID 1 without PCIDE, type 2", 2, 1, 0, false, true},
		{"PCID 0 without PCIDE", 0, 0, 0, false, true},
	} {
		m := newMachine(t).long(0)
		if tt.pcide {
			m.writeCR(4, cr4PAE|cr4PCIDE)
		}
		if ok := m.invpcid(tt.kind, tt.pcid, tt.linear); ok != tt.ok {
			t.Errorf("%s: %v", tt.name, ok)
		}
		if !tt.ok {
			m.wantFault(tt.name, vecGP, 0)
		}
	}
	m := newMachine(t).long(3)
	m.invpcid(2, 0, 0)
	m.wantFault("CPL 3", vecGP, 0)
}

// SDM vol. 3A 4.10.1: when CR4.PCIDE can be set, and what it holds.
func TestPCIDEChecks(t *testing.T) {
	m := newMachine(t).long(0)
	m.writeCR(3, tablesAt|8)
	if m.writeCR(4, cr4PAE|cr4PCIDE) {
		t.Error("PCIDE is set while CR3[11:0] is not 0")
	}
	m.fault()
	m = newMachine(t).long(0)
	m.writeCR(4, cr4PAE|cr4PCIDE)
	m.seg[segCS] = flat(selCode32, code32)
	m.update()
	if m.writeCR(0, cr0PE) {
		t.Error("paging is turned off with PCIDE")
	}
	m.wantFault("PG off with PCIDE", vecGP, 0)
}

// Protection keys: RDPKRU and WRPKRU, and that translations made under wider rights go.
func TestPKRU(t *testing.T) {
	m := newMachine(t).long(3)
	m.valid.cr4 |= cr4PKE
	m.exec(0x0f, 0x01, 0xee)
	m.wantFault("RDPKRU without PKE", vecUD, 0)
	m.cpl = 0
	if !m.writeCR(4, cr4PAE|cr4PKE) {
		t.Fatal("CR4.PKE refused")
	}
	m.cpl = 3
	m.update()
	g := &m.env.GPR
	g[regCX] = 1
	m.exec(0x0f, 0x01, 0xee)
	m.wantFault("RDPKRU with ECX", vecGP, 0)
	g[regCX], g[regDX] = 0, 1
	m.exec(0x0f, 0x01, 0xef)
	m.wantFault("WRPKRU with EDX", vecGP, 0)

	m.put(pte(dataAt), 8, dataAt|7|3<<59)
	access := func(write bool) bool {
		if write {
			return m.WriteMem(dataAt, 1, 0, m.index())
		}
		_, ok := m.ReadMem(dataAt, 1, m.index())
		return ok
	}
	for _, tt := range []struct {
		pkru        uint64
		read, write bool
	}{
		{0, true, true}, {2 << 6, true, false}, {0, true, true}, {1 << 6, false, false}, {^uint64(3<<6) & 0xffff_ffff, true, true}, {3 << 6, false, false},
	} {
		g[regAX], g[regCX], g[regDX] = tt.pkru, 0, 0
		if !m.exec(0x0f, 0x01, 0xef) {
			t.Fatalf("WRPKRU %#x", tt.pkru)
		}
		for _, write := range []bool{false, true} {
			want, code := tt.read, uint32(mmu.FaultPresent|mmu.FaultUser|mmu.FaultKey)
			if write {
				want, code = tt.write, code|mmu.FaultWrite
			}
			if ok := access(write); ok != want {
				t.Errorf("PKRU %#x write %v: %v", tt.pkru, write, ok)
			} else if !ok {
				m.wantFault("key", vecPF, code)
			}
		}
	}
	m.exec(0x0f, 0x01, 0xee)
	if g[regAX] != 3<<6 || g[regDX] != 0 {
		t.Errorf("RDPKRU: %#x %#x", g[regDX], g[regAX])
	}
}

// CR4.UMIP (SDM vol. 3A 2.5).
func TestUMIP(t *testing.T) {
	for _, code := range [][]byte{{0x0f, 0x01, 0x03}, {0x0f, 0x01, 0x0b}, {0x0f, 0x00, 0xc0}, {0x0f, 0x00, 0xc8}, {0x0f, 0x01, 0xe0}} {
		for _, cpl := range []int{0, 3} {
			m := newMachine(t).long(cpl)
			m.env.GPR[regBX] = dataAt
			if !m.exec(code...) {
				t.Errorf("% x at CPL %d without UMIP", code, cpl)
			}
			m.pg.CR4 |= cr4UMIP
			if ok := m.exec(code...); ok != (cpl == 0) {
				t.Errorf("% x at CPL %d: %v", code, cpl, ok)
			}
			if cpl == 3 {
				m.wantFault("UMIP", vecGP, 0)
			}
		}
	}
}

// Linear addresses of 57 bits: what is canonical for accesses depends on CR4.LA57, for bases it does not.
func TestLA57Canonical(t *testing.T) {
	m := newMachine(t).long(0)
	m.valid.cr4 |= cr4LA57
	if m.writeCR(4, cr4PAE|cr4LA57) {
		t.Error("LA57 changes in long mode")
	}
	m.fault()
	const a48, a57 = 1 << 47, 1 << 56
	for _, la57 := range []bool{false, true} {
		if la57 {
			m.pg.CR4 |= cr4LA57
			m.update()
		}
		if m.canonical(a48) != la57 || m.canonical(a57) || !m.canonical(^uint64(a48-1)) || m.canonical(^uint64(a57-1)) != la57 {
			t.Errorf("LA57 %v: canonical", la57)
		}
		if !m.WriteMSR(msrGSBase, a48) || m.WriteMSR(msrGSBase, a57) {
			t.Errorf("LA57 %v: GS base", la57)
		}
	}
	if newMachine(t).WriteMSR(msrGSBase, a48) {
		t.Error("57-bit base without LA57")
	}
}

// Rules of MTRRs and machine-check registers (SDM vol. 3A 12.11.2, 3B 16.3).
func TestMemoryTypeAndMachineCheckMSRs(t *testing.T) {
	m := newMachine(t)
	for _, tt := range []struct {
		name string
		n    uint32
		v    uint64
		ok   bool
	}{
		{"MTRRcap", msrMTRRCap, 0, false},
		{"default type WB, enabled", msrMTRRDefType, 0xc06, true},
		{"default type 2", msrMTRRDefType, 0x802, false},
		{"default type UC-", msrMTRRDefType, 0x807, false},
		{"default type, reserved bit", msrMTRRDefType, 0x1006, false},
		{"fixed, all WB", msrMTRRFix64K, 0x0606_0606_0606_0606, true},
		{"fixed, one of type 3", msrMTRRFix4K + 7, 0x0606_0603_0606_0606, false},
		{"base", msrMTRRPhys, 0xc000_0006, true},
		{"base of type 7", msrMTRRPhys, 0xc000_0007, false},
		{"base, bit 8", msrMTRRPhys, 0xc000_0106, false},
		{"base above MAXPHYADDR", msrMTRRPhys, 1<<40 | 6, false},
		{"mask", msrMTRRPhys + 1, 0xff_c000_0800, true},
		{"mask, bit 10", msrMTRRPhys + 1, 0x400, false},
		{"beyond the variable ranges", msrMTRRPhys + 2*mtrrVariable, 0, false},
		{"PAT", msrPAT, 0x0706_0504_0100_0706, true},
		{"PAT of type 2", msrPAT, 2, false},
		{"MCG_STATUS", msrMCGStatus, 7, true},
		{"MCG_STATUS bit 3", msrMCGStatus, 8, false},
		{"MCG_CAP", msrMCGCap, 0, false},
		{"MC0_CTL", msrMCBank, ^uint64(0), true},
		{"MC0_STATUS 0", msrMCBank + 1, 0, true},
		{"MC0_STATUS 1", msrMCBank + 1, 1, false},
		{"MC0_ADDR 1", msrMCBank + 2, 1, false},
		{"beyond the banks", msrMCBank + 4*mcBanks, 0, false},
	} {
		if ok := m.WriteMSR(tt.n, tt.v); ok != tt.ok {
			t.Errorf("%s: %v", tt.name, ok)
		}
	}
}
