package emu

import (
	"time"

	"goemu/devices"
	"goemu/emu/inspect"
)

// hostClock is the host's time, for a real-time clock that goes on while the machine is stopped. Its timers wait for guest time too, so that
// nothing fires in a machine that stands still.
type hostClock struct {
	guest *clock
	start time.Time
}

// Now implements devices.Clock.
func (h *hostClock) Now() int64 { return int64(time.Since(h.start)) }

// NewTimer implements devices.Clock.
func (h *hostClock) NewTimer(fn func()) devices.Timer {
	t := &hostTimer{h: h, fn: fn}
	t.timer = h.guest.NewTimer(t.fire)
	return t
}

type hostTimer struct {
	h     *hostClock
	fn    func()
	timer devices.Timer
	at    int64
}

// At implements devices.Timer.
func (t *hostTimer) At(ns int64) {
	t.at = ns
	t.timer.At(t.h.guest.Now() + max(ns-t.h.Now(), 0))
}

// Stop implements devices.Timer.
func (t *hostTimer) Stop() { t.timer.Stop() }

// fire is called when guest time has come; the host's may be behind it.
func (t *hostTimer) fire() {
	if t.h.Now() < t.at {
		t.At(t.at)
		return
	}
	t.fn()
}

// rtcClock is the time that the real-time clock follows; nil: the guest's.
func (m *Machine) rtcClock() devices.Clock {
	if m.cfg.RTCGuestTime || m.cfg.Icount && !m.cfg.RTCHostTime {
		return nil
	}
	m.hostTime = &hostClock{m.clock, time.Now()}
	return m.hostTime
}

// startTime is what the real-time clock shows at power-on.
func (m *Machine) startTime() time.Time {
	switch {
	case !m.cfg.RTCBase.IsZero():
		return m.cfg.RTCBase
	case m.cfg.RTCLocal:
		return time.Now()
	case m.cfg.Icount:
		return icountEpoch
	}
	return time.Now().UTC()
}

// tellRTC tells when the guest sets the real-time clock: by how much it then differs from one that shows start when its clock is 0.
func (m *Machine) tellRTC(start time.Time, clock devices.Clock) {
	if clock == nil {
		clock = m.clock
	}
	m.board.RTC.OnSet = func(t time.Time) {
		off := t.Sub(start.Add(time.Duration(clock.Now())))
		m.tell(inspect.Notice{Kind: inspect.NoticeRTCChanged, Offset: int64(off.Round(time.Second) / time.Second)})
	}
}
