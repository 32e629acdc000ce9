package x86

import (
	"goemu/decoder"
	"goemu/emu/cpumodel"
	"goemu/tcg"
)

// farOperand reads the far pointer of a far CALL or JMP.
func (c *CPU) farOperand(i *tcg.SysInst) (sel uint16, off uint64, ok bool) {
	a := &i.Args[0]
	if a.Kind != decoder.KMem {
		off = uint64(i.Imm)
		if i.OpSize == 2 {
			off &= 0xffff
		} else {
			off &= 0xffff_ffff
		}
		return i.Imm2, off, true
	}
	return c.farPointer(i)
}

// farPointer reads m16:16, m16:32 or m16:64.
func (c *CPU) farPointer(i *tcg.SysInst) (sel uint16, off uint64, ok bool) {
	n := int(i.OpSize)
	ea := c.ea(i)
	if off, ok = c.read(i.Seg, ea, n); !ok {
		return 0, 0, false
	}
	s, ok := c.read(i.Seg, c.truncAddr(i, ea+uint64(n)), 2)
	return uint16(s), off, ok
}

func sysJMPF(c *CPU, i *tcg.SysInst) bool {
	sel, off, ok := c.farOperand(i)
	if !ok {
		return false
	}
	if c.realSegs() {
		if off > uint64(c.seg[segCS].Limit) {
			return c.gp(0)
		}
		c.loadRealSegment(segCS, sel)
		c.next = off
		return true
	}
	return c.farTransfer(i, sel, off, false)
}

func sysCALLF(c *CPU, i *tcg.SysInst) bool {
	sel, off, ok := c.farOperand(i)
	if !ok {
		return false
	}
	if !c.realSegs() {
		return c.farTransfer(i, sel, off, true)
	}
	if off > uint64(c.seg[segCS].Limit) {
		return c.gp(0)
	}
	s := c.curStack(c.cpl)
	n := int(i.OpSize)
	if !s.push(uint64(c.seg[segCS].Selector), n) || !s.push(c.next, n) {
		return false
	}
	c.env.GPR[regSP] = s.sp
	c.loadRealSegment(segCS, sel)
	c.next = off
	return true
}

// farTransfer is a far JMP or CALL in protected mode (SDM vol. 2A, CALL; vol. 3A 5.8).
func (c *CPU) farTransfer(i *tcg.SysInst, sel uint16, off uint64, call bool) bool {
	if sel&^3 == 0 {
		return c.gp(0)
	}
	d, ok := c.readDescriptor(sel, vecGP)
	if !ok {
		return false
	}
	code := uint32(sel &^ 3)
	if !d.isSystem() {
		if !d.code() {
			return c.gp(code)
		}
		if d.conforming() {
			if d.dpl() > c.cpl {
				return c.gp(code)
			}
		} else if int(sel&3) > c.cpl || d.dpl() != c.cpl {
			return c.gp(code)
		}
		return c.farDirect(&d, off, int(i.OpSize), call)
	}
	long := c.longMode()
	switch typ := d.typ(); {
	case typ == typeCall32, typ == typeCall16 && !long:
	case !long && (typ == typeTSS16 || typ == typeTSS32 || typ == typeTaskGate):
	default:
		return c.gp(code)
	}
	if d.dpl() < c.cpl || d.dpl() < int(sel&3) {
		return c.gp(code)
	}
	switch d.typ() {
	case typeTSS16, typeTSS32:
		if !d.present() {
			return c.raise(vecNP, code)
		}
		return c.jumpTask(&d, call)
	case typeTaskGate:
		if !d.present() {
			return c.raise(vecNP, code)
		}
		t, ok := c.gateTask(&d, vecGP)
		return ok && c.jumpTask(&t, call)
	}
	if long && !c.readUpper(&d, vecGP) {
		return false
	}
	if !d.present() {
		return c.raise(vecNP, code)
	}
	return c.callGate(&d, call)
}

// farDirect goes to a code segment without a gate: the privilege level stays.
func (c *CPU) farDirect(d *descriptor, off uint64, size int, call bool) bool {
	if !c.checkCode(d) {
		return false
	}
	s := c.curStack(c.cpl)
	if call && (!s.push(uint64(c.seg[segCS].Selector), size) || !s.push(c.next, size)) {
		return false
	}
	if !c.checkTarget(d, off) || !c.setCS(d, c.cpl) {
		return false
	}
	c.env.GPR[regSP] = s.sp
	c.next = off
	c.update()
	return true
}

// callGate goes through a call gate.
func (c *CPU) callGate(g *descriptor, call bool) bool {
	sel := g.gateSelector()
	if sel&^3 == 0 {
		return c.gp(0)
	}
	d, ok := c.readDescriptor(sel, vecGP)
	if !ok {
		return false
	}
	code := uint32(sel &^ 3)
	if !d.code() || d.dpl() > c.cpl || c.longMode() && d.attr()&(AttrL|AttrDB) != AttrL {
		return c.gp(code)
	}
	if !call && !d.conforming() && d.dpl() != c.cpl {
		return c.gp(code)
	}
	if !c.checkCode(&d) {
		return false
	}
	size := 4
	switch {
	case c.longMode():
		size = 8
	case g.typ()&8 == 0:
		size = 2
	}
	cpl := c.cpl
	if !d.conforming() {
		cpl = d.dpl()
	}
	rip := g.gateOffset()
	old := c.curStack(c.cpl)
	s := old
	if call && cpl < c.cpl {
		if c.longMode() {
			s, ok = c.longStack(cpl, 0)
		} else {
			s, ok = c.innerStack(cpl)
		}
		if !ok || !s.push(uint64(c.seg[segSS].Selector), size) || !s.push(c.env.GPR[regSP], size) {
			return false
		}
		if size != 8 {
			for n := int(g.hi & 31); n > 0; n-- {
				p := old
				p.skip(uint64((n - 1) * size))
				v, ok := p.pop(size)
				if !ok || !s.push(v, size) {
					return false
				}
			}
		}
	}
	if call && (!s.push(uint64(c.seg[segCS].Selector), size) || !s.push(c.next, size)) {
		return false
	}
	if !c.checkTarget(&d, rip) || !c.setCS(&d, cpl) {
		return false
	}
	c.seg[segSS] = s.seg
	c.env.GPR[regSP] = s.sp
	c.next = rip
	c.update()
	return true
}

// returnCS checks the code segment that a far return or IRET goes to.
func (c *CPU) returnCS(sel uint16) (d descriptor, ok bool) {
	if sel&^3 == 0 {
		return d, c.gp(0)
	}
	if d, ok = c.readDescriptor(sel, vecGP); !ok {
		return d, false
	}
	code, rpl := uint32(sel&^3), int(sel&3)
	if !d.code() || rpl < c.cpl || d.conforming() && d.dpl() > rpl || !d.conforming() && d.dpl() != rpl {
		return d, c.gp(code)
	}
	return d, c.checkCode(&d)
}

// setReturnSP loads the stack pointer at the end of a return to an outer level.
func (c *CPU) setReturnSP(sp uint64) {
	sp0 := c.env.GPR[regSP]
	switch {
	case c.long64:
	case c.seg[segSS].Attr&AttrDB != 0:
		sp &= 0xffff_ffff
	default:
		sp = sp0&^0xffff | sp&0xffff
	}
	c.env.GPR[regSP] = sp
}

func sysRETF(c *CPU, i *tcg.SysInst) bool {
	n := int(i.OpSize)
	var imm uint64
	if i.NArgs > 0 {
		imm = uint64(uint16(i.Imm))
	}
	s := c.curStack(c.cpl)
	rip, ok := s.pop(n)
	if !ok {
		return false
	}
	cs, ok := s.pop(n)
	if !ok {
		return false
	}
	sel := uint16(cs)
	if c.realSegs() {
		if rip > uint64(c.seg[segCS].Limit) {
			return c.gp(0)
		}
		s.skip(imm)
		c.env.GPR[regSP] = s.sp
		c.loadRealSegment(segCS, sel)
		c.next = rip
		return true
	}
	d, ok := c.returnCS(sel)
	if !ok {
		return false
	}
	rpl := int(sel & 3)
	if rpl == c.cpl {
		if !c.checkTarget(&d, rip) || !c.setCS(&d, rpl) {
			return false
		}
		s.skip(imm)
		c.env.GPR[regSP] = s.sp
		c.next = rip
		c.update()
		return true
	}
	s.skip(imm)
	sp, ok := s.pop(n)
	if !ok {
		return false
	}
	ss, ok := s.pop(n)
	if !ok || !c.returnOuter(&d, rip, uint16(ss), rpl) {
		return false
	}
	c.dropSegments()
	c.update()
	s = c.curStack(c.cpl)
	c.setReturnSP(sp)
	s.sp = c.env.GPR[regSP]
	s.skip(imm)
	c.env.GPR[regSP] = s.sp
	c.next = rip
	return true
}

// returnOuter checks and loads SS and CS of a return that switches stacks.
func (c *CPU) returnOuter(d *descriptor, rip uint64, ss uint16, rpl int) bool {
	to64 := c.longMode() && d.attr()&AttrL != 0
	seg, ok := c.checkSS(ss, rpl, vecGP, to64)
	if !ok || !c.checkTarget(d, rip) || !c.setCS(d, rpl) {
		return false
	}
	c.seg[segSS] = seg
	return true
}

func sysIRET(c *CPU, i *tcg.SysInst) bool {
	c.endNMI() // even if it faults (SDM vol. 3A 6.7.1)
	n := int(i.OpSize)
	if c.protected() && !c.vm86() && c.env.EFlags&flagNT != 0 {
		if c.longMode() {
			return c.gp(0)
		}
		return c.returnTask()
	}
	virtual, ok := c.virtualFlags(i.OpSize)
	if !ok {
		return false
	}
	s := c.curStack(c.cpl)
	rip, ok := s.pop(n)
	if !ok {
		return false
	}
	cs, ok := s.pop(n)
	if !ok {
		return false
	}
	fl, ok := s.pop(n)
	if !ok {
		return false
	}
	sel, flags := uint16(cs), uint32(fl)
	if c.realSegs() {
		if rip > uint64(c.seg[segCS].Limit) {
			return c.gp(0)
		}
		if virtual {
			if !c.popVirtual(flags) {
				return false
			}
			c.env.GPR[regSP] = s.sp
			c.loadRealSegment(segCS, sel)
			c.next = rip
			return true
		}
		mask := uint32(flagsArith | flagTF | flagIF | flagDF | flagNT)
		if n == 4 {
			mask |= flagRF | flagAC | flagID
		}
		if !c.vm86() {
			mask |= flagIOPL
		}
		c.env.GPR[regSP] = s.sp
		c.loadRealSegment(segCS, sel)
		c.next = rip
		c.SetFlags(c.Flags()&^mask | flags&mask)
		return true
	}
	if flags&flagVM != 0 && c.cpl == 0 && n == 4 && !c.longMode() {
		return c.returnVM86(&s, rip, sel, flags)
	}
	mask := uint32(flagsArith | flagTF | flagDF | flagNT)
	if n != 2 {
		mask |= flagRF | flagAC | flagID
	}
	if c.cpl <= c.iopl() {
		mask |= flagIF
	}
	if c.cpl == 0 {
		mask |= flagIOPL
		if n != 2 {
			mask |= flagVIF | flagVIP
		}
	}
	d, ok := c.returnCS(sel)
	if !ok {
		return false
	}
	rpl := int(sel & 3)
	outer := rpl > c.cpl
	if c.long64 || outer {
		sp, ok := s.pop(n)
		if !ok {
			return false
		}
		ss, ok := s.pop(n)
		if !ok || !c.returnOuter(&d, rip, uint16(ss), rpl) {
			return false
		}
		if outer {
			c.dropSegments()
		}
		c.update()
		c.setReturnSP(sp)
	} else {
		if !c.checkTarget(&d, rip) || !c.setCS(&d, rpl) {
			return false
		}
		c.update()
		c.env.GPR[regSP] = s.sp
	}
	c.next = rip
	c.SetFlags(c.Flags()&^mask | flags&mask)
	return true
}

// returnVM86 enters virtual-8086 mode (SDM vol. 3B 20.2.5).
func (c *CPU) returnVM86(s *stack, rip uint64, cs uint16, flags uint32) bool {
	var v [6]uint64 // ESP SS ES DS FS GS
	for k := range v {
		var ok bool
		if v[k], ok = s.pop(4); !ok {
			return false
		}
	}
	if rip > 0xffff {
		return c.gp(0)
	}
	c.cpl = 3
	c.env.EFlags |= flagVM
	for k, n := range [...]int{1: segSS, 2: segES, 3: segDS, 4: segFS, 5: segGS} {
		if k > 0 {
			c.loadRealSegment(n, uint16(v[k]))
		}
	}
	c.loadRealSegment(segCS, cs)
	c.env.GPR[regSP] = v[0]
	c.next = rip
	c.SetFlags(flags)
	return true
}

// flatSegment is a segment as SYSCALL and SYSENTER make it, without reading a descriptor.
func flatSegment(sel uint16, attr uint32, dpl int) Segment {
	return Segment{Selector: sel, Limit: 0xffff_ffff, Attr: attr | AttrP | AttrS | AttrG | AttrRW | AttrAccessed | uint32(dpl)<<5}
}

// Intel has SYSCALL and SYSRET in 64-bit mode only (SDM vol. 2B), AMD has SYSENTER and SYSEXIT outside long mode only (APM vol. 3).

func sysSYSCALL(c *CPU, i *tcg.SysInst) bool {
	e := c.env
	if c.pg.EFER&eferSCE == 0 || !c.protected() || c.model.Vendor == cpumodel.Intel && !c.long64 {
		return c.ud()
	}
	star := uint16(c.msr.star >> 32)
	tf := e.EFlags&flagTF != 0
	if c.longMode() {
		e.GPR[regCX] = c.next
		e.GPR[11] = uint64(c.Flags() &^ flagRF)
		rip := c.msr.lstar
		if !c.long64 {
			rip = c.msr.cstar
		}
		c.seg[segCS] = flatSegment(star&^3, AttrCode|AttrL, 0)
		c.seg[segSS] = flatSegment(star&^3+8, AttrDB, 0)
		c.cpl = 0
		c.next = rip
		c.SetFlags(c.Flags() &^ uint32(c.msr.sfmask) &^ flagRF)
	} else {
		e.GPR[regCX] = c.next & 0xffff_ffff
		c.seg[segCS] = flatSegment(star&^3, AttrCode|AttrDB, 0)
		c.seg[segSS] = flatSegment(star&^3+8, AttrDB, 0)
		c.cpl = 0
		c.next = c.msr.star & 0xffff_ffff
		c.SetFlags(c.Flags() &^ (flagVM | flagIF | flagRF))
	}
	c.noStep = tf && e.EFlags&flagTF == 0
	c.update()
	return true
}

func sysSYSRET(c *CPU, i *tcg.SysInst) bool {
	e := c.env
	if c.pg.EFER&eferSCE == 0 || !c.protected() || c.model.Vendor == cpumodel.Intel && !c.long64 {
		return c.ud()
	}
	if c.cpl != 0 {
		return c.gp(0)
	}
	star := uint16(c.msr.star >> 48)
	attr, sel := uint32(AttrCode|AttrDB), star|3
	rip := e.GPR[regCX] & 0xffff_ffff
	if i.OpSize == 8 && c.longMode() {
		if rip = e.GPR[regCX]; !c.canonical(rip) {
			return c.gp(0)
		}
		attr, sel = AttrCode|AttrL, (star+16)|3
	}
	flags := c.Flags() | flagIF
	if c.longMode() {
		flags = uint32(e.GPR[11])&0x3c7fd7 | flagFixed
	}
	c.seg[segCS] = flatSegment(sel, attr, 3)
	c.seg[segSS] = flatSegment((star+8)|3, AttrDB, 3)
	c.cpl = 3
	c.next = rip
	c.update()
	c.SetFlags(flags)
	return true
}

func sysSYSENTER(c *CPU, i *tcg.SysInst) bool {
	if c.model.Vendor == cpumodel.AMD && c.longMode() {
		return c.ud()
	}
	cs := uint16(c.msr.sysenterCS)
	if !c.protected() || cs&^3 == 0 {
		return c.gp(0)
	}
	attr := uint32(AttrCode | AttrDB)
	mask := uint64(0xffff_ffff)
	if c.longMode() {
		attr, mask = AttrCode|AttrL, ^uint64(0)
	}
	c.env.EFlags &^= flagVM | flagIF
	c.seg[segCS] = flatSegment(cs&^3, attr, 0)
	c.seg[segSS] = flatSegment(cs&^3+8, AttrDB, 0)
	c.cpl = 0
	c.env.GPR[regSP] = c.msr.sysenterESP & mask
	c.next = c.msr.sysenterEIP & mask
	c.update()
	return true
}

func sysSYSEXIT(c *CPU, i *tcg.SysInst) bool {
	if c.cpl != 0 {
		return c.gp(0) // AMD's processors look at this first
	}
	if c.model.Vendor == cpumodel.AMD && c.longMode() {
		return c.ud()
	}
	cs := uint16(c.msr.sysenterCS)
	if !c.protected() || cs&^3 == 0 {
		return c.gp(0)
	}
	e := c.env
	rip, sp := e.GPR[regDX]&0xffff_ffff, e.GPR[regCX]&0xffff_ffff
	attr := uint32(AttrCode | AttrDB)
	sel := cs&^3 + 16
	if i.OpSize == 8 && c.longMode() {
		rip, sp = e.GPR[regDX], e.GPR[regCX]
		if !c.canonical(rip) || !c.canonical(sp) {
			return c.gp(0)
		}
		attr, sel = AttrCode|AttrL, cs&^3+32
	}
	c.seg[segCS] = flatSegment(sel|3, attr, 3)
	c.seg[segSS] = flatSegment((sel+8)|3, AttrDB, 3)
	c.cpl = 3
	e.GPR[regSP] = sp
	c.next = rip
	c.update()
	return true
}
