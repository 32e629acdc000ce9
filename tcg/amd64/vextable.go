//go:build linux && amd64

package amd64

import "goemu/tcg"

// vexW says what VEX.W means to an instruction.
type vexW uint8

const (
	wIgnored vexW = iota
	wZero         // must be 0
	wOne          // must be 1
	wEither       // selects the size of the elements
	wGPR          // selects the size of a general register; outside of 64-bit mode it is ignored
)

// vexForm is a run of VEX opcodes alike in what they need of the host.
type vexForm struct {
	pp, m, first, last uint8
	w                  vexW
	x, y               feature // needed for 128 and 256 bits; 0: there is no such form
	scalar             bool    // VEX.L means nothing
	impl               implicitUse
}

const (
	avx  = hasAVX
	avx2 = hasAVX | hasAVX2
	fma  = hasAVX | hasFMA
	f16c = hasAVX | hasF16C
	gfni = hasAVX | hasGFNI
)

// vexForms are the VEX instructions that the host may run in our stead (SDM vol. 2 chapters 3 to 5). Left out and so left to the interpreter:
// VMASKMOVDQU, whose operand is not named, masked moves and gathers. VZEROALL and VZEROUPPER are here as 64-bit mode has them.
var vexForms = [...]vexForm{
	{pp: 0, m: 1, first: 0x10, last: 0x11, x: avx, y: avx},
	{pp: 0, m: 1, first: 0x12, last: 0x13, x: avx}, // VMOVLPS, VMOVHLPS
	{pp: 0, m: 1, first: 0x14, last: 0x15, x: avx, y: avx},
	{pp: 0, m: 1, first: 0x16, last: 0x17, x: avx}, // VMOVHPS, VMOVLHPS
	{pp: 0, m: 1, first: 0x28, last: 0x29, x: avx, y: avx},
	{pp: 0, m: 1, first: 0x2b, last: 0x2b, x: avx, y: avx},
	{pp: 0, m: 1, first: 0x2e, last: 0x2f, x: avx, y: avx, scalar: true}, // VUCOMISS, VCOMISS
	{pp: 0, m: 1, first: 0x50, last: 0x5f, x: avx, y: avx},
	{pp: 0, m: 1, first: 0x77, last: 0x77, x: avx, y: avx}, // VZEROUPPER, VZEROALL
	{pp: 0, m: 1, first: 0xc2, last: 0xc2, x: avx, y: avx},
	{pp: 0, m: 1, first: 0xc6, last: 0xc6, x: avx, y: avx},

	{pp: 0x66, m: 1, first: 0x10, last: 0x11, x: avx, y: avx},
	{pp: 0x66, m: 1, first: 0x12, last: 0x13, x: avx}, // VMOVLPD
	{pp: 0x66, m: 1, first: 0x14, last: 0x15, x: avx, y: avx},
	{pp: 0x66, m: 1, first: 0x16, last: 0x17, x: avx}, // VMOVHPD
	{pp: 0x66, m: 1, first: 0x28, last: 0x29, x: avx, y: avx},
	{pp: 0x66, m: 1, first: 0x2b, last: 0x2b, x: avx, y: avx},
	{pp: 0x66, m: 1, first: 0x2e, last: 0x2f, x: avx, y: avx, scalar: true},
	{pp: 0x66, m: 1, first: 0x50, last: 0x51, x: avx, y: avx},
	{pp: 0x66, m: 1, first: 0x54, last: 0x5f, x: avx, y: avx},
	{pp: 0x66, m: 1, first: 0x60, last: 0x6d, x: avx, y: avx2},
	{pp: 0x66, m: 1, first: 0x6e, last: 0x6e, w: wGPR, x: avx}, // VMOVD, VMOVQ
	{pp: 0x66, m: 1, first: 0x6f, last: 0x6f, x: avx, y: avx},
	{pp: 0x66, m: 1, first: 0x70, last: 0x76, x: avx, y: avx2},
	{pp: 0x66, m: 1, first: 0x7c, last: 0x7d, x: avx, y: avx},
	{pp: 0x66, m: 1, first: 0x7e, last: 0x7e, w: wGPR, x: avx},
	{pp: 0x66, m: 1, first: 0x7f, last: 0x7f, x: avx, y: avx},
	{pp: 0x66, m: 1, first: 0xc2, last: 0xc2, x: avx, y: avx},
	{pp: 0x66, m: 1, first: 0xc4, last: 0xc5, x: avx}, // VPINSRW, VPEXTRW
	{pp: 0x66, m: 1, first: 0xc6, last: 0xc6, x: avx, y: avx},
	{pp: 0x66, m: 1, first: 0xd0, last: 0xd0, x: avx, y: avx},
	{pp: 0x66, m: 1, first: 0xd1, last: 0xd5, x: avx, y: avx2},
	{pp: 0x66, m: 1, first: 0xd6, last: 0xd6, x: avx}, // VMOVQ
	{pp: 0x66, m: 1, first: 0xd7, last: 0xe5, x: avx, y: avx2},
	{pp: 0x66, m: 1, first: 0xe6, last: 0xe7, x: avx, y: avx}, // VCVTTPD2DQ, VMOVNTDQ
	{pp: 0x66, m: 1, first: 0xe8, last: 0xef, x: avx, y: avx2},
	{pp: 0x66, m: 1, first: 0xf1, last: 0xf6, x: avx, y: avx2},
	{pp: 0x66, m: 1, first: 0xf8, last: 0xfe, x: avx, y: avx2},

	{pp: 0xf3, m: 1, first: 0x10, last: 0x11, x: avx, y: avx, scalar: true},
	{pp: 0xf3, m: 1, first: 0x12, last: 0x12, x: avx, y: avx},
	{pp: 0xf3, m: 1, first: 0x16, last: 0x16, x: avx, y: avx},
	{pp: 0xf3, m: 1, first: 0x2a, last: 0x2a, w: wGPR, x: avx, y: avx, scalar: true},
	{pp: 0xf3, m: 1, first: 0x2c, last: 0x2d, w: wGPR, x: avx, y: avx, scalar: true},
	{pp: 0xf3, m: 1, first: 0x51, last: 0x53, x: avx, y: avx, scalar: true},
	{pp: 0xf3, m: 1, first: 0x58, last: 0x5a, x: avx, y: avx, scalar: true},
	{pp: 0xf3, m: 1, first: 0x5b, last: 0x5b, x: avx, y: avx}, // VCVTTPS2DQ
	{pp: 0xf3, m: 1, first: 0x5c, last: 0x5f, x: avx, y: avx, scalar: true},
	{pp: 0xf3, m: 1, first: 0x6f, last: 0x6f, x: avx, y: avx},
	{pp: 0xf3, m: 1, first: 0x70, last: 0x70, x: avx, y: avx2},
	{pp: 0xf3, m: 1, first: 0x7e, last: 0x7e, x: avx}, // VMOVQ
	{pp: 0xf3, m: 1, first: 0x7f, last: 0x7f, x: avx, y: avx},
	{pp: 0xf3, m: 1, first: 0xc2, last: 0xc2, x: avx, y: avx, scalar: true},
	{pp: 0xf3, m: 1, first: 0xe6, last: 0xe6, x: avx, y: avx},

	{pp: 0xf2, m: 1, first: 0x10, last: 0x11, x: avx, y: avx, scalar: true},
	{pp: 0xf2, m: 1, first: 0x12, last: 0x12, x: avx, y: avx},
	{pp: 0xf2, m: 1, first: 0x2a, last: 0x2a, w: wGPR, x: avx, y: avx, scalar: true},
	{pp: 0xf2, m: 1, first: 0x2c, last: 0x2d, w: wGPR, x: avx, y: avx, scalar: true},
	{pp: 0xf2, m: 1, first: 0x51, last: 0x51, x: avx, y: avx, scalar: true},
	{pp: 0xf2, m: 1, first: 0x58, last: 0x5a, x: avx, y: avx, scalar: true},
	{pp: 0xf2, m: 1, first: 0x5c, last: 0x5f, x: avx, y: avx, scalar: true},
	{pp: 0xf2, m: 1, first: 0x70, last: 0x70, x: avx, y: avx2},
	{pp: 0xf2, m: 1, first: 0x7c, last: 0x7d, x: avx, y: avx},
	{pp: 0xf2, m: 1, first: 0xc2, last: 0xc2, x: avx, y: avx, scalar: true},
	{pp: 0xf2, m: 1, first: 0xd0, last: 0xd0, x: avx, y: avx},
	{pp: 0xf2, m: 1, first: 0xe6, last: 0xe6, x: avx, y: avx},
	{pp: 0xf2, m: 1, first: 0xf0, last: 0xf0, x: avx, y: avx},

	{pp: 0x66, m: 2, first: 0x00, last: 0x0b, x: avx, y: avx2},
	{pp: 0x66, m: 2, first: 0x0c, last: 0x0f, w: wZero, x: avx, y: avx}, // VPERMILPS, VPERMILPD, VTESTPS, VTESTPD
	{pp: 0x66, m: 2, first: 0x13, last: 0x13, w: wZero, x: f16c, y: f16c},
	{pp: 0x66, m: 2, first: 0x16, last: 0x16, w: wZero, y: avx2},
	{pp: 0x66, m: 2, first: 0x17, last: 0x17, x: avx, y: avx},
	{pp: 0x66, m: 2, first: 0x18, last: 0x18, w: wZero, x: avx, y: avx}, // VBROADCASTSS: from a register AVX2, see vexFormOf
	{pp: 0x66, m: 2, first: 0x19, last: 0x1a, w: wZero, y: avx},
	{pp: 0x66, m: 2, first: 0x1c, last: 0x1e, x: avx, y: avx2},
	{pp: 0x66, m: 2, first: 0x20, last: 0x25, x: avx, y: avx2},
	{pp: 0x66, m: 2, first: 0x28, last: 0x2b, x: avx, y: avx2},
	{pp: 0x66, m: 2, first: 0x30, last: 0x35, x: avx, y: avx2},
	{pp: 0x66, m: 2, first: 0x36, last: 0x36, w: wZero, y: avx2},
	{pp: 0x66, m: 2, first: 0x37, last: 0x40, x: avx, y: avx2},
	{pp: 0x66, m: 2, first: 0x41, last: 0x41, x: avx}, // VPHMINPOSUW
	{pp: 0x66, m: 2, first: 0x45, last: 0x45, w: wEither, x: avx2, y: avx2},
	{pp: 0x66, m: 2, first: 0x46, last: 0x46, w: wZero, x: avx2, y: avx2},
	{pp: 0x66, m: 2, first: 0x47, last: 0x47, w: wEither, x: avx2, y: avx2},
	{pp: 0x66, m: 2, first: 0x58, last: 0x59, w: wZero, x: avx2, y: avx2},
	{pp: 0x66, m: 2, first: 0x5a, last: 0x5a, w: wZero, y: avx2},
	{pp: 0x66, m: 2, first: 0x78, last: 0x79, w: wZero, x: avx2, y: avx2},
	{pp: 0x66, m: 2, first: 0xcf, last: 0xcf, w: wZero, x: gfni, y: gfni},
	{pp: 0x66, m: 2, first: 0xdb, last: 0xdb, x: avx | hasAES},
	{pp: 0x66, m: 2, first: 0xdc, last: 0xdf, x: avx | hasAES, y: avx | hasVAES},

	{pp: 0x66, m: 3, first: 0x00, last: 0x01, w: wOne, y: avx2},
	{pp: 0x66, m: 3, first: 0x02, last: 0x02, w: wZero, x: avx2, y: avx2},
	{pp: 0x66, m: 3, first: 0x04, last: 0x05, w: wZero, x: avx, y: avx},
	{pp: 0x66, m: 3, first: 0x06, last: 0x06, w: wZero, y: avx},
	{pp: 0x66, m: 3, first: 0x08, last: 0x09, x: avx, y: avx},
	{pp: 0x66, m: 3, first: 0x0a, last: 0x0b, x: avx, y: avx, scalar: true},
	{pp: 0x66, m: 3, first: 0x0c, last: 0x0d, x: avx, y: avx},
	{pp: 0x66, m: 3, first: 0x0e, last: 0x0f, x: avx, y: avx2},
	{pp: 0x66, m: 3, first: 0x14, last: 0x15, x: avx},
	{pp: 0x66, m: 3, first: 0x16, last: 0x16, w: wGPR, x: avx},
	{pp: 0x66, m: 3, first: 0x17, last: 0x17, x: avx},
	{pp: 0x66, m: 3, first: 0x18, last: 0x19, w: wZero, y: avx},
	{pp: 0x66, m: 3, first: 0x1d, last: 0x1d, w: wZero, x: f16c, y: f16c},
	{pp: 0x66, m: 3, first: 0x20, last: 0x21, x: avx},
	{pp: 0x66, m: 3, first: 0x22, last: 0x22, w: wGPR, x: avx},
	{pp: 0x66, m: 3, first: 0x38, last: 0x39, w: wZero, y: avx2},
	{pp: 0x66, m: 3, first: 0x40, last: 0x40, x: avx, y: avx},
	{pp: 0x66, m: 3, first: 0x41, last: 0x41, x: avx},
	{pp: 0x66, m: 3, first: 0x42, last: 0x42, x: avx, y: avx2},
	{pp: 0x66, m: 3, first: 0x44, last: 0x44, x: avx | hasPCLMUL, y: avx | hasVPCLMUL},
	{pp: 0x66, m: 3, first: 0x46, last: 0x46, w: wZero, y: avx2},
	{pp: 0x66, m: 3, first: 0x4a, last: 0x4b, w: wZero, x: avx, y: avx},
	{pp: 0x66, m: 3, first: 0x4c, last: 0x4c, w: wZero, x: avx, y: avx2},
	{pp: 0x66, m: 3, first: 0x60, last: 0x61, w: wGPR, x: avx, impl: implLengths},
	{pp: 0x66, m: 3, first: 0x62, last: 0x63, x: avx, impl: implIndex},
	{pp: 0x66, m: 3, first: 0xce, last: 0xcf, w: wOne, x: gfni, y: gfni},
	{pp: 0x66, m: 3, first: 0xdf, last: 0xdf, x: avx | hasAES},
}

// vexIndex holds for each encoding the number of its row + 1, or 0.
var vexIndex [4][4][256]uint8

// vexPP numbers the mandatory prefixes as VEX.pp does.
func vexPP(pp uint8) int {
	switch pp {
	case 0x66:
		return 1
	case 0xf3:
		return 2
	case 0xf2:
		return 3
	}
	return 0
}

// fmaForms are the rows of the 60 fused multiply-adds: packed and scalar ones take turns after the first two of each order.
var fmaForms = [2]vexForm{
	{w: wEither, x: fma, y: fma},
	{w: wEither, x: fma, y: fma, scalar: true},
}

func init() {
	for i := range vexForms {
		f := &vexForms[i]
		for op := int(f.first); op <= int(f.last); op++ {
			vexIndex[vexPP(f.pp)][f.m][op] = uint8(i + 1)
		}
	}
}

// fmaForm gives the row of a fused multiply-add, nil if e is none.
func fmaForm(e *tcg.Enc) *vexForm {
	low := e.Opcode & 15
	if e.Map != 2 || e.PP != 0x66 || e.Opcode < 0x96 || e.Opcode > 0xbf || low < 6 {
		return nil
	}
	if low < 8 { // VFMADDSUB, VFMSUBADD
		return &fmaForms[0]
	}
	return &fmaForms[low&1]
}

// vexFormOf gives the row of the VEX instruction of o if the host can run it, else nil.
func vexFormOf(o *tcg.Op) *vexForm {
	e := o.Enc
	if e.Map > 3 {
		return nil
	}
	f := fmaForm(&e)
	if f == nil {
		i := vexIndex[vexPP(e.PP)][e.Map][e.Opcode]
		if i == 0 {
			return nil
		}
		f = &vexForms[i-1]
	}
	need := f.x
	if e.Vex == tcg.Vex256 {
		need = f.y
	}
	if need == 0 || f.w == wZero && e.RexW || f.w == wOne && !e.RexW {
		return nil
	}
	if e.Map == 2 && (e.Opcode == 0x18 || e.Opcode == 0x19) && o.KRM != tcg.VMem { // VBROADCASTSS and VBROADCASTSD from a register
		need |= hasAVX2
	}
	if host&need != need {
		return nil
	}
	return f
}

// vexAligned tells whether the memory operand of a VEX instruction must be aligned to its size: VMOVAPS, VMOVAPD, VMOVDQA and the
// non-temporal moves (SDM vol. 1 14.9).
func vexAligned(e tcg.Enc) bool {
	switch e.Map {
	case 1:
		switch e.Opcode {
		case 0x28, 0x29, 0x2b, 0xe7:
			return true
		case 0x6f, 0x7f:
			return e.PP == 0x66
		}
	case 2:
		return e.Opcode == 0x2a
	}
	return false
}
