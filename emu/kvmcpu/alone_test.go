package kvmcpu

import (
	"strings"
	"syscall"
	"testing"

	"goemu/decoder"
	"goemu/emu/accel"
	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
)

// execute has the vCPU execute one instruction of 16-bit code alone.
func (b *bench) execute(code string, script ...func(c *kvmtest.CPU) syscall.Errno) accel.Outcome {
	b.Helper()
	return b.executeWith(code, true, script...)
}

// refuse is the same where an exception is not to be delivered.
func (b *bench) refuse(code string, script ...func(c *kvmtest.CPU) syscall.Errno) accel.Outcome {
	b.Helper()
	return b.executeWith(code, false, script...)
}

func (b *bench) executeWith(code string, deliver bool, script ...func(c *kvmtest.CPU) syscall.Errno) accel.Outcome {
	b.Helper()
	var i decoder.Inst
	if err := decoder.Decode([]byte(code), decoder.Mode16, &i); err != nil {
		b.Fatal(err)
	}
	b.script = script
	done := b.v.Execute(&i, deliver)
	if len(b.script) != 0 {
		b.Errorf("% x: %d runs are not made", code, len(b.script))
	}
	return done
}

const bs = 1 << 14 // DR6: a single step

func TestAlone(t *testing.T) {
	b := newBench(t)
	b.cpu.SetFlags(0x202)
	b.cpu.Env().RIP = 0x100
	step := func(to uint64) func(c *kvmtest.CPU) syscall.Errno {
		return func(c *kvmtest.CPU) syscall.Errno {
			if g := c.GuestDebug(); g.Control != kvm.DebugEnable|kvm.DebugSingleStep {
				t.Errorf("debugging is %#x", g.Control)
			}
			if s := c.Sregs(); s.IDT.Limit != 0 {
				t.Errorf("the IDT has the limit %#x", s.IDT.Limit)
			}
			at(c, to)
			return c.ExitDebug(1, to, bs, 0)
		}
	}
	if b.execute("\x40", step(0x101)) != accel.Executed || b.cpu.Env().RIP != 0x101 {
		t.Errorf("after INC RIP is %#x", b.cpu.Env().RIP)
	}
	if b.execute("\xee", func(c *kvmtest.CPU) syscall.Errno { at(c, 0x102); return c.ExitIO(true, 0x80, 1, 1, []byte{7}) }) != accel.Executed || b.cpu.Env().RIP != 0x102 {
		t.Errorf("after OUT RIP is %#x", b.cpu.Env().RIP)
	}
	b.said("out 0x80 1 0x7")
	if b.execute("\xa0\x00\x00", func(c *kvmtest.CPU) syscall.Errno { return c.ExitMMIO(false, 0xd0010, 1, nil) }) != accel.Executed {
		t.Error("a load from a device is not done")
	}
	b.said("read 0x10 1")

	// A repeated string instruction is done when RIP has moved.
	b.cpu.Env().RIP, b.cpu.Env().GPR[1] = 0x200, 2
	if b.execute("\xf3\xa4", step(0x200), step(0x202)) != accel.Executed || b.cpu.Env().RIP != 0x202 {
		t.Errorf("after REP MOVSB RIP is %#x", b.cpu.Env().RIP)
	}

	// What KVM fails at, and what is not KVM's, is as if it had not been begun.
	b.cpu.Env().RIP = 0x300
	if b.execute("\xf7\xf3", func(c *kvmtest.CPU) syscall.Errno { return c.ExitInternalError(1, []byte{0xf7, 0xf3}) }) != accel.Left || b.cpu.Env().RIP != 0x300 {
		t.Errorf("after a failure RIP is %#x", b.cpu.Env().RIP)
	}
	for _, code := range []string{"\x0f\x31", "\x9c", "\x9d", "\xcd\x10", "\xcc", "\xf4", "\x8e\xd0", "\x17", "\x0f\x01\x1e\x00\x00", "\xf3\x90"} {
		if b.execute(code) != accel.Left {
			t.Errorf("% x is executed by KVM", code)
		}
	}
	b.cpu.Env().GPR[1] = longRepeat + 1
	if b.execute("\xf3\xaa") != accel.Left {
		t.Error("a long REP STOSB is executed by KVM")
	}
	b.said()

	if b.execute("\x40", func(c *kvmtest.CPU) syscall.Errno { return c.ExitFailEntry(5, 0) }) != accel.Executed || len(b.log) != 1 || !strings.HasPrefix(b.log[0], "failed: ") {
		t.Errorf("after a refused entry: %q", b.log)
	}
}
