package kvmcpu

import (
	"encoding/binary"
	"slices"
	"strings"
	"syscall"
	"testing"

	"goemu/devices/apicbus"
	"goemu/devices/devtest"
	"goemu/devices/ioapic"
	"goemu/devices/lapic"
	"goemu/emu/cpumodel"
	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
	"goemu/emu/x86"
)

// splitBench is a bench whose local APIC KVM has, with an I/O APIC.
type splitBench struct {
	*bench
	clock devtest.Clock
	bus   apicbus.Bus
	apic  *lapic.LAPIC
	io    *ioapic.IOAPIC
}

func newSplitBench(t *testing.T) *splitBench {
	t.Helper()
	s := &splitBench{}
	s.apic = lapic.New(&s.clock, &s.bus, 0, true, lapic.CPU{ExtINT: func() int {
		s.apic.LINT(0).Set(false)
		return 0x20
	}})
	s.io = ioapic.New(&s.bus, 0)
	s.apic.WriteMMIO(0xf0, 4, 0x1ff)
	model, _, err := cpumodel.Parse("pentium2,+tsc-deadline", nil)
	if err != nil {
		t.Fatal(err)
	}
	fake := kvmtest.NewFake()
	fake.MSRs[msrTSCDeadline] = 0
	fake.Caps[kvm.CapSetGuestDebug2] = kvm.DebugBlockIRQ
	s.bench = newBenchWith(t, fake, nil, SplitIRQChip, Controllers{Bus: &s.bus, IOAPIC: s.io, LAPICs: []*lapic.LAPIC{s.apic}}, x86.Options{Model: model})
	return s
}

// reg is a register as the false KVM has it.
func reg(c *kvmtest.CPU, off int) uint32 {
	p := c.LAPIC()
	return binary.LittleEndian.Uint32(p[off:])
}

func intr(*kvmtest.CPU) syscall.Errno { return syscall.EINTR }

// The registers go to KVM with the base before them and the deadline behind, and come back.
func TestLocalAPIC(t *testing.T) {
	s := newSplitBench(t)
	s.apic.WriteMMIO(0x320, 4, 0x4_0041)
	s.apic.WriteMSR(msrTSCDeadline, 123456)
	s.Requests = nil
	s.run(func(c *kvmtest.CPU) syscall.Errno {
		if reg(c, 0x320) != 0x4_0041 || reg(c, 0xf0) != 0x1ff || c.MSRs[msrTSCDeadline] != 123456 || c.MSRs[msrAPICBase] != s.apic.Base() || !s.apic.Lent() {
			t.Errorf("LVT %#x, SVR %#x, deadline %d, base %#x", reg(c, 0x320), reg(c, 0xf0), c.MSRs[msrTSCDeadline], c.MSRs[msrAPICBase])
		}
		p := c.LAPIC()
		p[0x80] = 0x40
		c.SetLAPIC(p)
		c.MSRs[msrTSCDeadline], c.MSRs[msrTSC] = 234567, 200000
		return syscall.EINTR
	}, intr)
	if s.apic.TPR() != 0x40 || !s.apic.Lent() {
		t.Errorf("TPR %#x", s.apic.TPR())
	}
	s.v.Leave()
	if d, _ := s.apic.ReadMSR(msrTSCDeadline); d != 234567 || s.apic.Lent() || s.cpu.TSC() != 200000 {
		t.Errorf("deadline %d, TSC %d, lent %v", d, s.cpu.TSC(), s.apic.Lent())
	}
	var order []string
	for _, r := range s.Requests {
		switch r {
		case kvm.ReqSetSregs, kvm.ReqSetLAPIC, kvm.ReqRun, kvm.ReqGetLAPIC, kvm.ReqSetMPState:
			order = append(order, strings.TrimPrefix(r.String(), "KVM_"))
		}
	}
	if got := strings.Join(order[:4], " "); got != "SET_SREGS SET_MP_STATE SET_LAPIC RUN" {
		t.Error(got)
	}
}

// CR8, which goes to KVM with the other registers, is the upper half of the task priority: the lower half follows.
func TestTaskPriority(t *testing.T) {
	s := newSplitBench(t)
	for _, tpr := range []uint64{0x30, 0x35} {
		s.apic.WriteMMIO(0x80, 4, tpr)
		s.run(intr)
		s.Requests = nil
		s.run(func(c *kvmtest.CPU) syscall.Errno {
			if reg(c, 0x80) != uint32(tpr) || c.Sregs().CR8 != tpr>>4 {
				t.Errorf("TPR %#x, CR8 %#x", reg(c, 0x80), c.Sregs().CR8)
			}
			return syscall.EINTR
		})
		if again := slices.Contains(s.Requests, kvm.ReqSetLAPIC); again != (tpr&0xf != 0) {
			t.Errorf("TPR %#x: set again: %v", tpr, again)
		}
	}
}

// HLT is KVM's, also of a CPU that another engine has halted; what wakes it is in KVM.
func TestHaltInKVM(t *testing.T) {
	s := newSplitBench(t)
	s.cpu.Halt()
	s.run(func(c *kvmtest.CPU) syscall.Errno {
		if c.MPState() != kvm.Halted {
			t.Errorf("it is %d", c.MPState())
		}
		c.SetMPState(kvm.Runnable)
		return syscall.EINTR
	})
	s.said() // it has not waited
	if s.cpu.Halted() {
		t.Error("it is still halted")
	}
	s.run(func(c *kvmtest.CPU) syscall.Errno {
		c.SetMPState(kvm.Halted)
		return syscall.EINTR
	})
	if !s.cpu.Halted() {
		t.Error("it is not halted")
	}
}

// An interrupt of the 8259As' is given to KVM when it takes one, and can be seen there until it is delivered; it wakes the CPU.
func TestExternal(t *testing.T) {
	s := newSplitBench(t)
	s.apic.WriteMMIO(0x350, 4, 0x700)
	s.run(func(c *kvmtest.CPU) syscall.Errno {
		c.Ready(true, true)
		return syscall.EINTR
	})
	s.cpu.SetFlags(0x202)
	s.cpu.Halt()
	s.apic.LINT(0).Set(true)
	s.run(
		func(c *kvmtest.CPU) syscall.Errno {
			if e := c.Events(); e.Interrupt.Injected != 1 || e.Interrupt.Vector != 0x20 || c.MPState() != kvm.Runnable {
				t.Errorf("%+v, %d", e.Interrupt, c.MPState())
			}
			return syscall.EINTR
		},
	)
	// It was not delivered: the CPU does.
	s.ram[0x20*4], s.ram[0x20*4+1] = 0x34, 0x12
	s.run(func(c *kvmtest.CPU) syscall.Errno {
		if rip := c.Regs().RIP; rip != 0x1234 {
			t.Errorf("the handler is at %#x", rip)
		}
		return syscall.EINTR
	})
	if s.apic.INTR() {
		t.Error("it waits still")
	}
}

// Level-triggered interrupts: KVM is told whose EOI counts, and tells of it.
func TestLevel(t *testing.T) {
	s := newSplitBench(t)
	set := func(pin, entry uint32) {
		s.io.WriteMMIO(0, 4, uint64(0x10+2*pin))
		s.io.WriteMMIO(0x10, 4, uint64(entry))
	}
	set(5, 0x8000|0x51)
	set(6, 0x61)
	s.run(
		func(c *kvmtest.CPU) syscall.Errno {
			if r := s.Routes; len(r) != 1 || r[0].GSI != 5 || r[0].U[2]&0xff != 0x51 || r[0].U[2]>>15&1 != 1 {
				t.Errorf("%+v", r)
			}
			s.io.Pin(5).Set(true)
			if m := s.Message; m.Data != 0xc051 || m.AddressLow != lapic.DefaultBase {
				t.Errorf("%+v", m)
			}
			s.io.Pin(6).Set(true)
			if m := s.Message; m.Data != 0x4061 {
				t.Errorf("%+v", m)
			}
			s.io.Pin(7).Set(true)
			set(7, 0x8000|0x71)
			if r := s.Routes; len(r) != 2 || r[1].GSI != 7 || s.Message.Data != 0xc071 {
				t.Errorf("sent before KVM is to tell of its end: %+v, %+v", r, s.Message)
			}
			return c.ExitEOI(0x51)
		},
		func(c *kvmtest.CPU) syscall.Errno {
			if m := s.Message; m.Data != 0xc051 {
				t.Errorf("it is not sent again: %+v", m)
			}
			if r := s.Routes; len(r) != 2 || r[1].GSI != 7 {
				t.Errorf("%+v", r)
			}
			return syscall.EINTR
		},
	)
	// Other messages are for the local APIC here.
	if taken, done := s.machine.deliver(apicbus.Message{Mode: apicbus.NMI}); taken || done {
		t.Error("an NMI is sent")
	}
	if taken, done := s.machine.deliver(apicbus.Message{Dest: 0x100}); taken || done {
		t.Error("a message to an ID of 9 bits is sent")
	}
	if taken, done := s.machine.deliver(apicbus.Message{Dest: apicbus.Broadcast, Logical: true, Mode: apicbus.Lowest, Vector: 0x33}); !taken || !done ||
		s.Message.Data != 0x4133 || s.Message.AddressLow != lapic.DefaultBase|0xff004 {
		t.Errorf("%+v", s.Message)
	}
	// Nobody takes it.
	s.Fail(kvm.ReqSignalMSI, syscall.EPERM)
	if taken, done := s.machine.deliver(apicbus.Message{Vector: 0x33}); taken || !done {
		t.Error(taken, done)
	}
	s.apic.Recall()
	if _, done := s.machine.deliver(apicbus.Message{Vector: 0x33}); done {
		t.Error("a message is sent to an APIC that is not in KVM")
	}
}

// Registers of the local APIC that KVM refuses are a fault, and not asked for again here.
func TestAPICMSR(t *testing.T) {
	s := newSplitBench(t)
	for _, n := range []uint32{0x1b, 0x6e0, 0x802, 0x8ff} {
		s.run(
			func(c *kvmtest.CPU) syscall.Errno { return c.ExitMSR(false, n, 0) },
			func(c *kvmtest.CPU) syscall.Errno {
				if _, fail := c.MSRAnswer(); !fail {
					t.Errorf("MSR %#x is answered", n)
				}
				return syscall.EINTR
			},
		)
	}
}

// A step with interrupts held off says so to a KVM that can.
func TestStepBlocksInterrupts(t *testing.T) {
	s := newSplitBench(t)
	for _, interrupts := range []bool{false, true} {
		s.v.Step(false, interrupts)
		s.run(func(c *kvmtest.CPU) syscall.Errno {
			if g := c.GuestDebug(); g.Control&kvm.DebugSingleStep == 0 || g.Control&kvm.DebugBlockIRQ == 0 != interrupts {
				t.Errorf("%+x, interrupts %v", g, interrupts)
			}
			return c.ExitDebug(1, 0xffff0302, 1<<14, 0)
		})
	}
}

// The timer's interrupt that is on its way comes to IRR in a run in which the guest does not.
func TestSettle(t *testing.T) {
	s := newSplitBench(t)
	s.apic.WriteMMIO(0x320, 4, 0x41)
	s.apic.WriteMMIO(0x380, 4, 1000)
	waits := 0
	s.run(func(c *kvmtest.CPU) syscall.Errno {
		p := c.LAPIC()
		binary.LittleEndian.PutUint32(p[0x390:], 0)
		c.SetLAPIC(p)
		return syscall.EINTR
	})
	s.Fake.Run = func(c *kvmtest.CPU) syscall.Errno {
		if c.MPState() != kvm.InitReceived {
			t.Error("the guest runs")
		}
		waits++
		p := c.LAPIC()
		p[0x220] = 2
		c.SetLAPIC(p)
		return c.Wait()
	}
	s.apic.SetTPR(0)
	if waits < settleTries || !s.apic.INTR() || s.apic.IntAck() != 0x41 {
		t.Errorf("%d waits", waits)
	}
}

// What KVM fails at ends the run with one report.
func TestSplitFailures(t *testing.T) {
	for _, r := range []kvm.Request{kvm.ReqSetLAPIC, kvm.ReqSetMPState, kvm.ReqGetMPState, kvm.ReqSetGSIRouting, kvm.ReqSetMSRs, kvm.ReqGetLAPIC} {
		s := newSplitBench(t)
		s.apic.WriteMMIO(0x350, 4, 0x700)
		s.io.WriteMMIO(0, 4, 0x10)
		s.io.WriteMMIO(0x10, 4, 0x8051)
		s.Fail(r, syscall.EINVAL)
		if r == kvm.ReqGetLAPIC { // twice: the state is lost
			s.Fail(r, syscall.EINVAL)
		}
		s.run(intr, intr)
		s.apic.TPR()
		if len(s.log) != 1 || !strings.HasPrefix(s.log[0], "failed: ") || !strings.Contains(s.log[0], r.String()) || s.lost != (r == kvm.ReqGetLAPIC) {
			t.Errorf("%v: %q, lost %v", r, s.log, s.lost)
		}
	}
	again := newSplitBench(t)
	again.apic.WriteMMIO(0x350, 4, 0x700)
	again.Fail(kvm.ReqGetLAPIC, syscall.ENOMEM)
	again.run(intr, intr)
	again.apic.TPR()
	again.said()
	s := newSplitBench(t)
	s.run(func(c *kvmtest.CPU) syscall.Errno {
		s.Fail(kvm.ReqSignalMSI, syscall.EINVAL)
		s.machine.deliver(apicbus.Message{Vector: 0x33})
		return syscall.EINTR
	}, intr)
	if len(s.log) != 1 || !strings.Contains(s.log[0], "KVM_SIGNAL_MSI") {
		t.Errorf("%q", s.log)
	}
	// A machine cannot be made.
	fake := kvmtest.NewFake()
	faults := &kvmtest.Faults{Sys: fake}
	host, err := kvm.OpenSys(faults)
	if err != nil {
		t.Fatal(err)
	}
	faults.Fail(kvm.ReqEnableCap, syscall.EINVAL)
	if _, err := New(host, s.space, SplitIRQChip, Controllers{Bus: &s.bus, IOAPIC: s.io}); err == nil || !strings.Contains(err.Error(), "KVM_CAP_SPLIT_IRQCHIP") {
		t.Error(err)
	}
	if err := CheckSplit(host); err == nil || !strings.Contains(err.Error(), "KVM_CAP_SPLIT_IRQCHIP, KVM_CAP_SIGNAL_MSI, KVM_CAP_IRQ_ROUTING") {
		t.Error(err)
	}
	if err := host.Close(); err != nil || fake.Files() != 0 {
		t.Error(err, fake.Files())
	}
}

// Nothing is allocated while the guest runs, whatever its interrupts.
func TestSplitAllocates(t *testing.T) {
	s := newSplitBench(t)
	s.io.WriteMMIO(0, 4, 0x1a)
	s.io.WriteMMIO(0x10, 4, 0x8051)
	runs := 0
	s.Fake.Run = func(c *kvmtest.CPU) syscall.Errno {
		runs++
		s.io.Pin(5).Set(true)
		return c.ExitEOI(0x51)
	}
	s.v.loaded = s.v.load() == nil
	s.v.enter()
	s.Requests = make([]kvm.Request, 0, 1<<16)
	if n := testing.AllocsPerRun(100, func() {
		s.io.OnTable()
		s.v.enter()
	}); n > 3 { // the false KVM copies what it is given
		t.Errorf("%v allocations a run, %d runs", n, runs)
	}
	s.v.Store()
}
