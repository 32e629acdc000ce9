// Package ide is the IDE function of the PIIX3 (82371SB), PCI function 00:01.1: two parallel ATA channels at the ports that PCs always had, with
// bus-master DMA.
//
// It follows the Intel 82371SB data sheet, the ATA/ATAPI-7 standard, volume 2, for what is on the cable, and the Programming Interface
// for Bus Master IDE Controller 1.0. Not done: timing registers beyond storing them, DMA with the wrong direction bit (it is the device that says which
// way data goes). A channel or device that is not there reads as 0, as on boards that pull the lines down. The
// decode enable bits of IDETIM are stored and change nothing, as in QEMU: OVMF leaves them off.
package ide

import (
	"fmt"

	"goemu/devices"
	"goemu/devices/ata"
	"goemu/devices/block"
	"goemu/devices/pci"
)

// Registers in configuration space.
const (
	IDETIM       = 0x40 // of the primary channel; 42h: of the secondary
	busMasterBAR = 4
)

// The legacy ports and interrupts of the channels.
var legacy = [2]struct {
	command, control uint16
	irq              int
}{{0x1f0, 0x3f6, 14}, {0x170, 0x376, 15}}

// IRQ is the ISA interrupt of a channel.
func IRQ(channel int) int { return legacy[channel].irq }

const stateVersion = 1

// Controller is the IDE function.
type Controller struct {
	*pci.Function
	ports    devices.PortBus
	memory   devices.Memory
	channels [2]channel
}

// New returns a controller. drives are device 0 and 1 of the primary, then of the secondary channel; nil: there is none.
func New(ports devices.PortBus, memory devices.Memory, irq [2]devices.Line, drives [4]block.Drive) *Controller {
	c := &Controller{Function: pci.NewFunction("PIIX3 IDE", 0x8086, 0x7010, 0x00, 0x010180), ports: ports, memory: memory}
	f := c.Function
	f.Config[pci.Status], f.Config[pci.Status+1] = 0x80, 0x02
	f.Writable[pci.Command], f.Writable[pci.Command+1] = pci.CommandIO|pci.CommandBusMaster, 0
	f.Writable[pci.InterruptLine] = 0
	for i := range 4 {
		f.Writable[IDETIM+i] = 0xff
	}
	f.Writable[0x44] = 0xff // SIDETIM
	f.SetBAR(busMasterBAR, pci.BAR{Size: 16, Ports: busMaster{c}})
	f.OnWrite = func(uint8, int) { c.decode() }
	for i := range c.channels {
		ch := &c.channels[i]
		ch.c, ch.n, ch.irq = c, i, irq[i]
		for j := range ch.units {
			u := &ch.units[j]
			u.ch, u.n = ch, j
			if d := drives[2*i+j]; d != nil {
				u.dev = ata.New(d, u, ata.Config{Index: 2*i + j, Unit: j})
			}
		}
	}
	return c
}

// Reset implements devices.Device.
func (c *Controller) Reset() {
	c.Function.Reset()
	c.decode()
	for i := range c.channels {
		c.channels[i].reset()
	}
}

// decode maps the channels' ports as the command register says.
func (c *Controller) decode() {
	for i := range c.channels {
		ch := &c.channels[i]
		on := c.Config[pci.Command]&pci.CommandIO != 0
		if on == ch.mapped {
			continue
		}
		ch.mapped = on
		at := &legacy[i]
		if on {
			c.ports.MapPorts(at.command, 8, ch)
			c.ports.MapPorts(at.control, 1, control{ch})
		} else {
			c.ports.UnmapPorts(at.control, 1)
			c.ports.UnmapPorts(at.command, 8)
		}
	}
}

// State is the saved state.
type State struct {
	Version  int
	Function pci.FunctionState
	Channels [2]ChannelState
}

// ChannelState is the saved state of a channel.
type ChannelState struct {
	Control  uint8
	Selected int
	INTRQ    [2]bool
	Line     bool
	Bus      BusMasterState
	Devices  [2]*ata.State // nil: there is none
}

// SaveState returns a copy of the state.
func (c *Controller) SaveState() State {
	s := State{Version: stateVersion, Function: c.Function.SaveState()}
	for i := range c.channels {
		ch, t := &c.channels[i], &s.Channels[i]
		*t = ChannelState{Control: ch.control, Selected: ch.selected, Line: ch.line, Bus: ch.bus}
		for j := range ch.units {
			u := &ch.units[j]
			t.INTRQ[j] = u.intrq
			if u.dev != nil {
				d := u.dev.SaveState()
				t.Devices[j] = &d
			}
		}
	}
	return s
}

// RestoreState takes over a state of a controller with the same devices.
func (c *Controller) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("PIIX3 IDE state has version %d, want %d", s.Version, stateVersion)
	}
	if err := c.Function.RestoreState(s.Function); err != nil {
		return err
	}
	c.decode()
	for i := range c.channels {
		ch, t := &c.channels[i], &s.Channels[i]
		ch.control, ch.selected, ch.line, ch.bus = t.Control, t.Selected&1, t.Line, t.Bus
		for j := range ch.units {
			u := &ch.units[j]
			u.intrq = t.INTRQ[j]
			if (u.dev == nil) != (t.Devices[j] == nil) {
				return fmt.Errorf("PIIX3 IDE state is of other devices: channel %d, device %d", i, j)
			}
			if u.dev != nil {
				if err := u.dev.RestoreState(*t.Devices[j]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
