package kvm

import "time"

// ProbesHangAfter sets how long a probe's guest may take; the function that it gives undoes it.
func ProbesHangAfter(d time.Duration) (restore func()) {
	old := probeHangs
	probeHangs = d
	return func() { probeHangs = old }
}
