package simd

import (
	"goemu/tcg"
	"goemu/tcg/softfloat"
)

// A float32 and a float64 operation on elements: the first and the second source.
type (
	op32 = func(a, b uint32, c softfloat.Ctl) (uint32, softfloat.Flags)
	op64 = func(a, b uint64, c softfloat.Ctl) (uint64, softfloat.Flags)
)

// lane32 applies even and odd to the elements of a lane with even and odd numbers.
func lane32(x, y vec, even, odd op32, c softfloat.Ctl) (vec, softfloat.Flags) {
	x0, f0 := even(uint32(x.lo), uint32(y.lo), c)
	x1, f1 := odd(uint32(x.lo>>32), uint32(y.lo>>32), c)
	x2, f2 := even(uint32(x.hi), uint32(y.hi), c)
	x3, f3 := odd(uint32(x.hi>>32), uint32(y.hi>>32), c)
	return pack4(x0, x1, x2, x3), f0 | f1 | f2 | f3
}

func lane64(x, y vec, even, odd op64, c softfloat.Ctl) (vec, softfloat.Flags) {
	x0, f0 := even(x.lo, y.lo, c)
	x1, f1 := odd(x.hi, y.hi, c)
	return vec{x0, x1}, f0 | f1
}

// packed32 and packed64 apply operations to the elements of the first source and r/m. The exceptions of all are raised at once.
func packed32(env *tcg.Env, op *tcg.Op, mem *[32]byte, even, odd op32) uint32 {
	c := softfloat.FromMXCSR(env.MXCSR)
	lo, fl := lane32(src1(env, op), rm128(env, op, mem), even, odd, c)
	if op.Enc.Vex != tcg.Vex256 {
		return finishX(env, op, lo, fl)
	}
	hi, f := lane32(srcY(env, op)[1], rmY(env, op, mem)[1], even, odd, c)
	return finish(env, op, ymm{lo, hi}, fl|f)
}

func packed64(env *tcg.Env, op *tcg.Op, mem *[32]byte, even, odd op64) uint32 {
	c := softfloat.FromMXCSR(env.MXCSR)
	lo, fl := lane64(src1(env, op), rm128(env, op, mem), even, odd, c)
	if op.Enc.Vex != tcg.Vex256 {
		return finishX(env, op, lo, fl)
	}
	hi, f := lane64(srcY(env, op)[1], rmY(env, op, mem)[1], even, odd, c)
	return finish(env, op, ymm{lo, hi}, fl|f)
}

// finishX writes the result v of 128 bits unless one of the exceptions fl is unmasked.
func finishX(env *tcg.Env, op *tcg.Op, v vec, fl softfloat.Flags) uint32 {
	if u := raise(env, fl); u != 0 {
		return u
	}
	setX(env, op, op.VReg, v)
	return 0
}

// finish is finishX for as many lanes as the instruction has.
func finish(env *tcg.Env, op *tcg.Op, v ymm, fl softfloat.Flags) uint32 {
	if u := raise(env, fl); u != 0 {
		return u
	}
	setY(env, op, op.VReg, v)
	return 0
}

// setSS and setSD write a scalar result over the first source unless one of fl is unmasked.
func setSS(env *tcg.Env, op *tcg.Op, x uint32, fl softfloat.Flags) uint32 {
	if u := raise(env, fl); u != 0 {
		return u
	}
	a := src1(env, op)
	setX(env, op, op.VReg, vec{a.lo&^0xffffffff | uint64(x), a.hi})
	return 0
}

func setSD(env *tcg.Env, op *tcg.Op, x uint64, fl softfloat.Flags) uint32 {
	if u := raise(env, fl); u != 0 {
		return u
	}
	setX(env, op, op.VReg, vec{x, src1(env, op).hi})
	return 0
}

func sqrt32(_, b uint32, c softfloat.Ctl) (uint32, softfloat.Flags) { return softfloat.Sqrt32(b, c) }
func sqrt64(_, b uint64, c softfloat.Ctl) (uint64, softfloat.Flags) { return softfloat.Sqrt64(b, c) }

// Relations as a set, and the predicates of CMPPS by bits 3..0 of the immediate as the relations for which they hold (SDM vol. 2,
// CMPPD table 3-1).
const (
	isLess = 1 << iota
	isEqual
	isGreater
	isUnordered
)

var predicates = [16]uint8{
	isEqual, isLess, isLess | isEqual, isUnordered,
	isLess | isGreater | isUnordered, isEqual | isGreater | isUnordered, isGreater | isUnordered, isLess | isEqual | isGreater,
	isEqual | isUnordered, isLess | isUnordered, isLess | isEqual | isUnordered, 0,
	isLess | isGreater, isEqual | isGreater, isGreater, isLess | isEqual | isGreater | isUnordered,
}

// signals tells whether QNaNs are invalid for a predicate.
func signals(imm uint8) bool { return (imm&3 == 1 || imm&3 == 2) != (imm&16 != 0) }

func holds(imm uint8, rel softfloat.Relation) bool {
	set := predicates[imm&15]
	switch rel {
	case softfloat.Less:
		return set&isLess != 0
	case softfloat.Equal:
		return set&isEqual != 0
	case softfloat.Greater:
		return set&isGreater != 0
	}
	return set&isUnordered != 0
}

// predicate is the immediate of CMPPS: three bits, or five with VEX.
func predicate(op *tcg.Op) uint8 {
	if op.Enc.Vex == tcg.VexNone {
		return uint8(op.Imm) & 7
	}
	return uint8(op.Imm) & 31
}

func cmp32(a, b uint32, imm uint8, c softfloat.Ctl) (uint32, softfloat.Flags) {
	rel, fl := softfloat.Compare32(a, b, signals(imm), c)
	return uint32(mask64(holds(imm, rel))), fl
}

func cmp64(a, b uint64, imm uint8, c softfloat.Ctl) (uint64, softfloat.Flags) {
	rel, fl := softfloat.Compare64(a, b, signals(imm), c)
	return mask64(holds(imm, rel)), fl
}

func cmpps(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	imm := predicate(op)
	f := func(a, b uint32, c softfloat.Ctl) (uint32, softfloat.Flags) { return cmp32(a, b, imm, c) }
	return packed32(env, op, mem, f, f)
}

func cmppd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	imm := predicate(op)
	f := func(a, b uint64, c softfloat.Ctl) (uint64, softfloat.Flags) { return cmp64(a, b, imm, c) }
	return packed64(env, op, mem, f, f)
}

func cmpss(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	x, fl := cmp32(uint32(src1(env, op).lo), uint32(rm64(env, op, mem)), predicate(op), softfloat.FromMXCSR(env.MXCSR))
	return setSS(env, op, x, fl)
}

func cmpsd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	x, fl := cmp64(src1(env, op).lo, rm64(env, op, mem), predicate(op), softfloat.FromMXCSR(env.MXCSR))
	return setSD(env, op, x, fl)
}

// comis is (U)COMISS and (U)COMISD. COMIS (2F) signals QNaNs, UCOMIS (2E) does not.
func comis(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	c, signal := softfloat.FromMXCSR(env.MXCSR), op.Enc.Opcode == 0x2f
	var rel softfloat.Relation
	var fl softfloat.Flags
	if a, b := env.XMM[op.VReg&15][0], rm64(env, op, mem); op.Enc.PP == 0x66 {
		rel, fl = softfloat.Compare64(a, b, signal, c)
	} else {
		rel, fl = softfloat.Compare32(uint32(a), uint32(b), signal, c)
	}
	if u := raise(env, fl); u != 0 {
		return u
	}
	env.CC = tcg.CCFixed
	switch rel {
	case softfloat.Equal:
		env.CC |= tcg.CCZ
	case softfloat.Less:
		env.CC |= tcg.CCC
	case softfloat.Unordered:
		env.CC |= tcg.CCZ | tcg.CCP | tcg.CCC
	}
	return 0
}

// roundCtl applies the immediate of ROUNDxx: bit 2 takes the mode of MXCSR.
func roundCtl(c softfloat.Ctl, imm uint8) softfloat.Ctl {
	if imm&4 == 0 {
		c = c&^softfloat.RC | softfloat.Nearest + softfloat.Down*softfloat.Ctl(imm&3)
	}
	return c
}

// roundFlags drops PE if bit 3 of the immediate says so.
func roundFlags(fl softfloat.Flags, imm uint8) softfloat.Flags {
	if imm&8 != 0 {
		fl &^= softfloat.PE
	}
	return fl
}

func round32(b uint32, imm uint8, c softfloat.Ctl) (uint32, softfloat.Flags) {
	x, fl := softfloat.Round32(b, roundCtl(c, imm))
	return x, roundFlags(fl, imm)
}

func round64(b uint64, imm uint8, c softfloat.Ctl) (uint64, softfloat.Flags) {
	x, fl := softfloat.Round64(b, roundCtl(c, imm))
	return x, roundFlags(fl, imm)
}

func roundps(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	f := func(_, b uint32, c softfloat.Ctl) (uint32, softfloat.Flags) { return round32(b, uint8(op.Imm), c) }
	return packed32(env, op, mem, f, f)
}

func roundpd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	f := func(_, b uint64, c softfloat.Ctl) (uint64, softfloat.Flags) { return round64(b, uint8(op.Imm), c) }
	return packed64(env, op, mem, f, f)
}

func roundss(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	x, fl := round32(uint32(rm64(env, op, mem)), uint8(op.Imm), softfloat.FromMXCSR(env.MXCSR))
	return setSS(env, op, x, fl)
}

func roundsd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	x, fl := round64(rm64(env, op, mem), uint8(op.Imm), softfloat.FromMXCSR(env.MXCSR))
	return setSD(env, op, x, fl)
}

// hadd32 applies f to the adjacent pairs of a and b, as HADDPS does in each lane.
func hadd32(env *tcg.Env, op *tcg.Op, mem *[32]byte, f op32) uint32 {
	c := softfloat.FromMXCSR(env.MXCSR)
	a, b := srcY(env, op), rmY(env, op, mem)
	var all softfloat.Flags
	for k := range lanes(op) {
		r, fl := lane32(shufpsX(a[k], b[k], 0x88), shufpsX(a[k], b[k], 0xdd), f, f, c)
		a[k] = r
		all |= fl
	}
	return finish(env, op, a, all)
}

func hadd64(env *tcg.Env, op *tcg.Op, mem *[32]byte, f op64) uint32 {
	c := softfloat.FromMXCSR(env.MXCSR)
	a, b := srcY(env, op), rmY(env, op, mem)
	var all softfloat.Flags
	for k := range lanes(op) {
		r, fl := lane64(vec{a[k].lo, b[k].lo}, vec{a[k].hi, b[k].hi}, f, f, c)
		a[k] = r
		all |= fl
	}
	return finish(env, op, a, all)
}

func haddps(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return hadd32(env, op, mem, softfloat.Add32)
}
func hsubps(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return hadd32(env, op, mem, softfloat.Sub32)
}
func haddpd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return hadd64(env, op, mem, softfloat.Add64)
}
func hsubpd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return hadd64(env, op, mem, softfloat.Sub64)
}

func addsubps(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return packed32(env, op, mem, softfloat.Sub32, softfloat.Add32)
}
func addsubpd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return packed64(env, op, mem, softfloat.Sub64, softfloat.Add64)
}

// dpps multiplies the elements of a lane chosen by imm bits 7..4, adds the products in
// pairs, and writes the sum to the elements of bits 3..0. The exceptions of each step are raised before the next.
func dpps(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	c, imm := softfloat.FromMXCSR(env.MXCSR), uint8(op.Imm)
	a, b := srcY(env, op), rmY(env, op, mem)
	var p [8]uint32
	n := 4 * lanes(op)
	var fl, f softfloat.Flags
	for i := range p[:n] {
		if imm>>(4+i&3)&1 != 0 {
			p[i], f = softfloat.Mul32(dwordAt(a[i>>2], uint(i&3)), dwordAt(b[i>>2], uint(i&3)), c)
			fl |= f
		}
	}
	for n > lanes(op) { // sums of pairs, then of those
		if u := raise(env, fl); u != 0 {
			return u
		}
		n, fl = n/2, 0
		for i := range p[:n] {
			p[i], f = softfloat.Add32(p[2*i], p[2*i+1], c)
			fl |= f
		}
	}
	for k := range a[:n] {
		m := func(i uint8) uint32 { return p[k] & -uint32(imm>>i&1) }
		a[k] = pack4(m(0), m(1), m(2), m(3))
	}
	return finish(env, op, a, fl)
}

func dppd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	c, imm := softfloat.FromMXCSR(env.MXCSR), uint8(op.Imm)
	a, b := src1(env, op), rm128(env, op, mem)
	var p0, p1 uint64
	var f0, f1 softfloat.Flags
	if imm&0x10 != 0 {
		p0, f0 = softfloat.Mul64(a.lo, b.lo, c)
	}
	if imm&0x20 != 0 {
		p1, f1 = softfloat.Mul64(a.hi, b.hi, c)
	}
	if u := raise(env, f0|f1); u != 0 {
		return u
	}
	s, fl := softfloat.Add64(p0, p1, c)
	return finish(env, op, ymm{{s & -uint64(imm&1), s & -uint64(imm>>1&1)}}, fl)
}
