package x86

import (
	"goemu/mmu"
	"goemu/tcg"
)

// Fields of CR3 with CR4.PCIDE (SDM vol. 3A table 4-12).
const (
	cr3PCID    = 0xfff
	cr3NoFlush = 1 << 63 // of the operand of MOV CR3: keep what the TLB has of the new PCID
)

// numContexts is how many process-context identifiers besides the current one the TLB remembers.
const numContexts = 8

// tlbContext is what the TLB has of a PCID that is not the current one: no global translations. Slots of the software TLB are
// not tagged; they are moved here when the PCID changes, and back.
type tlbContext struct {
	valid   bool
	pcid    uint64
	used    uint64 // tlbState.clock when it was put away
	codeGen uint64 // tlbState.codeGen then: write entries are no longer good if it has changed
	pkru    uint32
	slots   []savedSlot
	fetch   []fetchEntry
}

type savedSlot struct {
	n          uint16
	flags, key uint8
	entry      mmu.TLBEntry
}

func (c *CPU) pcid() uint64 {
	if c.pg.CR4&cr4PCIDE == 0 {
		return 0
	}
	return c.pg.CR3 & cr3PCID
}

// context finds what is remembered of a PCID; nil: nothing.
func (s *tlbState) context(pcid uint64) *tlbContext {
	for k := range s.contexts {
		if x := &s.contexts[k]; x.valid && x.pcid == pcid {
			return x
		}
	}
	return nil
}

func (s *tlbState) dropContexts() {
	for k := range s.contexts {
		s.contexts[k].valid = false
	}
}

// writeCR3 is MOV to CR3 (SDM vol. 3A 4.10.4.1).
func (c *CPU) writeCR3(v uint64) bool {
	pcide := c.pg.CR4&cr4PCIDE != 0
	keep := pcide && v&cr3NoFlush != 0
	if keep {
		v &^= cr3NoFlush
	}
	if c.longMode() && v>>c.pg.PhysBits != 0 {
		return c.gp(0)
	}
	if !pcide || !keep && v&cr3PCID == c.pcid() {
		return c.loadCR3(v)
	}
	if c.opt.OnCR3 != nil {
		c.opt.OnCR3(v)
	}
	if v&cr3PCID == c.pcid() {
		c.pg.CR3 = v
		return true
	}
	c.saveContext()
	c.FlushTLB(false)
	c.pg.CR3 = v
	if x := c.tlb.context(v & cr3PCID); x != nil {
		if keep {
			c.restoreContext(x)
		}
		x.valid = false
	}
	return true
}

// loadCR3 changes the page-table base and drops non-global translations.
func (c *CPU) loadCR3(v uint64) bool {
	if !c.longMode() && c.pg.CR4&cr4PAE != 0 && c.pg.CR0&cr0PG != 0 && !c.loadPDPTE(v) {
		return false
	}
	if c.opt.OnCR3 != nil {
		c.opt.OnCR3(v)
	}
	c.pg.CR3 = v
	c.FlushTLB(false)
	return true
}

// loadPDPTE loads the PDPTE registers of PAE paging from the table at cr3 (SDM vol. 3A 4.4.1).
func (c *CPU) loadPDPTE(cr3 uint64) bool {
	e, ok := c.pg.LoadPDPTE(c.space, cr3)
	if !ok {
		return c.gp(0)
	}
	c.pg.PDPTE = e
	return true
}

// saveContext remembers the current PCID's translations, in place of the ones put away longest ago.
func (c *CPU) saveContext() {
	s := &c.tlb
	x := &s.contexts[0]
	for k := range s.contexts {
		y := &s.contexts[k]
		if !y.valid {
			x = y
			break
		}
		if y.used < x.used {
			x = y
		}
	}
	s.clock++
	*x = tlbContext{valid: true, pcid: c.pcid(), used: s.clock, codeGen: s.codeGen, pkru: c.pg.PKRU, slots: x.slots[:0], fetch: x.fetch[:0]}
	for _, n := range s.local {
		e := c.slot(n)
		if s.flags[n]&slotStays == 0 && e.Page != mmu.EmptyPage(uint64(n)%mmu.TLBEntries) {
			x.slots = append(x.slots, savedSlot{n, s.flags[n] &^ (slotLocal | slotGlobal), s.keys[n], *e})
		}
	}
	for k := range c.fetch {
		if f := &c.fetch[k]; f.page != 0 && !f.global {
			x.fetch = append(x.fetch, *f)
		}
	}
}

// restoreContext brings a PCID's translations back.
func (c *CPU) restoreContext(x *tlbContext) {
	narrower := c.pg.PKRU &^ x.pkru
	for k := range x.slots {
		v := &x.slots[k]
		if v.n >= slotWrite && x.codeGen != c.tlb.codeGen || narrower>>(2*v.key)&3 != 0 {
			continue
		}
		c.fillSlot(v.n, v.entry, v.flags, v.key)
	}
	for _, f := range x.fetch {
		c.fetch[f.page>>mmu.PageShift%fetchEntries] = f
	}
}

// dropPage drops the translations of the page that holds linear.
func (x *tlbContext) dropPage(linear uint64) {
	kept := x.slots[:0]
	for _, v := range x.slots {
		if (v.entry.Page^linear)>>(v.flags>>slotShift&slotMaxShift) != 0 {
			kept = append(kept, v)
		}
	}
	// How large the pages of instructions are is not known.
	x.slots, x.fetch = kept, x.fetch[:0]
}

// Types of INVPCID (SDM vol. 2A).
const (
	invAddress = iota
	invContext
	invAll
	invAllButGlobal
	invTypes
)

func sysINVPCID(c *CPU, i *tcg.SysInst) bool {
	if !c.privileged() {
		return false
	}
	size := 4
	if c.long64 {
		size = 8
	}
	kind := c.reg(i.Args[0].Reg, size)
	if kind >= invTypes {
		return c.gp(0)
	}
	a, ok := c.Linear(tcg.Seg(i.Seg), c.ea(i), 16, false)
	if !ok {
		return false
	}
	pcid, ok := c.ReadMem(a, 8, c.index())
	if !ok {
		return false
	}
	linear, ok := c.ReadMem(c.wrap(a+8), 8, c.index())
	if !ok {
		return false
	}
	if pcid&^cr3PCID != 0 || kind <= invContext && pcid != 0 && c.pg.CR4&cr4PCIDE == 0 || kind == invAddress && !c.canonicalBase(linear) {
		return c.gp(0)
	}
	switch current := pcid == c.pcid(); {
	case kind == invAddress && current:
		c.FlushPage(linear)
	case kind == invContext && current:
		c.FlushTLB(false)
	case kind == invAll:
		c.FlushTLB(true)
	case kind == invAllButGlobal:
		c.FlushTLB(false)
		c.tlb.dropContexts()
	default:
		if x := c.tlb.context(pcid); x != nil {
			if kind == invAddress {
				x.dropPage(linear)
			} else {
				x.valid = false
			}
		}
	}
	return true
}

// keysAllowed makes the checks that RDPKRU and WRPKRU share.
func (c *CPU) keysAllowed() bool {
	if c.pg.CR4&cr4PKE == 0 {
		return c.ud()
	}
	return c.env.GPR[regCX]&0xffff_ffff == 0 || c.gp(0)
}

func sysRDPKRU(c *CPU, i *tcg.SysInst) bool {
	if !c.keysAllowed() {
		return false
	}
	c.setEDXEAX(uint64(c.pg.PKRU))
	return true
}

func sysWRPKRU(c *CPU, i *tcg.SysInst) bool {
	if !c.keysAllowed() {
		return false
	}
	if c.env.GPR[regDX]&0xffff_ffff != 0 {
		return c.gp(0)
	}
	c.setPKRU(uint32(c.env.GPR[regAX]))
	return true
}

// setPKRU changes the rights for protection keys; translations of keys that lose some go.
func (c *CPU) setPKRU(v uint32) {
	lost := v &^ c.pg.PKRU
	c.pg.PKRU = v
	var keys uint16
	for k := range 16 {
		if lost>>(2*k)&3 != 0 {
			keys |= 1 << k
		}
	}
	if keys != 0 && c.pg.CR4&cr4PKE != 0 {
		c.narrowRights(keys)
	}
}
