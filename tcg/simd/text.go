package simd

import (
	"math/bits"

	"goemu/tcg"
)

// Fields of the immediate of PCMPxSTRx (SDM vol. 2 4.1).
const (
	strWords   = 1 << 0
	strSigned  = 1 << 1
	strAgg     = 3 << 2
	strNegate  = 1 << 4
	strMasked  = 1 << 5 // negate only where the second string is valid
	strOutput  = 1 << 6 // index of the highest bit; or a mask of bytes or words
	aggAny     = 0 << 2
	aggRanges  = 1 << 2
	aggEach    = 2 << 2
	aggOrdered = 3 << 2
)

// element gives element i of a string, extended as the immediate says.
func element(a vec, i uint, imm uint8) int32 {
	switch imm & (strWords | strSigned) {
	case 0:
		return int32(byteAt(a, i))
	case strWords:
		return int32(wordAt(a, i))
	case strSigned:
		return int32(int8(byteAt(a, i)))
	}
	return int32(int16(wordAt(a, i)))
}

// implicitLen is the number of elements before the first zero.
func implicitLen(a vec, n uint, imm uint8) uint {
	for i := uint(0); i < n; i++ {
		if element(a, i, imm) == 0 {
			return i
		}
	}
	return n
}

// explicitLen is the absolute value of a length register, at most n.
func explicitLen(v uint64, wide bool, n uint) uint {
	l := int64(v)
	if !wide {
		l = int64(int32(v))
	}
	if l < 0 {
		l = -l
	}
	return uint(min(uint64(l), uint64(n)))
}

// aggregate computes IntRes1: one bit for each element of b.
func aggregate(a, b vec, la, lb, n uint, imm uint8) (res uint32) {
	for j := uint(0); j < n; j++ {
		hit := false
		switch imm & strAgg {
		case aggAny:
			for i := uint(0); i < la && j < lb && !hit; i++ {
				hit = element(a, i, imm) == element(b, j, imm)
			}
		case aggRanges:
			for i := uint(0); i+1 < la && j < lb && !hit; i += 2 {
				x := element(b, j, imm)
				hit = element(a, i, imm) <= x && x <= element(a, i+1, imm)
			}
		case aggEach:
			hit = j >= la && j >= lb || j < la && j < lb && element(a, j, imm) == element(b, j, imm)
		case aggOrdered:
			hit = true
			for i := uint(0); i < la && i+j < n && hit; i++ {
				hit = i+j < lb && element(a, i, imm) == element(b, i+j, imm)
			}
		}
		if hit {
			res |= 1 << j
		}
	}
	return res
}

// pcmpstr is PCMPESTRM, PCMPESTRI, PCMPISTRM and PCMPISTRI (0F3A 60..63).
func pcmpstr(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	imm := uint8(op.Imm)
	a, b := getX(env, op.VReg), rm128(env, op, mem)
	n := uint(16)
	if imm&strWords != 0 {
		n = 8
	}
	var la, lb uint
	if op.Enc.Opcode&2 != 0 {
		la, lb = implicitLen(a, n, imm), implicitLen(b, n, imm)
	} else {
		la, lb = explicitLen(env.GPR[0], op.Enc.RexW, n), explicitLen(env.GPR[2], op.Enc.RexW, n)
	}
	res := aggregate(a, b, la, lb, n, imm)
	if imm&strNegate != 0 {
		if imm&strMasked != 0 {
			res ^= 1<<lb - 1
		} else {
			res ^= 1<<n - 1
		}
	}
	if op.Enc.Opcode&1 != 0 {
		setGPR(env, 1, strIndex(res, n, imm))
	} else {
		setX(env, op, 0, strMask(res, n, imm))
	}
	env.CC = tcg.CCFixed | flag(res != 0, tcg.CCC) | flag(lb < n, tcg.CCZ) | flag(la < n, tcg.CCS) | flag(res&1 != 0, tcg.CCO)
	return 0
}

func strIndex(res uint32, n uint, imm uint8) uint64 {
	switch {
	case res == 0:
		return uint64(n)
	case imm&strOutput != 0:
		return uint64(bits.Len32(res) - 1)
	}
	return uint64(bits.TrailingZeros32(res))
}

func strMask(res uint32, n uint, imm uint8) (r vec) {
	if imm&strOutput == 0 {
		return vec{uint64(res), 0}
	}
	size := 128 / n
	for i := uint(0); i < n; i++ {
		if res>>i&1 != 0 {
			r = setLane(r, size*i, size, ^uint64(0))
		}
	}
	return r
}
