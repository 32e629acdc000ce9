package softfloat

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"goemu/tests/seed"
)

func newRand(t *testing.T) *rand.Rand { return rand.New(rand.NewPCG(seed.Of(t), 1)) }

func rand64(r *rand.Rand) uint64 {
	switch r.IntN(6) {
	case 0:
		return 0 | r.Uint64()&top
	case 1:
		return r.Uint64()&(1<<63|1<<52-1) | uint64(1015+r.IntN(16))<<52
	case 2:
		return math.Float64bits(float64(int32(r.Uint32()) >> r.IntN(32)))
	case 3:
		return r.Uint64()&(1<<63|1<<53-1) | uint64(r.IntN(2))<<53
	case 4: // limits of the fast paths
		return r.Uint64()&(1<<63|1<<52-1) | uint64([]int{598, 599, 600, 601, 1448, 1449, 1450}[r.IntN(7)])<<52
	}
	return r.Uint64()
}

func rand32(r *rand.Rand) uint32 {
	switch r.IntN(5) {
	case 0:
		return r.Uint32() & (1 << 31)
	case 1:
		return r.Uint32()&0x807fffff | uint32(120+r.IntN(16))<<23
	case 2:
		return math.Float32bits(float32(int32(r.Uint32()) >> r.IntN(32)))
	case 3:
		return r.Uint32()&0x807fffff | uint32([]int{68, 69, 70, 71, 183, 184, 185, 186}[r.IntN(8)])<<23
	}
	return r.Uint32()
}

// TestFastPaths: what uses the host's arithmetic gives the results and flags of the integer core.
func TestFastPaths(t *testing.T) {
	r := newRand(t)
	type op func(a, b Num, c Ctl) (Num, uint64, Flags)
	sqrt := func(a, _ Num, _ Ctl) (Num, uint64, Flags) { return Sqrt(a) }
	for _, o := range []struct {
		name string
		core op
		f32  func(a, b uint32, c Ctl) (uint32, Flags)
		f64  func(a, b uint64, c Ctl) (uint64, Flags)
	}{
		{"add", Add, Add32, Add64},
		{"sub", Sub, Sub32, Sub64},
		{"mul", Mul, Mul32, Mul64},
		{"div", Div, Div32, Div64},
		{"sqrt", sqrt, func(a, _ uint32, c Ctl) (uint32, Flags) { return Sqrt32(a, c) }, func(a, _ uint64, c Ctl) (uint64, Flags) { return Sqrt64(a, c) }},
	} {
		for range 200000 {
			c := Masks | Ctl(r.IntN(4))<<rcShift
			a, b := rand64(r), rand64(r)
			if r.IntN(8) == 0 {
				b = a ^ uint64(r.IntN(4))
			}
			n, lo, fl := o.core(Unpack64(a, c), Unpack64(b, c), c)
			want, wfl := Pack64(n, lo, fl, c)
			if got, gfl := o.f64(a, b, c); got != want || (gfl^wfl)&All != 0 {
				t.Fatalf("%s64 %x %x ctl %x: got %x flags %x, want %x flags %x", o.name, a, b, c, got, gfl, want, wfl)
			}
			x, y := rand32(r), rand32(r)
			n, lo, fl = o.core(Unpack32(x, c), Unpack32(y, c), c)
			want32, wfl := Pack32(n, lo, fl, c)
			if got, gfl := o.f32(x, y, c); got != want32 || (gfl^wfl)&All != 0 {
				t.Fatalf("%s32 %x %x ctl %x: got %x flags %x, want %x flags %x", o.name, x, y, c, got, gfl, want32, wfl)
			}
		}
	}
}

// TestRoundingModes checks sums and products of normal numbers against math/big in all modes.
func TestRoundingModes(t *testing.T) {
	r := newRand(t)
	modes := [4]big.RoundingMode{big.ToNearestEven, big.ToNegativeInf, big.ToPositiveInf, big.ToZero}
	for range 50000 {
		a, b := rand64(r)&^(3<<61)|3<<60, rand64(r)&^(3<<61)|3<<60
		rc := r.IntN(4)
		c := Masks | Ctl(rc)<<rcShift
		x, y := big.NewFloat(math.Float64frombits(a)), big.NewFloat(math.Float64frombits(b))
		exact := new(big.Float).SetPrec(2000)
		for _, o := range []struct {
			name string
			got  func(a, b uint64, c Ctl) (uint64, Flags)
			want *big.Float
		}{
			{"add", Add64, new(big.Float).Copy(exact).Add(x, y)},
			{"mul", Mul64, new(big.Float).Copy(exact).Mul(x, y)},
		} {
			w := new(big.Float).SetPrec(53).SetMode(modes[rc]).Set(o.want)
			want, _ := w.Float64()
			if w.Sign() == 0 || w.MantExp(nil) < -1020 || w.MantExp(nil) > 1023 {
				continue
			}
			got, fl := o.got(a, b, c)
			if got != math.Float64bits(want) || (fl&PE != 0) != (w.Cmp(o.want) != 0) {
				t.Fatalf("%s %x %x mode %d: got %x flags %x, want %x", o.name, a, b, rc, got, fl, math.Float64bits(want))
			}
		}
	}
}

// TestConstants checks the 128-bit constants against series.
func TestConstants(t *testing.T) {
	k := refConsts()
	one, ten := newFloat().SetUint64(1), newFloat().SetUint64(10)
	l2t := refLog2(ten)
	l2e := newFloat().Quo(one, newFloat().Set(k.ln2))
	lg2 := newFloat().Quo(one, l2t)
	for i, want := range []*big.Float{1: l2t, 2: l2e, 3: k.pi, 4: lg2, 5: k.ln2} {
		if want == nil {
			continue
		}
		exp, hi, lo := split(want)
		if got := constants[i]; got.sig != hi || got.lo != lo || got.exp != exp {
			t.Errorf("constant %d is %x, want exponent %d, %x %x", i, got, exp, hi, lo)
		}
	}
}

// float gives the nearest float64 of an F80.
func float(v F80) float64 {
	x, _ := Pack64(Unpack80(v), 0, 0, Masks)
	return math.Float64frombits(x)
}

// TestTranscendentals compares with package math, as well as that goes.
func TestTranscendentals(t *testing.T) {
	r := newRand(t)
	near := func(name string, got F80, want float64, in ...float64) {
		t.Helper()
		if g := float(got); math.Abs(g-want) > 4e-15*math.Max(math.Abs(want), 0.1) {
			t.Errorf("%s%v: got %v, want %v", name, in, g, want)
		}
	}
	for range 300 {
		x, y := r.NormFloat64(), r.NormFloat64()
		nx, ny := Unpack64(math.Float64bits(x), X87), Unpack64(math.Float64bits(y), X87)
		c := X87 | Masks
		s, _ := Sin(nx, c)
		near("sin", s, math.Sin(x), x)
		s, _ = Cos(nx, c)
		near("cos", s, math.Cos(x), x)
		s, _ = Atan2(ny, nx, c)
		near("atan2", s, math.Atan2(y, x), y, x)
		z := math.Abs(x)
		s, _ = YLog2X(Unpack64(math.Float64bits(z), X87), ny, c)
		near("y*log2", s, y*math.Log2(z), y, z)
		if z < 1 {
			s, _ = Exp2M1(nx, c)
			near("2^x-1", s, math.Expm1(x*math.Ln2), x)
		}
		if z < 0.29 {
			s, _ = YLog2XP1(nx, ny, c)
			near("y*log2(x+1)", s, y*math.Log1p(x)/math.Ln2, x, y)
		}
	}
}

// TestReference compares the transcendental functions with math/big at 512 bits. Where
// the x87 reduces by its 66-bit pi, so does the reference.
func TestReference(t *testing.T) {
	r := newRand(t)
	operand := func(lo, hi int) Num {
		n := Num{Class: Finite, Neg: r.IntN(2) == 0, Exp: int32(lo + r.IntN(hi-lo+1)), Sig: r.Uint64() | top}
		if r.IntN(4) == 0 {
			n.Sig &= math.MaxUint64 << r.IntN(64)
		}
		return n
	}
	check := func(name string, x, y Num, got, want F80, gf, wf Flags) {
		t.Helper()
		if got != want || gf != wf {
			t.Errorf("%s(%+v, %+v) = %x flags %x, want %x flags %x", name, x, y, got, gf, want, wf)
		}
	}
	for range 3000 {
		c := X87 | Masks | Ctl(r.IntN(4))<<rcShift
		x, y := operand(-80, 62), operand(-90, 70)
		if r.IntN(2) == 0 {
			x, y = operand(-8, 4), operand(-8, 4)
		}
		g, gf := Sin(x, c)
		w, wf := refSin(x, c)
		check("sin", x, y, g, w, gf, wf)
		g, gf = Cos(x, c)
		w, wf = refCos(x, c)
		check("cos", x, y, g, w, gf, wf)
		g, gf = Tan(x, c)
		w, wf = refTan(x, c)
		check("tan", x, y, g, w, gf, wf)
		g, gf = Atan2(y, x, c)
		w, wf = refAtan2(y, x, c)
		check("atan2", x, y, g, w, gf, wf)
		if x.Exp < 0 {
			g, gf = Exp2M1(x, c)
			w, wf = refExp2M1(x, c)
			check("2^x-1", x, y, g, w, gf, wf)
		}
		if x.Exp < -1 { // the manual wants |x| < 1 - sqrt(1/2)
			g, gf = YLog2XP1(x, y, c)
			w, wf = refYLog2XP1(x, y, c)
			check("y*log2(x+1)", x, y, g, w, gf, wf)
		}
		x.Neg = false
		g, gf = YLog2X(x, y, c)
		w, wf = refYLog2X(x, y, c)
		check("y*log2(x)", x, y, g, w, gf, wf)
	}
}

// TestBCD: packed BCD there and back.
func TestBCD(t *testing.T) {
	for _, v := range []int64{0, 1, -1, 99, 123456789012345678, -999999999999999999, 999999999999999999} {
		var b [10]byte
		if fl := ToBCD(FromInt(v), b[:], Masks); fl != 0 {
			t.Errorf("%d: flags %x", v, fl)
		}
		if n := FromBCD(b[:]); n != FromInt(v) {
			t.Errorf("%d came back as %+v", v, n)
		}
	}
}

func BenchmarkTranscendentals(b *testing.B) {
	x, y := Unpack64(math.Float64bits(0.7), X87), Unpack64(math.Float64bits(1.3), X87)
	for _, f := range []struct {
		name string
		f    func()
	}{
		{"FSIN", func() { Sin(x, X87) }},
		{"FPTAN", func() { Tan(x, X87) }},
		{"FPATAN", func() { Atan2(y, x, X87) }},
		{"F2XM1", func() { Exp2M1(x, X87) }},
		{"FYL2X", func() { YLog2X(x, y, X87) }},
	} {
		b.Run(f.name, func(b *testing.B) {
			for b.Loop() {
				f.f()
			}
		})
	}
}
