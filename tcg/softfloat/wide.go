package softfloat

import "math/bits"

// wide is a number with a 128-bit significand for the transcendental functions:
// hi:lo * 2^(exp-127), bit 127 set unless it is zero.
type wide struct {
	neg    bool
	exp    int32
	hi, lo uint64
}

// fix is an unsigned fixed-point number with 127 bits after the point.
type fix struct{ hi, lo uint64 }

var fixOne = fix{top, 0}

// mul128 is the upper half of the product of two 128-bit numbers.
func mul128(ah, al, bh, bl uint64) (hi, lo uint64) {
	h1, l1 := bits.Mul64(ah, bh)
	h2, l2 := bits.Mul64(ah, bl)
	h3, l3 := bits.Mul64(al, bh)
	h4, _ := bits.Mul64(al, bl)
	m, c1 := bits.Add64(l2, l3, 0)
	_, c2 := bits.Add64(m, h4, 0)
	lo, ca := bits.Add64(l1, h2, c1)
	lo, cb := bits.Add64(lo, h3, c2)
	return h1 + ca + cb, lo
}

func (a fix) mul(b fix) fix {
	hi, lo := mul128(a.hi, a.lo, b.hi, b.lo)
	return fix{hi<<1 | lo>>63, lo << 1}
}

func (a fix) add(b fix) fix {
	lo, c := bits.Add64(a.lo, b.lo, 0)
	return fix{a.hi + b.hi + c, lo}
}

func (a fix) sub(b fix) fix {
	lo, c := bits.Sub64(a.lo, b.lo, 0)
	return fix{a.hi - b.hi - c, lo}
}

// div divides by a small integer.
func (a fix) div(k uint64) fix {
	lo, _ := bits.Div64(a.hi%k, a.lo, k)
	return fix{a.hi / k, lo}
}

// wide gives a as a wide number.
func (a fix) wide() wide { return wide{hi: a.hi, lo: a.lo}.normal() }

// fix gives the magnitude of a, which must be below 2.
func (a wide) fix() fix {
	hi, lo := shiftJam(a.hi, a.lo, uint32(-a.exp))
	return fix{hi, lo}
}

func (a wide) normal() wide {
	switch {
	case a.hi|a.lo == 0:
		return wide{}
	case a.hi == 0:
		a.hi, a.lo = a.lo, 0
		a.exp -= 64
	}
	lz := bits.LeadingZeros64(a.hi)
	a.hi = a.hi<<lz | a.lo>>(64-lz)
	a.lo <<= lz
	a.exp -= int32(lz)
	return a
}

// widen gives the value of a zero or finite n, wideInt that of an integer.
func widen(n Num) wide        { return wide{n.Neg, n.Exp, n.Sig, 0} }
func wideInt(v int64) wide    { return widen(FromInt(v)) }
func (a wide) negative() wide { a.neg = !a.neg; return a }

func (a wide) mul(b wide) wide {
	r := wide{neg: a.neg != b.neg, exp: a.exp + b.exp + 1}
	r.hi, r.lo = mul128(a.hi, a.lo, b.hi, b.lo)
	return r.normal()
}

func (a wide) add(b wide) wide {
	if b.hi == 0 {
		return a
	}
	if a.hi == 0 {
		return b
	}
	if a.exp < b.exp || a.exp == b.exp && (a.hi < b.hi || a.hi == b.hi && a.lo < b.lo) {
		a, b = b, a
	}
	hi, lo := shiftJam(b.hi, b.lo, uint32(a.exp-b.exp))
	var c uint64
	if a.neg != b.neg {
		a.lo, c = bits.Sub64(a.lo, lo, 0)
		a.hi, _ = bits.Sub64(a.hi, hi, c)
		return a.normal()
	}
	a.lo, c = bits.Add64(a.lo, lo, 0)
	a.hi, c = bits.Add64(a.hi, hi, c)
	if c != 0 {
		a.lo = a.lo>>1 | a.hi<<63
		a.hi = top | a.hi>>1
		a.exp++
	}
	return a
}

func (a wide) sub(b wide) wide { return a.add(b.negative()) }

// div is a/b by long division; b must not be zero.
func (a wide) div(b wide) wide {
	if a.hi == 0 {
		return wide{}
	}
	r := wide{neg: a.neg != b.neg, exp: a.exp - b.exp}
	rh, rl, carry := a.hi, a.lo, uint64(0)
	for range 128 {
		r.hi = r.hi<<1 | r.lo>>63
		r.lo <<= 1
		l, c := bits.Sub64(rl, b.lo, 0)
		h, c := bits.Sub64(rh, b.hi, c)
		if carry >= c {
			rh, rl = h, l
			r.lo |= 1
		}
		carry = rh >> 63
		rh = rh<<1 | rl>>63
		rl <<= 1
	}
	return r.normal()
}

// pack rounds an irrational value to 64 bits: what lies below is not zero.
func (a wide) pack(fl Flags, c Ctl) (F80, Flags) {
	n := Num{Class: Finite, Neg: a.neg, Exp: a.exp, Sig: a.hi}
	return Pack80(n, a.lo|1, fl, c|Prec64)
}
