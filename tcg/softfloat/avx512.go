package softfloat

import "math/bits"

// What AVX-512 has beyond SSE's operations.

// ToUint converts to an unsigned integer of size bits (32 or 64). What does not fit gives IE and all ones.
func ToUint(a Num, size uint, c Ctl) (uint64, Flags) {
	indef := ^uint64(0) >> (64 - size)
	if a.Class >= Inf {
		return indef, IE
	}
	v, big, fl := magnitude(a, c)
	if big || v > indef || a.Neg && v != 0 {
		return indef, IE
	}
	return v, fl
}

// FromUint gives the Num of an unsigned integer.
func FromUint(v uint64) Num {
	if v == 0 {
		return Num{}
	}
	lz := bits.LeadingZeros64(v)
	return Num{Class: Finite, Sig: v << lz, Exp: 63 - int32(lz)}
}

// FloorLog2 gives the exponent of a as VGETEXP does: of NaNs themselves, quieted, of infinities and zeros infinities.
func FloorLog2(a Num) (Num, Flags) {
	if r, fl, is := nan1(a); is {
		return r, fl
	}
	switch a.Class {
	case Inf:
		return Num{Class: Inf}, 0
	case Zero:
		return Num{Class: Inf, Neg: true}, 0
	}
	return FromInt(int64(a.Exp)), denFlag(a, a)
}

// Mantissa normalizes the significand of a as VGETMANT does: interval is imm8[1:0] and sign imm8[3:2] (SDM vol. 2C, VGETMANTPD).
func Mantissa(a Num, interval, sign uint8) (Num, Flags) {
	if r, fl, is := nan1(a); is {
		return r, fl
	}
	one := Num{Class: Finite, Sig: top, Neg: a.Neg && sign&1 == 0}
	if a.Neg && sign&2 != 0 && a.Class != Zero {
		return defaultNaN, IE
	}
	if a.Class != Finite {
		return one, 0
	}
	fl := denFlag(a, a)
	one.Sig = a.Sig
	switch {
	case interval == 1 && a.Exp&1 != 0, interval == 2, interval == 3 && a.Sig&(top>>1) != 0:
		one.Exp = -1
	}
	return one, fl
}

// RoundScaled rounds to a multiple of 2^-m (VRNDSCALE), by c. A denormal raises nothing.
func RoundScaled(a Num, m int32, c Ctl) (Num, Flags) {
	a.Den = false
	a.Exp += m
	r, fl := RoundInt(a, c)
	r.Exp -= m
	return r, fl &^ DE
}

// ScaleByFloor gives a * 2^floor(b) (SDM vol. 2C, VSCALEFPD), not rounded yet.
func ScaleByFloor(a, b Num) (Num, Flags) {
	var fl Flags
	if a.Class == SNaN || b.Class == SNaN {
		fl = IE
	}
	inf := b.Class == Inf
	switch {
	case a.Class == SNaN:
		return a.quiet(), fl
	case a.Class == QNaN && !(inf && fl == 0):
		return a, fl
	case a.Class == QNaN && b.Neg:
		return Num{}, 0
	case a.Class == QNaN:
		return Num{Class: Inf}, 0
	case b.IsNaN():
		return b.quiet(), fl
	case inf && (a.Class == Inf && b.Neg || a.Class == Zero && !b.Neg):
		return defaultNaN, IE
	case a.Class == Inf, a.Class == Zero:
		return a, 0
	case inf && b.Neg:
		return Num{Neg: a.Neg}, denFlag(a, a)
	case inf:
		return Num{Class: Inf, Neg: a.Neg}, denFlag(a, a)
	}
	const far = 1 << 14 // beyond all exponents
	n := int64(0)
	switch {
	case b.Class == Zero:
	case b.Exp >= 14:
		n = far
		if b.Neg {
			n = -far
		}
	default:
		n, _ = ToInt(b, 64, Down)
	}
	fl = denFlag(a, b)
	a.Exp += int32(n)
	a.Den = false
	return a, fl
}
