package simd

import (
	"fmt"
	"strings"
	"testing"

	"goemu/decoder"
)

// TestEvexLanes looks that what is computed as the VEX form does it has a VEX form that works on lanes.
func TestEvexLanes(t *testing.T) {
	for _, row := range decoder.Rows() {
		if !strings.HasPrefix(row.Enc, "EVEX.") || evexRows[row.Op].form != efVEX {
			continue
		}
		e := decoder.Inst{Op: row.Op, Map: 1}
		fields := strings.Fields(row.Enc)
		fmt.Sscanf(fields[1], "%02X", &e.Opcode)
		for _, p := range strings.Split(fields[0], ".") {
			switch p {
			case "66":
				e.PP = 0x66
			case "F3":
				e.PP = 0xf3
			case "F2":
				e.PP = 0xf2
			case "0F38":
				e.Map = 2
			case "0F3A":
				e.Map = 3
			case "W1":
				e.Rex = decoder.RexW
			}
		}
		if r := (&Evex{Inst: &e}).vexRow(); r.q == nil && r.v == nil {
			t.Errorf("%v (%s): its VEX form is %q, which does not work on lanes", row.Op, row.Enc, r.name)
		}
	}
}

// TestEvexByHand has what Bochs, with which tests/system compares, does not do: results worked out by hand from the SDM.
func TestEvexByHand(t *testing.T) {
	for _, c := range []struct {
		name       string
		inst       decoder.Inst
		a, b, want Z
		out        uint64
	}{
		{"VPCONFLICTQ", decoder.Inst{Op: decoder.VPCONFLICTQ, VecLen: 2}, Z{}, Z{5, 6, 7, 5, 6, 5, 9, 7}, Z{0, 0, 0, 1, 2, 9, 0, 4}, 0},
		{"VPCONFLICTD", decoder.Inst{Op: decoder.VPCONFLICTD, VecLen: 0}, Z{}, Z{1 | 1<<32, 2 | 1<<32}, Z{1 << 32, 3 << 32}, 0},
		{"VPSHUFBITQMB", decoder.Inst{Op: decoder.VPSHUFBITQMB, VecLen: 0}, Z{0x80, 1}, Z{0x0007_4707_0707_0000, 0x40}, Z{}, 0xff7c},
		{"VPMULTISHIFTQB", decoder.Inst{Op: decoder.VPMULTISHIFTQB, VecLen: 0}, Z{0x3c_20_18_10_08_04_40_00, 0}, Z{0x1122334455667788, 0xff}, Z{0x81_44_55_66_77_78_88_88, 0xffff_ffff_ffff_ffff}, 0},
		{"VGETMANTPD", decoder.Inst{Op: decoder.VGETMANTPD, VecLen: 0, Imm: 2}, Z{}, Z{3, 0xc008 << 48}, Z{0x3fe8 << 48, 0xbfe8 << 48}, 0},
		{"VCVTUDQ2PS", decoder.Inst{Op: decoder.VCVTUDQ2PS, VecLen: 0}, Z{}, Z{0xffffffff_80000000, 1}, Z{0x4f800000_4f000000, 0x3f800000}, 0},
		{"VCVTTPD2UQQ", decoder.Inst{Op: decoder.VCVTTPD2UQQ, VecLen: 1}, Z{}, Z{0x43e0 << 48, 0x43f0 << 48, 0xbfe0 << 48, 0x43ef_ffff_ffff_ffff}, Z{1 << 63, ^uint64(0), 0, 0xffff_ffff_ffff_f800}, 0},
		{"VCVTPD2UQQ", decoder.Inst{Op: decoder.VCVTPD2UQQ, VecLen: 0}, Z{}, Z{0xbff8 << 48, 0x4004 << 48}, Z{^uint64(0), 2}, 0},
		{"VCVTUQQ2PS", decoder.Inst{Op: decoder.VCVTUQQ2PS, VecLen: 0}, Z{}, Z{^uint64(0), 0x8000_0080_0000_0001}, Z{0x5f00_0001_5f80_0000}, 0},
	} {
		x := Evex{Inst: &c.inst, A: c.a, B: c.b, Mask: ^uint64(0), MXCSR: 0x1f80}
		if x.Run(); x.R != c.want || x.Out != c.out {
			t.Errorf("%s: %x, %x; want %x, %x", c.name, x.R, x.Out, c.want, c.out)
		}
	}
}
