package emu_test

import (
	"bytes"
	"io"
	"syscall"
	"testing"

	"goemu/emu"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"

	"github.com/google/go-cmp/cmp"
)

// Four vCPUs at a time in KVM, each in its own thread, do what they do in turn: LOCK, spin locks, devices' registers, interrupts among them, timers, NMI.

// togetherConfig is a machine with the guest of together.asm.
func togetherConfig(t *testing.T, out *bytes.Buffer, accel emu.Accel, chip emu.IRQChip) emu.Config {
	return emu.Config{
		Accel: accel, IRQChip: chip, CPUs: 4, CPU: "pentium2", Kernel: assemble(t, "together.asm"), Debugcon: "stdio", ConsoleOut: out, Serial: []string{"null"},
		Devices: []string{"isa-debug-exit,iobase=0xf4,iosize=1"},
	}
}

// togetherSays is what the guest says on the interpreter.
func togetherSays(t *testing.T) string {
	var out bytes.Buffer
	m := start(t, togetherConfig(t, &out, emu.AccelInterp, emu.IRQChipAuto))
	<-m.ended
	return out.String()
}

func TestTogether(t *testing.T) {
	needKVM(t, kvm.ProbeReal, kvm.Probe32)
	want := togetherSays(t)
	for name, chip := range map[string]emu.IRQChip{"in turn": emu.IRQChipOff, "together, split": emu.IRQChipSplit, "together, on": emu.IRQChipOn} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			m := start(t, togetherConfig(t, &out, emu.AccelKVM, chip))
			<-m.ended
			if d := cmp.Diff(want, out.String()); d != "" || m.status != 1 || m.err != nil {
				t.Errorf("%d, %v, (-interp +KVM)\n%s", m.status, m.err, d)
			}
		})
	}
}

// They do also while somebody looks at them, stops them, and moves them to other engines and back.
func TestTogetherMoves(t *testing.T) {
	needKVM(t, kvm.ProbeReal, kvm.Probe32)
	want := togetherSays(t)
	for name, c := range map[string]struct {
		chip    emu.IRQChip
		engines []emu.Accel
	}{
		"stops":           {emu.IRQChipSplit, []emu.Accel{emu.AccelKVM}},
		"kvm, tcg":        {emu.IRQChipSplit, []emu.Accel{emu.AccelAuto, emu.AccelKVM}},
		"kvm, interp":     {emu.IRQChipSplit, []emu.Accel{emu.AccelInterp, emu.AccelKVM, emu.AccelKVM}},
		"on: kvm, interp": {emu.IRQChipOn, []emu.Accel{emu.AccelInterp, emu.AccelKVM, emu.AccelKVM}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			m := start(t, togetherConfig(t, &out, emu.AccelKVM, c.chip))
			for n := range 100 {
				if m.Status() != inspect.StatusRunning {
					break
				}
				for i := range m.CPUs() {
					if r, err := m.Registers(i); err == nil && r.CPU != i {
						t.Errorf("CPU %d is %d", i, r.CPU)
					}
				}
				// It may end at any time.
				_ = m.Pause()
				_ = m.SetAccel(c.engines[n%len(c.engines)])
				_ = m.Continue()
			}
			<-m.ended
			if d := cmp.Diff(want, out.String()); d != "" || m.status != 1 || m.err != nil {
				t.Errorf("%d, %v, (-interp +KVM)\n%s", m.status, m.err, d)
			}
		})
	}
}

// Where KVM fails at one of them all go on in the other engine, each where it is.
func TestTogetherFallBack(t *testing.T) {
	needKVM(t, kvm.ProbeReal, kvm.Probe32)
	want := togetherSays(t)
	real := kvm.System
	defer func() { kvm.System = real }()
	for _, runs := range []int{0, 3, 40, 700, 2500} {
		faults := &kvmtest.Faults{Sys: real}
		kvm.System = faults
		faults.Fail(kvm.ReqRun, append(make([]syscall.Errno, runs), syscall.ENOMEM)...)
		out, errs, m := fallsBack(t, togetherConfig(t, nil, emu.AccelKVMOrInterp, emu.IRQChipSplit))
		if d := cmp.Diff(want, out); d != "" || m.status != 1 || m.err != nil {
			t.Errorf("run %d: %d, %v, (-interp +KVM)\n%s", runs, m.status, m.err, d)
		}
		oneWarning(t, errs, "KVM_RUN", emu.AccelInterp)
		must(t, m.Close())
	}
}

// Each steps alone, and the others stand still; a reset and the end reach them where they are, also in loops that never leave the guest.
func TestTogetherSteps(t *testing.T) {
	needKVM(t, kvm.ProbeReal, kvm.Probe32, kvm.ProbeStep)
	m := start(t, emu.Config{Accel: emu.AccelKVM, IRQChip: emu.IRQChipSplit, CPUs: 3, CPU: "pentium2", Kernel: assemble(t, "smpdebug.asm")})
	const counter, slot, cpus = 0x9000, 4, 3
	count := func() (c [cpus]byte) {
		var p [cpus * slot]byte
		_, err := m.ReadMemory(0, inspect.Physical(counter), p[:])
		must(t, err)
		for i := range c {
			c[i] = p[slot*i]
		}
		return c
	}
	for round := range 2 {
		for begun := [cpus]bool{0: true}; begun != [cpus]bool{true, true, true}; {
			for i, n := range count() {
				begun[i] = begun[i] || n != 0
			}
		}
		must(t, m.Pause())
		m.next(inspect.NoticeStopped)
		if was := count(); count() != was {
			t.Error("they run though the machine is stopped")
		}
		for n := range 30 {
			cpu := 1 + n%2
			before := count()
			r, err := m.Registers(cpu)
			must(t, err)
			must(t, m.Step(cpu, inspect.Step{}))
			m.next(inspect.NoticeResumed)
			if s := m.next(inspect.NoticeStopped); s.Why != inspect.StopStep || s.CPU != cpu {
				t.Fatalf("%+v", s)
			}
			const inc = 0x8040 // of the loop's three instructions
			if r.RIP == inc {
				before[cpu]++
			}
			if after := count(); after != before {
				t.Fatalf("CPU %d at %#x: %v, want %v", cpu, r.RIP, after, before)
			}
		}
		if round == 0 {
			must(t, m.Reset())
			m.next(inspect.NoticeReset)
			var p [cpus * slot]byte
			_, err := m.WriteMemory(0, inspect.Physical(counter), p[:])
			must(t, err)
		}
		must(t, m.Continue())
		m.next(inspect.NoticeResumed)
	}
	m.Stop(3)
	<-m.ended
	if m.status != 3 || m.err != nil {
		t.Errorf("status %d, %v", m.status, m.err)
	}
}

// BenchmarkTogether is two vCPUs that count as far as one each: at a time they take half of the time that they take in turn, if the host has two processors for them.
func BenchmarkTogether(b *testing.B) {
	h, err := kvm.Open()
	if err != nil {
		b.Skip("NO KVM HERE: ", err)
	}
	b.Cleanup(func() { _ = h.Close() })
	for _, c := range []struct {
		name string
		chip emu.IRQChip
	}{{"in turn", emu.IRQChipOff}, {"together", emu.IRQChipSplit}} {
		kernel := assemble(b, "loops.asm")
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				m, err := emu.New(emu.Config{
					Accel: emu.AccelKVM, IRQChip: c.chip, CPUs: 2, CPU: "pentium2", Kernel: kernel, Serial: []string{"null"}, ConsoleOut: io.Discard,
					Devices: []string{"isa-debug-exit,iobase=0xf4,iosize=1"},
				})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := m.Run(); err != nil {
					b.Error(err)
				}
				if err := m.Close(); err != nil {
					b.Error(err)
				}
			}
		})
	}
}
