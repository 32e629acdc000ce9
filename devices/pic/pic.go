// Package pic is the pair of 8259A interrupt controllers of a PC, as built
// into the PIIX3, with its edge/level control registers (ELCR).
//
// It follows the Intel 8259A data sheet and the 82371SB (PIIX3) data sheet: all initialisation and operation command
// words, nested, special fully nested and special mask mode, rotation, automatic EOI and polling. Not done: MCS-80 mode (the
// processor is always an 8086) and the LTIM bit, which the PIIX3 replaces by ELCR. An edge request is lost when its input
// falls before it is acknowledged, as in the chip; the acknowledge cycle then gives IR7. The host's KVM can have the registers for a while (Lend).
package pic

import (
	"fmt"

	"goemu/devices"
)

// Ports.
const (
	MasterBase = 0x20
	SlaveBase  = 0xa0
	ELCRBase   = 0x4d0
)

// Cascade is the master's input on which the slave sits.
const Cascade = 2

const stateVersion = 1

// elcrMask has the ELCR bits that can be set: IRQ 0, 1, 2, 8 and 13 are always edge-triggered.
var elcrMask = [2]uint8{0xf8, 0xde}

// Chip is the state of one 8259A.
type Chip struct {
	IRR, IMR, ISR uint8
	Lines         uint8 // input levels
	ELCR          uint8 // 1: level-triggered
	Base          uint8 // ICW2: vector of IR0
	ICW3          uint8
	ICW4          uint8
	Lowest        uint8 // the input with the lowest priority (7 after ICW1)
	Step          uint8 // next ICW expected at A0=1 (2..4), 0: initialised
	Single        bool  // ICW1 SNGL
	WantICW4      bool  // ICW1 IC4
	ReadISR       bool  // OCW3 RIS
	Poll          bool  // OCW3 P: the next read is an acknowledge
	SpecialMask   bool  // OCW3 SMM
	RotateAEOI    bool  // OCW2: rotate in automatic EOI mode
}

// State is the saved state of the pair.
type State struct {
	Version int
	Chips   [2]Chip // master, slave
	INT     bool
}

// Bits of the command words.
const (
	icw1Init   = 0x10
	icw1Single = 0x02
	icw1IC4    = 0x01
	icw4AEOI   = 0x02
	icw4SFNM   = 0x10
	ocw3       = 0x08
	ocw3Poll   = 0x04
)

// PIC is the pair of controllers.
type PIC struct {
	s     State
	intr  devices.Line
	lines [16]line

	keeper Keeper // has the registers: see Lend; nil: they are here

	raised [16]uint64 // for people: no part of the state
}

type line struct {
	p *PIC
	n uint8
}

func (l *line) Set(level bool) { l.p.setIRQ(l.n, level) }

// New returns a pair whose INT output drives intr.
func New(intr devices.Line) *PIC {
	p := &PIC{intr: intr}
	for i := range p.lines {
		p.lines[i] = line{p, uint8(i)}
	}
	p.Reset()
	return p
}

// MapInto claims the ports.
func (p *PIC) MapInto(b devices.PortBus) {
	b.MapPorts(MasterBase, 2, p)
	b.MapPorts(SlaveBase, 2, p)
	b.MapPorts(ELCRBase, 2, p)
}

// Name implements devices.Device.
func (p *PIC) Name() string { return "8259A" }

// MaxPortSize makes wider accesses come as bytes.
func (p *PIC) MaxPortSize() int { return 1 }

// Reset puts both chips into their power-on state. Input levels stay: they belong to the devices.
func (p *PIC) Reset() {
	p.keeper = nil
	for i := range p.s.Chips {
		p.s.Chips[i] = Chip{Lines: p.s.Chips[i].Lines, Lowest: 7}
	}
	p.update()
}

// IRQ returns the input line n (0 to 15; 2 is the cascade and does nothing).
func (p *PIC) IRQ(n int) devices.Line { return &p.lines[n&15] }

// INT is the level of the output to the processor.
func (p *PIC) INT() bool { return p.s.INT }

// Level tells whether input n is level-triggered.
func (p *PIC) Level(n int) bool {
	p.look()
	return p.s.Chips[n>>3&1].ELCR>>(n&7)&1 != 0
}

// SaveState returns a copy of the state.
func (p *PIC) SaveState() State {
	p.look()
	s := p.s
	s.Version = stateVersion
	return s
}

// RestoreState takes over a saved state. The output line is not driven.
func (p *PIC) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("8259A state has version %d, want %d", s.Version, stateVersion)
	}
	p.s, p.keeper = s, nil
	return nil
}

// Raised tells how often each input of a chip, 0 or 1, has gone high since the machine was made.
func (p *PIC) Raised(chip int) []uint64 { return append([]uint64(nil), p.raised[8*chip:8*chip+8]...) }

func (p *PIC) setIRQ(n uint8, level bool) {
	if n == Cascade {
		return
	}
	c, bit := &p.s.Chips[n>>3], uint8(1)<<(n&7)
	lent := p.pass(n, level, c.Lines&bit != 0 != level)
	switch {
	case lent:
	case level && (c.Lines&bit == 0 || c.ELCR&bit != 0):
		c.IRR |= bit
	case !level:
		c.IRR &^= bit
	}
	if level {
		if c.Lines&bit == 0 {
			p.raised[n]++
		}
		c.Lines |= bit
	} else {
		c.Lines &^= bit
	}
	if !lent {
		p.update()
	}
}

// first gives the highest-priority input among the bits of m, or -1.
func (c *Chip) first(m uint8) int {
	for i := uint8(1); i <= 8; i++ {
		if n := (c.Lowest + i) & 7; m>>n&1 != 0 {
			return int(n)
		}
	}
	return -1
}

// rank is the priority of input n; 0 is the highest.
func (c *Chip) rank(n int) int { return (n - int(c.Lowest) - 1) & 7 }

// request gives the input that asks for service now, or -1: the
// highest unmasked request above everything in service.
func (c *Chip) request(master bool) int {
	n := c.first(c.IRR &^ c.IMR)
	if n < 0 {
		return -1
	}
	busy := c.ISR
	if c.SpecialMask {
		busy &^= c.IMR
	}
	if master && c.ICW4&icw4SFNM != 0 && n == Cascade {
		// The slave has its own priorities: its requests pass while one of it is in service.
		busy &^= 1 << Cascade
	}
	if s := c.first(busy); s >= 0 && c.rank(n) >= c.rank(s) {
		return -1
	}
	return n
}

// ack is the acknowledge cycle for input n.
func (c *Chip) ack(n int) {
	bit := uint8(1) << n
	if c.ELCR&bit == 0 {
		c.IRR &^= bit
	}
	if c.ICW4&icw4AEOI == 0 {
		c.ISR |= bit
	} else if c.RotateAEOI {
		c.Lowest = uint8(n)
	}
}

// cascade carries the slave's output to the master.
func (p *PIC) cascade() {
	m, s := &p.s.Chips[0], &p.s.Chips[1]
	if !m.Single && s.request(false) >= 0 {
		m.IRR |= 1 << Cascade
	} else {
		m.IRR &^= 1 << Cascade
	}
}

// update carries the slave's output to the master and the master's to the processor.
func (p *PIC) update() {
	p.cascade()
	if level := p.s.Chips[0].request(true) >= 0; level != p.s.INT {
		p.s.INT = level
		p.intr.Set(level)
	}
}

// IntAck is the processor's interrupt acknowledge cycle. It returns the vector, IR7's if the request has gone.
func (p *PIC) IntAck() int {
	p.Recall()
	m, s := &p.s.Chips[0], &p.s.Chips[1]
	n := m.request(true)
	if n < 0 {
		return int(m.Base) + 7
	}
	vector := int(m.Base) + n
	m.ack(n)
	if n == Cascade && !m.Single {
		k := s.request(false)
		if k < 0 {
			k = 7
		} else {
			s.ack(k)
		}
		vector = int(s.Base) + k
	}
	p.update()
	return vector
}

// In reads a register.
func (p *PIC) In(port uint16, _ int) uint32 {
	p.Recall()
	if port&^1 == ELCRBase {
		return uint32(p.s.Chips[port&1].ELCR)
	}
	i := port >> 7 & 1
	c := &p.s.Chips[i]
	switch {
	case c.Poll:
		c.Poll = false
		n := c.request(i == 0)
		if n < 0 {
			return 0
		}
		c.ack(n)
		p.update()
		return 0x80 | uint32(n)
	case port&1 != 0:
		return uint32(c.IMR)
	case c.ReadISR:
		return uint32(c.ISR)
	}
	return uint32(c.IRR)
}

// Out writes a register.
func (p *PIC) Out(port uint16, _ int, v uint32) {
	p.Recall()
	b := uint8(v)
	if port&^1 == ELCRBase {
		p.writeELCR(int(port&1), b)
		p.update()
		return
	}
	c := &p.s.Chips[port>>7&1]
	switch {
	case port&1 != 0:
		c.writeData(b)
	case b&icw1Init != 0:
		c.init(b)
	case b&ocw3 != 0:
		c.writeOCW3(b)
	default:
		c.writeOCW2(b)
	}
	p.update()
}

func (p *PIC) writeELCR(i int, b uint8) {
	c := &p.s.Chips[i]
	b &= elcrMask[i]
	changed := c.ELCR ^ b
	c.ELCR = b
	// An input that becomes level-triggered shows its level at once; one that becomes edge-triggered waits for an edge.
	c.IRR = c.IRR&^changed | c.Lines&changed&b
}

// init is ICW1 (8259A data sheet, "Initialization Command Words").
func (c *Chip) init(b uint8) {
	*c = Chip{Lines: c.Lines, ELCR: c.ELCR, Base: c.Base, ICW3: c.ICW3, Lowest: 7, Step: 2,
		Single: b&icw1Single != 0, WantICW4: b&icw1IC4 != 0}
	c.IRR = c.Lines & c.ELCR
}

// writeData is a write with A0=1: ICW2 to ICW4 after ICW1, else OCW1 (the mask).
func (c *Chip) writeData(b uint8) {
	switch c.Step {
	case 2:
		c.Base = b &^ 7
		switch {
		case !c.Single:
			c.Step = 3
		case c.WantICW4:
			c.Step = 4
		default:
			c.Step = 0
		}
	case 3:
		c.ICW3 = b
		c.Step = 0
		if c.WantICW4 {
			c.Step = 4
		}
	case 4:
		c.ICW4 = b
		c.Step = 0
	default:
		c.IMR = b
	}
}

func (c *Chip) writeOCW3(b uint8) {
	if b&0x40 != 0 {
		c.SpecialMask = b&0x20 != 0
	}
	c.Poll = b&ocw3Poll != 0
	if b&2 != 0 {
		c.ReadISR = b&1 != 0
	}
}

// OCW2 operations, by R, SL and EOI.
const (
	rotateAEOIClear = 0
	eoi             = 1
	eoiSpecific     = 3
	rotateAEOISet   = 4
	eoiRotate       = 5
	setPriority     = 6
	eoiSpecRotate   = 7
)

func (c *Chip) writeOCW2(b uint8) {
	n := int(b & 7)
	switch op := b >> 5; op {
	case rotateAEOIClear:
		c.RotateAEOI = false
	case rotateAEOISet:
		c.RotateAEOI = true
	case eoi, eoiRotate:
		busy := c.ISR
		if c.SpecialMask {
			busy &^= c.IMR
		}
		if n = c.first(busy); n < 0 {
			return
		}
		c.ISR &^= 1 << n
		if op == eoiRotate {
			c.Lowest = uint8(n)
		}
	case eoiSpecific:
		c.ISR &^= 1 << n
	case setPriority:
		c.Lowest = uint8(n)
	case eoiSpecRotate:
		c.ISR &^= 1 << n
		c.Lowest = uint8(n)
	}
}
