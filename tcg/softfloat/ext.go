package softfloat

import "math/bits"

// DefaultNaN is the double extended real indefinite.
var DefaultNaN = F80{0xffff, top | top>>1}

// Constants the x87 can load, to 128 bits: sig:lo * 2^(exp-63).
type constant struct {
	exp     int32
	sig, lo uint64
}

// constants are in the order of FLD1 FLDL2T FLDL2E FLDPI FLDLG2 FLDLN2 FLDZ (D9 E8..EE).
var constants = [7]constant{
	{0, top, 0},
	{1, 0xd49a784bcd1b8afe, 0x492bf6ff4dafdb4c},
	{0, 0xb8aa3b295c17f0bb, 0xbe87fed0691d3e88},
	{1, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1},
	{-2, 0x9a209a84fbcff798, 0x8f8959ac0b7c9178},
	{-1, 0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af},
	{},
}

// Constant gives the n-th constant of D9 E8..EE, rounded by the mode of c to 64 bits.
func Constant(n int, c Ctl) F80 {
	k := &constants[n]
	if k.sig == 0 {
		return F80{}
	}
	r, _ := Pack80(Num{Class: Finite, Exp: k.exp, Sig: k.sig}, k.lo, 0, c|Prec64)
	return r
}

// Quiet is a one-operand step that only quiets NaNs: what a conversion to
// double extended does to n. Denormals raise DE.
func Quiet(n Num) (Num, Flags) {
	if r, fl, is := nan1(n); is {
		return r, fl
	}
	return n, denFlag(n, n)
}

// QuietNaN is Quiet without DE, for stores.
func QuietNaN(n Num) (Num, Flags) {
	r, fl := Quiet(n)
	return r, fl &^ DE
}

// Scale is FSCALE: a * 2^trunc(b).
func Scale(a, b Num, c Ctl) (F80, Flags) {
	c |= Prec64
	if r, fl, is := nan2(a, b, c); is {
		return pack80(r, fl, c)
	}
	fl := denFlag(a, b)
	switch {
	case b.Class == Inf && !b.Neg:
		if a.Class == Zero {
			return DefaultNaN, IE
		}
		return pack80(Num{Class: Inf, Neg: a.Neg, Sig: top}, fl, c)
	case b.Class == Inf:
		if a.Class == Inf {
			return DefaultNaN, IE
		}
		return pack80(Num{Neg: a.Neg}, fl, c)
	case a.Class != Finite || b.Class == Zero:
		return pack80(a, fl, c)
	}
	n, big, _ := magnitude(b, c|Truncate)
	if big || n > 1<<17 {
		n = 1 << 17
	}
	if b.Neg {
		a.Exp -= int32(n)
	} else {
		a.Exp += int32(n)
	}
	return pack80(a, fl, c)
}

func pack80(n Num, fl Flags, c Ctl) (F80, Flags) { return Pack80(n, 0, fl, c) }

// Extract is FXTRACT: the exponent of a as a number, and its significand with exponent 0.
func Extract(a Num) (exp, sig Num, fl Flags) {
	if r, fl, is := nan1(a); is {
		return r, r, fl
	}
	switch a.Class {
	case Zero:
		return Num{Class: Inf, Neg: true, Sig: top}, a, ZE
	case Inf:
		return Num{Class: Inf, Sig: top}, a, 0
	}
	exp, fl = FromInt(int64(a.Exp)), denFlag(a, a)
	a.Exp, a.Den = 0, false
	return exp, a, fl
}

// Remainder is FPREM, or FPREM1 if nearest is set: a - b*q. It returns the low
// bits of q. If the exponents differ by 64 or more the reduction is partial.
func Remainder(a, b Num, nearest bool, c Ctl) (r F80, q uint64, partial bool, fl Flags) {
	c |= Prec64
	if n, fl, is := nan2(a, b, c); is {
		r, fl = pack80(n, fl, c)
		return r, 0, false, fl
	}
	if a.Class == Inf || b.Class == Zero {
		return DefaultNaN, 0, false, IE
	}
	fl = denFlag(a, b)
	d := a.Exp - b.Exp
	if a.Class == Zero || b.Class == Inf || d < -1 || d < 0 && !nearest {
		r, fl = pack80(a, fl, c)
		return r, 0, false, fl
	}
	steps, left := d, int32(0)
	if d >= 64 {
		steps = d&31 | 32
		left, partial, nearest = d-steps, true, false
	}
	rem := a.Sig
	if d < 0 { // half of a fits
		if over := rem > b.Sig; !over {
			r, fl = pack80(a, fl, c)
			return r, 0, false, fl
		}
		// a > b/2: the quotient is 1, the remainder a-b.
		hi, lo, _ := Sub(Num{Class: Finite, Exp: a.Exp, Sig: a.Sig}, Num{Class: Finite, Exp: b.Exp, Sig: b.Sig}, c)
		hi.Neg = hi.Neg != a.Neg
		r, fl2 := Pack80(hi, lo, fl, c)
		return r, 1, false, fl2
	}
	if rem >= b.Sig {
		rem -= b.Sig
		q = 1
	}
	for range steps {
		carry := rem >> 63
		rem <<= 1
		q <<= 1
		if carry != 0 || rem >= b.Sig {
			rem -= b.Sig
			q |= 1
		}
	}
	neg := a.Neg
	if nearest && rem != 0 && (rem > b.Sig-rem || rem == b.Sig-rem && q&1 != 0) {
		rem = b.Sig - rem
		neg = !neg
		q++
	}
	if rem == 0 {
		return F80{SE: uint16(btoi(a.Neg)) << 15}, q, partial, fl
	}
	lz := bits.LeadingZeros64(rem)
	n := Num{Class: Finite, Neg: neg, Exp: b.Exp + left - int32(lz), Sig: rem << lz}
	r, fl = pack80(n, fl, c)
	return r, q, partial, fl
}

// maxBCD is the largest magnitude a packed BCD operand holds: 18 digits.
const maxBCD = 999999999999999999

// FromBCD converts a packed BCD operand (SDM vol. 1 4.7). Digits above 9 count as they are.
func FromBCD(b []byte) Num {
	var v uint64
	for i := 8; i >= 0; i-- {
		v = v*100 + uint64(b[i]>>4)*10 + uint64(b[i]&15)
	}
	n := FromInt(int64(v))
	n.Neg = b[9]&0x80 != 0
	return n
}

// ToBCD rounds a to an integer and stores it as packed BCD. What does not fit gives IE and
// the BCD indefinite.
func ToBCD(a Num, b []byte, c Ctl) Flags {
	var v uint64
	var fl Flags
	bad := a.Class >= Inf
	if !bad {
		var big bool
		v, big, fl = magnitude(a, c)
		bad = big || v > maxBCD
	}
	if bad {
		copy(b, []byte{0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff})
		return IE
	}
	for i := range 9 {
		b[i] = byte(v%10 | v/10%10<<4)
		v /= 100
	}
	b[9] = byte(btoi(a.Neg)) << 7
	return fl
}
