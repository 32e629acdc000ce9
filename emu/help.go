package emu

import (
	"runtime"
	"time"
)

// A guest that waits for its disk halts for less time than two changes of threads take. So before the vCPUs' goroutine sleeps it does what the
// drive's goroutine has not begun and the host has in memory, and waits awake for what that has begun, for a moment.

// spinTime is how long idle waits awake for a drive.
const spinTime = 50 * time.Microsecond

// maxSkips bounds how often idle sleeps at once because waiting awake was of no use.
const maxSkips = 63

// spin learns whether it is of use to wait awake.
type spin struct {
	failed uint // times it was not, in a row, as 2^n-1
	skips  uint // times that it is not tried now
}

// try tells whether to wait awake.
func (s *spin) try() bool {
	if s.skips > 0 {
		s.skips--
		return false
	}
	return true
}

// learn is told whether it was of use. In a row of failures it is tried less and less.
func (s *spin) learn(useful bool) {
	if s.failed = min(2*s.failed+1, maxSkips); useful {
		s.failed = 0
	}
	s.skips = s.failed
}

// helpDrives does what it can so that a request is done, in tens of microseconds at most; it tells whether to look at the world.
func (m *Machine) helpDrives() bool {
	busy := false
	for _, d := range m.drives {
		if d.Help() {
			return true
		}
		busy = busy || d.Busy()
	}
	if !busy || runtime.GOMAXPROCS(0) == 1 || !m.spin.try() {
		return false
	}
	end := time.Now().Add(spinTime)
	for m.wants.Load() == 0 && len(m.wake) == 0 {
		if time.Now().After(end) {
			m.spin.learn(false)
			return false
		}
	}
	m.spin.learn(true)
	return true
}
