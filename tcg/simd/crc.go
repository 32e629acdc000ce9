package simd

import (
	"encoding/binary"
	hashcrc "hash/crc32"

	"goemu/tcg"
)

// castagnoli is the table of polynomial 11EDC6F41, reflected.
var castagnoli = hashcrc.MakeTable(hashcrc.Castagnoli)

// crc32c accumulates size bytes of v into crc (polynomial 11EDC6F41, reflected).
func crc32c(crc uint32, v uint64, size int) uint32 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	for _, x := range b[:size] {
		crc = castagnoli[uint8(crc)^x] ^ crc>>8
	}
	return crc
}

// crc32 is CRC32 r, r/m: opcode F0 takes a byte, F1 the operand size.
func crc32(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	size := 1
	switch {
	case op.Enc.Opcode == 0xf0:
	case op.Enc.RexW:
		size = 8
	case op.KRM == tcg.VMem:
		size = min(int(op.MemBytes), 8)
	default:
		size = min(op.SrcW.Bytes(), 8)
	}
	v := rm64(env, op, mem)
	if op.KRM == tcg.VGPR && op.VRM >= 16 {
		v = env.GPR[op.VRM&3] >> 8
	}
	setGPR(env, op.VReg, uint64(crc32c(uint32(env.GPR[op.VReg&15]), v, size)))
	return 0
}
