package emu_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"goemu/emu"
	"goemu/emu/debuglog"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
	"goemu/emu/kvmcpu"
	"goemu/emu/tour/tourtest"
	"goemu/emu/trace"

	"github.com/google/go-cmp/cmp"
)

// levelLine is how the guest's line of a level-triggered interrupt begins.
const levelLine = "I/O APIC, level"

// interrupts runs a guest that tells of interrupts. With engines it moves to the next of them at each letter that it says, but for what the host's KVM does wrong.
func interrupts(t *testing.T, source string, cfg emu.Config, wrong error, engines ...emu.Accel) []string {
	t.Helper()
	var out bytes.Buffer
	cfg.Kernel, cfg.CPU = assemble(t, source), "pentium2,+tsc-deadline,+x2apic"
	cfg.Debugcon, cfg.ConsoleOut, cfg.Serial, cfg.Stopped = "stdio", &out, []string{"null", "null"}, true
	cfg.Devices = []string{"isa-debug-exit,iobase=0xf4,iosize=1"}
	m := start(t, cfg)
	if len(engines) > 0 {
		id, err := m.AddBreakpoint(inspect.Breakpoint{Kind: inspect.BreakPort, Addr: 0xe9})
		must(t, err)
		for said, n := "", 0; !strings.HasSuffix(said, "\nend"); n++ {
			m.cont()
			r, err := m.Registers(0)
			must(t, err)
			said += string(byte(r.GPR[0]))
			next := engines[n%len(engines)]
			if wrong != nil && strings.HasPrefix(said[strings.LastIndex(said, "\n")+1:], levelLine[:len(levelLine)-1]) {
				next = emu.AccelKVM // some do not tell of the end of an interrupt that they have not delivered
			}
			must(t, m.SetAccel(next))
		}
		must(t, m.RemoveBreakpoint(id))
	}
	must(t, m.Continue())
	<-m.ended
	if m.status != 1 || m.err != nil {
		t.Errorf("%d, %v\n%s", m.status, m.err, out.String())
	}
	return strings.Split(out.String(), "\n")
}

// interruptsAs compares what a guest is told of interrupts with what it is told by the interpreter.
func interruptsAs(t *testing.T, cfg emu.Config, engines ...emu.Accel) {
	t.Helper()
	needKVM(t, kvm.Probe32)
	h, err := kvm.Open()
	must(t, err)
	wrong := h.ProbeLocalAPIC()
	deadline := kvmcpu.HasDeadline(h, kvmcpu.UserIRQChip)
	must(t, h.Close())
	want := interrupts(t, "irqchip.asm", emu.Config{Accel: emu.AccelInterp}, nil)
	got := interrupts(t, "irqchip.asm", cfg, wrong, engines...)
	for i, l := range got {
		switch {
		case i >= len(want):
		case cfg.IRQChip == emu.IRQChipOff && !deadline && l == "timer, deadline":
			t.Log("THIS HOST'S KVM CANNOT: exits for IA32_TSC_DEADLINE")
			want[i] = l
		case wrong != nil && strings.TrimRight(l, " 4B") == levelLine && l != want[i]:
			t.Logf("THIS HOST'S KVM CANNOT: %v: %q in place of %q", wrong, l, want[i])
			want[i] = l
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-interp +KVM)\n%s", d)
	}
}

// Interrupts of all kinds are the same with KVM's local APICs and with goemu's.
func TestIRQChip(t *testing.T) {
	for name, chip := range map[string]emu.IRQChip{"off": emu.IRQChipOff, "split": emu.IRQChipSplit, "on": emu.IRQChipOn} {
		t.Run(name, func(t *testing.T) {
			if chip == emu.IRQChipOn {
				needKVM(t, kvm.Probe32)
				needInKernel(t)
			}
			c := &counted{Sys: kvm.System}
			kvm.System = c
			defer func() { kvm.System = c.Sys }()
			interruptsAs(t, emu.Config{Accel: emu.AccelKVM, IRQChip: chip})
			t.Log(c.runs.Load(), "runs")
		})
	}
}

// moves are the engines to which a machine goes in turn.
var moves = map[string][]emu.Accel{
	"stops":        {emu.AccelKVM},
	"kvm, interp":  {emu.AccelInterp, emu.AccelKVM},
	"kvm, tcg":     {emu.AccelAuto, emu.AccelKVM},
	"two, and two": {emu.AccelInterp, emu.AccelInterp, emu.AccelKVM, emu.AccelKVM, emu.AccelKVM},
}

// What the 8259As do is the same in KVM, and if the machine moves all the time: between the words of an initialisation, while interrupts wait or are in service, with a level that is held.
func TestInKernelPIC(t *testing.T) {
	needKVM(t, kvm.Probe32)
	needInKernel(t)
	want := interrupts(t, "pics.asm", emu.Config{Accel: emu.AccelInterp}, nil)
	if n := len(want); n < 10 || want[n-2] != "end" {
		t.Errorf("%q", want)
	}
	check := func(engines ...emu.Accel) {
		t.Helper()
		got := interrupts(t, "pics.asm", emu.Config{Accel: emu.AccelKVM, IRQChip: emu.IRQChipOn}, nil, engines...)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%v (-interp +KVM)\n%s", engines, d)
		}
	}
	check()
	for _, engines := range moves {
		check(engines...)
	}
}

// They are also if the machine moves all the time: while timers run, interrupts wait or are in service.
func TestIRQChipMoves(t *testing.T) {
	for name, engines := range moves {
		for _, chip := range []emu.IRQChip{emu.IRQChipSplit, emu.IRQChipOn} {
			t.Run(fmt.Sprintf("%s, %d", name, chip), func(t *testing.T) {
				if chip == emu.IRQChipOn {
					needKVM(t, kvm.Probe32)
					needInKernel(t)
				}
				interruptsAs(t, emu.Config{Accel: emu.AccelKVM, IRQChip: chip}, engines...)
			})
		}
	}
}

// What cannot be is one line that says why, and what to do; where nobody asks for it goemu's own are taken.
func TestIRQChipRefused(t *testing.T) {
	real := kvm.System
	defer func() { kvm.System = real }()
	fake := kvmtest.NewFake()
	kvm.System = fake
	for _, c := range []struct {
		cfg  emu.Config
		want string
	}{
		{emu.Config{IRQChip: emu.IRQChipSplit}, "kernel-irqchip=split: KVM: this host's KVM lacks KVM_CAP_SPLIT_IRQCHIP, KVM_CAP_SIGNAL_MSI, KVM_CAP_IRQ_ROUTING"},
		{emu.Config{IRQChip: emu.IRQChipSplit, Icount: true}, "leave -icount away, or kernel-irqchip=off"},
		{emu.Config{IRQChip: emu.IRQChipOn}, "kernel-irqchip=on: KVM: this host's KVM lacks KVM_CAP_IRQCHIP, KVM_CAP_SIGNAL_MSI, KVM_CAP_IRQ_ROUTING"},
		{emu.Config{IRQChip: emu.IRQChipOn, Icount: true}, "leave -icount away, or kernel-irqchip=off"},
		{emu.Config{IRQChip: emu.IRQChipOff}, ""},
		{emu.Config{}, ""},
		{emu.Config{CPUs: 2}, ""},
	} {
		c.cfg.Accel = emu.AccelKVM
		m, err := emu.New(c.cfg)
		switch {
		case c.want == "" && err == nil:
			must(t, m.Close())
		case c.want == "" || err == nil || !strings.HasPrefix(err.Error(), "-accel kvm: ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n"):
			t.Errorf("%+v: %v", c.cfg, err)
		}
	}
	if n := fake.Files(); n != 0 {
		t.Errorf("%d files are left open", n)
	}
	// A false KVM that has all of it fails at the guest, by which it is tried.
	for _, k := range []kvm.Cap{kvm.CapSplitIRQChip, kvm.CapSignalMSI, kvm.CapIRQRouting} {
		fake.Caps[k] = 1
	}
	fake.Run = func(c *kvmtest.CPU) syscall.Errno { return c.Exit(kvm.ExitShutdown) }
	m, err := emu.New(emu.Config{Accel: emu.AccelKVM})
	must(t, err)
	if got := emu.IRQChipText(m); !strings.HasPrefix(got, "off: ") {
		t.Error(got)
	}
	must(t, m.Close())
	m, err = emu.New(emu.Config{Accel: emu.AccelKVM, IRQChip: emu.IRQChipSplit})
	must(t, err)
	if got := emu.IRQChipText(m); !strings.HasPrefix(got, "split: ") {
		t.Error(got)
	}
	must(t, m.Close())
	if n := fake.Files(); n != 0 {
		t.Errorf("%d files are left open", n)
	}
}

// A CPU that is halted in KVM can be looked at and stopped, moves, and wakes by what another goroutine does.
func TestHaltInKVM(t *testing.T) {
	needKVM(t, kvm.Probe32)
	for _, c := range []struct {
		chip    emu.IRQChip
		engines []emu.Accel
	}{
		{emu.IRQChipOff, nil}, {emu.IRQChipSplit, nil}, {emu.IRQChipOn, nil}, {emu.IRQChipOn, []emu.Accel{emu.AccelInterp, emu.AccelKVM}}, {emu.IRQChipSplit, []emu.Accel{emu.AccelInterp}}, {emu.IRQChipSplit, []emu.Accel{emu.AccelAuto, emu.AccelKVM}},
	} {
		m := start(t, emu.Config{Accel: emu.AccelKVM, IRQChip: c.chip, CPU: "pentium2", Kernel: assemble(t, "halt.asm"), Devices: []string{"isa-debug-exit,iobase=0xf4,iosize=1"}})
		halted := func() {
			t.Helper()
			for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
				r, err := m.Registers(0)
				must(t, err)
				if r.State == inspect.CPUHalted {
					return
				}
				if time.Now().After(end) {
					t.Fatalf("it does not halt:\n%s", &r)
				}
			}
		}
		halted()
		for _, e := range c.engines {
			must(t, m.SetAccel(e))
			halted()
		}
		must(t, m.Pause())
		must(t, m.Continue())
		halted()
		must(t, m.InjectNMI())
		<-m.ended
		if m.status != 7 || m.err != nil {
			t.Errorf("%+v: status %d, %v", c, m.status, m.err)
		}
	}
}

// The built-in guest and the firmware, which use the 8259As in real mode and the I/O APIC, with all controllers in KVM, and moved from there.
func TestInKernelTour(t *testing.T) {
	needKVM(t, kvm.ProbeReal, kvm.Probe32, kvm.Probe64)
	needInKernel(t)
	for _, c := range []struct {
		word string
		more []emu.Accel
	}{
		{"real mode: came", []emu.Accel{emu.AccelInterp, emu.AccelKVM}},
		{"flat 32-bit", nil},
		{"tour begins", []emu.Accel{emu.AccelTCG, emu.AccelKVM, emu.AccelTCG, emu.AccelKVM}},
	} {
		t.Run(c.word, func(t *testing.T) {
			if d := cmp.Diff(tourtest.Auto, onKVMWith(t, emu.IRQChipOn, c.word, emu.AccelAuto, c.more...)); d != "" {
				t.Errorf("(-want +KVM, then another)\n%s", d)
			}
		})
	}
	t.Run("all", func(t *testing.T) {
		needKVM(t, kvm.Probe64User, kvm.ProbeInterrupt, kvm.ProbeSyscall, kvm.ProbeX87)
		if d := cmp.Diff(tourtest.Auto, onKVMWith(t, emu.IRQChipOn, "", 0)); d != "" {
			t.Errorf("(-want +KVM)\n%s", d)
		}
	})
}

// needInKernel skips a test where KVM cannot have all interrupt controllers.
func needInKernel(t *testing.T) {
	t.Helper()
	h, err := kvm.Open()
	must(t, err)
	if err := errors.Join(kvmcpu.CheckInKernel(h), h.Close()); err != nil {
		t.Skip("THIS HOST'S KVM CANNOT: ", err)
	}
}

// Who looks sees KVM's registers while the guest waits in KVM; a breakpoint on a port of its 8259As cannot be, and one that is there keeps the machine out of KVM.
func TestInKernelLook(t *testing.T) {
	needKVM(t, kvm.Probe32)
	needInKernel(t)
	var want inspect.Controllers
	for _, a := range []emu.Accel{emu.AccelInterp, emu.AccelKVM} {
		m := start(t, emu.Config{Accel: a, IRQChip: emu.IRQChipOn, CPU: "pentium2", Kernel: assemble(t, "irqlook.asm"), Devices: []string{"isa-debug-exit,iobase=0xf4,iosize=1"}})
		for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			r, err := m.Registers(0)
			must(t, err)
			if r.State == inspect.CPUHalted {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("it does not halt:\n%s", &r)
			}
		}
		got := m.Controllers()
		if c := got.PIC[1]; c.IMR != 0x5a || c.Base != 0x98 || got.PIC[0].ELCR != 0x20 || got.IOAPIC[0].Lines[7] != 0x18057 {
			t.Errorf("%v: %+v", a, got)
		}
		if a == emu.AccelInterp {
			want = got
		}
		if d := cmp.Diff([]any{want.PIC, want.IOAPIC}, []any{got.PIC, got.IOAPIC}); d != "" {
			t.Errorf("(-interp +KVM)\n%s", d)
		}
		if a == emu.AccelKVM {
			for _, at := range []uint64{0x1f, 0x21, 0xa0, 0x4d1} {
				_, err := m.AddBreakpoint(inspect.Breakpoint{Kind: inspect.BreakPort, Addr: at, Len: 2})
				if err == nil || !strings.Contains(err.Error(), "use kernel-irqchip=split, or accel tcg") {
					t.Errorf("port %#x: %v", at, err)
				}
			}
			_, err := m.AddBreakpoint(inspect.Breakpoint{Kind: inspect.BreakPort, Addr: 0x22})
			must(t, err)
			must(t, m.SetAccel(emu.AccelInterp))
			id, err := m.AddBreakpoint(inspect.Breakpoint{Kind: inspect.BreakPort, Addr: 0x20})
			must(t, err)
			if err := m.SetAccel(emu.AccelKVM); err == nil || !strings.Contains(err.Error(), "KVM has the 8259As") {
				t.Error(err)
			}
			must(t, m.RemoveBreakpoint(id))
			must(t, m.SetAccel(emu.AccelKVM))
		}
	}
}

// Who traces accesses is told that those to KVM's controllers are not seen.
func TestInKernelUnseen(t *testing.T) {
	fake, _ := goodKVM(t, "max", nil)
	for _, k := range []kvm.Cap{kvm.CapIRQChip, kvm.CapSignalMSI, kvm.CapIRQRouting} {
		fake.Caps[k] = 1
	}
	for chip, want := range map[emu.IRQChip]string{emu.IRQChipOff: "", emu.IRQChipOn: "-trace cpu_out: KVM does not tell of all that happens in it; -accel tcg does"} {
		tr := trace.New(debuglog.New(0, io.Discard))
		tr.Apply("cpu_out")
		m, err := emu.New(emu.Config{PowerOn: true, Accel: emu.AccelKVM, IRQChip: chip, ConsoleOut: io.Discard, Trace: tr})
		must(t, err)
		if w := strings.Join(m.Warnings(), "\n"); w != want {
			t.Errorf("%q, want %q", w, want)
		}
		if got := emu.IRQChipText(m); (chip == emu.IRQChipOn) != strings.HasPrefix(got, "on: ") {
			t.Error(got)
		}
		must(t, m.Close())
	}
}
