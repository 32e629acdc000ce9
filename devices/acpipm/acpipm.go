// Package acpipm is the fixed hardware of ACPI that chip sets have in common: PM1 event and control registers, the PM timer, a block of general-purpose
// events, and the interrupt (SCI) that they raise.
//
// It follows the ACPI specification 6.3, 4.8.3 and 4.8.4. Chip sets say where the registers lie and what their sleep types mean. The power
// button, the clock's alarm and wake-up come as calls.
package acpipm

import (
	"math/bits"

	"goemu/devices"
)

// TimerHz is the rate of the PM timer, which has 24 bits.
const TimerHz = 3579545

const (
	second     = 1_000_000_000
	timerMask  = 1<<24 - 1
	timerCarry = 1 << 23 // TMR_STS is set when this bit changes
)

// Registers, from the start of the block on.
const (
	Status  = 0x00 // PM1_STS, two bytes
	Enable  = 0x02 // PM1_EN, two bytes
	Control = 0x04 // PM1_CNT, four bytes of which two count
	Timer   = 0x08 // PM_TMR, four bytes
	Size    = 0x0c
)

// Bits of PM1 status and enable.
const (
	StsTimer  = 1 << 0
	StsGlobal = 1 << 5
	StsPower  = 1 << 8
	StsRTC    = 1 << 10
	StsWake   = 1 << 15
	stsAll    = StsTimer | StsGlobal | StsPower | StsRTC | StsWake
	enAll     = StsTimer | StsGlobal | StsPower | StsRTC
)

// Bits of PM1 control.
const (
	CtlSCI      = 1 << 0
	CtlSleep    = 1 << 13 // SLP_EN, write-only
	CtlTypeAt   = 10      // SLP_TYP
	ctlTypeMask = 7 << CtlTypeAt
	ctlWritable = CtlSCI | 1<<1 | ctlTypeMask
)

// Sleep is a sleeping state.
type Sleep int

// Sleeping states. S1 and S2 are not done.
const (
	None Sleep = iota
	S3
	S4
	S5
)

// State is the saved state.
type State struct {
	Status, Enable, Control uint16
	GPStatus, GPEnable      uint64
	Carry                   int64 // half periods of the timer that Status has seen
}

// PM is the register block.
type PM struct {
	s     State
	clock devices.Clock
	sci   devices.Line
	timer devices.Timer
	types [8]Sleep
	gpes  int // bytes of general-purpose event status

	// OnSleep is called when the guest goes to sleep.
	OnSleep func(Sleep)
}

// New returns the registers. types has what each SLP_TYP means; gpes is the number of general-purpose events, a multiple of 8 up to 64.
func New(clock devices.Clock, sci devices.Line, types [8]Sleep, gpes int) *PM {
	p := &PM{clock: clock, sci: sci, types: types, gpes: gpes / 8}
	p.timer = clock.NewTimer(p.Update)
	return p
}

// Reset sets all registers to 0. The timer goes on.
func (p *PM) Reset() {
	p.s = State{Carry: p.halfPeriods()}
	p.Update()
}

// SaveState returns a copy of the state.
func (p *PM) SaveState() State { return p.s }

// RestoreState takes over a saved state. The interrupt is not driven.
func (p *PM) RestoreState(s State) {
	p.s = s
	p.arm()
}

// ticks is the PM timer without its limit of 24 bits.
func (p *PM) ticks() int64 {
	hi, lo := bits.Mul64(uint64(p.clock.Now()), TimerHz)
	q, _ := bits.Div64(hi, lo, second)
	return int64(q)
}

func (p *PM) halfPeriods() int64 { return p.ticks() / timerCarry }

// sync sets TMR_STS if the timer's top bit has changed since the last call.
func (p *PM) sync() {
	if n := p.halfPeriods(); n != p.s.Carry {
		p.s.Carry = n
		p.s.Status |= StsTimer
	}
}

// Update drives the SCI.
func (p *PM) Update() {
	p.sync()
	p.sci.Set(p.s.Control&CtlSCI != 0 && (p.s.Status&p.s.Enable&enAll != 0 || p.s.GPStatus&p.s.GPEnable != 0))
	p.arm()
}

// arm sets the host timer for the next change of the PM timer's top bit, if that can interrupt.
func (p *PM) arm() {
	if p.s.Enable&^p.s.Status&StsTimer == 0 {
		p.timer.Stop()
		return
	}
	hi, lo := bits.Mul64(uint64(p.s.Carry+1)*timerCarry, second)
	q, _ := bits.Div64(hi, lo, TimerHz)
	p.timer.At(int64(q) + 1)
}

// Raise sets bits of PM1_STS.
func (p *PM) Raise(sts uint16) {
	p.s.Status |= sts & stsAll
	p.Update()
}

// RaiseGPE sets bits of the general-purpose event status.
func (p *PM) RaiseGPE(bits uint64) {
	p.s.GPStatus |= bits & (1<<(8*p.gpes) - 1)
	p.Update()
}

// Enabled tells whether a bit of PM1_EN is set.
func (p *PM) Enabled(sts uint16) bool { return p.s.Enable&sts != 0 }

// SetACPI switches ACPI mode (SCI_EN) on or off.
func (p *PM) SetACPI(on bool) {
	p.s.Control &^= CtlSCI
	if on {
		p.s.Control |= CtlSCI
	}
	p.Update()
}

// TimerValue is the PM timer.
func (p *PM) TimerValue() uint32 { return uint32(p.ticks() & timerMask) }

// In reads size bytes at off, which need not be aligned. All bytes of the timer are of one moment.
func (p *PM) In(off uint16, size int) uint32 {
	p.sync()
	timer := p.TimerValue()
	var v uint32
	for i := range size {
		v |= uint32(p.readByte(off+uint16(i), timer)) << (8 * i)
	}
	return v
}

func (p *PM) readByte(off uint16, timer uint32) uint8 {
	half := func(v uint16) uint8 { return uint8(v >> (8 * (off & 1))) }
	switch off &^ 1 {
	case Status:
		return half(p.s.Status)
	case Enable:
		return half(p.s.Enable)
	case Control:
		return half(p.s.Control)
	case Timer, Timer + 2:
		return uint8(timer >> (8 * (off & 3)))
	}
	return 0
}

// Write writes a byte at off. Update must follow.
func (p *PM) Write(off uint16, b uint8) {
	p.sync()
	shift := 8 * (off & 1)
	v, keep := uint16(b)<<shift, ^(uint16(0xff) << shift)
	switch off &^ 1 {
	case Status:
		p.s.Status &^= v & stsAll
	case Enable:
		p.s.Enable = p.s.Enable&keep | v&enAll
	case Control:
		p.s.Control = p.s.Control&keep | v&ctlWritable
		if v&CtlSleep == 0 || p.OnSleep == nil {
			return
		}
		if s := p.types[p.s.Control&ctlTypeMask>>CtlTypeAt]; s != None {
			p.OnSleep(s)
		}
	}
}

// ReadGPE reads a byte of the block of general-purpose events: status bytes, then as many enable bytes.
func (p *PM) ReadGPE(off uint16) uint8 {
	if int(off) < p.gpes {
		return uint8(p.s.GPStatus >> (8 * off))
	}
	return uint8(p.s.GPEnable >> (8 * (int(off) - p.gpes)))
}

// WriteGPE writes one. Update must follow.
func (p *PM) WriteGPE(off uint16, b uint8) {
	if int(off) < p.gpes {
		p.s.GPStatus &^= uint64(b) << (8 * off)
		return
	}
	at := 8 * (int(off) - p.gpes)
	p.s.GPEnable = p.s.GPEnable&^(0xff<<at) | uint64(b)<<at
}
