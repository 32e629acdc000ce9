package x86

import (
	"goemu/decoder"
	"goemu/tcg"
)

// System management mode (SDM vol. 3C 31; AMD APM vol. 2 10).

const (
	smbaseReset = 0x30000
	smmEntry    = 0x8000 // offset of the handler from SMBASE
)

// smmData is what the segment registers other than CS are in a handler: base 0, limit 4 GiB (SDM vol. 3C table 31-4).
var smmData = Segment{Limit: 0xffff_ffff, Attr: AttrP | AttrS | AttrRW | AttrAccessed | AttrG}

// smm is the state of system management mode.
type smm struct {
	active    bool
	pending   bool   // an SMI waits; one is remembered while a handler runs
	init      bool   // an INIT waits for RSM
	nmiMasked bool   // NMIs were masked when the handler was entered
	base      uint32 // SMBASE
}

// InSMM tells whether the CPU is in system management mode: it then sees SMRAM.
func (c *CPU) InSMM() bool { return c.smm.active }

// SMBASE is the physical address to which the handler and the save area are relative.
func (c *CPU) SMBASE() uint32 { return c.smm.base }

// hasSMM tells whether the model has system management mode, which came to all processors with the Pentium.
func (c *CPU) hasSMM() bool {
	gates := c.model.Gates()
	return gates.Has(decoder.FeatP5)
}

// switchSMM enters or leaves the mode as the world outside sees it.
func (c *CPU) switchSMM(on bool) {
	if c.smm.active != on {
		c.smm.active = on
		if c.opt.OnSMM != nil {
			c.opt.OnSMM(on)
		}
	}
}

// SMIWaiting reports whether a system management interrupt waits that the CPU does not mask. It comes before NMIs and interrupts.
func (c *CPU) SMIWaiting() bool { return c.smm.pending && !c.smm.active && c.state != WaitSIPI }

// SMI enters the handler of an SMI that waits. False: the instruction after STI or a load of SS must be done first, or a debug trap that
// waits for the end of one; the caller runs an instruction and asks again.
func (c *CPU) SMI() bool {
	held := c.inShadow() || c.debug.hits != 0
	c.shadow = false
	if held {
		return false
	}
	c.smm.pending = false
	c.SMIs++
	saved := c.smmCapture()
	c.switchSMM(true)
	c.smmStore(saved)
	c.smm.nmiMasked, c.nmiMasked = c.nmiMasked, true
	c.state, c.monitor = Running, monitor{}
	c.enterSMM()
	return true
}

// enterSMM sets the state in which the handler begins (SDM vol. 3C 31.5, table 31-4).
func (c *CPU) enterSMM() {
	c.pg.CR0 &^= cr0PE | cr0EM | cr0TS | cr0PG
	c.pg.CR4, c.pg.EFER = 0, 0
	c.dr[7] = dr7Fixed
	for n := range c.seg {
		c.seg[n] = smmData
	}
	cs := &c.seg[segCS]
	cs.Selector, cs.Base = uint16(c.smm.base>>4), uint64(c.smm.base)
	cs.Attr |= AttrCode
	c.cpl = 0
	c.env.RIP = smmEntry
	c.noStep = false
	c.SetFlags(flagFixed)
	c.smmSwitched()
}

// smmSwitched recomputes what depends on state that has been replaced.
func (c *CPU) smmSwitched() {
	c.update()
	c.updateFP()
	c.setDebug()
	c.FlushTLB(true)
}

// sysRSM goes back to what an SMI has interrupted.
func sysRSM(c *CPU, i *tcg.SysInst) bool {
	if !c.smm.active {
		return c.ud()
	}
	s := c.smmLoad()
	if !c.smmValid(s) || !c.smmPDPTE(s) {
		c.stop()
		return false
	}
	stepped := c.mode&tcg.ModeTF != 0
	c.switchSMM(false)
	c.smmRestore(s)
	c.noStep = stepped // the handler's TF ends with it
	if c.smm.init {
		c.smm.init = false
		c.requests.Or(reqINIT)
	}
	c.nmiMasked = c.smm.nmiMasked
	c.requestExit() // for what has waited
	return true
}

// smmRestore takes over a save area that is valid.
func (c *CPU) smmRestore(s *smmState) {
	c.smm.base = uint32(s.smbase)
	s.efer &^= eferLMA
	if s.cr0&cr0PG != 0 && s.efer&eferLME != 0 {
		s.efer |= eferLMA
	}
	long := s.efer&eferLMA != 0
	c.pg.CR0, c.pg.CR3, c.pg.CR4, c.pg.EFER = s.cr0&c.valid.cr0|cr0ET, s.cr3, s.cr4, s.efer
	c.dr[6], c.dr[7] = s.dr6&0xe00f|dr6Fixed, s.dr7&0xffff_2fff|dr7Fixed
	c.env.GPR = s.gpr
	for n := range s.seg {
		g := &s.seg[n]
		g.base = smmBase(g.base, long && (n == segFS || n == segGS))
		c.seg[n] = g.segment()
	}
	s.ldtr.base, s.tr.base = smmBase(s.ldtr.base, long), smmBase(s.tr.base, long)
	c.ldtr, c.tr = s.ldtr.segment(), s.tr.segment()
	c.gdtr = Table{smmBase(s.gdtBase, long), uint32(s.gdtLimit) & 0xffff}
	c.idtr = Table{smmBase(s.idtBase, long), uint32(s.idtLimit) & 0xffff}
	c.env.SegBase[segGS] = c.seg[segGS].Base
	flags := uint32(s.rflags)
	ss := &c.seg[segSS]
	switch {
	case s.cr0&cr0PE == 0:
		c.cpl, flags = 0, flags&^flagVM
	case flags&flagVM != 0:
		c.cpl = 3
	case ss.null():
		c.cpl = int(ss.Selector & 3)
	default:
		c.cpl = ss.dpl()
	}
	c.SetFlags(flags)
	c.smmSwitched()
	if c.next = s.rip; !c.long64 {
		c.next &= 0xffff_ffff
	}
	if s.autoHalt&1 != 0 {
		c.state = Halted
	}
}

// smmPDPTE loads the page-directory pointers where PAE paging is to be restored; false if reserved bits of theirs are set.
func (c *CPU) smmPDPTE(s *smmState) (ok bool) {
	if s.cr0&cr0PG == 0 || s.cr4&cr4PAE == 0 || s.efer&eferLME != 0 {
		return true
	}
	e, ok := c.pg.LoadPDPTE(c.space, s.cr3)
	if ok {
		c.pg.PDPTE = e
	}
	return ok
}

// smmBase is a segment's base as it is restored: sign-extended where it is an address of long mode, else 32 bits.
func smmBase(v uint64, long bool) uint64 {
	if long {
		return uint64(int64(v) << signShift57 >> signShift57)
	}
	return v & 0xffff_ffff
}
