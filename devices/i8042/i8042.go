// Package i8042 is the keyboard controller of a PC with a PS/2 keyboard and mouse, and port 92h.
//
// It follows the IBM PS/2 Technical Reference (keyboard and auxiliary device controller) and the UPI-42 program that
// PCs have in common: command byte, self tests, output port with A20 and reset, translation of scan code set 2 to set 1. Bytes
// travel without delay. Not done: passwords, the diagnostic dump, T0/T1 timing.
package i8042

import (
	"fmt"

	"goemu/devices"
)

// Ports and interrupts.
const (
	DataPort    = 0x60
	CommandPort = 0x64
	Port92      = 0x92
	KeyboardIRQ = 1
	MouseIRQ    = 12
)

const stateVersion = 1

// Bits of the status register.
const (
	stsOBF     = 1 << 0
	stsSys     = 1 << 2
	stsCommand = 1 << 3
	stsUnlock  = 1 << 4
	stsAux     = 1 << 5
)

// Bits of the command byte.
const (
	cbKbdInt   = 1 << 0
	cbAuxInt   = 1 << 1
	cbSys      = 1 << 2
	cbKbdOff   = 1 << 4
	cbAuxOff   = 1 << 5
	cbXlate    = 1 << 6
	cbWritable = 0x7f
)

// Bits of the output port.
const (
	outNoReset = 1 << 0
	outA20     = 1 << 1
	outKbdInt  = 1 << 4
	outAuxInt  = 1 << 5
	outIdle    = 0xc0
)

// Bits of port 92h.
const (
	p92Reset = 1 << 0
	p92A20   = 1 << 1
)

// Reply is a byte of the controller's own on its way to the output buffer.
type Reply struct {
	Data uint8
	Aux  bool
}

// State is the saved state.
type State struct {
	Version  int
	RAM      [32]uint8 // [0] is the command byte
	OutPort  uint8     // bits 0 and 1
	Port92   uint8
	Data     uint8 // output buffer
	Full     bool
	Aux      bool  // the buffer's byte counts as the mouse's
	Pending  uint8 // command that waits for a data byte, 0: none
	Command  bool  // the last write was a command
	Break    bool  // translation: the F0h prefix was seen
	Replies  [8]Reply
	NReplies int
	A20      bool
	Keyboard KeyboardState
	Mouse    MouseState
}

// Controller is the keyboard controller.
type Controller struct {
	s        State
	irq1     devices.Line
	irq12    devices.Line
	Keyboard *Keyboard
	Mouse    *Mouse

	// OnA20 is called when the A20 gate changes; OnReset when software asks for a reset of the processor.
	OnA20   func(on bool)
	OnReset func()
}

// New returns a controller with keyboard and mouse.
func New(clock devices.Clock, irq1, irq12 devices.Line) *Controller {
	c := &Controller{irq1: irq1, irq12: irq12}
	c.Keyboard = newKeyboard(&c.s.Keyboard, clock, c.pump)
	c.Mouse = newMouse(&c.s.Mouse, c.pump)
	c.s.A20 = true
	c.Reset()
	return c
}

// MapInto claims the ports.
func (c *Controller) MapInto(b devices.PortBus) {
	b.MapPorts(DataPort, 1, c)
	b.MapPorts(CommandPort, 1, c)
	b.MapPorts(Port92, 1, c)
}

// Name implements devices.Device.
func (c *Controller) Name() string { return "i8042" }

// MaxPortSize makes wider accesses come as bytes.
func (c *Controller) MaxPortSize() int { return 1 }

// Reset is power-on: A20 on, both devices reset.
func (c *Controller) Reset() {
	a20 := c.s.A20
	c.s = State{OutPort: outNoReset | outA20, A20: a20}
	c.s.RAM[0] = cbKbdInt | cbAuxInt
	c.Keyboard.reset()
	c.Mouse.reset()
	c.gateA20()
	c.update()
}

// FirmwareInit leaves the controller as PC firmware does: self-tested, translation and the keyboard's interrupt on, the mouse off.
func (c *Controller) FirmwareInit() {
	c.s.RAM[0] = cbSys | cbXlate | cbKbdInt | cbAuxOff
	c.update()
}

// SaveState returns a copy of the state.
func (c *Controller) SaveState() State {
	s := c.s
	s.Version = stateVersion
	return s
}

// RestoreState takes over a saved state. Lines are not driven.
func (c *Controller) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("i8042 state has version %d, want %d", s.Version, stateVersion)
	}
	if s.NReplies < 0 || s.NReplies > len(s.Replies) || !s.Keyboard.valid() || !s.Mouse.valid() {
		return fmt.Errorf("i8042 state has a queue length out of range")
	}
	c.s = s
	c.Keyboard.arm()
	return nil
}

// A20 tells whether address line 20 works.
func (c *Controller) A20() bool { return c.s.A20 }

// gateA20 combines the two ways to switch A20.
func (c *Controller) gateA20() {
	on := c.s.OutPort&outA20 != 0 || c.s.Port92&p92A20 != 0
	if on != c.s.A20 {
		c.s.A20 = on
		if c.OnA20 != nil {
			c.OnA20(on)
		}
	}
}

func (c *Controller) cpuReset() {
	if c.OnReset != nil {
		c.OnReset()
	}
}

// pump fills the output buffer if it is empty: with the controller's own replies first, then from the
// devices whose interface is on.
func (c *Controller) pump() {
	for !c.s.Full && c.fill() {
	}
	c.update()
}

func (c *Controller) fill() bool {
	cb := c.s.RAM[0]
	switch {
	case c.s.NReplies > 0:
		c.put(c.s.Replies[0].Data, c.s.Replies[0].Aux)
		c.s.NReplies--
		copy(c.s.Replies[:], c.s.Replies[1:])
	case cb&cbKbdOff == 0 && c.Keyboard.ready():
		b := c.Keyboard.take()
		if cb&cbXlate == 0 {
			c.put(b, false)
			return true
		}
		if b == breakPrefix {
			c.s.Break = true
			return true
		}
		b = translation(b)
		if c.s.Break {
			b |= 0x80
			c.s.Break = false
		}
		c.put(b, false)
	case cb&cbAuxOff == 0 && c.Mouse.ready():
		c.put(c.Mouse.take(), true)
	default:
		return false
	}
	return true
}

func (c *Controller) put(b uint8, aux bool) { c.s.Data, c.s.Aux, c.s.Full = b, aux, true }

// answer queues a reply of the controller itself. More than fit are lost, as nobody reads them.
func (c *Controller) answer(b uint8, aux bool) {
	if c.s.NReplies < len(c.s.Replies) {
		c.s.Replies[c.s.NReplies] = Reply{b, aux}
		c.s.NReplies++
	}
}

// update drives both interrupt lines.
func (c *Controller) update() {
	c.irq1.Set(c.s.Full && !c.s.Aux && c.s.RAM[0]&cbKbdInt != 0)
	c.irq12.Set(c.s.Full && c.s.Aux && c.s.RAM[0]&cbAuxInt != 0)
}

// outPort is the output port with the interrupt bits.
func (c *Controller) outPort() uint8 {
	v := c.s.OutPort | outIdle
	if c.s.Full && !c.s.Aux {
		v |= outKbdInt
	}
	if c.s.Full && c.s.Aux {
		v |= outAuxInt
	}
	return v
}

// In reads a port.
func (c *Controller) In(port uint16, _ int) uint32 {
	switch port {
	case Port92:
		return uint32(c.s.Port92)
	case CommandPort:
		return uint32(c.status())
	}
	v := c.s.Data
	if c.s.Full {
		c.s.Full = false
		c.update() // the line falls before the next byte raises it
		c.pump()
	}
	return uint32(v)
}

func (c *Controller) status() uint8 {
	v := uint8(stsUnlock)
	if c.s.Full {
		v |= stsOBF
		if c.s.Aux {
			v |= stsAux
		}
	}
	if c.s.RAM[0]&cbSys != 0 {
		v |= stsSys
	}
	if c.s.Command {
		v |= stsCommand
	}
	return v
}

// Out writes a port.
func (c *Controller) Out(port uint16, _ int, v uint32) {
	b := uint8(v)
	switch port {
	case Port92:
		rose := b&^c.s.Port92&p92Reset != 0
		c.s.Port92 = b & (p92Reset | p92A20)
		c.gateA20()
		if rose {
			c.cpuReset()
		}
		return
	case CommandPort:
		c.s.Command, c.s.Pending = true, 0
		c.command(b)
	default:
		c.s.Command = false
		c.data(b)
	}
	c.pump()
}

// Commands of the controller.
const (
	cmdReadRAM   = 0x20 // to 3Fh
	cmdWriteRAM  = 0x60 // to 7Fh
	cmdPassword  = 0xa4
	cmdAuxOff    = 0xa7
	cmdAuxOn     = 0xa8
	cmdAuxTest   = 0xa9
	cmdSelfTest  = 0xaa
	cmdKbdTest   = 0xab
	cmdKbdOff    = 0xad
	cmdKbdOn     = 0xae
	cmdReadIn    = 0xc0
	cmdReadOut   = 0xd0
	cmdWriteOut  = 0xd1
	cmdFakeKbd   = 0xd2
	cmdFakeAux   = 0xd3
	cmdToAux     = 0xd4
	cmdA20Off    = 0xdd
	cmdA20On     = 0xdf
	cmdTestInput = 0xe0
	cmdPulse     = 0xf0 // to FFh; bit n clear pulses output port bit n low
)

func (c *Controller) command(b uint8) {
	cb := &c.s.RAM[0]
	switch {
	case b&0xe0 == cmdReadRAM:
		c.answer(c.s.RAM[b&0x1f], false)
		return
	case b&0xe0 == cmdWriteRAM:
		c.s.Pending = b
		return
	case b >= cmdPulse:
		if b&outNoReset == 0 {
			c.cpuReset()
		}
		return
	}
	switch b {
	case cmdPassword:
		c.answer(0xf1, false) // none is installed
	case cmdAuxOff:
		*cb |= cbAuxOff
	case cmdAuxOn:
		*cb &^= cbAuxOff
	case cmdAuxTest, cmdKbdTest:
		c.answer(0, false)
	case cmdSelfTest:
		*cb |= cbSys
		c.answer(0x55, false)
	case cmdKbdOff:
		*cb |= cbKbdOff
	case cmdKbdOn:
		*cb &^= cbKbdOff
	case cmdReadIn:
		c.answer(0x80, false) // keyboard not locked
	case cmdReadOut:
		c.answer(c.outPort(), false)
	case cmdWriteOut, cmdFakeKbd, cmdFakeAux, cmdToAux:
		c.s.Pending = b
	case cmdA20Off, cmdA20On:
		c.s.OutPort = c.s.OutPort&^outA20 | b&outA20
		c.gateA20()
	case cmdTestInput:
		c.answer(0, false)
	}
}

// data is a write of port 60h: the operand of a command, or a byte for the keyboard.
func (c *Controller) data(b uint8) {
	p := c.s.Pending
	c.s.Pending = 0
	switch {
	case p == cmdWriteRAM:
		c.s.RAM[0] = b & cbWritable
	case p&0xe0 == cmdWriteRAM:
		c.s.RAM[p&0x1f] = b
	case p == cmdWriteOut:
		c.s.OutPort = b & (outNoReset | outA20)
		c.gateA20()
		if b&outNoReset == 0 {
			c.s.OutPort |= outNoReset
			c.cpuReset()
		}
	case p == cmdFakeKbd, p == cmdFakeAux:
		c.answer(b, p == cmdFakeAux)
	case p == cmdToAux:
		c.s.RAM[0] &^= cbAuxOff // sending turns the interface on
		c.Mouse.write(b)
	default:
		c.s.RAM[0] &^= cbKbdOff
		c.Keyboard.write(b)
	}
}
