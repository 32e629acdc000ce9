package softfloat

import "math/bits"

// FMASigns says which signs a fused multiply-add changes first. NaNs keep theirs.
type FMASigns uint8

// The product's and the addend's.
const (
	NegProduct FMASigns = 1 << iota
	NegAddend
)

// FMA forms x*y+z; the exact result is r with lo below its significand. The first NaN of x, y, z is the result's.
func FMA(x, y, z Num, s FMASigns, c Ctl) (r Num, lo uint64, fl Flags) {
	if x.Class >= QNaN || y.Class >= QNaN || z.Class >= QNaN {
		r, fl = nan3(x, y, z)
		return r, 0, fl
	}
	fl = denFlag(x, y) | denFlag(z, z)
	if s&NegAddend != 0 {
		z.Neg = !z.Neg
	}
	p, lo, f := Mul(x, y, c)
	if p.Class == QNaN {
		return p, 0, f
	}
	if s&NegProduct != 0 {
		p.Neg = !p.Neg
	}
	switch {
	case p.Class != Finite || z.Class == Inf:
		r, lo, f = Add(p, z, c)
		if f&IE != 0 {
			fl = IE
		}
		r.Den = false
		return r, lo, fl
	case z.Class == Zero:
		return p, lo, fl
	}
	r, lo = addWide(p, lo, z, c)
	return r, lo, fl
}

// nan3 is nan2 for three operands. An infinity times zero plus a QNaN is that QNaN, and not invalid.
func nan3(x, y, z Num) (Num, Flags) {
	var fl Flags
	if x.Class == SNaN || y.Class == SNaN || z.Class == SNaN {
		fl = IE
	}
	switch {
	case x.IsNaN():
		return x.quiet(), fl
	case y.IsNaN():
		return y.quiet(), fl
	}
	return z.quiet(), fl
}

// addWide adds the finite z to the product a with lo below its significand. Enough of what is shifted out is kept: a product has
// at most 106 bits, and where more than one bit cancels nothing has been shifted out.
func addWide(a Num, alo uint64, b Num, c Ctl) (Num, uint64) {
	var blo uint64
	if a.Exp < b.Exp || a.Exp == b.Exp && (a.Sig < b.Sig || a.Sig == b.Sig && alo < blo) {
		a, alo, b, blo = b, blo, a, alo
	}
	a.Den = false
	hi, lo := shiftJam(b.Sig, blo, uint32(a.Exp-b.Exp))
	if a.Neg == b.Neg {
		lo, carry := bits.Add64(alo, lo, 0)
		a.Sig, carry = bits.Add64(a.Sig, hi, carry)
		if carry != 0 {
			lo = a.Sig<<63 | lo>>1 | lo&1
			a.Sig = top | a.Sig>>1
			a.Exp++
		}
		return a, lo
	}
	lo, borrow := bits.Sub64(alo, lo, 0)
	a.Sig, _ = bits.Sub64(a.Sig, hi, borrow)
	if a.Sig|lo == 0 {
		return Num{Neg: c&RC == Down}, 0
	}
	return normalize(a, lo)
}

// FMA32 is VFMADDSS with the factors x and y and the addend z.
func FMA32(x, y, z uint32, s FMASigns, c Ctl) (uint32, Flags) {
	n, lo, fl := FMA(Unpack32(x, c), Unpack32(y, c), Unpack32(z, c), s, c)
	return Pack32(n, lo, fl, c)
}

// FMA64 is VFMADDSD.
func FMA64(x, y, z uint64, s FMASigns, c Ctl) (uint64, Flags) {
	n, lo, fl := FMA(Unpack64(x, c), Unpack64(y, c), Unpack64(z, c), s, c)
	return Pack64(n, lo, fl, c)
}
