package softfloat

import "math"

// The functions of this file are the SSE operations on packed values. Where
// rounding is to nearest and the operands are plain, they use the host's
// arithmetic, with the inexact flag from an exact residue.

// plain64 tells that x is normal and its exponent moderate, so that sums, products, quotients and
// residues of two such numbers neither overflow nor become denormal.
func plain64(x uint64) bool {
	e := x >> 52 & 0x7ff
	return e-600 < 850
}

// plain32 tells that x is normal with a moderate exponent: products and quotients stay normal in binary32.
func plain32(x uint32) bool {
	e := x >> 23 & 0xff
	return e-70 < 115
}

// simple64 and simple32 admit zeros too.
func simple64(x uint64) bool { return plain64(x) || x<<1 == 0 }
func simple32(x uint32) bool { return plain32(x) || x<<1 == 0 }

func inexact(exact bool) Flags {
	if exact {
		return 0
	}
	return PE
}

// Add32 is ADDSS.
func Add32(a, b uint32, c Ctl) (uint32, Flags) {
	if c&RC == Nearest && simple32(a) && simple32(b) {
		x, y := math.Float32frombits(a), math.Float32frombits(b)
		s := x + y
		if simple32(math.Float32bits(s)) {
			return math.Float32bits(s), inexact(sumExact32(x, y, s))
		}
	}
	n, lo, fl := Add(Unpack32(a, c), Unpack32(b, c), c)
	return Pack32(n, lo, fl, c)
}

// sumExact32 tells whether s = x+y has no rounding error (Knuth's TwoSum).
func sumExact32(x, y, s float32) bool {
	t := float32(s - x)
	return float32(x-float32(s-t)) == 0 && float32(y-t) == 0
}

func sumExact64(x, y, s float64) bool {
	t := float64(s - x)
	return float64(x-float64(s-t)) == 0 && float64(y-t) == 0
}

// Sub32 is SUBSS.
func Sub32(a, b uint32, c Ctl) (uint32, Flags) {
	if c&RC == Nearest && simple32(a) && simple32(b) {
		return Add32(a, b^1<<31, c)
	}
	n, lo, fl := Sub(Unpack32(a, c), Unpack32(b, c), c)
	return Pack32(n, lo, fl, c)
}

// Mul32 is MULSS.
func Mul32(a, b uint32, c Ctl) (uint32, Flags) {
	if c&RC == Nearest && simple32(a) && simple32(b) {
		p := float64(math.Float32frombits(a)) * float64(math.Float32frombits(b))
		r := float32(p)
		if simple32(math.Float32bits(r)) {
			return math.Float32bits(r), inexact(float64(r) == p)
		}
	}
	n, lo, fl := Mul(Unpack32(a, c), Unpack32(b, c), c)
	return Pack32(n, lo, fl, c)
}

// Div32 is DIVSS.
func Div32(a, b uint32, c Ctl) (uint32, Flags) {
	if c&RC == Nearest && simple32(a) && plain32(b) {
		x, y := math.Float32frombits(a), math.Float32frombits(b)
		q := x / y
		if simple32(math.Float32bits(q)) {
			return math.Float32bits(q), inexact(float64(q)*float64(y) == float64(x))
		}
	}
	n, lo, fl := Div(Unpack32(a, c), Unpack32(b, c), c)
	return Pack32(n, lo, fl, c)
}

// Sqrt32 is SQRTSS.
func Sqrt32(a uint32, c Ctl) (uint32, Flags) {
	n, lo, fl := Sqrt(Unpack32(a, c))
	return Pack32(n, lo, fl, c)
}

// Add64 is ADDSD.
func Add64(a, b uint64, c Ctl) (uint64, Flags) {
	if c&RC == Nearest && simple64(a) && simple64(b) {
		x, y := math.Float64frombits(a), math.Float64frombits(b)
		s := x + y
		if simple64(math.Float64bits(s)) {
			return math.Float64bits(s), inexact(sumExact64(x, y, s))
		}
	}
	n, lo, fl := Add(Unpack64(a, c), Unpack64(b, c), c)
	return Pack64(n, lo, fl, c)
}

// Sub64 is SUBSD.
func Sub64(a, b uint64, c Ctl) (uint64, Flags) {
	if c&RC == Nearest && simple64(a) && simple64(b) {
		return Add64(a, b^top, c)
	}
	n, lo, fl := Sub(Unpack64(a, c), Unpack64(b, c), c)
	return Pack64(n, lo, fl, c)
}

// Mul64 is MULSD.
func Mul64(a, b uint64, c Ctl) (uint64, Flags) {
	if c&RC == Nearest && simple64(a) && simple64(b) {
		x, y := math.Float64frombits(a), math.Float64frombits(b)
		p := x * y
		if simple64(math.Float64bits(p)) {
			return math.Float64bits(p), inexact(math.FMA(x, y, -p) == 0)
		}
	}
	n, lo, fl := Mul(Unpack64(a, c), Unpack64(b, c), c)
	return Pack64(n, lo, fl, c)
}

// Div64 is DIVSD.
func Div64(a, b uint64, c Ctl) (uint64, Flags) {
	if c&RC == Nearest && simple64(a) && plain64(b) {
		x, y := math.Float64frombits(a), math.Float64frombits(b)
		q := x / y
		if simple64(math.Float64bits(q)) {
			return math.Float64bits(q), inexact(math.FMA(-q, y, x) == 0)
		}
	}
	n, lo, fl := Div(Unpack64(a, c), Unpack64(b, c), c)
	return Pack64(n, lo, fl, c)
}

// Sqrt64 is SQRTSD.
func Sqrt64(a uint64, c Ctl) (uint64, Flags) {
	if c&RC == Nearest && plain64(a) && a>>63 == 0 {
		x := math.Float64frombits(a)
		r := math.Sqrt(x)
		return math.Float64bits(r), inexact(math.FMA(-r, r, x) == 0)
	}
	n, lo, fl := Sqrt(Unpack64(a, c))
	return Pack64(n, lo, fl, c)
}

// Min32 is MINSS: the second operand if they are equal or one is a NaN.
func Min32(a, b uint32, c Ctl) (uint32, Flags) { return pick32(a, b, c, Less) }

// Max32 is MAXSS.
func Max32(a, b uint32, c Ctl) (uint32, Flags) { return pick32(a, b, c, Greater) }

// Min64 is MINSD.
func Min64(a, b uint64, c Ctl) (uint64, Flags) { return pick64(a, b, c, Less) }

// Max64 is MAXSD.
func Max64(a, b uint64, c Ctl) (uint64, Flags) { return pick64(a, b, c, Greater) }

func pick32(a, b uint32, c Ctl, want Relation) (uint32, Flags) {
	rel, fl := Compare32(a, b, true, c)
	if rel == want {
		b = a
	}
	if c&DAZ != 0 && b&0x7f800000 == 0 {
		b &= 1 << 31
	}
	return b, fl
}

func pick64(a, b uint64, c Ctl, want Relation) (uint64, Flags) {
	rel, fl := Compare64(a, b, true, c)
	if rel == want {
		b = a
	}
	if c&DAZ != 0 && b>>52&0x7ff == 0 {
		b &= top
	}
	return b, fl
}

// Compare32 compares two binary32.
func Compare32(a, b uint32, signal bool, c Ctl) (Relation, Flags) {
	return Compare(Unpack32(a, c), Unpack32(b, c), signal)
}

// Compare64 compares two binary64.
func Compare64(a, b uint64, signal bool, c Ctl) (Relation, Flags) {
	if simple64(a) && simple64(b) {
		x, y := math.Float64frombits(a), math.Float64frombits(b)
		switch {
		case x < y:
			return Less, 0
		case x > y:
			return Greater, 0
		}
		return Equal, 0
	}
	return Compare(Unpack64(a, c), Unpack64(b, c), signal)
}

// Round32 is ROUNDSS: to an integral value by the rounding mode of c. Denormals raise no DE.
func Round32(a uint32, c Ctl) (uint32, Flags) {
	n, fl := RoundInt(Unpack32(a, c), c)
	return Pack32(n, 0, fl&^DE, c)
}

// Round64 is ROUNDSD.
func Round64(a uint64, c Ctl) (uint64, Flags) {
	n, fl := RoundInt(Unpack64(a, c), c)
	return Pack64(n, 0, fl&^DE, c)
}

// Narrow is CVTSD2SS.
func Narrow(a uint64, c Ctl) (uint32, Flags) {
	n := Unpack64(a, c)
	fl := denFlag(n, n)
	if r, f, is := nan1(n); is {
		n, fl = r, f
	}
	return Pack32(n, 0, fl, c)
}

// Widen is CVTSS2SD.
func Widen(a uint32, c Ctl) (uint64, Flags) {
	n := Unpack32(a, c)
	fl := denFlag(n, n)
	if r, f, is := nan1(n); is {
		n, fl = r, f
	}
	return Pack64(n, 0, fl, c)
}

// IntTo32 converts a signed integer to binary32.
func IntTo32(v int64, c Ctl) (uint32, Flags) { return Pack32(FromInt(v), 0, 0, c) }

// IntTo64 converts a signed integer to binary64.
func IntTo64(v int64, c Ctl) (uint64, Flags) { return Pack64(FromInt(v), 0, 0, c) }
