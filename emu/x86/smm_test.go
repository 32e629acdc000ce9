package x86

import (
	"testing"

	"goemu/decoder"
	"goemu/emu/cpumodel"
	"goemu/tcg"
)

// smi makes the CPU enter the handler.
func (m *machine) smi() {
	m.t.Helper()
	m.RequestSMI()
	m.TakeRequests()
	if !m.SMIWaiting() || !m.SMI() || !m.InSMM() {
		m.t.Fatal("the SMI is not taken")
	}
}

// rsm runs RSM and reports whether it came through.
func (m *machine) rsm() bool {
	return m.Sys(&tcg.SysInst{Inst: decoder.Inst{Op: decoder.RSM, Len: 2}, RIP: m.env.RIP})
}

func withModel(t *testing.T, name string) func(*Options) {
	t.Helper()
	model, _, ok := cpumodel.New(name)
	if !ok {
		t.Fatalf("no model %s", name)
	}
	return func(o *Options) { o.Model = model }
}

// The layout of 32-bit processors (SDM vol. 3C table 31-1).
func TestSaveArea32(t *testing.T) {
	m := newMachine(t, withModel(t, "pentium3")).protected32(3)
	m.env.GPR = [16]uint64{0xa0, 0xc1, 0xd2, 0xb3, 0x54, 0xb5, 0x56, 0xd7}
	m.env.RIP = 0x12345
	m.SetFlags(flagIF | flagCF)
	m.dr[6], m.dr[7] = dr6Fixed|1, 0x700
	m.pg.CR4 = cr4DE
	before := m.seg
	cr0 := m.pg.CR0
	m.smi()
	at := func(off uint64) uint64 { return m.get(0x38000+off, 4) }
	for _, f := range []struct {
		name      string
		off, want uint64
	}{
		{"CR0", 0x7ffc, cr0}, {"CR3", 0x7ff8, 0}, {"EFLAGS", 0x7ff4, flagIF | flagCF | flagFixed}, {"EIP", 0x7ff0, 0x12345},
		{"EDI", 0x7fec, 0xd7}, {"ESI", 0x7fe8, 0x56}, {"EBP", 0x7fe4, 0xb5}, {"ESP", 0x7fe0, 0x54},
		{"EBX", 0x7fdc, 0xb3}, {"EDX", 0x7fd8, 0xd2}, {"ECX", 0x7fd4, 0xc1}, {"EAX", 0x7fd0, 0xa0},
		{"DR6", 0x7fcc, dr6Fixed | 1}, {"DR7", 0x7fc8, 0x700}, {"TR", 0x7fc4, selTSS}, {"LDTR", 0x7fc0, 0},
		{"GS", 0x7fbc, uint64(before[segGS].Selector)}, {"FS", 0x7fb8, uint64(before[segFS].Selector)}, {"DS", 0x7fb4, selUData},
		{"SS", 0x7fb0, selUData}, {"CS", 0x7fac, selUCode32}, {"ES", 0x7fa8, selUData},
		{"auto-halt and I/O restart", 0x7f00, 0}, {"revision", 0x7efc, 0x20000}, {"SMBASE", 0x7ef8, 0x30000},
	} {
		if got := at(f.off); got != f.want {
			t.Errorf("%s is %#x, want %#x", f.name, got, f.want)
		}
	}
	if m.CPL() != 0 || m.protected() || m.env.RIP != 0x8000 || m.CSBase() != 0x30000 || m.pg.CR4 != 0 || m.dr[7] != dr7Fixed {
		t.Error("the handler begins in a wrong state")
	}
	m.put(0x38000+0x7ef8, 4, 0x12345) // any address: no 32-KiB boundary since the P6
	if !m.rsm() {
		t.Fatal("RSM fails")
	}
	if m.seg != before || m.CPL() != 3 || m.env.RIP != 0x12345 || m.Flags() != flagIF|flagCF|flagFixed || m.pg.CR4 != cr4DE || m.pg.CR0 != cr0 {
		t.Error("RSM does not restore the state")
	}
	m.smi()
	if m.SMBASE() != 0x12345 || m.CSBase() != 0x12345 || m.seg[segCS].Selector != 0x1234 || m.get(0x12345+0xfefc, 4) != 0x20000 {
		t.Error("SMBASE has not moved")
	}
}

// States that RSM does not restore: the processor shuts down.
func TestRSMShutdown(t *testing.T) {
	const cr0, cr4, efer, cr3, smbase = 0xff58, 0xff48, 0xfed0, 0xff50, 0xff00
	for _, c := range []struct {
		name     string
		off, set uint64
		ok       bool
	}{
		{"as saved", cr0, cr0PE | cr0ET, true},
		{"PG without PE", cr0, cr0PG, false},
		{"NW without CD", cr0, cr0PE | cr0NW, false},
		{"NW with CD", cr0, cr0PE | cr0NW | cr0CD, true},
		{"high half of CR0", cr0, 1<<32 | cr0PE, false},
		{"reserved bit of CR4", cr4, 1 << 15, false},
		{"PCIDE outside long mode", cr4, cr4PCIDE, false},
		{"reserved bit of EFER", efer, 1 << 1, false},
		{"PAE off in long mode", efer, eferLME, true},
		{"CR3 beyond memory, not in long mode", cr3, 1 << 50, true},
		{"SMBASE", smbase, 0x12300, true},
	} {
		m := newMachine(t).protected32(0)
		m.smi()
		m.put(0x30000+c.off, 8, c.set)
		if ok := m.rsm(); ok != c.ok || (m.State() == Shutdown) == c.ok {
			t.Errorf("%s: RSM %v, state %v", c.name, ok, m.State())
		}
	}
	m := newMachine(t).long(0)
	m.smi()
	m.put(0x30000+cr4, 8, 0)
	if m.rsm() || m.State() != Shutdown {
		t.Error("long mode without PAE is restored")
	}
	m = newMachine(t, withModel(t, "pentium")).protected32(0)
	m.smi()
	m.put(0x30000+0xfef8, 4, 0x34000)
	if m.rsm() || m.State() != Shutdown {
		t.Error("Pentium: SMBASE not at a 32-KiB boundary is restored")
	}
}

func TestRSMOutside(t *testing.T) {
	m := newMachine(t).protected32(0)
	if m.rsm() || m.pend.vector != vecUD {
		t.Error("no #UD")
	}
}

// In system management mode SMI, NMI and INIT wait, the first two once each.
func TestMaskedInSMM(t *testing.T) {
	m := newMachine(t).protected32(0)
	m.smi()
	for range 2 {
		m.RequestSMI()
		m.RequestNMI()
		m.RequestINIT()
		m.TakeRequests()
	}
	if m.SMIWaiting() || m.NMIWaiting() || m.env.RIP != smmEntry {
		t.Fatal("one is not masked")
	}
	m.put(0x3ff78, 8, 0x4444)
	m.rsm()
	if !m.SMIWaiting() || !m.exitRequested() {
		t.Error("the SMI is lost")
	}
	m.TakeRequests()
	if m.env.RIP != 0xfff0 {
		t.Error("INIT is lost")
	}

	m = newMachine(t).protected32(0)
	m.nmiMasked = true // in a handler of an NMI
	m.smi()
	m.RequestNMI()
	m.TakeRequests()
	m.rsm()
	if m.NMIWaiting() {
		t.Error("RSM ends the masking by an NMI before the SMI")
	}
	m.endNMI()
	if !m.NMIWaiting() || m.NMIWaiting() {
		t.Error("not one NMI is left")
	}
}

// An SMI waits for the instruction after STI, and for the start of an application processor.
func TestSMIHeld(t *testing.T) {
	m := newMachine(t).protected32(0)
	m.RequestSMI()
	m.TakeRequests()
	m.holdInterrupts(m.env.RIP, false)
	if m.SMI() {
		t.Error("taken in the shadow of STI")
	}
	if !m.SMI() {
		t.Error("not taken after it")
	}
	m = newAP(t)
	m.RequestSMI()
	m.TakeRequests()
	if m.SMIWaiting() {
		t.Error("taken before the start")
	}
	m.RequestSIPI(0x10)
	m.TakeRequests()
	if !m.SMIWaiting() {
		t.Error("lost at the start")
	}
	m = newMachine(t, withModel(t, "486"))
	m.RequestSMI()
	m.TakeRequests()
	if m.SMIWaiting() {
		t.Error("the 486 takes an SMI")
	}
}

// RSM goes back to HLT if the handler leaves the field as it is, and behind MWAIT.
func TestAutoHalt(t *testing.T) {
	for _, c := range []struct {
		wait        bool
		field, want uint64
		state       State
	}{{false, 1, 1, Halted}, {false, 0, 1, Running}, {true, 0, 0, Running}} {
		m := newMachine(t).protected32(0)
		m.state, m.monitor.waiting = Halted, c.wait
		m.RequestSMI()
		if !m.Runnable(false) {
			t.Error("an SMI does not end HLT")
		}
		m.smi()
		if got := m.get(0x3fec9, 1); got != c.want || m.State() != Running {
			t.Errorf("MWAIT %v: field %d, want %d", c.wait, got, c.want)
		}
		m.put(0x3fec9, 1, c.field)
		m.rsm()
		if m.State() != c.state {
			t.Errorf("MWAIT %v, field %d: state %v", c.wait, c.field, m.State())
		}
	}
}

// Virtual-8086 mode and 64-bit mode at level 3 come back.
func TestRSMModes(t *testing.T) {
	m := newMachine(t).protected32(0)
	m.cpl = 3
	m.SetFlags(flagVM | flagIOPL)
	m.seg[segCS] = Segment{Selector: 0x1000, Base: 0x10000, Limit: 0xffff, Attr: AttrP | AttrS | AttrCode | AttrRW | dpl3}
	m.update()
	mode := m.Mode()
	m.smi()
	m.rsm()
	if m.Mode() != mode || !m.vm86() || m.CPL() != 3 {
		t.Errorf("virtual-8086: mode %v, was %v", m.Mode(), mode)
	}
	m = newMachine(t).long(3)
	m.env.RIP = 0xffff_8000_0000_1000
	m.seg[segGS].Base, m.env.SegBase[segGS] = 0xffff_8000_0000_2000, 0xffff_8000_0000_2000
	mode = m.Mode()
	m.smi()
	if m.longMode() || m.pg.EFER != 0 {
		t.Error("the handler is in long mode")
	}
	m.rsm()
	if m.Mode() != mode || m.env.RIP != 0xffff_8000_0000_1000 || m.env.SegBase[segGS] != 0xffff_8000_0000_2000 || m.CPL() != 3 {
		t.Errorf("64-bit: mode %v, was %v, RIP %#x", m.Mode(), mode, m.env.RIP)
	}
}

// Who owns the memory is told, also when a reset ends the mode.
func TestOnSMM(t *testing.T) {
	var told []bool
	m := newMachine(t, func(o *Options) { o.OnSMM = func(on bool) { told = append(told, on) } }).protected32(0)
	m.smi()
	m.rsm()
	m.smi()
	m.Reset()
	if len(told) != 4 || !told[0] || told[1] || !told[2] || told[3] || m.InSMM() || m.SMBASE() != smbaseReset {
		t.Errorf("told %v", told)
	}
}
