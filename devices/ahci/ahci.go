// Package ahci is a host bus adapter for Serial ATA: the AHCI function of the ICH9, PCI 8086:2922, with six ports.
//
// It follows the AHCI specification 1.3.1 and, for the frames (FIS) in memory, Serial ATA 3.x chapter 10. Commands are fetched in the order of their slots, one
// by one but for queued ones. Not done: port multipliers, staggered spin-up, link power management, enclosure management, command completion
// coalescing, hot plug of devices, index-data pair, legacy mode.
package ahci

import (
	"fmt"
	"math/bits"

	"goemu/devices"
	"goemu/devices/ata"
	"goemu/devices/block"
	"goemu/devices/pci"
)

// NumPorts is the number of ports.
const NumPorts = 6

const (
	stateVersion = 1
	numSlots     = 32
	abarSize     = 0x1000
	abar         = 5
	msiAt        = 0x80
	sataAt       = 0xa8
)

// Generic host control registers (3.1).
const (
	regCAP = 0x00
	regGHC = 0x04
	regIS  = 0x08
	regPI  = 0x0c
	regVS  = 0x10

	firstPort = 0x100
	portSize  = 0x80
)

// Bits of GHC.
const (
	ghcHR = 1 << 0
	ghcIE = 1 << 1
	ghcAE = 1 << 31
)

// capabilities: 64-bit addresses, queued commands, command list override, generation 2, AHCI only, 32 slots.
const (
	capabilities = 1<<31 | 1<<30 | 1<<24 | 2<<20 | 1<<18 | (numSlots-1)<<8 | (NumPorts - 1)
	version      = 0x0001_0300
)

// Controller is the function.
type Controller struct {
	*pci.Function
	memory devices.Memory
	ghc    uint32
	is     uint32
	ports  [NumPorts]port
}

// New returns a controller. drives are those on its ports; nil: there is none. first is the number of the first among the machine's drives, for
// serial numbers.
func New(memory devices.Memory, drives [NumPorts]block.Drive, first int) *Controller {
	c := &Controller{Function: pci.NewFunction("ICH9 AHCI", 0x8086, 0x2922, 0x02, 0x010601), memory: memory}
	f := c.Function
	f.Config[pci.InterruptPin] = 1
	f.SetBAR(abar, pci.BAR{Size: abarSize, MMIO: c})
	f.AddMSI(msiAt, 0)
	f.AddCapability(sataAt, pci.CapSATA)
	f.Config[sataAt+2] = 0x10 // revision 1.0
	for i := range c.ports {
		p := &c.ports[i]
		p.c, p.n = c, i
		if drives[i] != nil {
			p.dev = ata.New(drives[i], p, ata.Config{SATA: true, Index: first + i})
		}
	}
	return c
}

// Reset implements devices.Device.
func (c *Controller) Reset() {
	c.Function.Reset()
	for i := range c.ports {
		c.ports[i].s = portRegisters{}
	}
	c.resetHBA()
}

// resetHBA is GHC.HR: all but the ports' addresses is as after power-on.
func (c *Controller) resetHBA() {
	c.ghc, c.is = ghcAE, 0
	for i := range c.ports {
		c.ports[i].powerOn()
	}
	c.update()
}

// update drives the interrupt: each port with an enabled interrupt pending sets its bit of IS; a bit that was not set before is a message.
func (c *Controller) update() {
	was := c.is
	for i := range c.ports {
		if s := &c.ports[i].s; s.IS&s.IE != 0 {
			c.is |= 1 << i
		}
	}
	on := c.ghc&ghcIE != 0
	if c.MSIEnabled() {
		c.SetINTx(false)
		if on && c.is&^was != 0 {
			c.SendMSI(0)
		}
		return
	}
	c.SetINTx(on && c.is != 0)
}

// ReadMMIO implements devices.MMIODevice. Registers are doublewords; other accesses get their parts of them.
func (c *Controller) ReadMMIO(off uint64, size int) uint64 {
	if size == 8 {
		return uint64(c.read(off&^3)) | uint64(c.read(off&^3+4))<<32
	}
	return uint64(c.read(off&^3)) >> (8 * (off & 3)) & (1<<(8*size) - 1)
}

// WriteMMIO implements devices.MMIODevice. Narrow writes, of which the specification knows nothing, are ignored.
func (c *Controller) WriteMMIO(off uint64, size int, v uint64) {
	if off&3 != 0 || size < 4 {
		return
	}
	c.write(off, uint32(v))
	if size == 8 {
		c.write(off+4, uint32(v>>32))
	}
}

func (c *Controller) read(off uint64) uint32 {
	if off >= firstPort {
		if n := (off - firstPort) / portSize; n < NumPorts {
			return c.ports[n].read(off % portSize)
		}
		return 0
	}
	switch off {
	case regCAP:
		return capabilities
	case regGHC:
		return c.ghc
	case regIS:
		return c.is
	case regPI:
		return 1<<NumPorts - 1
	case regVS:
		return version
	}
	return 0
}

func (c *Controller) write(off uint64, v uint32) {
	if off >= firstPort {
		if n := (off - firstPort) / portSize; n < NumPorts {
			c.ports[n].write(off%portSize, v)
		}
		return
	}
	switch off {
	case regGHC:
		if v&ghcHR != 0 {
			c.resetHBA()
			return
		}
		c.ghc = ghcAE | v&ghcIE
		c.update()
	case regIS:
		c.is &^= v
		c.update()
	}
}

// State is the saved state.
type State struct {
	Version  int
	Function pci.FunctionState
	GHC, IS  uint32
	Ports    [NumPorts]PortState
}

// PortState is the saved state of a port.
type PortState struct {
	Registers portRegisters
	Device    *ata.State // nil: there is none
}

// SaveState returns a copy of the state.
func (c *Controller) SaveState() State {
	s := State{Version: stateVersion, Function: c.Function.SaveState(), GHC: c.ghc, IS: c.is}
	for i := range c.ports {
		p := &c.ports[i]
		s.Ports[i].Registers = p.s
		if p.dev != nil {
			d := p.dev.SaveState()
			s.Ports[i].Device = &d
		}
	}
	return s
}

// RestoreState takes over a state of a controller with the same drives.
func (c *Controller) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("AHCI state has version %d, want %d", s.Version, stateVersion)
	}
	if err := c.Function.RestoreState(s.Function); err != nil {
		return err
	}
	c.ghc, c.is = s.GHC, s.IS
	for i := range c.ports {
		p, t := &c.ports[i], &s.Ports[i]
		if (p.dev == nil) != (t.Device == nil) {
			return fmt.Errorf("AHCI state is of other drives: port %d", i)
		}
		if t.Registers.Slot < noSlot || t.Registers.Slot >= numSlots {
			return fmt.Errorf("AHCI state is inconsistent: port %d", i)
		}
		p.s = t.Registers
		if p.dev != nil {
			if err := p.dev.RestoreState(*t.Device); err != nil {
				return err
			}
		}
	}
	return nil
}

// lowest is the number of the lowest bit that is set.
func lowest(v uint32) int { return bits.TrailingZeros32(v) }
