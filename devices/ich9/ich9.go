// Package ich9 is the LPC bridge of the ICH9 (82801IB), PCI function 00:1f.0: routing of PCI interrupts, ACPI power management with SMIs, the TCO
// timer, reset control, and the chip set's configuration registers in memory (RCBA).
//
// It follows the Intel I/O Controller Hub 9 family data sheet (316972), chapters 10, 13.1 and 13.7 to 13.9. The ISA devices
// inside the chip, SMBus and SATA are packages of their own. Beside the sleep types of the data sheet it knows those that emulated boards with this
// chip have and firmware uses: 0 is soft off, 1 suspend to RAM, 2 to disk.
// A write to the APM control port switches ACPI mode by itself, as there need be no firmware with an SMI handler that would.
// Not done: GPIO, serial interrupts, LPC decode ranges beyond storing them; function disable, root complex topology; SMIs other than those of APM
// control port and TCO timer.
package ich9

import (
	"fmt"

	"goemu/devices"
	"goemu/devices/acpipm"
	"goemu/devices/pci"
	"goemu/devices/pirq"
)

// Registers in configuration space.
const (
	PMBase   = 0x40
	ACPICntl = 0x44
	PIRQA    = 0x60 // to PIRQD
	PIRQE    = 0x68 // to PIRQH
	PMCon1   = 0xa0 // GEN_PMCON_1
	RCBA     = 0xf0
)

const (
	stateVersion = 1

	acpiEnable  = 1 << 7 // ACPI_EN
	sciSelect   = 7      // SCI_IRQ_SEL
	smiLock     = 1 << 4 // GEN_PMCON_1: GBL_SMI_EN is read-only
	rcbaEnable  = 1
	rcbaMask    = 0xffffc000
	resetPort   = 0xcf9
	resetCPU    = 1 << 2
	resetHard   = 1 << 1
	resetStored = 0x0e
)

// What the ACPI tables say.
const (
	APMControl  = 0xb2 // SMI_CMD
	APMStatus   = 0xb3
	ACPIEnable  = 0x02 // written to SMI_CMD
	ACPIDisable = 0x03

	GPE0    = 0x20 // from PMBASE on
	GPE0Len = 16

	SleepTypeS3 = 5
	SleepTypeS4 = 6
	SleepTypeS5 = 7
)

// State is the saved state.
type State struct {
	Version              int
	Function             pci.FunctionState
	Fixed                acpipm.State
	PIRQ                 pirq.State
	SCI                  bool // level
	Reset                uint8
	APMControl, APMState uint8
	SMIEnable, SMIStatus uint32
	IO                   [ioSize]uint8 // registers that are only stored
	Chip                 [chipSize]uint8
	TCO                  tcoState
}

// LPC is the bridge.
type LPC struct {
	*pci.Function
	*acpipm.PM
	PIRQ pirq.Router

	s       State
	ports   devices.PortBus
	memory  devices.MMIOBus
	clock   devices.Clock
	tick    devices.Timer // of the TCO timer
	pmAt    uint16        // where PMBASE is mapped; 0: nowhere
	rcbaAt  uint64
	sciAt   int
	sciHigh bool

	// SetSCI drives pin n of the I/O APIC, or ISA interrupt n if it is below 16, on behalf of power management.
	SetSCI func(n int, level bool)
	// OnReset is called when software or the TCO timer asks for a reset; hard is false for a reset of the processor only.
	OnReset func(hard bool)
	// NoSMI makes SMI_EN.APMC_EN 1 from reset on, by which firmware knows that SMIs have been set up, and keeps SMI# from being asserted.
	NoSMI bool
	// OnSMI is called when SMI# is asserted.
	OnSMI func()
	// Reroute is called with a change of what Route says.
	Reroute func(change func())
}

// New returns a bridge.
func New(clock devices.Clock, ports devices.PortBus, memory devices.MMIOBus) *LPC {
	l := &LPC{ports: ports, memory: memory, clock: clock, sciAt: sciPins[0], Function: pci.NewFunction("ICH9 LPC", 0x8086, 0x2918, 0x02, 0x060100)}
	types := [8]acpipm.Sleep{acpipm.S5, acpipm.S3, acpipm.S4, SleepTypeS3: acpipm.S3, SleepTypeS4: acpipm.S4, SleepTypeS5: acpipm.S5}
	l.PM = acpipm.New(clock, devices.LineFunc(l.setSCI), types, 8*GPE0Len/2)
	l.tick = clock.NewTimer(l.tcoTick)
	f := l.Function
	l.PIRQ.Register = func(n int) uint8 { return f.Config[PIRQA+n&3+n&4<<1] }
	f.Config[pci.Command] = pci.CommandIO | pci.CommandMemory | pci.CommandBusMaster
	f.Writable[pci.Command], f.Writable[pci.Command+1] = 0x40, 0x01
	f.Config[pci.Status], f.Config[pci.Status+1] = 0x10, 0x02
	f.Config[pci.HeaderType] = 0x80
	f.Config[pci.Capabilities] = 0xe0
	f.Writable[pci.InterruptLine] = 0
	for _, r := range [...]struct {
		reg         int
		reset, mask uint32
		size        int
	}{
		{0x2c, 0, 0, 4},
		{PMBase, 1, 0xff80, 4},
		{ACPICntl, 0, acpiEnable | sciSelect, 1},
		{0x48, 1, 0xff80, 4}, // GPIOBASE
		{0x4c, 0, 0x11, 1},   // GPIO control
		{PIRQA, 0x80808080, 0x8f8f8f8f, 4},
		{0x64, 0x10, 0xfc, 1}, // SIRQ_CNTL
		{PIRQE, 0x80808080, 0x8f8f8f8f, 4},
		{0x6c, 0xf8, 0xffff, 2},           // LPC_IBDF
		{0x80, 0, 0x1377, 2},              // LPC_I/O_DEC
		{0x82, 0, 0x3f0f, 2},              // LPC_EN
		{0x84, 0, 0x00fcfffd, 4},          // GEN1_DEC
		{0x88, 0, 0x00fcfffd, 4},          // GEN2_DEC
		{0x8c, 0, 0x00fcfffd, 4},          // GEN3_DEC
		{0x90, 0, 0x00fcfffd, 4},          // GEN4_DEC
		{PMCon1, 0, 0x053f, 2},            // GEN_PMCON_1
		{0xa2, 0, 0x7b, 1},                // GEN_PMCON_2
		{0xa4, 0, 0xf9, 1},                // GEN_PMCON_3
		{0xd0, 0x00112233, 0xffffffff, 4}, // FWH_SEL1
		{0xd4, 0x4567, 0xffff, 2},         // FWH_SEL2
		{0xd8, 0xffcf, 0x7fff, 2},         // FWH_DEC_EN1
		{0xdc, 0, 0x1f, 1},                // BIOS_CNTL
		{0xe0, 0x100c0009, 0, 4},          // FDCAP: vendor-specific
		{RCBA, 0, rcbaMask | rcbaEnable, 4},
	} {
		for i := range r.size {
			f.Config[r.reg+i], f.Writable[r.reg+i] = byte(r.reset>>(8*i)), byte(r.mask>>(8*i))
		}
	}
	f.OnWrite = l.wrote
	return l
}

// MapInto claims the APM and reset control ports, the latter among the ports of the PCI configuration mechanism: map it after that. The others are
// claimed where the guest puts them.
func (l *LPC) MapInto(b devices.PortBus) {
	b.MapPorts(APMControl, 2, fixedPorts{l})
	b.MapPorts(resetPort, 1, fixedPorts{l})
}

// Reset implements devices.Device.
func (l *LPC) Reset() {
	l.Function.Reset()
	l.moveSCI()
	l.resetChip()
	l.s = State{Chip: l.s.Chip}
	if l.NoSMI {
		l.s.SMIEnable = smiAPM
	}
	l.resetTCO()
	l.remap()
	l.PIRQ.Update()
	l.PM.Reset()
}

// SaveState returns a copy of the state.
func (l *LPC) SaveState() State {
	s := l.s
	s.SCI = l.sciHigh
	s.Version, s.Function, s.Fixed, s.PIRQ = stateVersion, l.Function.SaveState(), l.PM.SaveState(), l.PIRQ.SaveState()
	return s
}

// RestoreState takes over a saved state. No interrupt is driven.
func (l *LPC) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("ICH9 LPC state has version %d, want %d", s.Version, stateVersion)
	}
	if err := l.Function.RestoreState(s.Function); err != nil {
		return err
	}
	l.s = s
	l.sciAt, l.sciHigh = sciPins[l.Config[ACPICntl]&sciSelect], s.SCI
	l.setLock()
	l.remap()
	l.PIRQ.RestoreState(s.PIRQ)
	l.PM.RestoreState(s.Fixed)
	l.armTCO()
	return nil
}

// wrote follows a write to configuration space.
func (l *LPC) wrote(reg uint8, n int) {
	lo, hi := int(reg), int(reg)+n
	touches := func(first, size int) bool { return lo < first+size && hi > first }
	if touches(PIRQA, 4) || touches(PIRQE, 4) {
		l.PIRQ.Update()
	}
	if touches(PMCon1, 1) {
		l.setLock()
	}
	if touches(PMBase, 5) || touches(RCBA, 4) {
		l.remap()
	}
	if touches(ACPICntl, 1) {
		l.moveSCI()
	}
}

// setLock makes SMI_LOCK keep its 1.
func (l *LPC) setLock() {
	l.Writable[PMCon1] |= smiLock
	if l.Config[PMCon1]&smiLock != 0 {
		l.Writable[PMCon1] &^= smiLock
	}
}

// remap brings the buses in line with PMBASE and RCBA.
func (l *LPC) remap() {
	pm := l.Config16(PMBase) &^ (ioSize - 1)
	if l.Config[ACPICntl]&acpiEnable == 0 {
		pm = 0
	}
	if pm != l.pmAt {
		if l.pmAt != 0 {
			l.ports.UnmapPorts(l.pmAt, ioSize)
		}
		if l.pmAt = pm; pm != 0 {
			l.ports.MapPorts(pm, ioSize, pmPorts{l})
		}
	}
	rcba := uint64(l.ReadConfig(RCBA, 4))
	if rcba&rcbaEnable == 0 {
		rcba = 0
	}
	if rcba &= rcbaMask; rcba != l.rcbaAt {
		if l.rcbaAt != 0 {
			l.memory.UnmapMMIO(l.rcbaAt, chipSize)
		}
		if l.rcbaAt = rcba; rcba != 0 {
			l.memory.MapMMIO(rcba, chipSize, chipMMIO{l})
		}
	}
}

// Base is where the guest has put the ports of power management; 0: nowhere.
func (l *LPC) Base() uint16 { return l.pmAt }

// sciPins is what SCI_IRQ_SEL means.
var sciPins = [8]int{9, 10, 11, 9, 20, 21, 22, 23}

func (l *LPC) setSCI(level bool) {
	changed := level != l.sciHigh
	if l.sciHigh = level; changed && l.SetSCI != nil {
		l.SetSCI(l.sciAt, level)
	}
}

func (l *LPC) moveSCI() {
	to, level := sciPins[l.Config[ACPICntl]&sciSelect], l.sciHigh
	if to != l.sciAt {
		l.setSCI(false)
		l.sciAt = to
		l.setSCI(level)
	}
}

// fixedPorts are the APM and reset control ports.
type fixedPorts struct{ *LPC }

// MaxPortSize makes wider accesses come as bytes.
func (fixedPorts) MaxPortSize() int { return 1 }

// In implements devices.PortDevice.
func (p fixedPorts) In(port uint16, _ int) uint32 {
	switch port {
	case APMControl:
		return uint32(p.s.APMControl)
	case APMStatus:
		return uint32(p.s.APMState)
	}
	return uint32(p.s.Reset)
}

// Out implements devices.PortDevice. A rising edge of bit 2 of RST_CNT resets: the whole machine if bit 1 is set, else the processor.
func (p fixedPorts) Out(port uint16, _ int, v uint32) {
	b := uint8(v)
	switch port {
	case APMControl:
		p.apm(b)
	case APMStatus:
		p.s.APMState = b
	default:
		was := p.s.Reset
		p.s.Reset = b & resetStored
		if b&^was&resetCPU != 0 {
			p.reset(b&resetHard != 0)
		}
	}
}

func (l *LPC) reset(hard bool) {
	if l.OnReset != nil {
		l.OnReset(hard)
	}
}
