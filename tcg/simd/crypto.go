package simd

import (
	"encoding/binary"
	"math/bits"

	"goemu/tcg"
)

// The AES S-box and its inverse (FIPS 197 5.1.1), and multiplication tables for MixColumns.
var (
	sbox, invSbox             [256]uint8
	mul2, mul3                [256]uint8
	mul9, mul11, mul13, mul14 [256]uint8
)

func gfMul(a, b uint8) (r uint8) {
	for ; b != 0; b >>= 1 {
		if b&1 != 0 {
			r ^= a
		}
		a = a<<1 ^ uint8(int8(a)>>7)&0x1b
	}
	return r
}

func init() {
	// 3 generates the field; p and q run through inverse pairs.
	p, q := uint8(1), uint8(1)
	for {
		p = gfMul(p, 3)
		q = gfMul(q, 0xf6)
		sbox[p] = q ^ bits.RotateLeft8(q, 1) ^ bits.RotateLeft8(q, 2) ^ bits.RotateLeft8(q, 3) ^ bits.RotateLeft8(q, 4) ^ 0x63
		if p == 1 {
			break
		}
	}
	sbox[0] = 0x63
	for i := range sbox {
		b := uint8(i)
		invSbox[sbox[i]] = b
		mul2[i], mul3[i] = gfMul(b, 2), gfMul(b, 3)
		mul9[i], mul11[i], mul13[i], mul14[i] = gfMul(b, 9), gfMul(b, 11), gfMul(b, 13), gfMul(b, 14)
	}
}

func toBytes(v vec) (b [16]byte) {
	binary.LittleEndian.PutUint64(b[:], v.lo)
	binary.LittleEndian.PutUint64(b[8:], v.hi)
	return b
}

func fromBytes(b *[16]byte) vec {
	return vec{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])}
}

func xorV(a, b vec) vec { return vec{a.lo ^ b.lo, a.hi ^ b.hi} }

// subShift is SubBytes after ShiftRows.
func subShift(v vec) vec {
	s := toBytes(v)
	var d [16]byte
	for i := range d {
		d[i] = sbox[s[(i+4*(i&3))&15]]
	}
	return fromBytes(&d)
}

func invSubShift(v vec) vec {
	s := toBytes(v)
	var d [16]byte
	for i := range d {
		d[i] = invSbox[s[(i-4*(i&3))&15]]
	}
	return fromBytes(&d)
}

func mixColumns(v vec) vec {
	s := toBytes(v)
	var d [16]byte
	for i := range d {
		c := i &^ 3
		d[i] = mul2[s[i]] ^ mul3[s[c|(i+1)&3]] ^ s[c|(i+2)&3] ^ s[c|(i+3)&3]
	}
	return fromBytes(&d)
}

func invMixColumns(v vec) vec {
	s := toBytes(v)
	var d [16]byte
	for i := range d {
		c := i &^ 3
		d[i] = mul14[s[i]] ^ mul11[s[c|(i+1)&3]] ^ mul13[s[c|(i+2)&3]] ^ mul9[s[c|(i+3)&3]]
	}
	return fromBytes(&d)
}

func aesenc(a, b vec, _ uint8) vec     { return xorV(mixColumns(subShift(a)), b) }
func aesenclast(a, b vec, _ uint8) vec { return xorV(subShift(a), b) }
func aesdec(a, b vec, _ uint8) vec     { return xorV(invMixColumns(invSubShift(a)), b) }
func aesdeclast(a, b vec, _ uint8) vec { return xorV(invSubShift(a), b) }
func aesimc(_, b vec, _ uint8) vec     { return invMixColumns(b) }

func subWord(x uint32) uint32 {
	return uint32(sbox[x&0xff]) | uint32(sbox[x>>8&0xff])<<8 | uint32(sbox[x>>16&0xff])<<16 | uint32(sbox[x>>24])<<24
}

func aeskeygenassist(_, b vec, imm uint8) vec {
	x1, x3 := subWord(uint32(b.lo>>32)), subWord(uint32(b.hi>>32))
	return pack4(x1, bits.RotateLeft32(x1, -8)^uint32(imm), x3, bits.RotateLeft32(x3, -8)^uint32(imm))
}

// SHA (SDM vol. 2, SHA1RNDS4 and following). Words of an operand are numbered from the top: w0 is bits 127..96.

func words(v vec) (w0, w1, w2, w3 uint32) {
	return uint32(v.hi >> 32), uint32(v.hi), uint32(v.lo >> 32), uint32(v.lo)
}

func fromWords(w0, w1, w2, w3 uint32) vec { return pack4(w3, w2, w1, w0) }

func sha1nexte(a, b vec, _ uint8) vec {
	b.hi += uint64(bits.RotateLeft32(uint32(a.hi>>32), 30)) << 32
	return b
}

func sha1msg1(a, b vec, _ uint8) vec { return vec{a.lo ^ b.hi, a.hi ^ a.lo} }

func sha1msg2(a, b vec, _ uint8) vec {
	a0, a1, a2, a3 := words(a)
	_, w13, w14, w15 := words(b)
	w16 := bits.RotateLeft32(a0^w13, 1)
	w17 := bits.RotateLeft32(a1^w14, 1)
	w18 := bits.RotateLeft32(a2^w15, 1)
	return fromWords(w16, w17, w18, bits.RotateLeft32(a3^w16, 1))
}

// sha1k holds the round constants of SHA-1.
var sha1k = [4]uint32{0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6}

func sha1rnds4(x, y vec, imm uint8) vec {
	a, b, c, d := words(x)
	var w [4]uint32
	w[0], w[1], w[2], w[3] = words(y) // w[0] comes with E added
	e := uint32(0)
	for _, wi := range w {
		var f uint32
		switch imm & 3 {
		case 0:
			f = b&c ^ ^b&d
		case 2:
			f = b&c ^ b&d ^ c&d
		default:
			f = b ^ c ^ d
		}
		t := f + bits.RotateLeft32(a, 5) + wi + e + sha1k[imm&3]
		a, b, c, d, e = t, a, bits.RotateLeft32(b, 30), c, d
	}
	return fromWords(a, b, c, d)
}

func ror32(x uint32, n int) uint32 { return bits.RotateLeft32(x, -n) }

func sigma0(x uint32) uint32 { return ror32(x, 7) ^ ror32(x, 18) ^ x>>3 }
func sigma1(x uint32) uint32 { return ror32(x, 17) ^ ror32(x, 19) ^ x>>10 }

func sha256msg1(a, b vec, _ uint8) vec {
	w3, w2, w1, w0 := words(a)
	w4 := uint32(b.lo)
	return fromWords(w3+sigma0(w4), w2+sigma0(w3), w1+sigma0(w2), w0+sigma0(w1))
}

func sha256msg2(a, b vec, _ uint8) vec {
	a3, a2, a1, a0 := words(a)
	w15, w14, _, _ := words(b)
	w16 := a0 + sigma1(w14)
	w17 := a1 + sigma1(w15)
	return fromWords(a3+sigma1(w17), a2+sigma1(w16), w17, w16)
}

// sha256rnds2 does two rounds with the message words and constants in XMM0.
func sha256rnds2(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	c, d, g, h := words(getX(env, op.VReg))
	a, b, e, f := words(rm128(env, op, mem))
	for _, wk := range [2]uint32{uint32(env.XMM[0][0]), uint32(env.XMM[0][0] >> 32)} {
		t1 := h + (ror32(e, 6) ^ ror32(e, 11) ^ ror32(e, 25)) + (e&f ^ ^e&g) + wk
		t2 := (ror32(a, 2) ^ ror32(a, 13) ^ ror32(a, 22)) + (a&b ^ a&c ^ b&c)
		a, b, c, d, e, f, g, h = t1+t2, a, b, c, d+t1, e, f, g
	}
	setX(env, op, op.VReg, fromWords(a, b, e, f))
	return 0
}
