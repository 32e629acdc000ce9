package softfloat

import (
	"math"
	"math/bits"
)

// quiet turns an SNaN into the QNaN of the same payload.
func (n Num) quiet() Num {
	n.Class = QNaN
	n.Sig |= top >> 1
	return n
}

// nan2 handles NaN and unsupported operands of a two-operand instruction (SDM
// vol. 1 table 4-7): SSE takes the first NaN, the x87 the QNaN or that of the larger significand.
func nan2(a, b Num, c Ctl) (r Num, fl Flags, is bool) {
	if a.Class < QNaN && b.Class < QNaN {
		return
	}
	if a.Class == Unsupported || b.Class == Unsupported {
		return defaultNaN, IE, true
	}
	if a.Class == SNaN || b.Class == SNaN {
		fl = IE
	}
	switch {
	case !a.IsNaN():
		return b.quiet(), fl, true
	case !b.IsNaN() || c&X87 == 0:
		return a.quiet(), fl, true
	case a.Class != b.Class:
		if a.Class == QNaN {
			return a, fl, true
		}
		return b, fl, true
	case a.Sig > b.Sig || a.Sig == b.Sig && !a.Neg:
		return a.quiet(), fl, true
	}
	return b.quiet(), fl, true
}

// nan1 is nan2 for one operand.
func nan1(a Num) (r Num, fl Flags, is bool) {
	switch a.Class {
	case Unsupported:
		return defaultNaN, IE, true
	case SNaN:
		return a.quiet(), IE, true
	case QNaN:
		return a, 0, true
	}
	return
}

func denFlag(a, b Num) Flags {
	if a.Den || b.Den {
		return DE
	}
	return 0
}

// Add forms a+b; the exact result is r with lo below its significand.
func Add(a, b Num, c Ctl) (r Num, lo uint64, fl Flags) {
	if r, fl, is := nan2(a, b, c); is {
		return r, 0, fl
	}
	if a.Class == Inf || b.Class == Inf {
		if a.Class == b.Class && a.Neg != b.Neg {
			return defaultNaN, 0, IE
		}
		if a.Class != Inf {
			a, b = b, a
		}
		return a, 0, denFlag(a, b)
	}
	fl = denFlag(a, b)
	if b.Class == Zero {
		if a.Class == Zero && a.Neg != b.Neg {
			a.Neg = c&RC == Down
		}
		return a, 0, fl
	}
	if a.Class == Zero {
		return b, 0, fl
	}
	if a.Exp < b.Exp || a.Exp == b.Exp && a.Sig < b.Sig {
		a, b = b, a
	}
	hi, lo := shiftJam(b.Sig, 0, uint32(a.Exp-b.Exp))
	a.Den = false
	if a.Neg == b.Neg {
		var carry uint64
		a.Sig, carry = bits.Add64(a.Sig, hi, 0)
		if carry != 0 {
			lo = a.Sig<<63 | lo>>1 | lo&1
			a.Sig = top | a.Sig>>1
			a.Exp++
		}
		return a, lo, fl
	}
	lo, borrow := bits.Sub64(0, lo, 0)
	a.Sig, _ = bits.Sub64(a.Sig, hi, borrow)
	if a.Sig|lo == 0 {
		return Num{Neg: c&RC == Down}, 0, fl
	}
	a, lo = normalize(a, lo)
	return a, lo, fl
}

// normalize shifts a.Sig:lo left until bit 63 of a.Sig is set. It must not be zero.
func normalize(a Num, lo uint64) (Num, uint64) {
	if a.Sig == 0 {
		a.Sig, lo = lo, 0
		a.Exp -= 64
	}
	lz := bits.LeadingZeros64(a.Sig)
	a.Sig = a.Sig<<lz | lo>>(64-lz)
	a.Exp -= int32(lz)
	return a, lo << lz
}

// Sub forms a-b.
func Sub(a, b Num, c Ctl) (r Num, lo uint64, fl Flags) {
	if !b.IsNaN() {
		b.Neg = !b.Neg
	}
	return Add(a, b, c)
}

// Mul forms a*b.
func Mul(a, b Num, c Ctl) (r Num, lo uint64, fl Flags) {
	if r, fl, is := nan2(a, b, c); is {
		return r, 0, fl
	}
	neg := a.Neg != b.Neg
	switch {
	case a.Class == Inf || b.Class == Inf:
		if a.Class == Zero || b.Class == Zero {
			return defaultNaN, 0, IE
		}
		return Num{Class: Inf, Neg: neg, Sig: top}, 0, denFlag(a, b)
	case a.Class == Zero || b.Class == Zero:
		return Num{Neg: neg}, 0, denFlag(a, b)
	}
	r = Num{Class: Finite, Neg: neg, Exp: a.Exp + b.Exp + 1}
	r.Sig, lo = bits.Mul64(a.Sig, b.Sig)
	if r.Sig>>63 == 0 {
		r.Sig = r.Sig<<1 | lo>>63
		lo <<= 1
		r.Exp--
	}
	return r, lo, denFlag(a, b)
}

// Div forms a/b.
func Div(a, b Num, c Ctl) (r Num, lo uint64, fl Flags) {
	if r, fl, is := nan2(a, b, c); is {
		return r, 0, fl
	}
	r.Neg = a.Neg != b.Neg
	switch {
	case a.Class == Inf:
		if b.Class == Inf {
			return defaultNaN, 0, IE
		}
		r.Class, r.Sig = Inf, top
		return r, 0, denFlag(a, b)
	case b.Class == Inf:
		return r, 0, denFlag(a, b)
	case b.Class == Zero:
		if a.Class == Zero {
			return defaultNaN, 0, IE
		}
		r.Class, r.Sig = Inf, top
		return r, 0, ZE
	case a.Class == Zero:
		return r, 0, denFlag(a, b)
	}
	r.Class, r.Exp = Finite, a.Exp-b.Exp
	var rem uint64
	if a.Sig < b.Sig {
		r.Exp--
		r.Sig, rem = bits.Div64(a.Sig, 0, b.Sig)
	} else {
		r.Sig, rem = bits.Div64(a.Sig>>1, a.Sig<<63, b.Sig)
	}
	lo, rem = bits.Div64(rem, 0, b.Sig)
	if rem != 0 {
		lo |= 1
	}
	return r, lo, denFlag(a, b)
}

// Sqrt forms the square root of a.
func Sqrt(a Num) (r Num, lo uint64, fl Flags) {
	if r, fl, is := nan1(a); is {
		return r, 0, fl
	}
	if a.Class == Zero {
		return a, 0, 0
	}
	if a.Neg {
		return defaultNaN, 0, IE
	}
	if a.Class == Inf {
		return a, 0, 0
	}
	// The radicand is scaled to 2^126..2^128 so that the root has 64 bits.
	hi, low := a.Sig>>1, a.Sig<<63
	if a.Exp&1 != 0 {
		hi, low = a.Sig, 0
	}
	root := isqrt(hi, low)
	h, l := bits.Mul64(root, root)
	l, borrow := bits.Sub64(low, l, 0)
	h, _ = bits.Sub64(hi, h, borrow)
	// The remainder decides the bits below: above half an ulp if it exceeds the root.
	if h != 0 || l > root {
		lo = top | 1
	} else if l != 0 {
		lo = 1
	}
	return Num{Class: Finite, Exp: a.Exp >> 1, Sig: root}, lo, denFlag(a, a)
}

// isqrt is the integer square root of hi:lo, which must be at least 2^126.
func isqrt(hi, lo uint64) uint64 {
	est := math.Sqrt(float64(hi)) * (1 << 32)
	r := ^uint64(0)
	if est < 1<<64 {
		r = uint64(est)
	}
	if hi < r { // one Newton step from 52 good bits
		q, _ := bits.Div64(hi, lo, r)
		s, carry := bits.Add64(r, q, 0)
		r = s>>1 | carry<<63
	}
	for {
		h, l := bits.Mul64(r, r)
		if h > hi || h == hi && l > lo {
			r--
			continue
		}
		// (r+1)^2 = r^2 + 2r + 1 must exceed the radicand.
		if r == ^uint64(0) {
			return r
		}
		l, c := bits.Add64(l, r<<1|1, 0)
		h, c = bits.Add64(h, r>>63, c)
		if c != 0 || h > hi || h == hi && l > lo {
			return r
		}
		r++
	}
}

// Relation is the outcome of a comparison.
type Relation int8

// Relations of the first operand to the second.
const (
	Less      Relation = -1
	Equal     Relation = 0
	Greater   Relation = 1
	Unordered Relation = 2
)

// Compare compares a with b. A QNaN is invalid if signal is set; an SNaN or
// unsupported operand always is.
func Compare(a, b Num, signal bool) (Relation, Flags) {
	if a.Class >= QNaN || b.Class >= QNaN {
		if signal || a.Class >= SNaN || b.Class >= SNaN {
			return Unordered, IE
		}
		return Unordered, 0
	}
	fl := denFlag(a, b)
	if a.Class == Zero && b.Class == Zero {
		return Equal, fl
	}
	if a.Class == Zero {
		a.Neg = !b.Neg
	} else if b.Class == Zero {
		b.Neg = !a.Neg
	}
	if a.Neg != b.Neg {
		if a.Neg {
			return Less, fl
		}
		return Greater, fl
	}
	r := Equal
	switch {
	case a.Class == Inf || b.Class == Inf:
		r = Relation(btoi(a.Class == Inf) - btoi(b.Class == Inf))
	case a.Exp != b.Exp:
		r = Greater
		if a.Exp < b.Exp {
			r = Less
		}
	case a.Sig != b.Sig:
		r = Greater
		if a.Sig < b.Sig {
			r = Less
		}
	}
	if a.Neg {
		r = -r
	}
	return r, fl
}

func btoi(b bool) int8 {
	if b {
		return 1
	}
	return 0
}

// magnitude rounds the absolute value of the finite or zero a to an integer by c. big: 2^64 or more.
func magnitude(a Num, c Ctl) (v uint64, big bool, fl Flags) {
	if a.Class == Zero {
		return 0, false, 0
	}
	if a.Exp > 63 {
		return 0, true, 0
	}
	hi, lo := shiftJam(a.Sig, 0, uint32(63-a.Exp))
	v, carry, fl := roundSig(a.Neg, hi, lo, 64, c)
	return v, carry != 0, fl
}

// ToInt converts to a signed integer of size bits (16, 32 or 64). What does not
// fit gives IE and the integer indefinite, the most negative number.
func ToInt(a Num, size uint, c Ctl) (int64, Flags) {
	limit := uint64(1) << (size - 1)
	indef := -int64(limit-1) - 1
	if a.Class >= Inf {
		return indef, IE
	}
	v, big, fl := magnitude(a, c)
	if big || v > limit || v == limit && !a.Neg {
		return indef, IE
	}
	if a.Neg {
		return -int64(v), fl
	}
	return int64(v), fl
}

// RoundInt rounds to an integral value by the rounding mode of c.
func RoundInt(a Num, c Ctl) (Num, Flags) {
	if r, fl, is := nan1(a); is {
		return r, fl
	}
	if a.Class != Finite || a.Exp >= 63 {
		return a, denFlag(a, a)
	}
	v, carried, fl := magnitude(a, c)
	fl |= denFlag(a, a)
	a.Den = false
	switch {
	case carried:
		a.Sig, a.Exp = top, 64
	case v == 0:
		a = Num{Neg: a.Neg}
	default:
		lz := bits.LeadingZeros64(v)
		a.Sig, a.Exp = v<<lz, 63-int32(lz)
	}
	return a, fl
}
