package simd

import "goemu/tcg/softfloat"

// signsB, signsD and signsQ widen the top bit of each lane of m to the lane.
func signsB(m, _ uint64) uint64 { return signMask(m, hi8, 8) }
func signsD(m, _ uint64) uint64 { return signMask(m, hi32, 32) }
func signsQ(m, _ uint64) uint64 { return uint64(int64(m) >> 63) }

func rcp32(_, b uint32, c softfloat.Ctl) (uint32, softfloat.Flags) {
	x, _ := softfloat.Div32(0x3f800000, b, softfloat.Masks)
	return x, 0
}

func rsqrt32(_, b uint32, c softfloat.Ctl) (uint32, softfloat.Flags) {
	s, _ := softfloat.Sqrt32(b, softfloat.Masks)
	return rcp32(0, s, c)
}
