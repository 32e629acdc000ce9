package kvmcpu

import (
	"strings"
	"syscall"
	"testing"

	"goemu/decoder"
	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
)

// execute has the vCPU execute one instruction of 16-bit code alone.
func (b *bench) execute(code string, script ...func(c *kvmtest.CPU) syscall.Errno) bool {
	b.Helper()
	var i decoder.Inst
	if err := decoder.Decode([]byte(code), decoder.Mode16, &i); err != nil {
		b.Fatal(err)
	}
	b.script = script
	done := b.v.Execute(&i)
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
	if !b.execute("\x40", step(0x101)) || b.cpu.Env().RIP != 0x101 {
		t.Errorf("after INC RIP is %#x", b.cpu.Env().RIP)
	}
	if !b.execute("\xee", func(c *kvmtest.CPU) syscall.Errno { at(c, 0x102); return c.ExitIO(true, 0x80, 1, 1, []byte{7}) }) || b.cpu.Env().RIP != 0x102 {
		t.Errorf("after OUT RIP is %#x", b.cpu.Env().RIP)
	}
	b.said("out 0x80 1 0x7")
	if !b.execute("\xa0\x00\x00", func(c *kvmtest.CPU) syscall.Errno { return c.ExitMMIO(false, 0xd0010, 1, nil) }) {
		t.Error("a load from a device is not done")
	}
	b.said("read 0x10 1")

	// A repeated string instruction is done when RIP has moved.
	b.cpu.Env().RIP, b.cpu.Env().GPR[1] = 0x200, 2
	if !b.execute("\xf3\xa4", step(0x200), step(0x202)) || b.cpu.Env().RIP != 0x202 {
		t.Errorf("after REP MOVSB RIP is %#x", b.cpu.Env().RIP)
	}

	// What raises an exception, what KVM fails at, and what is not KVM's, is as if it had not been begun.
	b.cpu.Env().RIP = 0x300
	for name, exit := range map[string]func(c *kvmtest.CPU) syscall.Errno{
		"an exception": func(c *kvmtest.CPU) syscall.Errno { at(c, 0xfff0); return c.Exit(kvm.ExitShutdown) },
		"a failure":    func(c *kvmtest.CPU) syscall.Errno { return c.ExitInternalError(1, []byte{0xf7, 0xf3}) },
	} {
		if b.execute("\xf7\xf3", exit) || b.cpu.Env().RIP != 0x300 {
			t.Errorf("%s: RIP is %#x", name, b.cpu.Env().RIP)
		}
	}
	for _, code := range []string{"\x0f\x31", "\x9c", "\x9d", "\xcd\x10", "\xcc", "\xf4", "\x8e\xd0", "\x17", "\x0f\x01\x1e\x00\x00", "\xf3\x90"} {
		if b.execute(code) {
			t.Errorf("% x is executed by KVM", code)
		}
	}
	b.cpu.Env().GPR[1] = longRepeat + 1
	if b.execute("\xf3\xaa") {
		t.Error("a long REP STOSB is executed by KVM")
	}
	b.said()

	if !b.execute("\x40", func(c *kvmtest.CPU) syscall.Errno { return c.ExitFailEntry(5, 0) }) || len(b.log) != 1 || !strings.HasPrefix(b.log[0], "failed: ") {
		t.Errorf("after a refused entry: %q", b.log)
	}
}
