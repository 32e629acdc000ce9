// Package dma is the pair of 8237A DMA controllers of a PC with their page registers.
//
// It follows the Intel 8237A data sheet and, for how the two are wired, chapter "DMA controller" of the Intel 82371SB data sheet: channels 0
// to 3 move bytes, 5 to 7 words, and channel 4 is where the first controller's request reaches the second (cascade): while it is masked
// channels 0 to 3 stand still. A device's transfer is instant: single, demand and block mode differ in nothing that the guest can see.
// A request by software on a channel without a device runs the channel to its terminal count, reading what nobody drives. Stored
// only: memory-to-memory transfers, rotating priority, timing and the senses of DREQ and DACK, which the 82371SB leaves out too.
package dma

import (
	"fmt"

	"goemu/devices"
)

// Cascade is the channel through which channels 0 to 3 go.
const Cascade = 4

const (
	stateVersion = 1
	numChannels  = 8
	base0        = 0x00 // first controller: 16 ports
	base1        = 0xc0 // second: 16 registers at even ports
	pageBase     = 0x80
	numPages     = 16
)

// Registers 8 to 15; 0 to 7 are address and count of each channel.
const (
	regCommand   = 8 // read: status
	regRequest   = 9
	regMask      = 10
	regMode      = 11
	regFlipFlop  = 12
	regMaster    = 13 // master clear; read: temporary
	regClearMask = 14
	regAllMask   = 15
)

// Bits.
const (
	cmdDisable = 1 << 2

	modeType     = 3 << 2
	typeVerify   = 0 << 2
	typeWrite    = 1 << 2 // device to memory
	typeRead     = 2 << 2 // memory to device
	modeAutoinit = 1 << 4
	modeDown     = 1 << 5
	modeCascade  = 3 << 6
	setBit       = 1 << 2 // of mask and request register
)

// pagePort is the page register of each channel, from port 80h on.
var pagePort = [numChannels]uint8{0x7, 0x3, 0x1, 0x2, 0xf, 0xb, 0x9, 0xa}

// Channel is the state of one channel.
type Channel struct {
	BaseAddr, BaseCount uint16
	Addr, Count         uint16
	Mode                uint8 // bits 7..2 of the mode register
}

// State is the saved state.
type State struct {
	Version  int
	Channels [numChannels]Channel
	Pages    [numPages]uint8 // ports 80h to 8Fh
	Command  [2]uint8
	High     [2]bool  // flip-flop: the next byte is the high one
	TC       [2]uint8 // terminal counts reached since the status was read
	Request  [2]uint8 // by software
	Mask     [2]uint8
	DREQ     uint8 // by devices, a bit a channel
}

// Controller is the pair.
type Controller struct {
	s      State
	mem    devices.Memory
	notify [numChannels]func()
}

// New returns controllers that move data to and from mem.
func New(mem devices.Memory) *Controller {
	c := &Controller{mem: mem}
	c.Reset()
	return c
}

// MapInto claims the ports.
func (c *Controller) MapInto(b devices.PortBus) {
	b.MapPorts(base0, 16, c)
	b.MapPorts(base1, 32, c)
	b.MapPorts(pageBase, numPages, c)
}

// Name implements devices.Device.
func (c *Controller) Name() string { return "8237A" }

// MaxPortSize makes wider accesses come as bytes.
func (c *Controller) MaxPortSize() int { return 1 }

// Reset is the RESET pin. Page registers have no reset; they are cleared here.
func (c *Controller) Reset() {
	c.s = State{}
	c.clear(0)
	c.clear(1)
}

// clear is RESET and master clear of one controller.
func (c *Controller) clear(n int) {
	c.s.Command[n], c.s.TC[n], c.s.Request[n], c.s.High[n] = 0, 0, 0, false
	c.s.Mask[n] = 0xf
}

// SaveState returns a copy of the state.
func (c *Controller) SaveState() State {
	s := c.s
	s.Version = stateVersion
	return s
}

// RestoreState takes over a saved state.
func (c *Controller) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("8237A state has version %d, want %d", s.Version, stateVersion)
	}
	c.s = s
	return nil
}

// split tells what a port is: register reg of controller n.
func split(port uint16) (n int, reg uint8) {
	if port >= base1 {
		return 1, uint8(port-base1) >> 1
	}
	return 0, uint8(port) & 0xf
}

// In reads a port.
func (c *Controller) In(port uint16, _ int) uint32 {
	if port&^(numPages-1) == pageBase {
		return uint32(c.s.Pages[port-pageBase])
	}
	n, reg := split(port)
	switch reg {
	case regCommand:
		v := c.s.TC[n] | (c.s.Request[n]|c.s.DREQ>>(4*n)&0xf)<<4
		c.s.TC[n] = 0
		return uint32(v)
	case regAllMask:
		return uint32(0xf0 | c.s.Mask[n])
	case regMaster: // the temporary register is of memory-to-memory transfers
		return 0
	}
	if reg > regCommand {
		return 0xff
	}
	ch := &c.s.Channels[4*n+int(reg>>1)]
	v := ch.Addr
	if reg&1 != 0 {
		v = ch.Count
	}
	if c.s.High[n] {
		v >>= 8
	}
	c.s.High[n] = !c.s.High[n]
	return uint32(v & 0xff)
}

// Out writes a port.
func (c *Controller) Out(port uint16, _ int, val uint32) {
	v := uint8(val)
	if port&^(numPages-1) == pageBase {
		c.s.Pages[port-pageBase] = v
		return
	}
	n, reg := split(port)
	bit := uint8(1) << (v & 3)
	switch reg {
	case regCommand:
		c.s.Command[n] = v
	case regRequest:
		c.s.Request[n] &^= bit
		if v&setBit != 0 {
			c.s.Request[n] |= bit
		}
	case regMask:
		c.s.Mask[n] &^= bit
		if v&setBit != 0 {
			c.s.Mask[n] |= bit
		}
	case regMode:
		c.s.Channels[4*n+int(v&3)].Mode = v &^ 3
	case regFlipFlop:
		c.s.High[n] = false
	case regMaster:
		c.clear(n)
	case regClearMask:
		c.s.Mask[n] = 0
	case regAllMask:
		c.s.Mask[n] = v & 0xf
	default:
		c.writeChannel(n, reg, v)
		return
	}
	c.run()
}

// writeChannel writes a byte of address or count, base and current.
func (c *Controller) writeChannel(n int, reg, v uint8) {
	ch := &c.s.Channels[4*n+int(reg>>1)]
	cur, base := &ch.Addr, &ch.BaseAddr
	if reg&1 != 0 {
		cur, base = &ch.Count, &ch.BaseCount
	}
	if c.s.High[n] {
		*cur = *cur&0x00ff | uint16(v)<<8
		*base = *base&0x00ff | uint16(v)<<8
	} else {
		*cur = *cur&0xff00 | uint16(v)
		*base = *base&0xff00 | uint16(v)
	}
	c.s.High[n] = !c.s.High[n]
}
