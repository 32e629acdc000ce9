// Package pit is the 8254 programmable interval timer of a PC with port 61h (system control port B).
//
// It follows the Intel 8254 data sheet: three counters, modes 0 to 5, binary and BCD, counter latch and
// read-back commands, gates. Counting is not stepped: a counter knows the tick at which it was loaded, and value and
// output follow from the time. When guest time jumps over several periods of counter 0, as the host was late,
// the line makes up for those of the last 100 ms, each when the guest has had time for the one before; quick
// ones are merged.
package pit

import (
	"fmt"
	"math/bits"

	"goemu/devices"
)

// Hz is the rate of the input clock of all counters.
const Hz = 1193182

// Ports.
const (
	Base       = 0x40
	SystemPort = 0x61
)

const (
	stateVersion = 1
	second       = 1_000_000_000
	// minRearm is the shortest time from one timer call to the next, in ns. Edges in between are merged.
	minRearm = 20_000
	// mostBehind is how much of what a late host owes the guest it still gets, in ticks.
	mostBehind = Hz / 10
	// patience is how long the guest has for an interrupt, of several that it is owed, before the next comes, in ns.
	patience = 1_000_000
	// refreshToggle is the time between changes of port 61h bit 4, in ns.
	refreshToggle = 15_085
)

// Bits of port 61h.
const (
	gate2   = 1 << 0
	speaker = 1 << 1
	refresh = 1 << 4
	out2    = 1 << 5
)

// State is the saved state.
type State struct {
	Version  int
	Counters [3]Counter
	Control  uint8 // port 61h, bits 3..0
	Line     bool  // level of counter 0's output as driven
	LastTick int64 // tick up to which counter 0's edges are delivered
}

// PIT is the timer.
type PIT struct {
	s     State
	clock devices.Clock
	irq0  devices.Line
	timer devices.Timer
}

// New returns a timer whose counter 0 drives irq0.
func New(clock devices.Clock, irq0 devices.Line) *PIT {
	p := &PIT{clock: clock, irq0: irq0}
	p.timer = clock.NewTimer(p.fire)
	p.Reset()
	return p
}

// MapInto claims the ports.
func (p *PIT) MapInto(b devices.PortBus) {
	b.MapPorts(Base, 4, p)
	b.MapPorts(SystemPort, 1, p)
}

// Name implements devices.Device.
func (p *PIT) Name() string { return "8254" }

// MaxPortSize makes wider accesses come as bytes.
func (p *PIT) MaxPortSize() int { return 1 }

// Reset stops all counters. The data sheet leaves their state undefined; here it is mode 0, no count.
func (p *PIT) Reset() {
	line := p.s.Line
	p.s = State{Line: line}
	for i := range p.s.Counters {
		p.s.Counters[i] = Counter{Control: rwBoth, Gate: i != 2}
	}
	p.changed()
}

// SaveState returns a copy of the state.
func (p *PIT) SaveState() State {
	s := p.s
	s.Version = stateVersion
	return s
}

// RestoreState takes over a saved state.
func (p *PIT) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("8254 state has version %d, want %d", s.Version, stateVersion)
	}
	p.s = s
	p.arm()
	return nil
}

// mulDiv is a*b/c for values that are not negative, without overflow in between.
func mulDiv(a int64, b, c uint64) int64 {
	hi, lo := bits.Mul64(uint64(a), b)
	q, _ := bits.Div64(hi%c, lo, c)
	return int64(q)
}

func (p *PIT) tick() int64 { return mulDiv(p.clock.Now(), Hz, second) }

// when is the first nanosecond of tick k.
func when(k int64) int64 {
	ns := mulDiv(k, second, Hz)
	if mulDiv(ns, Hz, second) < k {
		ns++
	}
	return ns
}

// fire delivers the edges of counter 0 up to now, or up to the end of the first period that has ended since the last call: a guest that the host has kept waiting would
// find that its timer has stood still if all that was missed came at once.
func (p *PIT) fire() {
	now := p.tick()
	c := &p.s.Counters[0]
	slow := c.slow()
	if slow {
		p.s.LastTick = max(p.s.LastTick, now-mostBehind)
	}
	at, rose := c.rise(p.s.LastTick, now)
	if rose && slow {
		now = at
	}
	p.s.LastTick = now
	level := c.out(now)
	if rose && p.s.Line {
		p.drive(false)
	}
	if rose && !level {
		p.drive(true)
	}
	p.drive(level)
	p.arm()
}

func (p *PIT) drive(level bool) {
	if level != p.s.Line {
		p.s.Line = level
		p.irq0.Set(level)
	}
}

// changed is called after each write: the output may be different at once.
func (p *PIT) changed() {
	now := p.tick()
	p.s.LastTick = now
	p.drive(p.s.Counters[0].out(now))
	p.arm()
}

func (p *PIT) arm() {
	now := p.s.LastTick
	next, ok := p.s.Counters[0].nextEdge(now)
	if !ok {
		p.timer.Stop()
		return
	}
	at := when(next)
	switch c := &p.s.Counters[0]; {
	case c.slow():
		if ns := p.clock.Now(); at <= ns {
			at = ns + patience
		}
	case c.mode() == 2 || c.mode() == 3:
		at = max(at, p.clock.Now()+minRearm)
	}
	p.timer.At(at)
}

// CatchUp is called when the guest has taken an interrupt. If it is owed others of counter 0, the timer is then due.
func (p *PIT) CatchUp() {
	c := &p.s.Counters[0]
	if !c.slow() {
		return
	}
	if next, ok := c.nextEdge(p.s.LastTick); ok && next <= p.tick() {
		p.timer.At(when(next))
	}
}

// In reads a port.
func (p *PIT) In(port uint16, _ int) uint32 {
	switch port {
	case SystemPort:
		v := uint32(p.s.Control)
		if p.clock.Now()/refreshToggle&1 != 0 {
			v |= refresh
		}
		if p.s.Counters[2].out(p.tick()) {
			v |= out2
		}
		return v
	case Base + 3: // the control word cannot be read
		return 0xff
	}
	return uint32(p.s.Counters[port&3].read(p.tick()))
}

// Out writes a port.
func (p *PIT) Out(port uint16, _ int, v uint32) {
	b := uint8(v)
	if port == SystemPort {
		p.s.Control = b & 0xf
		p.s.Counters[2].setGate(p.tick(), b&gate2 != 0)
		return
	}
	p.flush()
	now := p.tick()
	switch {
	case port&3 != 3:
		p.s.Counters[port&3].write(now, b)
	case b>>6 != 3:
		p.s.Counters[b>>6].control(now, b)
	default:
		p.readBack(now, b)
	}
	// Arming the timer may make a busy host run something else. A counter that is loaded would be that far behind when the guest goes on,
	// and a guest that measures its TSC with counter 2 would find it slow by orders of magnitude.
	if port == Base || port == Base+3 && b>>6 == 0 {
		p.changed()
	}
}

// flush delivers an edge that is due before a write changes the counter.
func (p *PIT) flush() {
	if next, ok := p.s.Counters[0].nextEdge(p.s.LastTick); ok && next <= p.tick() {
		p.fire()
	}
}

// readBack is the read-back command (8254 data sheet, "Read-Back Command").
func (p *PIT) readBack(now int64, b uint8) {
	for i := range p.s.Counters {
		if b>>(i+1)&1 == 0 {
			continue
		}
		if b&0x20 == 0 {
			p.s.Counters[i].latchCount(now)
		}
		if b&0x10 == 0 {
			p.s.Counters[i].latchStatus(now)
		}
	}
}

// Speaker tells whether the speaker is driven (port 61h bits 0 and 1), and the frequency of counter 2 in Hz.
func (p *PIT) Speaker() (on bool, hz int) {
	c := &p.s.Counters[2]
	on = p.s.Control&(gate2|speaker) == gate2|speaker && c.mode() == 3 && c.Running
	if on {
		hz = Hz / int(c.N)
	}
	return on, hz
}
