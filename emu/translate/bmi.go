package translate

import (
	"goemu/decoder"
	"goemu/tcg"
)

// realMode tells whether VEX and EVEX prefixes are #UD: in real and virtual-8086 mode (SDM vol. 2A 2.3.1).
func (t *Translator) realMode() bool { return t.mode&tcg.ModeProt == 0 || t.mode&tcg.ModeVM86 != 0 }

// vexGPR translates the VEX-encoded instructions on general registers, BMI1 and BMI2. False: i is none of them.
func (t *Translator) vexGPR(i *decoder.Inst) bool {
	switch i.Op {
	case decoder.ANDN:
		t.bmi3(i, tcg.Andn, true)
	case decoder.BLSI:
		t.bmi2(i, tcg.Blsi)
	case decoder.BLSMSK:
		t.bmi2(i, tcg.Blsmsk)
	case decoder.BLSR:
		t.bmi2(i, tcg.Blsr)
	case decoder.BZHI:
		t.bmi3(i, tcg.Bzhi, true)
	case decoder.BEXTR:
		t.bmi3(i, tcg.Bextr, true)
	case decoder.PDEP:
		t.bmi3(i, tcg.Pdep, false)
	case decoder.PEXT:
		t.bmi3(i, tcg.Pext, false)
	case decoder.SHLX:
		t.bmi3(i, tcg.Shl, false)
	case decoder.SHRX:
		t.bmi3(i, tcg.Shr, false)
	case decoder.SARX:
		t.bmi3(i, tcg.Sar, false)
	case decoder.RORX:
		t.rorx(i)
	case decoder.MULX:
		t.mulx(i)
	default:
		return false
	}
	return true
}

// bmi2 translates an instruction of two operands, bmi3 one of three.
func (t *Translator) bmi2(i *decoder.Inst, op tcg.Opcode) {
	x := t.load(i, i.Args[1])
	t.b.Un(op, width(i.Args[0].Size), reg(i.Args[0]), x, true)
}

func (t *Translator) bmi3(i *decoder.Inst, op tcg.Opcode, setF bool) {
	// At most one of them is in memory.
	x := t.load(i, i.Args[1])
	y := t.load(i, i.Args[2])
	t.b.ALU(op, width(i.Args[0].Size), reg(i.Args[0]), x, y, setF)
}

func (t *Translator) rorx(i *decoder.Inst) {
	w := width(i.Args[0].Size)
	x := t.load(i, i.Args[1])
	t.b.ALU(tcg.Ror, w, reg(i.Args[0]), x, t.b.Imm(i.Imm&int64(w.Bits()-1)), false)
}

// mulx translates MULX: the first operand, written last, gets the high half, the second the low one.
func (t *Translator) mulx(i *decoder.Inst) {
	hi, lo := reg(i.Args[0]), reg(i.Args[1])
	w := width(i.Args[0].Size)
	x := t.load(i, i.Args[2])
	switch lo {
	case hi:
	case rdx, x: // needed again
		h := t.b.Temp()
		t.b.ALU(tcg.Mulh, w, h, rdx, x, false)
		t.b.ALU(tcg.Imul, w, lo, rdx, x, false)
		t.b.Mov(w, hi, h)
		return
	default:
		t.b.ALU(tcg.Imul, w, lo, rdx, x, false)
	}
	t.b.ALU(tcg.Mulh, w, hi, rdx, x, false)
}

// adx translates ADCX and ADOX.
func (t *Translator) adx(i *decoder.Inst, op tcg.Opcode) {
	x := t.load(i, i.Args[1])
	t.b.ALU(op, width(i.Args[0].Size), reg(i.Args[0]), reg(i.Args[0]), x, true)
}

// cmpxchg2 translates CMPXCHG8B and CMPXCHG16B.
func (t *Translator) cmpxchg2(i *decoder.Inst, _ tcg.Opcode) {
	w := tcg.W32
	if i.Op == decoder.CMPXCHG16B {
		w = tcg.W64
	}
	t.b.Cmpxchg2(w, t.mem(i), lock(i))
}
