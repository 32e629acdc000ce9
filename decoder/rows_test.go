package decoder

import "testing"

// TestRowsCoverOps: every mnemonic has a row.
func TestRowsCoverOps(t *testing.T) {
	var have [NumOps]bool
	for _, r := range Rows() {
		have[r.Op] = true
		if r.Feature >= numFeatures || r.Feature.String() == "" {
			t.Errorf("%v %s: feature %d has no name", r.Op, r.Enc, r.Feature)
		}
	}
	for op := Op(1); op < NumOps; op++ {
		if !have[op] {
			t.Errorf("%v has no row", op)
		}
	}
}

// TestRowsReachable: every row can be decoded from some bytes, so no row hides another.
func TestRowsReachable(t *testing.T) {
	reached := make([]bool, len(rows))
	for _, c := range sampleCodes() {
		for _, m := range []Mode{Mode16, Mode32, Mode64} {
			var in Inst
			if Decode(c, m, &in) == nil {
				reached[in.Row] = true
			}
		}
	}
	for i, r := range rows {
		if !reached[i] {
			t.Errorf("row %d %v %q %q is never decoded", i, r.Op, r.Enc, r.Args)
		}
	}
}

// sampleCodes gives code for every opcode, prefix, W, L and ModRM.reg, with a register and a memory operand.
func sampleCodes() [][]byte {
	var all [][]byte
	tail := []byte{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x78}
	add := func(head ...byte) {
		for reg := range byte(8) {
			for _, rm := range []byte{0x04, 0x44, 0xC0, 0xC1} {
				all = append(all, append(append(append([]byte{}, head...), rm|reg<<3), tail...))
			}
		}
	}
	for op := range 256 {
		op := byte(op)
		for _, pp := range [][]byte{nil, {0x66}, {0xF3}, {0xF2}} {
			for _, w := range [][]byte{nil, {0x48}, {0x41}} {
				head := append(append([]byte{}, pp...), w...)
				if prefixClass[op] == pfNone {
					add(append(head[:len(head):len(head)], op)...)
				}
				add(append(head[:len(head):len(head)], 0x0F, op)...)
				add(append(head[:len(head):len(head)], 0x0F, 0x38, op)...)
				add(append(head[:len(head):len(head)], 0x0F, 0x3A, op)...)
			}
		}
		for mp := byte(1); mp <= 3; mp++ {
			for pp := range byte(4) {
				for w := range byte(2) {
					for l := range byte(2) {
						for _, v := range []byte{0x78, 0x50} {
							add(0xC4, 0xE0|mp, w<<7|v|l<<2|pp, op)
						}
					}
					for l := range byte(3) {
						for _, v := range []byte{0x78, 0x50} {
							for _, k := range []byte{0x08, 0x09} {
								add(0x62, 0xF0|mp, w<<7|v|4|pp, l<<5|k, op)
							}
						}
					}
				}
			}
		}
	}
	for rm := 0xC0; rm < 0x100; rm++ {
		for op := byte(0xD8); op <= 0xDF; op++ {
			all = append(all, []byte{op, byte(rm)})
		}
		for _, op := range []byte{0x01, 0xAE, 0x1E} {
			all = append(all, []byte{0x0F, op, byte(rm)}, []byte{0xF3, 0x0F, op, byte(rm)})
		}
	}
	for _, op := range []byte{0x26, 0xC4, 0xC5, 0x62} {
		all = append(all, []byte{op, 0x04, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66})
	}
	return all
}
