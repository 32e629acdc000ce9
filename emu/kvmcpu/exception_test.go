package kvmcpu

import (
	"encoding/binary"
	"syscall"
	"testing"

	"goemu/emu/accel"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
)

// vectors makes the vectors of real mode: that of exception v leads to 0050:0010+v.
func (b *bench) vectors() {
	for v := range exceptions {
		binary.LittleEndian.PutUint32(b.ram[4*v:], 0x50_0010+uint32(v))
		b.ram[0x510+v] = 0x90
	}
}

func shutdown(c *kvmtest.CPU) syscall.Errno { return c.Exit(kvm.ExitShutdown) }

// deliver is KVM's delivery of exception v of real mode, and the handler's HLT.
func (b *bench) deliver(v int) func(c *kvmtest.CPU) syscall.Errno {
	return func(c *kvmtest.CPU) syscall.Errno {
		if g, s := c.GuestDebug(), c.Sregs(); g.Control != 0 || s.IDT.Base != 0 || s.IDT.Limit != 0xffff {
			b.Errorf("exception %d: debugging is %#x, the IDT %+v", v, g.Control, s.IDT)
		}
		for i := range exceptions {
			if b.ram[0x510+i] != opHLT {
				b.Errorf("exception %d: the handler of %d is %#x", v, i, b.ram[0x510+i])
			}
		}
		r, s := c.Regs(), c.Sregs()
		s.CS.Selector, s.CS.Base = 0x50, 0x500
		r.RIP, r.RSP = 0x11+uint64(v), r.RSP-6
		c.SetRegs(r)
		c.SetSregs(s)
		return c.Exit(kvm.ExitHLT)
	}
}

// TestRaised has KVM deliver exceptions to handlers that halt, and nothing is left of that.
func TestRaised(t *testing.T) {
	b := newBench(t)
	b.vectors()
	reset := func() {
		b.cpu.Env().RIP, b.cpu.Env().GPR[4] = 0x300, 0x2000
		b.cpu.SetFlags(0x202)
	}
	same := func(what string) {
		t.Helper()
		for v := range exceptions {
			if b.ram[0x510+v] != 0x90 {
				t.Fatalf("%s: the handler of exception %d is %#x", what, v, b.ram[0x510+v])
			}
		}
	}
	reset()
	if o := b.refuse("\xf7\xf3", shutdown); o != accel.Left || b.cpu.Env().RIP != 0x300 {
		t.Errorf("where it is not to be delivered: %d, RIP %#x", o, b.cpu.Env().RIP)
	}
	if o := b.execute("\xf7\xf3", shutdown, b.deliver(6)); o != accel.Raised || b.cpu.Env().RIP != 0x16 || b.cpu.LinearRIP() != 0x516 || b.cpu.Env().GPR[4] != 0x1ffa {
		t.Errorf("outcome %d, RIP %#x at %#x", o, b.cpu.Env().RIP, b.cpu.LinearRIP())
	}
	same("an exception")
	b.said()

	// Of an instruction that has accessed devices, once.
	fault := func(c *kvmtest.CPU) {
		var ev kvm.Events
		ev.Exception.Injected, ev.Exception.Vector = 1, 13
		c.SetEvents(ev)
	}
	first := true
	read := func(c *kvmtest.CPU) syscall.Errno {
		if first {
			fault(c)
		}
		first = false
		return c.ExitMMIO(false, 0xd0010, 2, nil)
	}
	write := func(c *kvmtest.CPU) syscall.Errno {
		if p := c.MMIOData(); p[0] != 0x11 || p[1] != 0x22 {
			t.Errorf("what was read is % x", p[:2])
		}
		return c.ExitMMIO(true, 0xd0020, 1, []byte{5})
	}
	reset()
	if o := b.execute("\xf7\xf3", read, read, write, b.deliver(13)); o != accel.Raised || b.cpu.LinearRIP() != 0x51d {
		t.Errorf("outcome %d at %#x", o, b.cpu.LinearRIP())
	}
	same("an exception after an access")
	b.said("read 0x10 2", "write 0x20 1 0x5")

	// The single step may come as an exception.
	reset()
	if o := b.execute("\x40", func(c *kvmtest.CPU) syscall.Errno {
		c.SetDebugRegs(kvm.DebugRegs{DR6: 0xffff4ff0, DR7: 0x400})
		at(c, 0x301)
		return c.Exit(kvm.ExitShutdown)
	}); o != accel.Executed || b.cpu.Env().RIP != 0x301 || b.dr6() != 0xffff0ff0 {
		t.Errorf("a single step that comes as an exception: outcome %d, RIP %#x, DR6 %#x", o, b.cpu.Env().RIP, b.dr6())
	}

	// Repetitions that are done are done, though the translator delivers the exception: KVM cannot.
	reset()
	b.cpu.Env().GPR[1], b.cpu.Env().GPR[6], b.cpu.Env().GPR[7] = 5, 0x1000, 0x1100
	if o := b.execute("\xf3\xa4", func(c *kvmtest.CPU) syscall.Errno {
		r := c.Regs()
		r.RCX, r.RSI, r.RDI = 4, 0x1001, 0x1101
		c.SetRegs(r)
		return c.ExitDebug(1, 0x300, dr6BS, 0)
	}, shutdown, shutdown); o != accel.Left || b.cpu.Env().RIP != 0x300 || b.cpu.Env().GPR[1] != 4 || b.cpu.Env().GPR[7] != 0x1101 {
		t.Errorf("outcome %d, RIP %#x, RCX %d", o, b.cpu.Env().RIP, b.cpu.Env().GPR[1])
	}
	same("a triple fault")

	// Handlers that cannot be stopped at: in the table itself.
	reset()
	binary.LittleEndian.PutUint32(b.ram[4*17:], 0)
	if o := b.execute("\xf7\xf3", shutdown); o != accel.Left || b.ram[0] != 0x10 {
		t.Errorf("a handler in the table: outcome %d, the table begins with %#x", o, b.ram[0])
	}

	// An instruction that does not do the same twice.
	b.vectors()
	reset()
	b.execute("\xf7\xf3", shutdown, func(c *kvmtest.CPU) syscall.Errno { at(c, 0x303); return c.Exit(kvm.ExitHLT) })
	b.said("failed: KVM raises no exception the second time that the instruction is executed alone")
}

func (b *bench) dr6() uint64 {
	var r inspect.Registers
	b.cpu.Inspect(&r)
	return r.DR[6]
}
