package emu_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"goemu/emu"
	"goemu/emu/inspect"
	"goemu/emu/tour/tourtest"

	"github.com/google/go-cmp/cmp"
)

// movable are the engines that this host has, for moves between them.
func movable() []emu.Accel {
	m, err := emu.New(emu.Config{})
	if err != nil {
		return nil
	}
	defer m.Close()
	if m.Accel() == emu.AccelInterp {
		return []emu.Accel{emu.AccelInterp, emu.AccelAuto}
	}
	return []emu.Accel{emu.AccelInterp, emu.AccelTCG}
}

// moveOften moves a machine from engine to engine until it has ended.
func moveOften(t *testing.T, m *started, engines []emu.Accel) {
	t.Helper()
	for n := 0; ; n++ {
		err := m.SetAccel(engines[n%len(engines)])
		select {
		case <-m.ended:
			return
		default:
			must(t, err)
		}
	}
}

// The built-in guest says the same however often its engine changes, and with -icount executes as many instructions.
func TestMoveTour(t *testing.T) {
	engines := movable()
	for _, counted := range []bool{false, true} {
		for _, cpus := range []int{1, 2} {
			run := func(move bool) (string, uint64) {
				var out bytes.Buffer
				m := start(t, emu.Config{Icount: counted, NoSleep: counted, Shift: 3, CPUs: cpus, ConsoleOut: &out, Serial: []string{"stdio"}, Stopped: true})
				must(t, m.SetAccel(engines[0]))
				must(t, m.Continue())
				if move {
					moveOften(t, m, engines)
				}
				<-m.ended
				if m.status != 0 || m.err != nil {
					t.Fatal(m.status, m.err)
				}
				return out.String(), m.Stats().Instructions
			}
			plain, insns := run(false)
			moved, movedInsns := run(true)
			if d := cmp.Diff(tourtest.Mask(plain), tourtest.Mask(moved)); d != "" {
				t.Errorf("counted %v, %d CPUs (-one engine +moved):\n%s", counted, cpus, d)
			}
			if counted && insns != movedInsns {
				t.Errorf("%d CPUs: %d instructions on one engine, %d when moved", cpus, insns, movedInsns)
			}
		}
	}
}

// Breakpoints, watchpoints and steps are where they were when the engine changes at each stop.
func TestMoveStopped(t *testing.T) {
	engines := movable()
	var want []string
	for _, move := range []bool{false, true} {
		m, at := debugged(t, emu.Config{Icount: true})
		for _, b := range []inspect.Breakpoint{
			{Kind: inspect.BreakExec, Addr: at["loop1.mid"]}, {Kind: inspect.BreakExec, Addr: at["func"]}, {Kind: inspect.BreakWrite, Addr: at["data"], Len: 8},
			{Kind: inspect.BreakPort, Addr: 0xe9},
		} {
			if _, err := m.AddBreakpoint(b); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for n := range 60 {
			if move {
				must(t, m.SetAccel(engines[n%2]))
			}
			if n%3 == 2 {
				must(t, m.Step(0, inspect.Step{Kind: inspect.StepInstruction}))
				m.next(inspect.NoticeResumed)
				m.next(inspect.NoticeStopped)
			} else {
				m.cont()
			}
			r, err := m.Registers(0)
			must(t, err)
			got = append(got, r.String())
		}
		if want == nil {
			want = got
		} else if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-one engine +moved)\n%s", d)
		}
	}
}

// An engine that is not there is refused by name, and a machine that has ended says so.
func TestMoveFails(t *testing.T) {
	if _, err := emu.ParseAccel("frob"); err == nil || !strings.Contains(err.Error(), "frob") {
		t.Error(err)
	}
	m, err := emu.New(emu.Config{})
	must(t, err)
	must(t, m.Close())
	if err := m.SetAccel(emu.AccelInterp); err == nil || errors.Is(err, emu.ErrNotStopped) {
		t.Error(err)
	}
}
