// Package hpet is the high precision event timer: a 64-bit counter of 100 MHz with three comparators.
//
// It follows the IA-PC HPET specification 1.0a: one-shot and periodic mode, 32-bit mode, edge and level
// interrupts, legacy replacement routing. Not done: FSB interrupt delivery. An edge interrupt makes a low and then a high level on
// its line, which stays until the next one, so that a controller that wants the level kept until the acknowledge sees it.
package hpet

import (
	"fmt"

	"goemu/devices"
)

// Where the registers are, and the counter's period.
const (
	DefaultBase = 0xfed00000
	Size        = 0x400
	PeriodNs    = 10
	PeriodFs    = PeriodNs * 1_000_000
	NumTimers   = 3
	// BlockID is the low half of the capability register, which the ACPI HPET table repeats.
	BlockID = vendor<<16 | capLegacy | capCounter64 | (NumTimers-1)<<8 | revision
)

const (
	stateVersion = 1
	vendor       = 0x8086
	revision     = 1
	capCounter64 = 1 << 13
	capLegacy    = 1 << 15

	// routes has the interrupts that a timer can use outside legacy replacement: 2, 8 and 16 to 23.
	routes = 0x00ff0104

	// minRearm is the shortest time from one call of a host timer to the next, in ns. Matches in between are merged.
	minRearm = 20_000
)

// Register offsets.
const (
	offCaps    = 0x000
	offConfig  = 0x010
	offStatus  = 0x020
	offCounter = 0x0f0
	offTimers  = 0x100
	timerSize  = 0x20
)

// Bits of the general configuration.
const (
	cfgEnable = 1 << 0
	cfgLegacy = 1 << 1
)

// Bits of a timer's configuration.
const (
	tnLevel    = 1 << 1
	tnEnable   = 1 << 2
	tnPeriodic = 1 << 3
	tnPerCap   = 1 << 4
	tnSizeCap  = 1 << 5
	tnValSet   = 1 << 6
	tn32       = 1 << 8
	tnRoute    = 0x1f << 9
	tnWritable = tnLevel | tnEnable | tnPeriodic | tnValSet | tn32 | tnRoute
)

// Comparator is the state of one timer.
type Comparator struct {
	Config uint64
	Cmp    uint64
	Period uint64
	Last   uint64 // counter up to which matches have been delivered
	Line   int    // interrupt that is driven high, -1: none
}

// State is the saved state.
type State struct {
	Version int
	Config  uint64
	Status  uint64
	Base    uint64 // counter at Since, or while halted
	Since   int64  // ns
	Timers  [NumTimers]Comparator
}

// LegacyReplacement tells whether the HPET has interrupts 0 and 8.
func (s *State) LegacyReplacement() bool { return s.Config&cfgLegacy != 0 }

// HPET is the timer block.
type HPET struct {
	s      State
	clock  devices.Clock
	timers [NumTimers]devices.Timer

	// setIRQ drives interrupt n: an ISA interrupt up to 15, above that an I/O APIC pin.
	setIRQ func(n int, level bool)
	// onLegacy tells whether the HPET replaces the 8254 and the real-time clock at interrupts 0 and 8.
	onLegacy func(on bool)
}

// New returns a timer block. setIRQ drives its interrupts (ISA numbers up to 15, above that I/O APIC pins); onLegacy is told
// when interrupts 0 and 8 change between it and the older timers.
func New(clock devices.Clock, setIRQ func(n int, level bool), onLegacy func(on bool)) *HPET {
	h := &HPET{clock: clock, setIRQ: setIRQ, onLegacy: onLegacy}
	for i := range h.timers {
		h.timers[i] = clock.NewTimer(func() { h.fire(i) })
		h.s.Timers[i].Line = -1
	}
	h.Reset()
	return h
}

// MapInto claims the registers at base.
func (h *HPET) MapInto(b devices.MMIOBus, base uint64) { b.MapMMIO(base, Size, h) }

// Name implements devices.Device.
func (h *HPET) Name() string { return "HPET" }

// Reset implements devices.Device.
func (h *HPET) Reset() {
	for i := range h.timers {
		h.release(i)
		h.timers[i].Stop()
	}
	h.s = State{}
	for i := range h.s.Timers {
		h.s.Timers[i] = Comparator{Cmp: ^uint64(0), Config: tnPerCap | tnSizeCap | routes<<32, Line: -1}
	}
	h.onLegacy(false)
}

// SaveState returns a copy of the state.
func (h *HPET) SaveState() State {
	s := h.s
	s.Version = stateVersion
	return s
}

// RestoreState takes over a saved state. Lines are not driven.
func (h *HPET) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("HPET state has version %d, want %d", s.Version, stateVersion)
	}
	h.s = s
	for i := range h.timers {
		h.arm(i)
	}
	return nil
}

func (h *HPET) enabled() bool { return h.s.Config&cfgEnable != 0 }
func (h *HPET) legacy() bool  { return h.s.Config&cfgLegacy != 0 }

// counter is the main counter now.
func (h *HPET) counter() uint64 {
	if !h.enabled() {
		return h.s.Base
	}
	return h.s.Base + uint64(h.clock.Now()-h.s.Since)/PeriodNs
}

// setCounter makes the counter read v from now on.
func (h *HPET) setCounter(v uint64) {
	h.s.Base, h.s.Since = v, h.clock.Now()
	for i := range h.s.Timers {
		h.s.Timers[i].Last = v
	}
}

// mask has the counter bits that timer i compares.
func (c *Comparator) mask() uint64 {
	if c.Config&tn32 != 0 {
		return 0xffffffff
	}
	return ^uint64(0)
}

// until is how many ticks after Last the next match comes; never 0.
func (c *Comparator) until() uint64 {
	return (c.Cmp-c.Last-1)&c.mask() + 1 // 0 stands for 2^64
}

// irq is the interrupt that timer i uses now, or -1.
func (h *HPET) irq(i int) int {
	if h.legacy() && i < 2 {
		return i * 8
	}
	n := int(h.s.Timers[i].Config & tnRoute >> 9)
	if routes>>n&1 == 0 {
		return -1
	}
	return n
}

// sync delivers the matches of timer i up to now, merged into one interrupt.
func (h *HPET) sync(i int) {
	c := &h.s.Timers[i]
	if !h.enabled() {
		return
	}
	now := h.counter()
	passed, until := now-c.Last, c.until()
	if until == 0 || passed < until {
		return
	}
	if c.Config&tnPeriodic != 0 && c.Period != 0 {
		// The first match is past; step over whole periods until the next one lies ahead.
		late := passed - until
		c.Cmp += (late/c.Period + 1) * c.Period
		c.Cmp &= c.mask()
	}
	c.Last = now
	h.interrupt(i)
}

func (h *HPET) interrupt(i int) {
	c := &h.s.Timers[i]
	if c.Config&tnLevel != 0 {
		h.s.Status |= 1 << i
	} else {
		h.release(i)
	}
	if n := h.irq(i); n >= 0 && c.Config&tnEnable != 0 && c.Line < 0 {
		c.Line = n
		h.setIRQ(n, true)
	}
}

// release takes timer i's line down.
func (h *HPET) release(i int) {
	c := &h.s.Timers[i]
	if c.Line >= 0 {
		n := c.Line
		c.Line = -1
		h.setIRQ(n, false)
	}
}

func (h *HPET) fire(i int) {
	h.sync(i)
	h.arm(i)
}

// arm sets the host timer for timer i's next match.
func (h *HPET) arm(i int) {
	c := &h.s.Timers[i]
	until := c.until()
	const far = 1 << 52 // ticks; more than a year
	if !h.enabled() || c.Config&tnEnable == 0 || until == 0 || until > far {
		h.timers[i].Stop()
		return
	}
	done := int64(c.Last - h.s.Base) // ticks since Since
	at := h.s.Since + (done+int64(until))*PeriodNs
	if c.Config&tnPeriodic != 0 && until < minRearm/PeriodNs && c.Period < minRearm/PeriodNs {
		at = h.s.Since + done*PeriodNs + minRearm
	}
	h.timers[i].At(at)
}

// ReadMMIO reads a register, or a part of it.
func (h *HPET) ReadMMIO(off uint64, size int) uint64 {
	v := h.read(off&^7) >> (8 * (off & 7))
	if size < 8 {
		v &= 1<<(8*size) - 1
	}
	return v
}

func (h *HPET) read(off uint64) uint64 {
	switch off {
	case offCaps:
		return PeriodFs<<32 | BlockID
	case offConfig:
		return h.s.Config
	case offStatus:
		h.syncAll()
		return h.s.Status
	case offCounter:
		return h.counter()
	}
	if i := int(off-offTimers) / timerSize; off >= offTimers && i < NumTimers {
		switch off % timerSize {
		case 0:
			return h.s.Timers[i].Config
		case 8:
			h.sync(i)
			return h.s.Timers[i].Cmp
		}
	}
	return 0
}

func (h *HPET) syncAll() {
	for i := range h.timers {
		h.sync(i)
	}
}

// WriteMMIO writes a register or, with 32 bits, one half. Other widths are not allowed and ignored.
func (h *HPET) WriteMMIO(off uint64, size int, v uint64) {
	mask := ^uint64(0)
	switch {
	case size == 4 && off&3 == 0:
		shift := 8 * (off & 4)
		mask = 0xffffffff << shift
		v = v << shift & mask
	case size != 8 || off&7 != 0:
		return
	}
	h.syncAll()
	h.write(off&^7, v, mask)
	for i := range h.timers {
		h.arm(i)
	}
}

func (h *HPET) write(off, v, mask uint64) {
	switch off {
	case offConfig:
		h.writeConfig(h.s.Config&^mask | v)
		return
	case offStatus:
		for i := range h.timers {
			if v>>i&1 != 0 && h.s.Timers[i].Config&tnLevel != 0 {
				h.s.Status &^= 1 << i
				h.release(i)
			}
		}
		return
	case offCounter:
		h.setCounter(h.counter()&^mask | v)
		return
	}
	if i := int(off-offTimers) / timerSize; off >= offTimers && i < NumTimers {
		switch off % timerSize {
		case 0:
			h.writeTimer(i, v, mask)
		case 8:
			h.writeComparator(i, v, mask)
		}
	}
}

func (h *HPET) writeConfig(v uint64) {
	v &= cfgEnable | cfgLegacy
	if changed := v ^ h.s.Config; changed != 0 {
		now := h.counter()
		for i := range h.timers {
			h.release(i)
		}
		h.s.Config = v
		h.setCounter(now)
		if changed&cfgLegacy != 0 {
			h.onLegacy(h.legacy())
		}
		if !h.enabled() {
			h.s.Status = 0
		}
	}
}

func (h *HPET) writeTimer(i int, v, mask uint64) {
	c := &h.s.Timers[i]
	was := c.Config
	c.Config = was&^(mask&tnWritable) | v&tnWritable
	if was&tnPeriodic != 0 && c.Config&tnPeriodic == 0 {
		c.Period = 0
	}
	if c.Config&tn32 != 0 {
		c.Cmp &= 0xffffffff
		c.Period &= 0xffffffff
	}
	if was&tnLevel != 0 && c.Config&tnLevel == 0 {
		h.s.Status &^= 1 << i
	}
	if (was^c.Config)&(tnLevel|tnRoute) != 0 || c.Config&tnEnable == 0 {
		h.release(i)
	}
	if c.Config&tnEnable != 0 && h.s.Status>>i&1 != 0 {
		h.interrupt(i)
	}
}

// writeComparator writes the comparator. In periodic mode it writes the period, and the comparator itself only if VAL_SET says so (2.3.9.2.2).
func (h *HPET) writeComparator(i int, v, mask uint64) {
	c := &h.s.Timers[i]
	if c.Config&tnPeriodic != 0 {
		c.Period = (c.Period&^mask | v) & c.mask()
	}
	if c.Config&tnPeriodic == 0 || c.Config&tnValSet != 0 {
		c.Cmp = (c.Cmp&^mask | v) & c.mask()
		// A match at the present count counts: the next tick to look at is this one.
		c.Last = h.counter() - 1
	}
	c.Config &^= tnValSet
}
