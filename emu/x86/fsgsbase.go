package x86

import (
	"goemu/decoder"
	"goemu/tcg"
)

var fsgsOps = map[decoder.Op]handler{
	decoder.RDFSBASE: func(c *CPU, i *tcg.SysInst) bool { return c.readBase(i, segFS) },
	decoder.RDGSBASE: func(c *CPU, i *tcg.SysInst) bool { return c.readBase(i, segGS) },
	decoder.WRFSBASE: func(c *CPU, i *tcg.SysInst) bool { return c.writeBase(i, segFS) },
	decoder.WRGSBASE: func(c *CPU, i *tcg.SysInst) bool { return c.writeBase(i, segGS) },
	decoder.RDPID:    sysRDPID,
}

// fsgsAllowed makes the #UD checks: 64-bit mode, where CR4 allows it at any level.
func (c *CPU) fsgsAllowed() bool { return c.long64 && c.pg.CR4&cr4FSGSBASE != 0 || c.ud() }

// readBase is RDFSBASE and RDGSBASE.
func (c *CPU) readBase(i *tcg.SysInst, seg int) bool {
	if !c.fsgsAllowed() {
		return false
	}
	c.setReg(i.Args[0].Reg, argSize(i, 0), c.seg[seg].Base)
	return true
}

// writeBase is WRFSBASE and WRGSBASE; of 32 bits, it clears the upper half.
func (c *CPU) writeBase(i *tcg.SysInst, seg int) bool {
	if !c.fsgsAllowed() {
		return false
	}
	v := c.reg(i.Args[0].Reg, argSize(i, 0))
	if !c.canonical(v) {
		return c.gp(0)
	}
	c.seg[seg].Base, c.env.SegBase[seg] = v, v
	return true
}

// sysRDPID reads IA32_TSC_AUX, at any level.
func sysRDPID(c *CPU, i *tcg.SysInst) bool {
	c.setReg(i.Args[0].Reg, argSize(i, 0), c.msr.tscAux&0xffff_ffff)
	return true
}
