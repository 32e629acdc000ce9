package translate

import (
	"math/bits"

	"goemu/decoder"
	"goemu/tcg"
)

// flagDFBit is the place of EFLAGS.DF.
const flagDFBit = 10

// stringOnce translates MOVS, STOS and LODS without a repeat prefix. With one they move whole pieces, in Go.
func (t *Translator) stringOnce(i *decoder.Inst, _ tcg.Opcode) {
	if i.Prefix&(decoder.PrefixRep|decoder.PrefixRepne) != 0 {
		t.sysDefault(i, 0)
		return
	}
	w, aw := tcg.W8, width(i.AddrSize)
	if i.Opcode&1 != 0 {
		w = width(i.OpSize)
	}
	segment := uint8(decoder.SegDS)
	if i.Prefix&decoder.PrefixSeg != 0 {
		segment = i.Seg
	}
	src := tcg.Mem{Base: rsi, Seg: t.seg(segment), AddrW: aw}
	dst := tcg.Mem{Base: rdi, Seg: t.seg(decoder.SegES), AddrW: aw}
	switch i.Op {
	case decoder.LODS:
		t.b.Ld(w, rax, src)
	case decoder.STOS:
		t.b.St(w, dst, rax)
	case decoder.MOVS:
		x := t.b.Temp()
		t.b.Ld(w, x, src)
		t.b.St(w, dst, x)
	}
	// twice the size with DF, else 0
	n := int64(w.Bytes())
	flags, shifted, back := t.b.Temp(), t.b.Temp(), t.b.Temp()
	t.b.Get(tcg.GetEF, flags)
	t.b.ALU(tcg.Shr, tcg.W64, shifted, flags, t.b.Imm(int64(flagDFBit-1-bits.TrailingZeros64(uint64(n)))), false)
	t.b.ALU(tcg.And, tcg.W64, back, shifted, t.b.Imm(2*n), false)
	step := func(r tcg.Ref) {
		t.b.ALU(tcg.Add, aw, r, r, t.b.Imm(n), false)
		t.b.ALU(tcg.Sub, aw, r, r, back, false)
	}
	if i.Op != decoder.STOS {
		step(rsi)
	}
	if i.Op != decoder.LODS {
		step(rdi)
	}
}
