package simd

import (
	"math"

	"goemu/tcg/softfloat"
)

type (
	flags = softfloat.Flags
	ctl   = softfloat.Ctl
	num   = softfloat.Num
)

// floats makes the two element functions of an operation on Nums of the second source. It gives the result with the bits below it, and how
// to round that.
func floats(f func(a num, imm uint8, c ctl) (r num, lo uint64, fl flags, to ctl)) (func(_, b uint32, imm uint8, c ctl) (uint32, flags), func(_, b uint64, imm uint8, c ctl) (uint64, flags)) {
	return func(_, b uint32, imm uint8, c ctl) (uint32, flags) {
			n, lo, fl, c := f(softfloat.Unpack32(b, c), imm, c)
			return softfloat.Pack32(n, lo, fl, c)
		}, func(_, b uint64, imm uint8, c ctl) (uint64, flags) {
			n, lo, fl, c := f(softfloat.Unpack64(b, c), imm, c)
			return softfloat.Pack64(n, lo, fl, c)
		}
}

func getexp(a num, _ uint8, c ctl) (num, uint64, flags, ctl) {
	r, fl := softfloat.FloorLog2(a)
	return r, 0, fl, c
}

func getmant(a num, imm uint8, c ctl) (num, uint64, flags, ctl) {
	r, fl := softfloat.Mantissa(a, imm&3, imm>>2&3)
	return r, 0, fl, c
}

// rndscale keeps imm8[7:4] bits of fraction, rounded as ROUNDPS does with the lower bits.
func rndscale(a num, imm uint8, c ctl) (num, uint64, flags, ctl) {
	r, fl := softfloat.RoundScaled(a, int32(imm>>4), roundCtl(c, imm))
	return r, 0, roundFlags(fl, imm), c
}

// reduce is what rndscale takes away, rounded in the same direction.
func reduce(a num, imm uint8, c ctl) (num, uint64, flags, ctl) {
	c = roundCtl(c, imm)
	if a.Class == softfloat.Inf {
		return num{}, 0, 0, c
	}
	r, fl := softfloat.RoundScaled(a, int32(imm>>4), c)
	if r.Class > softfloat.Inf {
		return r, 0, fl, c
	}
	a.Den = false
	d, lo, _ := softfloat.Sub(a, r, c)
	return d, lo, fl, c
}

var (
	getexp32, getexp64       = floats(getexp)
	getmant32, getmant64     = floats(getmant)
	rndscale32, rndscale64   = floats(rndscale)
	reduceAny32, reduceAny64 = floats(reduce)
)

func reduce32(a, b uint32, imm uint8, c ctl) (uint32, flags) {
	r, fl := reduceAny32(a, b, imm, c)
	return r, roundFlags(fl, imm)
}

func reduce64(a, b uint64, imm uint8, c ctl) (uint64, flags) {
	r, fl := reduceAny64(a, b, imm, c)
	return r, roundFlags(fl, imm)
}

func scalef32(a, b uint32, _ uint8, c ctl) (uint32, flags) {
	n, fl := softfloat.ScaleByFloor(softfloat.Unpack32(a, c), softfloat.Unpack32(b, c))
	return softfloat.Pack32(n, 0, fl, c)
}

func scalef64(a, b uint64, _ uint8, c ctl) (uint64, flags) {
	n, fl := softfloat.ScaleByFloor(softfloat.Unpack64(a, c), softfloat.Unpack64(b, c))
	return softfloat.Pack64(n, 0, fl, c)
}

// pickRange is VRANGE: which of two numbers imm8[1:0] chooses (minimum, maximum, and of absolute values).
func pickRange(a, b num, imm uint8) (r num, fl flags) {
	if a.Den || b.Den {
		fl = softfloat.DE
	}
	switch {
	case a.Class == softfloat.SNaN || b.Class == softfloat.SNaN:
		fl = softfloat.IE
		if a.Class != softfloat.SNaN {
			a = b
		}
		a, _ = softfloat.QuietNaN(a)
		return a, fl
	case a.Class == softfloat.QNaN && b.Class == softfloat.QNaN:
		return a, 0
	case a.Class == softfloat.QNaN:
		return b, 0
	case b.Class == softfloat.QNaN:
		return a, 0
	}
	x, y := a, b
	if imm&2 != 0 {
		x.Neg, y.Neg = false, false
	}
	rel, _ := softfloat.Compare(x, y, true)
	if rel == softfloat.Equal && a.Neg != b.Neg { // of zeros and of equal absolute values the negative one is the smaller
		rel = softfloat.Greater
		if a.Neg {
			rel = softfloat.Less
		}
	}
	takeA := rel == softfloat.Less || rel == softfloat.Equal
	if imm&1 != 0 {
		takeA = rel == softfloat.Greater || rel == softfloat.Equal
	}
	if takeA {
		return a, fl
	}
	return b, fl
}

// rangeSign applies imm8[3:2] to the result: the sign of a, its own, 0 or 1.
func rangeSign(r, a uint64, sign uint64, imm uint8) uint64 {
	switch imm >> 2 & 3 {
	case 0:
		return r&^sign | a&sign
	case 1:
		return r
	case 2:
		return r &^ sign
	}
	return r | sign
}

func range32(a, b uint32, imm uint8, c ctl) (uint32, flags) {
	n, fl := pickRange(softfloat.Unpack32(a, c), softfloat.Unpack32(b, c), imm)
	r, fl := softfloat.Pack32(n, 0, fl, c&^softfloat.FTZ)
	if fl&softfloat.IE != 0 {
		return r, fl
	}
	return uint32(rangeSign(uint64(r), uint64(a), sign32, imm)), fl &^ (softfloat.UE | softfloat.PE)
}

func range64(a, b uint64, imm uint8, c ctl) (uint64, flags) {
	n, fl := pickRange(softfloat.Unpack64(a, c), softfloat.Unpack64(b, c), imm)
	r, fl := softfloat.Pack64(n, 0, fl, c&^softfloat.FTZ)
	if fl&softfloat.IE != 0 {
		return r, fl
	}
	return rangeSign(r, a, 1<<63, imm), fl &^ (softfloat.UE | softfloat.PE)
}

// Classes of VFIXUPIMM, in the order of the table's nibbles (SDM vol. 2C, VFIXUPIMMPD).
func fixupClass(a num, one bool) int {
	switch {
	case a.Class == softfloat.QNaN:
		return 0
	case a.Class == softfloat.SNaN:
		return 1
	case a.Class == softfloat.Zero:
		return 2
	case one:
		return 3
	case a.Class == softfloat.Inf && a.Neg:
		return 4
	case a.Class == softfloat.Inf:
		return 5
	case a.Neg:
		return 6
	}
	return 7
}

// fixupFlags gives the exceptions that imm8 asks for in a class.
func fixupFlags(class int, imm uint8) (fl flags) {
	raise := func(bit int, f flags) {
		if imm>>bit&1 != 0 {
			fl |= f
		}
	}
	switch class {
	case 1:
		raise(4, softfloat.IE)
	case 2:
		raise(0, softfloat.ZE)
		raise(1, softfloat.IE)
	case 3:
		raise(2, softfloat.ZE)
		raise(3, softfloat.IE)
	case 4:
		raise(5, softfloat.IE)
	case 5:
		raise(7, softfloat.IE)
	case 6:
		raise(6, softfloat.IE)
	}
	return fl
}

// fixup is VFIXUPIMM of one element: a number by its class, or what stands for 0, 1 and 2: the destination, the source, and
// the source as a QNaN; 6 is an infinity with the source's sign.
func fixup(class int, table uint32, neg bool) (n float64, special int) {
	switch r := table >> (4 * class) & 15; r {
	case 0, 1, 2:
		return 0, int(r)
	case 3:
		return 0, 3
	case 4:
		return math.Inf(-1), -1
	case 5:
		return math.Inf(1), -1
	case 6:
		if neg {
			return math.Inf(-1), -1
		}
		return math.Inf(1), -1
	case 7:
		return math.Copysign(0, -1), -1
	case 8:
		return 0, -1
	case 9:
		return -1, -1
	case 10:
		return 1, -1
	case 11:
		return 0.5, -1
	case 12:
		return 90, -1
	case 13:
		return math.Pi / 2, -1
	case 14:
		return 0, 4
	}
	return 0, 5
}

func fixup32(x *Evex, d, a, b uint32) (uint32, flags) {
	n := softfloat.Unpack32(a, x.ctl)
	if n.Class == softfloat.Zero {
		a &= sign32 // a denormal that counts as zero
	}
	class := fixupClass(n, a == 0x3f800000)
	v, special := fixup(class, b, n.Neg)
	fl := fixupFlags(class, x.imm)
	switch special {
	case 0:
		return d, fl
	case 1:
		return a, fl
	case 2:
		return a&sign32 | 0x7fc00000 | a&0x3fffff, fl
	case 3:
		return nan32, fl
	case 4:
		return 0x7f7fffff, fl
	case 5:
		return 0xff7fffff, fl
	}
	return math.Float32bits(float32(v)), fl
}

func fixup64(x *Evex, d, a, b uint64) (uint64, flags) {
	n := softfloat.Unpack64(a, x.ctl)
	if n.Class == softfloat.Zero {
		a &= 1 << 63
	}
	class := fixupClass(n, a == 0x3ff<<52)
	v, special := fixup(class, uint32(b), n.Neg)
	fl := fixupFlags(class, x.imm)
	switch special {
	case 0:
		return d, fl
	case 1:
		return a, fl
	case 2:
		return a&(1<<63) | 0x7ff8<<48 | a&(1<<51-1), fl
	case 3:
		return 0xfff8 << 48, fl
	case 4:
		return 0x7fef_ffff_ffff_ffff, fl
	case 5:
		return 0xffef_ffff_ffff_ffff, fl
	}
	return math.Float64bits(v), fl
}

func fixupPS(x *Evex) {
	for i := range x.n {
		if x.selected(i) {
			v, fl := fixup32(x, uint32(x.Dst.At(i, 4)), uint32(x.A.At(i, 4)), uint32(x.B.At(i, 4)))
			x.R.Put(i, 4, uint64(v))
			x.Flags |= fl
		}
	}
}

func fixupPD(x *Evex) {
	for i := range x.n {
		if x.selected(i) {
			v, fl := fixup64(x, x.Dst[i], x.A[i], x.B[i])
			x.R.Put(i, 8, v)
			x.Flags |= fl
		}
	}
}

// fpclass tells whether a number is in one of the classes of imm8 (SDM vol. 2C, VFPCLASSPD).
func fpclass(a num, den bool, imm uint8) bool {
	var class uint8
	switch {
	case a.Class == softfloat.QNaN:
		class = 1 << 0
	case a.Class == softfloat.SNaN:
		class = 1 << 7
	case a.Class == softfloat.Zero && !a.Neg:
		class = 1 << 1
	case a.Class == softfloat.Zero:
		class = 1 << 2
	case a.Class == softfloat.Inf && !a.Neg:
		class = 1 << 3
	case a.Class == softfloat.Inf:
		class = 1 << 4
	default:
		if den {
			class = 1 << 5
		}
		if a.Neg {
			class |= 1 << 6
		}
	}
	return class&imm != 0
}

func fpclassOf(size int) func(x *Evex) {
	return func(x *Evex) {
		for i := range x.n {
			var n num
			if size == 4 {
				n = softfloat.Unpack32(uint32(x.B.At(i, 4)), x.ctl)
			} else {
				n = softfloat.Unpack64(x.B.At(i, 8), x.ctl)
			}
			if x.selected(i) && fpclass(n, n.Den, x.imm) {
				x.Out |= 1 << i
			}
		}
	}
}

// VRCP14 and VRSQRT14 are approximations with a relative error of less than 2^-14 (SDM vol. 2C). Here they are the true values, rounded to
// 15 bits of fraction; the last bits of hardware differ. No exceptions are raised.

func approx(v float64) float64 {
	const drop = 52 - 15
	return math.Float64frombits((math.Float64bits(v) + 1<<(drop-1)) &^ (1<<drop - 1))
}

func rcp14of32(_, b uint32, _ uint8, c ctl) (uint32, flags) {
	s, a := b&sign32, b&^sign32
	switch {
	case a > inf32:
		return b | 1<<22, 0
	case a == inf32:
		return s, 0
	case a == 0 || a < norm32 && c&softfloat.DAZ != 0:
		return s | inf32, 0
	}
	return flush32(s|math.Float32bits(float32(approx(1/float64(math.Float32frombits(a))))), c), 0
}

// flush32 makes a denormal result zero if MXCSR says so.
func flush32(r uint32, c ctl) uint32 {
	if c&softfloat.FTZ != 0 && r&^sign32 < norm32 {
		return r & sign32
	}
	return r
}

func rcp14of64(_, b uint64, _ uint8, c ctl) (uint64, flags) {
	const sign, inf, norm = 1 << 63, 0x7ff << 52, 1 << 52
	s, a := b&sign, b&^uint64(sign)
	switch {
	case a > inf:
		return b | 1<<51, 0
	case a == inf:
		return s, 0
	case a == 0 || a < norm && c&softfloat.DAZ != 0:
		return s | inf, 0
	}
	r := math.Float64bits(approx(1 / math.Float64frombits(a)))
	if c&softfloat.FTZ != 0 && r < norm {
		r = 0
	}
	return s | r, 0
}

func rsqrt14of32(_, b uint32, _ uint8, c ctl) (uint32, flags) {
	s, a := b&sign32, b&^sign32
	switch {
	case a > inf32:
		return b | 1<<22, 0
	case a == 0 || a < norm32 && c&softfloat.DAZ != 0:
		return s | inf32, 0
	case s != 0:
		return nan32, 0
	case a == inf32:
		return 0, 0
	}
	return math.Float32bits(float32(approx(1 / math.Sqrt(float64(math.Float32frombits(a)))))), 0
}

func rsqrt14of64(_, b uint64, _ uint8, c ctl) (uint64, flags) {
	const sign, inf, norm = 1 << 63, 0x7ff << 52, 1 << 52
	s, a := b&sign, b&^uint64(sign)
	switch {
	case a > inf:
		return b | 1<<51, 0
	case a == 0 || a < norm && c&softfloat.DAZ != 0:
		return s | inf, 0
	case s != 0:
		return 0xfff8 << 48, 0
	case a == inf:
		return 0, 0
	}
	return math.Float64bits(approx(1 / math.Sqrt(math.Float64frombits(a)))), 0
}

// Conversions. A source element comes zero-extended.

func toFloat32(n num, c ctl) (uint64, flags) {
	v, fl := softfloat.Pack32(n, 0, 0, c)
	return uint64(v), fl
}

func toFloat64(n num, c ctl) (uint64, flags) { return softfloat.Pack64(n, 0, 0, c) }

func fromSigned(size int, to func(num, ctl) (uint64, flags)) func(b uint64, c ctl) (uint64, flags) {
	return func(b uint64, c ctl) (uint64, flags) { return to(softfloat.FromInt(sx(b, size)), c) }
}

func fromUnsigned(to func(num, ctl) (uint64, flags)) func(b uint64, c ctl) (uint64, flags) {
	return func(b uint64, c ctl) (uint64, flags) { return to(softfloat.FromUint(b), c) }
}

// toInteger converts a float of size from bytes to an integer of to bytes.
func toInteger(from, to int, unsigned, truncate bool) func(b uint64, c ctl) (uint64, flags) {
	return func(b uint64, c ctl) (uint64, flags) {
		n := softfloat.Unpack64(b, c)
		if from == 4 {
			n = softfloat.Unpack32(uint32(b), c)
		}
		if truncate {
			c |= softfloat.Truncate
		}
		if unsigned {
			return softfloat.ToUint(n, uint(8*to), c)
		}
		v, fl := softfloat.ToInt(n, uint(8*to), c)
		return uint64(v), fl
	}
}

func widenF(b uint64, c ctl) (uint64, flags) { return softfloat.Widen(uint32(b), c) }

func narrowF(b uint64, c ctl) (uint64, flags) {
	v, fl := softfloat.Narrow(b, c)
	return uint64(v), fl
}

func widenHalf(b uint64, _ ctl) (uint64, flags) {
	v, fl := softfloat.WidenHalf(uint16(b))
	return uint64(v), fl
}

// narrowHalf is VCVTPS2PH: the immediate has a rounding mode.
func narrowHalf(x *Evex) {
	c := roundCtl(x.ctl, x.imm)
	for i := range x.n {
		if x.selected(i) {
			v, fl := softfloat.NarrowHalf(uint32(x.B.At(i, 4)), c)
			x.R.Put(i, 2, uint64(v))
			x.Flags |= fl
		}
	}
}
