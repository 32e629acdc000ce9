package emu_test

import (
	"testing"

	"goemu/emu"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
)

// With several vCPUs all stop when one does, a breakpoint says which, and one steps alone while the others stand still.
func TestBreakpointsSMP(t *testing.T) {
	eachEngine(t, func(t *testing.T, cfg emu.Config) { breakpointsSMP(t, cfg, true) })
	t.Run("kvm", func(t *testing.T) {
		needKVM(t, kvm.ProbeReal, kvm.Probe32, kvm.ProbeStep)
		breakpointsSMP(t, emu.Config{Accel: emu.AccelKVM, IRQChip: emu.IRQChipSplit, CPU: "pentium2"}, false) // TestKVMWatch tells whether a KVM meets watchpoints
	})
}

func breakpointsSMP(t *testing.T, cfg emu.Config, watch bool) {
	cfg.CPUs = 3
	cfg.Kernel = assemble(t, "smpdebug.asm")
	cfg.Stopped = true
	m := start(t, cfg)
	const counter, loop, slot = 0x9000, 0x8000 + 0x40, 4
	id := m.add(inspect.Breakpoint{Addr: loop})
	seen := map[int]int{}
	for seen[1] < 3 || seen[2] < 3 {
		n := m.cont()
		if n.Breakpoint != id || n.CPU == 0 {
			t.Fatalf("%+v", n)
		}
		seen[n.CPU]++
		r, err := m.Registers(n.CPU)
		must(t, err)
		if r.PC() != loop || r.CPU != n.CPU {
			t.Fatalf("CPU %d at %#x", n.CPU, r.PC())
		}
		count := func() [3]byte {
			var p [3 * slot]byte
			_, err := m.ReadMemory(0, inspect.Physical(counter), p[:])
			must(t, err)
			return [3]byte{p[0], p[slot], p[2*slot]}
		}
		before := count()
		must(t, m.Step(n.CPU, inspect.Step{})) // INC of its counter
		m.next(inspect.NoticeResumed)
		if s := m.next(inspect.NoticeStopped); s.Why != inspect.StopStep || s.CPU != n.CPU {
			t.Fatalf("%+v", s)
		}
		before[n.CPU]++
		if after := count(); after != before {
			t.Fatalf("CPU %d: %v, want %v", n.CPU, after, before)
		}
	}
	// A watchpoint on what one of them writes names it.
	must(t, m.RemoveBreakpoint(id))
	if watch {
		m.add(inspect.Breakpoint{Kind: inspect.BreakWrite, Addr: counter + 2*slot})
		if n := m.cont(); n.Why != inspect.StopWatchpoint || n.CPU != 2 {
			t.Errorf("%+v", n)
		}
	}
	must(t, m.Step(0, inspect.Step{}))
	m.next(inspect.NoticeResumed)
	if n := m.next(inspect.NoticeStopped); n.Why != inspect.StopStep || n.CPU != 0 {
		t.Errorf("%+v", n)
	}
}
