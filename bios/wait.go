package bios

import "slices"

// wait is a call that waits until a time.
type wait struct {
	key   uint32
	until int64 // ns
}

// maxWaits bounds the calls that wait at a time, against programs that never come back.
const maxWaits = 64

// waitFor has a service return Again until ns have passed since its first call.
func (f *Firmware) waitFor(c *Call, ns int64) (over bool) {
	now := f.opt.Clock.Now()
	i := slices.IndexFunc(f.waits, func(w wait) bool { return w.key == c.Key })
	switch {
	case i >= 0 && c.Retry:
	case i >= 0:
		f.waits[i].until = now + ns
	default:
		if len(f.waits) == maxWaits {
			f.waits = f.waits[:copy(f.waits, f.waits[1:])]
		}
		i = len(f.waits)
		f.waits = append(f.waits, wait{c.Key, now + ns})
	}
	until := f.waits[i].until
	if now >= until {
		f.waits = slices.Delete(f.waits, i, i+1)
		return true
	}
	f.timer.At(until)
	return false
}

// waited ends a wait early.
func (f *Firmware) waited(c *Call) {
	f.waits = slices.DeleteFunc(f.waits, func(w wait) bool { return w.key == c.Key })
}
