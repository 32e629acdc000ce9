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
	"goemu/devices/pirq"
)

// Registers.
const (
	PIRQRCA      = 0x60 // to PIRQRCD at 63h; bit 7: not routed, bits 3..0: ISA interrupt
	ResetControl = 0xcf9
	// ResetValue is what software writes to ResetControl for a hard reset (ACPI RESET_VALUE).
	ResetValue = 0x06
)

const (
	stateVersion = 2
	numPIRQ      = 4
	resetCPU     = 1 << 2
	resetHard    = 1 << 1
)

// State is the saved state.
type State struct {
	Version  int
	Function pci.FunctionState
	PIRQ     pirq.State
	Reset    uint8
}

// Bridge is the ISA bridge.
type Bridge struct {
	*pci.Function
	PIRQ pirq.Router // PIRQA to PIRQD
	rcr  uint8

	// OnReset is called when software asks for a reset; hard is false for a reset of the processor only.
	OnReset func(hard bool)
}

// New returns a bridge.
func New() *Bridge {
	b := &Bridge{Function: pci.NewFunction("PIIX3", 0x8086, 0x7000, 0x00, 0x060100)}
	f := b.Function
	b.PIRQ.Register = func(n int) uint8 { return f.Config[PIRQRCA+n&(numPIRQ-1)] }
	f.Config[pci.Command] = pci.CommandIO | pci.CommandMemory | pci.CommandBusMaster
	f.Writable[pci.Command], f.Writable[pci.Command+1] = 0x08, 0x01
	f.Config[pci.Status+1] = 0x02
	f.Config[pci.HeaderType] = 0x80
	f.Writable[pci.InterruptLine] = 0
	for _, r := range [...]struct{ reg, reset, mask uint8 }{
		{0x4c, 0x4d, 0xff}, // IORT
		{0x4e, 0x03, 0xff}, // XBCS
		{0x4f, 0x00, 0x01},
		{PIRQRCA, pirq.Off, pirq.Mask},
		{PIRQRCA + 1, pirq.Off, pirq.Mask},
		{PIRQRCA + 2, pirq.Off, pirq.Mask},
		{PIRQRCA + 3, pirq.Off, pirq.Mask},
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
			b.PIRQ.Update()
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
	b.PIRQ.Update()
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
	return State{stateVersion, b.Function.SaveState(), b.PIRQ.SaveState(), b.rcr}
}

// RestoreState takes over a saved state.
func (b *Bridge) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("PIIX3 state has version %d, want %d", s.Version, stateVersion)
	}
	b.rcr = s.Reset
	b.PIRQ.RestoreState(s.PIRQ)
	return b.Function.RestoreState(s.Function)
}
