// Package pirq is what the ISA and LPC bridges of Intel's chip sets do with PCI interrupt lines for the 8259A pair: each line has a register that
// routes it to an ISA interrupt.
//
// It follows the Intel 82371SB data sheet, 2.2.4 (PIRQRC), and the ICH9 data sheet, 13.1.9 (PIRQ[n]_ROUT), which agree.
package pirq

// Register bits: Off, or the number of the ISA interrupt in bits 3..0.
const (
	Off  = 0x80
	Mask = 0x8f // what can be written
)

// Lines is the most lines of a bridge.
const Lines = 8

// valid has the ISA interrupts that a PCI line can be routed to: not 0, 1, 2, 8 and 13.
const valid = 0xdef8

// State is the saved state.
type State struct {
	Levels [Lines]bool // PIRQA to PIRQH
	Driven uint16      // ISA interrupts asserted on behalf of PCI
}

// Router routes.
type Router struct {
	s State

	// Register gives the routing register of line n.
	Register func(n int) uint8
	// SetIRQ drives ISA interrupt n on behalf of PCI.
	SetIRQ func(n int, level bool)
}

// SaveState returns a copy of the state.
func (r *Router) SaveState() State { return r.s }

// RestoreState takes over a saved state. No interrupt is driven.
func (r *Router) RestoreState(s State) { r.s = s }

// Set sets the level of line n.
func (r *Router) Set(n int, level bool) {
	r.s.Levels[n&(Lines-1)] = level
	r.Update()
}

// Update drives the ISA interrupts, after a register has changed: each is the OR of the lines routed to it.
func (r *Router) Update() {
	var want uint16
	for i, level := range r.s.Levels {
		if !level {
			continue
		}
		rc := r.Register(i)
		if bit := uint16(1) << (rc & 0xf); rc&Off == 0 && bit&valid != 0 {
			want |= bit
		}
	}
	changed := want ^ r.s.Driven
	r.s.Driven = want
	for n := range 16 {
		if changed>>n&1 != 0 && r.SetIRQ != nil {
			r.SetIRQ(n, want>>n&1 != 0)
		}
	}
}
