package x86

import "goemu/mmu"

// evict keeps the entry of slot n, which page is about to take, among the victims of its table. Two pages that are
// used in turn and share a slot would else be walked for every time. What drops slots drops victims too: nothing is known
// of them but page and host.
func (c *CPU) evict(n uint16, page uint64) {
	e := c.slot(n)
	if e.Page == mmu.EmptyPage(uint64(n)%mmu.TLBEntries) {
		return
	}
	kind, table := 0, n/mmu.TLBEntries
	if n >= slotWrite {
		kind, table = 1, (n-slotWrite)/mmu.TLBEntries
	}
	s := &c.tlb
	v := &c.env.TLB.Victim[kind][table]
	for i := range v { // page comes back from there: the two change places
		if v[i].Page == page {
			v[i] = *e
			return
		}
	}
	v[s.nextVictim%mmu.Victims] = *e
	s.nextVictim++
	s.victims = true
}

// dropVictims empties all victims.
func (c *CPU) dropVictims() {
	if !c.tlb.victims {
		return
	}
	for kind := range c.env.TLB.Victim {
		for table := range c.env.TLB.Victim[kind] {
			for i := range c.env.TLB.Victim[kind][table] {
				c.env.TLB.Victim[kind][table][i] = mmu.TLBEntry{Page: mmu.NoVictim}
			}
		}
	}
	c.tlb.victims = false
}

// dropVictim empties those of one page.
func (c *CPU) dropVictim(page uint64) {
	if !c.tlb.victims {
		return
	}
	for kind := range c.env.TLB.Victim {
		for table := range c.env.TLB.Victim[kind] {
			for i := range c.env.TLB.Victim[kind][table] {
				if v := &c.env.TLB.Victim[kind][table][i]; v.Page == page {
					*v = mmu.TLBEntry{Page: mmu.NoVictim}
				}
			}
		}
	}
}
