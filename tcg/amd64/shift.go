//go:build linux && amd64

package amd64

import "goemu/tcg"

// shift does SHL SHR SAR ROL ROR RCL RCR.
func (c *compiler) shift() {
	o := c.op
	c.willWrite(o.Dst)
	k := shiftExt[o.Code]
	if o.B == tcg.RefImm {
		c.shiftConst(k)
		return
	}
	if c.shiftX() {
		return
	}
	c.flagsIn()
	t, copied := c.inPlace()
	c.copyTo(rcx, o.B, tcg.W8, false)
	c.rr(sized(0xd3, o.W), reg(k), t)
	c.flagsOut(recipe{})
	if copied {
		c.put(o.W, t, false)
	}
}

// inPlace gives the register to operate on: A's own if Dst is the same, else RAX with a copy of A, to be put.
func (c *compiler) inPlace() (t reg, copied bool) {
	o := c.op
	if h := c.homeOrNone(o.Dst); o.Dst == o.A && h != noReg {
		return h, false
	}
	c.copyTo(rax, o.A, o.W, false)
	return rax, true
}

// shiftConst shifts by a constant.
func (c *compiler) shiftConst(k byte) {
	o := c.op
	n := shiftCount(o)
	if n == 0 { // flags stay; a W32 result is zero-extended
		t, _ := c.inPlace()
		if o.W == tcg.W32 {
			c.movRR(tcg.W32, t, t)
		}
		c.put(o.W, t, false)
		return
	}
	if k == 1 && !o.SetF && c.bmi2 && o.W >= tcg.W32 && o.A != tcg.RefImm { // ROR, as RORX has it
		a := c.srcReg(o.A, o.W, rax)
		c.freeEarly()
		t := c.target(o.W, rax)
		c.rorx(o.W, t, a, n)
		c.put(o.W, t, true)
		return
	}
	c.flagsIn()
	_, must := flagEffect(o)
	if must == tcg.FlagsAll && c.cross[c.i] != 0 {
		// The operand is kept, so that an exit can make the flags again.
		t, copied := c.inPlace()
		c.rm(opMovStore|rexW, t, spillMem(recipeSlot))
		c.shiftI(k, o.W, t, n)
		c.flagsOut(recipe{kind: recShift, w: o.W, k: k, imm: int32(n)})
		if copied {
			c.put(o.W, t, false)
		}
		return
	}
	t, copied := c.inPlace()
	c.shiftI(k, o.W, t, n)
	c.flagsOut(recipe{})
	if copied {
		c.put(o.W, t, false)
	}
}

// shiftX does a shift by a register whose flags nobody wants with SHLX, SHRX or SARX (BMI2).
func (c *compiler) shiftX() bool {
	o := c.op
	if !c.bmi2 || o.W < tcg.W32 || o.SetF && c.live[c.i] != 0 {
		return false
	}
	op := map0F38 | 0xf7
	switch o.Code {
	case tcg.Shl:
		op |= pre66
	case tcg.Shr:
		op |= preF2
	case tcg.Sar:
		op |= preF3
	default:
		return false
	}
	if o.W == tcg.W64 {
		op |= rexW
	}
	a := c.srcReg(o.A, o.W, rax)
	n := c.srcReg(o.B, tcg.W8, rcx)
	c.freeEarly()
	t := c.target(o.W, rax)
	c.vex(op, t, n, a)
	c.put(o.W, t, true)
	return true
}

// doubleShift does SHLD and SHRD.
func (c *compiler) doubleShift() {
	o := c.op
	c.willWrite(o.Dst)
	op := map0F | 0xa4
	if o.Code == tcg.Shrd {
		op = map0F | 0xac
	}
	byCL := o.C != tcg.RefImm
	fill := c.homeOrNone(o.B)
	if byCL && fill == noReg {
		c.freeRDX()
	}
	c.flagsIn()
	t, copied := c.inPlace()
	if fill == noReg {
		fill = rcx
		if byCL {
			fill = rdx
		}
		c.copyTo(fill, o.B, o.W, false)
	}
	if byCL {
		c.copyTo(rcx, o.C, tcg.W8, false)
		op |= 1
	}
	switch o.W { // not sized: bit 0 tells CL from an immediate
	case tcg.W16:
		op |= pre66
	case tcg.W64:
		op |= rexW
	}
	c.rr(op, fill, t)
	if !byCL {
		c.byte(byte(o.Imm))
	}
	c.flagsOut(recipe{})
	if copied {
		c.put(o.W, t, false)
	}
}
