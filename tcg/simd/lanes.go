package simd

import "math/bits"

// vec is an XMM value, lo holding bits 63..0.
type vec struct{ lo, hi uint64 }

// The each functions apply f to the lanes of a and b. They are small enough to be
// inlined together with the literal passed to them.

func each8(a, b uint64, f func(x, y uint8) uint8) (r uint64) {
	for i := 0; i < 64; i += 8 {
		r |= uint64(f(uint8(a>>i), uint8(b>>i))) << i
	}
	return r
}

func each16(a, b uint64, f func(x, y uint16) uint16) (r uint64) {
	for i := 0; i < 64; i += 16 {
		r |= uint64(f(uint16(a>>i), uint16(b>>i))) << i
	}
	return r
}

func each32(a, b uint64, f func(x, y uint32) uint32) uint64 {
	return uint64(f(uint32(a), uint32(b))) | uint64(f(uint32(a>>32), uint32(b>>32)))<<32
}

const (
	hi8  = 0x8080808080808080
	hi16 = 0x8000800080008000
	hi32 = 0x8000000080000000
)

func satS8(v int32) uint8           { return uint8(min(max(v, -128), 127)) }
func satU8(v int32) uint8           { return uint8(min(max(v, 0), 255)) }
func satS16(v int32) uint16         { return uint16(min(max(v, -32768), 32767)) }
func satU16(v int32) uint16         { return uint16(min(max(v, 0), 65535)) }
func s16(v uint16) int32            { return int32(int16(v)) }
func addSWAR(a, b, h uint64) uint64 { return a&^h + b&^h ^ (a^b)&h }
func subSWAR(a, b, h uint64) uint64 { return (a | h) - b&^h ^ (a^^b)&h }

func paddb(a, b uint64) uint64 { return addSWAR(a, b, hi8) }
func paddw(a, b uint64) uint64 { return addSWAR(a, b, hi16) }
func paddd(a, b uint64) uint64 { return addSWAR(a, b, hi32) }
func paddq(a, b uint64) uint64 { return a + b }
func psubb(a, b uint64) uint64 { return subSWAR(a, b, hi8) }
func psubw(a, b uint64) uint64 { return subSWAR(a, b, hi16) }
func psubd(a, b uint64) uint64 { return subSWAR(a, b, hi32) }
func psubq(a, b uint64) uint64 { return a - b }
func pand(a, b uint64) uint64  { return a & b }
func pandn(a, b uint64) uint64 { return ^a & b }
func por(a, b uint64) uint64   { return a | b }
func pxor(a, b uint64) uint64  { return a ^ b }

func paddsb(a, b uint64) uint64 {
	return each8(a, b, func(x, y uint8) uint8 { return satS8(int32(int8(x)) + int32(int8(y))) })
}
func paddsw(a, b uint64) uint64 {
	return each16(a, b, func(x, y uint16) uint16 { return satS16(s16(x) + s16(y)) })
}
func paddusb(a, b uint64) uint64 {
	return each8(a, b, func(x, y uint8) uint8 { return satU8(int32(x) + int32(y)) })
}
func paddusw(a, b uint64) uint64 {
	return each16(a, b, func(x, y uint16) uint16 { return satU16(int32(x) + int32(y)) })
}
func psubsb(a, b uint64) uint64 {
	return each8(a, b, func(x, y uint8) uint8 { return satS8(int32(int8(x)) - int32(int8(y))) })
}
func psubsw(a, b uint64) uint64 {
	return each16(a, b, func(x, y uint16) uint16 { return satS16(s16(x) - s16(y)) })
}
func psubusb(a, b uint64) uint64 {
	return each8(a, b, func(x, y uint8) uint8 { return satU8(int32(x) - int32(y)) })
}
func psubusw(a, b uint64) uint64 {
	return each16(a, b, func(x, y uint16) uint16 { return satU16(int32(x) - int32(y)) })
}
func pavgb(a, b uint64) uint64 {
	return each8(a, b, func(x, y uint8) uint8 { return uint8((uint32(x) + uint32(y) + 1) >> 1) })
}
func pavgw(a, b uint64) uint64 {
	return each16(a, b, func(x, y uint16) uint16 { return uint16((uint32(x) + uint32(y) + 1) >> 1) })
}

func pminub(a, b uint64) uint64 {
	return each8(a, b, func(x, y uint8) uint8 { return min(x, y) })
}
func pmaxub(a, b uint64) uint64 {
	return each8(a, b, func(x, y uint8) uint8 { return max(x, y) })
}
func pminsb(a, b uint64) uint64 {
	return each8(a, b, func(x, y uint8) uint8 { return uint8(min(int8(x), int8(y))) })
}
func pmaxsb(a, b uint64) uint64 {
	return each8(a, b, func(x, y uint8) uint8 { return uint8(max(int8(x), int8(y))) })
}
func pminsw(a, b uint64) uint64 {
	return each16(a, b, func(x, y uint16) uint16 { return uint16(min(int16(x), int16(y))) })
}
func pmaxsw(a, b uint64) uint64 {
	return each16(a, b, func(x, y uint16) uint16 { return uint16(max(int16(x), int16(y))) })
}
func pminuw(a, b uint64) uint64 {
	return each16(a, b, func(x, y uint16) uint16 { return min(x, y) })
}
func pmaxuw(a, b uint64) uint64 {
	return each16(a, b, func(x, y uint16) uint16 { return max(x, y) })
}
func pminsd(a, b uint64) uint64 {
	return each32(a, b, func(x, y uint32) uint32 { return uint32(min(int32(x), int32(y))) })
}
func pmaxsd(a, b uint64) uint64 {
	return each32(a, b, func(x, y uint32) uint32 { return uint32(max(int32(x), int32(y))) })
}
func pminud(a, b uint64) uint64 {
	return each32(a, b, func(x, y uint32) uint32 { return min(x, y) })
}
func pmaxud(a, b uint64) uint64 {
	return each32(a, b, func(x, y uint32) uint32 { return max(x, y) })
}

// zeroLanes gives all ones in the lanes of x (top bits h) that are zero.
func zeroLanes(x, h uint64, size uint) uint64 {
	nz := (x&^h + ^h | x) & h // top bit of each lane that is not zero
	z := ^nz & h
	return z | (z - z>>(size-1))
}

func pcmpeqb(a, b uint64) uint64 { return zeroLanes(a^b, hi8, 8) }
func pcmpeqw(a, b uint64) uint64 { return zeroLanes(a^b, hi16, 16) }
func pcmpeqd(a, b uint64) uint64 { return zeroLanes(a^b, hi32, 32) }
func pcmpeqq(a, b uint64) uint64 { return mask64(a == b) }

func mask64(c bool) uint64 {
	if c {
		return ^uint64(0)
	}
	return 0
}

func pcmpgtb(a, b uint64) uint64 {
	return each8(a, b, func(x, y uint8) uint8 { return uint8(mask64(int8(x) > int8(y))) })
}
func pcmpgtw(a, b uint64) uint64 {
	return each16(a, b, func(x, y uint16) uint16 { return uint16(mask64(int16(x) > int16(y))) })
}
func pcmpgtd(a, b uint64) uint64 {
	return each32(a, b, func(x, y uint32) uint32 { return uint32(mask64(int32(x) > int32(y))) })
}
func pcmpgtq(a, b uint64) uint64 { return mask64(int64(a) > int64(b)) }

func pmullw(a, b uint64) uint64 {
	return each16(a, b, func(x, y uint16) uint16 { return x * y })
}
func pmulhw(a, b uint64) uint64 {
	return each16(a, b, func(x, y uint16) uint16 { return uint16(s16(x) * s16(y) >> 16) })
}
func pmulhuw(a, b uint64) uint64 {
	return each16(a, b, func(x, y uint16) uint16 { return uint16(uint32(x) * uint32(y) >> 16) })
}
func pmulhrsw(a, b uint64) uint64 {
	return each16(a, b, func(x, y uint16) uint16 { return uint16((s16(x)*s16(y)>>14 + 1) >> 1) })
}
func pmulld(a, b uint64) uint64 {
	return each32(a, b, func(x, y uint32) uint32 { return x * y })
}
func pmuludq(a, b uint64) uint64 { return uint64(uint32(a)) * uint64(uint32(b)) }
func pmuldq(a, b uint64) uint64  { return uint64(int64(int32(a)) * int64(int32(b))) }
func pmaddwd(a, b uint64) (r uint64) {
	for i := 0; i < 64; i += 32 {
		p := s16(uint16(a>>i))*s16(uint16(b>>i)) + s16(uint16(a>>(i+16)))*s16(uint16(b>>(i+16)))
		r |= uint64(uint32(p)) << i
	}
	return r
}

// pmaddubsw multiplies unsigned bytes of a with signed bytes of b.
func pmaddubsw(a, b uint64) uint64 {
	return each16(a, b, func(x, y uint16) uint16 {
		return satS16(int32(uint8(x))*int32(int8(y)) + int32(x>>8)*int32(int8(y>>8)))
	})
}
func psadbw(a, b uint64) (r uint64) {
	for i := 0; i < 64; i += 8 {
		x, y := uint8(a>>i), uint8(b>>i)
		r += uint64(max(x, y) - min(x, y))
	}
	return r
}

func pabsb(_, b uint64) uint64 {
	return each8(b, b, func(x, _ uint8) uint8 { return uint8(max(int8(x), -int8(x))) })
}
func pabsw(_, b uint64) uint64 {
	return each16(b, b, func(x, _ uint16) uint16 {
		if int16(x) < 0 {
			return -x
		}
		return x
	})
}
func pabsd(_, b uint64) uint64 {
	return each32(b, b, func(x, _ uint32) uint32 {
		if int32(x) < 0 {
			return -x
		}
		return x
	})
}
func psignb(a, b uint64) uint64 {
	return each8(a, b, func(x, y uint8) uint8 { return uint8(sign(int32(int8(y)))) * x })
}
func psignw(a, b uint64) uint64 {
	return each16(a, b, func(x, y uint16) uint16 { return uint16(sign(s16(y))) * x })
}
func psignd(a, b uint64) uint64 {
	return each32(a, b, func(x, y uint32) uint32 { return uint32(sign(int32(y))) * x })
}

func sign(v int32) int32 { return v>>31 | int32(uint32(-v)>>31) }

// Shifts by a count common to all lanes. Counts of the lane size or more give zero (or sign).

func psllw(a, n uint64) uint64 {
	if n > 15 {
		return 0
	}
	return a << n & (0xffff << n & 0xffff * 0x0001000100010001)
}
func pslld(a, n uint64) uint64 {
	if n > 31 {
		return 0
	}
	return uint64(uint32(a)<<n) | a>>32<<(32+n)
}
func psllq(a, n uint64) uint64 { return a << n }
func psrlw(a, n uint64) uint64 {
	if n > 15 {
		return 0
	}
	return a >> n & (0xffff >> n * 0x0001000100010001)
}
func psrld(a, n uint64) uint64 {
	if n > 31 {
		return 0
	}
	return uint64(uint32(a)>>n) | a>>32>>n<<32
}
func psrlq(a, n uint64) uint64 { return a >> n }
func psraw(a, n uint64) uint64 {
	n = min(n, 15)
	return each16(a, a, func(x, _ uint16) uint16 { return uint16(int16(x) >> n) })
}
func psrad(a, n uint64) uint64 {
	n = min(n, 31)
	return each32(a, a, func(x, _ uint32) uint32 { return uint32(int32(x) >> n) })
}

// byteShift shifts a:0 .. by n bytes; n of 16 or more gives zero.
func pslldq(a vec, n uint64) vec {
	switch {
	case n >= 16:
		return vec{}
	case n >= 8:
		return vec{0, a.lo << (8*n - 64)}
	}
	return vec{a.lo << (8 * n), a.hi<<(8*n) | a.lo>>(64-8*n)}
}
func psrldq(a vec, n uint64) vec {
	switch {
	case n >= 16:
		return vec{}
	case n >= 8:
		return vec{a.hi >> (8*n - 64), 0}
	}
	return vec{a.lo>>(8*n) | a.hi<<(64-8*n), a.hi >> (8 * n)}
}

// spread8 puts the four bytes of x into the even bytes of the result.
func spread8(x uint64) uint64 {
	x &= 0xffffffff
	x = (x | x<<16) & 0x0000ffff0000ffff
	return (x | x<<8) & 0x00ff00ff00ff00ff
}

func spread16(x uint64) uint64 {
	x &= 0xffffffff
	return (x | x<<16) & 0x0000ffff0000ffff
}

// Unpacks of quadwords: l of the low halves, h of the high halves.

func unpackBW(a, b uint64) uint64 { return spread8(a) | spread8(b)<<8 }
func unpackWD(a, b uint64) uint64 { return spread16(a) | spread16(b)<<16 }
func unpackDQ(a, b uint64) uint64 { return a&0xffffffff | b<<32 }

func punpcklbw(a, b uint64) uint64 { return unpackBW(a, b) }
func punpckhbw(a, b uint64) uint64 { return unpackBW(a>>32, b>>32) }
func punpcklwd(a, b uint64) uint64 { return unpackWD(a, b) }
func punpckhwd(a, b uint64) uint64 { return unpackWD(a>>32, b>>32) }
func punpckldq(a, b uint64) uint64 { return unpackDQ(a, b) }
func punpckhdq(a, b uint64) uint64 { return unpackDQ(a>>32, b>>32) }

func punpcklbwX(a, b vec, _ uint8) vec {
	return vec{unpackBW(a.lo, b.lo), unpackBW(a.lo>>32, b.lo>>32)}
}
func punpckhbwX(a, b vec, _ uint8) vec {
	return vec{unpackBW(a.hi, b.hi), unpackBW(a.hi>>32, b.hi>>32)}
}
func punpcklwdX(a, b vec, _ uint8) vec {
	return vec{unpackWD(a.lo, b.lo), unpackWD(a.lo>>32, b.lo>>32)}
}
func punpckhwdX(a, b vec, _ uint8) vec {
	return vec{unpackWD(a.hi, b.hi), unpackWD(a.hi>>32, b.hi>>32)}
}
func punpckldqX(a, b vec, _ uint8) vec {
	return vec{unpackDQ(a.lo, b.lo), unpackDQ(a.lo>>32, b.lo>>32)}
}
func punpckhdqX(a, b vec, _ uint8) vec {
	return vec{unpackDQ(a.hi, b.hi), unpackDQ(a.hi>>32, b.hi>>32)}
}
func punpcklqdqX(a, b vec, _ uint8) vec { return vec{a.lo, b.lo} }
func punpckhqdqX(a, b vec, _ uint8) vec { return vec{a.hi, b.hi} }

// Packs of one quadword into four bytes or two words.

func packWB(a uint64, sat func(int32) uint8) (r uint64) {
	for i := 0; i < 4; i++ {
		r |= uint64(sat(s16(uint16(a>>(16*i))))) << (8 * i)
	}
	return r
}
func packDW(a uint64, sat func(int32) uint16) uint64 {
	return uint64(sat(int32(a))) | uint64(sat(int32(a>>32)))<<16
}

func packsswb(a, b uint64) uint64 { return packWB(a, satS8) | packWB(b, satS8)<<32 }
func packuswb(a, b uint64) uint64 { return packWB(a, satU8) | packWB(b, satU8)<<32 }
func packssdw(a, b uint64) uint64 { return packDW(a, satS16) | packDW(b, satS16)<<32 }
func packusdw(a, b uint64) uint64 { return packDW(a, satU16) | packDW(b, satU16)<<32 }

func packsswbX(a, b vec, _ uint8) vec { return vec{packsswb(a.lo, a.hi), packsswb(b.lo, b.hi)} }
func packuswbX(a, b vec, _ uint8) vec { return vec{packuswb(a.lo, a.hi), packuswb(b.lo, b.hi)} }
func packssdwX(a, b vec, _ uint8) vec { return vec{packssdw(a.lo, a.hi), packssdw(b.lo, b.hi)} }
func packusdwX(a, b vec, _ uint8) vec { return vec{packusdw(a.lo, a.hi), packusdw(b.lo, b.hi)} }

// Horizontal operations: adjacent pairs of a make the low half, those of b the high half.

func pairs16(a, b uint64, f func(x, y int32) uint16) uint64 {
	return uint64(f(s16(uint16(a)), s16(uint16(a>>16)))) |
		uint64(f(s16(uint16(a>>32)), s16(uint16(a>>48))))<<16 |
		uint64(f(s16(uint16(b)), s16(uint16(b>>16))))<<32 |
		uint64(f(s16(uint16(b>>32)), s16(uint16(b>>48))))<<48
}

func phaddw(a, b uint64) uint64 {
	return pairs16(a, b, func(x, y int32) uint16 { return uint16(x + y) })
}
func phaddsw(a, b uint64) uint64 {
	return pairs16(a, b, func(x, y int32) uint16 { return satS16(x + y) })
}
func phsubw(a, b uint64) uint64 {
	return pairs16(a, b, func(x, y int32) uint16 { return uint16(x - y) })
}
func phsubsw(a, b uint64) uint64 {
	return pairs16(a, b, func(x, y int32) uint16 { return satS16(x - y) })
}
func phaddd(a, b uint64) uint64 {
	return uint64(uint32(a)+uint32(a>>32)) | uint64(uint32(b)+uint32(b>>32))<<32
}
func phsubd(a, b uint64) uint64 {
	return uint64(uint32(a)-uint32(a>>32)) | uint64(uint32(b)-uint32(b>>32))<<32
}

func phaddwX(a, b vec, _ uint8) vec  { return vec{phaddw(a.lo, a.hi), phaddw(b.lo, b.hi)} }
func phaddswX(a, b vec, _ uint8) vec { return vec{phaddsw(a.lo, a.hi), phaddsw(b.lo, b.hi)} }
func phsubwX(a, b vec, _ uint8) vec  { return vec{phsubw(a.lo, a.hi), phsubw(b.lo, b.hi)} }
func phsubswX(a, b vec, _ uint8) vec { return vec{phsubsw(a.lo, a.hi), phsubsw(b.lo, b.hi)} }
func phadddX(a, b vec, _ uint8) vec  { return vec{phaddd(a.lo, a.hi), phaddd(b.lo, b.hi)} }
func phsubdX(a, b vec, _ uint8) vec  { return vec{phsubd(a.lo, a.hi), phsubd(b.lo, b.hi)} }

// byteAt gives byte i (0..15) of a.
func byteAt(a vec, i uint) uint8 {
	if i&8 != 0 {
		return uint8(a.hi >> (i & 7 * 8))
	}
	return uint8(a.lo >> (i * 8))
}

func wordAt(a vec, i uint) uint16 {
	if i&4 != 0 {
		return uint16(a.hi >> (i & 3 * 16))
	}
	return uint16(a.lo >> (i & 3 * 16))
}

func dwordAt(a vec, i uint) uint32 {
	if i&2 != 0 {
		return uint32(a.hi >> (i & 1 * 32))
	}
	return uint32(a.lo >> (i & 1 * 32))
}

// setLane replaces size bits of a at bit position pos.
func setLane(a vec, pos, size uint, v uint64) vec {
	m := ^uint64(0) >> (64 - size)
	if pos >= 64 {
		a.hi = a.hi&^(m<<(pos-64)) | v&m<<(pos-64)
	} else {
		a.lo = a.lo&^(m<<pos) | v&m<<pos
	}
	return a
}

func pshufb(a, b uint64) uint64 {
	return each8(b, b, func(x, _ uint8) uint8 {
		if x&0x80 != 0 {
			return 0
		}
		return uint8(a >> (x & 7 * 8))
	})
}

func pshufbX(a, b vec, _ uint8) (r vec) {
	for i := uint(0); i < 16; i++ {
		if x := byteAt(b, i); x&0x80 == 0 {
			r = setLane(r, 8*i, 8, uint64(byteAt(a, uint(x&15))))
		}
	}
	return r
}

// shuf4 shuffles the four words of a by imm.
func shuf4(a uint64, imm uint8) uint64 {
	return a>>(imm&3*16)&0xffff | a>>(imm>>2&3*16)&0xffff<<16 |
		a>>(imm>>4&3*16)&0xffff<<32 | a>>(imm>>6*16)&0xffff<<48
}

func pshufdX(_, b vec, imm uint8) vec { return shufpsX(b, b, imm) }
func pshufhwX(_, b vec, imm uint8) vec {
	return vec{b.lo, shuf4(b.hi, imm)}
}
func pshuflwX(_, b vec, imm uint8) vec {
	return vec{shuf4(b.lo, imm), b.hi}
}
func shufpsX(a, b vec, imm uint8) vec {
	return vec{
		uint64(dwordAt(a, uint(imm&3))) | uint64(dwordAt(a, uint(imm>>2&3)))<<32,
		uint64(dwordAt(b, uint(imm>>4&3))) | uint64(dwordAt(b, uint(imm>>6)))<<32,
	}
}
func shufpdX(a, b vec, imm uint8) vec {
	return vec{half(a, imm&1), half(b, imm>>1&1)}
}

func half(a vec, i uint8) uint64 {
	if i != 0 {
		return a.hi
	}
	return a.lo
}

func palignrX(a, b vec, imm uint8) vec {
	n := uint64(imm)
	if n >= 16 {
		return psrldq(a, n-16)
	}
	l, h := psrldq(b, n), pslldq(a, 16-n)
	return vec{l.lo | h.lo, l.hi | h.hi}
}

func movsldupX(_, b vec, _ uint8) vec {
	return vec{unpackDQ(b.lo, b.lo), unpackDQ(b.hi, b.hi)}
}
func movshdupX(_, b vec, _ uint8) vec {
	return vec{unpackDQ(b.lo>>32, b.lo>>32), unpackDQ(b.hi>>32, b.hi>>32)}
}
func movddupX(_, b vec, _ uint8) vec { return vec{b.lo, b.lo} }

func insertpsX(a, b vec, imm uint8) vec {
	// With a memory operand COUNT_S is ignored: only dword 0 of b exists, see insertps.
	r := setLane(a, uint(imm>>4&3)*32, 32, uint64(dwordAt(b, uint(imm>>6))))
	for i := uint(0); i < 4; i++ {
		if imm>>i&1 != 0 {
			r = setLane(r, 32*i, 32, 0)
		}
	}
	return r
}

// select64 takes b where m is set.
func select64(a, b, m uint64) uint64 { return a&^m | b&m }

func blendpsX(a, b vec, imm uint8) vec {
	m := func(i uint8) uint64 { return uint64(-uint32(imm >> i & 1)) }
	return vec{select64(a.lo, b.lo, m(0)|m(1)<<32), select64(a.hi, b.hi, m(2)|m(3)<<32)}
}
func blendpdX(a, b vec, imm uint8) vec {
	return vec{select64(a.lo, b.lo, -uint64(imm&1)), select64(a.hi, b.hi, -uint64(imm>>1&1))}
}
func pblendwX(a, b vec, imm uint8) vec {
	for i := uint(0); i < 8; i++ {
		if imm>>i&1 != 0 {
			a = setLane(a, 16*i, 16, uint64(wordAt(b, i)))
		}
	}
	return a
}

// signMask gives all ones in each lane of m (top bits h) whose top bit is set.
func signMask(m, h uint64, size uint) uint64 {
	z := m & h
	return z | (z - z>>(size-1))
}

func mpsadbwX(a, b vec, imm uint8) (r vec) {
	ao, bo := uint(imm>>2&1)*4, uint(imm&3)*4
	for i := uint(0); i < 8; i++ {
		var sum uint64
		for k := uint(0); k < 4; k++ {
			x, y := byteAt(a, ao+i+k), byteAt(b, bo+k)
			sum += uint64(max(x, y) - min(x, y))
		}
		r = setLane(r, 16*i, 16, sum)
	}
	return r
}

func phminposuwX(_, b vec, _ uint8) vec {
	best, at := wordAt(b, 0), uint(0)
	for i := uint(1); i < 8; i++ {
		if w := wordAt(b, i); w < best {
			best, at = w, i
		}
	}
	return vec{uint64(best) | uint64(at)<<16, 0}
}

// clmul is the carry-less product of x and y.
func clmul(x, y uint64) (r vec) {
	for y != 0 {
		i := bits.TrailingZeros64(y)
		y &= y - 1
		r.lo ^= x << i
		r.hi ^= x >> (64 - i)
	}
	return r
}

func pclmulqdqX(a, b vec, imm uint8) vec { return clmul(half(a, imm&1), half(b, imm>>4&1)) }
