package accel

import "goemu/mmu"

// FloatAt makes blocks of the page at phys float from now on, where they may.
func (c *Code) FloatAt(phys uint64) { c.homes[phys>>mmu.PageShift] = everywhere }
