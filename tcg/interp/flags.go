package interp

import "goemu/tcg"

// Flags are computed on operands shifted to the top of 64 bits, so that one
// formula serves all widths: sh is 64 minus the width.

// pzs is P of the low byte of r, and Z and S of r's top 64-sh bits, in the layout of Env.CC.
func pzs(r uint64, sh uint) uint32 {
	cc := uint32(parity[uint8(r)]) << 8
	t := r << sh
	if t == 0 {
		cc |= tcg.CCZ
	}
	return cc | uint32(t>>63)<<15 | tcg.CCFixed
}

// parity holds bit 2 set for bytes with an even number of ones: P in AH after LAHF.
var parity = func() (t [256]uint8) {
	for i := range t {
		n := 0
		for b := i; b != 0; b &= b - 1 {
			n++
		}
		if n&1 == 0 {
			t[i] = 4
		}
	}
	return t
}()

// addFlags are the flags of r = a + b + carry.
func addFlags(a, b, r uint64, sh uint) uint32 {
	c := a&b | (a|b)&^r // carry out of each bit
	o := (a ^ r) & (b ^ r)
	return pzs(r, sh) | uint32(c<<sh>>63)<<8 | uint32((a^b^r)&0x10)<<8 | uint32(o<<sh>>63)
}

// subFlags are the flags of r = a - b - borrow.
func subFlags(a, b, r uint64, sh uint) uint32 {
	c := ^a&b | ^(a^b)&r // borrow out of each bit
	o := (a ^ b) & (a ^ r)
	return pzs(r, sh) | uint32(c<<sh>>63)<<8 | uint32((a^b^r)&0x10)<<8 | uint32(o<<sh>>63)
}

// incFlags are the flags of r = a + 1 but C, which stays as in cc.
func incFlags(a, r uint64, sh uint, cc uint32) uint32 {
	o := ^a & r
	return pzs(r, sh) | cc&tcg.CCC | uint32((a^r)&0x10)<<8 | uint32(o<<sh>>63)
}

// decFlags are the flags of r = a - 1 but C.
func decFlags(a, r uint64, sh uint, cc uint32) uint32 {
	o := a &^ r
	return pzs(r, sh) | cc&tcg.CCC | uint32((a^r)&0x10)<<8 | uint32(o<<sh>>63)
}

// alu computes the ops of one or two operands that Rmw shares with registers: the result in
// its low bits, and the new flags (cc itself where the op writes none).
func alu(code tcg.Opcode, w tcg.Width, a, b uint64, cc uint32) (r uint64, ncc uint32) {
	sh := uint(64 - w.Bits())
	switch code {
	case tcg.Add:
		r = a + b
		return r, addFlags(a, b, r, sh)
	case tcg.Adc:
		r = a + b + uint64(cc>>8&1)
		return r, addFlags(a, b, r, sh)
	case tcg.Sub:
		r = a - b
		return r, subFlags(a, b, r, sh)
	case tcg.Sbb:
		r = a - b - uint64(cc>>8&1)
		return r, subFlags(a, b, r, sh)
	case tcg.And:
		r = a & b
		return r, pzs(r, sh)
	case tcg.Or:
		r = a | b
		return r, pzs(r, sh)
	case tcg.Xor:
		r = a ^ b
		return r, pzs(r, sh)
	case tcg.Inc:
		r = a + 1
		return r, incFlags(a, r, sh, cc)
	case tcg.Dec:
		r = a - 1
		return r, decFlags(a, r, sh, cc)
	case tcg.Neg:
		r = -a
		return r, subFlags(0, a, r, sh)
	case tcg.Not:
		return ^a, cc
	case tcg.Mov:
		return b, cc
	case tcg.Bts, tcg.Btr, tcg.Btc:
		n := b & uint64(w.Bits()-1)
		ncc = cc&^tcg.CCC | uint32(a>>n&1)<<8
		switch code {
		case tcg.Bts:
			return a | 1<<n, ncc
		case tcg.Btr:
			return a &^ (1 << n), ncc
		}
		return a ^ 1<<n, ncc
	}
	return shift(code, w, a, b, cc)
}
