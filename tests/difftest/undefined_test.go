package difftest

import "goemu/decoder"

// undefinedFlags are flags that the manuals leave undefined and that goemu's engines do not promise to
// set as the host does, by instruction, in the layout of EFLAGS. A sequence compares the
// flags that no instruction in it has left undefined.
var undefinedFlags = map[decoder.Op]uint32{}

// comparedFlags is the mask of flags to compare after seq.
func comparedFlags(seq []one, _ *state) uint32 {
	mask := uint32(flagMask)
	for i := range seq {
		mask &^= undefinedFlags[seq[i].inst.Op]
	}
	return mask
}
