package emu

import (
	"container/heap"
	"time"

	"goemu/devices"
)

// clock is guest time: nanoseconds, real or counted in instructions. Timers
// fire in order of their time, and of their arming where times are equal.
type clock struct {
	timers timerHeap
	seq    uint64

	// Real time.
	start time.Time
	wake  *time.Timer
	kick  func() // called from another goroutine when a timer is due
	still int64  // where time stands; 0: it goes on

	// -icount: one instruction is 1<<shift nanoseconds.
	counted bool
	shift   uint
	insns   int64 // booked instructions
	warp    int64 // nanoseconds skipped while halted
	pending func() int32
}

func newClock(kick func()) *clock {
	c := &clock{start: time.Now(), kick: kick}
	c.wake = time.AfterFunc(time.Hour, kick)
	c.wake.Stop()
	return c
}

// Now implements devices.Clock.
func (c *clock) Now() int64 {
	if c.counted {
		n := c.insns
		if c.pending != nil {
			n += int64(c.pending())
		}
		return n<<c.shift + c.warp
	}
	if c.still != 0 {
		return c.still
	}
	return int64(time.Since(c.start))
}

// freeze makes time stand still, or go on.
func (c *clock) freeze(still bool) {
	switch {
	case c.counted || still == (c.still != 0): // counted time stands still with the vCPUs
	case still:
		c.still = max(c.Now(), 1)
	default:
		c.start = time.Now().Add(-time.Duration(c.still))
		c.still = 0
		c.rearm()
	}
}

// NewTimer implements devices.Clock.
func (c *clock) NewTimer(fn func()) devices.Timer { return &timer{c: c, fn: fn, index: -1} }

// next is the time of the earliest timer; ok is false if none is armed.
func (c *clock) next() (ns int64, ok bool) {
	if len(c.timers) == 0 {
		return 0, false
	}
	return c.timers[0].at, true
}

// fire runs the timers that are due. A timer that re-arms itself in the past fires once more at the next call, not now.
func (c *clock) fire() {
	now := c.Now()
	last := c.seq
	for len(c.timers) > 0 && c.timers[0].at <= now && c.timers[0].seq <= last {
		t := heap.Pop(&c.timers).(*timer)
		t.fn()
	}
	c.rearm()
}

// late tells whether a timer is due now, of a clock that goes on while the guest runs.
func (c *clock) late(now int64) bool { return !c.counted && len(c.timers) > 0 && c.timers[0].at <= now }

// rearm sets the host timer for the earliest guest timer.
func (c *clock) rearm() {
	if c.counted {
		return
	}
	if ns, ok := c.next(); ok {
		c.wake.Reset(max(time.Duration(ns-c.Now()), 0))
	}
}

// budget is the number of instructions until the next timer, at most limit.
func (c *clock) budget(limit int32) int32 {
	ns, ok := c.next()
	if !ok {
		return limit
	}
	left := (ns - c.Now() + (1<<c.shift - 1)) >> c.shift
	return int32(min(max(left, 1), int64(limit)))
}

type timer struct {
	c     *clock
	fn    func()
	at    int64
	seq   uint64
	index int
}

// At implements devices.Timer.
func (t *timer) At(ns int64) {
	t.at = ns
	t.c.seq++
	t.seq = t.c.seq
	if t.index >= 0 {
		heap.Fix(&t.c.timers, t.index)
	} else {
		heap.Push(&t.c.timers, t)
	}
	if t.index == 0 {
		if t.c.counted {
			t.c.kick() // the budget in force may be too long
		} else {
			t.c.rearm()
		}
	}
}

// Stop implements devices.Timer.
func (t *timer) Stop() {
	if t.index >= 0 {
		heap.Remove(&t.c.timers, t.index)
	}
}

// timerHeap orders timers by time.
type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}

// skipTo moves counted time on to ns, which a halted CPU need not wait for.
func (c *clock) skipTo(ns int64) {
	if d := ns - c.Now(); d > 0 {
		c.warp += d
	}
}
