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

func (l *LAPIC) periodic() bool { return l.s.LVT[lvtTimer]&timerMode == timerPeriodic }

// byDeadline tells that the timer follows the time-stamp counter (11.5.4.1).
func (l *LAPIC) byDeadline() bool { return l.s.LVT[lvtTimer]&timerMode == timerDeadline }

// deadline is IA32_TSC_DEADLINE: 0 when it has passed.
func (l *LAPIC) deadline() uint64 {
	l.expire()
	return l.s.Deadline
}

// setDeadline is a write of IA32_TSC_DEADLINE, which has no effect in the other modes. 0 disarms the timer.
func (l *LAPIC) setDeadline(v uint64) {
	if !l.byDeadline() {
		return
	}
	l.s.Deadline = v
	l.expire()
	l.armTimer()
}

// tscRate is the time-stamp counter's, in Hz.
func (l *LAPIC) tscRate() uint64 {
	if l.cpu.TSCRate == nil {
		return devices.GHz
	}
	return l.cpu.TSCRate()
}

// tsc is the time-stamp counter.
func (l *LAPIC) tsc() uint64 {
	v := devices.Ticks(l.clock.Now(), l.tscRate())
	if l.cpu.TSCOffset != nil {
		v += l.cpu.TSCOffset()
	}
	return v
}

// TSCMoved tells that the time-stamp counter has been written to: the deadline is at another time.
func (l *LAPIC) TSCMoved() {
	if l.s.Deadline != 0 && l.keeper == nil {
		l.expire()
		l.armTimer()
	}
}

// expireDeadline raises the interrupt if the time-stamp counter has reached the deadline.
func (l *LAPIC) expireDeadline() {
	if d := l.s.Deadline; d != 0 && l.tsc() >= d {
		l.s.Deadline = 0
		l.local(lvtTimer)
	}
}

// deadlineTime is the deadline on the clock, at most farAway from now: then the timer is armed again.
func (l *LAPIC) deadlineTime() int64 {
	const farAway = 1 << 40
	now, tsc := l.clock.Now(), l.tsc()
	if l.s.Deadline <= tsc {
		return now
	}
	ticks, left := devices.Ticks(now, l.tscRate()), l.s.Deadline-tsc
	if ticks+left < ticks {
		return now + farAway
	}
	return min(devices.Nanoseconds(ticks+left, l.tscRate()), now+farAway)
}

// setTimerMode writes the timer's LVT entry. Going to or from the deadline mode disarms the timer.
func (l *LAPIC) setTimerMode(was uint32) {
	if (was^l.s.LVT[lvtTimer])&timerDeadline != 0 {
		l.s.TimerRunning, l.s.ICT, l.s.Deadline = false, 0, 0
	}
	l.armTimer()
}

// currentCount is CCT.
func (l *LAPIC) currentCount() uint32 {
	l.expire()
	if !l.s.TimerRunning {
		return 0
	}
	return l.s.ICT - uint32(min((l.clock.Now()-l.s.TimerStart)/l.divisor(), int64(l.s.ICT)))
}

// startTimer is a write of ICT; 0 stops the timer. In deadline mode it is ignored.
func (l *LAPIC) startTimer(v uint32) {
	if l.byDeadline() {
		return
	}
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
	if l.keeper != nil {
		return
	}
	if l.byDeadline() {
		l.expireDeadline()
		return
	}
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
	if l.s.Deadline != 0 && l.s.LVT[lvtTimer]&lvtMasked == 0 {
		l.timer.At(l.deadlineTime())
		return
	}
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
	// Base is the physical address of the page.
	Base uint64
	// Current returns the local APIC of the processor that makes the access.
	Current func() *LAPIC
}

var _ devices.MMIODevice = Window{}

// apic is the local APIC that answers; nil if the processor's is elsewhere.
func (w Window) apic() *LAPIC {
	l := w.Current()
	if at, ok := l.Address(); ok && at == w.Base {
		return l
	}
	return nil
}

// ReadMMIO implements devices.MMIODevice.
func (w Window) ReadMMIO(off uint64, size int) uint64 {
	if l := w.apic(); l != nil {
		return l.ReadMMIO(off, size)
	}
	return ^uint64(0)
}

// WriteMMIO implements devices.MMIODevice.
func (w Window) WriteMMIO(off uint64, size int, v uint64) {
	if l := w.apic(); l != nil {
		l.WriteMMIO(off, size, v)
	}
}
