package emu

import (
	"time"

	"goemu/emu/accel"
)

var _ accel.Events = (*Machine)(nil)

// Poll implements accel.Events: it fires timers, takes input in, and says whether to leave the loop.
func (m *Machine) Poll() (stop bool) {
	if w := m.wants.Swap(0); w != 0 {
		if w&wantStop != 0 {
			m.end(int(m.stopAs.Load()))
		}
		if w&wantOutput != 0 {
			m.outputReady()
		}
	}
	m.clock.fire()
	m.feed()
	return m.stopped || m.resetting
}

// Wait implements accel.Events: the CPU is halted until a timer, input or a request comes.
func (m *Machine) Wait() (stop bool) {
	ns, armed := m.clock.next()
	switch {
	case armed && m.clock.counted && m.cfg.NoSleep:
		m.clock.skipTo(ns)
	case armed:
		t := time.NewTimer(max(time.Duration(ns-m.clock.Now()), 0))
		select {
		case <-m.wake:
		case <-t.C:
			if m.clock.counted {
				m.clock.skipTo(ns)
			}
		}
		t.Stop()
	default:
		<-m.wake
	}
	return m.Poll()
}

// INTR implements accel.Events.
func (m *Machine) INTR() bool { return m.board.INTR(0) }

// IntAck implements accel.Events.
func (m *Machine) IntAck() int { return m.board.IntAck(0) }

// maxBudget bounds the instructions between two looks at the world with -icount.
const maxBudget = 1 << 20

// Budget implements accel.Events.
func (m *Machine) Budget() int32 { return m.clock.budget(maxBudget) }

// Spent implements accel.Events.
func (m *Machine) Spent(n int32) { m.clock.insns += int64(n) }

// feed gives queued input to the serial ports as far as they have room.
func (m *Machine) feed() {
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
		}
		q.mu.Unlock()
	}
}
