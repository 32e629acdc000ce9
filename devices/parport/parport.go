// Package parport is the parallel port of a PC with a printer that takes every byte.
//
// It follows the IBM PC/AT Technical Reference (printer adapter) and IEEE 1284 for the compatibility mode (SPP): data, status and control
// register, the strobe that hands a byte over, BUSY until the printer has taken it, the interrupt of its acknowledge, which reading
// the status ends. Bit 5 of the control register turns the data lines round, where nobody drives them. Not done: EPP and ECP.
package parport

import (
	"fmt"

	"goemu/devices"
)

// Place of the first port.
const (
	LPT1Base = 0x378
	LPT1IRQ  = 7
)

const (
	stateVersion = 1
	byteTime     = 5_000 // ns from strobe to acknowledge
)

// Registers, by port offset.
const (
	regData = iota
	regStatus
	regControl
	numRegs
)

// Bits of the status register.
const (
	stsError  = 1 << 3 // nError: high, there is none
	stsSelect = 1 << 4 // online
	stsAck    = 1 << 6 // nAck
	stsReady  = 1 << 7 // Busy, inverted
	stsOnes   = 7
)

// Bits of the control register.
const (
	ctlStrobe   = 1 << 0
	ctlInit     = 1 << 2 // nInit: low resets the printer
	ctlSelectIn = 1 << 3
	ctlIRQ      = 1 << 4
	ctlInput    = 1 << 5
	ctlOnes     = 0xc0
)

// Backend takes what the guest prints.
type Backend interface {
	// Send takes p, or a part of it, without blocking, and returns how many bytes it took. After it has taken less than all, it
	// calls Port.TxReady when it can take more.
	Send(p []byte) int
}

// State is the saved state.
type State struct {
	Version       int
	Data, Control uint8
	Busy          bool
	Latch         uint8 // the byte that the printer has not taken
	Waits         bool  // the backend has no room for it
	At            int64 // when the printer acknowledges, in ns; 0: never
	Pending       bool  // an acknowledge that nobody has seen
}

// Port is a parallel port.
type Port struct {
	s       State
	base    uint16
	clock   devices.Clock
	irq     devices.Line
	backend Backend
	timer   devices.Timer
	out     [1]byte
}

// New returns a port at base that drives irq. A nil backend drops what is printed.
func New(clock devices.Clock, base uint16, irq devices.Line, backend Backend) *Port {
	p := &Port{clock: clock, base: base, irq: irq, backend: backend}
	p.timer = clock.NewTimer(p.acknowledge)
	p.Reset()
	return p
}

// MapInto claims the three ports.
func (p *Port) MapInto(b devices.PortBus) { b.MapPorts(p.base, numRegs, p) }

// Name implements devices.Device.
func (p *Port) Name() string { return "parallel port" }

// MaxPortSize makes wider accesses come as bytes.
func (p *Port) MaxPortSize() int { return 1 }

// Reset implements devices.Device.
func (p *Port) Reset() {
	p.timer.Stop()
	p.s = State{Data: 0xff, Control: ctlInit | ctlSelectIn}
	p.update()
}

// SaveState returns a copy of the state.
func (p *Port) SaveState() State {
	s := p.s
	s.Version = stateVersion
	return s
}

// RestoreState takes over a saved state.
func (p *Port) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("parallel port state has version %d, want %d", s.Version, stateVersion)
	}
	p.s = s
	p.timer.Stop()
	if s.At != 0 {
		p.timer.At(s.At)
	}
	return nil
}

func (p *Port) update() { p.irq.Set(p.s.Pending && p.s.Control&ctlIRQ != 0) }

// In reads a register.
func (p *Port) In(port uint16, _ int) uint32 {
	switch port - p.base {
	case regData:
		if p.s.Control&ctlInput != 0 {
			return 0xff
		}
		return uint32(p.s.Data)
	case regStatus:
		p.s.Pending = false
		p.update()
		if p.s.Busy {
			return stsError | stsSelect | stsAck | stsOnes
		}
		return stsError | stsSelect | stsAck | stsOnes | stsReady
	}
	return uint32(p.s.Control | ctlOnes)
}

// Out writes a register.
func (p *Port) Out(port uint16, _ int, v uint32) {
	switch port - p.base {
	case regData:
		p.s.Data = uint8(v)
	case regControl:
		was := p.s.Control
		p.s.Control = uint8(v) &^ ctlOnes
		switch {
		case p.s.Control&ctlInit == 0:
			p.timer.Stop()
			p.s.Busy, p.s.Waits, p.s.At, p.s.Pending = false, false, 0, false
		case p.s.Control&^was&ctlStrobe != 0 && !p.s.Busy:
			p.s.Busy, p.s.Latch = true, p.s.Data
			p.print()
		}
		p.update()
	}
}

// print gives the byte to the backend.
func (p *Port) print() {
	if p.out[0] = p.s.Latch; p.backend != nil {
		if p.s.Waits = p.backend.Send(p.out[:]) == 0; p.s.Waits {
			return
		}
	}
	p.s.At = p.clock.Now() + byteTime
	p.timer.At(p.s.At)
}

// TxReady tells the port that the backend takes bytes again.
func (p *Port) TxReady() {
	if p.s.Waits {
		p.print()
	}
}

func (p *Port) acknowledge() {
	p.s.At, p.s.Busy, p.s.Pending = 0, false, true
	p.update()
}
