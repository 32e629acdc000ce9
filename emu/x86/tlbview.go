package x86

import (
	"goemu/emu/inspect"
	"goemu/mmu"
)

// TLBView lists what the soft TLB holds, by kind of access, rights and slot.
func (c *CPU) TLBView() (list []inspect.TLBEntry) {
	view := func(e *mmu.TLBEntry, write bool, idx int) inspect.TLBEntry {
		v := inspect.TLBEntry{Linear: e.Page, Write: write, Index: idx, Size: mmu.PageSize}
		v.Phys, _ = c.space.PhysOf(uintptr(e.Host()))
		return v
	}
	for n := range uint16(numSlots) {
		e := c.slot(n)
		i := uint64(n) % mmu.TLBEntries
		if e.Page == mmu.EmptyPage(i) {
			continue
		}
		v := view(e, n >= slotWrite, int(n%slotWrite/mmu.TLBEntries))
		if f := c.tlb.flags[n]; f>>slotShift&slotMaxShift != 0 {
			v.Size, v.Global = 1<<(f>>slotShift&slotMaxShift), f&slotStays != 0
		}
		v.Key = int(c.tlb.keys[n])
		list = append(list, v)
	}
	for kind := range c.env.TLB.Victim {
		for idx := range c.env.TLB.Victim[kind] {
			for i := range c.env.TLB.Victim[kind][idx] {
				if e := &c.env.TLB.Victim[kind][idx][i]; e.Page != mmu.NoVictim {
					v := view(e, kind == 1, idx)
					v.Victim = true
					list = append(list, v)
				}
			}
		}
	}
	return list
}

// Mappings lists the pages that the page tables map; all is false if there are too many tables.
func (c *CPU) Mappings(limit int) (list []inspect.Mapping, all bool) {
	all = c.pg.Pages(c.space, func(p mmu.Page) bool {
		list = append(list, inspect.Mapping{Linear: p.Linear, Phys: p.Phys, Size: 1 << p.Shift, Entry: p.Entry, Rights: p.Rights})
		return len(list) < limit
	})
	return list, all && len(list) < limit
}
