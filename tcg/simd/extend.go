package simd

import "goemu/tcg"

// extend extends the low elements of r/m from a number of bits to another.
func extend(env *tcg.Env, op *tcg.Op, mem *[32]byte, from, to uint, signed bool) uint32 {
	b := rm128(env, op, mem)
	var r ymm
	for i := range uint(lanes(op)) * 128 / to {
		pos := from * i
		v := b.lo >> pos
		if pos >= 64 {
			v = b.hi >> (pos - 64)
		}
		if v <<= 64 - from; signed {
			v = uint64(int64(v) >> (64 - from))
		} else {
			v >>= 64 - from
		}
		k := to * i / 128
		r[k] = setLane(r[k], to*i%128, to, v)
	}
	setY(env, op, op.VReg, r)
	return 0
}

func pmovsxbw(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return extend(env, op, mem, 8, 16, true)
}
func pmovsxbd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return extend(env, op, mem, 8, 32, true)
}
func pmovsxbq(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return extend(env, op, mem, 8, 64, true)
}
func pmovsxwd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return extend(env, op, mem, 16, 32, true)
}
func pmovsxwq(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return extend(env, op, mem, 16, 64, true)
}
func pmovsxdq(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return extend(env, op, mem, 32, 64, true)
}
func pmovzxbw(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return extend(env, op, mem, 8, 16, false)
}
func pmovzxbd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return extend(env, op, mem, 8, 32, false)
}
func pmovzxbq(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return extend(env, op, mem, 8, 64, false)
}
func pmovzxwd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return extend(env, op, mem, 16, 32, false)
}
func pmovzxwq(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return extend(env, op, mem, 16, 64, false)
}
func pmovzxdq(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return extend(env, op, mem, 32, 64, false)
}
