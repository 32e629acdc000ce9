package kvmcpu

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
)

// What another engine goes on with after a failure: the state before the instruction, with accesses that have been answered finished.
func TestGiveUp(t *testing.T) {
	const noMemory = syscall.ENOMEM
	internal := func(c *kvmtest.CPU) syscall.Errno {
		return c.ExitInternalError(kvm.EmulationFailed, []byte{0x0f, 0x58, 0xc1})
	}
	idle := func(c *kvmtest.CPU) syscall.Errno { return syscall.EINTR }
	moves := func(to uint64, then func(c *kvmtest.CPU) syscall.Errno) func(c *kvmtest.CPU) syscall.Errno {
		return func(c *kvmtest.CPU) syscall.Errno {
			at(c, to)
			return then(c)
		}
	}
	out := func(c *kvmtest.CPU) syscall.Errno { return c.ExitIO(true, 0x80, 1, 1, []byte{7}) }
	trap := func(c *kvmtest.CPU) syscall.Errno { return c.ExitIO(true, 0xba, 1, 1, []byte{7}) }
	for _, c := range []struct {
		what   string
		fail   map[kvm.Request][]syscall.Errno
		script []func(c *kvmtest.CPU) syscall.Errno
		rip    uint64 // 0: that of before
		lost   bool
		does   []string
	}{
		{what: "an instruction", script: []func(c *kvmtest.CPU) syscall.Errno{moves(0x100, internal)}, rip: 0x100},
		{what: "delivery", script: []func(c *kvmtest.CPU) syscall.Errno{moves(0x101, func(c *kvmtest.CPU) syscall.Errno { return c.ExitInternalError(3, nil) })}, rip: 0x101},
		{what: "entry", script: []func(c *kvmtest.CPU) syscall.Errno{func(c *kvmtest.CPU) syscall.Errno { return c.ExitFailEntry(0x80000021, 0) }}},
		{what: "first run", fail: map[kvm.Request][]syscall.Errno{kvm.ReqRun: {noMemory}}},
		{what: "loading", fail: map[kvm.Request][]syscall.Errno{kvm.ReqSetSregs: {noMemory}}},
		{what: "loading events", fail: map[kvm.Request][]syscall.Errno{kvm.ReqSetVCPUEvents: {noMemory}}},
		{what: "debugging", fail: map[kvm.Request][]syscall.Errno{kvm.ReqSetGuestDebug: {noMemory}}},
		{what: "reading, once", fail: map[kvm.Request][]syscall.Errno{kvm.ReqGetRegs: {noMemory}}, script: []func(c *kvmtest.CPU) syscall.Errno{moves(0x102, idle)}, rip: 0x102},
		{what: "reading", fail: map[kvm.Request][]syscall.Errno{kvm.ReqGetXSAVE: {noMemory, noMemory, noMemory}}, script: []func(c *kvmtest.CPU) syscall.Errno{moves(0x103, idle)}, lost: true},
		{what: "run after a write", fail: map[kvm.Request][]syscall.Errno{kvm.ReqRun: {0, noMemory}}, script: []func(c *kvmtest.CPU) syscall.Errno{moves(0x104, out)}, rip: 0x104, does: []string{"out 0x80 1 0x7"}},
		{what: "a write, and the next instruction", script: []func(c *kvmtest.CPU) syscall.Errno{moves(0x105, out), moves(0x106, internal)}, rip: 0x106, does: []string{"out 0x80 1 0x7"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := newBench(t)
			b.machine.SetPoints([]Point{{ID: 1, Addr: 0x9000, Exec: true}})
			before := b.cpu.Env().RIP
			for r, l := range c.fail {
				b.Fail(r, l...)
			}
			b.run(append(c.script, idle)...)
			if len(b.log) != len(c.does)+1 || !strings.HasPrefix(b.log[len(c.does)], "failed: ") {
				t.Fatalf("%q", b.log)
			}
			for i, want := range c.does {
				if b.log[i] != want {
					t.Errorf("%q, want %q", b.log[i], want)
				}
			}
			b.log = nil
			want := c.rip
			if want == 0 {
				want = before
			}
			if b.lost != c.lost || !c.lost && b.left.RIP != want {
				t.Errorf("lost: %v, RIP is %#x, want %#x", b.lost, b.left.RIP, want)
			}
			if b.cpu.Pending() {
				t.Error("an exception waits")
			}
			// KVM comes back if it is begun anew.
			b.v.Leave()
			b.v.Begin()
			b.run(trap, idle)
			if c.lost {
				return
			}
			if len(b.log) != 2 || b.log[0] != "out 0xba 1 0x7" {
				t.Errorf("%q", b.log)
			}
		})
	}
}

// The firmware is called though KVM fails behind the instruction that calls it.
func TestGiveUpAfter(t *testing.T) {
	b := newBench(t)
	b.Fail(kvm.ReqRun, 0, syscall.ENOMEM)
	b.run(func(c *kvmtest.CPU) syscall.Errno {
		at(c, 0x200)
		return c.ExitIO(true, 0xba, 1, 1, []byte{7})
	})
	if len(b.log) != 3 || !strings.HasPrefix(b.log[1], "failed: ") || b.log[2] != "trap at 0x200" || b.cpu.Env().RIP != 0x7777 {
		t.Errorf("%q, RIP %#x", b.log, b.cpu.Env().RIP)
	}
}

// What KVM makes of an instruction that it cannot emulate besides, a #UD, is not the guest's; another exception is.
func TestGiveUpException(t *testing.T) {
	for vector, waits := range map[uint8]bool{6: false, 14: true} {
		b := newBench(t)
		b.run(func(c *kvmtest.CPU) syscall.Errno {
			var ev kvm.Events
			ev.Exception.Injected, ev.Exception.Vector = 1, vector
			c.SetEvents(ev)
			return c.ExitInternalError(kvm.EmulationFailed, nil)
		})
		if b.cpu.Pending() != waits {
			t.Errorf("vector %d waits: %v", vector, b.cpu.Pending())
		}
	}
}

// An interrupt that KVM does not take has left the interrupt controller: the CPU has it.
func TestGiveUpInterrupt(t *testing.T) {
	b := newBench(t)
	b.cpu.SetFlags(0x202)
	b.Fail(kvm.ReqInterrupt, syscall.ENOMEM)
	b.run(func(c *kvmtest.CPU) syscall.Errno {
		b.vector = 0x20
		c.Ready(true, true)
		return c.Exit(kvm.ExitIRQWindow)
	}, func(c *kvmtest.CPU) syscall.Errno {
		t.Error("it runs")
		return syscall.EINTR
	})
	if len(b.log) != 1 || !strings.Contains(b.log[0], "KVM_INTERRUPT") || b.vector != 0 || !b.cpu.Pending() {
		t.Fatalf("%q, vector %#x, pending %v", b.log, b.vector, b.cpu.Pending())
	}
	b.ram[0x20*4], b.ram[0x20*4+1] = 0x34, 0x12
	b.cpu.Deliver()
	if rip := b.cpu.Env().RIP; rip != 0x1234 {
		t.Errorf("the handler is at %#x", rip)
	}
}

// What fails while an access is answered waits until that is finished. One that KVM does not finish at all keeps the guest from coming back.
func TestGiveUpAccess(t *testing.T) {
	b := newBench(t)
	finished := 0
	answer := func(c *kvmtest.CPU) syscall.Errno { return c.ExitMMIO(false, 0xd0008, 4, nil) }
	b.Fail(kvm.ReqGetRegs, syscall.ENOMEM)
	b.reads = b.v.Peek
	b.run(answer, func(c *kvmtest.CPU) syscall.Errno {
		finished++
		return syscall.EINTR
	})
	if len(b.log) != 2 || b.log[0] != "read 0x8 4" || !strings.Contains(b.log[1], "KVM_GET_REGS") || b.lost || b.machine.Error() != nil {
		t.Errorf("%q, lost %v, %v", b.log, b.lost, b.machine.Error())
	}

	b = newBench(t)
	list := make([]syscall.Errno, mostFinishes+2)
	for i := range list[1:] {
		list[i+1] = syscall.ENOMEM
	}
	b.Fail(kvm.ReqRun, list...)
	b.run(answer)
	if len(b.log) != 2 || !strings.Contains(b.log[1], "KVM_RUN") || b.lost || b.machine.Error() == nil {
		t.Errorf("%q, lost %v, %v", b.log, b.lost, b.machine.Error())
	}
}

// An access that has been answered is finished where KVM no longer takes the local APIC, as that is for instructions only.
func TestGiveUpAccessWithAPIC(t *testing.T) {
	s := newSplitBench(t)
	s.run(func(c *kvmtest.CPU) syscall.Errno {
		s.Fail(kvm.ReqSetLAPIC, slices.Repeat([]syscall.Errno{syscall.ENOMEM}, 2*mostFinishes)...)
		s.apic.Recall()
		return c.ExitIO(true, 0x80, 1, 1, []byte{1})
	}, func(*kvmtest.CPU) syscall.Errno {
		t.Error("the guest goes on")
		return syscall.EINTR
	})
	if len(s.log) != 2 || !strings.Contains(s.log[1], "KVM_SET_LAPIC") || s.lost || s.machine.Error() != nil || s.v.unfinished {
		t.Errorf("%q, lost %v, %v", s.log, s.lost, s.machine.Error())
	}
}
