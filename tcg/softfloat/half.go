package softfloat

var fmt16 = format{11, -14, 15}

// Unpack16 unpacks a binary16. Half precision knows no DAZ and no DE.
func Unpack16(x uint16) Num {
	n := Num{Neg: x>>15 != 0}
	e, f := x>>10&0x1f, uint64(x&0x3ff)<<53
	switch {
	case e == 0:
		n.denormal(f, -15, 0)
		n.Den = false
	case e == 0x1f:
		n.special(f)
	default:
		n.Class, n.Exp, n.Sig = Finite, int32(e)-15, top|f
	}
	return n
}

// Pack16 rounds n (with lo below it) to binary16.
func Pack16(n Num, lo uint64, fl Flags, c Ctl) (uint16, Flags) {
	var s uint16
	if n.Neg {
		s = 1 << 15
	}
	switch n.Class {
	case Zero:
		return s, fl
	case Finite:
		e, sig, f := round(&fmt16, 11, n, lo, c)
		return s | uint16(e)<<10 | uint16(sig<<1>>54), fl | f
	}
	return s | 0x1f<<10 | uint16(n.Sig<<1>>54), fl
}

// WidenHalf is VCVTPH2PS of one element, exact but for SNaNs.
func WidenHalf(a uint16) (uint32, Flags) {
	n := Unpack16(a)
	var fl Flags
	if r, f, is := nan1(n); is {
		n, fl = r, f
	}
	return Pack32(n, 0, fl, 0)
}

// NarrowHalf is VCVTPS2PH of one element. FTZ does not matter.
func NarrowHalf(a uint32, c Ctl) (uint16, Flags) {
	n := Unpack32(a, c)
	fl := denFlag(n, n)
	if r, f, is := nan1(n); is {
		n, fl = r, f
	}
	return Pack16(n, 0, fl, c&^FTZ)
}
