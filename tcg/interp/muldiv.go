package interp

import (
	"math/bits"

	"goemu/tcg"
)

// co gives cc with C and O both set as on.
func co(cc uint32, on bool) uint32 {
	cc &^= tcg.CCC | tcg.CCO
	if on {
		cc |= tcg.CCC | tcg.CCO
	}
	return cc
}

// imul is the two-operand IMUL; C and O tell that the product did not fit.
func imul(w tcg.Width, a, b uint64, cc uint32) (uint64, uint32) {
	if w != tcg.W64 {
		p := signed(a, w) * signed(b, w)
		return uint64(p), co(cc, p != signed(uint64(p), w))
	}
	hi, lo := mulSigned(a, b)
	return lo, co(cc, hi != uint64(int64(lo)>>63))
}

func mulSigned(a, b uint64) (hi, lo uint64) {
	hi, lo = bits.Mul64(a, b)
	hi -= uint64(int64(a)>>63)&b + uint64(int64(b)>>63)&a
	return hi, lo
}

// mulWide is the one-operand MUL and IMUL: v * a, where a is RAX.
func mulWide(sign bool, w tcg.Width, a, v uint64, cc uint32) (hi, lo uint64, ncc uint32) {
	m := mask(w)
	switch {
	case w == tcg.W64 && sign:
		hi, lo = mulSigned(a, v)
		return hi, lo, co(cc, hi != uint64(int64(lo)>>63))
	case w == tcg.W64:
		hi, lo = bits.Mul64(a, v)
		return hi, lo, co(cc, hi != 0)
	case sign:
		p := signed(a, w) * signed(v, w)
		return uint64(p) >> uint(w.Bits()) & m, uint64(p) & m, co(cc, p != signed(uint64(p), w))
	}
	p := (a & m) * (v & m)
	hi = p >> uint(w.Bits())
	return hi, p & m, co(cc, hi != 0)
}

// div divides hi:lo by v. ok is false for #DE.
func div(sign bool, w tcg.Width, hi, lo, v uint64) (q, r uint64, ok bool) {
	m := mask(w)
	v &= m
	if v == 0 {
		return 0, 0, false
	}
	if w != tcg.W64 {
		n := hi&m<<uint(w.Bits()) | lo&m
		if !sign {
			q, r = n/v, n%v
			return q, r, q <= m
		}
		sn, sv := signed(n, w+1), signed(v, w)
		if sn == -1<<63 && sv == -1 { // w is 32: 2^63 fits nowhere
			return 0, 0, false
		}
		sq := sn / sv
		return uint64(sq) & m, uint64(sn%sv) & m, sq == signed(uint64(sq), w)
	}
	if !sign {
		if hi >= v {
			return 0, 0, false
		}
		q, r = bits.Div64(hi, lo, v)
		return q, r, true
	}
	// Divide magnitudes, then set signs.
	negN, negV := int64(hi) < 0, int64(v) < 0
	if negN {
		var b uint64
		lo, b = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, b)
	}
	if negV {
		v = -v
	}
	if hi >= v {
		return 0, 0, false
	}
	q, r = bits.Div64(hi, lo, v)
	if negN {
		r = -r
	}
	if negN != negV {
		q = -q
		return q, r, int64(q) <= 0
	}
	return q, r, int64(q) >= 0
}

// scan computes Bsf, Bsr, Tzcnt, Lzcnt and Popcnt. keep: the destination stays as it was.
func scan(code tcg.Opcode, w tcg.Width, a uint64, cc uint32) (r uint64, keep bool, ncc uint32) {
	a &= mask(w)
	n := w.Bits()
	switch code {
	case tcg.Bsf, tcg.Bsr:
		if a == 0 {
			return 0, true, cc | tcg.CCZ
		}
		cc &^= tcg.CCZ
		if code == tcg.Bsf {
			return uint64(bits.TrailingZeros64(a)), false, cc
		}
		return uint64(63 - bits.LeadingZeros64(a)), false, cc
	case tcg.Popcnt:
		r = uint64(bits.OnesCount64(a))
		ncc = tcg.CCFixed
	default:
		ncc = cc&tcg.CCO | tcg.CCFixed
		if code == tcg.Tzcnt {
			r = uint64(min(bits.TrailingZeros64(a), n))
		} else {
			r = uint64(bits.LeadingZeros64(a) - 64 + n)
		}
		if a == 0 {
			ncc |= tcg.CCC
		}
	}
	if r == 0 {
		ncc |= tcg.CCZ
	}
	return r, false, ncc
}
