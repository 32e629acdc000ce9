package x86

import (
	"goemu/decoder"
	"goemu/tcg"
)

var controlOps = map[decoder.Op]handler{
	decoder.CLTS:   sysCLTS,
	decoder.LMSW:   sysLMSW,
	decoder.SMSW:   sysSMSW,
	decoder.INVLPG: sysINVLPG,
	decoder.MOV:    sysMOV,

	decoder.INVPCID: sysINVPCID,
	decoder.RDPKRU:  sysRDPKRU,
	decoder.WRPKRU:  sysWRPKRU,
}

// sysMOV is MOV with a control, debug or segment register, or any other form left to Go.
func sysMOV(c *CPU, i *tcg.SysInst) bool {
	dst, src := &i.Args[0], &i.Args[1]
	switch {
	case dst.Kind == decoder.KCR:
		return c.writeCR(int(dst.Reg), c.controlSource(src.Reg))
	case src.Kind == decoder.KCR:
		v, ok := c.readCR(int(src.Reg))
		if ok {
			c.setControlDest(dst.Reg, v)
		}
		return ok
	case dst.Kind == decoder.KDR:
		return c.writeDR(int(dst.Reg), c.controlSource(src.Reg))
	case src.Kind == decoder.KDR:
		v, ok := c.readDR(int(src.Reg))
		if ok {
			c.setControlDest(dst.Reg, v)
		}
		return ok
	case dst.Kind == decoder.KSeg:
		return c.movToSegment(i)
	case src.Kind == decoder.KSeg:
		v := uint64(c.seg[src.Reg].Selector)
		if dst.Kind == decoder.KMem {
			return c.write(i.Seg, c.ea(i), 2, v)
		}
		c.setReg(dst.Reg, int(i.OpSize), v)
		return true
	}
	v, ok := c.arg(i, 1)
	return ok && c.setArg(i, 0, v)
}

// controlSource and setControlDest access the general register of MOV CRn and DRn: 64 bits in 64-bit mode, else 32.
func (c *CPU) controlSource(n uint8) uint64 {
	if c.long64 {
		return c.env.GPR[n]
	}
	return c.env.GPR[n] & 0xffff_ffff
}

func (c *CPU) setControlDest(n uint8, v uint64) {
	if !c.long64 {
		v &= 0xffff_ffff
	}
	c.env.GPR[n] = v
}

func (c *CPU) readCR(n int) (uint64, bool) {
	switch n {
	case 0, 2, 3:
	case 4:
		if c.valid.cr4 == 0 { // the processor has no such register
			return 0, c.ud()
		}
	case 8:
		if !c.long64 {
			return 0, c.ud()
		}
	default:
		return 0, c.ud()
	}
	if !c.privileged() {
		return 0, false
	}
	switch n {
	case 0:
		return c.pg.CR0, true
	case 2:
		return c.env.CR2, true
	case 3:
		return c.pg.CR3, true
	case 4:
		return c.pg.CR4, true
	default:
		return uint64(c.bus.TPR()), true
	}
}

func (c *CPU) writeCR(n int, v uint64) bool {
	if n != 0 && n != 2 && n != 3 && (n != 4 || c.valid.cr4 == 0) && (n != 8 || !c.long64) {
		return c.ud()
	}
	if !c.privileged() {
		return false
	}
	switch n {
	case 0:
		return c.writeCR0(v)
	case 2:
		c.env.CR2 = v
		return true
	case 3:
		return c.writeCR3(v)
	case 4:
		return c.writeCR4(v)
	default:
		if v > 15 {
			return c.gp(0)
		}
		c.bus.SetTPR(uint8(v))
		return true
	}
}

// writeCR0 makes the checks of SDM vol. 3A 2.5 and 10.8.5 and switches modes.
func (c *CPU) writeCR0(v uint64) bool {
	old := c.pg.CR0
	if v>>32 != 0 || v&cr0PG != 0 && v&cr0PE == 0 || v&cr0NW != 0 && v&cr0CD == 0 {
		return c.gp(0)
	}
	v = v&c.valid.cr0 | cr0ET
	efer := c.pg.EFER
	if v&cr0PG != 0 && old&cr0PG == 0 {
		switch {
		case efer&eferLME != 0:
			if c.pg.CR4&cr4PAE == 0 || c.seg[segCS].Attr&AttrL != 0 {
				return c.gp(0)
			}
			efer |= eferLMA
		}
	}
	if v&cr0PG == 0 && old&cr0PG != 0 {
		if c.long64 || c.pg.CR4&cr4PCIDE != 0 {
			return c.gp(0)
		}
		efer &^= eferLMA
	}
	if v&cr0PG != 0 && efer&eferLMA == 0 && c.pg.CR4&cr4PAE != 0 && (old^v)&(cr0CD|cr0NW|cr0PG) != 0 && !c.loadPDPTE(c.pg.CR3) {
		return false
	}
	c.pg.CR0, c.pg.EFER = v, efer
	if (old^v)&(cr0PG|cr0WP|cr0PE) != 0 {
		c.FlushTLB(true)
	}
	c.update()
	c.updateFP()
	return true
}

// writeCR4 makes the checks of SDM vol. 3A 2.5 and 4.10.1. The TLB is emptied whenever it holds rights that were worked out
// with bits that change, which is more often than 4.10.4.1 demands.
func (c *CPU) writeCR4(v uint64) bool {
	old := c.pg.CR4
	set := v &^ old
	switch {
	case v&^c.valid.cr4 != 0,
		c.longMode() && (v&cr4PAE == 0 || (v^old)&cr4LA57 != 0),
		set&cr4PCIDE != 0 && (!c.longMode() || c.pg.CR3&cr3PCID != 0):
		return c.gp(0)
	}
	const pdpte = cr4PSE | cr4PAE | cr4PGE | cr4SMEP
	if v&cr4PAE != 0 && (old^v)&pdpte != 0 && c.pg.CR0&cr0PG != 0 && !c.longMode() && !c.loadPDPTE(c.pg.CR3) {
		return false
	}
	c.pg.CR4 = v
	if (old^v)&cr4DE != 0 {
		c.setDebug()
	}
	if (old^v)&(pdpte|cr4SMAP|cr4PKE|cr4LA57|cr4PCIDE) != 0 {
		c.FlushTLB(true)
	}
	c.update()
	c.updateFP()
	return true
}

func sysCLTS(c *CPU, i *tcg.SysInst) bool {
	if !c.privileged() {
		return false
	}
	c.pg.CR0 &^= cr0TS
	c.updateFP()
	return true
}

// sysLMSW loads PE, MP, EM and TS; it cannot clear PE.
func sysLMSW(c *CPU, i *tcg.SysInst) bool {
	if !c.privileged() {
		return false
	}
	v, ok := c.arg16(i, 0)
	if !ok {
		return false
	}
	const msw = cr0PE | cr0MP | cr0EM | cr0TS
	return c.writeCR0(c.pg.CR0&^(msw&^cr0PE) | v&msw)
}

func sysSMSW(c *CPU, i *tcg.SysInst) bool {
	if !c.umip() {
		return false
	}
	if hasMem(i, 0) {
		return c.write(i.Seg, c.ea(i), 2, c.pg.CR0)
	}
	c.setReg(i.Args[0].Reg, int(i.OpSize), c.pg.CR0)
	return true
}

func sysINVLPG(c *CPU, i *tcg.SysInst) bool {
	if !c.privileged() {
		return false
	}
	off := c.ea(i)
	if c.long64 {
		if i.Seg == segFS || i.Seg == segGS {
			off += c.seg[i.Seg].Base
		}
		if !c.canonical(off) {
			return true
		}
	} else {
		off = (off + c.seg[i.Seg].Base) & 0xffff_ffff
	}
	c.FlushPage(off)
	return true
}

// arg16 reads a 16-bit operand: a register or a word in memory.
func (c *CPU) arg16(i *tcg.SysInst, k int) (uint64, bool) {
	if hasMem(i, k) {
		return c.read(i.Seg, c.ea(i), 2)
	}
	return c.env.GPR[i.Args[k].Reg] & 0xffff, true
}

// setEFER makes the checks of a write to IA32_EFER (SDM vol. 3A 10.8.5); LMA cannot be written. False means #GP.
func (c *CPU) setEFER(v uint64) bool {
	old := c.pg.EFER
	if v&^c.valid.efer != 0 || (v^old)&eferLME != 0 && c.pg.CR0&cr0PG != 0 {
		return false
	}
	c.pg.EFER = v&^eferLMA | old&eferLMA
	if (v^old)&eferNXE != 0 {
		c.FlushTLB(true)
	}
	return true
}
