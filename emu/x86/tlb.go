package x86

import "goemu/mmu"

// Slots of the software TLB are numbered access kind, index, entry.
const (
	slotWrite = mmu.NumIndexes * mmu.TLBEntries
	numSlots  = 2 * slotWrite

	fetchEntries = 256

	writeHash = 4096
)

// What is known of a slot beside its entry: the lists it is in, and log2 of the size of the page that it is part of.
const (
	slotLocal  = 1 << iota // in tlbState.local
	slotGlobal             // in tlbState.global
	slotShift  = iota

	slotStays    = 1 << 7 // the translation is global
	slotMaxShift = 31
)

// tlbState remembers which slots are filled, so that a flush costs by what it drops, and
// which large pages have been cut up, so that INVLPG drops all of one.
type tlbState struct {
	local      []uint16 // slots with translations that go when CR3 changes
	global     []uint16 // slots with global ones; one that was local before stays in its list
	flags      [numSlots]uint8
	keys       [numSlots]uint8   // protection keys
	keyed      uint16            // keys of which there are slots
	victims    bool              // there are some
	nextVictim uint16            // the next to be overwritten
	writes     [writeHash]uint16 // how many filled write slots have a host page with this hash
	large      [largeHash]bool   // by largeKey
	huge       [64]bool          // by linear >> 30

	contexts [numContexts]tlbContext
	clock    uint64 // counts changes of context
	codeGen  uint64 // counts pages that have got code
}

// largeHash is twice the pages of 2 MiB in 2 GiB: those of the upper half of the linear addresses, where kernels are, do not
// make INVLPG of a program's page slow.
const largeHash = 2048

func largeKey(linear uint64) uint64 { return linear>>21%(largeHash/2) | linear>>63*(largeHash/2) }

// fetchEntry caches an execute translation. page is the linear page, bit 0 user, bit 1 valid.
type fetchEntry struct {
	page, phys uint64
	global     bool
}

func (c *CPU) initTLB() {
	c.tlb.victims = true
	c.dropVictims()
	c.tlb.local = make([]uint16, 0, numSlots)
	c.tlb.global = make([]uint16, 0, numSlots)
	for i := range numSlots {
		*c.slot(uint16(i)) = mmu.TLBEntry{Page: mmu.EmptyPage(uint64(i) % mmu.TLBEntries)}
	}
}

func (c *CPU) slot(n uint16) *mmu.TLBEntry {
	t := &c.env.TLB
	if n >= slotWrite {
		n -= slotWrite
		return &t.Write[n/mmu.TLBEntries][n%mmu.TLBEntries]
	}
	return &t.Read[n/mmu.TLBEntries][n%mmu.TLBEntries]
}

func (c *CPU) access(write bool, idx int) mmu.Access {
	return mmu.Access{Write: write, User: idx == mmu.IndexUser, NoUserPages: idx == mmu.IndexKernel}
}

// Fill walks the page tables for a data access and installs the TLB entry if the
// page is plain RAM. False: the access must take the slow path (fault,
// MMIO, page with code); nothing has been recorded.
func (c *CPU) Fill(linear uint64, write bool, idx int) bool {
	if !c.canonical(linear) {
		return false
	}
	t, _, ok := c.pg.Walk(c.space, linear, c.access(write, idx))
	return ok && c.install(linear, &t, write, idx) != 0
}

// install makes the TLB entry of a translation and returns the host address of the page, or 0
// if accesses cannot go there directly.
func (c *CPU) install(linear uint64, t *mmu.Translation, write bool, idx int) uintptr {
	host, writable, ok := c.space.HostPage(t.Phys)
	if !ok || write && !writable || c.debug.data && c.debug.watched(linear) {
		return 0
	}
	i := mmu.TLBIndex(linear)
	n := uint16(idx)*mmu.TLBEntries + uint16(i)
	if write {
		n += slotWrite
	}
	f := min(t.Shift, slotMaxShift) << slotShift
	if t.Global {
		f |= slotStays
	}
	c.evict(n, linear&^mmu.PageMask)
	c.fillSlot(n, mmu.EntryFor(linear, uint64(host)), f, t.Key)
	c.tlb.noteLarge(linear, t.Shift)
	return host
}

// fillSlot sets a slot. f is size and slotStays.
func (c *CPU) fillSlot(n uint16, e mmu.TLBEntry, f, key uint8) {
	c.emptySlot(n)
	*c.slot(n) = e
	s := &c.tlb
	if n >= slotWrite {
		s.writes[writeKey(e.Host())]++
	}
	in := s.flags[n] & (slotLocal | slotGlobal)
	switch {
	case f&slotStays != 0 && in == 0:
		s.global = append(s.global, n)
		in = slotGlobal
	case f&slotStays == 0 && in&slotLocal == 0:
		s.local = append(s.local, n)
		in |= slotLocal
	}
	s.flags[n] = in | f
	s.keys[n] = key
	s.keyed |= 1 << key
}

// noteLarge remembers that part of a large page has been cached.
func (s *tlbState) noteLarge(linear uint64, shift uint8) {
	switch shift {
	case 30:
		s.huge[linear>>30%64] = true
	case 22: // two entries
		s.large[largeKey(linear^1<<21)] = true
		fallthrough
	case 21:
		s.large[largeKey(linear)] = true
	}
}

func (c *CPU) emptySlot(n uint16) {
	e := c.slot(n)
	empty := mmu.TLBEntry{Page: mmu.EmptyPage(uint64(n) % mmu.TLBEntries)}
	if n >= slotWrite && e.Page != empty.Page {
		c.tlb.writes[writeKey(e.Host())]--
	}
	*e = empty
}

// writeKey hashes the host address of a page.
func writeKey(host uint64) uint64 { return host >> mmu.PageShift % writeHash }

// dropSlots empties the slots for which drop is true.
func (c *CPU) dropSlots(drop func(n uint16) bool) {
	c.dropVictims()
	s := &c.tlb
	for _, list := range [...][]uint16{s.local, s.global} {
		for _, n := range list {
			if drop(n) {
				c.emptySlot(n) // the slot stays in its list; refilling it costs nothing more
			}
		}
	}
}

// dropList empties all slots of a list, and the list.
func (c *CPU) dropList(list *[]uint16, bit uint8) {
	for _, n := range *list {
		c.emptySlot(n)
		c.tlb.flags[n] &^= bit
	}
	*list = (*list)[:0]
}

// FlushTLB drops all translations, those of other process-context identifiers too, or all of the current one but global ones.
func (c *CPU) FlushTLB(global bool) {
	if c.opt.OnFlushTLB != nil {
		c.opt.OnFlushTLB(global)
	}
	c.dropVictims()
	s := &c.tlb
	c.dropList(&s.local, slotLocal)
	if global {
		c.dropList(&s.global, slotGlobal)
		s.keyed = 0
		clear(s.large[:])
		clear(s.huge[:])
		s.dropContexts()
	}
	for i := range c.fetch {
		if f := &c.fetch[i]; global || !f.global {
			f.page = 0
		}
	}
	if c.opt.FlushAll != nil {
		c.opt.FlushAll(global)
	}
}

// FlushPage drops the translations of the page that holds linear, whatever its size (SDM vol. 3A 4.10.4.1).
func (c *CPU) FlushPage(linear uint64) {
	if c.opt.OnFlushPage != nil {
		c.opt.OnFlushPage(linear)
	}
	s := &c.tlb
	if s.mayBeLarge(linear) {
		c.dropSlots(func(n uint16) bool { return c.inPage(n, linear) })
		clear(c.fetch[:])
		if c.opt.FlushAll != nil {
			c.opt.FlushAll(true)
		}
		return
	}
	page := linear &^ mmu.PageMask
	c.dropVictim(page)
	for n := uint16(mmu.TLBIndex(linear)); n < numSlots; n += mmu.TLBEntries {
		if c.slot(n).Page == page {
			c.emptySlot(n)
		}
	}
	c.fetch[linear>>mmu.PageShift%fetchEntries] = fetchEntry{}
	if c.opt.FlushPage != nil {
		c.opt.FlushPage(page)
	}
}

// inPage tells whether slot n holds a part of the page of linear.
func (c *CPU) inPage(n uint16, linear uint64) bool {
	return (c.slot(n).Page^linear)>>(c.tlb.flags[n]>>slotShift&slotMaxShift) == 0
}

func (s *tlbState) mayBeLarge(linear uint64) bool {
	return s.large[largeKey(linear)] || s.huge[linear>>30%64]
}

// dropFaulting drops what is cached of the page of an access that has faulted (SDM vol. 3A 4.10.4.1). For a data access, other
// parts of a large page may stay for instructions.
func (c *CPU) dropFaulting(linear uint64, exec bool) {
	page := linear &^ mmu.PageMask
	large := c.tlb.mayBeLarge(linear)
	f := &c.fetch[linear>>mmu.PageShift%fetchEntries]
	if exec && large || f.page != 0 && f.page&^mmu.PageMask == page {
		c.FlushPage(linear)
		return
	}
	if large {
		c.dropSlots(func(n uint16) bool { return c.inPage(n, linear) })
		return
	}
	c.dropVictim(page)
	for n := uint16(mmu.TLBIndex(linear)); n < numSlots; n += mmu.TLBEntries {
		if c.slot(n).Page == page {
			c.emptySlot(n)
		}
	}
}

// narrowRights drops translations of pages with one of a set of protection keys.
func (c *CPU) narrowRights(keys uint16) {
	if c.tlb.keyed&keys != 0 {
		c.dropSlots(func(n uint16) bool { return keys>>c.tlb.keys[n]&1 != 0 })
		c.tlb.keyed &^= keys
	}
}

// DropWrite removes write entries of a physical page, so that stores to it take the slow path.
func (c *CPU) DropWrite(phys uint64) {
	c.tlb.codeGen++
	c.dropVictims()
	host, _, ok := c.space.HostPage(phys)
	if !ok || c.tlb.writes[writeKey(uint64(host))] == 0 {
		return
	}
	c.dropSlots(func(n uint16) bool { return n >= slotWrite && c.slot(n).Host() == uint64(host) })
}

// DropWrites removes write entries of the host's pages from lo to hi, so that stores to them take the slow path.
func (c *CPU) DropWrites(lo, hi uint64) {
	c.tlb.codeGen++
	c.dropSlots(func(n uint16) bool { return n >= slotWrite && c.slot(n).Host() >= lo && c.slot(n).Host() < hi })
}

// FetchGlobal tells whether the last page that FetchPhys translated is global: it stays mapped when CR3 changes.
func (c *CPU) FetchGlobal() bool { return c.fetchGlobal }

// FetchPhys translates the address of an instruction: segment limit or canonical
// check, and the execute permission. False: a fault has been recorded.
func (c *CPU) FetchPhys(rip uint64) (phys uint64, ok bool) {
	c.resume = false
	linear := rip
	if c.long64 {
		if !c.canonical(rip) {
			return 0, c.raise(vecGP, 0)
		}
	} else {
		if rip > uint64(c.seg[segCS].Limit) {
			return 0, c.raise(vecGP, 0)
		}
		linear = (rip + c.seg[segCS].Base) & 0xffff_ffff
	}
	a := mmu.Access{Exec: true, User: c.cpl == 3}
	f := &c.fetch[linear>>mmu.PageShift%fetchEntries]
	tag := linear&^mmu.PageMask | 2
	if a.User {
		tag |= 1
	}
	if f.page == tag {
		c.fetchGlobal = f.global
		return f.phys | linear&mmu.PageMask, true
	}
	t, code, ok := c.pg.Walk(c.space, linear, a)
	if !ok {
		c.dropFaulting(linear, true)
		return 0, c.pageFault(linear, code)
	}
	c.tlb.noteLarge(linear, t.Shift)
	t.Phys &= c.space.Mask
	*f = fetchEntry{tag, t.Phys &^ mmu.PageMask, t.Global}
	c.fetchGlobal = t.Global
	return t.Phys, true
}
