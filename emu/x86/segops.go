package x86

import (
	"goemu/decoder"
	"goemu/tcg"
)

var segmentOps = map[decoder.Op]handler{
	decoder.LDS:  loadFar(segDS),
	decoder.LES:  loadFar(segES),
	decoder.LFS:  loadFar(segFS),
	decoder.LGS:  loadFar(segGS),
	decoder.LSS:  loadFar(segSS),
	decoder.LGDT: sysLGDT,
	decoder.LIDT: sysLIDT,
	decoder.SGDT: sysSGDT,
	decoder.SIDT: sysSIDT,
	decoder.LLDT: sysLLDT,
	decoder.SLDT: sysSLDT,
	decoder.LTR:  sysLTR,
	decoder.STR:  sysSTR,
	decoder.LAR:  sysLAR,
	decoder.LSL:  sysLSL,
	decoder.VERR: sysVERR,
	decoder.VERW: sysVERW,
	decoder.ARPL: sysARPL,
}

// movToSegment is MOV Sreg, r/m16.
func (c *CPU) movToSegment(i *tcg.SysInst) bool {
	n := int(i.Args[0].Reg)
	if n == segCS || n > segGS {
		return c.ud()
	}
	sel, ok := c.arg16(i, 1)
	if !ok || !c.loadSegment(n, uint16(sel)) {
		return false
	}
	if n == segSS {
		c.holdInterrupts(c.next, true)
	}
	return true
}

// loadFar is LDS and its like: the register changes only if the segment could be loaded.
func loadFar(seg int) handler {
	return func(c *CPU, i *tcg.SysInst) bool {
		if !hasMem(i, 1) {
			return c.ud()
		}
		sel, off, ok := c.farPointer(i)
		if !ok || !c.loadSegment(seg, sel) {
			return false
		}
		c.setReg(i.Args[0].Reg, int(i.OpSize), off)
		return true
	}
}

// readTable reads the operand of LGDT and LIDT: 2 bytes of limit and 4 or 8 of base;
// 16-bit operand size takes 24 bits of base.
func (c *CPU) readTable(i *tcg.SysInst) (t Table, ok bool) {
	if !c.privileged() {
		return t, false
	}
	n := 4
	if c.long64 {
		n = 8
	}
	ea := c.ea(i)
	limit, ok := c.read(i.Seg, ea, 2)
	if !ok {
		return t, false
	}
	base, ok := c.read(i.Seg, c.truncAddr(i, ea+2), n)
	if !ok {
		return t, false
	}
	if n == 8 && !c.canonicalBase(base) {
		return t, c.gp(0)
	}
	if n == 4 && i.OpSize == 2 {
		base &= 0xff_ffff
	}
	return Table{base, uint32(limit)}, true
}

func (c *CPU) writeTable(i *tcg.SysInst, t Table) bool {
	n := 4
	if c.long64 {
		n = 8
	}
	var b [10]byte
	b[0], b[1] = byte(t.Limit), byte(t.Limit>>8)
	for k := range n {
		b[2+k] = byte(t.Base >> (8 * k))
	}
	return c.writeBlock(i, b[:2+n])
}

func sysLGDT(c *CPU, i *tcg.SysInst) bool {
	t, ok := c.readTable(i)
	if ok {
		c.gdtr = t
	}
	return ok
}

func sysLIDT(c *CPU, i *tcg.SysInst) bool {
	t, ok := c.readTable(i)
	if ok {
		c.idtr = t
	}
	return ok
}

// umip makes the check of CR4.UMIP: the addresses of system tables are not for programs.
func (c *CPU) umip() bool { return c.cpl == 0 || c.pg.CR4&cr4UMIP == 0 || c.gp(0) }

func sysSGDT(c *CPU, i *tcg.SysInst) bool { return c.umip() && c.writeTable(i, c.gdtr) }
func sysSIDT(c *CPU, i *tcg.SysInst) bool { return c.umip() && c.writeTable(i, c.idtr) }

// systemSelector is the operand of LLDT and LTR, which are for protected mode and CPL 0.
func (c *CPU) systemSelector(i *tcg.SysInst) (sel uint16, ok bool) {
	if c.realSegs() {
		return 0, c.ud()
	}
	if !c.privileged() {
		return 0, false
	}
	v, ok := c.arg16(i, 0)
	return uint16(v), ok
}

func sysLLDT(c *CPU, i *tcg.SysInst) bool {
	sel, ok := c.systemSelector(i)
	if !ok {
		return false
	}
	if sel&^3 == 0 {
		c.ldtr = Segment{Selector: sel}
		return true
	}
	d, ok := c.systemDescriptor(sel)
	if !ok {
		return false
	}
	if d.typ() != typeLDT {
		return c.gp(uint32(sel &^ 3))
	}
	if !d.present() {
		return c.raise(vecNP, uint32(sel&^3))
	}
	c.ldtr = d.segment()
	return true
}

// systemDescriptor reads a system descriptor of the GDT for LLDT and LTR.
func (c *CPU) systemDescriptor(sel uint16) (d descriptor, ok bool) {
	code := uint32(sel &^ 3)
	if sel&4 != 0 {
		return d, c.gp(code)
	}
	if d, ok = c.readDescriptor(sel, vecGP); !ok {
		return d, false
	}
	if !d.isSystem() {
		return d, c.gp(code)
	}
	if c.longMode() && !c.readUpper(&d, vecGP) {
		return d, false
	}
	return d, true
}

func sysLTR(c *CPU, i *tcg.SysInst) bool {
	sel, ok := c.systemSelector(i)
	if !ok {
		return false
	}
	if sel&^3 == 0 {
		return c.gp(0)
	}
	d, ok := c.systemDescriptor(sel)
	if !ok {
		return false
	}
	if d.typ() != typeTSS32 && (d.typ() != typeTSS16 || c.longMode()) {
		return c.gp(uint32(sel &^ 3))
	}
	if !d.present() {
		return c.raise(vecNP, uint32(sel&^3))
	}
	if !c.setBusy(d.addr, true) {
		return false
	}
	c.tr = d.segment()
	c.tr.Attr |= 2
	return true
}

// storeSelector is SLDT and STR.
func (c *CPU) storeSelector(i *tcg.SysInst, sel uint16) bool {
	if c.realSegs() {
		return c.ud()
	}
	if !c.umip() {
		return false
	}
	if hasMem(i, 0) {
		return c.write(i.Seg, c.ea(i), 2, uint64(sel))
	}
	c.setReg(i.Args[0].Reg, int(i.OpSize), uint64(sel))
	return true
}

func sysSLDT(c *CPU, i *tcg.SysInst) bool { return c.storeSelector(i, c.ldtr.Selector) }
func sysSTR(c *CPU, i *tcg.SysInst) bool  { return c.storeSelector(i, c.tr.Selector) }

func (c *CPU) setZF(z bool) bool {
	f := c.Flags() &^ flagZF
	if z {
		f |= flagZF
	}
	c.setCC(f)
	return true
}

// visible looks up a descriptor for LAR, LSL, VERR and VERW, which fault on nothing but their
// operand and page faults: found is false where they clear ZF.
func (c *CPU) visible(i *tcg.SysInst, k int) (d descriptor, found, ok bool) {
	if c.realSegs() {
		return d, false, c.ud()
	}
	v, ok := c.arg16(i, k)
	if !ok {
		return d, false, false
	}
	sel := uint16(v)
	if sel&^3 == 0 {
		return d, false, true
	}
	addr, in := c.descriptorAddr(sel, 8)
	if !in {
		return d, false, true
	}
	q, ok := c.readSys(addr, 8)
	if !ok {
		return d, false, false
	}
	d = descriptor{lo: uint32(q), hi: uint32(q >> 32), selector: sel, addr: addr}
	reach := d.conforming() || c.cpl <= d.dpl() && int(sel&3) <= d.dpl()
	return d, reach, true
}

// System descriptor types that LAR and LSL take (SDM vol. 2A tables 3-53, 3-54), bit per type.
const (
	larTypes     = 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<9 | 1<<11 | 1<<12
	larTypesLong = 1<<2 | 1<<9 | 1<<11 | 1<<12
	lslTypes     = 1<<1 | 1<<2 | 1<<3 | 1<<9 | 1<<11
	lslTypesLong = 1<<2 | 1<<9 | 1<<11
)

func (c *CPU) systemTypeOK(d *descriptor, legacy, long uint32) bool {
	if c.longMode() {
		legacy = long
	}
	return !d.isSystem() || legacy>>d.typ()&1 != 0
}

func sysLAR(c *CPU, i *tcg.SysInst) bool {
	d, found, ok := c.visible(i, 1)
	if !ok {
		return false
	}
	if !found || !c.systemTypeOK(&d, larTypes, larTypesLong) {
		return c.setZF(false)
	}
	c.setReg(i.Args[0].Reg, int(i.OpSize), uint64(d.hi&0x00ff_ff00))
	return c.setZF(true)
}

func sysLSL(c *CPU, i *tcg.SysInst) bool {
	d, found, ok := c.visible(i, 1)
	if !ok {
		return false
	}
	if !found || !c.systemTypeOK(&d, lslTypes, lslTypesLong) {
		return c.setZF(false)
	}
	c.setReg(i.Args[0].Reg, int(i.OpSize), uint64(d.limit()))
	return c.setZF(true)
}

func sysVERR(c *CPU, i *tcg.SysInst) bool {
	d, found, ok := c.visible(i, 0)
	if !ok {
		return false
	}
	return c.setZF(found && !d.isSystem() && (!d.code() || d.attr()&AttrRW != 0))
}

func sysVERW(c *CPU, i *tcg.SysInst) bool {
	d, found, ok := c.visible(i, 0)
	if !ok {
		return false
	}
	return c.setZF(found && !d.isSystem() && !d.code() && d.attr()&AttrRW != 0)
}

func sysARPL(c *CPU, i *tcg.SysInst) bool {
	if c.realSegs() || c.long64 {
		return c.ud()
	}
	dst, ok := c.arg16(i, 0)
	if !ok {
		return false
	}
	rpl := c.env.GPR[i.Args[1].Reg] & 3
	if dst&3 >= rpl {
		return c.setZF(false)
	}
	dst = dst&^3 | rpl
	if hasMem(i, 0) {
		if !c.write(i.Seg, c.ea(i), 2, dst) {
			return false
		}
	} else {
		c.setReg(i.Args[0].Reg, 2, dst)
	}
	return c.setZF(true)
}
