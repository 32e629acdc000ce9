package translate

import (
	"goemu/decoder"
	"goemu/tcg"
)

// fpuMem is the memory operand of an x87 instruction: its size in bytes and whether it is written.
type fpuMem struct {
	size  uint8
	store bool
}

// fpuOperand gives the memory operand by opcode (D8..DF) and ModRM.reg (SDM vol. 2, B.17). Size 0: not for an Fpu op.
var fpuOperand = [8][8]fpuMem{
	{{4, false}, {4, false}, {4, false}, {4, false}, {4, false}, {4, false}, {4, false}, {4, false}}, // D8: arithmetic m32fp
	{{4, false}, {}, {4, true}, {4, true}, {}, {}, {}, {2, true}},                                    // D9: FLD FST FSTP, FNSTCW
	{{4, false}, {4, false}, {4, false}, {4, false}, {4, false}, {4, false}, {4, false}, {4, false}}, // DA: arithmetic m32int
	{{4, false}, {4, true}, {4, true}, {4, true}, {}, {10, false}, {}, {10, true}},                   // DB: FILD FISTTP FIST FISTP, FLD FSTP m80fp
	{{8, false}, {8, false}, {8, false}, {8, false}, {8, false}, {8, false}, {8, false}, {8, false}}, // DC: arithmetic m64fp
	{{8, false}, {8, true}, {8, true}, {8, true}, {}, {}, {}, {2, true}},                             // DD: FLD FISTTP FST FSTP, FNSTSW
	{{2, false}, {2, false}, {2, false}, {2, false}, {2, false}, {2, false}, {2, false}, {2, false}}, // DE: arithmetic m16int
	{{2, false}, {2, true}, {2, true}, {2, true}, {10, false}, {8, false}, {10, true}, {8, true}},    // DF: FILD FISTTP FIST FISTP, FBLD FILD FBSTP FISTP
}

// fpu translates the x87 instructions that do not load the control word or the environment.
func (t *Translator) fpu(i *decoder.Inst, _ tcg.Opcode) {
	if i.ModRM < 0xc0 {
		f := fpuOperand[i.Opcode&7][i.ModRM>>3&7]
		if f.size == 0 {
			t.sysDefault(i, 0)
			return
		}
		t.b.FpuMem(i.Opcode, i.ModRM, t.mem(i), int(f.size), !f.store, f.store)
		return
	}
	o := t.b.Fpu(i.Opcode, i.ModRM)
	switch i.Op {
	case decoder.FCMOVCC:
		o.Cond = tcg.Cond(i.Cond)
	case decoder.FCOMI, decoder.FCOMIP, decoder.FUCOMI, decoder.FUCOMIP:
		o.SetF = true
	case decoder.FNSTSW:
		o.W = tcg.W16
	}
}
