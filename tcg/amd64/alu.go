//go:build linux && amd64

package amd64

import "goemu/tcg"

// opndKind says where a source operand is.
type opndKind uint8

const (
	inReg opndKind = iota
	inEnv          // m is a field of Env
	inImm
)

// opnd is a source operand as an ALU instruction takes it.
type opnd struct {
	kind opndKind
	r    reg
	m    mem
	imm  int32
}

// truncImm gives immediate v as an instruction of width w encodes it; ok is false if it needs a register.
func truncImm(w tcg.Width, v int64) (imm int32, ok bool) {
	switch w {
	case tcg.W8:
		return int32(int8(v)), true
	case tcg.W16:
		return int32(int16(v)), true
	case tcg.W32:
		return int32(v), true
	}
	return int32(v), v == int64(int32(v))
}

// home gives the register that permanently holds r (a pinned guest register, or RDX for a temporary), or noReg.
func (c *compiler) home(r tcg.Ref) reg {
	switch {
	case r.IsReg():
		return pin[r.Index()]
	case r.IsTemp():
		if c.place[r.Index()] == placeRDX {
			return rdx
		}
	}
	return noReg
}

// slotMem gives the Env field that holds r, which has no home.
func (c *compiler) slotMem(r tcg.Ref) mem {
	if r.IsTemp() {
		return spillMem(int(c.place[r.Index()] - placeSlot))
	}
	return gprMem(r.Index())
}

// src gives operand r; scratch is used if it needs a register. It leaves the flags alone.
func (c *compiler) src(r tcg.Ref, w tcg.Width, scratch reg) opnd {
	switch {
	case r == tcg.RefImm:
		if v, ok := truncImm(w, c.op.Imm); ok {
			return opnd{kind: inImm, imm: v}
		}
		c.movImm(scratch, c.op.Imm)
		return opnd{r: scratch}
	case r.IsHigh():
		c.loadHigh(r, scratch)
		return opnd{r: scratch}
	}
	if h := c.home(r); h != noReg {
		return opnd{r: h}
	}
	return opnd{kind: inEnv, m: c.slotMem(r)}
}

// srcReg is src for those who need a register.
func (c *compiler) srcReg(r tcg.Ref, w tcg.Width, scratch reg) reg {
	o := c.src(r, w, scratch)
	switch o.kind {
	case inReg:
		return o.r
	case inEnv:
		c.rm(sized(opMovLoad, max(w, tcg.W32)), scratch, o.m)
	default:
		c.movImm(scratch, immBits(w, c.op.Imm))
	}
	return scratch
}

// immBits cuts v to w bits.
func immBits(w tcg.Width, v int64) int64 {
	if w == tcg.W64 {
		return v
	}
	return v & (1<<w.Bits() - 1)
}

// copyTo loads r into dst, at least its low w bits; the upper ones are zero if zero is set.
func (c *compiler) copyTo(dst reg, r tcg.Ref, w tcg.Width, zero bool) {
	switch {
	case r == tcg.RefImm:
		c.movImm(dst, immBits(w, c.op.Imm))
		return
	case r.IsHigh():
		c.loadHigh(r, dst)
		return
	}
	if !zero && w < tcg.W32 {
		w = tcg.W32
	}
	if h := c.home(r); h == noReg {
		c.zextM(w, dst, c.slotMem(r))
	} else if h != dst || zero && r.IsReg() && w < tcg.W64 {
		c.zext(w, dst, h)
	}
}

// loadHigh loads AH, CH, DH or BH zero-extended into dst.
func (c *compiler) loadHigh(r tcg.Ref, dst reg) {
	h := pin[r.Index()]
	if h == rbx && dst < rsp {
		c.rr(opMovzx8|byteRM, dst, bh)
		return
	}
	if dst <= rbx {
		c.movRR(tcg.W32, dst, h)
		c.rr(opMovzx8|byteRM, dst, ah+dst)
		return
	}
	c.movRR(tcg.W32, rax, h)
	c.rr(opMovzx8|byteRM, rax, ah)
	c.movRR(tcg.W32, dst, rax)
}

// storeHigh puts the low byte of from (RAX, RCX or RDX) into AH, CH, DH or BH. It uses RAX or RCX beside from.
func (c *compiler) storeHigh(r tcg.Ref, from reg) {
	h := pin[r.Index()]
	if h == rbx {
		c.rr(0x88|byteReg|byteRM, from, bh)
		return
	}
	t := rcx
	if from == rcx {
		t = rax
	}
	c.movRR(tcg.W64, t, h)
	c.rr(0x88|byteReg|byteRM, from, ah+t)
	c.movRR(tcg.W64, h, t)
}

// target gives the register in which to make a W32 or W64 result (or a temporary of any width) for Dst: its
// home, or fallback. A temporary gets its place here.
func (c *compiler) target(w tcg.Width, fallback reg) reg {
	d := c.op.Dst
	if d.IsTemp() {
		c.alloc(d.Index())
		if h := c.home(d); h != noReg {
			return h
		}
		return fallback
	}
	if d.IsReg() && w >= tcg.W32 {
		if h := pin[d.Index()]; h != noReg {
			return h
		}
	}
	return fallback
}

// put stores a result to Dst. A W32 result in from is zero-extended already; a narrower one may have garbage above
// unless clean is set.
func (c *compiler) put(w tcg.Width, from reg, clean bool) {
	d := c.op.Dst
	switch {
	case d == tcg.None:
	case d.IsHigh():
		c.storeHigh(d, from)
	case d.IsTemp():
		c.alloc(d.Index())
		h := c.home(d)
		if w < tcg.W32 && !clean {
			t := from
			if h != noReg {
				t = h
			}
			c.zext(w, t, from)
			from = t
		}
		if h == noReg {
			c.rm(opMovStore|rexW, from, c.slotMem(d))
		} else if h != from {
			c.movRR(tcg.W64, h, from)
		}
	default:
		h := pin[d.Index()]
		switch {
		case h == noReg && w == tcg.W32:
			c.rm(opMovStore|rexW, from, gprMem(d.Index()))
		case h == noReg:
			c.rm(sized(opMovStore, w), from, gprMem(d.Index()))
		case h != from:
			c.movRR(w, h, from)
		}
	}
}

// apply writes `op dst, src`.
func (c *compiler) apply(op alu, w tcg.Width, dst reg, s opnd) {
	switch s.kind {
	case inReg:
		c.aluRR(op, w, dst, s.r)
	case inEnv:
		c.aluRM(op, w, dst, s.m)
	default:
		c.aluRI(op, w, dst, s.imm)
	}
}

// inEnvOnly tells that Dst and A are the same guest register, which lives in Env.GPR and can be operated on there.
func (c *compiler) inEnvOnly() bool {
	o := c.op
	return o.Dst == o.A && o.Dst.IsReg() && o.W != tcg.W32 && pin[o.Dst.Index()] == noReg
}

func (c *compiler) mov() {
	o := c.op
	c.willWrite(o.Dst)
	switch {
	case o.A == tcg.RefImm && o.Dst.IsReg():
		h := pin[o.Dst.Index()]
		v, ok := truncImm(o.W, o.Imm)
		switch {
		case h == noReg && o.W != tcg.W32 && ok:
			c.rm(sized(opMovImm, o.W), 0, gprMem(o.Dst.Index()))
			c.immW(o.W, v)
			return
		case h != noReg && o.W < tcg.W32:
			if o.W == tcg.W8 {
				c.rr(0xc6|byteRM, 0, h)
			} else {
				c.rr(opMovImm|pre66, 0, h)
			}
			c.immW(o.W, v)
			return
		case h != noReg && immBits(o.W, o.Imm) == 0 && !c.fl.host && !c.fl.noC:
			c.aluRR(aluXor, tcg.W32, h, h)
			return
		}
	case o.Dst == o.A && o.W != tcg.W32:
		return
	}
	if o.Dst.IsHigh() {
		c.copyTo(rax, o.A, tcg.W8, false)
		c.put(tcg.W8, rax, false)
		return
	}
	if o.Dst.IsReg() && o.W < tcg.W32 || o.W == tcg.W64 && !o.Dst.IsTemp() && o.A != tcg.RefImm {
		c.put(o.W, c.srcReg(o.A, o.W, rax), false)
		return
	}
	c.freeEarly()
	t := c.target(o.W, rax)
	c.copyTo(t, o.A, o.W, true)
	c.put(o.W, t, true)
}

// freeEarly frees the temporary operands that die with this op, so that its result may take their
// place. Only for ops that read each operand before, or in the same instruction as, they write the result.
func (c *compiler) freeEarly() {
	o := c.op
	if !o.Dst.IsTemp() || c.inRDX < 0 {
		return
	}
	if t := c.inRDX; o.A.IsTemp() && o.A.Index() == t && c.last[t] == int32(c.i) {
		c.inRDX = o.Dst.Index()
		c.place[o.Dst.Index()] = placeRDX
	}
}

func (c *compiler) extend() {
	o := c.op
	c.willWrite(o.Dst)
	c.freeEarly()
	t := c.target(o.W, rax)
	op := sextOp(o.W, o.SrcW)
	if o.Code == tcg.Zext {
		switch o.SrcW {
		case tcg.W8:
			op = opMovzx8 | byteRM
		case tcg.W16:
			op = opMovzx16
		default:
			op = opMovLoad
		}
	}
	s := c.src(o.A, o.SrcW, rax)
	switch s.kind {
	case inReg:
		c.rr(op, t, s.r)
	case inEnv:
		c.rm(op, t, s.m)
	default:
		v := o.Imm << (64 - o.SrcW.Bits()) >> (64 - o.SrcW.Bits())
		if o.Code == tcg.Zext {
			v = immBits(o.SrcW, o.Imm)
		}
		c.movImm(t, immBits(o.W, v))
	}
	c.put(o.W, t, o.Code == tcg.Zext)
}

func (c *compiler) lea() {
	o := c.op
	c.willWrite(o.Dst)
	m := c.eaMem(rax)
	c.freeEarly()
	w := min(o.W, o.AddrW)
	t := c.target(o.W, rax)
	c.leaTo(t, m, w)
	if w == tcg.W16 {
		c.zext(tcg.W16, t, t)
	}
	c.put(o.W, t, w == tcg.W16)
}

// leaTo loads the address m into t, cut to 32 bits unless w is W64.
func (c *compiler) leaTo(t reg, m mem, w tcg.Width) {
	lw := tcg.W32
	if w == tcg.W64 {
		lw = tcg.W64
	}
	switch {
	case m.base == noReg && m.index == noReg:
		c.movImm(t, immBits(lw, int64(m.disp)))
	case m.index == noReg && m.disp == 0:
		if t != m.base || lw == tcg.W32 {
			c.movRR(lw, t, m.base)
		}
	default:
		c.rm(sized(opLea, lw), t, m)
	}
}

func (c *compiler) bswap(w tcg.Width, r reg) {
	o := sized(opc(map0F|0xc8|opc(r&7)), w)
	c.head(o, byte(r>>3), false)
}

// unaryPlain does a one-operand instruction that leaves the flags alone.
func (c *compiler) unaryPlain(f func(reg)) {
	o := c.op
	c.willWrite(o.Dst)
	if o.Dst == o.A {
		if h := c.home(o.Dst); h != noReg {
			f(h)
			return
		}
	}
	c.copyTo(rax, o.A, o.W, false)
	f(rax)
	c.put(o.W, rax, false)
}

// binary does ADD ADC SUB SBB AND OR XOR.
func (c *compiler) binary(op alu) {
	o := c.op
	c.willWrite(o.Dst)
	if !o.SetF && (op == aluAdd || op == aluSub) && c.addPlain(op) {
		return
	}
	c.flagsIn()
	rec := c.binaryRecipe(op)
	defer c.flagsOut(rec)
	switch {
	case o.Dst == o.A && c.home(o.Dst) != noReg:
		c.apply(op, o.W, c.home(o.Dst), c.src(o.B, o.W, rax))
		return
	case c.inEnvOnly():
		s := c.src(o.B, o.W, rax)
		switch s.kind {
		case inImm:
			c.aluMI(0, op, o.W, gprMem(o.A.Index()), s.imm)
		default:
			c.aluMR(0, op, o.W, gprMem(o.A.Index()), c.srcReg(o.B, o.W, rax))
		}
		return
	case o.Dst.IsHigh():
		c.highBinary(op)
		return
	}
	c.freeEarly()
	t := c.target(o.W, rax)
	if t != rax && t == c.home(o.B) && o.A != o.B {
		t = rax
	}
	s := c.src(o.B, o.W, rcx)
	c.copyTo(t, o.A, o.W, o.Dst.IsTemp())
	c.apply(op, o.W, t, s)
	c.put(o.W, t, o.Dst.IsTemp())
}

// highBinary does an operation on AH, CH, DH or BH as destination.
func (c *compiler) highBinary(op alu) {
	o := c.op
	c.copyTo(rcx, o.B, tcg.W8, false)
	c.copyTo(rax, o.A, tcg.W8, false)
	c.aluRR(op, tcg.W8, rax, rcx)
	c.put(tcg.W8, rax, false)
}

// addPlain does an addition or subtraction without flags by LEA, if it can.
func (c *compiler) addPlain(op alu) bool {
	o := c.op
	if o.W < tcg.W32 || o.A == tcg.RefImm {
		return false
	}
	m := mem{index: noReg}
	if o.B == tcg.RefImm {
		v, ok := truncImm(o.W, o.Imm)
		if !ok || v == -1<<31 {
			return false
		}
		if op == aluSub {
			v = -v
		}
		m.disp = v
		m.base = c.srcReg(o.A, o.W, rax)
	} else {
		if op == aluSub {
			return false
		}
		m.base = c.srcReg(o.A, o.W, rax)
		m.index = c.srcReg(o.B, o.W, rcx)
	}
	c.freeEarly()
	t := c.target(o.W, rax)
	c.rm(sized(opLea, o.W), t, m)
	c.put(o.W, t, true)
	return true
}

// fullReg tells that r is a guest register (not a high byte, temporary or immediate).
func fullReg(r tcg.Ref) bool { return r.IsReg() }

// binaryRecipe gives the recipe for the flags of the current two-operand instruction.
func (c *compiler) binaryRecipe(op alu) recipe {
	o := c.op
	r := recipe{w: o.W, a: o.A, b: o.B}
	if o.Dst.IsHigh() {
		return recipe{}
	}
	if o.B == tcg.RefImm {
		var ok bool
		if r.imm, ok = truncImm(o.W, o.Imm); !ok {
			return recipe{}
		}
	}
	bOK := fullReg(o.B) && o.B != o.Dst || o.B == tcg.RefImm
	switch op {
	case aluAnd, aluOr, aluXor:
		if fullReg(o.Dst) {
			return recipe{kind: recLogic, w: o.W, a: o.Dst}
		}
	case aluAdd, aluSub:
		switch {
		case o.Dst == o.B && o.A == o.B && op == aluSub && fullReg(o.Dst):
			return recipe{kind: recLogic, w: o.W, a: o.Dst} // the result is 0
		case !bOK || !fullReg(o.A):
		case o.Dst == o.A && op == aluAdd:
			r.kind = recUndoAdd
		case o.Dst == o.A:
			r.kind = recUndoSub
		case op == aluAdd:
			r.kind = recAdd
		default:
			r.kind = recCmp
		}
	}
	if r.kind == recNone {
		return recipe{}
	}
	return r
}

// compare does CMP and TEST.
func (c *compiler) compare(op alu) {
	o := c.op
	c.flagsIn()
	rec := recipe{w: o.W, a: o.A, b: o.B}
	ok := true
	if o.B == tcg.RefImm {
		rec.imm, ok = truncImm(o.W, o.Imm)
	}
	switch {
	case !ok || !fullReg(o.A) || !fullReg(o.B) && o.B != tcg.RefImm:
		rec = recipe{}
	case op == aluCmp:
		rec.kind = recCmp
	default:
		rec.kind = recTest
	}
	a := c.src(o.A, o.W, rax)
	if op == aluCmp && a.kind == inEnv {
		b := c.src(o.B, o.W, rcx)
		if b.kind == inEnv {
			b = opnd{r: c.srcReg(o.B, o.W, rcx)}
		}
		if b.kind == inImm {
			c.aluMI(0, aluCmp, o.W, a.m, b.imm)
		} else {
			c.aluMR(0, aluCmp, o.W, a.m, b.r)
		}
		c.flagsOut(rec)
		return
	}
	x := c.srcReg(o.A, o.W, rax)
	b := c.src(o.B, o.W, rcx)
	switch {
	case op == aluCmp:
		c.apply(aluCmp, o.W, x, b)
	case b.kind == inImm:
		c.rr(sized(opGrp3, o.W), 0, x)
		c.immW(o.W, b.imm)
	case b.kind == inEnv:
		c.rm(sized(opTest, o.W), x, b.m)
	default:
		c.rr(sized(opTest, o.W), b.r, x)
	}
	c.flagsOut(rec)
}

// unary does INC, DEC and NEG.
func (c *compiler) unary() {
	o := c.op
	c.willWrite(o.Dst)
	rec := recipe{w: o.W, a: o.Dst}
	opcode, k := opGrp4, reg(0)
	switch o.Code {
	case tcg.Inc:
		rec.kind = recInc
	case tcg.Dec:
		rec.kind, k = recDec, 1
	default:
		rec.kind, opcode, k = recNeg, opGrp3, 3
	}
	// INC and DEC keep C. If it is in Env.CC only, it stays there.
	overMem := o.SetF && o.Code != tcg.Neg && !c.fl.host && c.fl.mem && c.live[c.i]&tcg.FlagC != 0 && fullReg(o.Dst)
	if !overMem {
		c.flagsIn()
		if o.Code != tcg.Neg {
			rec = recipe{}
		}
	}
	if !fullReg(o.Dst) {
		rec = recipe{}
	}
	switch {
	case o.Dst == o.A && c.home(o.Dst) != noReg:
		c.rr(sized(opcode, o.W), k, c.home(o.Dst))
	case c.inEnvOnly():
		c.rm(sized(opcode, o.W), k, gprMem(o.Dst.Index()))
	default:
		c.copyTo(rax, o.A, o.W, false)
		c.rr(sized(opcode, o.W), k, rax)
		c.put(o.W, rax, false)
	}
	if overMem {
		c.fl = flagState{noC: true, rec: rec}
		c.dropRecipe = false
		return
	}
	c.flagsOut(rec)
}
