package simd

import (
	"math"

	"goemu/tcg/softfloat"
)

// signsB, signsD and signsQ widen the top bit of each lane of m to the lane.
func signsB(m, _ uint64) uint64 { return signMask(m, hi8, 8) }
func signsD(m, _ uint64) uint64 { return signMask(m, hi32, 32) }
func signsQ(m, _ uint64) uint64 { return uint64(int64(m) >> 63) }

// RCPPS and RSQRTPS are approximations whose last bits are left to the CPU
// model (SDM vol. 2: relative error at most 1.5 * 2^-12). Here they are those of AMD family
// 19h: the upper 12 fraction bits of the operand choose a result with 12 fraction bits,
// which is that of the middle of the operands that share it, rounded, but for a table of
// differences by one. No exceptions are raised, denormals are zeros, and tiny results become zero.

const (
	sign32 = 1 << 31
	inf32  = 0x7f800000
	nan32  = 0xffc00000
	norm32 = 0x00800000 // the smallest normal number
)

// middle gives the middle of the operands that share the table entry of b.
func middle(b uint32) float64 { return float64(math.Float32frombits(b&^0x7ff | 0x400)) }

// round12 rounds a positive v to 12 fraction bits, and to zero if it is no normal
// binary32. entry is the number of its delta.
func round12(v float64, entry uint32) uint32 {
	x := (math.Float64bits(v) + 1<<39) &^ (1<<40 - 1)
	r := math.Float32bits(float32(math.Float64frombits(x)))
	r += (uint32(approxDeltas[entry/3]-'0')>>(entry%3*2)&3 - 1) << 11
	if r < norm32 {
		return 0
	}
	return r
}

func rcp32(_, b uint32, _ softfloat.Ctl) (uint32, softfloat.Flags) {
	s, a := b&sign32, b&^sign32
	switch {
	case a > inf32:
		return b | 1<<22, 0
	case a == inf32:
		return s, 0
	case a < norm32:
		return s | inf32, 0
	}
	return s | round12(1/middle(a), a>>11&0xfff), 0
}

func rsqrt32(_, b uint32, _ softfloat.Ctl) (uint32, softfloat.Flags) {
	s, a := b&sign32, b&^sign32
	switch {
	case a > inf32:
		return b | 1<<22, 0
	case a < norm32:
		return s | inf32, 0
	case s != 0:
		return nan32, 0
	case a == inf32:
		return 0, 0
	}
	wide := ^a >> 23 & 1 // in [2,4) times a power of 4: the exponent's bias is odd
	return round12(1/math.Sqrt(middle(a)), 4096+wide<<12+a>>11&0xfff), 0
}
