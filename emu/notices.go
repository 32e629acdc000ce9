package emu

import (
	"sync"
	"time"

	"goemu/emu/inspect"
)

// Telling what happens to a machine.

// subscriber is one reader of notices.
type subscriber struct {
	ch   chan inspect.Notice
	lost uint64
}

// notices are the subscribers. They are told under mu, which nobody holds for long.
type notices struct {
	mu    sync.Mutex
	subs  []*subscriber
	ended bool
}

// Notify tells of what happens to the machine from now on; called before Run, of everything. The channel holds buffer notices, at least one; a reader that does not
// read loses the oldest, and the next notice says how many. The machine never waits. The channel is closed by cancel, which may be called at any time, and when the
// machine has ended, behind what is still to be read.
func (m *Machine) Notify(buffer int) (ch <-chan inspect.Notice, cancel func()) {
	n := &m.notices
	s := &subscriber{ch: make(chan inspect.Notice, max(buffer, 1))}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ended {
		close(s.ch)
		return s.ch, func() {}
	}
	n.subs = append(n.subs, s)
	return s.ch, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		for i, t := range n.subs {
			if t == s {
				n.subs = append(n.subs[:i:i], n.subs[i+1:]...)
				close(s.ch)
				return
			}
		}
	}
}

// tell gives a notice to all subscribers. It is called under the machine's lock.
func (m *Machine) tell(x inspect.Notice) {
	n := &m.notices
	x.Time, x.Status = time.Now(), m.state()
	m.cfg.Trace.Notice(&x, m.clock.Now())
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.subs {
		x.Lost = s.lost
		for {
			select {
			case s.ch <- x:
			default:
				select {
				case <-s.ch:
					s.lost++
					x.Lost = s.lost
				default: // the reader has just read it
				}
				continue
			}
			break
		}
	}
}

// endNotices closes the subscribers' channels.
func (m *Machine) endNotices() {
	n := &m.notices
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended = true
	for _, s := range n.subs {
		close(s.ch)
	}
	n.subs = nil
}
