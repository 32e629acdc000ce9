package difftest

import (
	"goemu/decoder"
	"goemu/tcg"
)

// EFLAGS bits.
const (
	cf, pf, af, zf, sf, of = 1, 4, 0x10, 0x40, 0x80, 0x800

	arith = cf | pf | af | zf | sf | of
)

// undefinedFlags gives the flags that the manuals leave undefined after i and that goemu does not promise to set as
// the host does. Where processors agree (AF after AND, flags of MUL ...) goemu does as they do, and they are compared.
func undefinedFlags(i *decoder.Inst) uint32 {
	switch i.Op {
	case decoder.DIV, decoder.IDIV:
		return arith &^ (cf | of) // goemu keeps the old ones; AMD's processors set AF and clear the others, which would cost code
	case decoder.CMPS, decoder.SCAS:
		if i.Prefix&(decoder.PrefixRep|decoder.PrefixRepne) != 0 {
			return arith // when they fault: Intel's are those before the instruction, AMD's those of the last iteration
		}
	case decoder.MUL, decoder.IMUL:
		return sf | zf | af | pf
	case decoder.BSF, decoder.BSR:
		return arith &^ zf
	case decoder.TZCNT, decoder.LZCNT:
		return of
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
	switch op {
	case decoder.F2XM1, decoder.FYL2X, decoder.FYL2XP1, decoder.FPTAN, decoder.FPATAN, decoder.FSIN, decoder.FCOS, decoder.FSINCOS:
		return true
	}
	return false
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
