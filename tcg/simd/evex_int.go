package simd

import "math/bits"

// Integer elements of AVX-512 that no VEX instruction has.

// sx extends the sign of an element of size bytes.
func sx(v uint64, size int) int64 { return int64(v<<(64-8*size)) >> (64 - 8*size) }

func second(_, b uint64, _ uint8) uint64 { return b }

func rotate(size int, a, n uint64) uint64 {
	if size == 4 {
		return uint64(bits.RotateLeft32(uint32(a), int(n&31)))
	}
	return bits.RotateLeft64(a, int(n&63))
}

// shiftLeft, shiftRight and shiftSigned take any count.
func shiftLeft(size int, a, n uint64) uint64 {
	if n >= uint64(8*size) {
		return 0
	}
	return a << n
}

func shiftRight(size int, a, n uint64) uint64 {
	if n >= uint64(8*size) {
		return 0
	}
	return a >> n
}

func shiftSigned(size int, a, n uint64) uint64 { return uint64(sx(a, size) >> min(n, 63)) }

// by makes an element function of one that knows the size: of shifts by the other source, by the immediate, and by the low
// quadword (all the same).
func by(size int, f func(size int, a, n uint64) uint64) func(a, b uint64, _ uint8) uint64 {
	return func(a, b uint64, _ uint8) uint64 { return f(size, a, b) }
}

func byImm(size int, f func(size int, a, n uint64) uint64) func(_, b uint64, imm uint8) uint64 {
	return func(_, b uint64, imm uint8) uint64 { return f(size, b, uint64(imm)) }
}

func rotateRight(size int, a, n uint64) uint64 { return rotate(size, a, -n) }

// funnel shifts a and b, side by side, and gives one of them (VPSHLD, VPSHRD).
func funnelLeft(size int, a, b, n uint64) uint64 {
	w := uint64(8 * size)
	if n %= w; n == 0 {
		return a
	}
	return a<<n | b>>(w-n)
}

func funnelRight(size int, a, b, n uint64) uint64 {
	w := uint64(8 * size)
	if n %= w; n == 0 {
		return a
	}
	return a>>n | b<<(w-n)
}

func lzcnt(size int) func(_, b uint64, _ uint8) uint64 {
	return func(_, b uint64, _ uint8) uint64 { return uint64(bits.LeadingZeros64(b) - (64 - 8*size)) }
}

func popcnt(_, b uint64, _ uint8) uint64 { return uint64(bits.OnesCount64(b)) }

func absQ(_, b uint64, _ uint8) uint64 {
	if int64(b) < 0 {
		return -b
	}
	return b
}

func minSQ(a, b uint64, _ uint8) uint64 { return uint64(min(int64(a), int64(b))) }
func maxSQ(a, b uint64, _ uint8) uint64 { return uint64(max(int64(a), int64(b))) }
func minUQ(a, b uint64, _ uint8) uint64 { return min(a, b) }
func maxUQ(a, b uint64, _ uint8) uint64 { return max(a, b) }
func mulLQ(a, b uint64, _ uint8) uint64 { return a * b }

// ternlog looks each triple of bits up in the immediate.
func ternlog(d, a, b uint64, imm uint8) (r uint64) {
	for i := range 8 {
		if imm>>i&1 == 0 {
			continue
		}
		x, y, z := d, a, b
		if i&4 == 0 {
			x = ^x
		}
		if i&2 == 0 {
			y = ^y
		}
		if i&1 == 0 {
			z = ^z
		}
		r |= x & y & z
	}
	return r
}

// dot is VPDPBUSD (unsigned bytes of a, signed ones of b) and VPDPWSSD, and those that saturate.
func dot(size int, saturate bool) func(d, a, b uint64, _ uint8) uint64 {
	return func(d, a, b uint64, _ uint8) uint64 {
		sum := int64(int32(d))
		for k := 0; k < 32; k += 8 * size {
			if size == 1 {
				sum += int64(uint8(a>>k)) * int64(int8(b>>k))
			} else {
				sum += int64(int16(a>>k)) * int64(int16(b>>k))
			}
		}
		if saturate {
			sum = min(max(sum, -1<<31), 1<<31-1)
		}
		return uint64(sum)
	}
}

const bits52 = 1<<52 - 1

func madd52lo(d, a, b uint64, _ uint8) uint64 {
	_, lo := bits.Mul64(a&bits52, b&bits52)
	return d + (lo & bits52)
}

func madd52hi(d, a, b uint64, _ uint8) uint64 {
	hi, lo := bits.Mul64(a&bits52, b&bits52)
	return d + (hi<<12 | lo>>52)
}

// Comparisons.

func testBits(a, b uint64, _ uint8) bool   { return a&b != 0 }
func testNoBits(a, b uint64, _ uint8) bool { return a&b == 0 }
func equal(a, b uint64, _ uint8) bool      { return a == b }

func greater(size int) func(a, b uint64, _ uint8) bool {
	return func(a, b uint64, _ uint8) bool { return sx(a, size) > sx(b, size) }
}

// relation is the predicate of VPCMP in the immediate.
func relation(imm uint8, less, equal bool) bool {
	var r bool
	switch imm & 3 {
	case 0:
		r = equal
	case 1:
		r = less
	case 2:
		r = less || equal
	}
	return r != (imm&4 != 0)
}

func compareU(a, b uint64, imm uint8) bool { return relation(imm, a < b, a == b) }

func compareS(size int) func(a, b uint64, imm uint8) bool {
	return func(a, b uint64, imm uint8) bool { return relation(imm, sx(a, size) < sx(b, size), a == b) }
}

// Conversions between integers: a source element of size from bytes.

type intConvert = func(v uint64) uint64

func signed(from int) intConvert { return func(v uint64) uint64 { return uint64(sx(v, from)) } }
func plain(v uint64) uint64      { return v }

// saturateS and saturateU clamp to a signed or unsigned element of to bytes.
func saturateS(from, to int) intConvert {
	limit := int64(1)<<(8*to-1) - 1
	return func(v uint64) uint64 { return uint64(min(max(sx(v, from), -limit-1), limit)) }
}

func saturateU(to int) intConvert {
	limit := uint64(1)<<(8*to) - 1
	return func(v uint64) uint64 { return min(v, limit) }
}
