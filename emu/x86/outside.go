package x86

import "goemu/mmu"

// What firmware that runs outside the guest needs of a CPU between two instructions: see package bios.

// Long tells whether the CPU is in long mode.
func (c *CPU) Long() bool { return c.longMode() }

// SetSegment loads segment register n (ES CS SS DS FS GS) with its hidden part, without any check.
func (c *CPU) SetSegment(n int, s Segment) {
	c.takeGS()
	c.seg[n] = s
	c.update()
}

// Physical is the physical address of a linear one that is mapped; nothing is checked or recorded.
func (c *CPU) Physical(linear uint64) (phys uint64, ok bool) {
	t, ok := c.pg.Probe(c.space, linear)
	return t.Phys, ok
}

// Access reads or writes guest memory at a linear address with the rights of the code that runs, but raises nothing: it reports
// false at the first page that the code could not access, and has done what comes before it. A20 and devices are seen as the code sees them.
func (c *CPU) Access(linear uint64, p []byte, write bool) bool {
	for len(p) > 0 {
		linear = c.wrap(linear)
		n := min(len(p), mmu.PageSize-int(linear&mmu.PageMask))
		t, _, ok := c.pg.Walk(c.space, linear, c.access(write, c.index()))
		if !ok {
			return false
		}
		c.accessPhys(t.Phys, p[:n], write)
		p, linear = p[n:], linear+uint64(n)
	}
	return true
}

// accessPhys moves bytes within a page. Memory is moved as a whole; devices see naturally aligned pieces, or the block if they want it.
func (c *CPU) accessPhys(phys uint64, p []byte, write bool) {
	if r, off := c.space.Find(phys); r != nil && r.RAM != nil && off+uint64(len(p)) <= r.Size {
		if write {
			_ = c.space.WritePhys(phys, p) // it is RAM or ROM
		} else {
			copy(p, r.RAM[off:])
		}
		return
	}
	if !c.space.Block(phys, p, write) {
		c.bytesSlow(phys, p, write)
	}
}

// Wake ends a HLT without an interrupt, for firmware that waits at it.
func (c *CPU) Wake() {
	if c.state == Halted {
		c.state = Running
	}
}
