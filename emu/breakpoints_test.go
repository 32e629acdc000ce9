package emu_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goemu/emu"
	"goemu/emu/inspect"
)

// labels are the addresses of a guest's labels, by name.
type labels map[string]uint64

// readLabels reads the table that a guest of testdata begins with.
func readLabels(t *testing.T, guest, kernel string) labels {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", guest))
	must(t, err)
	image, err := os.ReadFile(kernel)
	must(t, err)
	_, table, _ := strings.Cut(string(source), "LABELS: ")
	at := bytes.Index(image, []byte("LABELS: ")) + 8
	l := labels{}
	for _, line := range strings.Split(table, "\n")[1:3] {
		for _, name := range strings.Split(strings.TrimPrefix(strings.TrimSpace(line), "dd "), ", ") {
			l[name] = uint64(binary.LittleEndian.Uint32(image[at:]))
			at += 4
		}
	}
	return l
}

// debugged is the guest of testdata/debug.asm, stopped before its first instruction.
func debugged(t *testing.T, cfg emu.Config) (*started, labels) {
	return debuggedGuest(t, "debug.asm", cfg)
}

func debuggedGuest(t *testing.T, guest string, cfg emu.Config) (*started, labels) {
	cfg.Kernel = assemble(t, guest)
	cfg.Stopped = true
	return start(t, cfg), readLabels(t, guest, cfg.Kernel)
}

// eachEngine runs a test on both engines, with real time and with counted time.
func eachEngine(t *testing.T, fn func(t *testing.T, cfg emu.Config)) {
	for name, accel := range engines {
		for _, counted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s,icount=%v", name, counted), func(t *testing.T) { fn(t, emu.Config{Accel: accel, Icount: counted}) })
		}
	}
}

// cont lets the machine go on until it stops.
func (s *started) cont() inspect.Notice {
	s.t.Helper()
	must(s.t, s.Continue())
	s.next(inspect.NoticeResumed)
	return s.next(inspect.NoticeStopped)
}

// step steps and gives the address at which it ends.
func (s *started) step(st inspect.Step) uint64 {
	s.t.Helper()
	must(s.t, s.Step(0, st))
	s.next(inspect.NoticeResumed)
	if n := s.next(inspect.NoticeStopped); n.Why != inspect.StopStep || n.Status != inspect.StatusDebug {
		s.t.Fatalf("a step ends by %+v", n)
	}
	return s.pc()
}

func (s *started) pc() uint64 {
	s.t.Helper()
	r, err := s.Registers(0)
	must(s.t, err)
	return r.PC()
}

func (s *started) add(b inspect.Breakpoint) int {
	s.t.Helper()
	id, err := s.AddBreakpoint(b)
	must(s.t, err)
	return id
}

// toLabel goes on to an address once.
func (s *started) to(at uint64) {
	s.t.Helper()
	id := s.add(inspect.Breakpoint{Addr: at, Once: true})
	if n := s.cont(); n.Why != inspect.StopBreakpoint || n.Breakpoint != id || s.pc() != at {
		s.t.Fatalf("%+v, PC %#x, want %#x", n, s.pc(), at)
	}
	if err := s.RemoveBreakpoint(id); err == nil {
		s.t.Fatal("a breakpoint for once stays")
	}
}

// Breakpoints at places that are reached in all ways stop exactly as often as the guest comes there.
func TestBreakpoints(t *testing.T) {
	eachEngine(t, func(t *testing.T, cfg emu.Config) {
		m, at := debugged(t, cfg)
		const alias = 0x40000000
		m.to(at["again"]) // blocks are there, and linked, when breakpoints come
		m.to(at["again"])
		for _, c := range []struct {
			name string
			addr uint64
			hits int
		}{
			{"loop", at["loop1"], 10},
			{"in a block", at["loop1.mid"], 10},
			{"function", at["func"], 8},
			{"return", at["func.ret"], 8},
			{"over a page's end", at["cross"], 1},
			{"first mapping", at["aliased"], 1},
			{"second mapping", at["aliased"]&0xfff | alias, 1},
			{"code that changes itself", at["patched"], 2},
			{"behind it", at["patch.next"], 1},
			{"interrupt handler", at["handler"], 1},
			{"return from it", at["over.next"], 1},
			{"repeated string", at["strings"], 1},
			{"falling through", at["slide"] + 100, 1},
			{"the middle of an instruction", at["store"] + 1, 0},
		} {
			id := m.add(inspect.Breakpoint{Addr: c.addr})
			end := m.add(inspect.Breakpoint{Addr: at["quiet"]})
			hits := 0
			for {
				n := m.cont()
				if n.Why != inspect.StopBreakpoint || n.CPU != 0 {
					t.Fatalf("%s: %+v", c.name, n)
				}
				if n.Breakpoint == end {
					break
				}
				if n.Breakpoint != id || m.pc() != c.addr {
					t.Fatalf("%s: breakpoint %d at %#x, want %d at %#x", c.name, n.Breakpoint, m.pc(), id, c.addr)
				}
				hits++
			}
			if hits != c.hits {
				t.Errorf("%s: %d hits, want %d", c.name, hits, c.hits)
			}
			if l := m.Breakpoints(); len(l) != 2 || l[0].Hits != uint64(hits) || l[1].Hits != 1 {
				t.Errorf("%s: %v", c.name, l)
			}
			must(t, m.RemoveBreakpoint(id))
			must(t, m.RemoveBreakpoint(end))
		}
		// Nothing is left of them.
		m.to(at["again"])
	})
}

// The guest's registers count what it has done: stopping at each round of a loop changes nothing.
func TestBreakpointsChangeNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, cfg emu.Config) {
		m, at := debugged(t, cfg)
		m.to(at["again"])
		m.add(inspect.Breakpoint{Addr: at["loop1.mid"]})
		for i := uint64(1); i <= 10; i++ {
			m.cont()
			r, err := m.Registers(0)
			must(t, err)
			if r.GPR[inspect.RBX] != i || r.GPR[inspect.RCX] != 11-i {
				t.Fatalf("round %d: EBX %d ECX %d", i, r.GPR[inspect.RBX], r.GPR[inspect.RCX])
			}
		}
	})
}

// Watchpoints stop behind the instruction that has made the access, for the kinds of accesses and bytes that they are for.
func TestWatchpoints(t *testing.T) {
	eachEngine(t, func(t *testing.T, cfg emu.Config) {
		m, at := debugged(t, cfg)
		m.to(at["port.next"])
		m.to(at["port.next"])
		type hit struct {
			pc, addr uint64
			write    bool
		}
		data := at["data"]
		for _, c := range []struct {
			name string
			b    inspect.Breakpoint
			want []hit
		}{
			{"write", inspect.Breakpoint{Kind: inspect.BreakWrite, Addr: data + 6, Len: 2}, []hit{{at["store.next"], data + 6, true}}},
			{"read", inspect.Breakpoint{Kind: inspect.BreakRead, Addr: data, Len: 8}, []hit{{at["load.next"], data + 4, false}}},
			{"access", inspect.Breakpoint{Kind: inspect.BreakAccess, Addr: data + 7, Len: 8}, []hit{{at["store.next"], data + 7, true}, {at["load.next"], data + 7, false}}},
			{"byte beside", inspect.Breakpoint{Kind: inspect.BreakAccess, Addr: data + 8}, nil},
		} {
			id := m.add(c.b)
			end := m.add(inspect.Breakpoint{Addr: at["over"]})
			var got []hit
			for {
				n := m.cont()
				if n.Breakpoint == end {
					break
				}
				if n.Why != inspect.StopWatchpoint || n.Breakpoint != id {
					t.Fatalf("%s: %+v", c.name, n)
				}
				got = append(got, hit{m.pc(), n.Address, n.Write})
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%s: %#v, want %#v", c.name, got, c.want)
			}
			r, err := m.Registers(0)
			must(t, err)
			if r.DR[6] != 0xffff0ff0 || r.DR[7] != 0x400 {
				t.Errorf("%s: DR6 %#x DR7 %#x", c.name, r.DR[6], r.DR[7])
			}
			must(t, m.RemoveBreakpoint(id))
			must(t, m.RemoveBreakpoint(end))
			m.to(at["port.next"])
		}
	})
}

// A watchpoint on what a repeated string instruction writes stops at each repetition that writes there; a port's stops behind OUT.
func TestWatchStringsAndPorts(t *testing.T) {
	eachEngine(t, func(t *testing.T, cfg emu.Config) {
		m, at := debugged(t, cfg)
		m.to(at["again"])
		m.add(inspect.Breakpoint{Kind: inspect.BreakWrite, Addr: at["data"] + 66, Len: 2})
		for i := range uint64(2) {
			n := m.cont()
			r, err := m.Registers(0)
			must(t, err)
			if n.Why != inspect.StopWatchpoint || n.Address != at["data"]+66+i || r.PC() != at["strings"] || r.GPR[inspect.RCX] != 5-i {
				t.Errorf("%+v, PC %#x ECX %d", n, r.PC(), r.GPR[inspect.RCX])
			}
		}
		id := m.add(inspect.Breakpoint{Kind: inspect.BreakPort, Addr: 0xe8, Len: 2})
		if n := m.cont(); n.Why != inspect.StopPort || n.Breakpoint != id || n.Address != 0xe9 || !n.Write || m.pc() != at["port.next"] {
			t.Errorf("%+v, PC %#x", n, m.pc())
		}
	})
}

// Steps by instruction, over calls and interrupts, and by block.
func TestSteps(t *testing.T) {
	eachEngine(t, func(t *testing.T, cfg emu.Config) {
		m, at := debugged(t, cfg)
		one, over, block := inspect.Step{}, inspect.Step{Kind: inspect.StepOver}, inspect.Step{Kind: inspect.StepBlock}
		expect := func(what string, got, want uint64) {
			t.Helper()
			if got != want {
				t.Fatalf("%s: at %#x, want %#x", what, got, want)
			}
		}
		m.to(at["strings"])
		for i := range 7 {
			expect(fmt.Sprint("repetition ", i), m.step(one), at["strings"])
		}
		expect("the last repetition", m.step(one), at["strings.next"])
		m.to(at["strings"])
		expect("over the string instruction", m.step(over), at["strings.next"])
		m.to(at["over"])
		expect("into the interrupt", m.step(one), at["handler"])
		m.step(one)
		expect("and back", m.step(one), at["over.next"])
		m.to(at["over"])
		expect("over the interrupt", m.step(over), at["over.next"])
		expect("no call", m.step(over), at["over.next"]+1)
		m.to(at["loop1"])
		expect("a block", m.step(block), at["loop1"])
		expect("one instruction", m.step(one), at["loop1"]+1)
		expect("the rest of the block", m.step(block), at["loop1"])
		// A breakpoint in it ends a block earlier.
		id := m.add(inspect.Breakpoint{Addr: at["loop1.mid"]})
		must(t, m.Step(0, block))
		m.next(inspect.NoticeResumed)
		if n := m.next(inspect.NoticeStopped); n.Why != inspect.StopBreakpoint || n.Breakpoint != id {
			t.Errorf("%+v", n)
		}
		// A step leaves it.
		expect("off the breakpoint", m.step(one), at["loop1.mid"]+2)
		if n := m.cont(); n.Breakpoint != id {
			t.Errorf("%+v", n)
		}
		must(t, m.RemoveBreakpoint(id))
		m.to(at["ticks"])
		m.step(inspect.Step{Kind: inspect.StepFrame})
	})
}

// What is no breakpoint or no step is an error that says why.
func TestBreakpointErrors(t *testing.T) {
	m, _ := debugged(t, emu.Config{})
	for _, c := range []struct {
		b    inspect.Breakpoint
		want string
	}{
		{inspect.Breakpoint{Kind: inspect.BreakWrite, Len: 9}, "from 1 to 8"},
		{inspect.Breakpoint{Kind: inspect.BreakWrite, Len: -1}, "from 1 to 8"},
		{inspect.Breakpoint{Kind: inspect.BreakPort, Addr: 0xffff, Len: 2}, "0xffff"},
		{inspect.Breakpoint{Kind: inspect.BreakAccess, Addr: ^uint64(0), Len: 2}, "last address"},
		{inspect.Breakpoint{Kind: 99}, "kind"},
	} {
		if _, err := m.AddBreakpoint(c.b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.b, err)
		}
	}
	if err := m.RemoveBreakpoint(7); err == nil {
		t.Error("a breakpoint that is not there is removed")
	}
	if err := m.Step(1, inspect.Step{}); err == nil {
		t.Error("CPU 1 steps")
	}
	must(t, m.Continue())
	if err := m.Step(0, inspect.Step{}); !errors.Is(err, emu.ErrNotStopped) {
		t.Errorf("a machine that runs steps: %v", err)
	}
}
