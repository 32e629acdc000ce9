package x86

import (
	"strings"
	"testing"

	"goemu/mmu"
	"goemu/tcg"
)

// newAP makes an application processor.
func newAP(t *testing.T) *machine { return newMachine(t, func(o *Options) { o.AP = true }) }

func TestApplicationProcessorWaitsForSIPI(t *testing.T) {
	m := newAP(t)
	if m.State() != WaitSIPI || m.Runnable(true) {
		t.Fatalf("state %v after reset", m.State())
	}
	m.RequestNMI()
	m.TakeRequests()
	if m.NMIWaiting() || m.Runnable(true) || m.InterruptWindow() {
		t.Error("an interrupt ends the wait")
	}
	m.RequestSIPI(0x9a)
	m.RequestSIPI(0x11) // too late
	if !m.Runnable(false) {
		t.Error("the request is not seen")
	}
	m.TakeRequests()
	if cs := m.Segment(segCS); m.State() != Running || cs.Selector != 0x9a00 || cs.Base != 0x9a000 || m.env.RIP != 0 {
		t.Errorf("starts at %#x:%#x, base %#x", cs.Selector, m.env.RIP, cs.Base)
	}
	m.RequestSIPI(0x22)
	m.TakeRequests()
	if cs := m.Segment(segCS); cs.Selector != 0x9a00 {
		t.Error("a start-up interrupt while it runs is not ignored")
	}
}

// INIT and SIPI count in the order in which they come, however late they are looked at.
func TestOrderOfINITAndSIPI(t *testing.T) {
	m := newAP(t)
	m.RequestSIPI(0x10)
	m.RequestINIT()
	m.TakeRequests()
	if m.State() != WaitSIPI {
		t.Error("SIPI, INIT: runs")
	}
	m.RequestINIT()
	m.RequestSIPI(0x10)
	m.TakeRequests()
	if m.State() != Running || m.Segment(segCS).Base != 0x10000 {
		t.Error("INIT, SIPI: does not run")
	}
}

// What INIT sets and what it leaves (SDM vol. 3A table 10-1).
func TestINIT(t *testing.T) {
	m := newAP(t).long(3)
	m.pg.CR0 &^= cr0NW
	m.pg.CR0 |= cr0CD
	m.env.GPR = [16]uint64{1, 2, 3, 4, 5, 6, 7, 8, 9}
	m.env.XMM[3] = tcg.Vec128{1, 2}
	m.env.MXCSR = 0x1f00
	m.env.CR2, m.env.KernelGS = 0x1234, 0x5678
	m.dr[0], m.dr[7] = 0x1000, 0x401
	m.msr.lstar, m.msr.tscAux, m.msr.tscOffset = 0x1111, 7, 99
	m.nmiMasked = true
	m.raise(vecGP, 0)
	m.RequestINIT()
	m.TakeRequests()
	e := m.env
	for what, ok := range map[string]bool{
		"CR0":              m.pg.CR0 == cr0CD|cr0ET,
		"CR2, CR3, CR4":    e.CR2 == 0 && m.pg.CR3 == 0 && m.pg.CR4 == 0,
		"EFER":             m.pg.EFER == 0,
		"EFLAGS":           m.Flags() == flagFixed,
		"EDX, others":      e.GPR == [16]uint64{regDX: uint64(m.model.Signature())},
		"CS:IP":            m.seg[segCS].Selector == 0xf000 && m.seg[segCS].Base == 0xffff0000 && e.RIP == 0xfff0,
		"CPL":              m.CPL() == 0,
		"tables":           m.gdtr == Table{Limit: 0xffff} && m.idtr == Table{Limit: 0xffff},
		"debug registers":  m.dr == [8]uint64{6: dr6Fixed, 7: dr7Fixed},
		"SSE stays":        e.XMM[3] == tcg.Vec128{1, 2} && e.MXCSR == 0x1f00,
		"MSRs stay":        m.msr.lstar == 0x1111 && m.msr.tscAux == 7 && m.msr.tscOffset == 99 && e.KernelGS == 0x5678,
		"NMIs are open":    !m.nmiMasked,
		"nothing pends":    !m.Pending(),
		"mode is 16-bit":   m.Mode()&(tcg.ModeCode|tcg.ModeProt) == 0,
		"TLB is empty":     m.env.TLB.Read[mmu.IndexUser][1].Page == mmu.EmptyPage(1),
		"waits for a SIPI": m.State() == WaitSIPI,
	} {
		if !ok {
			t.Errorf("%s: wrong after INIT", what)
		}
	}
}

// When a halted CPU has something to do.
func TestRunnable(t *testing.T) {
	m := newMachine(t).protected32(0)
	m.state = Halted
	for _, c := range []struct {
		flags      uint32
		intr, want bool
	}{{0, false, false}, {0, true, false}, {flagIF, false, false}, {flagIF, true, true}} {
		m.SetFlags(c.flags)
		if got := m.Runnable(c.intr); got != c.want {
			t.Errorf("flags %#x, INTR %v: %v", c.flags, c.intr, got)
		}
	}
	m.RequestNMI()
	if !m.Runnable(false) {
		t.Error("NMI does not end HLT")
	}
}

// Where there are several, dumps say whose they are.
func TestName(t *testing.T) {
	if n := newMachine(t).Name(); n != "" {
		t.Errorf("the only CPU is called %q", n)
	}
	m := newMachine(t, func(o *Options) { o.CPUs, o.APICID = 4, 3 })
	var b strings.Builder
	m.DumpState(&b)
	if m.Name() != "CPU#3 " || !strings.HasPrefix(b.String(), "CPU#3\n") {
		t.Errorf("name %q, dump %.20q", m.Name(), b.String())
	}
}
