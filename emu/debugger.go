package emu

import (
	"errors"
	"fmt"

	"goemu/emu/inspect"
)

// Stopping and going on. The machine is held while vCPUs and guest time stand still; what other goroutines want of it is done all the same.

// held says that vCPUs stand still, and why.
type held struct {
	on     bool
	status inspect.Status
	by     inspect.Notice // the notice of it
}

// Pause stops the vCPUs and the guest's time until Continue. A machine that is stopped stays as it is. Any goroutine may call it, as those below.
func (m *Machine) Pause() error {
	return m.do(func() error {
		if !m.held.on {
			m.hold(inspect.StatusPaused, inspect.Notice{Why: inspect.StopPause, CPU: m.current().n})
		}
		return nil
	})
}

// ErrNeedsReset is Continue's error after the guest has powered off.
var ErrNeedsReset = errors.New("the guest has powered off: reset the machine first")

// Continue lets a stopped machine go on. One whose guest has powered off has to be reset first.
func (m *Machine) Continue() error {
	return m.do(func() error {
		if !m.held.on {
			return nil
		}
		if err := m.needsReset(); err != nil {
			return err
		}
		m.release()
		return nil
	})
}

// ContinueAlone lets one vCPU of a stopped machine go on, until the machine is stopped again. The others stand still.
func (m *Machine) ContinueAlone(cpu int) error {
	return m.stoppedCPU(cpu, func(v *vcpu) {
		m.debug.stepper = v
		m.release()
	})
}

// stoppedCPU has fn let a vCPU go on, if the machine is stopped and can.
func (m *Machine) stoppedCPU(cpu int, fn func(v *vcpu)) error {
	if cpu < 0 || cpu >= len(m.vcpus) {
		return fmt.Errorf("there is no CPU %d (have: 0 to %d)", cpu, len(m.vcpus)-1)
	}
	return m.do(func() error {
		if !m.held.on {
			return ErrNotStopped
		}
		if err := m.needsReset(); err != nil {
			return err
		}
		fn(m.vcpus[cpu])
		return nil
	})
}

// needsReset is ErrNeedsReset if nothing else helps a stopped machine.
func (m *Machine) needsReset() error {
	if m.held.status == inspect.StatusShutdown || m.held.status == inspect.StatusInternalError {
		return ErrNeedsReset
	}
	return nil
}

// Paused tells whether the machine is stopped, for whatever reason.
func (m *Machine) Paused() bool {
	paused := false
	// A machine that has ended is not paused.
	_ = m.do(func() error {
		paused = m.held.on
		return nil
	})
	return paused
}

// Status tells what the machine is doing. Any goroutine may call it at any time.
func (m *Machine) Status() inspect.Status {
	s := inspect.StatusShutdown // what is said of a machine that is closed
	_ = m.see(func() error {
		s = m.state()
		return nil
	})
	return s
}

// Stop ends the machine with a status; any goroutine may call it.
func (m *Machine) Stop(status int) { m.Quit(status, inspect.ReasonHostUI) }

// Quit is Stop for a reason, one of package inspect's.
func (m *Machine) Quit(status int, reason string) {
	m.stopAs.Store(&ending{status, reason})
	m.want(wantStop)
}

// ending is with which status and why a machine is to end.
type ending struct {
	status int
	reason string
}

// state is Status under the machine's lock.
func (m *Machine) state() inspect.Status {
	switch {
	case m.over:
		return inspect.StatusShutdown
	case m.held.on:
		return m.held.status
	case !m.began:
		return inspect.StatusPrelaunch
	case m.board.Asleep():
		return inspect.StatusSuspended
	}
	return inspect.StatusRunning
}

// hold stops the vCPUs before their next instruction, or block. n says why.
func (m *Machine) hold(s inspect.Status, n inspect.Notice) {
	n.Kind = inspect.NoticeStopped
	m.endSteps()
	m.held = held{true, s, n}
	m.clock.freeze(true)
	m.kick()
	m.tell(n)
}

// release takes back hold.
func (m *Machine) release() {
	m.held.on = false
	m.clock.freeze(m.debug.quiet)
	for _, v := range m.vcpus {
		v.runner.Resume()
	}
	for _, d := range m.drives {
		d.Resume()
	}
	m.tell(inspect.Notice{Kind: inspect.NoticeResumed})
}

// beginHeld holds the machine from its first instruction on (-S).
func (m *Machine) beginHeld() {
	m.held = held{on: true, status: inspect.StatusPrelaunch, by: inspect.Notice{Kind: inspect.NoticeStopped, Why: inspect.StopStart}}
	m.clock.freeze(true)
}

// shutDownBy is the end of the machine for a reason that the guest gives: it ends with a status, or is kept stopped.
func (m *Machine) shutDownBy(reason string, status int) {
	m.tell(inspect.Notice{Kind: inspect.NoticeShutdown, Reason: reason, Exit: status})
	if m.cfg.NoShutdown {
		m.hold(inspect.StatusShutdown, inspect.Notice{Why: inspect.StopShutdown, CPU: m.current().n})
		return
	}
	m.end(status)
}
