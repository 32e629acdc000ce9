package gdb

import (
	"encoding/hex"
	"fmt"
	"strings"

	"goemu/emu/inspect"
)

// Bits of sstep: how steps are done. Without the first, a step is a continue. The third has a meaning with the second alone: where interrupts
// are delivered, time goes on.
const (
	sstepEnable = 1 << iota
	sstepNoIRQ
	sstepNoTimer

	sstepAll = sstepEnable | sstepNoIRQ | sstepNoTimer
)

// Signals by which gdb is told why the machine has stopped, as QEMU does (GDB's manual, E.3; gdb's own numbers).
const (
	sigInt     = 2
	sigQuit    = 3
	sigTrap    = 5
	sigAbort   = 6
	sigIO      = 23
	sigUnknown = 143
)

// resumed is what the client waits for the end of.
type resumed struct {
	ranged      bool // a step to out of a range of addresses
	cpu         int
	first, last uint64 // of the range, as offsets in CS
	interrupted bool   // the client wants a stop
}

// why is the stop reply to "?", with which a client begins: breakpoints of before are gone.
func (s *Server) why(string) string {
	s.removeAll()
	if st := s.m.Status(); st == inspect.StatusRunning || st == inspect.StatusSuspended {
		s.halt()
	}
	return s.stopReply(&s.stop)
}

// oldContinue is "c" and "C", with an address and a signal that no machine takes.
func (s *Server) oldContinue(string) (string, bool) { return s.resume(s.stepCPU, false, nil) }

// oldStep is "s" and "S".
func (s *Server) oldStep(string) (string, bool) {
	cpu := s.stepCPU
	if cpu < 0 {
		cpu = s.cpu
	}
	return s.resume(cpu, true, nil)
}

// action is a part of vCont: what some threads are to do.
type action struct {
	letter      byte
	first, last uint64 // of r
	thread      int
}

// parseAction reads one. Signals are dropped: no machine takes them.
func (s *Server) parseAction(text string) (a action, err error) {
	what, thread, named := strings.Cut(text, ":")
	a.thread = allThreads
	if named {
		if a.thread, err = s.parseThread(thread); err != nil {
			return a, err
		}
	}
	if what == "" {
		return a, fmt.Errorf("an empty action")
	}
	a.letter = what[0]
	ok := what == "c" || what == "s"
	switch a.letter {
	case 'C', 'S':
		a.letter += 'a' - 'A'
		_, ok = hexNumber(what[1:])
	case 'r':
		a.first, a.last, ok = hexPair(what[1:], ",")
	}
	if !ok {
		return a, fmt.Errorf("no such action: %q", what)
	}
	return a, nil
}

// vCont gives threads actions, of which the first that names a thread counts for it. One may step: the others stand still meanwhile, as the end of a step stops
// them anyway. All may go on, or one alone; more than one but not all cannot.
func (s *Server) vCont(args string) (string, bool) {
	n := s.m.CPUs()
	acts := make([]*action, n)
	for _, text := range strings.Split(args, ";") {
		a, err := s.parseAction(text)
		if err != nil {
			return errInvalid, true
		}
		for i := range acts {
			if acts[i] == nil && (a.thread == allThreads || a.thread == i+1 || a.thread == anyThread && i == s.cpu) {
				acts[i] = &a
			}
		}
	}
	going, last := 0, 0
	for i, a := range acts {
		switch {
		case a == nil:
		case a.letter != 'c':
			return s.resume(i, true, a)
		default:
			going, last = going+1, i
		}
	}
	switch going {
	case n:
		return s.resume(-1, false, nil)
	case 1:
		return s.resume(last, false, nil)
	}
	return errInvalid, true
}

// resume lets the machine go on: a vCPU alone, or with -1 all of them. For a step, a says how far.
func (s *Server) resume(cpu int, step bool, a *action) (string, bool) {
	s.resumed = resumed{cpu: cpu}
	if a != nil && a.letter == 'r' {
		s.resumed.ranged, s.resumed.first, s.resumed.last = true, a.first, a.last
	}
	s.drain()
	s.wait(true)
	var err error
	switch {
	case step && s.sstep&sstepEnable != 0:
		err = s.step(cpu)
	case cpu >= 0 && s.m.CPUs() > 1:
		err = s.m.ContinueAlone(cpu)
	default:
		err = s.m.Continue()
	}
	if err != nil {
		// It stands still for good, and gdb's user is told why.
		s.wait(false)
		s.send([]byte("O" + hex.EncodeToString([]byte(err.Error()+"\n"))))
		return s.stopReply(&inspect.Notice{CPU: s.cpu, Status: s.m.Status()}), true
	}
	return "", false
}

// step steps, also where somebody else has let the machine go on meanwhile.
func (s *Server) step(cpu int) error {
	how := inspect.Step{Interrupts: s.sstep&sstepNoIRQ == 0}
	err := s.m.Step(cpu, how)
	if err != nil && s.m.Pause() == nil {
		s.drain()
		err = s.m.Step(cpu, how)
	}
	return err
}

// drain drops what the machine has told so far: stops of before are not the one that is waited for.
func (s *Server) drain() {
	for {
		select {
		case _, ok := <-s.notices:
			if ok {
				continue
			}
		default:
		}
		return
	}
}

// interrupt implements taker: the client wants the machine to stop.
func (s *Server) interrupt() {
	if s.waits() {
		s.resumed.interrupted = true
		// A machine that has ended has told so.
		_ = s.m.Pause()
	}
}

// notice is what the machine tells.
func (s *Server) notice(n *inspect.Notice) {
	if n.Kind != inspect.NoticeStopped || !s.waits() || s.goesOn(n) {
		return
	}
	s.wait(false)
	s.stop = *n
	s.cpu = n.CPU
	s.send([]byte(s.stopReply(n)))
}

// goesOn steps again while that is to leave a range of addresses, and has not.
func (s *Server) goesOn(n *inspect.Notice) bool {
	r := &s.resumed
	if !r.ranged || n.Why != inspect.StopStep || r.interrupted {
		return false
	}
	regs, err := s.m.Registers(r.cpu)
	if err != nil || regs.RIP < r.first || regs.RIP >= r.last {
		return false
	}
	for _, p := range s.points {
		if p.kind < writeWatch && p.addr == regs.PC() {
			return false
		}
	}
	return s.step(r.cpu) == nil
}

// stopReply says why the machine stands still.
func (s *Server) stopReply(n *inspect.Notice) string {
	signal, reason := sigUnknown, ""
	switch n.Status {
	case inspect.StatusDebug:
		signal, reason = sigTrap, s.reason(n)
	case inspect.StatusPrelaunch:
		signal = sigTrap
	case inspect.StatusPaused:
		if signal = sigInt; n.Why != inspect.StopPause {
			signal = sigTrap // stopped for the client that has come
		}
	case inspect.StatusShutdown:
		signal = sigQuit
	case inspect.StatusIOError:
		signal = sigIO
	case inspect.StatusInternalError, inspect.StatusGuestPanicked:
		signal = sigAbort
	}
	return fmt.Sprintf("T%02xthread:%s;%s", signal, s.thread(n.CPU), reason)
}

// reason is which point has stopped the machine. Where CS has a base, RIP is not where the breakpoint is: gdb would take that for
// a breakpoint that it has just removed, and go on.
func (s *Server) reason(n *inspect.Notice) string {
	p := s.byID(n.Breakpoint)
	if p == nil || n.Why != inspect.StopBreakpoint && n.Why != inspect.StopWatchpoint {
		return ""
	}
	switch p.kind {
	case softwareBreak, hardwareBreak:
		r, err := s.m.Registers(n.CPU)
		if err != nil || r.RIP != p.addr {
			return ""
		}
		if p.kind == softwareBreak && s.swbreak {
			return "swbreak:;"
		}
		if p.kind == hardwareBreak && s.hwbreak {
			return "hwbreak:;"
		}
		return ""
	}
	at := n.Address
	if at-p.addr >= p.size {
		at = p.addr // the access began before it
	}
	return fmt.Sprintf("%s:%x;", [...]string{writeWatch: "watch", readWatch: "rwatch", accessWatch: "awatch"}[p.kind], at)
}

// detach lets the machine go on behind the reply, without the client's breakpoints.
func (s *Server) detach(string) string {
	s.goes = true
	return okReply
}

// kill ends the machine. There is no reply.
func (s *Server) kill(string) (string, bool) {
	s.m.Stop(0)
	return "", false
}

// leave is what follows a detach.
func (s *Server) leave() {
	s.goes = false
	s.removeAll()
	// A machine that has ended, or has to be reset, stays so.
	_ = s.m.Continue()
}
