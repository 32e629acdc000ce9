package translate

import (
	"goemu/decoder"
	"goemu/tcg"
)

// branchW is the operand size of a near branch. 64-bit code has 64 bits, or 16 where the decoder honours 66.
func (t *Translator) branchW(i *decoder.Inst) tcg.Width {
	if t.code64() && i.OpSize != 2 {
		return tcg.W64
	}
	return width(i.OpSize)
}

// target is the destination of a relative branch, truncated to the operand size.
func (t *Translator) target(i *decoder.Inst) uint64 {
	rip := t.next + uint64(i.Imm)
	switch t.branchW(i) {
	case tcg.W16:
		return uint64(uint16(rip))
	case tcg.W32:
		return uint64(uint32(rip))
	}
	return rip
}

// indirect is the destination of an indirect near branch, zero-extended. It does not change when RSP does.
func (t *Translator) indirect(i *decoder.Inst, w tcg.Width) tcg.Ref {
	a := i.Args[0]
	if !isMem(a) && w == tcg.W64 && reg(a) != rsp {
		return reg(a)
	}
	x := t.b.Temp()
	switch {
	case isMem(a):
		t.b.Ld(w, x, t.mem(i))
	case w == tcg.W64:
		t.b.Mov(w, x, reg(a))
	default:
		t.b.Zext(tcg.W64, w, x, reg(a))
	}
	return x
}

// astray makes a relative branch a Sys op, which faults if it is taken, when its target cannot be an instruction pointer. In a block that
// floats, whose pages are far from where addresses end, only a target that is truncated is not known.
func (t *Translator) astray(i *decoder.Inst) bool {
	if t.key.Float && t.branchW(i) == tcg.W64 || !t.key.Float && t.key.ValidIP(t.target(i)) {
		return false
	}
	t.sys(i, true)
	return true
}

func (t *Translator) jmp(i *decoder.Inst, _ tcg.Opcode) {
	if i.Args[0].Kind == decoder.KRel {
		if t.astray(i) {
			return
		}
		t.leave(t.target(i))
		return
	}
	t.b.JmpInd(t.indirect(i, t.branchW(i)))
	t.done = true
}

func (t *Translator) call(i *decoder.Inst, _ tcg.Opcode) {
	w := t.branchW(i)
	if i.Args[0].Kind == decoder.KRel {
		if t.astray(i) {
			return
		}
		t.pushNext(w)
		t.called(t.b.Jmp(t.target(i)))
		return
	}
	x := t.indirect(i, w)
	if t.code64() || t.key.Top != 0 {
		t.b.ChkIP(w, x)
	}
	t.pushNext(w)
	t.called(t.b.JmpInd(x))
}

// pushNext pushes the address of the next instruction.
func (t *Translator) pushNext(w tcg.Width) {
	if !t.key.Float {
		t.push(w, t.b.Imm(int64(t.next)))
		return
	}
	x := t.b.Temp()
	t.b.Lea(tcg.W64, x, tcg.Mem{Disp: int64(t.next), AddrW: tcg.W64, Rel: true})
	t.push(w, x)
}

// called marks the jump that ends the block as a call, unless it cannot be returned from.
func (t *Translator) called(o *tcg.Op) {
	if t.key.ValidIP(t.next) {
		o.Link, o.Disp = tcg.LinkCall, int64(t.next)
	}
	t.done = true
}

func (t *Translator) ret(i *decoder.Inst, _ tcg.Opcode) {
	w := t.branchW(i)
	x := t.b.Temp()
	t.b.Ld(w, x, t.stack(0))
	n := int64(w.Bytes())
	if i.NArgs > 0 {
		n += int64(uint16(i.Imm))
	}
	t.addSP(n)
	o := t.b.JmpInd(x)
	o.Link, o.W, o.Disp = tcg.LinkRet, t.stackW(), n
	t.done = true
}

func (t *Translator) jcc(i *decoder.Inst, _ tcg.Opcode) {
	if t.astray(i) {
		return
	}
	t.b.Jcc(tcg.Cond(i.Cond), t.target(i), t.next)
	t.done = true
}

// jcxz tests CX, ECX or RCX, by the address size.
func (t *Translator) jcxz(i *decoder.Inst, _ tcg.Opcode) {
	if t.astray(i) {
		return
	}
	t.b.Jz(width(i.AddrSize), rcx, t.target(i), t.next)
	t.done = true
}

func (t *Translator) loop(i *decoder.Inst, _ tcg.Opcode) {
	if t.astray(i) {
		return
	}
	w := width(i.AddrSize)
	t.b.ALU(tcg.Sub, w, rcx, rcx, t.b.Imm(1), false)
	t.b.Jnz(w, rcx, t.target(i), t.next)
	t.done = true
}

// loopCond translates LOOPE and LOOPNE: the count, or 0 if ZF is not as wanted, decides.
func (t *Translator) loopCond(i *decoder.Inst, _ tcg.Opcode) {
	if t.astray(i) {
		return
	}
	w, c := width(i.AddrSize), tcg.CondE
	if i.Op == decoder.LOOPNE {
		c = tcg.CondNE
	}
	on, wide, mask, x := t.b.Temp(), t.b.Temp(), t.b.Temp(), t.b.Temp()
	t.b.Setcc(c, on)
	t.b.Zext(tcg.W64, tcg.W8, wide, on)
	t.b.Un(tcg.Neg, tcg.W64, mask, wide, false)
	t.b.ALU(tcg.Sub, w, rcx, rcx, t.b.Imm(1), false)
	t.b.ALU(tcg.And, w, x, mask, rcx, false)
	t.b.Jnz(w, x, t.target(i), t.next)
	t.done = true
}

// cliAllowed tells whether CLI and STI need no check when they run: IOPL matters only at CPL 1 to 3 and in virtual-8086 mode.
func (t *Translator) cliAllowed() bool {
	return t.mode&tcg.ModeProt == 0 || t.mode&tcg.ModeVM86 == 0 && t.mode.CPL() == 0
}

func (t *Translator) cli(i *decoder.Inst, op tcg.Opcode) {
	if !t.cliAllowed() {
		t.sys(i, true)
		return
	}
	t.b.Flag(op)
}

// canShadow tells whether the instruction after the current one, an STI, can be in the same block.
func (t *Translator) canShadow() bool {
	if t.left == 0 || len(t.code) == 0 {
		return false
	}
	_, err := t.decode(t.code, &t.peek)
	return err != decoder.ErrTruncated
}

// sti translates STI. Interrupts wait until after the next instruction, which therefore must be
// in this block; else the CPU does it, and keeps the shadow itself.
func (t *Translator) sti(i *decoder.Inst, op tcg.Opcode) {
	if !t.cliAllowed() || t.mode&tcg.ModeTF != 0 || !t.shadow && !t.canShadow() {
		t.sys(i, true)
		return
	}
	t.b.Flag(op)
	t.shadow = true
}
