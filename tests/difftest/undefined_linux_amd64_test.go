package difftest

import (
	"goemu/decoder"
	"goemu/emu/crosscheck/undefined"
	"goemu/tcg"
)

// results are those that may differ: emu/crosscheck/undefined/table.txt.
var results = undefined.Default()

// undefinedFlags gives the flags that the manuals leave undefined after i and that goemu does not promise to set as
// the host does, on some engine and after a fault.
func undefinedFlags(i *decoder.Inst) uint32 {
	if m := results.Mask(i, undefined.When{A: "tcg", B: "native", Fault: true}); m != nil {
		return uint32(m.Flags)
	}
	return 0
}

// comparedFlags is the mask of flags to compare after seq.
func comparedFlags(seq []one) uint32 {
	mask := uint32(flagMask)
	for i := range seq {
		mask &^= undefinedFlags(&seq[i].inst)
	}
	return mask
}

// differs tells whether processors of AMD, which are the oracle, run i in another way than goemu, which follows Intel.
func differs(i *decoder.Inst) bool {
	switch i.Op {
	case decoder.NOP:
		return i.Map == 1 && i.Opcode == 0x0d && i.ModRM >= 0xc0 // #UD
	case decoder.JMP, decoder.JCC, decoder.CALL, decoder.RET, decoder.JCXZ, decoder.LOOP, decoder.LOOPE, decoder.LOOPNE:
		return i.Mode == decoder.Mode64 && i.Prefix&decoder.PrefixOpSize != 0 // a 16-bit branch
	case decoder.VPEXTRD, decoder.VPINSRD:
		return i.Mode != decoder.Mode64 && i.Rex&decoder.RexW != 0 // #UD; Intel's ignore VEX.W there
	}
	return false
}

// transcendental are the x87 functions that processors compute to about one unit in the last place, each in
// its own way. Generated code uses the host's; package x87 comes close, which its own tests check.
func transcendental(op decoder.Op) bool {
	m := results.Mask(&decoder.Inst{Op: op}, undefined.When{A: "interp", B: "native"})
	return m != nil && m.Rounding
}

// amdOnly tells whether the host's outcome of seq is one that only AMD's processors have.
func amdOnly(seq []one, want, got *state) bool {
	switch {
	case want.Vector == tcg.VectorAC && got.Vector == tcg.VectorPF:
		return true // alignment is checked first
	case want.FP[26]&2 != 0:
		return true // MXCSR.MM, misaligned operands allowed
	case want.Vector == tcg.VectorPF && (has(seq, decoder.MASKMOVQ) || has(seq, decoder.MASKMOVDQU)):
		return true // faults with an empty mask too; the x87 registers change to MMX before the fault
	}
	return false
}

func has(seq []one, op decoder.Op) bool {
	for i := range seq {
		if seq[i].inst.Op == op {
			return true
		}
	}
	return false
}
