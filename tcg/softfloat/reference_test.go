package softfloat

import (
	"math/big"
	"sync"
)

// This is the reference for the transcendental functions: they are computed with math/big to many more bits than
// the 64 of the result, and rounded once: they are correctly rounded but for operands so
// close to a tie that no test finds them.

// workPrec is the precision of intermediate results in bits; reducePrec that of the
// reduction of a 63-bit exponent by pi.
const (
	workPrec   = 192
	reducePrec = 384
	piPrec     = 66
)

// refConsts holds pi and ln 2 as big.Floats of reducePrec bits.
var refConsts = sync.OnceValue(func() (k struct{ pi, ln2 *big.Float }) {
	const guard = 32
	// Machin: pi = 16 atan(1/5) - 4 atan(1/239); ln 2 = 2 atanh(1/3).
	pi := arctanInv(5, reducePrec+guard, true)
	pi.Lsh(pi, 4)
	t := arctanInv(239, reducePrec+guard, true)
	pi.Sub(pi, t.Lsh(t, 2))
	ln2 := arctanInv(3, reducePrec+guard, false)
	ln2.Lsh(ln2, 1)
	conv := func(x *big.Int) *big.Float {
		f := new(big.Float).SetPrec(reducePrec).SetInt(x)
		return f.SetMantExp(f, -(reducePrec + guard))
	}
	k.pi, k.ln2 = conv(pi), conv(ln2)
	return k
})

// arctanInv is atan(1/n), or atanh(1/n), in fixed point with prec bits after the point.
func arctanInv(n int64, prec uint, alternate bool) *big.Int {
	x := new(big.Int).Lsh(big.NewInt(1), prec)
	x.Quo(x, big.NewInt(n))
	sum, n2 := new(big.Int).Set(x), big.NewInt(n*n)
	t := new(big.Int)
	for k := int64(1); x.Sign() != 0; k++ {
		x.Quo(x, n2)
		t.Quo(x, big.NewInt(2*k+1))
		if alternate && k&1 != 0 {
			sum.Sub(sum, t)
		} else {
			sum.Add(sum, t)
		}
	}
	return sum
}

func newFloat() *big.Float { return new(big.Float).SetPrec(workPrec) }

// toBig gives the value of a zero or finite n.
func toBig(n Num) *big.Float {
	f := newFloat().SetUint64(n.Sig)
	f.SetMantExp(f, int(n.Exp)-63)
	if n.Class == Zero {
		f.SetUint64(0)
	}
	if n.Neg {
		f.Neg(f)
	}
	return f
}

// fromBig rounds the irrational f to 64 bits.
func fromBig(f *big.Float, fl Flags, c Ctl) (F80, Flags) {
	n, lo := split(f)
	return Pack80(n, lo|1, fl, c|Prec64)
}

// split gives the first 128 bits of f, which is not zero.
func split(f *big.Float) (Num, uint64) {
	m := new(big.Float)
	e := f.MantExp(m)
	i, _ := m.SetMantExp(m, 128).Int(nil)
	i.Abs(i)
	lo := new(big.Int).And(i, new(big.Int).SetUint64(^uint64(0))).Uint64()
	return Num{Class: Finite, Neg: f.Signbit(), Exp: int32(e) - 1, Sig: i.Rsh(i, 64).Uint64()}, lo
}

// refNearly rounds a value that differs from n by less than any bit: toward zero if below.
func refNearly(n Num, below bool, fl Flags, c Ctl) (F80, Flags) {
	lo := uint64(1)
	n.Den = false
	if below {
		n.Sig, lo = n.Sig-1, ^uint64(0)
		n, lo = normalize(n, lo)
		lo |= 1
	}
	return Pack80(n, lo, fl, c|Prec64)
}

// refTiny is the exponent under which x^3 is beyond 128 bits of x.
const refTiny = -70

// refExp2M1 is F2XM1: 2^a - 1 for -1 <= a <= 1. Outside, where the manual leaves it
// undefined, the operand comes back, and an infinity gives its limit.
func refExp2M1(a Num, c Ctl) (F80, Flags) {
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
	t := toBig(a)
	t.Mul(t, newFloat().Set(refConsts().ln2))
	// t * (1 + t/2 + t^2/6 + ...)
	sum, term := newFloat().SetUint64(1), newFloat().SetUint64(1)
	for k := uint64(2); term.Sign() != 0 && term.MantExp(nil) > -workPrec; k++ {
		term.Mul(term, t)
		term.Quo(term, newFloat().SetUint64(k))
		sum.Add(sum, term)
	}
	return fromBig(sum.Mul(sum, t), denFlag(a, a), c)
}

// refLog2 is refLog2(m * 2^e) for a positive finite x; x must not be 1.
func refLog2(x *big.Float) *big.Float {
	m := newFloat()
	e := x.MantExp(m)
	if m.Cmp(big.NewFloat(0.70710678)) < 0 {
		m.SetMantExp(m, 1)
		e--
	}
	one := newFloat().SetUint64(1)
	z := atanhRatio(newFloat().Sub(m, one), newFloat().Add(m, one))
	return z.Add(z, newFloat().SetInt64(int64(e)))
}

// atanhRatio is 2 atanh(p/q) / ln 2.
func atanhRatio(p, q *big.Float) *big.Float {
	if p.Sign() == 0 {
		return p
	}
	z := newFloat().Quo(p, q)
	z2 := newFloat().Mul(z, z)
	sum, pow := newFloat().SetUint64(1), newFloat().SetUint64(1)
	for k := uint64(3); ; k += 2 {
		pow.Mul(pow, z2)
		t := newFloat().Quo(pow, newFloat().SetUint64(k))
		if t.Sign() == 0 || t.MantExp(nil) < -workPrec {
			break
		}
		sum.Add(sum, t)
	}
	sum.Mul(sum, z)
	sum.Quo(sum, newFloat().Set(refConsts().ln2))
	return sum.SetMantExp(sum, 1)
}

// refYLog2X is FYL2X: y * refLog2(x).
func refYLog2X(x, y Num, c Ctl) (F80, Flags) {
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
	l := refLog2(toBig(x))
	return fromBig(l.Mul(l, toBig(y)), fl, c)
}

// refYLog2XP1 is FYL2XP1: y * refLog2(x+1), meant for |x| < 1 - sqrt(1/2).
func refYLog2XP1(x, y Num, c Ctl) (F80, Flags) {
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
	b := toBig(x)
	var l *big.Float
	if x.Exp < -2 {
		l = atanhRatio(b, newFloat().Add(b, newFloat().SetUint64(2)))
	} else {
		l = refLog2(b.Add(b, newFloat().SetUint64(1)))
	}
	return fromBig(l.Mul(l, toBig(y)), fl, c)
}

// refAtan2 is FPATAN: the angle of the point (x, y).
func refAtan2(y, x Num, c Ctl) (F80, Flags) {
	c |= Prec64
	if r, fl, is := nan2(x, y, c); is {
		return pack80(r, fl, c)
	}
	fl := denFlag(x, y)
	switch {
	case y.Class == Zero && !x.Neg || x.Class == Inf && !x.Neg && y.Class != Inf:
		return pack80(Num{Neg: y.Neg}, fl, c)
	case y.Class == Zero || x.Class == Inf && y.Class != Inf:
		return refQuarters(4, y.Neg, fl, c)
	case x.Class == Inf && x.Neg:
		return refQuarters(3, y.Neg, fl, c)
	case x.Class == Inf:
		return refQuarters(1, y.Neg, fl, c)
	case y.Class == Inf || x.Class == Zero:
		return refQuarters(2, y.Neg, fl, c)
	}
	if !x.Neg && y.Exp-x.Exp < refTiny {
		r, lo, _ := Div(y, x, c)
		if lo != 0 {
			return Pack80(r, lo, fl, c)
		}
		return refNearly(r, true, fl, c)
	}
	p, q := toBig(y), toBig(x)
	p.Abs(p)
	q.Abs(q)
	swap := p.Cmp(q) > 0
	if swap {
		p, q = q, p
	}
	a := refAtan(p.Quo(p, q))
	pi := newFloat().Set(refConsts().pi)
	if swap {
		h := newFloat().SetMantExp(pi, -1)
		a.Sub(h, a)
	}
	if x.Neg {
		a.Sub(pi, a)
	}
	if y.Neg {
		a.Neg(a)
	}
	return fromBig(a, fl, c)
}

// refQuarters is n * pi/4.
func refQuarters(n uint64, neg bool, fl Flags, c Ctl) (F80, Flags) {
	f := newFloat().SetUint64(n)
	f.Mul(f, newFloat().Set(refConsts().pi))
	f.SetMantExp(f, -2)
	if neg {
		f.Neg(f)
	}
	return fromBig(f, fl, c)
}

// refAtan is the arc tangent of 0 < z <= 1.
func refAtan(z *big.Float) *big.Float {
	// Halve the angle three times: refAtan z = 2 refAtan(z / (1 + sqrt(1+z^2))).
	one := newFloat().SetUint64(1)
	const halvings = 3
	for range halvings {
		t := newFloat().Mul(z, z)
		t.Add(t, one)
		t.Sqrt(t)
		t.Add(t, one)
		z = newFloat().Quo(z, t)
	}
	z2 := newFloat().Mul(z, z)
	z2.Neg(z2)
	sum, pow := newFloat().SetUint64(1), newFloat().SetUint64(1)
	for k := uint64(3); ; k += 2 {
		pow.Mul(pow, z2)
		t := newFloat().Quo(pow, newFloat().SetUint64(k))
		if t.Sign() == 0 || t.MantExp(nil) < -workPrec {
			break
		}
		sum.Add(sum, t)
	}
	sum.Mul(sum, z)
	return sum.SetMantExp(sum, halvings)
}

// refReduce brings a, with |a| < 2^63, to r in -pi/4..pi/4 and the number of quarter turns.
func refReduce(a Num) (r *big.Float, quadrant uint64) {
	x := new(big.Float).SetPrec(reducePrec).Set(toBig(a))
	half := new(big.Float).SetPrec(piPrec).SetMode(big.ToZero).Set(refConsts().pi)
	half.SetPrec(reducePrec).SetMantExp(half, -1)
	q := new(big.Float).SetPrec(reducePrec).Quo(x, half)
	round := big.NewFloat(0.5)
	if a.Neg {
		round.Neg(round)
	}
	k, _ := q.Add(q, round).Int(nil) // truncates: nearest
	q.SetInt(k)
	x.Sub(x, q.Mul(q, half))
	quadrant = new(big.Int).And(k, big.NewInt(3)).Uint64()
	return newFloat().Set(x), quadrant
}

// refSeries sums the terms of refSine (from 1) or cosine (from 0) at r.
func refSeries(r *big.Float, from uint64) *big.Float {
	r2 := newFloat().Mul(r, r)
	r2.Neg(r2)
	term := newFloat().SetUint64(1)
	sum := newFloat().SetUint64(1)
	for k := from + 1; term.Sign() != 0 && term.MantExp(nil) > -workPrec; k += 2 {
		term.Mul(term, r2)
		term.Quo(term, newFloat().SetUint64(k*(k+1)))
		sum.Add(sum, term)
	}
	if from == 1 {
		sum.Mul(sum, r)
	}
	return sum
}

// refSine gives the refSine of the finite a, after adding turns quarter turns.
func refSine(a Num, turns uint64) *big.Float {
	r, q := refReduce(a)
	q += turns
	s := refSeries(r, 1-q&1)
	if q&2 != 0 {
		s.Neg(s)
	}
	return s
}

// refTrigSpecial handles NaNs and infinities.
func refTrigSpecial(a Num, c Ctl) (F80, Flags, bool) {
	if r, fl, is := nan1(a); is {
		v, _ := pack80(r, 0, c)
		return v, fl, true
	}
	if a.Class == Inf {
		return DefaultNaN, IE, true
	}
	return F80{}, 0, false
}

// refSin is FSIN for |a| < 2^63.
func refSin(a Num, c Ctl) (F80, Flags) {
	c |= Prec64
	if r, fl, is := refTrigSpecial(a, c); is {
		return r, fl
	}
	switch {
	case a.Class == Zero:
		return pack80(a, 0, c)
	case a.Exp < refTiny:
		return refNearly(a, true, denFlag(a, a), c)
	}
	return fromBig(refSine(a, 0), denFlag(a, a), c)
}

// refCos is FCOS for |a| < 2^63.
func refCos(a Num, c Ctl) (F80, Flags) {
	c |= Prec64
	if r, fl, is := refTrigSpecial(a, c); is {
		return r, fl
	}
	one := Num{Class: Finite, Sig: top}
	switch {
	case a.Class == Zero:
		return pack80(one, 0, c)
	case a.Exp < refTiny:
		return refNearly(one, true, denFlag(a, a), c)
	}
	return fromBig(refSine(a, 1), denFlag(a, a), c)
}

// refTan is the first result of FPTAN for |a| < 2^63.
func refTan(a Num, c Ctl) (F80, Flags) {
	c |= Prec64
	if r, fl, is := refTrigSpecial(a, c); is {
		return r, fl
	}
	switch {
	case a.Class == Zero:
		return pack80(a, 0, c)
	case a.Exp < refTiny:
		return refNearly(a, false, denFlag(a, a), c)
	}
	s := refSine(a, 0)
	return fromBig(s.Quo(s, refSine(a, 1)), denFlag(a, a), c)
}
