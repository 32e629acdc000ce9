// Package lapic is the local APIC in xAPIC and x2APIC mode.
//
// It follows the Intel SDM vol. 3A, chapter 11 ("Advanced Programmable Interrupt Controller"): acceptance and priorities,
// ICR with all delivery modes, LVT, timer with its three modes, LINT pins, error register, EOI broadcast. Nothing raises thermal and
// performance interrupts: their LVT entries are stored. The host's KVM can have the registers for a while (Lend). Not done: CMCI, suppression of EOI broadcasts, arbitration.
package lapic

import (
	"fmt"
	"math/bits"

	"goemu/devices"
	"goemu/devices/apicbus"
)

// Where the registers are after reset, and how much they take.
const (
	DefaultBase = 0xfee00000
	Size        = 0x1000
)

// Bits of IA32_APIC_BASE.
const (
	BaseBSP    = 1 << 8
	BaseX2APIC = 1 << 10
	BaseEnable = 1 << 11
)

// BusHz is the rate of the timer before its divider.
const BusHz = 1_000_000_000

const (
	stateVersion = 2
	version      = 0x00050014 // version 14h, 6 LVT entries
)

// Register offsets, divided by 16.
const (
	regID      = 0x02
	regVersion = 0x03
	regTPR     = 0x08
	regAPR     = 0x09
	regPPR     = 0x0a
	regEOI     = 0x0b
	regRRD     = 0x0c
	regLDR     = 0x0d
	regDFR     = 0x0e
	regSVR     = 0x0f
	regISR     = 0x10 // 8 registers
	regTMR     = 0x18
	regIRR     = 0x20
	regESR     = 0x28
	regICRLow  = 0x30
	regICRHigh = 0x31
	regLVT     = 0x32 // 6 registers
	regICT     = 0x38
	regCCT     = 0x39
	regDCR     = 0x3e
	regSelfIPI = 0x3f // x2APIC mode only
)

// LVT entries.
const (
	lvtTimer = iota
	lvtThermal
	lvtPerf
	lvtLINT0
	lvtLINT1
	lvtError
	numLVT
)

// Register bits.
const (
	lvtStatus = 1 << 12 // always idle
	lvtRemote = 1 << 14
	lvtLevel  = 1 << 15
	lvtMasked = 1 << 16

	// Modes of the timer, bits 18 and 17.
	timerMode     = 3 << 17
	timerPeriodic = 1 << 17
	timerDeadline = 2 << 17

	svrEnable = 1 << 8
	svrMask   = 0x3ff

	icrLogical = 1 << 11
	icrAssert  = 1 << 14
	icrLevel   = 1 << 15
	icrMask    = 0x000ccfff

	esrSendIllegal = 1 << 5
	esrRecvIllegal = 1 << 6
	esrRegister    = 1 << 7
)

// lvtWritable has the bits of each LVT entry that software can write.
var lvtWritable = [numLVT]uint32{0x700ff, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff}

// State is the saved state.
type State struct {
	Version       int
	Base          uint64 // IA32_APIC_BASE
	ID            uint8
	TPR           uint8
	LDR, DFR, SVR uint32
	ISR, TMR, IRR [8]uint32
	ESR, Errors   uint32 // as read; collected since the last write
	ICRLow        uint32
	ICRHigh       uint32
	LVT           [numLVT]uint32
	ICT, DCR      uint32
	Deadline      uint64 // IA32_TSC_DEADLINE, 0: disarmed
	TimerStart    int64  // ns at which the count was ICT
	TimerRunning  bool
	LINT          [2]bool // input levels
	ExtINT        bool    // an ExtINT message waits
	INTR          bool    // output level
}

// CPU is what a local APIC does to its processor. Nil functions are not called.
type CPU struct {
	INTR func(level bool) // an interrupt can be acknowledged, or no more
	NMI  func()
	SMI  func()
	INIT func()
	SIPI func(vector uint8)
	// ExtINT is an acknowledge cycle at the external interrupt controller; it returns the vector.
	ExtINT func() int
	// Moved is called when IA32_APIC_BASE has changed.
	Moved func()
	// TSCOffset is the time-stamp counter less what it would be if it had begun with the clock; nil: 0.
	TSCOffset func() uint64
	// TSCRate is the time-stamp counter's, in Hz; nil: devices.GHz.
	TSCRate func() uint64
}

// LAPIC is one local APIC.
type LAPIC struct {
	s     State
	clock devices.Clock
	timer devices.Timer
	bus   *apicbus.Bus
	cpu   CPU
	bsp   bool
	id    uint8

	keeper Keeper // has the registers: see Lend; nil: they are here
	page   Page   // what it gives
}

// New returns a local APIC with the given ID and puts it on the bus. bsp marks the bootstrap processor's.
func New(clock devices.Clock, bus *apicbus.Bus, id uint8, bsp bool, cpu CPU) *LAPIC {
	l := &LAPIC{clock: clock, bus: bus, cpu: cpu, bsp: bsp, id: id}
	l.timer = clock.NewTimer(l.timerFired)
	bus.AddAgent(l)
	l.Reset()
	return l
}

// Name implements devices.Device.
func (l *LAPIC) Name() string { return "local APIC" }

// Reset is a power-on reset. LINT levels stay.
func (l *LAPIC) Reset() {
	l.keeper = nil
	l.s.Base = DefaultBase | BaseEnable
	if l.bsp {
		l.s.Base |= BaseBSP
	}
	l.s.ID = l.id
	l.initRegisters()
	l.moved()
}

// initRegisters is what INIT does (11.4.7.3): everything but the ID and IA32_APIC_BASE.
func (l *LAPIC) initRegisters() {
	l.timer.Stop()
	l.s = State{Base: l.s.Base, ID: l.s.ID, LINT: l.s.LINT, INTR: l.s.INTR, DFR: ^uint32(0), SVR: 0xff}
	for i := range l.s.LVT {
		l.s.LVT[i] = lvtMasked
	}
	l.update()
}

func (l *LAPIC) moved() {
	if l.cpu.Moved != nil {
		l.cpu.Moved()
	}
}

// Base is the value of IA32_APIC_BASE.
func (l *LAPIC) Base() uint64 {
	l.look()
	return l.s.Base
}

// SetBase writes IA32_APIC_BASE (11.12.5); false: a reserved bit, or a transition that is not allowed. The caller has checked the
// width of the address. Disabling the APIC resets it.
func (l *LAPIC) SetBase(v uint64) bool {
	const reserved = Size - 1 - BaseBSP - BaseX2APIC - BaseEnable
	l.Recall()
	was := l.s.Base
	switch {
	case v&reserved != 0,
		v&BaseX2APIC != 0 && v&BaseEnable == 0,
		v&BaseX2APIC != 0 && was&BaseEnable == 0,                       // disabled to x2APIC
		was&BaseX2APIC != 0 && v&(BaseX2APIC|BaseEnable) == BaseEnable: // x2APIC to xAPIC
		return false
	}
	l.s.Base = v&^BaseBSP | was&BaseBSP
	switch {
	case was&BaseEnable != 0 && v&BaseEnable == 0:
		l.initRegisters()
		l.s.ID = l.id
	case was&BaseX2APIC == 0 && v&BaseX2APIC != 0:
		l.s.ID = l.id
		l.s.ICRHigh = 0
	}
	l.update()
	l.moved()
	return true
}

// Address is where the registers are in physical memory; ok is false while the APIC is disabled or in x2APIC mode.
func (l *LAPIC) Address() (addr uint64, ok bool) {
	l.look()
	return l.s.Base &^ (Size - 1), l.hardEnabled() && !l.x2()
}

// ID is the APIC ID.
func (l *LAPIC) ID() uint8 {
	l.look()
	return l.s.ID
}

// x2 tells whether the APIC is in x2APIC mode.
func (l *LAPIC) x2() bool { return l.s.Base&BaseX2APIC != 0 }

// ldr is the logical destination register. In x2APIC mode it follows from the ID (11.12.10.2).
func (l *LAPIC) ldr() uint32 {
	if l.x2() {
		id := uint32(l.id)
		return id>>4<<16 | 1<<(id&15)
	}
	return l.s.LDR
}

func (l *LAPIC) hardEnabled() bool { return l.s.Base&BaseEnable != 0 }
func (l *LAPIC) softEnabled() bool { return l.hardEnabled() && l.s.SVR&svrEnable != 0 }

// SetVirtualWire programs the APIC as PC firmware leaves it: enabled, LINT0 the
// 8259A's (on the bootstrap processor), LINT1 the NMI.
func (l *LAPIC) SetVirtualWire() {
	l.Recall()
	l.write(regSVR, svrEnable|0xff)
	if l.bsp {
		l.write(regLVT+lvtLINT0, uint32(apicbus.ExtINT)<<8)
	}
	l.write(regLVT+lvtLINT1, uint32(apicbus.NMI)<<8)
}

// SaveState returns a copy of the state.
func (l *LAPIC) SaveState() State {
	l.look()
	s := l.s
	s.Version = stateVersion
	return s
}

// RestoreState takes over a saved state. INTR is not driven.
func (l *LAPIC) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("local APIC state has version %d, want %d", s.Version, stateVersion)
	}
	l.keeper = nil
	l.s = s
	l.armTimer()
	l.moved()
	return nil
}

// highest is the highest set bit of a 256-bit register, or -1.
func highest(r *[8]uint32) int {
	for i := 7; i >= 0; i-- {
		if r[i] != 0 {
			return i*32 + 31 - bits.LeadingZeros32(r[i])
		}
	}
	return -1
}

func set(r *[8]uint32, v uint8)       { r[v>>5] |= 1 << (v & 31) }
func unset(r *[8]uint32, v uint8)     { r[v>>5] &^= 1 << (v & 31) }
func test(r *[8]uint32, v uint8) bool { return r[v>>5]>>(v&31)&1 != 0 }

// ppr is the processor priority (11.8.3.1).
func (l *LAPIC) ppr() uint8 {
	isr := uint8(max(highest(&l.s.ISR), 0)) & 0xf0
	if l.s.TPR&0xf0 >= isr {
		return l.s.TPR
	}
	return isr
}

// apr is the arbitration priority.
func (l *LAPIC) apr() uint8 {
	isr := uint8(max(highest(&l.s.ISR), 0)) & 0xf0
	irr := uint8(max(highest(&l.s.IRR), 0)) & 0xf0
	if t := l.s.TPR & 0xf0; t >= irr && t > isr {
		return l.s.TPR
	}
	return max(l.s.TPR&0xf0, isr, irr)
}

// deliverable is the vector that would be acknowledged next, or -1.
func (l *LAPIC) deliverable() int {
	if v := highest(&l.s.IRR); v >= 0 && l.softEnabled() && uint8(v)&0xf0 > l.ppr()&0xf0 {
		return v
	}
	return -1
}

// external tells whether the external interrupt controller is to be asked.
func (l *LAPIC) external() bool {
	switch lint := l.s.LVT[lvtLINT0]; {
	case l.keeper != nil:
		return l.s.LINT[0] || l.s.ExtINT
	case !l.hardEnabled(): // LINT0 is the INTR pin (11.4.3)
		return l.s.LINT[0]
	case l.s.ExtINT:
		return true
	default:
		return l.s.LINT[0] && lint&lvtMasked == 0 && modeOf(lint) == apicbus.ExtINT
	}
}

func modeOf(lvt uint32) apicbus.Mode { return apicbus.Mode(lvt >> 8 & 7) }

// INTR tells whether there is an interrupt to acknowledge.
func (l *LAPIC) INTR() bool { return l.s.INTR }

func (l *LAPIC) update() {
	if level := l.external() || l.keeper == nil && l.deliverable() >= 0; level != l.s.INTR {
		l.s.INTR = level
		if l.cpu.INTR != nil {
			l.cpu.INTR(level)
		}
	}
}

// IntAck is the processor's acknowledge cycle. It returns the vector; the spurious vector if the request has gone. While a keeper has
// the registers it is the external controller's.
func (l *LAPIC) IntAck() int {
	if v := l.deliverable(); v >= 0 && l.keeper == nil {
		unset(&l.s.IRR, uint8(v))
		set(&l.s.ISR, uint8(v))
		l.update()
		return v
	}
	if l.external() || !l.hardEnabled() {
		l.s.ExtINT = false
		v := 0
		if l.cpu.ExtINT != nil {
			v = l.cpu.ExtINT()
		}
		l.update()
		return v
	}
	return int(l.s.SVR & 0xff)
}

// TPR is the task priority register; CR8 is its bits 7..4.
func (l *LAPIC) TPR() uint8 {
	l.look()
	return l.s.TPR
}

// SetTPR writes the task priority register.
func (l *LAPIC) SetTPR(v uint8) {
	l.Recall()
	l.s.TPR = v
	l.update()
}

// eoi ends the interrupt in service with the highest priority (11.8.5).
func (l *LAPIC) eoi() {
	n := highest(&l.s.ISR)
	if n < 0 {
		return
	}
	v := uint8(n)
	unset(&l.s.ISR, v)
	if test(&l.s.TMR, v) {
		for i := range l.s.LINT {
			lvt := &l.s.LVT[lvtLINT0+i]
			if *lvt&lvtRemote != 0 && uint8(*lvt) == v {
				*lvt &^= lvtRemote
				l.lint(i, false)
			}
		}
		l.bus.EOI(v)
	}
	l.update()
}

// fail notes an error for ESR and raises the error interrupt.
func (l *LAPIC) fail(bit uint32) {
	if l.s.Errors&bit == 0 {
		l.s.Errors |= bit
		l.local(lvtError)
	}
}

// local raises the interrupt of an LVT entry that is always fixed and edge-triggered.
func (l *LAPIC) local(entry int) {
	if lvt := l.s.LVT[entry]; lvt&lvtMasked == 0 {
		l.fixed(uint8(lvt), false)
	}
}

// fixed puts a vector into IRR. Vectors below 16 are illegal (11.5.2).
func (l *LAPIC) fixed(v uint8, level bool) bool {
	if v < 16 {
		l.fail(esrRecvIllegal)
		return false
	}
	set(&l.s.IRR, v)
	if level {
		set(&l.s.TMR, v)
	} else {
		unset(&l.s.TMR, v)
	}
	l.update()
	return true
}

// Matches implements apicbus.Agent (11.6.2, 11.12.10).
func (l *LAPIC) Matches(dest uint32, logical bool) bool {
	l.look()
	switch {
	case !l.hardEnabled():
		return false
	case !logical:
		return dest == apicbus.Broadcast || dest == uint32(l.s.ID)
	case l.x2():
		ldr := l.ldr()
		return dest == apicbus.Broadcast || dest>>16 == ldr>>16 && dest&ldr&0xffff != 0
	case dest == apicbus.Broadcast:
		return true
	case dest > 0xff:
		return false
	}
	d, ldr := uint8(dest), uint8(l.s.LDR>>24)
	if l.s.DFR>>28 == 0xf { // flat
		return d&ldr != 0
	}
	return (d>>4 == 0xf || d>>4 == ldr>>4) && d&ldr&0xf != 0
}

// Priority implements apicbus.Agent.
func (l *LAPIC) Priority() int {
	l.look()
	if !l.softEnabled() {
		return 256
	}
	return int(l.apr())
}

// Accept implements apicbus.Agent (11.8.2). While disabled by software only NMI, SMI, INIT and start-up pass.
func (l *LAPIC) Accept(m apicbus.Message) bool {
	switch m.Mode {
	case apicbus.Fixed, apicbus.Lowest, apicbus.INIT:
		l.Recall()
	default:
		l.look()
	}
	if !l.hardEnabled() {
		return false
	}
	switch m.Mode {
	case apicbus.Fixed, apicbus.Lowest:
		return l.softEnabled() && l.fixed(m.Vector, m.Level)
	case apicbus.ExtINT:
		if !l.softEnabled() {
			return false
		}
		l.s.ExtINT = true
		l.update()
	case apicbus.SMI:
		call(l.cpu.SMI)
	case apicbus.NMI:
		call(l.cpu.NMI)
	case apicbus.INIT:
		l.init()
	case apicbus.StartUp:
		if l.cpu.SIPI != nil {
			l.cpu.SIPI(m.Vector)
		}
	default:
		return false
	}
	return true
}

// init is an INIT.
func (l *LAPIC) init() {
	l.initRegisters()
	call(l.cpu.INIT)
}

func call(f func()) {
	if f != nil {
		f()
	}
}

// LINT returns the input line n (0 or 1).
func (l *LAPIC) LINT(n int) devices.Line {
	return devices.LineFunc(func(level bool) {
		if level != l.s.LINT[n] && l.keeper != nil && !l.passes(n) {
			l.Recall()
		}
		rose := level && !l.s.LINT[n]
		l.s.LINT[n] = level
		if l.keeper == nil {
			l.lint(n, rose)
		}
		l.update()
	})
}

// lint acts on a LINT input: rose tells of a rising edge.
func (l *LAPIC) lint(n int, rose bool) {
	lvt := &l.s.LVT[lvtLINT0+n]
	if !l.hardEnabled() {
		if n == 1 && rose { // the NMI pin
			call(l.cpu.NMI)
		}
		return
	}
	if *lvt&lvtMasked != 0 {
		return
	}
	switch mode := modeOf(*lvt); {
	case mode == apicbus.Fixed && *lvt&lvtLevel != 0 && n == 0:
		if l.s.LINT[n] && *lvt&lvtRemote == 0 && l.fixed(uint8(*lvt), true) {
			*lvt |= lvtRemote
		}
	case !rose:
	case mode == apicbus.Fixed:
		l.fixed(uint8(*lvt), false)
	case mode == apicbus.SMI:
		call(l.cpu.SMI)
	case mode == apicbus.NMI:
		call(l.cpu.NMI)
	case mode == apicbus.INIT:
		l.init()
	}
}

// View is what debuggers see of a local APIC, beside its state.
type View struct {
	State
	PPR   uint8
	Count uint32 // of the timer
}

// LVTNames are the names of State.LVT.
var LVTNames = [numLVT]string{"LVTT", "LVTTHMR", "LVTPC", "LVT0", "LVT1", "LVTERR"}

// View looks without touching anything.
func (l *LAPIC) View() View { return View{State: l.SaveState(), PPR: l.ppr(), Count: l.currentCount()} }
