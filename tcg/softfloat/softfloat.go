// Package softfloat does the floating-point arithmetic of x86 with integers:
// binary32 and binary64 as SSE does it, and the 80-bit double extended format as
// the x87 does it (Intel SDM vol. 1 chapters 4, 8 and 11).
//
// Every operation is a pure function of its operands and of a Ctl, and returns
// the exception flags it would raise. All formats share one core: operands are
// unpacked into a Num with a 64-bit significand, the exact result is formed
// with 64 more bits below it, and rounded once.
package softfloat

import "math/bits"

// Flags are the exception flags, with the numbers they have in MXCSR and in
// the x87 status word, and RoundUp in the place of C1.
type Flags uint32

// Exception flags (SDM vol. 1 4.9.1). Pre are those found before the operation
// is carried out. RoundUp says that the result was rounded away from zero (x87 C1).
const (
	IE      Flags = 1 << 0
	DE      Flags = 1 << 1
	ZE      Flags = 1 << 2
	OE      Flags = 1 << 3
	UE      Flags = 1 << 4
	PE      Flags = 1 << 5
	All           = IE | DE | ZE | OE | UE | PE
	Pre           = IE | DE | ZE
	RoundUp Flags = 1 << 9
)

// Ctl says how to round and what to do about denormals. Bits 5..0 are the
// exception masks in the order of Flags.
type Ctl uint32

// Fields of Ctl. X87 selects the x87's NaN rule, and its scaled results for
// unmasked overflow and underflow. Prec is the x87's precision control.
const (
	Masks     Ctl = 0x3f
	rcShift       = 6
	RC        Ctl = 3 << rcShift
	Nearest   Ctl = 0 << rcShift
	Down      Ctl = 1 << rcShift
	Up        Ctl = 2 << rcShift
	Truncate  Ctl = 3 << rcShift
	DAZ       Ctl = 1 << 8
	FTZ       Ctl = 1 << 9
	X87       Ctl = 1 << 10
	precShift     = 11
	Prec      Ctl = 3 << precShift
	Prec64    Ctl = 3 << precShift
)

// FromMXCSR gives the Ctl of an MXCSR value (SDM vol. 1 10.2.3).
func FromMXCSR(m uint32) Ctl {
	return Ctl(m>>7&0x3f | m>>13&3<<rcShift | m>>6&1<<8 | m>>15&1<<9)
}

// FromCW gives the Ctl of an x87 control word (SDM vol. 1 8.1.5).
func FromCW(cw uint16) Ctl {
	w := Ctl(cw)
	return w&0x3f | w>>10&3<<rcShift | w>>8&3<<precShift | X87
}

func (c Ctl) masked(f Flags) bool { return Flags(c)&f == f }

// F80 is a double extended value: sign and exponent, and the significand with
// its explicit integer bit.
type F80 struct {
	SE  uint16
	Sig uint64
}

// Class is the kind of a Num.
type Class uint8

// Classes. Unsupported is an encoding the x87 rejects: pseudo-infinity,
// pseudo-NaN, unnormal.
const (
	Zero Class = iota
	Finite
	Inf
	QNaN
	SNaN
	Unsupported
)

// Num is an unpacked operand: Sig * 2^(Exp-63), with bit 63 of Sig set if it
// is Finite. Of a NaN, Sig holds the fraction left-aligned below bit 63.
// Den says that it was a denormal (and DAZ off).
type Num struct {
	Class Class
	Neg   bool
	Den   bool
	Exp   int32
	Sig   uint64
}

const top = 1 << 63

// defaultNaN is the real indefinite QNaN (SDM vol. 1 4.8.3.7).
var defaultNaN = Num{Class: QNaN, Neg: true, Sig: top | top>>1}

// IsNaN tells whether n is a quiet or signalling NaN.
func (n Num) IsNaN() bool { return n.Class == QNaN || n.Class == SNaN }

// format describes a binary format: precision and exponent range.
type format struct {
	prec       uint
	emin, emax int32
}

var (
	fmt32 = format{24, -126, 127}
	fmt64 = format{53, -1022, 1023}
	fmt80 = format{64, -16382, 16383}
)

// Unpack32 unpacks a binary32.
func Unpack32(x uint32, c Ctl) Num {
	n := Num{Neg: x>>31 != 0}
	e, f := x>>23&0xff, uint64(x&0x7fffff)<<40
	switch {
	case e == 0:
		n.denormal(f, -127, c)
	case e == 0xff:
		n.special(f)
	default:
		n.Class, n.Exp, n.Sig = Finite, int32(e)-127, top|f
	}
	return n
}

// Unpack64 unpacks a binary64.
func Unpack64(x uint64, c Ctl) Num {
	n := Num{Neg: x>>63 != 0}
	e, f := x>>52&0x7ff, x&(1<<52-1)<<11
	switch {
	case e == 0:
		n.denormal(f, -1023, c)
	case e == 0x7ff:
		n.special(f)
	default:
		n.Class, n.Exp, n.Sig = Finite, int32(e)-1023, top|f
	}
	return n
}

// denormal fills in a zero or denormal with fraction f (binary point at bit 63).
func (n *Num) denormal(f uint64, exp int32, c Ctl) {
	if f == 0 || c&DAZ != 0 {
		return
	}
	lz := bits.LeadingZeros64(f)
	n.Class, n.Den, n.Sig, n.Exp = Finite, true, f<<lz, exp+1-int32(lz)
}

// special fills in an infinity or NaN with fraction f.
func (n *Num) special(f uint64) {
	n.Sig = top | f
	switch {
	case f == 0:
		n.Class = Inf
	case f&(top>>1) != 0:
		n.Class = QNaN
	default:
		n.Class = SNaN
	}
}

// Unpack80 unpacks a double extended value (SDM vol. 1 8.2.2).
func Unpack80(x F80) Num {
	n := Num{Neg: x.SE>>15 != 0}
	e := int32(x.SE & 0x7fff)
	switch {
	case e == 0 && x.Sig == 0:
	case e == 0:
		lz := bits.LeadingZeros64(x.Sig)
		n.Class, n.Den, n.Sig, n.Exp = Finite, true, x.Sig<<lz, -16382-int32(lz)
	case x.Sig>>63 == 0:
		n.Class = Unsupported
	case e == 0x7fff:
		n.special(x.Sig &^ top)
	default:
		n.Class, n.Exp, n.Sig = Finite, e-16383, x.Sig
	}
	return n
}

// FromInt unpacks a signed integer.
func FromInt(v int64) Num {
	if v == 0 {
		return Num{}
	}
	n := Num{Class: Finite, Neg: v < 0}
	u := uint64(v)
	if v < 0 {
		u = -u
	}
	lz := bits.LeadingZeros64(u)
	n.Sig, n.Exp = u<<lz, 63-int32(lz)
	return n
}

// shiftJam shifts hi:lo right by n, or-ing what falls out into bit 0.
func shiftJam(hi, lo uint64, n uint32) (uint64, uint64) {
	switch {
	case n == 0:
		return hi, lo
	case n < 64:
		out := lo << (64 - n)
		lo = hi<<(64-n) | lo>>n
		if out != 0 {
			lo |= 1
		}
		return hi >> n, lo
	case n < 128:
		out := lo | hi<<(128-n)
		if n == 64 {
			out = lo
		}
		lo = hi >> (n - 64)
		if out != 0 {
			lo |= 1
		}
		return 0, lo
	}
	if hi|lo != 0 {
		return 0, 1
	}
	return 0, 0
}

// roundSig rounds hi:lo to prec bits of hi. carry: hi has become 1.0 of the next binade.
func roundSig(neg bool, hi, lo uint64, prec uint, c Ctl) (sig uint64, carry int32, fl Flags) {
	s := 64 - prec
	ulp := uint64(1) << s
	rem := hi & (ulp - 1)
	if rem|lo == 0 {
		return hi, 0, 0
	}
	hi -= rem
	var up bool
	switch c & RC {
	case Nearest:
		if s == 0 {
			up = lo > top || lo == top && hi&1 != 0
		} else {
			half := ulp >> 1
			up = rem > half || rem == half && (lo != 0 || hi&ulp != 0)
		}
	case Down:
		up = neg
	case Up:
		up = !neg
	}
	if !up {
		return hi, 0, PE
	}
	hi += ulp
	if hi == 0 {
		return top, 1, PE | RoundUp
	}
	return hi, 0, PE | RoundUp
}

// wrapBias is what the x87 adds to the exponent of an unmasked overflow or
// underflow to bring it into range (SDM vol. 1 8.5.4).
const wrapBias = 24576

// round rounds the finite n, with lo below its significand, to prec bits in
// format f. It returns the biased exponent (0 for denormals and zero), the
// significand left-aligned, and the flags.
func round(f *format, prec uint, n Num, lo uint64, c Ctl) (e int32, sig uint64, fl Flags) {
	sig, carry, fl := roundSig(n.Neg, n.Sig, lo, prec, c)
	e = n.Exp + carry
	bias := f.emax
	if e < f.emin {
		if !c.masked(UE) && (c&X87 == 0 || f.prec != 64 || e+wrapBias >= f.emin) { // the trap handler gets the result of unbounded range, and so do the flags
			if c&X87 != 0 {
				e += wrapBias
			}
			return e + bias, sig, fl | UE
		}
		if c&FTZ != 0 {
			return 0, 0, UE | PE
		}
	}
	if c&X87 != 0 && f.prec == 64 { // out of reach of the bias, by FSCALE
		switch {
		case e < f.emin && !c.masked(UE):
			return 0, 0, UE | PE
		case e-wrapBias > f.emax && !c.masked(OE):
			return 2*bias + 1, top, OE | PE | RoundUp
		}
	}
	if n.Exp < f.emin {
		tiny := e < f.emin
		hi, lo := shiftJam(n.Sig, lo, uint32(f.emin-n.Exp))
		sig, _, fl = roundSig(n.Neg, hi, lo, prec, c)
		if tiny && fl != 0 {
			fl |= UE
		}
		return int32(sig >> 63), sig, fl
	}
	if e > f.emax {
		if !c.masked(OE) && (c&X87 == 0 || f.prec != 64 || e-wrapBias <= f.emax) {
			if c&X87 != 0 {
				e -= wrapBias
			}
			return e + bias, sig, fl | OE
		}
		rc := c & RC
		if rc == Nearest || rc == Up && !n.Neg || rc == Down && n.Neg {
			return 2*bias + 1, top, OE | PE | RoundUp
		}
		return 2 * bias, ^uint64(0) << (64 - prec), OE | PE
	}
	return e + bias, sig, fl
}

// Pack32 rounds n (with lo below it) to binary32.
func Pack32(n Num, lo uint64, fl Flags, c Ctl) (uint32, Flags) {
	var s uint32
	if n.Neg {
		s = 1 << 31
	}
	switch n.Class {
	case Zero:
		return s, fl
	case Finite:
		e, sig, f := round(&fmt32, 24, n, lo, c)
		return s | uint32(e)<<23 | uint32(sig<<1>>41), fl | f
	}
	return s | 0xff<<23 | uint32(n.Sig<<1>>41), fl
}

// Pack64 rounds n (with lo below it) to binary64.
func Pack64(n Num, lo uint64, fl Flags, c Ctl) (uint64, Flags) {
	var s uint64
	if n.Neg {
		s = top
	}
	switch n.Class {
	case Zero:
		return s, fl
	case Finite:
		e, sig, f := round(&fmt64, 53, n, lo, c)
		return s | uint64(e)<<52 | sig<<1>>12, fl | f
	}
	return s | 0x7ff<<52 | n.Sig<<1>>12, fl
}

// precs gives the significand size of each precision control value. 1 is reserved and acts as 64 bits.
var precs = [4]uint{24, 64, 53, 64}

// Pack80 rounds n (with lo below it) to double extended, at the precision of c.
func Pack80(n Num, lo uint64, fl Flags, c Ctl) (F80, Flags) {
	var s uint16
	if n.Neg {
		s = 1 << 15
	}
	switch n.Class {
	case Zero:
		return F80{s, 0}, fl
	case Finite:
		e, sig, f := round(&fmt80, precs[c&Prec>>precShift], n, lo, c)
		return F80{s | uint16(e), sig}, fl | f
	}
	return F80{s | 0x7fff, n.Sig}, fl
}
