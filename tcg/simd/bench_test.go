package simd

import (
	"testing"

	"goemu/tcg"
)

// BenchmarkExec shows the cost of typical instructions in the interpreter.
func BenchmarkExec(b *testing.B) {
	for _, w := range []struct {
		name string
		enc  tcg.Enc
	}{
		{"MOVAPS", tcg.Enc{Map: 1, Opcode: 0x28}},
		{"PADDB", tcg.Enc{PP: 0x66, Map: 1, Opcode: 0xfc}},
		{"PCMPGTB", tcg.Enc{PP: 0x66, Map: 1, Opcode: 0x64}},
		{"PMOVMSKB", tcg.Enc{PP: 0x66, Map: 1, Opcode: 0xd7}},
		{"ADDSD", tcg.Enc{PP: 0xf2, Map: 1, Opcode: 0x58}},
		{"MULPS", tcg.Enc{Map: 1, Opcode: 0x59}},
		{"DIVSD", tcg.Enc{PP: 0xf2, Map: 1, Opcode: 0x5e}},
		{"CVTTSD2SI", tcg.Enc{PP: 0xf2, Map: 1, Opcode: 0x2c, RexW: true}},
		{"AESENC", tcg.Enc{PP: 0x66, Map: 2, Opcode: 0xdc}},
	} {
		b.Run(w.name, func(b *testing.B) {
			env := &tcg.Env{MXCSR: 0x1f80}
			env.XMM[1] = tcg.Vec128{0x3ff800003fc00000, 0x4004000040200000}
			mem := new([32]byte)
			op := &tcg.Op{Enc: w.enc, VReg: 2, VRM: 1, KReg: tcg.VXMM, KRM: tcg.VXMM}
			b.ReportAllocs()
			for b.Loop() {
				setX(env, op, 2, vec{0x3ff000013f800001, 0x4000000040000000})
				Exec(env, op, mem)
			}
		})
	}
}
