package translate

import (
	"goemu/decoder"
	"goemu/tcg"
)

// vecInfo is what the decoder's operands do not say about a SIMD instruction.
type vecInfo uint8

const (
	vecSys       vecInfo = 1 << iota // run by the CPU
	vecUnaligned                     // its 16-byte memory operand may be misaligned (SDM vol. 1, 4.1.1)
	vecFlags                         // writes the arithmetic flags
)

// vecInfos is indexed by decoder.Op; most instructions have nothing special.
var vecInfos = [...]vecInfo{
	decoder.MOVUPS: vecUnaligned, decoder.MOVUPD: vecUnaligned, decoder.MOVDQU: vecUnaligned, decoder.LDDQU: vecUnaligned,
	decoder.PCMPESTRI: vecUnaligned | vecFlags, decoder.PCMPESTRM: vecUnaligned | vecFlags,
	decoder.PCMPISTRI: vecUnaligned | vecFlags, decoder.PCMPISTRM: vecUnaligned | vecFlags,
	decoder.COMISS: vecFlags, decoder.COMISD: vecFlags, decoder.UCOMISS: vecFlags, decoder.UCOMISD: vecFlags, decoder.PTEST: vecFlags,

	// AMD's processors let SHA operands be misaligned; Intel's do not.
	decoder.SHA1MSG1: vecUnaligned, decoder.SHA1MSG2: vecUnaligned, decoder.SHA1NEXTE: vecUnaligned, decoder.SHA1RNDS4: vecUnaligned,
	decoder.SHA256MSG1: vecUnaligned, decoder.SHA256MSG2: vecUnaligned, decoder.SHA256RNDS2: vecUnaligned,

	// They store by a mask, to a place that no operand names.
	decoder.MASKMOVQ: vecSys, decoder.MASKMOVDQU: vecSys,
	// SSE4a and GFNI are not claimed by any CPU model.
	decoder.EXTRQ: vecSys, decoder.INSERTQ: vecSys, decoder.MOVNTSD: vecSys, decoder.MOVNTSS: vecSys,
	decoder.GF2P8AFFINEINVQB: vecSys, decoder.GF2P8AFFINEQB: vecSys, decoder.GF2P8MULB: vecSys,
}

// simd tells whether i becomes a Vec op.
func simd(i *decoder.Inst) bool {
	if i.Prefix&(decoder.PrefixVex|decoder.PrefixEvex) != 0 || i.Op < decoder.EMMS || i.Op > decoder.SHA256RNDS2 {
		return false
	}
	return int(i.Op) >= len(vecInfos) || vecInfos[i.Op]&vecSys == 0
}

// storeForm tells whether the first operand of a SIMD instruction is ModRM.rm and the second ModRM.reg (encoding MR in
// the manual), or it has only the first (MI).
func storeForm(i *decoder.Inst) bool {
	switch i.Map {
	case 1:
		switch i.Opcode {
		case 0x11, 0x13, 0x17, 0x29, 0x2b, 0x71, 0x72, 0x73, 0x7f, 0xe7:
			return true
		case 0x7e:
			return i.PP != 0xf3
		case 0xd6:
			return i.PP == 0x66
		}
	case 3:
		return i.Opcode >= 0x14 && i.Opcode <= 0x17
	}
	return false
}

// vecKind gives the kind of a register operand.
func vecKind(a decoder.Arg) tcg.VKind {
	switch a.Kind {
	case decoder.KXMM:
		return tcg.VXMM
	case decoder.KMMX:
		return tcg.VMMX
	case decoder.KReg:
		return tcg.VGPR
	default:
		return tcg.VNone
	}
}

// vec translates a MMX or SSE instruction into one Vec op.
func (t *Translator) vec(i *decoder.Inst) {
	e := tcg.Enc{PP: i.PP, Map: i.Map, Opcode: i.Opcode, RexW: i.Rex&decoder.RexW != 0}
	var info vecInfo
	if int(i.Op) < len(vecInfos) {
		info = vecInfos[i.Op]
	}
	if i.NArgs == 0 { // EMMS
		t.b.Vec(e)
		return
	}
	rm, rg := i.Args[1], i.Args[0]
	store := storeForm(i)
	if store {
		rm, rg = rg, rm
	}
	var o *tcg.Op
	if isMem(rm) {
		o = t.b.VecMem(e, t.mem(i), int(rm.Size), !store, store)
		o.Align = rm.Size == 16 && info&vecUnaligned == 0
	} else {
		o = t.b.Vec(e)
		o.KRM, o.VRM = vecKind(rm), rm.Reg
	}
	if i.Map == 1 && i.Opcode >= 0x71 && i.Opcode <= 0x73 {
		o.KReg, o.VReg = tcg.VImpl, i.ModRM>>3&7
	} else {
		o.KReg, o.VReg = vecKind(rg), rg.Reg
	}
	for n := range i.Args[:i.NArgs] {
		if i.Args[n].Kind == decoder.KImm {
			o.HasImm, o.Imm = true, int64(uint8(i.Imm))
		}
	}
	o.SetF = info&vecFlags != 0
}
