// Package piix4pm is the power management function of the PIIX4 (82371AB), PCI function 00:01.3: ACPI fixed hardware.
//
// It follows the Intel 82371AB data sheet, chapter 7, and the ACPI specification 4.8: PM1 event and control, the PM timer, GPE0, soft
// off, power button, and the APM ports. Not done: SMBus, SMIs other than that of the APM control port, device monitors and sleep states other than soft
// off. A write to the APM control port switches ACPI mode by itself, as there need be no firmware with an SMI handler that would.
package piix4pm

import (
	"fmt"
	"math/bits"

	"goemu/devices"
	"goemu/devices/pci"
)

// What the ACPI tables of the board say.
const (
	PMBase    = 0x600 // as the firmware programs it
	SCI       = 9     // ISA interrupt
	PM1Event  = PMBase + offStatus
	PM1Ctl    = PMBase + offControl
	PMTimer   = PMBase + offTimer
	GPE0      = PMBase + offGPStatus
	PM1EvtLen = 4
	PM1CtlLen = 2
	PMTmrLen  = 4
	GPE0Len   = 4

	APMControl  = 0xb2 // SMI_CMD
	APMStatus   = 0xb3
	ACPIEnable  = 0xf1 // written to SMI_CMD
	ACPIDisable = 0xf0

	// SleepTypeS5 is SLP_TYP for soft off.
	SleepTypeS5 = 0
)

// TimerHz is the rate of the PM timer, which has 24 bits.
const TimerHz = 3579545

const (
	stateVersion = 1
	second       = 1_000_000_000
	ioSize       = 64
	timerMask    = 1<<24 - 1
	timerCarry   = 1 << 23 // TMROF_STS is set when this bit changes
)

// Registers in I/O space, from PMBASE on.
const (
	offStatus   = 0x00
	offEnable   = 0x02
	offControl  = 0x04
	offTimer    = 0x08
	offGPStatus = 0x0c
	offGPEnable = 0x0e
	offGlobalSt = 0x18 // GLBSTS, two bytes
	offGlobal   = 0x28 // GLBCTL, four bytes
)

// Registers in configuration space.
const (
	cfgPMBase    = 0x40
	cfgDevActB   = 0x58 // DEVACTB
	cfgPMRegMisc = 0x80 // bit 0: I/O space enabled
)

// Bits of PM1 status and enable.
const (
	stsTimer  = 1 << 0
	stsGlobal = 1 << 5
	stsPower  = 1 << 8
	stsRTC    = 1 << 10
	stsWake   = 1 << 15
	stsAll    = stsTimer | stsGlobal | stsPower | stsRTC | stsWake
	enAll     = stsTimer | stsGlobal | stsPower | stsRTC
)

// Bits of PM1 control.
const (
	ctlSCI      = 1 << 0
	ctlSleep    = 1 << 13 // SLP_EN, write-only
	ctlTypeMask = 7 << 10
	ctlWritable = ctlSCI | 1<<1 | ctlTypeMask
)

// Bits by which the APM control port makes an SMI.
const (
	devActBAPMC = 1 << 25 // DEVACTB: APMC_EN
	globalAPM   = 1 << 5  // GLBSTS: APM_STS
	globalSMI   = 1 << 0  // GLBCTL: SMI_EN
)

// State is the saved state.
type State struct {
	Version              int
	Function             pci.FunctionState
	Status, Enable       uint16
	Control              uint16
	GPStatus, GPEnable   uint16
	APMControl, APMState uint8
	Carry                int64 // half periods of the timer that Status has seen
	Other                [ioSize]uint8
}

// PM is the power management function.
type PM struct {
	*pci.Function
	s      State
	clock  devices.Clock
	sci    devices.Line
	timer  devices.Timer
	ports  devices.PortBus
	mapped uint16

	// OnPowerOff is called when the guest turns the machine off (S5).
	OnPowerOff func()
	// OnSMI is called when SMI# is asserted.
	OnSMI func()
}

// New returns the function; sci is its interrupt.
func New(clock devices.Clock, ports devices.PortBus, sci devices.Line) *PM {
	p := &PM{clock: clock, ports: ports, sci: sci, Function: pci.NewFunction("PIIX4 PM", 0x8086, 0x7113, 0x03, 0x068000)}
	p.timer = clock.NewTimer(p.update)
	f := p.Function
	f.Writable[pci.Command], f.Writable[pci.Command+1] = 0x01, 0
	f.Config[pci.Status], f.Config[pci.Status+1] = 0x80, 0x02
	f.Config[pci.InterruptPin] = 1
	f.Config[cfgPMBase] = 1
	f.Writable[cfgPMBase], f.Writable[cfgPMBase+1] = 0xc0, 0xff
	f.Writable[cfgPMRegMisc] = 0x01
	for reg := 0x44; reg < 0x80; reg++ { // counters and device resources: stored
		f.Writable[reg] = 0xff
	}
	f.Config[0x90] = 1 // SMBus base
	f.Writable[0x90], f.Writable[0x91] = 0xf0, 0xff
	f.Writable[0xd2] = 0xff
	f.OnWrite = func(uint8, int) { p.remap() }
	return p
}

// MapInto claims the APM ports; the others are claimed where the guest puts them.
func (p *PM) MapInto(b devices.PortBus) { b.MapPorts(APMControl, 2, p) }

// Reset implements devices.Device.
func (p *PM) Reset() {
	p.Function.Reset()
	p.s = State{Carry: p.halfPeriods()}
	p.remap()
	p.update()
}

// FirmwareInit programs the function as PC firmware does: I/O space at PMBase, ACPI mode on.
func (p *PM) FirmwareInit() {
	p.WriteConfig(cfgPMBase, 4, PMBase|1)
	p.WriteConfig(cfgPMRegMisc, 1, 1)
	p.WriteConfig(pci.InterruptLine, 1, SCI)
	p.s.Control |= ctlSCI
	p.update()
}

// SaveState returns a copy of the state.
func (p *PM) SaveState() State {
	s := p.s
	s.Version, s.Function = stateVersion, p.Function.SaveState()
	return s
}

// RestoreState takes over a saved state.
func (p *PM) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("PIIX4 PM state has version %d, want %d", s.Version, stateVersion)
	}
	if err := p.Function.RestoreState(s.Function); err != nil {
		return err
	}
	p.s = s
	p.remap()
	p.arm()
	return nil
}

// remap brings the port bus in line with PMBASE and PMREGMISC.
func (p *PM) remap() {
	base := p.Config16(cfgPMBase) &^ (ioSize - 1)
	if p.Config[cfgPMRegMisc]&1 == 0 {
		base = 0
	}
	if base == p.mapped {
		return
	}
	if p.mapped != 0 {
		p.ports.UnmapPorts(p.mapped, ioSize)
	}
	if p.mapped = base; base != 0 {
		p.ports.MapPorts(base, ioSize, p)
	}
}

// Base is where the guest has put the I/O space; 0: nowhere.
func (p *PM) Base() uint16 { return p.mapped }

// ticks is the PM timer without its limit of 24 bits.
func (p *PM) ticks() int64 {
	hi, lo := bits.Mul64(uint64(p.clock.Now()), TimerHz)
	q, _ := bits.Div64(hi, lo, second)
	return int64(q)
}

func (p *PM) halfPeriods() int64 { return p.ticks() / timerCarry }

// sync sets TMROF_STS if the timer's top bit has changed since the last call.
func (p *PM) sync() {
	if n := p.halfPeriods(); n != p.s.Carry {
		p.s.Carry = n
		p.s.Status |= stsTimer
	}
}

// update drives the SCI.
func (p *PM) update() {
	p.sync()
	level := p.s.Control&ctlSCI != 0 && (p.s.Status&p.s.Enable&enAll != 0 || p.s.GPStatus&p.s.GPEnable != 0)
	p.sci.Set(level)
	p.arm()
}

// arm sets the host timer for the next change of the PM timer's top bit, if that can interrupt.
func (p *PM) arm() {
	if p.s.Enable&^p.s.Status&stsTimer == 0 {
		p.timer.Stop()
		return
	}
	hi, lo := bits.Mul64(uint64(p.s.Carry+1)*timerCarry, second)
	q, _ := bits.Div64(hi, lo, TimerHz)
	p.timer.At(int64(q) + 1)
}

// PressPowerButton sets PWRBTN_STS, which asks the guest to shut down.
func (p *PM) PressPowerButton() {
	p.s.Status |= stsPower
	p.update()
}

// RaiseGPE sets bits of the GPE0 status register.
func (p *PM) RaiseGPE(bits uint16) {
	p.s.GPStatus |= bits
	p.update()
}

// In reads ports of any width.
func (p *PM) In(port uint16, size int) uint32 {
	var v uint32
	for i := range size {
		v |= uint32(p.readByte(port+uint16(i))) << (8 * i)
	}
	if port-p.mapped == offTimer { // the four bytes are of one moment
		v = uint32(p.ticks()&timerMask) & (1<<(8*size) - 1)
	}
	return v
}

func (p *PM) readByte(port uint16) uint8 {
	switch port {
	case APMControl:
		return p.s.APMControl
	case APMStatus:
		return p.s.APMState
	}
	off := port - p.mapped
	half := func(v uint16) uint8 { return uint8(v >> (8 * (off & 1))) }
	switch off &^ 1 {
	case offStatus:
		p.sync()
		return half(p.s.Status)
	case offEnable:
		return half(p.s.Enable)
	case offControl:
		return half(p.s.Control)
	case offTimer, offTimer + 2:
		return uint8(p.ticks() & timerMask >> (8 * (off & 3)))
	case offGPStatus:
		return half(p.s.GPStatus)
	case offGPEnable:
		return half(p.s.GPEnable)
	}
	return p.s.Other[off%ioSize]
}

// Out writes ports of any width.
func (p *PM) Out(port uint16, size int, v uint32) {
	p.sync()
	for i := range size {
		p.writeByte(port+uint16(i), uint8(v>>(8*i)))
	}
	p.update()
}

func (p *PM) writeByte(port uint16, b uint8) {
	switch port {
	case APMControl:
		p.apm(b)
		return
	case APMStatus:
		p.s.APMState = b
		return
	}
	off := port - p.mapped
	shift := 8 * (off & 1)
	v, keep := uint16(b)<<shift, ^(uint16(0xff) << shift)
	switch off &^ 1 {
	case offStatus:
		p.s.Status &^= v & stsAll
	case offEnable:
		p.s.Enable = p.s.Enable&keep | v&enAll
	case offControl:
		p.s.Control = p.s.Control&keep | v&ctlWritable
		if v&ctlSleep != 0 && p.s.Control&ctlTypeMask>>10 == SleepTypeS5 && p.OnPowerOff != nil {
			p.OnPowerOff()
		}
	case offTimer, offTimer + 2: // read-only
	case offGPStatus:
		p.s.GPStatus &^= v
	case offGPEnable:
		p.s.GPEnable = p.s.GPEnable&keep | v
	case offGlobalSt:
		p.s.Other[off] &^= b
	default:
		p.s.Other[off%ioSize] = b
	}
}

func (p *PM) apm(b uint8) {
	p.s.APMControl = b
	switch b {
	case ACPIEnable:
		p.s.Control |= ctlSCI
	case ACPIDisable:
		p.s.Control &^= ctlSCI
	}
	if p.ReadConfig(cfgDevActB, 4)&devActBAPMC == 0 {
		return
	}
	p.s.Other[offGlobalSt] |= globalAPM
	if p.s.Other[offGlobal]&globalSMI != 0 && p.OnSMI != nil {
		p.OnSMI()
	}
}
