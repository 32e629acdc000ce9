package x87

import (
	"goemu/tcg"
	"goemu/tcg/softfloat"
)

// execReg runs the forms with ModRM C0..FF.
func execReg(env *tcg.Env, m *Image, opcode, modrm uint8) bool {
	i, reg := uint(modrm&7), modrm>>3&7
	switch opcode {
	case 0xd8, 0xdc, 0xde:
		return m.arithForm(opcode, reg, i)
	case 0xd9:
		if modrm >= 0xe0 {
			return m.single(modrm)
		}
		switch reg {
		case 0: // FLD
			r, fl := m.st(i), softfloat.Flags(0)
			if m.empty(i) {
				r, fl = softfloat.DefaultNaN, underflow
			}
			m.push(r, fl)
			return true
		case 1:
			m.exchange(i)
			return true
		case 2:
			return modrm == 0xd0 // FNOP
		case 3: // FSTP1: as FSTP, but an empty register is no fault
			m.record(0)
			if !m.empty(0) {
				m.setST(i, m.st(0))
			}
			m.pop()
			return true
		}
	case 0xda, 0xdb:
		switch {
		case reg < 4:
			m.cmov(env, opcode, reg, i)
			return true
		case modrm == 0xe9 && opcode == 0xda: // FUCOMPP
			m.comparePop2(false)
			return true
		case opcode == 0xda:
			return false
		case reg == 5 || reg == 6: // FUCOMI, FCOMI
			m.compareFlags(env, i, reg == 6)
			return true
		}
		switch modrm {
		case 0xe2:
			m.clearExceptions()
		case 0xe3:
			Init(&env.X87)
			env.X87IP, env.X87DP, env.X87Op = 0, 0, 0
		case 0xe0, 0xe1, 0xe4: // FNENI, FNDISI, FNSETPM: no operation since the 387
		default:
			return false
		}
		return true
	case 0xdd:
		switch reg {
		case 0:
			m.record(0)
			m.setTag(i, tagEmpty)
		case 1:
			m.exchange(i)
		case 2:
			m.copyTo(i)
		case 3:
			m.popIf(m.copyTo(i))
		case 4, 5: // FUCOM, FUCOMP
			ok := m.compare(m.empty(0) || m.empty(i), m.num(i), false)
			m.popIf(ok && reg == 5)
		default:
			return false
		}
		return true
	case 0xdf:
		switch reg {
		case 0: // FFREEP
			m.record(0)
			m.setTag(i, tagEmpty)
			m.pop()
		case 1:
			m.exchange(i)
		case 2, 3:
			m.popIf(m.copyTo(i))
		case 4:
			if modrm != 0xe0 {
				return false
			}
			env.GPR[0] = env.GPR[0]&^0xffff | uint64(m.sw())
		case 5, 6: // FUCOMIP, FCOMIP
			m.popIf(m.compareFlags(env, i, reg == 6))
		default:
			return false
		}
		return true
	}
	return false
}

// arithForm is D8, DC and DE: into ST(0), into ST(i), into ST(i) with a pop.
func (m *Image) arithForm(opcode, reg uint8, i uint) bool {
	if reg == 2 || reg == 3 {
		if opcode == 0xde && reg == 3 {
			if i == 1 {
				m.comparePop2(true)
			}
			return i == 1
		}
		ok := m.compare(m.empty(0) || m.empty(i), m.num(i), true)
		m.popIf(ok && (reg == 3 || opcode == 0xde))
		return true
	}
	dst := i
	if opcode == 0xd8 {
		dst = 0
	}
	ok := m.arithReg(reg, i, dst)
	m.popIf(ok && opcode == 0xde)
	return true
}

func (m *Image) comparePop2(signal bool) {
	if m.compare(m.empty(0) || m.empty(1), m.num(1), signal) {
		m.pop()
		m.pop()
	}
}

// exchange is FXCH. An empty register counts as the indefinite.
func (m *Image) exchange(i uint) {
	a, b := m.st(0), m.st(i)
	var fl softfloat.Flags
	if m.empty(0) {
		a, fl = softfloat.DefaultNaN, underflow
	}
	if m.empty(i) {
		b, fl = softfloat.DefaultNaN, underflow
	}
	if m.record(fl) {
		m.setST(0, b)
		m.setST(i, a)
	}
}

// copyTo is FST ST(i).
func (m *Image) copyTo(i uint) bool {
	if m.empty(0) {
		return m.noOperand(i)
	}
	return m.result(i, m.st(0), 0)
}

// cmovConds are the conditions of FCMOVcc by ModRM.reg of DA; DB negates them.
var cmovConds = [4]tcg.Cond{tcg.CondB, tcg.CondE, tcg.CondBE, tcg.CondP}

func (m *Image) cmov(env *tcg.Env, opcode, reg uint8, i uint) {
	if m.empty(0) || m.empty(i) {
		m.noOperand(0)
		return
	}
	if cmovConds[reg].Holds(env.CC) != (opcode == 0xdb) {
		m.setST(0, m.st(i))
	}
}

func (m *Image) clearExceptions() {
	m.put16(offSW, m.sw()&^(swB|swES|swSF|0x3f))
}

// LoadCW is FLDCW: exceptions that are pending and now unmasked set ES.
func LoadCW(x *[128]byte, cw uint16) {
	(*Image)(x).put16(offCW, cw&^0xe080|0x40)
	UpdateES(x)
}

// UpdateES sets ES and B if an exception flag is unmasked, and clears them
// otherwise, after the control or status word was loaded.
func UpdateES(x *[128]byte) {
	m := (*Image)(x)
	sw := m.sw() &^ (swES | swB)
	if sw&0x3f&^m.cw() != 0 {
		sw |= swES | swB
	}
	m.put16(offSW, sw)
}

// MaskAll masks all exceptions, as FNSTENV does after the store.
func MaskAll(x *[128]byte) {
	m := (*Image)(x)
	m.put16(offCW, m.cw()|0x3f)
	UpdateES(x)
}

// PendingError tells whether an unmasked exception is pending: ES is set.
func PendingError(x *[128]byte) bool { return (*Image)(x).sw()&swES != 0 }

// single runs D9 E0..FF.
func (m *Image) single(modrm uint8) bool {
	if modrm >= 0xe8 && modrm <= 0xee {
		m.push(softfloat.Constant(int(modrm-0xe8), m.ctl()), 0)
		return true
	}
	switch modrm {
	case 0xe5:
		m.examine()
		return true
	case 0xe2, 0xe3, 0xe6, 0xe7, 0xef:
		return false
	case 0xf6, 0xf7: // FDECSTP, FINCSTP
		m.record(0)
		m.setTop(m.top() + uint(modrm&1)*2 - 1)
		return true
	case 0xe4: // FTST
		m.compare(m.empty(0), softfloat.Num{}, true)
		return true
	}
	two := modrm == 0xf1 || modrm == 0xf3 || modrm == 0xf5 || modrm == 0xf8 || modrm == 0xf9 || modrm == 0xfd
	if m.empty(0) || two && m.empty(1) {
		m.singleEmpty(modrm)
		return true
	}
	m.unary(modrm)
	return true
}

// singleEmpty is the response of D9 E0..FF to an empty operand.
func (m *Image) singleEmpty(modrm uint8) {
	switch modrm {
	case 0xf2, 0xf5, 0xf8, 0xfb, 0xfe, 0xff: // those that use C2 clear it
		m.setC2(0)
	}
	switch modrm {
	case 0xf1, 0xf3, 0xf9: // FYL2X, FPATAN, FYL2XP1
		m.popIf(m.noOperand(1))
	case 0xf2, 0xf4, 0xfb: // FPTAN, FXTRACT, FSINCOS
		if m.noOperand(0) {
			m.pushMore(softfloat.DefaultNaN)
		}
	default:
		m.noOperand(0)
	}
}

// pushMore pushes the second result of an instruction that has two.
func (m *Image) pushMore(r softfloat.F80) {
	m.setTop(m.top() - 1)
	m.setST(0, r)
}

// examine is FXAM.
func (m *Image) examine() {
	v := m.st(0)
	var cc uint16
	switch n := softfloat.Unpack80(v); {
	case m.empty(0):
		cc = swC3 | swC0
	case n.Class == softfloat.Zero:
		cc = swC3
	case n.Den:
		cc = swC3 | swC2
	case n.Class == softfloat.Finite:
		cc = swC2
	case n.Class == softfloat.Inf:
		cc = swC2 | swC0
	case n.IsNaN():
		cc = swC0
	}
	if v.SE>>15 != 0 {
		cc |= swC1
	}
	m.put16(offSW, m.sw()&^swCC|cc)
}

// unary runs the operations of D9 E0..FF whose operands are there.
func (m *Image) unary(modrm uint8) {
	a, c := m.num(0), m.ctl()
	switch modrm {
	case 0xe0, 0xe1: // FCHS, FABS
		v := m.st(0)
		if modrm == 0xe0 {
			v.SE ^= 1 << 15
		} else {
			v.SE &^= 1 << 15
		}
		m.result(0, v, 0)
	case 0xf4:
		m.extract(a)
	case 0xf5, 0xf8:
		m.remainder(a, m.num(1), modrm == 0xf5, c)
	case 0xfa: // FSQRT
		n, lo, fl := softfloat.Sqrt(a)
		r, fl := softfloat.Pack80(n, lo, fl, c)
		m.result(0, r, fl)
	case 0xfc: // FRNDINT
		n, fl := softfloat.RoundInt(a, c)
		r, fl := softfloat.Pack80(n, 0, fl, c|softfloat.Prec64)
		m.result(0, r, fl)
	case 0xfd: // FSCALE
		r, fl := softfloat.Scale(a, m.num(1), c)
		m.result(0, r, fl)
	default:
		m.transcendental(modrm, a, c)
	}
}

func (m *Image) extract(a softfloat.Num) {
	exp, sig, fl := softfloat.Extract(a)
	if !m.empty(7) {
		fl = overflow
		exp = softfloat.Unpack80(softfloat.DefaultNaN)
		sig = exp
	}
	c := softfloat.X87 | softfloat.Masks | softfloat.Prec64
	e, _ := softfloat.Pack80(exp, 0, 0, c)
	s, _ := softfloat.Pack80(sig, 0, 0, c)
	if m.result(0, e, fl) {
		m.pushMore(s)
	}
}

// remainder is FPREM and FPREM1. C0, C3 and C1 take bits 2..0 of the quotient; C2 says there is more to do.
func (m *Image) remainder(a, b softfloat.Num, nearest bool, c softfloat.Ctl) {
	r, q, partial, fl := softfloat.Remainder(a, b, nearest, c)
	done := m.result(0, r, fl)
	m.setC2(0)
	switch {
	case !done || r.SE&0x7fff == 0x7fff: // a NaN leaves the others
	case partial:
		m.put16(offSW, m.sw()&^swCC|swC2)
	default:
		m.put16(offSW, m.sw()&^swCC|uint16(q>>2&1)<<8|uint16(q>>1&1)<<14|uint16(q&1)<<9)
	}
}
