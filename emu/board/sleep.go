package board

import (
	"goemu/devices"
	"goemu/devices/acpipm"
	"goemu/devices/apicbus"
)

// cmosShutdown is the CMOS byte by which firmware knows why it runs: what the program before wants of it. A board that wakes has
// resumeS3 there.
const (
	cmosShutdown = 0x0f
	resumeS3     = 0xfe
)

// port92 is the system control port, whose bit 1 switches address line 20 on.
const (
	port92    = 0x92
	port92A20 = 1 << 1
)

// sleep is the guest's going to sleep.
func (pc *PC) sleep(s acpipm.Sleep) {
	switch {
	case s == acpipm.S3 && pc.cfg.OnSuspend != nil:
		pc.cfg.OnSuspend()
	case s != acpipm.S3 && pc.cfg.OnPowerOff != nil:
		pc.cfg.OnPowerOff()
	}
}

// PressPowerButton is the power button: an event for the operating system, or the end of sleep.
func (pc *PC) PressPowerButton() { pc.wake(acpipm.StsPower) }

// Asleep tells whether the guest sleeps in S3.
func (pc *PC) Asleep() bool { return pc.asleep }

// PressKey ends sleep.
func (pc *PC) PressKey() { pc.Wake() }

// Wake ends sleep and tells whether there was any to end.
func (pc *PC) Wake() bool {
	was := pc.asleep
	if was {
		pc.wake(0)
	}
	return was
}

// rtcLine is the clock's interrupt on its way to the gate. Its rise is also an event of power management.
type rtcLine struct {
	pc    *PC
	level bool
}

// Set implements devices.Line.
func (l *rtcLine) Set(level bool) {
	rises := level && !l.level
	l.level = level
	l.pc.rtcGate.Set(level)
	if pm := l.pc.chipset.pm(); rises && (!l.pc.asleep || pm.Enabled(acpipm.StsRTC)) {
		l.pc.wake(acpipm.StsRTC)
	}
}

// wake raises an event, which ends sleep.
func (pc *PC) wake(sts uint16) {
	if !pc.asleep {
		pc.chipset.pm().Raise(sts)
		return
	}
	pc.asleep = false
	pc.chipset.pm().Raise(sts | acpipm.StsWake)
	if pc.cfg.OnWake != nil {
		pc.cfg.OnWake()
	}
}

// Suspend is what S3 does to the devices: those without power are reset. Clock, power management and RAM keep their state. They and
// configuration space stay where they are: SeaBIOS finds in RAM below 1 MiB that it is to resume, and uses the others before it sets devices up
// again. The machine calls it, at a time of its choice, after OnSuspend.
func (pc *PC) Suspend() {
	pm := pc.chipset.pm()
	kept := pm.SaveState()
	places := pc.chipset.places()
	var values [][]byte
	for _, r := range places {
		values = append(values, r.save())
	}
	for _, d := range pc.devices {
		if d != devices.Device(pc.RTC) {
			d.Reset()
		}
	}
	for i, r := range places {
		r.load(values[i])
	}
	kept.Control &^= acpipm.CtlSCI
	pm.RestoreState(kept)
	pc.RTC.SetCMOS(cmosShutdown, resumeS3)
	pc.asleep = true
	for _, sts := range []uint16{acpipm.StsRTC, acpipm.StsPower} { // what came while the guest was on its way
		if pm.Enabled(sts) && kept.Status&sts != 0 && pc.asleep {
			pc.wake(sts)
		}
	}
}

// ReturnsFromReset tells whether the program has left word for the firmware that a reset of the processor is only its way back to real mode.
// (Shutdown codes of the IBM PC AT: 5, 9 to 12.)
func (pc *PC) ReturnsFromReset() bool {
	code := pc.RTC.CMOS(cmosShutdown)
	return code == 5 || code >= 9 && code <= 12
}

// ResetCPUs resets the processors alone: INIT. Address line 20 is on, as the firmware is at the top of memory.
func (pc *PC) ResetCPUs() {
	pc.Ports.Out(port92, 1, pc.Ports.In(port92, 1)&^1|port92A20)
	pc.apics.Send(nil, apicbus.Message{Dest: apicbus.Broadcast, Mode: apicbus.INIT, Level: false})
}
