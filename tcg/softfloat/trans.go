package softfloat

import (
	"math/big"
	"math/bits"
	"sync"
)

// The transcendental functions are computed with 128-bit significands and
// rounded once: the result is the correctly rounded one but for operands within about 2^-55
// units in the last place of a tie.

// The x87 reduces operands of the trigonometric functions by pi rounded to 66 bits: pi66 * 2^-64.
const (
	pi66Hi = 3
	pi66Lo = 0x243f6a8885a308d3
)

// atanSteps is the number of entries of the table of arc tangents between 0 and 1.
const atanSteps = 32

// transConsts are constants to 128 bits, and the arc tangents of n/atanSteps.
type transConsts struct {
	pi, ln2, log2e wide
	atan           [atanSteps + 1]wide
}

var consts = sync.OnceValue(func() *transConsts {
	k := new(transConsts)
	// Machin: pi = 16 atan(1/5) - 4 atan(1/239); ln 2 = 2 atanh(1/3).
	pi := series(1, 5, -1)
	pi.Lsh(pi, 2).Sub(pi, series(1, 239, -1))
	k.pi = fromInt(pi.Lsh(pi, 2))
	ln2 := series(1, 3, 1)
	k.ln2 = fromInt(ln2.Lsh(ln2, 1))
	k.log2e = wideInt(1).div(k.ln2)
	// atan((n+1)/32) - atan(n/32) = atan(32 / (1024 + n(n+1))).
	sum := new(big.Int)
	for n := int64(0); n < atanSteps; n++ {
		sum.Add(sum, series(atanSteps, atanSteps*atanSteps+n*(n+1), -1))
		k.atan[n+1] = fromInt(sum)
	}
	return k
})

// seriesBits is the number of bits after the point in series.
const seriesBits = 192

// series is atan(p/q) if sign is -1, atanh(p/q) if it is 1.
func series(p, q, sign int64) *big.Int {
	x := new(big.Int).Lsh(big.NewInt(p), seriesBits)
	x.Quo(x, big.NewInt(q))
	sum, t := new(big.Int).Set(x), new(big.Int)
	for k := int64(3); x.Sign() != 0; k += 2 {
		x.Mul(x, big.NewInt(sign*p*p))
		x.Quo(x, big.NewInt(q*q))
		sum.Add(sum, t.Quo(x, big.NewInt(k)))
	}
	return sum
}

// fromInt converts a positive result of series.
func fromInt(x *big.Int) wide {
	n := x.BitLen()
	s := new(big.Int).Rsh(x, uint(n-128))
	lo := new(big.Int).And(s, new(big.Int).SetUint64(^uint64(0))).Uint64()
	return wide{exp: int32(n-1) - seriesBits, hi: s.Rsh(s, 64).Uint64(), lo: lo}
}

// nearly rounds a value that differs from n by less than any bit: toward zero if below.
func nearly(n Num, below bool, fl Flags, c Ctl) (F80, Flags) {
	lo := uint64(1)
	n.Den = false
	if below {
		n.Sig, lo = n.Sig-1, ^uint64(0)
		n, lo = normalize(n, lo)
		lo |= 1
	}
	return Pack80(n, lo, fl, c|Prec64)
}

// tiny is the exponent under which a^2 is lost in 128 bits.
const tiny = -60

// Exp2M1 is F2XM1: 2^a - 1 for -1 <= a <= 1. Outside, where the manual leaves it
// undefined, the operand comes back, and an infinity gives its limit.
func Exp2M1(a Num, c Ctl) (F80, Flags) {
	if r, fl, is := nan1(a); is {
		return pack80(r, fl, c|Prec64)
	}
	one := Num{Class: Finite, Sig: top}
	switch {
	case a.Class == Inf && a.Neg:
		one.Neg = true
		return pack80(one, 0, c|Prec64)
	case a.Class != Finite:
		return pack80(a, 0, c|Prec64)
	case a.Exp > 0 || a.Exp == 0 && a.Sig != top:
		return pack80(a, 0, c|Prec64)
	case a.Exp == 0:
		if a.Neg {
			a.Exp = -1
		}
		return pack80(a, 0, c|Prec64)
	}
	// t * (1 + t/2 * (1 + t/3 * ...)) with t = a * ln 2; the signs alternate if a is negative.
	t := widen(a).mul(consts().ln2)
	x, sum := t.fix(), fixOne
	for k := uint64(expTerms); k > 1; k-- {
		step := x.mul(sum).div(k)
		if a.Neg {
			sum = fixOne.sub(step)
		} else {
			sum = fixOne.add(step)
		}
	}
	return t.mul(sum.wide()).pack(denFlag(a, a), c)
}

// log2 is the binary logarithm of a positive finite x other than 1.
func log2(x Num) wide {
	e := x.Exp
	x.Exp = 0
	if x.Sig > 0xb504f333f9de6484 { // sqrt(2): take the half
		x.Exp--
		e++
	}
	m, one := widen(x), wideInt(1)
	return logRatio(m.sub(one), m.add(one)).add(wideInt(int64(e)))
}

// logRatio is 2 atanh(p/q) / ln 2 for |p/q| < 0.18.
func logRatio(p, q wide) wide {
	z := p.div(q)
	w, sum := z.mul(z).fix(), fix{}
	for k := uint64(logTerms); k > 0; k-- {
		sum = sum.mul(w).add(fixOne.div(2*k - 1))
	}
	z.exp++
	return z.mul(sum.wide()).mul(consts().log2e)
}

// YLog2X is FYL2X: y * log2(x).
func YLog2X(x, y Num, c Ctl) (F80, Flags) {
	c |= Prec64
	if r, fl, is := nan2(x, y, c); is {
		return pack80(r, fl, c)
	}
	inf := Num{Class: Inf, Neg: y.Neg, Sig: top}
	switch {
	case x.Class == Zero:
		inf.Neg = !y.Neg
		switch y.Class {
		case Zero:
			return DefaultNaN, IE
		case Inf:
			return pack80(inf, 0, c)
		}
		return pack80(inf, ZE, c)
	case x.Neg:
		return DefaultNaN, IE
	case x.Class == Inf:
		if y.Class == Zero {
			return DefaultNaN, IE
		}
		return pack80(inf, denFlag(y, y), c)
	}
	fl := denFlag(x, y)
	if x.Sig == top { // a power of two: exact
		if x.Exp == 0 && y.Class == Inf {
			return DefaultNaN, IE
		}
		if x.Exp == 0 {
			return pack80(Num{Neg: y.Neg}, fl, c)
		}
		r, lo, f := Mul(FromInt(int64(x.Exp)), y, c)
		if y.Class != Finite {
			return pack80(r, fl, c)
		}
		v, f := Pack80(r, lo, fl|f|PE, c)
		if v.SE&0x7fff == 0 { // counted as inexact, so a denormal is an underflow
			f |= UE
		}
		return v, f
	}
	if y.Class != Finite {
		y.Neg = y.Neg != (x.Exp < 0)
		return pack80(y, fl, c)
	}
	return log2(x).mul(widen(y)).pack(fl, c)
}

// YLog2XP1 is FYL2XP1: y * log2(x+1), meant for |x| < 1 - sqrt(1/2).
func YLog2XP1(x, y Num, c Ctl) (F80, Flags) {
	c |= Prec64
	if r, fl, is := nan2(x, y, c); is {
		return pack80(r, fl, c)
	}
	fl := denFlag(x, y)
	neg := x.Neg != y.Neg
	switch {
	case x.Class == Zero:
		if y.Class == Inf {
			return DefaultNaN, IE
		}
		return pack80(Num{Neg: neg}, fl, c)
	case x.Class == Inf:
		if x.Neg || y.Class == Zero {
			return DefaultNaN, IE
		}
		return pack80(Num{Class: Inf, Neg: neg, Sig: top}, fl, c)
	case x.Neg && x.Exp >= 0: // x <= -1
		if x.Exp == 0 && x.Sig == top {
			return pack80(Num{Class: Inf, Neg: !y.Neg, Sig: top}, ZE, c)
		}
		return DefaultNaN, IE
	case y.Class != Finite:
		y.Neg = neg
		return pack80(y, fl, c)
	}
	b := widen(x)
	if x.Exp < -2 {
		return logRatio(b, b.add(wideInt(2))).mul(widen(y)).pack(fl, c)
	}
	// x+1 may have more than 64 bits: log2(x+1) = log2(h) + log2((x+1)/h) with h its upper half.
	b = b.add(wideInt(1))
	h := Num{Class: Finite, Exp: b.exp, Sig: b.hi}
	rest := wide{exp: b.exp - 64, hi: b.lo}.normal()
	l := logRatio(rest, b.add(widen(h)))
	if h.Sig != top || h.Exp != 0 {
		l = l.add(log2(h))
	}
	return l.mul(widen(y)).pack(fl, c)
}

// Atan2 is FPATAN: the angle of the point (x, y).
func Atan2(y, x Num, c Ctl) (F80, Flags) {
	c |= Prec64
	if r, fl, is := nan2(x, y, c); is {
		return pack80(r, fl, c)
	}
	fl := denFlag(x, y)
	switch {
	case y.Class == Zero && !x.Neg || x.Class == Inf && !x.Neg && y.Class != Inf:
		return pack80(Num{Neg: y.Neg}, fl, c)
	case y.Class == Zero || x.Class == Inf && y.Class != Inf:
		return quarters(4, y.Neg, fl, c)
	case x.Class == Inf && x.Neg:
		return quarters(3, y.Neg, fl, c)
	case x.Class == Inf:
		return quarters(1, y.Neg, fl, c)
	case y.Class == Inf || x.Class == Zero:
		return quarters(2, y.Neg, fl, c)
	}
	if !x.Neg && y.Exp-x.Exp < tiny {
		r, lo, _ := Div(y, x, c)
		if lo != 0 {
			return Pack80(r, lo, fl, c)
		}
		return nearly(r, true, fl, c)
	}
	p, q := widen(y), widen(x)
	p.neg, q.neg = false, false
	swap := p.exp > q.exp || p.exp == q.exp && p.hi > q.hi
	if swap {
		p, q = q, p
	}
	a, pi := atan(p, q), consts().pi
	if swap {
		h := pi
		h.exp--
		a = h.sub(a)
	}
	if x.Neg {
		a = pi.sub(a)
	}
	a.neg = y.Neg
	return a.pack(fl, c)
}

// quarters is n * pi/4.
func quarters(n int64, neg bool, fl Flags, c Ctl) (F80, Flags) {
	v := wideInt(n).mul(consts().pi)
	v.exp -= 2
	v.neg = neg
	return v.pack(fl, c)
}

// atan is the arc tangent of p/q for 0 < p <= q.
func atan(p, q wide) wide {
	// Take off the nearest n/32: tan(a-b) = (tan a - tan b) / (1 + tan a tan b).
	var n int64
	if d := q.exp - p.exp; d <= 6 {
		n = int64(float64(p.hi)/float64(q.hi)*float64(int64(atanSteps*64)>>d)/64 + 0.5)
	}
	steps, k := wideInt(atanSteps), wideInt(n)
	z := steps.mul(p).sub(k.mul(q)).div(steps.mul(q).add(k.mul(p)))
	w, sum := z.mul(z).fix(), fix{}
	for k := uint64(atanTerms); k > 0; k-- {
		sum = fixOne.div(2*k - 1).sub(sum.mul(w))
	}
	return consts().atan[n].add(z.mul(sum.wide()))
}

// Numbers of terms that bring the series under 2^-128.
const (
	expTerms  = 34
	logTerms  = 27
	atanTerms = 12
	trigTerms = 36
)

// reduce brings |a| < 2^63 to r in -pi/4..pi/4 and the number of quarter turns.
func reduce(a Num) (r wide, quadrant uint64) {
	if a.Exp < -1 {
		a.Neg = false
		return widen(a), 0
	}
	// In units of 2^-65 a quarter turn is pi66, and a is Sig << (Exp+2).
	hi, lo := uint64(0), a.Sig
	for range a.Exp + 2 {
		hi = hi<<1 | lo>>63
		lo <<= 1
		quadrant <<= 1
		if hi > pi66Hi || hi == pi66Hi && lo >= pi66Lo {
			lo, hi = sub128(hi, lo, pi66Hi, pi66Lo)
			quadrant |= 1
		}
	}
	l, h := sub128(pi66Hi, pi66Lo, hi, lo)
	if h < hi || h == hi && l < lo {
		hi, lo = h, l
		r.neg = true
		quadrant++
	}
	r.hi, r.lo, r.exp = hi, lo, 127-65
	return r.normal(), quadrant
}

func sub128(ah, al, bh, bl uint64) (lo, hi uint64) {
	lo, c := bits.Sub64(al, bl, 0)
	hi, _ = bits.Sub64(ah, bh, c)
	return lo, hi
}

// sine gives the sine of the finite a, after adding turns quarter turns to its magnitude. The sign of a
// is left to the caller.
func sine(a Num, turns uint64) wide {
	r, q := reduce(a)
	q += turns
	// 1 - z/(k(k+1)) * (1 - z/((k+2)(k+3)) * ...), from k = 2 for the sine, 1 for the cosine.
	z, sum := r.mul(r).fix(), fixOne
	for k := trigTerms - q&1; k > 0 && k < trigTerms+1; k -= 2 {
		sum = fixOne.sub(z.mul(sum).div(k * (k + 1)))
	}
	s := sum.wide()
	if q&1 == 0 {
		s = s.mul(r)
	}
	s.neg = s.neg != (q&2 != 0)
	return s
}

// trigSpecial handles NaNs and infinities.
func trigSpecial(a Num, c Ctl) (F80, Flags, bool) {
	if r, fl, is := nan1(a); is {
		v, _ := pack80(r, 0, c)
		return v, fl, true
	}
	if a.Class == Inf {
		return DefaultNaN, IE, true
	}
	return F80{}, 0, false
}

// Sin is FSIN for |a| < 2^63.
func Sin(a Num, c Ctl) (F80, Flags) {
	c |= Prec64
	if r, fl, is := trigSpecial(a, c); is {
		return r, fl
	}
	switch {
	case a.Class == Zero:
		return pack80(a, 0, c)
	case a.Exp < tiny:
		return nearly(a, true, denFlag(a, a), c)
	}
	s := sine(a, 0)
	s.neg = s.neg != a.Neg
	return s.pack(denFlag(a, a), c)
}

// Cos is FCOS for |a| < 2^63.
func Cos(a Num, c Ctl) (F80, Flags) {
	c |= Prec64
	if r, fl, is := trigSpecial(a, c); is {
		return r, fl
	}
	one := Num{Class: Finite, Sig: top}
	switch {
	case a.Class == Zero:
		return pack80(one, 0, c)
	case a.Exp < tiny:
		return nearly(one, true, denFlag(a, a), c)
	}
	return sine(a, 1).pack(denFlag(a, a), c)
}

// Tan is the first result of FPTAN for |a| < 2^63.
func Tan(a Num, c Ctl) (F80, Flags) {
	c |= Prec64
	if r, fl, is := trigSpecial(a, c); is {
		return r, fl
	}
	switch {
	case a.Class == Zero:
		return pack80(a, 0, c)
	case a.Exp < tiny:
		return nearly(a, false, denFlag(a, a), c)
	}
	s := sine(a, 0)
	s.neg = s.neg != a.Neg
	return s.div(sine(a, 1)).pack(denFlag(a, a), c)
}
