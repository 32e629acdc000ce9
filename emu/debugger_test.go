package emu_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"goemu/emu"
	"goemu/emu/inspect"
)

// started runs a machine beside the test, and ends it with the test.
type started struct {
	*emu.Machine
	t       *testing.T
	notices <-chan inspect.Notice
	ended   chan struct{}
	status  int
	err     error
}

func start(t *testing.T, cfg emu.Config) *started {
	t.Helper()
	if cfg.Serial == nil {
		cfg.Serial = []string{"null"}
	}
	if cfg.ConsoleOut == nil {
		cfg.ConsoleOut = io.Discard
	}
	m, err := emu.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &started{Machine: m, t: t, ended: make(chan struct{})}
	s.notices, _ = m.Notify(1000)
	go func() {
		s.status, s.err = m.Run()
		close(s.ended)
	}()
	t.Cleanup(func() {
		m.Stop(0)
		<-s.ended
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// next waits for the next notice of a kind, which no other may come before.
func (s *started) next(kind inspect.NoticeKind) inspect.Notice {
	s.t.Helper()
	select {
	case n, ok := <-s.notices:
		if !ok || n.Kind != kind {
			s.t.Fatalf("%v (%v), want %v", &n, ok, kind)
		}
		return n
	case <-time.After(patience):
		s.t.Fatalf("no %v comes", kind)
	}
	return inspect.Notice{}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A machine that begins stopped, runs, powers off and is kept, is reset, and quits: status and notices.
func TestLifeCycle(t *testing.T) {
	for name, accel := range engines {
		t.Run(name, func(t *testing.T) {
			m := start(t, emu.Config{Accel: accel, Stopped: true, NoShutdown: true})
			status := func(want inspect.Status) {
				t.Helper()
				if got := m.Status(); got != want {
					t.Errorf("status %v, want %v", got, want)
				}
			}
			status(inspect.StatusPrelaunch)
			r, err := m.Registers(0)
			must(t, err)
			if r.RIP != 0xfff0 || r.Seg[inspect.CS].Base != 0xffff0000 || r.CodeBits() != 16 || !r.A20 || r.PC() != 0xfffffff0 {
				t.Errorf("not at the reset vector:\n%s", &r)
			}
			must(t, m.Pause())
			status(inspect.StatusPrelaunch)
			must(t, m.Continue())
			m.next(inspect.NoticeResumed)
			if n := m.next(inspect.NoticeShutdown); n.Reason != inspect.ReasonGuestShutdown || !n.Guest() {
				t.Errorf("%+v", n)
			}
			if n := m.next(inspect.NoticeStopped); n.Status != inspect.StatusShutdown || n.Why != inspect.StopShutdown {
				t.Errorf("%+v", n)
			}
			if err := m.Continue(); !errors.Is(err, emu.ErrNeedsReset) {
				t.Errorf("goes on after power-off: %v", err)
			}
			must(t, m.Reset())
			if n := m.next(inspect.NoticeReset); n.Reason != inspect.ReasonHostQMPReset || n.Guest() {
				t.Errorf("%+v", n)
			}
			status(inspect.StatusPrelaunch)
			if r, err = m.Registers(0); err != nil || r.RIP != 0xfff0 {
				t.Errorf("%v, RIP %#x after reset", err, r.RIP)
			}
			must(t, m.Continue())
			m.next(inspect.NoticeResumed)
			m.next(inspect.NoticeShutdown)
			m.next(inspect.NoticeStopped)
			m.Quit(3, inspect.ReasonHostQMPQuit)
			if n := m.next(inspect.NoticeShutdown); n.Reason != inspect.ReasonHostQMPQuit || n.Exit != 3 {
				t.Errorf("%+v", n)
			}
			<-m.ended
			if m.status != 3 || m.err != nil {
				t.Errorf("%d, %v", m.status, m.err)
			}
			status(inspect.StatusShutdown)
			if _, err := m.Registers(0); err != nil {
				t.Errorf("after the end: %v", err)
			}
			if _, ok := <-m.notices; ok {
				t.Error("notices after the end")
			}
		})
	}
}

// Who looks at a machine that has ended, as a display does until it is closed too, sees it without the translations, whose memory has been given back; what is changed changes nothing there.
func TestLookAfterEnd(t *testing.T) {
	for name, accel := range engines {
		t.Run(name, func(t *testing.T) {
			m, at := debugged(t, emu.Config{Accel: accel})
			m.to(at["again"])
			m.to(at["quiet"])
			if b, err := m.Block(0, at["loop1"]); err != nil || !b.Translated {
				t.Errorf("%+v, %v", b, err)
			}
			m.Stop(0)
			<-m.ended
			b, err := m.Block(0, at["loop1"])
			if err != nil || b.IR == "" || b.Translated || b.Host != "" {
				t.Errorf("%+v, %v", b, err)
			}
			if j := m.JIT(); j.Live != 0 {
				t.Errorf("%+v", j)
			}
			// Whether the machine still takes them is not the question.
			_ = m.CountRuns(at["loop1"], true)
			_, _ = m.AddBreakpoint(inspect.Breakpoint{Addr: at["loop1.mid"]})
			_, _ = m.WriteMemory(0, inspect.Physical(at["loop1"]), []byte{0x90})
			_, _ = m.Block(0, at["loop1"])
		})
	}
}

// A subscriber that does not read loses the oldest notices and is told how many; the machine goes on.
func TestLostNotices(t *testing.T) {
	in, keys := io.Pipe()
	defer keys.Close()
	m := start(t, emu.Config{Stopped: true, Interactive: true, ConsoleIn: in})
	slow, cancel := m.Notify(2)
	for range 5 {
		must(t, m.Continue())
		must(t, m.Pause())
	}
	if a, b := <-slow, <-slow; a.Kind != inspect.NoticeResumed || b.Kind != inspect.NoticeStopped || b.Lost != 8 {
		t.Errorf("%+v\n%+v", a, b)
	}
	cancel()
	cancel()
	if _, ok := <-slow; ok {
		t.Error("a notice after cancel")
	}
}
