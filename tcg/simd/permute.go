package simd

import "goemu/tcg"

// vzero is VZEROUPPER and VZEROALL (VEX.L 1) of 64-bit code. In other code they leave registers 8 to 15 alone.
func vzero(env *tcg.Env, op *tcg.Op, _ *[32]byte) uint32 {
	clear(env.YMMH[:])
	if op.Enc.Vex == tcg.Vex256 {
		clear(env.XMM[:])
	}
	return 0
}

// vpermilps and vpermilpd choose elements of their lane by those of b.
func vpermilps(a, b vec, _ uint8) vec {
	x := func(i uint) uint32 { return dwordAt(a, uint(dwordAt(b, i)&3)) }
	return pack4(x(0), x(1), x(2), x(3))
}

func vpermilpd(a, b vec, _ uint8) vec {
	return vec{half(a, uint8(b.lo>>1&1)), half(a, uint8(b.hi>>1&1))}
}

func vpermilpdImm(_, b vec, imm uint8) vec { return shufpdX(b, b, imm) }

// vtestps and vtestpd are PTEST of the sign bits.
func vtestps(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 { return test(env, op, mem, hi32) }
func vtestpd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 { return test(env, op, mem, 1<<63) }

// vpermd is VPERMD and VPERMPS: doublewords of r/m by the numbers in the first source.
func vpermd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	a, b := srcY(env, op), rmY(env, op, mem)
	var r ymm
	for i := range uint(8) {
		n := uint(dwordAt(a[i>>2], i&3) & 7)
		r[i>>2] = setLane(r[i>>2], i&3*32, 32, uint64(dwordAt(b[n>>2], n&3)))
	}
	setY(env, op, op.VReg, r)
	return 0
}

// vpermq is VPERMQ and VPERMPD: quadwords of r/m by the immediate.
func vpermq(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	q, imm := quads(rmY(env, op, mem)), uint8(op.Imm)
	setY(env, op, op.VReg, fromQuads([4]uint64{q[imm&3], q[imm>>2&3], q[imm>>4&3], q[imm>>6]}))
	return 0
}

// vperm2x128 is VPERM2F128 and VPERM2I128: each lane is one of the four of both sources, or zero.
func vperm2x128(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	a, b := srcY(env, op), rmY(env, op, mem)
	all := [4]vec{a[0], a[1], b[0], b[1]}
	var r ymm
	for k := range r {
		if sel := uint8(op.Imm) >> (4 * k); sel&8 == 0 {
			r[k] = all[sel&3]
		}
	}
	setY(env, op, op.VReg, r)
	return 0
}

func vinsert128(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	a := srcY(env, op)
	a[op.Imm&1] = rm128(env, op, mem)
	setY(env, op, op.VReg, a)
	return 0
}

func vextract128(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	v := getY(env, op.VReg)[op.Imm&1]
	if op.KRM == tcg.VMem {
		store(mem, ymm{v})
	} else {
		setX(env, op, op.VRM, v)
	}
	return 0
}

// broadcast fills the destination with quadword x.
func broadcast(env *tcg.Env, op *tcg.Op, x uint64) uint32 {
	v := vec{x, x}
	setY(env, op, op.VReg, ymm{v, v})
	return 0
}

func broadcastB(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return broadcast(env, op, rm64(env, op, mem)&0xff*0x0101010101010101)
}
func broadcastW(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return broadcast(env, op, rm64(env, op, mem)&0xffff*0x0001000100010001)
}
func broadcastD(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return broadcast(env, op, rm64(env, op, mem)&0xffffffff*0x0000000100000001)
}
func broadcastQ(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return broadcast(env, op, rm64(env, op, mem))
}
func broadcast128(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	v := rm128(env, op, mem)
	setY(env, op, op.VReg, ymm{v, v})
	return 0
}

// Shifts with a count for each element.

func vpsrlvd(a, n uint64) uint64 {
	return each32(a, n, func(x, n uint32) uint32 { return x >> n })
}
func vpsravd(a, n uint64) uint64 {
	return each32(a, n, func(x, n uint32) uint32 { return uint32(int32(x) >> n) })
}
func vpsllvd(a, n uint64) uint64 {
	return each32(a, n, func(x, n uint32) uint32 { return x << n })
}
