package rows

import (
	"encoding/binary"
	"math"

	"goemu/decoder"
)

// Pools of values at which arithmetic changes its ways.
var (
	edgeInts = []uint64{0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 0x7f, 0x80, 0x81, 0xff, 0x100, 0x7fff, 0x8000, 0x8001, 0xffff, 0x10000,
		0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 1 << 32, 1<<63 - 1, 1 << 63, 1<<63 + 1, math.MaxUint64 - 1, math.MaxUint64,
		0xffffffffffffff80, 0xffffffffffff8000, 0xffffffff80000000, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa, 0x0123456789abcdef}
	edge32 = []uint32{0, 1 << 31, 1, 2, 0x7fffff, 0x800000, 0x800001, 0x3f800000, 0xbf800000, 0x3f7fffff, 0x3f800001, 0x3f000000, 0x40490fdb,
		0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001, 0xffa00000, 0x4f000000, 0xcf000000, 0x4effffff,
		0x4f7fffff, 0x5f000000, 0xdf000000, 0x5effffff, 0x80000001, 0x807fffff, 0x00400000, 0x33800000, 0x34000000, 0x4b000001, 0x4b800001,
		0x1f800000, 0x20000000, 0x33000000, 0x38800000, 0x477fe000, 0x477ff000}
	edge64 = []uint64{0, 1 << 63, 1, 1<<52 - 1, 1 << 52, 0x3ff << 52, 0xbff << 52, 0x3fe << 52, 0x7fefffffffffffff, 0xffefffffffffffff,
		0x7ff << 52, 0xfff << 52, 0x7ff8 << 48, 0xfff8000000000001, 0x7ff0000000000001, 0xfff4 << 48, 0x41dfffffffc00000, 0x41e0 << 48, 0xc1e0 << 48,
		0xc1e0000000200000, 0x43e0 << 48, 0xc3e0 << 48, 0x43dfffffffffffff, 0x47efffffe0000000, 0x47efffffefffffff, 0x47effffff0000000, 0x3810 << 48,
		0x380fffffffffffff, 0x36a0 << 48, 0x3690000000000001, 0x3ca0 << 48, 0x4330000000000001, 0x000fffffffffffff, 0x800fffffffffffff, 0x1ff0 << 48, 0x2000 << 48}
	edgeExp = []uint16{0, 1, 2, 16383 - 64, 16383 - 63, 16382, 16383, 16384, 16383 + 14, 16383 + 15, 16383 + 30, 16383 + 31, 16383 + 62, 16383 + 63, 16383 + 64,
		16383 - 1074, 16383 - 1022, 16383 + 1023, 16383 + 1024, 16383 - 149, 16383 - 126, 16383 + 127, 16383 + 128, 32766, 32767}
	edgeMant = []uint64{1 << 63, 1<<63 | 1, math.MaxUint64, math.MaxUint64 - 1, 3 << 62, 1 << 62, 0, 1, 1<<63 - 1, 1<<63 | 1<<39, 1<<63 | 1<<40, 1<<63 | 1<<10,
		1<<63 | 1<<11, 0xffffff8000000000, 0xfffffffffffff800, 0xc000000000000001}
	edgeBytes = []byte{0, 1, 0x7f, 0x80, 0x81, 0xff, 9, 0x99, 0x0f, 0x10}
)

// value is an integer likely to be near some boundary.
func (r rng) value() uint64 {
	v := r.Uint64()
	switch r.IntN(8) {
	case 0, 1:
		return edgeInts[r.IntN(len(edgeInts))]
	case 2: // an edge in the lower half only
		return v<<32 | edgeInts[r.IntN(len(edgeInts))]&0xffffffff
	case 3:
		return v<<16 | edgeInts[r.IntN(len(edgeInts))]&0xffff
	case 4:
		return uint64(1)<<(v&63) - v>>63
	case 5:
		return uint64(int64(v) >> r.IntN(64))
	}
	return v
}

func (r rng) float32() uint32 {
	switch r.IntN(6) {
	case 0, 1:
		return edge32[r.IntN(len(edge32))]
	case 2: // near one
		return r.Uint32()&0x807fffff | uint32(120+r.IntN(16))<<23
	case 3: // few bits, integers too
		return math.Float32bits(float32(int32(r.Uint32())>>r.IntN(32)) / float32(int32(1)<<r.IntN(8)))
	case 4: // tiny
		return r.Uint32()&0x80ffffff | uint32(r.IntN(3))<<24
	}
	return r.Uint32()
}

func (r rng) float64() uint64 {
	switch r.IntN(7) {
	case 0, 1:
		return edge64[r.IntN(len(edge64))]
	case 2:
		return r.Uint64()&(1<<63|1<<52-1) | uint64(1016+r.IntN(16))<<52
	case 3:
		return math.Float64bits(float64(int64(r.Uint64())>>r.IntN(64)) / float64(int64(1)<<r.IntN(8)))
	case 4:
		return r.Uint64()&(1<<63|1<<53-1) | uint64(r.IntN(2))<<53
	case 5: // around the limits of binary32
		return r.Uint64()&(1<<63|1<<52-1) | uint64(1023-155+r.IntN(300))<<52
	}
	return r.Uint64()
}

// float80 writes a double extended value: all classes, unnormals and pseudo-denormals too.
func (r rng) float80(p []byte) {
	mant, exp := r.Uint64()|1<<63, uint16(16383-60+r.IntN(120))
	switch r.IntN(8) {
	case 0:
		mant, exp = 0, 0
	case 1:
		mant, exp = edgeMant[r.IntN(len(edgeMant))], edgeExp[r.IntN(len(edgeExp))]
	case 2:
		exp = edgeExp[r.IntN(len(edgeExp))]
	case 3:
		mant = edgeMant[r.IntN(len(edgeMant))] | 1<<63
	case 4:
		exp = 16383 + uint16(r.IntN(66))
		mant = mant >> r.IntN(63) << r.IntN(63)
		mant |= 1 << 63
	case 5:
		exp = uint16(r.IntN(0x8000))
	}
	binary.LittleEndian.PutUint64(p, mant)
	binary.LittleEndian.PutUint16(p[8:], exp|uint16(r.IntN(2))<<15)
}

// Kinds of operands.
const (
	kindInt = iota
	kind32
	kind64
	kind80
	kindBytes
	numKinds
)

// fill writes values of a kind over p.
func (r rng) fill(p []byte, kind int) {
	var b [16]byte
	le := binary.LittleEndian
	for len(p) > 0 {
		n := 16
		switch kind {
		case kind32:
			le.PutUint32(b[:], r.float32())
			n = 4
		case kind64:
			le.PutUint64(b[:], r.float64())
			n = 8
		case kind80:
			r.float80(b[:])
			n = 10
		case kindBytes:
			for i := range b {
				b[i] = edgeBytes[r.IntN(len(edgeBytes))]
				if r.one(4) {
					b[i] = r.bits(8)
				}
			}
		default:
			le.PutUint64(b[:], r.value())
			n = 8
		}
		p = p[copy(p, b[:n]):]
	}
}

// address is where an operand of n bytes may lie, as a segment offset.
func (r rng) address(mode decoder.Mode, n int) uint64 {
	const page = 0x1000
	base := uint64(dataBase)
	if mode == decoder.Mode16 {
		base = 0
	}
	span := dataRW - n - 0x80
	switch v := r.IntN(64); {
	case v < 36: // aligned
		return base + uint64(0x40+r.IntN(span))&^uint64(min(ceilPower(n), 64)-1)
	case v < 48:
		return base + uint64(0x40+r.IntN(span))
	case v < 53: // over the border of two pages
		return base + page - uint64(r.IntN(max(n, 1)))
	case v < 56: // into the read-only page
		return base + dataRW - uint64(r.IntN(max(n, 1)))
	case v < 58:
		return base + dataRW + uint64(r.IntN(page-n))
	case v < 61: // off the end
		return base + dataSize - uint64(r.IntN(max(n, 1)))
	case v < 62: // off the beginning
		return base - uint64(r.IntN(n+1))
	case v < 63 && mode == decoder.Mode64:
		return []uint64{1 << 47, 1<<47 - 1, 1<<63 | dataBase, ^uint64(1<<47) + 1 - 1, ^uint64(0), ^uint64(0) - 6, 0}[r.IntN(7)]
	}
	return base + uint64(r.IntN(dataRW))&^7
}

func ceilPower(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}
