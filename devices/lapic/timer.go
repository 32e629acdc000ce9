package lapic

import "goemu/devices"

// minPeriod is the shortest time between two calls of a periodic timer, in ns. Expiries in between are merged.
const minPeriod = 20_000

// divisor is the timer's divider by bits 3, 1 and 0 of DCR: 2 to 128, then 1.
func (l *LAPIC) divisor() int64 {
	n := l.s.DCR&3 | l.s.DCR>>1&4
	return 1 << ((n + 1) & 7)
}

// period is the time from ICT to 0, in ns.
func (l *LAPIC) period() int64 { return int64(l.s.ICT) * l.divisor() }

func (l *LAPIC) periodic() bool { return l.s.LVT[lvtTimer]&lvtPeriodic != 0 }

// currentCount is CCT.
func (l *LAPIC) currentCount() uint32 {
	l.expire()
	if !l.s.TimerRunning {
		return 0
	}
	return l.s.ICT - uint32((l.clock.Now()-l.s.TimerStart)/l.divisor())
}

// startTimer is a write of ICT; 0 stops the timer.
func (l *LAPIC) startTimer(v uint32) {
	l.expire()
	l.s.ICT = v
	l.s.TimerStart = l.clock.Now()
	l.s.TimerRunning = v != 0
	l.armTimer()
}

// setDivider changes the divider; the count goes on from where it is.
func (l *LAPIC) setDivider(dcr uint32) {
	left := int64(l.currentCount())
	l.s.DCR = dcr
	l.s.TimerStart = l.clock.Now() - (int64(l.s.ICT)-left)*l.divisor()
	l.armTimer()
}

// expire brings the timer up to date: it raises the interrupt once if the count has reached 0 since the last call.
func (l *LAPIC) expire() {
	now, p := l.clock.Now(), l.period()
	if !l.s.TimerRunning || now-l.s.TimerStart < p {
		return
	}
	if l.periodic() {
		l.s.TimerStart += (now - l.s.TimerStart) / p * p
	} else {
		l.s.TimerRunning = false
	}
	l.local(lvtTimer)
}

func (l *LAPIC) timerFired() {
	l.expire()
	l.armTimer()
}

// armTimer sets the host timer, which is needed only while the interrupt is not masked.
func (l *LAPIC) armTimer() {
	if !l.s.TimerRunning || l.s.LVT[lvtTimer]&lvtMasked != 0 {
		l.timer.Stop()
		return
	}
	at := l.s.TimerStart + l.period()
	if l.periodic() {
		at = max(at, l.s.TimerStart+minPeriod)
	}
	l.timer.At(at)
}

// Window is the register page of the processor that accesses it: what is mapped where several processors share a physical
// address space.
type Window struct {
	// Current returns the local APIC of the processor that makes the access.
	Current func() *LAPIC
}

var _ devices.MMIODevice = Window{}

// ReadMMIO implements devices.MMIODevice.
func (w Window) ReadMMIO(off uint64, size int) uint64 { return w.Current().ReadMMIO(off, size) }

// WriteMMIO implements devices.MMIODevice.
func (w Window) WriteMMIO(off uint64, size int, v uint64) { w.Current().WriteMMIO(off, size, v) }
