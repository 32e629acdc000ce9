// Package rtc is the MC146818 real-time clock with 128 bytes of CMOS memory, and the second bank of 128 bytes that later chips have.
//
// It follows the Motorola MC146818A data sheet: time and alarm in BCD or binary, 12 or 24 hours, periodic, alarm and
// update-ended interrupts, update-in-progress, divider reset. Year and century (index 32h, as PC firmware has it)
// count together. Not done: other time bases than 32.768 kHz (the clock stands still with them), the SQW pin
// and daylight saving (the bit is stored).
package rtc

import (
	"fmt"
	"time"

	"goemu/devices"
)

// Ports and interrupt.
const (
	Base = 0x70 // index; data is at Base+1; the second bank's are at Base+2 and Base+3
	IRQ  = 8
)

// Register indexes.
const (
	Seconds = iota
	SecondsAlarm
	Minutes
	MinutesAlarm
	Hours
	HoursAlarm
	DayOfWeek // 1 is Sunday
	DayOfMonth
	Month
	Year
	RegA
	RegB
	RegC
	RegD
	Century    = 0x32
	CenturyPS2 = 0x37 // where the PS/2 has it
)

// CMOS bytes that PC firmware leaves for others.
const (
	FloppyTypes  = 0x10 // first drive in bits 7..4
	Equipment    = 0x14
	BaseMemLow   = 0x15 // KiB below 640 KiB
	ExtMemLow    = 0x17 // KiB from 1 MiB on, at most FFFFh
	Checksum     = 0x2e // of 10h to 2Dh, high byte first
	ExtMem2Low   = 0x30 // the same as 17h
	HighMemLow   = 0x34 // 64 KiB units from 16 MiB on, below 4 GiB
	Above4GLow   = 0x5b // 64 KiB units from 4 GiB on, 3 bytes
	ExtraCPUs    = 0x5f // processors beyond the first
	stateVersion = 2
)

// Bits of registers A, B, C.
const (
	aUIP     = 0x80
	aDivider = 0x70
	aRun     = 0x20 // divider: 32.768 kHz, running
	aRate    = 0x0f
	bSet     = 0x80
	bPIE     = 0x40
	bAIE     = 0x20
	bUIE     = 0x10
	bSQWE    = 0x08
	bBinary  = 0x04
	b24      = 0x02
	cIRQ     = 0x80
	cPF      = 0x40
	cAF      = 0x20
	cUF      = 0x10
	dValid   = 0x80
)

const (
	second = 1_000_000_000
	baseHz = 32768
	// updateCycle is how long UIP is set before the time changes, in ns: 244 µs of warning and 1984 µs of update.
	updateCycle = 244_000 + 1_984_000
)

// State is the saved state.
type State struct {
	Version int
	CMOS    [128]uint8 // registers, time and memory
	Bank    [128]uint8 // the second bank
	BankAt  uint8      // index of port 72h
	Index   uint8
	NMIOff  bool  // bit 7 of port 70h
	Origin  int64 // ns; the divider was 0 here, updates come at Origin + whole seconds
	Updates int64 // whole seconds since Origin that the time registers have seen
	Ticks   int64 // periodic: 32.768 kHz ticks since Origin that PF has seen
}

// RTC is the clock.
type RTC struct {
	// OnSet is told the time that the guest has set, in seconds; nil: nobody wants to know.
	OnSet func(t time.Time)

	s     State
	clock devices.Clock
	irq   devices.Line
	timer devices.Timer
}

// New returns a clock that shows start when guest time is 0 and drives irq.
func New(clock devices.Clock, irq devices.Line, start time.Time) *RTC {
	r := &RTC{clock: clock, irq: irq}
	r.timer = clock.NewTimer(r.fire)
	r.s.CMOS[RegA] = aRun | 6
	r.s.CMOS[RegB] = b24
	r.s.CMOS[RegD] = dValid
	r.s.Origin = -int64(start.Nanosecond())
	r.setTime(start)
	return r
}

// MapInto claims the ports.
func (r *RTC) MapInto(b devices.PortBus) { b.MapPorts(Base, 4, r) }

// Name implements devices.Device.
func (r *RTC) Name() string { return "MC146818" }

// MaxPortSize makes wider accesses come as bytes.
func (r *RTC) MaxPortSize() int { return 1 }

// Reset is the RESET pin: time and memory stay, interrupts are off.
func (r *RTC) Reset() {
	r.sync()
	r.s.CMOS[RegB] &^= bPIE | bAIE | bUIE | bSQWE
	r.s.CMOS[RegC] = 0
	r.s.NMIOff = false
	r.update()
}

// SetCMOS sets a byte of memory, as the firmware does.
func (r *RTC) SetCMOS(index int, v uint8) { r.s.CMOS[index&0x7f] = v }

// CMOS returns a byte of memory.
func (r *RTC) CMOS(index int) uint8 { return r.s.CMOS[index&0x7f] }

// NMIMasked tells whether port 70h bit 7 blocks NMIs.
func (r *RTC) NMIMasked() bool { return r.s.NMIOff }

// SaveState returns a copy of the state.
func (r *RTC) SaveState() State {
	s := r.s
	s.Version = stateVersion
	return s
}

// RestoreState takes over a saved state.
func (r *RTC) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("MC146818 state has version %d, want %d", s.Version, stateVersion)
	}
	r.s = s
	r.s.Index &= 0x7f
	r.s.BankAt &= 0x7f
	r.arm()
	return nil
}

func (r *RTC) running() bool { return r.s.CMOS[RegA]&aDivider == aRun }

// sync brings time registers and flags up to date.
func (r *RTC) sync() {
	if !r.running() {
		return
	}
	now := r.clock.Now() - r.s.Origin
	n := now/second - r.s.Updates
	r.s.Updates += n
	if n > 0 && r.s.CMOS[RegB]&bSet == 0 {
		r.advance(n)
	}
	ticks := ticksIn(now)
	if p := r.period(); p != 0 && ticks/p != r.s.Ticks/p {
		r.s.CMOS[RegC] |= cPF
	}
	r.s.Ticks = ticks
}

func ticksIn(ns int64) int64 { return ns/second*baseHz + ns%second*baseHz/second }

// period is the periodic interrupt's, in ticks of 32.768 kHz; 0: none.
func (r *RTC) period() int64 {
	switch rate := r.s.CMOS[RegA] & aRate; {
	case rate == 0:
		return 0
	case rate < 3: // 256 and 128 Hz
		return 1 << (rate + 6)
	default:
		return 1 << (rate - 1)
	}
}

// update sets IRQF and the line, and arms the timer.
func (r *RTC) update() {
	c := &r.s.CMOS[RegC]
	*c &^= cIRQ
	if *c&r.s.CMOS[RegB]&(cPF|cAF|cUF) != 0 {
		*c |= cIRQ
	}
	r.irq.Set(*c&cIRQ != 0)
	r.arm()
}

func (r *RTC) fire() {
	r.sync()
	r.update()
}

// arm sets the timer to the next event that can raise an interrupt.
func (r *RTC) arm() {
	b, c := r.s.CMOS[RegB], r.s.CMOS[RegC]
	want := b &^ c // what is pending already need not be timed
	var at int64
	if want&(bAIE|bUIE) != 0 && b&bSet == 0 {
		at = r.s.Origin + (r.s.Updates+1)*second
	}
	if p := r.period(); want&bPIE != 0 && p != 0 {
		t := (r.s.Ticks/p + 1) * p
		next := r.s.Origin + t/baseHz*second + (t%baseHz*second+baseHz-1)/baseHz
		if at == 0 || next < at {
			at = next
		}
	}
	if at == 0 || !r.running() {
		r.timer.Stop()
		return
	}
	r.timer.At(at)
}

// In reads a port.
func (r *RTC) In(port uint16, _ int) uint32 {
	switch port & 3 {
	case 0: // the index cannot be read
		return 0xff
	case 2:
		return uint32(r.s.BankAt)
	case 3:
		return uint32(r.s.Bank[r.s.BankAt])
	}
	r.sync()
	i := r.s.Index
	v := r.s.CMOS[i]
	switch i {
	case RegA:
		if r.updating() {
			v |= aUIP
		}
	case RegC:
		r.update()
		v = r.s.CMOS[RegC]
		r.s.CMOS[RegC] = 0
		r.update()
	}
	return uint32(v)
}

// updating tells whether an update is in progress.
func (r *RTC) updating() bool {
	if !r.running() || r.s.CMOS[RegB]&bSet != 0 {
		return false
	}
	return (r.clock.Now()-r.s.Origin)%second >= second-updateCycle
}

// Out writes a port.
func (r *RTC) Out(port uint16, _ int, v uint32) {
	b := uint8(v)
	switch port & 3 {
	case 0:
		r.s.Index, r.s.NMIOff = b&0x7f, b&0x80 != 0
		return
	case 2:
		r.s.BankAt = b & 0x7f
		return
	case 3:
		r.s.Bank[r.s.BankAt] = b
		return
	}
	r.sync()
	set := false
	switch r.s.Index {
	case RegA:
		r.writeA(b &^ aUIP)
	case RegB:
		if b&bSet != 0 {
			b &^= bUIE
		}
		set = r.s.CMOS[RegB]&bSet != 0 && b&bSet == 0
		r.s.CMOS[RegB] = b
	case Seconds, Minutes, Hours, DayOfWeek, DayOfMonth, Month, Year:
		r.s.CMOS[r.s.Index] = b
		set = r.s.CMOS[RegB]&bSet == 0
	case RegC, RegD: // read-only
	default:
		r.s.CMOS[r.s.Index] = b
	}
	if set && r.OnSet != nil && r.running() {
		r.OnSet(r.now())
	}
	r.update()
}

// writeA changes rate and divider. When the divider starts again the first update comes half a second later.
func (r *RTC) writeA(b uint8) {
	was := r.running()
	r.s.CMOS[RegA] = b
	if !was && r.running() {
		r.s.Origin = r.clock.Now() - second/2
		r.s.Updates, r.s.Ticks = 0, baseHz/2
	}
}
