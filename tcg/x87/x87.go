// Package x87 executes the x87 floating-point instructions in portable Go, as
// in volume 1 chapter 8 and volume 2 of the Intel SDM, on the FNSAVE image
// in tcg.Env. Where Intel and AMD differ it does as AMD does. It also
// has the steps MMX instructions take on that image.
//
// The instruction and data pointers and the last opcode are not part of what Exec is given: its caller keeps them in
// tcg.Env (X87IP, X87DP, X87Op).
package x87

import (
	"encoding/binary"

	"goemu/tcg"
	"goemu/tcg/softfloat"
)

// NoStore is the index in Exec's mem of a byte that Exec makes 1 when op.MemWr but an
// unmasked exception keeps the operand from being stored, else 0.
const NoStore = 127

// Exec runs the tcg.Fpu operation op. mem holds the memory operand of
// op.MemBytes bytes on entry if op.MemRd, and on return what is to be stored if
// op.MemWr and mem[NoStore] is 0. It returns false if the encoding is undefined (#UD). An
// unmasked exception sets ES in the status word; the caller raises #MF at the next
// waiting instruction.
//
// FLDENV, FRSTOR, FNSTENV and FNSAVE are not run here: their layout depends on the
// mode. See Init, Retag, UpdateES and MaskAll for those who do.
func Exec(env *tcg.Env, op *tcg.Op, mem *[128]byte) (ok bool) {
	m := (*Image)(&env.X87)
	modrm := uint8(op.Imm)
	if modrm >= 0xc0 {
		return execReg(env, m, op.Enc.Opcode, modrm)
	}
	mem[NoStore] = 0
	return execMem(m, op.Enc.Opcode, modrm>>3&7, mem)
}

// record sets flags, C1 and the stack fault bit from fl, and ES if one of the
// flags is unmasked. It returns whether the masked response, or the operation, is to
// be carried out: false if a flag found before the operation is unmasked.
func (m *Image) record(fl softfloat.Flags) bool {
	open := fl & softfloat.All &^ softfloat.Flags(m.cw())
	if open&softfloat.Pre != 0 {
		fl &= softfloat.Pre | swSF | softfloat.Flags(uint16(fl&swSF)<<3)&fl
	}
	sw := m.sw()&^swC1 | uint16(fl)&(0x3f|swSF|swC1)
	if open != 0 {
		sw |= swES | swB
	}
	m.put16(offSW, sw)
	return open&softfloat.Pre == 0
}

// Stack faults: C1 tells overflow from underflow.
const (
	underflow = softfloat.IE | swSF
	overflow  = softfloat.IE | swSF | swC1
)

// result writes r to ST(i) unless fl has an unmasked exception that forbids it.
func (m *Image) result(i uint, r softfloat.F80, fl softfloat.Flags) bool {
	if !m.record(fl) {
		return false
	}
	m.setST(i, r)
	return true
}

// noOperand is the response to an empty operand of an instruction that writes ST(i).
func (m *Image) noOperand(i uint) bool { return m.result(i, softfloat.DefaultNaN, underflow) }

func (m *Image) pop() {
	m.setTag(0, tagEmpty)
	m.setTop(m.top() + 1)
}

func (m *Image) popIf(ok bool) {
	if ok {
		m.pop()
	}
}

// push pushes r, or the indefinite if the stack is full. An unmasked DE does not keep a load from its result.
func (m *Image) push(r softfloat.F80, fl softfloat.Flags) {
	if !m.empty(7) && fl&swSF == 0 {
		r, fl = softfloat.DefaultNaN, overflow
	}
	if m.record(fl) || fl&softfloat.IE == 0 {
		m.setTop(m.top() - 1)
		m.setST(0, r)
	}
}

func (m *Image) ctl() softfloat.Ctl       { return softfloat.FromCW(m.cw()) }
func (m *Image) num(i uint) softfloat.Num { return softfloat.Unpack80(m.st(i)) }

// arith does operation op (ModRM.reg of D8) on ST(0) and b, into ST(dst).
func (m *Image) arith(op uint8, dst uint, b softfloat.Num) bool {
	a, c := m.num(0), m.ctl()
	if op&5 == 5 { // FSUBR, FDIVR
		a, b = b, a
	}
	var n softfloat.Num
	var lo uint64
	var fl softfloat.Flags
	switch op {
	case 0:
		n, lo, fl = softfloat.Add(a, b, c)
	case 1:
		n, lo, fl = softfloat.Mul(a, b, c)
	case 4, 5:
		n, lo, fl = softfloat.Sub(a, b, c)
	default:
		n, lo, fl = softfloat.Div(a, b, c)
	}
	r, fl := softfloat.Pack80(n, lo, fl, c)
	return m.result(dst, r, fl)
}

// arithMem is D8, DA, DC and DE with the memory operand b.
func (m *Image) arithMem(op uint8, b softfloat.Num) {
	switch {
	case op == 2 || op == 3:
		ok := m.compare(m.empty(0), b, true)
		m.popIf(ok && op == 3)
	case m.empty(0):
		m.noOperand(0)
	default:
		m.arith(op, 0, b)
	}
}

// arithReg is D8, DC and DE with ST(i): the result goes to ST(dst).
func (m *Image) arithReg(op uint8, i, dst uint) bool {
	if m.empty(0) || m.empty(i) {
		return m.noOperand(dst)
	}
	return m.arith(op, dst, m.num(i))
}

// conds are the condition codes of an outcome of a comparison, by Relation + 1.
var conds = [4]uint16{swC0, swC3, 0, swC0 | swC2 | swC3}

// relate compares ST(0) with b. none: an operand is empty.
func (m *Image) relate(none bool, b softfloat.Num, signal bool) (rel softfloat.Relation, ok bool) {
	fl := softfloat.Flags(underflow)
	rel = softfloat.Unordered
	if !none {
		rel, fl = softfloat.Compare(m.num(0), b, signal)
	}
	return rel, m.record(fl)
}

// compare is FCOM (signal set) and FUCOM. The condition codes are set even if an exception is
// unmasked; then it returns false and nothing is popped.
func (m *Image) compare(none bool, b softfloat.Num, signal bool) bool {
	rel, ok := m.relate(none, b, signal)
	m.setCC(conds[rel+1])
	return ok
}

// setCC sets C3, C2 and C0.
func (m *Image) setCC(cc uint16) {
	m.put16(offSW, m.sw()&^(swC0|swC2|swC3)|cc)
}

// compareFlags is FCOMI and FUCOMI. C1 changes only by a stack fault.
func (m *Image) compareFlags(env *tcg.Env, i uint, signal bool) bool {
	c1 := m.sw() & swC1
	none := m.empty(0) || m.empty(i)
	rel, ok := m.relate(none, m.num(i), signal)
	if !none {
		m.put16(offSW, m.sw()|c1)
	}
	cc := uint32(tcg.CCFixed)
	switch rel {
	case softfloat.Less:
		cc |= tcg.CCC
	case softfloat.Equal:
		cc |= tcg.CCZ
	case softfloat.Unordered:
		cc |= tcg.CCC | tcg.CCZ | tcg.CCP
	}
	env.CC = cc
	return ok
}

// Loads of memory operands.

func loadInt16(mem *[128]byte) softfloat.Num {
	return softfloat.FromInt(int64(int16(binary.LittleEndian.Uint16(mem[:]))))
}

func loadInt32(mem *[128]byte) softfloat.Num {
	return softfloat.FromInt(int64(int32(binary.LittleEndian.Uint32(mem[:]))))
}

func loadInt64(mem *[128]byte) softfloat.Num {
	return softfloat.FromInt(int64(binary.LittleEndian.Uint64(mem[:])))
}

func load32(mem *[128]byte) softfloat.Num {
	return softfloat.Unpack32(binary.LittleEndian.Uint32(mem[:]), softfloat.X87)
}

func load64(mem *[128]byte) softfloat.Num {
	return softfloat.Unpack64(binary.LittleEndian.Uint64(mem[:]), softfloat.X87)
}

// pushNum is FLD m32, FLD m64 and FILD: the conversion is always exact.
func (m *Image) pushNum(n softfloat.Num) {
	n, fl := softfloat.Quiet(n)
	r, _ := softfloat.Pack80(n, 0, 0, softfloat.X87|softfloat.Masks|softfloat.Prec64)
	m.push(r, fl)
}

// stored records the flags of a store to memory. If an exception keeps the
// operand from being stored, it says so in mem and returns false.
func (m *Image) stored(fl softfloat.Flags, mem *[128]byte) bool {
	lost := fl&(softfloat.OE|softfloat.UE)&^softfloat.Flags(m.cw()) != 0
	if lost {
		fl &^= softfloat.PE | softfloat.RoundUp
	}
	ok := m.record(fl) && !lost
	if !ok {
		mem[NoStore] = 1
	}
	return ok
}

func (m *Image) store32(mem *[128]byte) bool {
	n, fl := softfloat.Unpack80(softfloat.DefaultNaN), softfloat.Flags(underflow)
	if !m.empty(0) {
		n, fl = softfloat.QuietNaN(m.num(0))
	}
	v, fl := softfloat.Pack32(n, 0, fl, m.ctl())
	binary.LittleEndian.PutUint32(mem[:], v)
	return m.stored(fl, mem)
}

func (m *Image) store64(mem *[128]byte) bool {
	n, fl := softfloat.Unpack80(softfloat.DefaultNaN), softfloat.Flags(underflow)
	if !m.empty(0) {
		n, fl = softfloat.QuietNaN(m.num(0))
	}
	v, fl := softfloat.Pack64(n, 0, fl, m.ctl())
	binary.LittleEndian.PutUint64(mem[:], v)
	return m.stored(fl, mem)
}

func (m *Image) store80(mem *[128]byte) bool {
	v, fl := m.st(0), softfloat.Flags(0)
	if m.empty(0) {
		v, fl = softfloat.DefaultNaN, underflow
	}
	binary.LittleEndian.PutUint64(mem[:], v.Sig)
	binary.LittleEndian.PutUint16(mem[8:], v.SE)
	return m.stored(fl, mem)
}

// storeInt is FIST and FISTTP of size bits; c has the rounding.
func (m *Image) storeInt(mem *[128]byte, size uint, c softfloat.Ctl) bool {
	n, fl := softfloat.Num{Class: softfloat.Unsupported}, softfloat.Flags(0)
	if m.empty(0) {
		fl = underflow
	} else {
		n = m.num(0)
	}
	v, f := softfloat.ToInt(n, size, c)
	binary.LittleEndian.PutUint64(mem[:], uint64(v))
	return m.stored(fl|f, mem)
}

func (m *Image) storeBCD(mem *[128]byte) bool {
	n, fl := softfloat.Num{Class: softfloat.Unsupported}, softfloat.Flags(0)
	if m.empty(0) {
		fl = underflow
	} else {
		n = m.num(0)
	}
	return m.stored(fl|softfloat.ToBCD(n, mem[:10], m.ctl()), mem)
}

// execMem runs the forms with a memory operand: opcode D8..DF and ModRM.reg.
func execMem(m *Image, opcode, reg uint8, mem *[128]byte) bool {
	switch opcode {
	case 0xd8:
		m.arithMem(reg, load32(mem))
		return true
	case 0xda:
		m.arithMem(reg, loadInt32(mem))
		return true
	case 0xdc:
		m.arithMem(reg, load64(mem))
		return true
	case 0xde:
		m.arithMem(reg, loadInt16(mem))
		return true
	}
	switch opcode&7<<3 | reg {
	case 0o10:
		m.pushNum(load32(mem))
	case 0o12:
		m.store32(mem)
	case 0o13:
		m.popIf(m.store32(mem))
	case 0o15:
		LoadCW((*[128]byte)(m), binary.LittleEndian.Uint16(mem[:]))
	case 0o17:
		binary.LittleEndian.PutUint16(mem[:], m.cw())
	case 0o30:
		m.pushNum(loadInt32(mem))
	case 0o31:
		m.popIf(m.storeInt(mem, 32, m.ctl()|softfloat.Truncate))
	case 0o32:
		m.storeInt(mem, 32, m.ctl())
	case 0o33:
		m.popIf(m.storeInt(mem, 32, m.ctl()))
	case 0o35:
		m.push(softfloat.F80{SE: binary.LittleEndian.Uint16(mem[8:]), Sig: binary.LittleEndian.Uint64(mem[:])}, 0)
	case 0o37:
		m.popIf(m.store80(mem))
	case 0o50:
		m.pushNum(load64(mem))
	case 0o51:
		m.popIf(m.storeInt(mem, 64, m.ctl()|softfloat.Truncate))
	case 0o52:
		m.store64(mem)
	case 0o53:
		m.popIf(m.store64(mem))
	case 0o57:
		binary.LittleEndian.PutUint16(mem[:], m.sw())
	case 0o70:
		m.pushNum(loadInt16(mem))
	case 0o71:
		m.popIf(m.storeInt(mem, 16, m.ctl()|softfloat.Truncate))
	case 0o72:
		m.storeInt(mem, 16, m.ctl())
	case 0o73:
		m.popIf(m.storeInt(mem, 16, m.ctl()))
	case 0o74:
		m.pushNum(softfloat.FromBCD(mem[:10]))
	case 0o75:
		m.pushNum(loadInt64(mem))
	case 0o76:
		m.popIf(m.storeBCD(mem))
	case 0o77:
		m.popIf(m.storeInt(mem, 64, m.ctl()))
	default:
		return false
	}
	return true
}
