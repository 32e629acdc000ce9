package simd

import (
	"encoding/binary"

	"goemu/tcg"
	"goemu/tcg/softfloat"
	"goemu/tcg/x87"
)

// quads are the elements of a YMM value as quadwords.
func quads(v ymm) [4]uint64 { return [4]uint64{v[0].lo, v[0].hi, v[1].lo, v[1].hi} }

// fromQuads is the reverse.
func fromQuads(q [4]uint64) ymm { return ymm{{q[0], q[1]}, {q[2], q[3]}} }

// widen converts the doublewords in the low half of r/m to quadwords.
func widen(env *tcg.Env, op *tcg.Op, mem *[32]byte, f func(x uint32, c softfloat.Ctl) (uint64, softfloat.Flags)) uint32 {
	c, b := softfloat.FromMXCSR(env.MXCSR), rm128(env, op, mem)
	if op.KRM == tcg.VMMX {
		b.lo = rm64(env, op, mem)
	}
	var q [4]uint64
	var all, fl softfloat.Flags
	for i := range q[:2*lanes(op)] {
		q[i], fl = f(dwordAt(b, uint(i)), c)
		all |= fl
	}
	return finish(env, op, fromQuads(q), all)
}

// narrow converts the quadwords of r/m to doublewords in the low half of the destination, or to an MMX register.
func narrow(env *tcg.Env, op *tcg.Op, mem *[32]byte, f func(x uint64, c softfloat.Ctl) (uint32, softfloat.Flags)) uint32 {
	c, b := softfloat.FromMXCSR(env.MXCSR), quads(rmY(env, op, mem))
	var d [4]uint32
	var all, fl softfloat.Flags
	for i := range d[:2*lanes(op)] {
		d[i], fl = f(b[i], c)
		all |= fl
	}
	if u := raise(env, all); u != 0 {
		return u
	}
	v := pack4(d[0], d[1], d[2], d[3])
	if op.KReg == tcg.VMMX {
		x87.WriteMMX(&env.X87, op.VReg, v.lo)
	} else {
		setX(env, op, op.VReg, v)
	}
	return 0
}

func cvtps2pd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return widen(env, op, mem, softfloat.Widen)
}

func cvtpd2ps(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return narrow(env, op, mem, softfloat.Narrow)
}

// cvtdq2pd is CVTDQ2PD and CVTPI2PD, always exact.
func cvtdq2pd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return widen(env, op, mem, func(x uint32, _ softfloat.Ctl) (uint64, softfloat.Flags) {
		return softfloat.IntTo64(int64(int32(x)), 0)
	})
}

// toInt32 and toInt64 convert to 32-bit integers by the rounding mode, trunc32 and trunc64 by truncation.
func toInt32(b uint32, c softfloat.Ctl) (uint32, softfloat.Flags) {
	v, fl := softfloat.ToInt(softfloat.Unpack32(b, c), 32, c)
	return uint32(v), fl
}

func toInt64(b uint64, c softfloat.Ctl) (uint32, softfloat.Flags) {
	v, fl := softfloat.ToInt(softfloat.Unpack64(b, c), 32, c)
	return uint32(v), fl
}

func trunc64(b uint64, c softfloat.Ctl) (uint32, softfloat.Flags) {
	return toInt64(b, c|softfloat.Truncate)
}

// cvtpd2dq and cvttpd2dq convert to an XMM register (PD2DQ) or an MMX register (PD2PI).
func cvtpd2dq(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32  { return narrow(env, op, mem, toInt64) }
func cvttpd2dq(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 { return narrow(env, op, mem, trunc64) }

func cvtss2sd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	x, fl := softfloat.Widen(uint32(rm64(env, op, mem)), softfloat.FromMXCSR(env.MXCSR))
	return setSD(env, op, x, fl)
}

func cvtsd2ss(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	x, fl := softfloat.Narrow(rm64(env, op, mem), softfloat.FromMXCSR(env.MXCSR))
	return setSS(env, op, x, fl)
}

func cvtdq2ps(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	f := func(_, b uint32, c softfloat.Ctl) (uint32, softfloat.Flags) {
		return softfloat.IntTo32(int64(int32(b)), c)
	}
	return packed32(env, op, mem, f, f)
}

func cvtps2dq(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	f := func(_, b uint32, c softfloat.Ctl) (uint32, softfloat.Flags) { return toInt32(b, c) }
	return packed32(env, op, mem, f, f)
}

func cvttps2dq(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	f := func(_, b uint32, c softfloat.Ctl) (uint32, softfloat.Flags) { return toInt32(b, c|softfloat.Truncate) }
	return packed32(env, op, mem, f, f)
}

func cvtpi2ps(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	c, b := softfloat.FromMXCSR(env.MXCSR), rm64(env, op, mem)
	x0, f0 := softfloat.IntTo32(int64(int32(b)), c)
	x1, f1 := softfloat.IntTo32(int64(b)>>32, c)
	return setSD(env, op, uint64(x0)|uint64(x1)<<32, f0|f1)
}

func cvtps2pi(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return ps2pi(env, op, mem, softfloat.FromMXCSR(env.MXCSR))
}
func cvttps2pi(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return ps2pi(env, op, mem, softfloat.FromMXCSR(env.MXCSR)|softfloat.Truncate)
}
func ps2pi(env *tcg.Env, op *tcg.Op, mem *[32]byte, c softfloat.Ctl) uint32 {
	b := rm64(env, op, mem)
	x0, f0 := toInt32(uint32(b), c)
	x1, f1 := toInt32(uint32(b>>32), c)
	if u := raise(env, f0|f1); u != 0 {
		return u
	}
	x87.WriteMMX(&env.X87, op.VReg, uint64(x0)|uint64(x1)<<32)
	return 0
}

// intArg is the general register or memory operand of CVTSI2SS and CVTSI2SD.
func intArg(env *tcg.Env, op *tcg.Op, mem *[32]byte) int64 {
	v := rm64(env, op, mem)
	if op.Enc.RexW {
		return int64(v)
	}
	return int64(int32(v))
}

func cvtsi2ss(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	x, fl := softfloat.IntTo32(intArg(env, op, mem), softfloat.FromMXCSR(env.MXCSR))
	return setSS(env, op, x, fl)
}

func cvtsi2sd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	x, fl := softfloat.IntTo64(intArg(env, op, mem), softfloat.FromMXCSR(env.MXCSR))
	return setSD(env, op, x, fl)
}

// cvt2si is CVT(T)SS2SI and CVT(T)SD2SI: opcode 2C truncates.
func cvt2si(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
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

// vcvtph2ps converts half precision to single. Denormals are numbers like others: DAZ does not matter and DE is not raised.
func vcvtph2ps(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	b := rm128(env, op, mem)
	var r ymm
	var all softfloat.Flags
	for i := range uint(4 * lanes(op)) {
		x, fl := softfloat.WidenHalf(wordAt(b, i))
		r[i>>2] = setLane(r[i>>2], i&3*32, 32, uint64(x))
		all |= fl
	}
	return finish(env, op, r, all)
}

// vcvtps2ph converts single precision to half, rounding as bits 2..0 of the immediate say.
func vcvtps2ph(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	c := roundCtl(softfloat.FromMXCSR(env.MXCSR), uint8(op.Imm))
	a := getY(env, op.VReg)
	var r vec
	var all softfloat.Flags
	for i := range uint(4 * lanes(op)) {
		x, fl := softfloat.NarrowHalf(dwordAt(a[i>>2], i&3), c)
		r = setLane(r, 16*i, 16, uint64(x))
		all |= fl
	}
	if u := raise(env, all); u != 0 {
		return u
	}
	if op.KRM == tcg.VMem {
		binary.LittleEndian.PutUint64(mem[:], r.lo)
		binary.LittleEndian.PutUint64(mem[8:], r.hi)
	} else {
		setX(env, op, op.VRM, r)
	}
	return 0
}
