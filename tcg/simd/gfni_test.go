package simd

import "testing"

// The host may lack GFNI. These values are others': products of FIPS 197 (4.2), the S-box of AES as the affine transformation of inverses
// (5.1.1), and the matrix that reverses bits (AMD64 Programmer's Manual and Intel's "Galois Field New Instructions").
func TestGFNI(t *testing.T) {
	for _, tt := range []struct{ a, b, want uint8 }{{0x57, 0x83, 0xc1}, {0x57, 0x13, 0xfe}, {0x57, 0x02, 0xae}, {0x57, 0x10, 0x07}, {0x53, 0xca, 1}} {
		if got := gf2p8mulb(vec{uint64(tt.a) << 8, 0}, vec{uint64(tt.b) << 8, 0}, 0); got != (vec{uint64(tt.want) << 8, 0}) {
			t.Errorf("%x * %x = %x, want %x", tt.a, tt.b, got, tt.want)
		}
	}
	const (
		sboxMatrix = 0xf1e3c78f1f3e7cf8
		reverse    = 0x8040201008040201
		identity   = 0x0102040810204080
	)
	for i := range 256 {
		x := vec{uint64(i), uint64(i) << 56}
		if got := gf2p8affineinvqb(x, vec{sboxMatrix, sboxMatrix}, 0x63); uint8(got.lo) != sbox[i] || uint8(got.hi>>56) != sbox[i] {
			t.Errorf("S-box of %#x: %x, want %#x", i, got, sbox[i])
		}
		if got := gf2p8affineqb(x, vec{identity, identity}, 0); got != x {
			t.Errorf("identity of %#x: %x", i, got)
		}
		var want uint8
		for b := range 8 {
			want |= uint8(i) >> b & 1 << (7 - b)
		}
		if got := gf2p8affineqb(x, vec{reverse, reverse}, 0); uint8(got.lo) != want {
			t.Errorf("bits of %#x reversed: %#x, want %#x", i, uint8(got.lo), want)
		}
	}
}
