package simd

import "math/bits"

// gfInverse is the table of inverses in the field of AES; that of 0 is 0.
var gfInverse = func() (t [256]uint8) {
	for i := 1; i < 256; i++ {
		if t[i] != 0 {
			continue
		}
		for j := i; j < 256; j++ {
			if gfMul(uint8(i), uint8(j)) == 1 {
				t[i], t[j] = uint8(j), uint8(i)
				break
			}
		}
	}
	return t
}()

func gf2p8mulb(a, b vec, _ uint8) vec {
	f := func(x, y uint64) uint64 { return each8(x, y, gfMul) }
	return vec{f(a.lo, b.lo), f(a.hi, b.hi)}
}

// affine multiplies the bit vector x by the matrix m over GF(2) and adds b: row i of the matrix, whose product with x is bit i,
// is byte 7-i of m.
func affine(m uint64, x, b uint8) (r uint8) {
	for i := range 8 {
		row := uint8(m >> (8 * (7 - i)))
		r |= uint8(bits.OnesCount8(row&x)&1) << i
	}
	return r ^ b
}

// gf2p8affineqb transforms the bytes of a by the matrices in the quadwords of b.
func gf2p8affineqb(a, b vec, imm uint8) vec {
	f := func(x, m uint64) uint64 {
		return each8(x, x, func(v, _ uint8) uint8 { return affine(m, v, imm) })
	}
	return vec{f(a.lo, b.lo), f(a.hi, b.hi)}
}

func gf2p8affineinvqb(a, b vec, imm uint8) vec {
	f := func(x, m uint64) uint64 {
		return each8(x, x, func(v, _ uint8) uint8 { return affine(m, gfInverse[v], imm) })
	}
	return vec{f(a.lo, b.lo), f(a.hi, b.hi)}
}
