package simd

import (
	"encoding/binary"

	"goemu/tcg"
	"goemu/tcg/x87"
)

// loadX is MOVAPS xmm, r/m and all that move a whole register.
func loadX(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	if op.Enc.Vex == tcg.Vex256 {
		setY(env, op, op.VReg, rmY(env, op, mem))
	} else {
		setX(env, op, op.VReg, rm128(env, op, mem))
	}
	return 0
}

// storeX is MOVAPS r/m, xmm and the like.
func storeX(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	switch {
	case op.KRM == tcg.VMem:
		store(mem, getY(env, op.VReg))
	case op.Enc.Vex == tcg.Vex256:
		setY(env, op, op.VRM, getY(env, op.VReg))
	default:
		setX(env, op, op.VRM, getX(env, op.VReg))
	}
	return 0
}

// movssLoad is MOVSS xmm, r/m: memory clears the rest of the register.
func movssLoad(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	v := vec{lo: rm64(env, op, mem) & 0xffffffff}
	if op.KRM != tcg.VMem {
		a := src1(env, op)
		v = vec{a.lo&^0xffffffff | v.lo, a.hi}
	}
	setX(env, op, op.VReg, v)
	return 0
}

// under is the register whose upper part a MOVSS or MOVSD to r/m leaves in the destination.
func under(env *tcg.Env, op *tcg.Op) vec {
	if op.KSrc != tcg.VNone {
		return getX(env, op.VSrc)
	}
	return getX(env, op.VRM)
}

func movssStore(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	v := env.XMM[op.VReg&15][0]
	if op.KRM == tcg.VMem {
		binary.LittleEndian.PutUint32(mem[:], uint32(v))
	} else {
		a := under(env, op)
		setX(env, op, op.VRM, vec{a.lo&^0xffffffff | v&0xffffffff, a.hi})
	}
	return 0
}

func movsdLoad(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	v := vec{lo: rm64(env, op, mem)}
	if op.KRM != tcg.VMem {
		v.hi = src1(env, op).hi
	}
	setX(env, op, op.VReg, v)
	return 0
}

func movsdStore(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	v := env.XMM[op.VReg&15][0]
	if op.KRM == tcg.VMem {
		binary.LittleEndian.PutUint64(mem[:], v)
	} else {
		setX(env, op, op.VRM, vec{v, under(env, op).hi})
	}
	return 0
}

// movlLoad is MOVLPS/MOVLPD xmm, m64 and MOVHLPS xmm, xmm.
func movlLoad(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	v := vec{rm64(env, op, mem), src1(env, op).hi}
	if op.KRM != tcg.VMem {
		v.lo = env.XMM[op.VRM&15][1]
	}
	setX(env, op, op.VReg, v)
	return 0
}

// movhLoad is MOVHPS/MOVHPD xmm, m64 and MOVLHPS xmm, xmm.
func movhLoad(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	setX(env, op, op.VReg, vec{src1(env, op).lo, rm64(env, op, mem)})
	return 0
}

func movlStore(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	binary.LittleEndian.PutUint64(mem[:], env.XMM[op.VReg&15][0])
	return 0
}

func movhStore(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	binary.LittleEndian.PutUint64(mem[:], env.XMM[op.VReg&15][1])
	return 0
}

// movqLoad is MOVQ xmm, xmm/m64, which clears the high half.
func movqLoad(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	setX(env, op, op.VReg, vec{rm64(env, op, mem), 0})
	return 0
}

// movqStore is MOVQ xmm/m64, xmm.
func movqStore(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	v := env.XMM[op.VReg&15][0]
	if op.KRM == tcg.VMem {
		binary.LittleEndian.PutUint64(mem[:], v)
	} else {
		setX(env, op, op.VRM, vec{v, 0})
	}
	return 0
}

// loadM and storeM are MOVQ between MMX registers and memory.
func loadM(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	x87.WriteMMX(&env.X87, op.VReg, rm64(env, op, mem))
	return 0
}

func storeM(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	v := x87.ReadMMX(&env.X87, op.VReg)
	if op.KRM == tcg.VMem {
		binary.LittleEndian.PutUint64(mem[:], v)
	} else {
		x87.WriteMMX(&env.X87, op.VRM, v)
	}
	return 0
}

// movdLoad is MOVD/MOVQ mm or xmm, r/m32 or r/m64.
func movdLoad(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	v := rm64(env, op, mem)
	if !op.Enc.RexW {
		v &= 0xffffffff
	}
	if op.KReg == tcg.VMMX {
		x87.WriteMMX(&env.X87, op.VReg, v)
	} else {
		setX(env, op, op.VReg, vec{v, 0})
	}
	return 0
}

// movdStore is MOVD/MOVQ r/m32 or r/m64, mm or xmm.
func movdStore(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	var v uint64
	if op.KReg == tcg.VMMX {
		v = x87.ReadMMX(&env.X87, op.VReg)
	} else {
		v = env.XMM[op.VReg&15][0]
	}
	if !op.Enc.RexW {
		v &= 0xffffffff
	}
	storeRM(env, op, mem, v)
	return 0
}

// storeRM writes v to a general register, zero-extended, or to memory.
func storeRM(env *tcg.Env, op *tcg.Op, mem *[32]byte, v uint64) {
	if op.KRM == tcg.VMem {
		binary.LittleEndian.PutUint64(mem[:], v)
	} else {
		setGPR(env, op.VRM, v)
	}
}

// movnti stores a general register.
func movnti(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	binary.LittleEndian.PutUint64(mem[:], env.GPR[op.VReg&15])
	return 0
}

func movq2dq(env *tcg.Env, op *tcg.Op, _ *[32]byte) uint32 {
	setX(env, op, op.VReg, vec{x87.ReadMMX(&env.X87, op.VRM), 0})
	return 0
}

func movdq2q(env *tcg.Env, op *tcg.Op, _ *[32]byte) uint32 {
	x87.WriteMMX(&env.X87, op.VReg, env.XMM[op.VRM&15][0])
	return 0
}

func movmskps(env *tcg.Env, op *tcg.Op, _ *[32]byte) uint32 {
	s, m := getY(env, op.VRM), uint64(0)
	for k := range lanes(op) {
		m |= (s[k].lo>>31&1 | s[k].lo>>63<<1 | s[k].hi>>31&1<<2 | s[k].hi>>63<<3) << (4 * k)
	}
	setGPR(env, op.VReg, m)
	return 0
}

func movmskpd(env *tcg.Env, op *tcg.Op, _ *[32]byte) uint32 {
	s, m := getY(env, op.VRM), uint64(0)
	for k := range lanes(op) {
		m |= (s[k].lo>>63 | s[k].hi>>63<<1) << (2 * k)
	}
	setGPR(env, op.VReg, m)
	return 0
}

// byteSigns gathers the top bits of the bytes of a: the multiplication moves bit 8i+7 to bit 56+i.
func byteSigns(a uint64) uint64 { return a & hi8 >> 7 * 0x0102040810204080 >> 56 }

func pmovmskb(env *tcg.Env, op *tcg.Op, _ *[32]byte) uint32 {
	if op.KRM == tcg.VMMX {
		setGPR(env, op.VReg, byteSigns(x87.ReadMMX(&env.X87, op.VRM)))
		return 0
	}
	s, h := &env.XMM[op.VRM&15], &env.YMMH[op.VRM&15]
	m := byteSigns(s[0]) | byteSigns(s[1])<<8
	if op.Enc.Vex == tcg.Vex256 {
		m |= byteSigns(h[0])<<16 | byteSigns(h[1])<<24
	}
	setGPR(env, op.VReg, m)
	return 0
}

// maskmov is MASKMOVQ and MASKMOVDQU: bytes of reg whose byte of rm has its top bit set.
func maskmov(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	v, m, n := getX(env, op.VReg), getX(env, op.VRM), uint(16)
	if op.KReg == tcg.VMMX {
		v.lo, m.lo, n = x87.ReadMMX(&env.X87, op.VReg), x87.ReadMMX(&env.X87, op.VRM), 8
	}
	for i := uint(0); i < n; i++ {
		if byteAt(m, i)&0x80 != 0 {
			mem[i] = byteAt(v, i)
		}
	}
	return 0
}

func emms(env *tcg.Env, _ *tcg.Op, _ *[32]byte) uint32 {
	x87.EmptyMMX(&env.X87)
	return 0
}

// pshufw and palignr have MMX forms that need the immediate.
func pshufw(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	x87.WriteMMX(&env.X87, op.VReg, shuf4(rm64(env, op, mem), uint8(op.Imm)))
	return 0
}

func palignrM(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	a := x87.ReadMMX(&env.X87, op.VReg)
	v := psrldq(vec{rm64(env, op, mem), a}, uint64(uint8(op.Imm)))
	x87.WriteMMX(&env.X87, op.VReg, v.lo)
	return 0
}

// pinsrw takes the low word of a general register or of memory.
func pinsrw(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	v := rm64(env, op, mem)
	if op.KReg == tcg.VMMX {
		a := vec{x87.ReadMMX(&env.X87, op.VReg), 0}
		x87.WriteMMX(&env.X87, op.VReg, setLane(a, uint(op.Imm&3)*16, 16, v).lo)
	} else {
		setX(env, op, op.VReg, setLane(src1(env, op), uint(op.Imm&7)*16, 16, v))
	}
	return 0
}

func pinsrb(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	setX(env, op, op.VReg, setLane(src1(env, op), uint(op.Imm&15)*8, 8, rm64(env, op, mem)))
	return 0
}

// pinsrd is PINSRD, or PINSRQ with REX.W.
func pinsrd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	v := rm64(env, op, mem)
	if op.Enc.RexW {
		setX(env, op, op.VReg, setLane(src1(env, op), uint(op.Imm&1)*64, 64, v))
	} else {
		setX(env, op, op.VReg, setLane(src1(env, op), uint(op.Imm&3)*32, 32, v))
	}
	return 0
}

// pextrw0F is the PEXTRW of SSE: the destination is in ModRM.reg.
func pextrw0F(env *tcg.Env, op *tcg.Op, _ *[32]byte) uint32 {
	if op.KRM == tcg.VMMX {
		setGPR(env, op.VReg, x87.ReadMMX(&env.X87, op.VRM)>>(op.Imm&3*16)&0xffff)
	} else {
		setGPR(env, op.VReg, uint64(wordAt(getX(env, op.VRM), uint(op.Imm&7))))
	}
	return 0
}

func pextrb(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	storeRM(env, op, mem, uint64(byteAt(getX(env, op.VReg), uint(op.Imm&15))))
	return 0
}

func pextrw(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	storeRM(env, op, mem, uint64(wordAt(getX(env, op.VReg), uint(op.Imm&7))))
	return 0
}

// pextrd is PEXTRD and EXTRACTPS, or PEXTRQ with REX.W.
func pextrd(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	if op.Enc.RexW {
		storeRM(env, op, mem, env.XMM[op.VReg&15][op.Imm&1])
	} else {
		storeRM(env, op, mem, uint64(dwordAt(getX(env, op.VReg), uint(op.Imm&3))))
	}
	return 0
}

func extractps(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	storeRM(env, op, mem, uint64(dwordAt(getX(env, op.VReg), uint(op.Imm&3))))
	return 0
}

func insertps(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	imm := uint8(op.Imm)
	if op.KRM == tcg.VMem {
		imm &= 0x3f
	}
	setX(env, op, op.VReg, insertpsX(src1(env, op), rm128(env, op, mem), imm))
	return 0
}

// shiftGroup is groups 12, 13 and 14 (0F 71, 72, 73); with VEX the destination is in vvvv. Undefined extensions
// are rejected by the decoder.
func shiftGroup(env *tcg.Env, op *tcg.Op, _ *[32]byte) uint32 {
	n := uint64(uint8(op.Imm))
	f := shiftOps[(op.Enc.Opcode-0x71)&3][op.VReg&7]
	if op.KRM == tcg.VMMX {
		if f != nil {
			x87.WriteMMX(&env.X87, op.VRM, f(x87.ReadMMX(&env.X87, op.VRM), n))
		}
		return 0
	}
	a, dst := getY(env, op.VRM), op.VRM
	if op.KSrc != tcg.VNone {
		dst = op.VSrc
	}
	for k := range lanes(op) {
		switch {
		case op.Enc.Opcode == 0x73 && op.VReg == 3:
			a[k] = psrldq(a[k], n)
		case op.Enc.Opcode == 0x73 && op.VReg == 7:
			a[k] = pslldq(a[k], n)
		case f != nil:
			a[k] = vec{f(a[k].lo, n), f(a[k].hi, n)}
		}
	}
	setY(env, op, dst, a)
	return 0
}

// shiftOps is indexed by opcode - 71 and the opcode extension.
var shiftOps = [4][8]func(a, n uint64) uint64{
	{2: psrlw, 4: psraw, 6: psllw},
	{2: psrld, 4: psrad, 6: pslld},
	{2: psrlq, 6: psllq},
}

// ptest sets ZF if r/m AND the first operand is zero, CF if r/m AND NOT the first operand is.
func ptest(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	return test(env, op, mem, ^uint64(0))
}

// test is PTEST of the bits that are set in m, in each quadword.
func test(env *tcg.Env, op *tcg.Op, mem *[32]byte, m uint64) uint32 {
	a, b := getY(env, op.VReg), rmY(env, op, mem)
	var and, andn uint64
	for k := range lanes(op) {
		and |= a[k].lo&b[k].lo | a[k].hi&b[k].hi
		andn |= ^a[k].lo&b[k].lo | ^a[k].hi&b[k].hi
	}
	env.CC = tcg.CCFixed | flag(and&m == 0, tcg.CCZ) | flag(andn&m == 0, tcg.CCC)
	return 0
}
