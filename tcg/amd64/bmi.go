//go:build linux && amd64

package amd64

import "goemu/tcg"

// bmiForm is how a micro-op of BMI or ADX is encoded: by which opcode, and which operand is in VEX.vvvv.
type bmiForm struct {
	op   opc
	need feature
	ext  reg  // opcode extension in ModRM.reg; the destination is then in VEX.vvvv
	swap bool // B is in VEX.vvvv and A in ModRM.rm, else the other way round
}

// bmiForms has nothing for other ops.
var bmiForms = [tcg.NumOpcodes]bmiForm{
	tcg.Andn:   {op: map0F38 | 0xf2, need: hasBMI1},
	tcg.Blsr:   {op: map0F38 | 0xf3, need: hasBMI1, ext: 1},
	tcg.Blsmsk: {op: map0F38 | 0xf3, need: hasBMI1, ext: 2},
	tcg.Blsi:   {op: map0F38 | 0xf3, need: hasBMI1, ext: 3},
	tcg.Bzhi:   {op: map0F38 | 0xf5, need: hasBMI2, swap: true},
	tcg.Bextr:  {op: map0F38 | 0xf7, need: hasBMI1, swap: true},
	tcg.Pdep:   {op: map0F38 | preF2 | 0xf5, need: hasBMI2},
	tcg.Pext:   {op: map0F38 | preF3 | 0xf5, need: hasBMI2},
	tcg.Adcx:   {op: map0F38 | pre66 | 0xf6, need: hasADX},
	tcg.Adox:   {op: map0F38 | preF3 | 0xf6, need: hasADX},
}

// hostBMI tells whether the host has the instruction for code, if that is an op of BMI or ADX; else the op is bailed.
func hostBMI(code tcg.Opcode) bool {
	return host&bmiForms[code].need == bmiForms[code].need
}

// bailBMI leaves an op that the host lacks to the interpreter.
func (c *compiler) bailBMI() bool {
	if hostBMI(c.op.Code) {
		return false
	}
	c.bailOp()
	c.put(c.op.W, rax, false) // gives a temporary its place
	return true
}

// bmi does the ops that are one VEX-encoded instruction on general registers.
func (c *compiler) bmi() {
	o := c.op
	c.willWrite(o.Dst)
	if c.bailBMI() {
		return
	}
	f := &bmiForms[o.Code]
	flags := o.Code != tcg.Pdep && o.Code != tcg.Pext
	if flags {
		c.flagsIn()
	}
	a, b := c.srcReg(o.A, o.W, rax), rcx
	if f.ext == 0 {
		b = c.srcReg(o.B, o.W, rcx)
	}
	c.freeEarly()
	t := c.target(o.W, rax)
	op := f.op
	if o.W == tcg.W64 {
		op |= rexW
	}
	switch {
	case f.ext != 0:
		c.vex(op, f.ext, t, a)
	case f.swap:
		c.vex(op, t, b, a)
	default:
		c.vex(op, t, a, b)
	}
	if flags {
		c.flagsOut(recipe{})
	}
	c.put(o.W, t, true)
}

// mulHigh does the high half of an unsigned product.
func (c *compiler) mulHigh() {
	o := c.op
	c.willWrite(o.Dst)
	if c.bmi2 {
		c.mulPlain(true)
		return
	}
	c.flagsIn()
	c.freeRDX()
	s := c.src(o.B, o.W, rcx)
	c.copyTo(rax, o.A, o.W, false)
	c.grp3(4, o.W, s)
	c.put(o.W, rdx, true)
}

// mulPlain does one half of a product by MULX, which leaves the flags alone.
func (c *compiler) mulPlain(high bool) {
	o := c.op
	c.freeRDX()
	b := c.srcReg(o.B, o.W, rcx)
	c.copyTo(rdx, o.A, o.W, false)
	t := c.target(o.W, rax)
	op := map0F38 | preF2 | 0xf6
	if o.W == tcg.W64 {
		op |= rexW
	}
	hi := rcx
	if high { // into the same register as the low half, it wins
		hi = t
	}
	c.vex(op, hi, t, b)
	c.put(o.W, t, true)
}

// adx does ADCX and ADOX.
func (c *compiler) adx() {
	o := c.op
	c.willWrite(o.Dst)
	if c.bailBMI() {
		return
	}
	c.flagsIn()
	t, copied := c.inPlace()
	op := sized(bmiForms[o.Code].op, o.W)
	if s := c.src(o.B, o.W, rcx); s.kind == inEnv {
		c.rm(op, t, s.m)
	} else {
		c.rr(op, t, s.r)
	}
	c.flagsOut(recipe{})
	if copied {
		c.put(o.W, t, true)
	}
}

// cmpxchg2 does CMPXCHG8B and CMPXCHG16B. RBX is the guest's; for the address, RSI is lent.
func (c *compiler) cmpxchg2() {
	o := c.op
	c.willWrite(tcg.Reg(0))
	c.willWrite(tcg.Reg(2))
	c.freeRDX()
	c.clobber()
	m := c.fold(c.access(2*o.W.Bytes(), true))
	if o.SetF {
		c.needHost(c.live[c.i] &^ tcg.FlagZ)
	}
	si := gprMem(6)
	c.rm(opMovStore|rexW, rsi, si)
	c.movRR(tcg.W64, rsi, m.base)
	c.movRR(tcg.W64, rax, pin[0])
	c.movRR(tcg.W64, rcx, pin[1])
	c.movRR(tcg.W64, rdx, pin[2])
	op := sized(map0F|0xc7, o.W)
	if o.Lock {
		op |= lockPre
	}
	c.rm(op, 1, mem{base: rsi, index: noReg})
	c.rm(opMovLoad|rexW, rsi, si)
	c.movRR(tcg.W64, pin[0], rax)
	c.movRR(tcg.W64, pin[2], rdx)
	if !o.SetF {
		c.lostFlags()
	}
	c.flagsOut(recipe{})
}
