package kvm

import "time"

// ProbesHangAfter sets how long a probe's guest may take; the function that it gives undoes it.
func ProbesHangAfter(d time.Duration) (restore func()) {
	old, quick := probeHangs, Patience
	probeHangs, Patience = d, d
	return func() { probeHangs, Patience = old, quick }
}
