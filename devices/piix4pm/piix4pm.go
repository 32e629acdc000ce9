// Package piix4pm is the power management function of the PIIX4 (82371AB), PCI function 00:01.3: ACPI fixed hardware.
//
// It follows the Intel 82371AB data sheet, chapter 7, with the registers of package acpipm, GPE0, sleep types, the APM ports and the SMBus of package smbus. Not
// done: SMIs other than that of the APM control port, device monitors, and powered-on suspend.
// A write to the APM control port switches ACPI mode by itself, as there need be no firmware with an SMI handler that would.
package piix4pm

import (
	"fmt"

	"goemu/devices"
	"goemu/devices/acpipm"
	"goemu/devices/pci"
	"goemu/devices/smbus"
)

// What the ACPI tables of the board say.
const (
	PMBase    = 0x600 // as the firmware programs it
	SCI       = 9     // ISA interrupt
	PM1Event  = PMBase + acpipm.Status
	PM1Ctl    = PMBase + acpipm.Control
	PMTimer   = PMBase + acpipm.Timer
	GPE0      = PMBase + offGPE
	PM1EvtLen = 4
	PM1CtlLen = 2
	PMTmrLen  = 4
	GPE0Len   = 4

	SMBusBase = 0x700 // as the firmware programs it

	APMControl  = 0xb2 // SMI_CMD
	APMStatus   = 0xb3
	ACPIEnable  = 0xf1 // written to SMI_CMD
	ACPIDisable = 0xf0

	// SLP_TYP of the sleeping states: PMCNTRL, SUS_TYP. S4 is what the chip calls soft off with context lost.
	SleepTypeS5 = 0
	SleepTypeS3 = 1
	SleepTypeS4 = 2
)

const (
	stateVersion = 3
	ioSize       = 64
	gpes         = 16
)

// Registers in I/O space, from PMBASE on.
const (
	offGPE      = 0x0c // GPSTS and GPEN, two bytes each
	offGlobalSt = 0x18 // GLBSTS, two bytes
	offGlobal   = 0x28 // GLBCTL, four bytes
)

// Registers in configuration space.
const (
	ConfigPMBase    = 0x40
	cfgDevActB      = 0x58 // DEVACTB
	ConfigPMRegMisc = 0x80 // bit 0: I/O space enabled
	cfgSMBBA        = 0x90
	cfgSMBHost      = 0xd2 // SMBHSTCFG: bit 0 enable, bits 3..1 interrupt
)

// Bits by which the APM control port makes an SMI.
const (
	devActBAPMC = 1 << 25 // DEVACTB: APMC_EN
	globalAPM   = 1 << 5  // GLBSTS: APM_STS
	globalSMI   = 1 << 0  // GLBCTL: SMI_EN
)

// Bits of SMBHSTCFG.
const (
	smbOn     = 1 << 0
	smbSelect = 7 << 1
	smbToIRQ9 = 4 << 1
)

// State is the saved state.
type State struct {
	Version              int
	Function             pci.FunctionState
	Fixed                acpipm.State
	APMControl, APMState uint8
	Other                [ioSize]uint8
	SMBus                smbus.HostState
}

// PM is the power management function.
type PM struct {
	*pci.Function
	*acpipm.PM
	SMBus  *smbus.Host
	s      State
	ports  devices.PortBus
	mapped uint16
	smbAt  uint16 // where SMBus is mapped; 0: nowhere
	smbIRQ devices.Line

	// OnSMI is called when SMI# is asserted.
	OnSMI func()
}

// New returns the function; sci is its interrupt, and smbIRQ, interrupt 9 too, that of SMBus.
func New(clock devices.Clock, ports devices.PortBus, sci, smbIRQ devices.Line) *PM {
	types := [8]acpipm.Sleep{SleepTypeS5: acpipm.S5, SleepTypeS3: acpipm.S3, SleepTypeS4: acpipm.S4}
	p := &PM{
		Function: pci.NewFunction("PIIX4 PM", 0x8086, 0x7113, 0x03, 0x068000),
		PM:       acpipm.New(clock, sci, types, gpes), ports: ports,
	}
	p.smbIRQ = smbIRQ
	p.SMBus = smbus.NewHost(clock, devices.LineFunc(p.smbusIRQ), false)
	f := p.Function
	f.Writable[pci.Command], f.Writable[pci.Command+1] = 0x01, 0
	f.Config[pci.Status], f.Config[pci.Status+1] = 0x80, 0x02
	f.Config[pci.InterruptPin] = 1
	f.Config[ConfigPMBase] = 1
	f.Writable[ConfigPMBase], f.Writable[ConfigPMBase+1] = 0xc0, 0xff
	f.Writable[ConfigPMRegMisc] = 0x01
	for reg := 0x44; reg < 0x80; reg++ { // counters and device resources: stored
		f.Writable[reg] = 0xff
	}
	f.Config[cfgSMBBA] = 1
	f.Writable[cfgSMBBA], f.Writable[cfgSMBBA+1] = 0xf0, 0xff
	f.Writable[cfgSMBHost] = 0xff
	f.OnWrite = func(uint8, int) { p.remap() }
	return p
}

// DisableSMI makes APMC_EN read as 1, by which firmware knows that SMIs have been set up, and keeps SMI# from being asserted. It is called
// before the function is put on a bus.
func (p *PM) DisableSMI() {
	p.OnSMI = nil
	p.Config[cfgDevActB+3] |= devActBAPMC >> 24
	p.Writable[cfgDevActB+3] &^= devActBAPMC >> 24
}

// MapInto claims the APM ports; the others are claimed where the guest puts them.
func (p *PM) MapInto(b devices.PortBus) { b.MapPorts(APMControl, 2, p) }

// Reset implements devices.Device.
func (p *PM) Reset() {
	p.Function.Reset()
	p.s = State{}
	p.remap()
	p.PM.Reset()
	p.SMBus.Reset()
}

// SaveState returns a copy of the state.
func (p *PM) SaveState() State {
	s := p.s
	s.Version, s.Function, s.Fixed, s.SMBus = stateVersion, p.Function.SaveState(), p.PM.SaveState(), p.SMBus.SaveState()
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
	p.PM.RestoreState(s.Fixed)
	return p.SMBus.RestoreState(s.SMBus)
}

// smbusIRQ passes the SMBus controller's interrupt on, if SMBHSTCFG says so.
func (p *PM) smbusIRQ(level bool) {
	p.smbIRQ.Set(level && p.Config[cfgSMBHost]&smbSelect == smbToIRQ9)
}

// smbusPorts are the SMBus controller's registers.
type smbusPorts struct{ p *PM }

// MaxPortSize makes wider accesses come as bytes.
func (smbusPorts) MaxPortSize() int { return 1 }

// In implements devices.PortDevice.
func (s smbusPorts) In(port uint16, _ int) uint32 { return uint32(s.p.SMBus.Read(port - s.p.smbAt)) }

// Out implements devices.PortDevice.
func (s smbusPorts) Out(port uint16, _ int, v uint32) { s.p.SMBus.Write(port-s.p.smbAt, uint8(v)) }

// remapSMBus brings the port bus in line with SMBBA and SMBHSTCFG.
func (p *PM) remapSMBus() {
	base := p.Config16(cfgSMBBA) &^ (smbus.SizePIIX4 - 1)
	if p.Config[cfgSMBHost]&smbOn == 0 {
		base = 0
	}
	if base == p.smbAt {
		return
	}
	if p.smbAt != 0 {
		p.ports.UnmapPorts(p.smbAt, smbus.SizePIIX4)
	}
	if p.smbAt = base; base != 0 {
		p.ports.MapPorts(base, smbus.SizePIIX4, smbusPorts{p})
	}
}

// remap brings the port bus in line with PMBASE and PMREGMISC.
func (p *PM) remap() {
	p.remapSMBus()
	base := p.Config16(ConfigPMBase) &^ (ioSize - 1)
	if p.Config[ConfigPMRegMisc]&1 == 0 {
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

// In reads ports of any width.
func (p *PM) In(port uint16, size int) uint32 {
	if off := port - p.mapped; off < acpipm.Size && port != APMControl && port != APMStatus {
		return p.PM.In(off, size)
	}
	var v uint32
	for i := range size {
		v |= uint32(p.readByte(port+uint16(i))) << (8 * i)
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
	switch off := port - p.mapped; {
	case off < acpipm.Size:
		return uint8(p.PM.In(off, 1))
	case off < offGPE+gpes/4:
		return p.ReadGPE(off - offGPE)
	default:
		return p.s.Other[off%ioSize]
	}
}

// Out writes ports of any width.
func (p *PM) Out(port uint16, size int, v uint32) {
	for i := range size {
		p.writeByte(port+uint16(i), uint8(v>>(8*i)))
	}
	p.Update()
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
	switch off := port - p.mapped; {
	case off < acpipm.Size:
		p.Write(off, b)
	case off < offGPE+gpes/4:
		p.WriteGPE(off-offGPE, b)
	case off&^1 == offGlobalSt:
		p.s.Other[off] &^= b
	default:
		p.s.Other[off%ioSize] = b
	}
}

func (p *PM) apm(b uint8) {
	p.s.APMControl = b
	switch b {
	case ACPIEnable, ACPIDisable:
		p.SetACPI(b == ACPIEnable)
	}
	if p.ReadConfig(cfgDevActB, 4)&devActBAPMC == 0 {
		return
	}
	p.s.Other[offGlobalSt] |= globalAPM
	if p.s.Other[offGlobal]&globalSMI != 0 && p.OnSMI != nil {
		p.OnSMI()
	}
}
