package translate

import "goemu/decoder"

// maxRows is the number of rows in the instruction table, rounded up.
const maxRows = 2560

// Restrict makes the translator that of a CPU model which has the instructions of set only. Without it all are there.
func (t *Translator) Restrict(set decoder.FeatureSet) {
	clear(t.lacks[:])
	for n := range decoder.Rows() {
		if !set.Runs(&decoder.Rows()[n]) {
			t.lacks[n>>6] |= 1 << (n & 63)
		}
	}
	t.has = set
}

// substitutes are what processors without a feature take the encodings of some instructions for: a prefix that means nothing
// to them, or a hint. The feature is the one that the substitute needs.
var substitutes = map[decoder.Op]struct {
	op      decoder.Op
	feature decoder.Feature
}{
	decoder.TZCNT:       {decoder.BSF, decoder.Feat386},
	decoder.LZCNT:       {decoder.BSR, decoder.Feat386},
	decoder.PAUSE:       {decoder.NOP, decoder.FeatBase},
	decoder.WBNOINVD:    {decoder.WBINVD, decoder.Feat486},
	decoder.PREFETCHNTA: {decoder.NOP, decoder.FeatP6},
	decoder.PREFETCHT0:  {decoder.NOP, decoder.FeatP6},
	decoder.PREFETCHT1:  {decoder.NOP, decoder.FeatP6},
	decoder.PREFETCHT2:  {decoder.NOP, decoder.FeatP6},
}

// older replaces an instruction that the model lacks by what the model takes it for; false if that is nothing. Without an FPU
// ESC opcodes do nothing but the checks of CR0, and WAIT waits for nobody.
func (t *Translator) older(i *decoder.Inst) bool {
	if s, ok := substitutes[i.Op]; ok && t.has.Has(s.feature) {
		i.Op = s.op
		return true
	}
	if decoder.Rows()[i.Row].Feature != decoder.FeatFPU {
		return false
	}
	if i.Op != decoder.FWAIT {
		*i = decoder.Inst{Op: decoder.FNOP, Len: i.Len, Mode: i.Mode, OpSize: i.OpSize, AddrSize: i.AddrSize, Row: i.Row,
			Opcode: 0xd9, ModRM: 0xd0, HasModRM: true, Memory: decoder.Memory{Seg: decoder.SegDS, Base: decoder.NoReg, Index: decoder.NoReg, Scale: 1}}
	}
	return true
}

// lahf64 makes an instruction undefined that is LAHF or SAHF in 64-bit mode on a model that lacks those; true: it has done so.
func (t *Translator) lahf64(i *decoder.Inst) bool {
	if !t.code64() || t.has.Has(decoder.FeatLAHF) {
		return false
	}
	i.Op = decoder.Invalid
	t.sys(i, true)
	return true
}
