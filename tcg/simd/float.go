package simd

import (
	"encoding/binary"

	"goemu/tcg"
	"goemu/tcg/softfloat"
	"goemu/tcg/x87"
)

func sqrt32(_, b uint32, c softfloat.Ctl) (uint32, softfloat.Flags) { return softfloat.Sqrt32(b, c) }
func sqrt64(_, b uint64, c softfloat.Ctl) (uint64, softfloat.Flags) { return softfloat.Sqrt64(b, c) }

// compare decides a predicate of CMPPS (SDM vol. 2, CMPPD table 3-1). QNaNs are invalid for the ordering ones.
func signals(imm uint8) bool { return imm&3 == 1 || imm&3 == 2 }

func holds(imm uint8, rel softfloat.Relation) bool {
	var r bool
	switch imm & 3 {
	case 0:
		r = rel == softfloat.Equal
	case 1:
		r = rel == softfloat.Less
	case 2:
		r = rel == softfloat.Less || rel == softfloat.Equal
	case 3:
		r = rel == softfloat.Unordered
	}
	return r != (imm&4 != 0)
}

func cmp32(a, b uint32, imm uint8, c softfloat.Ctl) (uint32, softfloat.Flags) {
	rel, fl := softfloat.Compare32(a, b, signals(imm), c)
	return uint32(mask64(holds(imm, rel))), fl
}

func cmp64(a, b uint64, imm uint8, c softfloat.Ctl) (uint64, softfloat.Flags) {
	rel, fl := softfloat.Compare64(a, b, signals(imm), c)
	return mask64(holds(imm, rel)), fl
}

func cmpps(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	c, imm := softfloat.FromMXCSR(env.MXCSR), uint8(op.Imm)
	a, b := getX(env, op.VReg), rm128(env, op, mem)
	x0, f0 := cmp32(uint32(a.lo), uint32(b.lo), imm, c)
	x1, f1 := cmp32(uint32(a.lo>>32), uint32(b.lo>>32), imm, c)
	x2, f2 := cmp32(uint32(a.hi), uint32(b.hi), imm, c)
	x3, f3 := cmp32(uint32(a.hi>>32), uint32(b.hi>>32), imm, c)
	if u := raise(env, f0|f1|f2|f3); u != 0 {
		return u
	}
	setX(env, op.VReg, pack4(x0, x1, x2, x3))
	return 0
}

func cmppd(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	c, imm := softfloat.FromMXCSR(env.MXCSR), uint8(op.Imm)
	a, b := getX(env, op.VReg), rm128(env, op, mem)
	x0, f0 := cmp64(a.lo, b.lo, imm, c)
	x1, f1 := cmp64(a.hi, b.hi, imm, c)
	if u := raise(env, f0|f1); u != 0 {
		return u
	}
	setX(env, op.VReg, vec{x0, x1})
	return 0
}

func cmpss(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	d := &env.XMM[op.VReg&15]
	x, fl := cmp32(uint32(d[0]), uint32(rm64(env, op, mem)), uint8(op.Imm), softfloat.FromMXCSR(env.MXCSR))
	return setSS(env, op.VReg, x, fl)
}

func cmpsd(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	d := &env.XMM[op.VReg&15]
	x, fl := cmp64(d[0], rm64(env, op, mem), uint8(op.Imm), softfloat.FromMXCSR(env.MXCSR))
	return setSD(env, op.VReg, x, fl)
}

// setSS and setSD write a scalar result unless one of fl is unmasked.
func setSS(env *tcg.Env, n uint8, x uint32, fl softfloat.Flags) uint32 {
	if u := raise(env, fl); u != 0 {
		return u
	}
	d := &env.XMM[n&15]
	d[0] = d[0]&^0xffffffff | uint64(x)
	return 0
}

func setSD(env *tcg.Env, n uint8, x uint64, fl softfloat.Flags) uint32 {
	if u := raise(env, fl); u != 0 {
		return u
	}
	env.XMM[n&15][0] = x
	return 0
}

// comis is (U)COMISS and (U)COMISD. COMIS (2F) signals QNaNs, UCOMIS (2E) does not.
func comis(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
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
func roundCtl(env *tcg.Env, imm uint8) softfloat.Ctl {
	c := softfloat.FromMXCSR(env.MXCSR)
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

func roundps(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	imm := uint8(op.Imm)
	c := roundCtl(env, imm)
	b := rm128(env, op, mem)
	x0, f0 := softfloat.Round32(uint32(b.lo), c)
	x1, f1 := softfloat.Round32(uint32(b.lo>>32), c)
	x2, f2 := softfloat.Round32(uint32(b.hi), c)
	x3, f3 := softfloat.Round32(uint32(b.hi>>32), c)
	if u := raise(env, roundFlags(f0|f1|f2|f3, imm)); u != 0 {
		return u
	}
	setX(env, op.VReg, pack4(x0, x1, x2, x3))
	return 0
}

func roundpd(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	imm := uint8(op.Imm)
	c := roundCtl(env, imm)
	b := rm128(env, op, mem)
	x0, f0 := softfloat.Round64(b.lo, c)
	x1, f1 := softfloat.Round64(b.hi, c)
	if u := raise(env, roundFlags(f0|f1, imm)); u != 0 {
		return u
	}
	setX(env, op.VReg, vec{x0, x1})
	return 0
}

func roundss(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	imm := uint8(op.Imm)
	x, fl := softfloat.Round32(uint32(rm64(env, op, mem)), roundCtl(env, imm))
	return setSS(env, op.VReg, x, roundFlags(fl, imm))
}

func roundsd(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	imm := uint8(op.Imm)
	x, fl := softfloat.Round64(rm64(env, op, mem), roundCtl(env, imm))
	return setSD(env, op.VReg, x, roundFlags(fl, imm))
}

// hpair32 applies f to the adjacent pairs of a and b, as HADDPS does.
func hadd32(env *tcg.Env, op *tcg.Op, mem *[16]byte, f func(a, b uint32, c softfloat.Ctl) (uint32, softfloat.Flags)) uint32 {
	c := softfloat.FromMXCSR(env.MXCSR)
	a, b := getX(env, op.VReg), rm128(env, op, mem)
	x0, f0 := f(uint32(a.lo), uint32(a.lo>>32), c)
	x1, f1 := f(uint32(a.hi), uint32(a.hi>>32), c)
	x2, f2 := f(uint32(b.lo), uint32(b.lo>>32), c)
	x3, f3 := f(uint32(b.hi), uint32(b.hi>>32), c)
	if u := raise(env, f0|f1|f2|f3); u != 0 {
		return u
	}
	setX(env, op.VReg, pack4(x0, x1, x2, x3))
	return 0
}

func hadd64(env *tcg.Env, op *tcg.Op, mem *[16]byte, f func(a, b uint64, c softfloat.Ctl) (uint64, softfloat.Flags)) uint32 {
	c := softfloat.FromMXCSR(env.MXCSR)
	a, b := getX(env, op.VReg), rm128(env, op, mem)
	x0, f0 := f(a.lo, a.hi, c)
	x1, f1 := f(b.lo, b.hi, c)
	if u := raise(env, f0|f1); u != 0 {
		return u
	}
	setX(env, op.VReg, vec{x0, x1})
	return 0
}

func haddps(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	return hadd32(env, op, mem, softfloat.Add32)
}
func hsubps(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	return hadd32(env, op, mem, softfloat.Sub32)
}
func haddpd(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	return hadd64(env, op, mem, softfloat.Add64)
}
func hsubpd(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	return hadd64(env, op, mem, softfloat.Sub64)
}

func addsubps(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	c := softfloat.FromMXCSR(env.MXCSR)
	a, b := getX(env, op.VReg), rm128(env, op, mem)
	x0, f0 := softfloat.Sub32(uint32(a.lo), uint32(b.lo), c)
	x1, f1 := softfloat.Add32(uint32(a.lo>>32), uint32(b.lo>>32), c)
	x2, f2 := softfloat.Sub32(uint32(a.hi), uint32(b.hi), c)
	x3, f3 := softfloat.Add32(uint32(a.hi>>32), uint32(b.hi>>32), c)
	if u := raise(env, f0|f1|f2|f3); u != 0 {
		return u
	}
	setX(env, op.VReg, pack4(x0, x1, x2, x3))
	return 0
}

func addsubpd(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	c := softfloat.FromMXCSR(env.MXCSR)
	a, b := getX(env, op.VReg), rm128(env, op, mem)
	x0, f0 := softfloat.Sub64(a.lo, b.lo, c)
	x1, f1 := softfloat.Add64(a.hi, b.hi, c)
	if u := raise(env, f0|f1); u != 0 {
		return u
	}
	setX(env, op.VReg, vec{x0, x1})
	return 0
}

// dpps multiplies the lanes chosen by imm bits 7..4, adds the products in
// pairs, and writes the sum to the lanes of bits 3..0.
func dpps(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	c, imm := softfloat.FromMXCSR(env.MXCSR), uint8(op.Imm)
	a, b := getX(env, op.VReg), rm128(env, op, mem)
	var p [4]uint32
	var fl softfloat.Flags
	for i := range p {
		if imm>>(4+i)&1 != 0 {
			var f softfloat.Flags
			p[i], f = softfloat.Mul32(dwordAt(a, uint(i)), dwordAt(b, uint(i)), c)
			fl |= f
		}
	}
	if u := raise(env, fl); u != 0 {
		return u
	}
	s0, f0 := softfloat.Add32(p[0], p[1], c)
	s1, f1 := softfloat.Add32(p[2], p[3], c)
	if u := raise(env, f0|f1); u != 0 {
		return u
	}
	s, fl := softfloat.Add32(s0, s1, c)
	if u := raise(env, fl); u != 0 {
		return u
	}
	m := func(i uint8) uint32 { return s & -uint32(imm>>i&1) }
	setX(env, op.VReg, pack4(m(0), m(1), m(2), m(3)))
	return 0
}

func dppd(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	c, imm := softfloat.FromMXCSR(env.MXCSR), uint8(op.Imm)
	a, b := getX(env, op.VReg), rm128(env, op, mem)
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
	if u := raise(env, fl); u != 0 {
		return u
	}
	setX(env, op.VReg, vec{s & -uint64(imm&1), s & -uint64(imm>>1&1)})
	return 0
}

// Conversions.

func cvtps2pd(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	c, b := softfloat.FromMXCSR(env.MXCSR), rm64(env, op, mem)
	x0, f0 := softfloat.Widen(uint32(b), c)
	x1, f1 := softfloat.Widen(uint32(b>>32), c)
	if u := raise(env, f0|f1); u != 0 {
		return u
	}
	setX(env, op.VReg, vec{x0, x1})
	return 0
}

func cvtpd2ps(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	c, b := softfloat.FromMXCSR(env.MXCSR), rm128(env, op, mem)
	x0, f0 := softfloat.Narrow(b.lo, c)
	x1, f1 := softfloat.Narrow(b.hi, c)
	if u := raise(env, f0|f1); u != 0 {
		return u
	}
	setX(env, op.VReg, pack4(x0, x1, 0, 0))
	return 0
}

func cvtss2sd(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	x, fl := softfloat.Widen(uint32(rm64(env, op, mem)), softfloat.FromMXCSR(env.MXCSR))
	return setSD(env, op.VReg, x, fl)
}

func cvtsd2ss(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	x, fl := softfloat.Narrow(rm64(env, op, mem), softfloat.FromMXCSR(env.MXCSR))
	return setSS(env, op.VReg, x, fl)
}

func cvtdq2ps(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	c, b := softfloat.FromMXCSR(env.MXCSR), rm128(env, op, mem)
	x0, f0 := softfloat.IntTo32(int64(int32(b.lo)), c)
	x1, f1 := softfloat.IntTo32(int64(b.lo)>>32, c)
	x2, f2 := softfloat.IntTo32(int64(int32(b.hi)), c)
	x3, f3 := softfloat.IntTo32(int64(b.hi)>>32, c)
	if u := raise(env, f0|f1|f2|f3); u != 0 {
		return u
	}
	setX(env, op.VReg, pack4(x0, x1, x2, x3))
	return 0
}

// cvtdq2pd is CVTDQ2PD and CVTPI2PD, always exact.
func cvtdq2pd(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	b := rm64(env, op, mem)
	x0, _ := softfloat.IntTo64(int64(int32(b)), 0)
	x1, _ := softfloat.IntTo64(int64(b)>>32, 0)
	setX(env, op.VReg, vec{x0, x1})
	return 0
}

func cvtpi2ps(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	c, b := softfloat.FromMXCSR(env.MXCSR), rm64(env, op, mem)
	x0, f0 := softfloat.IntTo32(int64(int32(b)), c)
	x1, f1 := softfloat.IntTo32(int64(b)>>32, c)
	if u := raise(env, f0|f1); u != 0 {
		return u
	}
	env.XMM[op.VReg&15][0] = uint64(x0) | uint64(x1)<<32
	return 0
}

// intArg is the general register or memory operand of CVTSI2SS and CVTSI2SD.
func intArg(env *tcg.Env, op *tcg.Op, mem *[16]byte) int64 {
	v := rm64(env, op, mem)
	if op.Enc.RexW {
		return int64(v)
	}
	return int64(int32(v))
}

func cvtsi2ss(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	x, fl := softfloat.IntTo32(intArg(env, op, mem), softfloat.FromMXCSR(env.MXCSR))
	return setSS(env, op.VReg, x, fl)
}

func cvtsi2sd(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	x, fl := softfloat.IntTo64(intArg(env, op, mem), softfloat.FromMXCSR(env.MXCSR))
	return setSD(env, op.VReg, x, fl)
}

func toInt32(b uint32, c softfloat.Ctl) (uint32, softfloat.Flags) {
	v, fl := softfloat.ToInt(softfloat.Unpack32(b, c), 32, c)
	return uint32(v), fl
}

func toInt64(b uint64, c softfloat.Ctl) (uint32, softfloat.Flags) {
	v, fl := softfloat.ToInt(softfloat.Unpack64(b, c), 32, c)
	return uint32(v), fl
}

func cvtps2dq(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	return ps2dq(env, op, mem, softfloat.FromMXCSR(env.MXCSR))
}
func cvttps2dq(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	return ps2dq(env, op, mem, softfloat.FromMXCSR(env.MXCSR)|softfloat.Truncate)
}
func ps2dq(env *tcg.Env, op *tcg.Op, mem *[16]byte, c softfloat.Ctl) uint32 {
	b := rm128(env, op, mem)
	x0, f0 := toInt32(uint32(b.lo), c)
	x1, f1 := toInt32(uint32(b.lo>>32), c)
	x2, f2 := toInt32(uint32(b.hi), c)
	x3, f3 := toInt32(uint32(b.hi>>32), c)
	if u := raise(env, f0|f1|f2|f3); u != 0 {
		return u
	}
	setX(env, op.VReg, pack4(x0, x1, x2, x3))
	return 0
}

func cvtpd2dq(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	return pd2dq(env, op, mem, softfloat.FromMXCSR(env.MXCSR))
}
func cvttpd2dq(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	return pd2dq(env, op, mem, softfloat.FromMXCSR(env.MXCSR)|softfloat.Truncate)
}

// pd2dq converts to an XMM register (PD2DQ) or an MMX register (PD2PI).
func pd2dq(env *tcg.Env, op *tcg.Op, mem *[16]byte, c softfloat.Ctl) uint32 {
	b := rm128(env, op, mem)
	x0, f0 := toInt64(b.lo, c)
	x1, f1 := toInt64(b.hi, c)
	if u := raise(env, f0|f1); u != 0 {
		return u
	}
	setLow(env, op, uint64(x0)|uint64(x1)<<32)
	return 0
}

// setLow writes an MMX register, or an XMM register with its high half cleared.
func setLow(env *tcg.Env, op *tcg.Op, v uint64) {
	if op.KReg == tcg.VMMX {
		x87.WriteMMX(&env.X87, op.VReg, v)
	} else {
		setX(env, op.VReg, vec{v, 0})
	}
}

func cvtps2pi(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	return ps2pi(env, op, mem, softfloat.FromMXCSR(env.MXCSR))
}
func cvttps2pi(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	return ps2pi(env, op, mem, softfloat.FromMXCSR(env.MXCSR)|softfloat.Truncate)
}
func ps2pi(env *tcg.Env, op *tcg.Op, mem *[16]byte, c softfloat.Ctl) uint32 {
	b := rm64(env, op, mem)
	x0, f0 := toInt32(uint32(b), c)
	x1, f1 := toInt32(uint32(b>>32), c)
	if u := raise(env, f0|f1); u != 0 {
		return u
	}
	setLow(env, op, uint64(x0)|uint64(x1)<<32)
	return 0
}

// cvt2si is CVT(T)SS2SI and CVT(T)SD2SI: opcode 2C truncates.
func cvt2si(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	c := softfloat.FromMXCSR(env.MXCSR)
	if op.Enc.Opcode == 0x2c {
		c |= softfloat.Truncate
	}
	b := rm64(env, op, mem)
	var n softfloat.Num
	if op.Enc.PP == 0xf2 {
		n = softfloat.Unpack64(b, c)
	} else {
		n = softfloat.Unpack32(uint32(b), c)
	}
	size := uint(32)
	if op.Enc.RexW {
		size = 64
	}
	v, fl := softfloat.ToInt(n, size, c)
	if u := raise(env, fl); u != 0 {
		return u
	}
	if size == 32 {
		v = int64(uint32(v))
	}
	setGPR(env, op.VReg, uint64(v))
	return 0
}

// crc32c accumulates size bytes of v into crc (polynomial 11EDC6F41, reflected).
func crc32c(crc uint32, v uint64, size int) uint32 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	for _, x := range b[:size] {
		crc = castagnoli[uint8(crc)^x] ^ crc>>8
	}
	return crc
}

// crc32 is CRC32 r, r/m: opcode F0 takes a byte, F1 the operand size.
func crc32(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32 {
	size := 1
	switch {
	case op.Enc.Opcode == 0xf0:
	case op.Enc.RexW:
		size = 8
	case op.KRM == tcg.VMem:
		size = min(int(op.MemBytes), 8)
	default:
		size = min(op.SrcW.Bytes(), 8)
	}
	v := rm64(env, op, mem)
	if op.KRM == tcg.VGPR && op.VRM >= 16 {
		v = env.GPR[op.VRM&3] >> 8
	}
	setGPR(env, op.VReg, uint64(crc32c(uint32(env.GPR[op.VReg&15]), v, size)))
	return 0
}
