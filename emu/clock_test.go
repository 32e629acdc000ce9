package emu

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func countedClock() *clock {
	c := newClock(func() {})
	c.counted, c.shift = true, 3
	return c
}

func TestTimersFireInOrder(t *testing.T) {
	c := countedClock()
	var got []string
	note := func(s string) func() { return func() { got = append(got, s) } }
	a, b, d, e := c.NewTimer(note("a")), c.NewTimer(note("b")), c.NewTimer(note("d")), c.NewTimer(note("e"))
	a.At(200)
	b.At(100)
	d.At(100) // the same time: after b
	e.At(50)
	e.Stop()
	c.fire()
	if got != nil {
		t.Errorf("fired before their time: %v", got)
	}
	c.insns = 25 // 200 ns
	c.fire()
	if d := cmp.Diff([]string{"b", "d", "a"}, got); d != "" {
		t.Error(d)
	}
}

// A timer that arms itself in the past must not keep fire busy for ever.
func TestTimerInThePast(t *testing.T) {
	c := countedClock()
	n := 0
	tm := c.NewTimer(nil).(*timer)
	tm.fn = func() { n++; tm.At(-1) }
	tm.At(0)
	c.fire()
	if n != 1 {
		t.Errorf("fired %d times", n)
	}
	c.fire()
	if n != 2 {
		t.Errorf("fired %d times", n)
	}
}

func TestBudget(t *testing.T) {
	c := countedClock()
	if got := c.budget(1000); got != 1000 {
		t.Errorf("without timers: %d", got)
	}
	tm := c.NewTimer(func() {})
	tm.At(80)
	if got := c.budget(1000); got != 10 {
		t.Errorf("80 ns at 8 ns each: %d", got)
	}
	tm.At(81)
	if got := c.budget(1000); got != 11 {
		t.Errorf("81 ns: %d", got)
	}
	c.skipTo(81)
	if c.Now() != 81 {
		t.Errorf("skipped to %d", c.Now())
	}
	if got := c.budget(1000); got != 1 {
		t.Errorf("a timer that is due: %d", got)
	}
}
