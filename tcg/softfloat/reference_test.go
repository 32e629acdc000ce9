package softfloat

import (
	"math/big"
	"sync"
)

// This is the reference for the transcendental functions of finite operands that are not 0. It has nothing in common with the
// package but Num and Flags: they are computed with math/big to many more bits than the 64 of the result, and rounded once by it:
// they are correctly rounded but for operands so close to a tie that no test finds them. Zeros, infinities, NaNs and denormal
// results are compared with the host's by package x87.

// workPrec is the precision of intermediate results in bits; reducePrec that of the
// reduction of a 63-bit exponent by pi.
const (
	workPrec   = 512
	reducePrec = 640
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

// toBig gives the value of a finite n.
func toBig(n Num) *big.Float {
	f := newFloat().SetUint64(n.Sig)
	f.SetMantExp(f, int(n.Exp)-63)
	if n.Neg {
		f.Neg(f)
	}
	return f
}

// split gives the exponent of f, which is not zero, and its first 128 bits.
func split(f *big.Float) (exp int32, hi, lo uint64) {
	m := new(big.Float)
	e := f.MantExp(m)
	i, _ := m.SetMantExp(m, 128).Int(nil)
	lo = new(big.Int).And(i, new(big.Int).SetUint64(^uint64(0))).Uint64()
	return int32(e) - 1, i.Rsh(i, 64).Uint64(), lo
}

// fromBig rounds f, which is in the range of normal numbers, to 64 bits. The x87 calls the result inexact even where it is not.
func fromBig(f *big.Float, c Ctl) (F80, Flags) {
	mode := [4]big.RoundingMode{big.ToNearestEven, big.ToNegativeInf, big.ToPositiveInf, big.ToZero}[c>>rcShift&3]
	g := new(big.Float).SetPrec(64).SetMode(mode).Set(f)
	fl := PE
	if new(big.Float).Abs(g).Cmp(new(big.Float).Abs(f)) > 0 {
		fl |= RoundUp
	}
	m := new(big.Float)
	e := g.MantExp(m)
	sig, _ := m.Abs(m.SetMantExp(m, 64)).Uint64()
	r := F80{SE: uint16(e - 1 + 16383), Sig: sig}
	if g.Signbit() {
		r.SE |= 1 << 15
	}
	return r, fl
}

// refExp2M1 is F2XM1: 2^a - 1 for -1 < a < 1.
func refExp2M1(a Num, c Ctl) (F80, Flags) {
	t := toBig(a)
	t.Mul(t, newFloat().Set(refConsts().ln2))
	// t * (1 + t/2 + t^2/6 + ...)
	sum, term := newFloat().SetUint64(1), newFloat().SetUint64(1)
	for k := uint64(2); term.Sign() != 0 && term.MantExp(nil) > -workPrec; k++ {
		term.Mul(term, t)
		term.Quo(term, newFloat().SetUint64(k))
		sum.Add(sum, term)
	}
	return fromBig(sum.Mul(sum, t), c)
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

// refYLog2X is FYL2X: y * log2(x), for x > 0. Only log2(1) is exact for the x87.
func refYLog2X(x, y Num, c Ctl) (F80, Flags) {
	l := refLog2(toBig(x))
	if l.Sign() == 0 {
		var r F80
		if y.Neg {
			r.SE = 1 << 15
		}
		return r, 0
	}
	return fromBig(l.Mul(l, toBig(y)), c)
}

// refYLog2XP1 is FYL2XP1: y * log2(x+1), for |x| < 1/2.
func refYLog2XP1(x, y Num, c Ctl) (F80, Flags) {
	b := toBig(x)
	var l *big.Float
	if x.Exp < -2 {
		l = atanhRatio(b, newFloat().Add(b, newFloat().SetUint64(2)))
	} else {
		l = refLog2(b.Add(b, newFloat().SetUint64(1)))
	}
	return fromBig(l.Mul(l, toBig(y)), c)
}

// refAtan2 is FPATAN: the angle of the point (x, y).
func refAtan2(y, x Num, c Ctl) (F80, Flags) {
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
	return fromBig(a, c)
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

// refSin is FSIN for |a| < 2^63.
func refSin(a Num, c Ctl) (F80, Flags) { return fromBig(refSine(a, 0), c) }

// refCos is FCOS for |a| < 2^63.
func refCos(a Num, c Ctl) (F80, Flags) { return fromBig(refSine(a, 1), c) }

// refTan is the first result of FPTAN for |a| < 2^63.
func refTan(a Num, c Ctl) (F80, Flags) {
	s := refSine(a, 0)
	return fromBig(s.Quo(s, refSine(a, 1)), c)
}
