package translate

import (
	"goemu/decoder"
	"goemu/tcg"
)

// mov translates MOV between general registers, memory and immediates; the others are Sys.
func (t *Translator) mov(i *decoder.Inst, _ tcg.Opcode) {
	dst, src := i.Args[0], i.Args[1]
	switch dst.Kind {
	case decoder.KSeg, decoder.KCR, decoder.KDR:
		t.sysDefault(i, 0)
		return
	}
	switch src.Kind {
	case decoder.KCR:
		if src.Reg == 2 && t.mode.CPL() == 0 {
			t.readCR2(reg(dst))
			return
		}
		fallthrough
	case decoder.KSeg, decoder.KDR:
		t.sysDefault(i, 0)
		return
	}
	w := width(dst.Size)
	switch {
	case dst.Kind == decoder.KMoffs:
		t.b.St(w, t.moffs(i), reg(src))
	case src.Kind == decoder.KMoffs:
		t.b.Ld(w, reg(dst), t.moffs(i))
	case dst.Kind == decoder.KMem:
		t.b.St(w, t.mem(i), t.value(i, src))
	case src.Kind == decoder.KMem:
		t.b.Ld(w, reg(dst), t.mem(i))
	default:
		t.b.Mov(w, reg(dst), t.value(i, src))
	}
}

// extend translates MOVZX, MOVSX and MOVSXD, the last also in its forms that extend nothing.
func (t *Translator) extend(i *decoder.Inst, op tcg.Opcode) {
	dst, src := i.Args[0], i.Args[1]
	w, sw := width(dst.Size), width(src.Size)
	switch {
	case sw >= w && isMem(src):
		t.b.Ld(w, reg(dst), t.mem(i))
	case sw >= w:
		t.b.Mov(w, reg(dst), reg(src))
	case isMem(src) && op == tcg.Zext:
		t.b.Ldz(w, sw, reg(dst), t.mem(i))
	case isMem(src):
		t.b.Lds(w, sw, reg(dst), t.mem(i))
	case op == tcg.Zext:
		t.b.Zext(w, sw, reg(dst), reg(src))
	default:
		t.b.Sext(w, sw, reg(dst), reg(src))
	}
}

// swap appends dst.w <- x with its bytes reversed.
func (t *Translator) swap(w tcg.Width, dst, x tcg.Ref) {
	if w == tcg.W16 {
		t.b.ALU(tcg.Rol, w, dst, x, t.b.Imm(8), false)
		return
	}
	t.b.Un(tcg.Bswap, w, dst, x, false)
}

func (t *Translator) movbe(i *decoder.Inst, _ tcg.Opcode) {
	dst, src := i.Args[0], i.Args[1]
	w := width(dst.Size)
	x := t.b.Temp()
	if isMem(dst) {
		t.swap(w, x, reg(src))
		t.b.St(w, t.mem(i), x)
		return
	}
	t.b.Ld(w, x, t.mem(i))
	t.swap(w, reg(dst), x)
}

// bswap translates BSWAP. Of 16 bits it is undefined; processors clear the register's low word.
func (t *Translator) bswap(i *decoder.Inst, _ tcg.Opcode) {
	w, r := width(i.Args[0].Size), reg(i.Args[0])
	if w == tcg.W16 {
		t.b.Mov(w, r, t.b.Imm(0))
		return
	}
	t.b.Un(tcg.Bswap, w, r, r, false)
}

// lea translates LEA, into a move where the address is constant.
func (t *Translator) lea(i *decoder.Inst, _ tcg.Opcode) {
	m, w := t.mem(i), width(i.Args[0].Size)
	if m.Base != tcg.None || m.Index != tcg.None || m.Rel {
		t.b.Lea(w, reg(i.Args[0]), m)
		return
	}
	switch m.AddrW {
	case tcg.W16:
		m.Disp = int64(uint16(m.Disp))
	case tcg.W32:
		m.Disp = int64(uint32(m.Disp))
	}
	t.b.Mov(w, reg(i.Args[0]), t.b.Imm(m.Disp))
}

// xchg translates XCHG, which locks when it has a memory operand.
func (t *Translator) xchg(i *decoder.Inst, _ tcg.Opcode) {
	x, y := i.Args[0], i.Args[1]
	w := width(x.Size)
	switch {
	case isMem(x):
		t.b.Rmw(tcg.Mov, w, t.mem(i), reg(y), reg(y), false, true)
	case isMem(y):
		t.b.Rmw(tcg.Mov, w, t.mem(i), reg(x), reg(x), false, true)
	default:
		old := t.b.Temp()
		t.b.Mov(w, old, reg(x))
		t.b.Mov(w, reg(x), reg(y))
		t.b.Mov(w, reg(y), old)
	}
}

// xadd translates XADD. With two registers the sum is written last, as that counts when they are the same.
func (t *Translator) xadd(i *decoder.Inst, op tcg.Opcode) {
	dst, src := i.Args[0], reg(i.Args[1])
	w := width(dst.Size)
	if isMem(dst) {
		t.b.Rmw(op, w, t.mem(i), src, src, true, lock(i))
		return
	}
	sum := t.b.Temp()
	t.b.ALU(op, w, sum, reg(dst), src, true)
	t.b.Mov(w, src, reg(dst))
	t.b.Mov(w, reg(dst), sum)
}

// cmpxchg translates CMPXCHG. With registers it writes either the destination or the accumulator, and
// leaves all 64 bits of the other alone, as AMD's processors do.
func (t *Translator) cmpxchg(i *decoder.Inst, _ tcg.Opcode) {
	dst, src := i.Args[0], reg(i.Args[1])
	w := width(dst.Size)
	if isMem(dst) {
		t.b.Cmpxchg(w, t.mem(i), src, lock(i))
		return
	}
	d := reg(dst)
	old := t.b.Temp()
	t.b.Mov(w, old, d)
	if w == tcg.W8 {
		t.cmpxchg8(d, src, old)
		return
	}
	t.b.Cmp(w, rax, old)
	if w == tcg.W32 {
		x := t.b.Temp()
		t.b.Mov(w, x, src)
		src, w = x, tcg.W64
	}
	t.b.Cmov(tcg.CondE, w, d, src)
	t.b.Cmov(tcg.CondNE, w, rax, old)
}

// cmpxchg8 does CMPXCHG of byte registers with a mask, as there is no CMOV of bytes.
func (t *Translator) cmpxchg8(d, src, old tcg.Ref) {
	const w = tcg.W8
	t.b.Cmp(w, rax, old)
	eq, mask, diff, pick, new8 := t.b.Temp(), t.b.Temp(), t.b.Temp(), t.b.Temp(), t.b.Temp()
	t.b.Setcc(tcg.CondE, eq)
	t.b.Un(tcg.Neg, w, mask, eq, false)
	t.b.ALU(tcg.Xor, w, diff, src, old, false)
	t.b.ALU(tcg.And, w, pick, diff, mask, false)
	t.b.ALU(tcg.Xor, w, new8, pick, old, false)
	// The accumulator, if it differs, becomes old; if it does not, it is old.
	t.b.Mov(w, rax, old)
	t.b.Mov(w, d, new8)
}

// xlat translates XLAT: AL <- [rBX + AL].
func (t *Translator) xlat(i *decoder.Inst, _ tcg.Opcode) {
	x := t.b.Temp()
	t.b.Zext(tcg.W64, tcg.W8, x, rax)
	t.b.Ld(tcg.W8, rax, tcg.Mem{Base: rbx, Index: x, Seg: t.seg(i.Seg), AddrW: width(i.AddrSize)})
}

// addSP adds n to the stack pointer.
func (t *Translator) addSP(n int64) {
	t.b.ALU(tcg.Add, t.stackW(), rsp, rsp, t.b.Imm(n), false)
}

// push appends a push of x, whose value is imm if it is RefImm.
func (t *Translator) push(w tcg.Width, x tcg.Ref) {
	n := int64(w.Bytes())
	t.b.St(w, t.stack(-n), x)
	t.addSP(-n)
}

// pushInsn translates PUSH. Its width is the operand size, whatever its operand's (PUSH imm8).
func (t *Translator) pushInsn(i *decoder.Inst, _ tcg.Opcode) {
	a := i.Args[0]
	if a.Kind == decoder.KSeg {
		t.sysDefault(i, 0)
		return
	}
	w := width(i.OpSize)
	if isMem(a) {
		x := t.b.Temp()
		t.b.Ld(w, x, t.mem(i))
		t.push(w, x)
		return
	}
	t.push(w, t.value(i, a))
}

// popInsn translates POP. An address with RSP is computed after the increment; POP RSP
// writes over the incremented register.
func (t *Translator) popInsn(i *decoder.Inst, _ tcg.Opcode) {
	a := i.Args[0]
	if a.Kind == decoder.KSeg {
		t.sysDefault(i, 0)
		return
	}
	w := width(i.OpSize)
	n := int64(w.Bytes())
	if !isMem(a) && reg(a) != rsp {
		t.b.Ld(w, reg(a), t.stack(0))
		t.addSP(n)
		return
	}
	x := t.b.Temp()
	t.b.Ld(w, x, t.stack(0))
	if !isMem(a) {
		t.addSP(n)
		t.b.Mov(w, rsp, x)
		return
	}
	m := t.mem(i)
	switch {
	case m.Base != rsp:
	case t.stackW() == tcg.W16:
		m.Base = t.poppedSP16(n)
	default:
		m.Disp += n
	}
	t.b.St(w, m, x)
	t.addSP(n)
}

// poppedSP16 is ESP after a pop of n bytes from a 16-bit stack, where only SP is incremented.
func (t *Translator) poppedSP16(n int64) tcg.Ref {
	lo, hi, sp := t.b.Temp(), t.b.Temp(), t.b.Temp()
	t.b.Lea(tcg.W32, lo, tcg.Mem{Base: rsp, Disp: n, AddrW: tcg.W16})
	t.b.ALU(tcg.And, tcg.W32, hi, rsp, t.b.Imm(-0x10000), false)
	t.b.ALU(tcg.Or, tcg.W32, sp, hi, lo, false)
	return sp
}

// leaveInsn translates LEAVE: rSP <- rBP, pop rBP.
func (t *Translator) leaveInsn(i *decoder.Inst, _ tcg.Opcode) {
	w := width(i.OpSize)
	m := t.stack(0)
	m.Base = rbp
	x := t.b.Temp()
	t.b.Ld(w, x, m)
	m.Disp = int64(w.Bytes())
	t.b.Lea(m.AddrW, rsp, m)
	t.b.Mov(w, rbp, x)
}
