package translate

import (
	"goemu/decoder"
	"goemu/tcg"
)

// binary translates op dst, src.
func (t *Translator) binary(i *decoder.Inst, op tcg.Opcode) {
	dst, src := i.Args[0], i.Args[1]
	w := width(dst.Size)
	if isMem(dst) {
		t.b.Rmw(op, w, t.mem(i), t.value(i, src), tcg.None, true, lock(i))
		return
	}
	x := t.load(i, src)
	t.b.ALU(op, w, reg(dst), reg(dst), x, true)
}

// compare translates CMP and TEST, which write flags only.
func (t *Translator) compare(i *decoder.Inst, op tcg.Opcode) {
	var x, y tcg.Ref
	if isMem(i.Args[1]) {
		x, y = reg(i.Args[0]), t.load(i, i.Args[1])
	} else {
		x = t.load(i, i.Args[0])
		y = t.value(i, i.Args[1])
	}
	t.b.ALU(op, width(i.Args[0].Size), tcg.None, x, y, true)
}

// unary translates op dst.
func (t *Translator) unary(i *decoder.Inst, op tcg.Opcode) {
	dst := i.Args[0]
	w, setF := width(dst.Size), op != tcg.Not
	if isMem(dst) {
		t.b.Rmw(op, w, t.mem(i), tcg.None, tcg.None, setF, lock(i))
		return
	}
	t.b.Un(op, w, reg(dst), reg(dst), setF)
}

// count is the count operand of a shift of width w, CL or an immediate, which is masked here.
func (t *Translator) count(i *decoder.Inst, a decoder.Arg, w tcg.Width) tcg.Ref {
	if a.Kind != decoder.KImm {
		return rcx
	}
	if w == tcg.W64 {
		return t.b.Imm(i.Imm & 63)
	}
	return t.b.Imm(i.Imm & 31)
}

// shift translates shifts and rotates.
func (t *Translator) shift(i *decoder.Inst, op tcg.Opcode) {
	dst := i.Args[0]
	w := width(dst.Size)
	n := t.count(i, i.Args[1], w)
	if isMem(dst) {
		t.b.Rmw(op, w, t.mem(i), n, tcg.None, true, false)
		return
	}
	t.b.ALU(op, w, reg(dst), reg(dst), n, true)
}

// double translates SHLD and SHRD. In memory, the load asks for the right to write, and the shift is made twice: the
// first gives what is stored, the second, after the store that may leave, the flags.
func (t *Translator) double(i *decoder.Inst, op tcg.Opcode) {
	dst, fill := i.Args[0], reg(i.Args[1])
	w := width(dst.Size)
	if !isMem(dst) {
		t.b.Shd(op, w, reg(dst), reg(dst), fill, t.count(i, i.Args[2], w), true)
		return
	}
	m := t.mem(i)
	old, v := t.b.Temp(), t.b.Temp()
	t.b.Ld(w, old, m).MemWr = true
	t.b.Shd(op, w, v, old, fill, t.count(i, i.Args[2], w), false)
	t.b.St(w, m, v)
	t.b.Shd(op, w, t.b.Temp(), old, fill, t.count(i, i.Args[2], w), true)
}

// imul translates the three forms of IMUL.
func (t *Translator) imul(i *decoder.Inst, op tcg.Opcode) {
	w := width(i.Args[0].Size)
	switch i.NArgs {
	case 1:
		t.muldiv(i, op)
	case 2:
		x := t.load(i, i.Args[1])
		t.b.ALU(tcg.Imul, w, reg(i.Args[0]), reg(i.Args[0]), x, true)
	default:
		x := t.load(i, i.Args[1])
		t.b.ALU(tcg.Imul, w, reg(i.Args[0]), x, t.b.Imm(i.Imm), true)
	}
}

// muldiv translates MUL, IMUL, DIV and IDIV of one operand, rDX:rAX implied.
func (t *Translator) muldiv(i *decoder.Inst, op tcg.Opcode) {
	a := i.Args[i.NArgs-1]
	x := t.load(i, a)
	t.b.MulDiv(op, width(a.Size), x, op == tcg.MulX || op == tcg.ImulX)
}

// scan translates BSF, BSR, TZCNT, LZCNT and POPCNT.
func (t *Translator) scan(i *decoder.Inst, op tcg.Opcode) {
	x := t.load(i, i.Args[1])
	t.b.Un(op, width(i.Args[0].Size), reg(i.Args[0]), x, true)
}

// bit translates BT, BTS, BTR and BTC.
func (t *Translator) bit(i *decoder.Inst, op tcg.Opcode) {
	dst := i.Args[0]
	w := width(dst.Size)
	if !isMem(dst) {
		n := t.bitNumber(i, w)
		out := reg(dst)
		if op == tcg.Bt {
			out = tcg.None
		}
		t.b.ALU(op, w, out, reg(dst), n, true)
		return
	}
	m := t.mem(i)
	if i.Args[1].Kind == decoder.KReg {
		m = t.bitString(m, w, reg(i.Args[1]))
	}
	if op == tcg.Bt {
		x := t.b.Temp()
		t.b.Ld(w, x, m)
		t.b.ALU(op, w, tcg.None, x, t.bitNumber(i, w), true)
		return
	}
	t.b.Rmw(op, w, m, t.bitNumber(i, w), tcg.None, true, lock(i))
}

// bitNumber is the second operand of BT and its kin; an immediate is taken modulo the width.
func (t *Translator) bitNumber(i *decoder.Inst, w tcg.Width) tcg.Ref {
	if i.Args[1].Kind == decoder.KImm {
		return t.b.Imm(i.Imm & int64(w.Bits()-1))
	}
	return reg(i.Args[1])
}

// bitString is the memory operand of width w that holds bit n, a signed number, of the string at m (SDM vol. 1, 3.1.1.9).
func (t *Translator) bitString(m tcg.Mem, w tcg.Width, n tcg.Ref) tcg.Mem {
	aw := tcg.W32
	if t.code64() {
		aw = tcg.W64
	}
	if w != aw {
		x := t.b.Temp()
		t.b.Sext(aw, w, x, n)
		n = x
	}
	unit := t.b.Temp()
	t.b.ALU(tcg.Sar, aw, unit, n, t.b.Imm(int64(w)+3), false)
	if m.Index != tcg.None { // the base stays, as it decides between #SS and #GP
		x, y := t.b.Temp(), t.b.Temp()
		t.b.Lea(m.AddrW, x, tcg.Mem{Index: m.Index, Scale: m.Scale, Disp: m.Disp, AddrW: m.AddrW})
		t.b.Lea(m.AddrW, y, tcg.Mem{Base: x, Index: unit, Scale: uint8(w), AddrW: m.AddrW})
		m.Index, m.Scale, m.Disp = y, 0, 0
		return m
	}
	m.Index, m.Scale = unit, uint8(w)
	return m
}

// crc32 translates CRC32: a Vec op on general registers, W the width of the source. AH..DH cannot be
// named by Vec, so that form goes to the CPU.
func (t *Translator) crc32(i *decoder.Inst, _ tcg.Opcode) {
	dst, src := i.Args[0], i.Args[1]
	e := tcg.Enc{PP: i.PP, Map: i.Map, Opcode: i.Opcode, RexW: i.Rex&decoder.RexW != 0}
	var o *tcg.Op
	switch {
	case isMem(src):
		o = t.b.VecMem(e, t.mem(i), int(src.Size), true, false)
	case src.Size == 1 && src.Reg >= 16:
		t.sys(i, false)
		return
	default:
		o = t.b.Vec(e)
		o.KRM, o.VRM = tcg.VGPR, src.Reg
	}
	o.KReg, o.VReg = tcg.VGPR, dst.Reg
	o.W, o.SrcW = width(src.Size), width(src.Size)
}

// cbw translates CBW, CWDE, CDQE.
func (t *Translator) cbw(i *decoder.Inst, _ tcg.Opcode) {
	w := width(i.OpSize)
	t.b.Sext(w, w-1, rax, rax)
}

// cwd translates CWD, CDQ, CQO.
func (t *Translator) cwd(i *decoder.Inst, op tcg.Opcode) {
	w := width(i.OpSize)
	t.b.ALU(op, w, rdx, rax, t.b.Imm(int64(w.Bits()-1)), false)
}

// setcc translates SETcc.
func (t *Translator) setcc(i *decoder.Inst, _ tcg.Opcode) {
	c := tcg.Cond(i.Cond)
	if !isMem(i.Args[0]) {
		t.b.Setcc(c, reg(i.Args[0]))
		return
	}
	x := t.b.Temp()
	t.b.Setcc(c, x)
	t.b.St(tcg.W8, t.mem(i), x)
}

// cmov translates CMOVcc. Memory is read whatever the condition.
func (t *Translator) cmov(i *decoder.Inst, _ tcg.Opcode) {
	x := t.load(i, i.Args[1])
	t.b.Cmov(tcg.Cond(i.Cond), width(i.Args[0].Size), reg(i.Args[0]), x)
}

// flag translates the instructions that set one flag.
func (t *Translator) flag(_ *decoder.Inst, op tcg.Opcode) { t.b.Flag(op) }

func (t *Translator) lahf(i *decoder.Inst, _ tcg.Opcode) {
	if t.lahf64(i) {
		return
	}
	x := t.b.Temp()
	t.b.GetF(x)
	t.b.Mov(tcg.W8, tcg.High(0), x)
}

func (t *Translator) sahf(i *decoder.Inst, _ tcg.Opcode) {
	if t.lahf64(i) {
		return
	}
	x := t.b.Temp()
	t.b.Zext(tcg.W64, tcg.W8, x, tcg.High(0))
	t.b.PutF(tcg.FlagsAll&^tcg.FlagO, x)
}

func (t *Translator) nop(*decoder.Inst, tcg.Opcode) {}

// touch translates the cache-line instructions, which fault as a load of a byte does.
func (t *Translator) touch(i *decoder.Inst, _ tcg.Opcode) { t.b.Ld(tcg.W8, t.b.Temp(), t.mem(i)) }
