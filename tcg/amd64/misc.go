//go:build linux && amd64

package amd64

import "goemu/tcg"

// imul does the two- and three-operand IMUL.
func (c *compiler) imul() {
	o := c.op
	c.willWrite(o.Dst)
	if !o.SetF && c.bmi2 && o.W >= tcg.W32 && o.B != tcg.RefImm && (c.fl.host || c.fl.noC) {
		c.mulPlain(false)
		return
	}
	c.flagsIn()
	defer c.flagsOut(recipe{})
	if o.B == tcg.RefImm {
		if v, ok := truncImm(o.W, o.Imm); ok {
			a := c.src(o.A, o.W, rax)
			c.freeEarly()
			t := c.target(o.W, rax)
			if a.kind == inEnv {
				c.rm(sized(opImulImm, o.W), t, a.m)
			} else {
				c.rr(sized(opImulImm, o.W), t, a.r)
			}
			c.immW(o.W, v)
			c.put(o.W, t, false)
			return
		}
	}
	t, copied := c.inPlace()
	s := c.src(o.B, o.W, rcx)
	switch s.kind {
	case inEnv:
		c.rm(sized(opImul, o.W), t, s.m)
	default:
		c.rr(sized(opImul, o.W), t, s.r)
	}
	if copied {
		c.put(o.W, t, false)
	}
}

// grp3 writes a group 3 instruction (MUL IMUL DIV IDIV) with operand s.
func (c *compiler) grp3(k reg, w tcg.Width, s opnd) {
	if s.kind == inEnv {
		c.rm(sized(opGrp3, w), k, s.m)
	} else {
		c.rr(sized(opGrp3, w), k, s.r)
	}
}

// factor gives A as an operand that survives the loading of RAX and RDX: a pinned register, memory, or RCX.
// It empties RDX.
func (c *compiler) factor() opnd {
	o := c.op
	c.freeRDX()
	if o.A == tcg.RefImm || o.A.IsHigh() {
		c.copyTo(rcx, o.A, o.W, false)
		return opnd{r: rcx}
	}
	return c.src(o.A, o.W, rcx)
}

// putWide stores RDX:RAX (W8: AX) to the guest's.
func (c *compiler) putWide() {
	w := c.op.W
	if w == tcg.W8 {
		c.movRR(tcg.W16, pin[0], rax)
		return
	}
	c.movRR(w, pin[0], rax)
	c.movRR(w, pin[2], rdx)
}

// mulX does the one-operand MUL and IMUL.
func (c *compiler) mulX() {
	o := c.op
	c.willWrite(tcg.Reg(0))
	if o.W != tcg.W8 {
		c.willWrite(tcg.Reg(2))
	}
	c.flagsIn()
	s := c.factor()
	c.movRR(max(o.W, tcg.W32), rax, pin[0])
	k := reg(4)
	if o.Code == tcg.ImulX {
		k = 5
	}
	c.grp3(k, o.W, s)
	c.putWide()
	c.flagsOut(recipe{})
}

// divX does the one-operand DIV. It leaves where the quotient does not fit: high half >= divisor.
func (c *compiler) divX() {
	o := c.op
	c.willWrite(tcg.Reg(0))
	c.willWrite(tcg.Reg(2))
	c.clobber()
	s := c.factor()
	hi := pin[2]
	c.movRR(max(o.W, tcg.W32), rax, pin[0])
	if o.W == tcg.W8 {
		c.rr(opMovzx8|byteRM, rdx, ah)
		hi = rdx
	}
	c.apply(aluCmp, o.W, hi, s)
	c.bailIf(tcg.CondAE)
	if o.W != tcg.W8 {
		c.movRR(o.W, rdx, hi)
	}
	c.grp3(6, o.W, s)
	c.putWide()
	c.lostFlags()
}

// lostFlags ends an op that wrote undefined flags: the old ones stay.
func (c *compiler) lostFlags() { c.fl.host, c.fl.noC = false, false }

// idivX does the one-operand IDIV where the dividend is a sign-extended register and the divisor neither 0 nor -1
// (so that the quotient fits), and leaves otherwise.
func (c *compiler) idivX() {
	o := c.op
	c.willWrite(tcg.Reg(0))
	c.willWrite(tcg.Reg(2))
	c.clobber()
	s := c.factor()
	w := o.W
	if s.kind != inReg || s.r != rcx {
		if s.kind == inEnv {
			c.rm(sized(opMovLoad, max(w, tcg.W32)), rcx, s.m)
		} else {
			c.movRR(max(w, tcg.W32), rcx, s.r)
		}
	}
	if w < tcg.W32 {
		c.rr(sextOp(tcg.W32, w), rcx, rcx)
	}
	lw := max(w, tcg.W32)
	c.rm(sized(opLea, lw), rax, mem{base: rcx, index: noReg, disp: 1})
	c.aluRI(aluCmp, lw, rax, 1)
	c.bailIf(tcg.CondBE)
	c.movRR(lw, rax, pin[0])
	if w == tcg.W8 {
		c.rr(opMovsx8|byteRM, rdx, rax)
		c.aluRR(aluCmp, tcg.W16, rdx, rax)
	} else {
		c.head(sized(0x99, w), 0, false) // CWD CDQ CQO
		c.aluRR(aluCmp, w, rdx, pin[2])
	}
	c.bailIf(tcg.CondNE)
	c.rr(sized(opGrp3, w), 7, rcx)
	c.putWide()
	c.lostFlags()
}

// bitScan does BSF BSR TZCNT LZCNT POPCNT.
func (c *compiler) bitScan() {
	o := c.op
	op, ok := map0F|opc(0xbc), true
	switch o.Code {
	case tcg.Bsr:
		op = map0F | 0xbd
	case tcg.Tzcnt:
		op, ok = map0F|preF3|0xbc, host&hasBMI1 != 0
	case tcg.Lzcnt:
		op, ok = map0F|preF3|0xbd, host&hasLZCNT != 0
	case tcg.Popcnt:
		op, ok = map0F|preF3|0xb8, host&hasPOPCNT != 0
	}
	c.willWrite(o.Dst)
	if !ok {
		c.bailOp()
		c.put(o.W, rax, false) // gives a temporary its place
		return
	}
	c.flagsIn()
	s := c.src(o.A, o.W, rcx)
	if s.kind == inImm {
		s = opnd{r: c.srcReg(o.A, o.W, rcx)}
	}
	t := rax
	if h := c.homeOrNone(o.Dst); h != noReg && o.Dst.IsReg() {
		t = h
	} else if o.Dst.IsReg() {
		c.rm(opMovLoad|rexW, rax, gprMem(o.Dst.Index())) // BSF and BSR of 0 leave it alone
	}
	if s.kind == inEnv {
		c.rm(sized(op, o.W), t, s.m)
	} else {
		c.rr(sized(op, o.W), t, s.r)
	}
	c.flagsOut(recipe{})
	if t == rax {
		w := o.W
		if w == tcg.W32 && o.Dst.IsReg() {
			w = tcg.W64 // as the host left it
		}
		c.put(w, rax, false)
	}
}

// bitTest does BT BTS BTR BTC on registers.
func (c *compiler) bitTest() {
	o := c.op
	c.willWrite(o.Dst)
	c.flagsIn()
	t, copied := rax, true
	if o.Code == tcg.Bt {
		copied = false
		t = c.srcReg(o.A, o.W, rax)
	} else {
		t, copied = c.inPlace()
	}
	k := btExt[o.Code]
	if o.B == tcg.RefImm {
		c.rr(sized(opBtImm, o.W), reg(k), t)
		c.byte(byte(o.Imm) & byte(o.W.Bits()-1))
	} else {
		c.rr(sized(map0F|opc(0x83|k<<3), o.W), c.srcReg(o.B, o.W, rcx), t)
	}
	c.flagsOut(recipe{})
	if copied {
		c.put(o.W, t, false)
	}
}

func (c *compiler) setcc() {
	o := c.op
	c.willWrite(o.Dst)
	cc := opc(c.cond(o.Cond))
	if h := c.homeOrNone(o.Dst); h != noReg && o.Dst.IsReg() {
		c.rr(opSetcc|cc, 0, h)
		return
	}
	c.rr(opSetcc|cc, 0, rax)
	c.put(tcg.W8, rax, false)
}

func (c *compiler) cmov() {
	o := c.op
	c.willWrite(o.Dst)
	cc := opc(c.cond(o.Cond))
	t := pin[o.Dst.Index()]
	if t == noReg {
		t = rax
		c.rm(opMovLoad|rexW, rax, gprMem(o.Dst.Index()))
	}
	s := c.src(o.A, o.W, rcx)
	switch s.kind {
	case inEnv:
		c.rm(sized(opCmovcc|cc, o.W), t, s.m)
	case inImm:
		c.movImm(rcx, immBits(o.W, o.Imm))
		c.rr(sized(opCmovcc|cc, o.W), t, rcx)
	default:
		c.rr(sized(opCmovcc|cc, o.W), t, s.r)
	}
	if t == rax {
		c.put(o.W, rax, false)
	}
}

// getF builds the EFLAGS layout from Env.CC.
func (c *compiler) getF() {
	c.willWrite(c.op.Dst)
	c.needMem()
	c.clobber()
	c.rm(opMovzx8, rax, env(offCC+1))
	c.aluRI(aluAnd, tcg.W32, rax, 0xd5)
	c.aluRI(aluOr, tcg.W32, rax, 2)
	c.rm(opMovzx8, rcx, env(offCC))
	c.shiftI(4, tcg.W32, rcx, 11)
	c.aluRR(aluOr, tcg.W32, rax, rcx)
	c.put(tcg.W64, rax, true)
}

// eflagsLow gives the bits of the low byte of EFLAGS for a set of flags; O is not among them.
func eflagsLow(f tcg.Flags) int32 {
	bit := [5]int32{1, 4, 0x10, 0x40, 0x80}
	m := int32(0)
	for i, b := range bit {
		if f>>i&1 != 0 {
			m |= b
		}
	}
	return m
}

// putF writes flags to Env.CC.
func (c *compiler) putF() {
	o := c.op
	if c.live[c.i]&^o.FMask != 0 {
		c.needMem()
	}
	if m := eflagsLow(o.FMask); m != 0 {
		c.copyTo(rax, o.A, tcg.W32, false)
		c.aluRI(aluAnd, tcg.W32, rax, m)
		if rest := eflagsLow(tcg.FlagsAll &^ o.FMask); rest != 0 {
			c.rm(opMovzx8, rcx, env(offCC+1))
			c.aluRI(aluAnd, tcg.W32, rcx, rest)
			c.aluRR(aluOr, tcg.W32, rax, rcx)
		}
		c.aluRI(aluOr, tcg.W32, rax, 2)
		c.rm(0x88|byteReg, rax, env(offCC+1))
	}
	if o.FMask&tcg.FlagO != 0 {
		c.copyTo(rax, o.A, tcg.W32, false)
		c.shiftI(5, tcg.W32, rax, 11)
		c.aluRI(aluAnd, tcg.W32, rax, 1)
		c.rm(0x88|byteReg, rax, env(offCC))
	}
	c.fl = flagState{mem: true}
}

// carry does CLC STC CMC: on the host's flags if they are there, else in Env.CC.
func (c *compiler) carry() {
	f := &c.fl
	if f.mem && !f.host {
		op, v := aluAnd, int32(-2)
		switch c.op.Code {
		case tcg.Stc:
			op, v = aluOr, 1
		case tcg.Cmc:
			op, v = aluXor, 1
		}
		c.aluMI(0, op, tcg.W8, env(offCC+1), v)
		*f = flagState{mem: true}
		return
	}
	c.needHost(tcg.FlagsAll)
	switch c.op.Code {
	case tcg.Clc:
		c.byte(0xf8)
	case tcg.Stc:
		c.byte(0xf9)
	default:
		c.byte(0xf5)
	}
	*f = flagState{host: true}
}

// Bits of EFLAGS.
const (
	eflagsIF = 1 << 9
	eflagsDF = 1 << 10
)

// control does CLD STD CLI STI on Env.EFlags.
func (c *compiler) control() {
	c.clobber()
	m := env(offEFlags)
	switch c.op.Code {
	case tcg.Cld:
		c.aluMI(0, aluAnd, tcg.W32, m, ^eflagsDF)
	case tcg.Std:
		c.aluMI(0, aluOr, tcg.W32, m, eflagsDF)
	case tcg.Cli:
		c.aluMI(0, aluAnd, tcg.W32, m, ^eflagsIF)
	default:
		c.aluMI(0, aluOr, tcg.W32, m, eflagsIF)
		c.rm(opMovLoad, rax, env(offIntrPending))
		c.aluMR(lockPre, aluOr, tcg.W32, env(offExitReq), rax)
	}
}

// getState loads a field of Env.
func (c *compiler) getState(load opc, off int) {
	c.willWrite(c.op.Dst)
	c.rm(load, rax, env(off))
	c.put(tcg.W64, rax, true)
}

// swapgs exchanges the base of GS with the kernel's.
func (c *compiler) swapgs() {
	gs, kernel := env(offSegBase+8*int(tcg.SegGS)), env(offKernelGS)
	c.rm(opMovLoad|rexW, rax, gs)
	c.rm(opMovLoad|rexW, rcx, kernel)
	c.rm(opMovStore|rexW, rax, kernel)
	c.rm(opMovStore|rexW, rcx, gs)
}
