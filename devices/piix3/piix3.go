// Package piix3 is the ISA bridge of the PIIX3 (82371SB), PCI function 00:01.0: routing of the PCI interrupt lines
// to ISA interrupts and the reset control register.
//
// It follows the Intel 82371SB data sheet. The ISA devices inside the chip are packages of their own. Not done: bus
// timing and DMA registers beyond storing them.
package piix3

import (
	"fmt"

	"goemu/devices"
	"goemu/devices/pci"
)

// Registers.
const (
	PIRQRCA      = 0x60 // to PIRQRCD at 63h; bit 7: not routed, bits 3..0: ISA interrupt
	ResetControl = 0xcf9
	// ResetValue is what software writes to ResetControl for a hard reset (ACPI RESET_VALUE).
	ResetValue = 0x06
)

const (
	stateVersion = 1
	numPIRQ      = 4
	pirqOff      = 0x80
	resetCPU     = 1 << 2
	resetHard    = 1 << 1
)

// validIRQ has the ISA interrupts that a PCI line can be routed to: not 0, 1, 2, 8 and 13.
const validIRQ = 0xdef8

// State is the saved state.
type State struct {
	Version  int
	Function pci.FunctionState
	Levels   [numPIRQ]bool // PIRQA to PIRQD
	Driven   uint16        // ISA interrupts asserted on behalf of PCI
	Reset    uint8
}

// Bridge is the ISA bridge.
type Bridge struct {
	*pci.Function
	levels [numPIRQ]bool
	driven uint16
	rcr    uint8

	// SetIRQ drives ISA interrupt n on behalf of PCI.
	SetIRQ func(n int, level bool)
	// OnReset is called when software asks for a reset; hard is false for a reset of the processor only.
	OnReset func(hard bool)
}

// New returns a bridge.
func New() *Bridge {
	b := &Bridge{Function: pci.NewFunction("PIIX3", 0x8086, 0x7000, 0x00, 0x060100)}
	f := b.Function
	f.Config[pci.Command] = pci.CommandIO | pci.CommandMemory | pci.CommandBusMaster
	f.Writable[pci.Command], f.Writable[pci.Command+1] = 0x08, 0x01
	f.Config[pci.Status+1] = 0x02
	f.Config[pci.HeaderType] = 0x80
	f.Writable[pci.InterruptLine] = 0
	for _, r := range [...]struct{ reg, reset, mask uint8 }{
		{0x4c, 0x4d, 0xff}, // IORT
		{0x4e, 0x03, 0xff}, // XBCS
		{0x4f, 0x00, 0x01},
		{PIRQRCA, pirqOff, 0x8f},
		{PIRQRCA + 1, pirqOff, 0x8f},
		{PIRQRCA + 2, pirqOff, 0x8f},
		{PIRQRCA + 3, pirqOff, 0x8f},
		{0x69, 0x02, 0xfe}, // TOM
		{0x70, 0x80, 0xef}, // MBIRQ0
		{0x76, 0x0c, 0x8f}, // MBDMA
		{0x77, 0x0c, 0x8f},
		{0x78, 0x02, 0xfe}, // PCSC
		{0x80, 0x00, 0x7f}, // APICBASE
		{0x82, 0x00, 0x0f}, // DLC
		{0xa0, 0x08, 0x1f}, // SMICNTL
		{0xa2, 0x00, 0xff}, // SMIEN
		{0xa3, 0x00, 0x01},
		{0xaa, 0x00, 0x00}, // SMIREQ
		{0xac, 0x00, 0xff}, // CTLTMR
		{0xae, 0x00, 0xff}, // CTHTMR
	} {
		f.Config[r.reg], f.Writable[r.reg] = r.reset, r.mask
	}
	f.OnWrite = func(reg uint8, n int) {
		if int(reg) < PIRQRCA+numPIRQ && int(reg)+n > PIRQRCA {
			b.route()
		}
	}
	return b
}

// MapInto claims the reset control register, which lies among the ports of the PCI configuration mechanism: map it after that.
func (b *Bridge) MapInto(p devices.PortBus) { p.MapPorts(ResetControl, 1, b) }

// MaxPortSize makes wider accesses come as bytes.
func (b *Bridge) MaxPortSize() int { return 1 }

// Reset implements devices.Device.
func (b *Bridge) Reset() {
	b.Function.Reset()
	b.rcr = 0
	b.route()
}

// SetPIRQ sets the level of PIRQA (0) to PIRQD (3).
func (b *Bridge) SetPIRQ(n int, level bool) {
	b.levels[n&(numPIRQ-1)] = level
	b.route()
}

// route drives the ISA interrupts: each is the OR of the lines routed to it.
func (b *Bridge) route() {
	var want uint16
	for i, level := range b.levels {
		rc := b.Config[PIRQRCA+i]
		if bit := uint16(1) << (rc & 0xf); level && rc&pirqOff == 0 && bit&validIRQ != 0 {
			want |= bit
		}
	}
	changed := want ^ b.driven
	b.driven = want
	for n := range 16 {
		if changed>>n&1 != 0 && b.SetIRQ != nil {
			b.SetIRQ(n, want>>n&1 != 0)
		}
	}
}

// In reads the reset control register.
func (b *Bridge) In(uint16, int) uint32 { return uint32(b.rcr) }

// Out writes it. A rising edge of bit 2 resets: the whole machine if bit 1 is set, else the processor.
func (b *Bridge) Out(_ uint16, _ int, v uint32) {
	was := b.rcr
	b.rcr = uint8(v) & (resetHard | resetCPU)
	if b.rcr&^was&resetCPU != 0 && b.OnReset != nil {
		b.OnReset(b.rcr&resetHard != 0)
	}
}

// SaveState returns a copy of the state.
func (b *Bridge) SaveState() State {
	return State{stateVersion, b.Function.SaveState(), b.levels, b.driven, b.rcr}
}

// RestoreState takes over a saved state.
func (b *Bridge) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("PIIX3 state has version %d, want %d", s.Version, stateVersion)
	}
	b.levels, b.driven, b.rcr = s.Levels, s.Driven, s.Reset
	return b.Function.RestoreState(s.Function)
}
