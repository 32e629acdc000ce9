package emu

import (
	"sync"
	"time"

	"goemu/emu/inspect"
)

// poll fires timers, takes input in, and says whether the machine is to stop or be reset.
func (m *Machine) poll() (stop bool) {
	m.attend()
	m.whileHeld()
	if !m.debug.quiet {
		m.clock.fire()
	}
	m.whileHeld() // by a drive
	m.feed()
	return m.leaving()
}

// whileHeld waits until the machine may go on, or is to end or be reset.
func (m *Machine) whileHeld() {
	if m.held.on {
		m.recallAPICs()
		if m.together.on.Load() {
			m.kickAll()
		}
	}
	for m.held.on && !m.stopped && !m.resetting && !m.initing {
		<-m.wake
		m.attend()
	}
}

// attend does what other goroutines want.
func (m *Machine) attend() {
	if w := m.wants.Swap(0); w != 0 {
		if w&wantStop != 0 {
			e := m.stopAs.Load()
			m.tell(inspect.Notice{Kind: inspect.NoticeShutdown, Reason: e.reason, Exit: e.status})
			m.end(e.status)
		}
		if w&wantOutput != 0 {
			m.outputReady()
		}
		if w&wantPosted != 0 {
			m.storeState()
			m.allOut()
			m.posted.run()
		}
	}
}

// idle waits until a timer, input or a request comes, and polls.
func (m *Machine) idle() (stop bool) {
	ns, armed := m.clock.next()
	switch {
	case m.cfg.Watch.idle(armed):
	case armed && m.clock.counted && m.cfg.NoSleep:
		m.clock.skipTo(ns)
	case armed && m.clock.counted:
		t := time.NewTimer(max(time.Duration(ns-m.clock.Now()), 0))
		select {
		case <-m.wake:
		case <-t.C:
			m.clock.skipTo(ns)
		}
		t.Stop()
	case !m.clock.counted && m.helpDrives():
	default:
		<-m.wake // real time has it filled when the first timer is due
	}
	return m.poll()
}

// feed gives queued input to the serial ports as far as they have room.
func (m *Machine) feed() {
	if m.cfg.Watch != nil && !m.cfg.Watch.feeding {
		return
	}
	for i := range m.serialIn {
		u := m.uart(i)
		if u == nil {
			continue
		}
		q := &m.serialIn[i]
		q.mu.Lock()
		if n := min(len(q.p), u.RxFree()); n > 0 {
			n = u.Receive(q.p[:n])
			q.p = append(q.p[:0], q.p[n:]...)
			select {
			case q.room <- struct{}{}:
			default:
			}
		}
		q.mu.Unlock()
	}
}

// postbox holds what other goroutines want done under the machine's lock, which is the vCPUs' goroutine.
type postbox struct {
	mu        sync.Mutex
	in, spare []func()
}

// post has fn called under the machine's lock, soon and in order; any goroutine may call it. It is not called after Run has ended.
func (m *Machine) post(fn func()) {
	m.posted.mu.Lock()
	m.posted.in = append(m.posted.in, fn)
	m.posted.mu.Unlock()
	m.want(wantPosted)
}

// run calls what was posted.
func (p *postbox) run() {
	p.mu.Lock()
	fns := p.in
	p.in = p.spare[:0]
	p.mu.Unlock()
	for i, fn := range fns {
		fns[i] = nil
		fn()
	}
	p.mu.Lock()
	p.spare = fns
	p.mu.Unlock()
}
