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
	vecAligned                       // VEX: its memory operand must be aligned to its size (SDM vol. 1, 14.9)
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
	// SSE4a is not claimed by any CPU model.
	decoder.EXTRQ: vecSys, decoder.INSERTQ: vecSys, decoder.MOVNTSD: vecSys, decoder.MOVNTSS: vecSys,

	decoder.VMOVAPS: vecAligned, decoder.VMOVAPD: vecAligned, decoder.VMOVDQA: vecAligned,
	decoder.VMOVNTPS: vecAligned, decoder.VMOVNTPD: vecAligned, decoder.VMOVNTDQ: vecAligned, decoder.VMOVNTDQA: vecAligned,
	decoder.VCOMISS: vecFlags, decoder.VCOMISD: vecFlags, decoder.VUCOMISS: vecFlags, decoder.VUCOMISD: vecFlags,
	decoder.VPTEST: vecFlags, decoder.VTESTPS: vecFlags, decoder.VTESTPD: vecFlags,
	decoder.VPCMPESTRI: vecFlags, decoder.VPCMPESTRM: vecFlags, decoder.VPCMPISTRI: vecFlags, decoder.VPCMPISTRM: vecFlags,

	// Elements that the mask leaves out do not fault.
	decoder.VMASKMOVDQU: vecSys, decoder.VMASKMOVPS: vecSys, decoder.VMASKMOVPD: vecSys, decoder.VPMASKMOVD: vecSys, decoder.VPMASKMOVQ: vecSys,
	decoder.VGATHERDPS: vecSys, decoder.VGATHERDPD: vecSys, decoder.VGATHERQPS: vecSys, decoder.VGATHERQPD: vecSys,
	decoder.VPGATHERDD: vecSys, decoder.VPGATHERDQ: vecSys, decoder.VPGATHERQD: vecSys, decoder.VPGATHERQQ: vecSys,
	// MXCSR decides what may run natively.
	decoder.VLDMXCSR: vecSys, decoder.VSTMXCSR: vecSys,
	// AVX-VNNI and AVX-IFMA are not claimed by any CPU model.
	decoder.VPDPBUSD: vecSys, decoder.VPDPBUSDS: vecSys, decoder.VPDPWSSD: vecSys, decoder.VPDPWSSDS: vecSys,
	decoder.VPMADD52HUQ: vecSys, decoder.VPMADD52LUQ: vecSys,
}

// simd tells whether i becomes a Vec op.
func (t *Translator) simd(i *decoder.Inst) bool {
	first, last := decoder.EMMS, decoder.SHA256RNDS2
	switch {
	case i.Prefix&decoder.PrefixEvex != 0:
		return false
	case i.Prefix&decoder.PrefixVex != 0:
		first, last = decoder.VADDPD, decoder.VFNMSUB231SS
		if i.NArgs == 0 && (!t.code64() || t.mode&tcg.ModeZMM != 0) { // VZEROALL and VZEROUPPER of eight registers, or of longer ones
			return false
		}
	}
	return i.Op >= first && i.Op <= last && (int(i.Op) >= len(vecInfos) || vecInfos[i.Op]&vecSys == 0)
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
		return i.Opcode >= 0x14 && i.Opcode <= 0x17 || i.Opcode == 0x19 || i.Opcode == 0x1d || i.Opcode == 0x39
	}
	return false
}

// vecKind gives the kind of a register operand.
func vecKind(a decoder.Arg) tcg.VKind {
	switch a.Kind {
	case decoder.KXMM, decoder.KYMM:
		return tcg.VXMM
	case decoder.KMMX:
		return tcg.VMMX
	case decoder.KReg:
		return tcg.VGPR
	default:
		return tcg.VNone
	}
}

// shiftGroup tells whether i is of the groups 12 to 14, where ModRM.reg is part of the opcode.
func shiftGroup(i *decoder.Inst) bool { return i.Map == 1 && i.Opcode >= 0x71 && i.Opcode <= 0x73 }

// encoding gives the encoding of a SIMD instruction. Outside 64-bit code VEX.W does not choose the size of a general register.
func (t *Translator) encoding(i *decoder.Inst) tcg.Enc {
	e := tcg.Enc{PP: i.PP, Map: i.Map, Opcode: i.Opcode, RexW: i.Rex&decoder.RexW != 0}
	if i.Prefix&decoder.PrefixVex == 0 {
		return e
	}
	e.Vex = tcg.Vex128
	if i.VecLen != 0 {
		e.Vex = tcg.Vex256
	}
	if !t.code64() {
		switch {
		case e.Map == 1, e.Map == 3 && (e.Opcode == 0x16 || e.Opcode == 0x22 || e.Opcode == 0x60 || e.Opcode == 0x61):
			e.RexW = false
		}
	}
	return e
}

// vec translates a MMX, SSE or AVX instruction into one Vec op.
func (t *Translator) vec(i *decoder.Inst) {
	e := t.encoding(i)
	var info vecInfo
	if int(i.Op) < len(vecInfos) {
		info = vecInfos[i.Op]
	}
	args := i.Args[:i.NArgs]
	if len(args) == 0 { // EMMS, VZEROALL, VZEROUPPER
		t.b.Vec(e)
		return
	}
	imm, hasImm := int64(uint8(i.Imm)), false
	switch last := len(args) - 1; {
	case args[last].Kind == decoder.KImm:
		args, hasImm = args[:last], true
	case last == 3: // a register in the immediate
		imm, hasImm = int64(args[last].Reg)<<4, true
		args = args[:last]
	}
	rg, rm := args[0], args[len(args)-1]
	store := storeForm(i)
	var src decoder.Arg
	switch {
	case e.Vex != tcg.VexNone && shiftGroup(i):
		src, store = rg, false
	case e.Vex != tcg.VexNone && len(args) == 3:
		src = args[1]
	case e.Vex == tcg.VexNone && len(args) > 1:
		rm = args[1] // a third one is XMM0
	}
	if store {
		rm, rg = rg, rm
	}
	var o *tcg.Op
	if isMem(rm) {
		o = t.b.VecMem(e, t.mem(i), int(rm.Size), !store, store)
		if e.Vex == tcg.VexNone {
			o.Align = rm.Size == 16 && info&vecUnaligned == 0
		} else {
			o.Align = info&vecAligned != 0
		}
	} else {
		o = t.b.Vec(e)
		o.KRM, o.VRM = vecKind(rm), rm.Reg
	}
	if shiftGroup(i) {
		o.KReg, o.VReg = tcg.VImpl, i.ModRM>>3&7
	} else {
		o.KReg, o.VReg = vecKind(rg), rg.Reg
	}
	o.KSrc, o.VSrc = vecKind(src), src.Reg
	if hasImm {
		o.HasImm, o.Imm = true, imm
	}
	o.SetF = info&vecFlags != 0
	t.clearZMM(i, e, rg, rm, store)
}

// clearZMM has the bits of the destination beyond those of a YMM register cleared, where any are in use.
func (t *Translator) clearZMM(i *decoder.Inst, e tcg.Enc, rg, rm decoder.Arg, store bool) {
	if t.mode&tcg.ModeZMM == 0 || e.Vex == tcg.VexNone {
		return
	}
	dst := rg
	if store {
		dst = rm
	}
	switch {
	case i.Op == decoder.VPCMPESTRM, i.Op == decoder.VPCMPISTRM:
		t.b.ClearZ(0)
	case int(i.Op) < len(vecInfos) && vecInfos[i.Op]&vecFlags != 0: // they write no vector
	case dst.Kind == decoder.KXMM, dst.Kind == decoder.KYMM:
		t.b.ClearZ(dst.Reg)
	}
}
