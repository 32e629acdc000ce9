package pic

// A host's KVM can have the pair. While it does the state here is out of date but for the inputs' levels, which are the devices': what looks at the
// registers has them read anew, and what changes them has them given back first. The output stands still: it is the keeper's.

// Keeper is who has the registers.
type Keeper interface {
	// Registers reads them into the state of before, which stays as it is if they cannot be read. Levels of inputs are not among them.
	Registers(chips *[2]Chip)
	// Hold keeps all who use them from them until somebody lends them again: they are about to go back.
	Hold()
	// SetInput tells of the level of an input; false: it does not take it, and the registers are to go back before.
	SetInput(n int, level bool) bool
}

// Lend gives the registers to k, which has them by SaveState.
func (p *PIC) Lend(k Keeper) { p.keeper = k }

// Lent tells whether a keeper has the registers.
func (p *PIC) Lent() bool { return p.keeper != nil }

// Recall takes the registers back.
func (p *PIC) Recall() {
	if p.keeper == nil {
		return
	}
	p.keeper.Hold()
	p.look()
	p.keeper = nil
	p.update()
}

// look brings the registers up to date. Requests of level-triggered inputs and of the cascade follow from others, whatever the keeper has.
func (p *PIC) look() {
	if p.keeper == nil {
		return
	}
	p.keeper.Registers(&p.s.Chips)
	for i := range p.s.Chips {
		c := &p.s.Chips[i]
		c.IRR = c.IRR&^c.ELCR | c.Lines&c.ELCR
	}
	p.cascade()
}

// pass tells a keeper of an input's level. It reports whether there is one that has it.
func (p *PIC) pass(n uint8, level, changes bool) bool {
	if p.keeper == nil {
		return false
	}
	if changes && !p.keeper.SetInput(int(n), level) {
		p.Recall()
		return false
	}
	return true
}

// AutoEOI tells whether interrupts end as they are acknowledged (ICW4 AEOI).
func (c *Chip) AutoEOI() bool { return c.ICW4&icw4AEOI != 0 }

// FullyNested is the special fully nested mode (ICW4 SFNM).
func (c *Chip) FullyNested() bool { return c.ICW4&icw4SFNM != 0 }

// SetMode sets both; the other bits of ICW4 stay.
func (c *Chip) SetMode(autoEOI, fullyNested bool) {
	c.ICW4 &^= icw4AEOI | icw4SFNM
	if autoEOI {
		c.ICW4 |= icw4AEOI
	}
	if fullyNested {
		c.ICW4 |= icw4SFNM
	}
}
