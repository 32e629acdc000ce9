package emu

import "testing"

// Waiting awake is given up where it is of no use, tried again now and then, and taken up when it is of use again.
func TestSpinLearns(t *testing.T) {
	var s spin
	tries := func(n int, useful bool) (tried int) {
		for range n {
			if s.try() {
				s.learn(useful)
				tried++
			}
		}
		return tried
	}
	for _, c := range []struct {
		name       string
		n          int
		useful     bool
		least, max int
	}{
		{"always of use", 100, true, 100, 100},
		{"no longer", 1000, false, 10, 25},
		{"still not", 10_000, false, 10_000/(maxSkips+1) - 1, 10_000/(maxSkips+1) + 1},
		{"of use again", 2 * maxSkips, true, maxSkips, 2 * maxSkips},
	} {
		if got := tries(c.n, c.useful); got < c.least || got > c.max {
			t.Errorf("%s: tried %d times of %d, want %d to %d", c.name, got, c.n, c.least, c.max)
		}
	}
}
