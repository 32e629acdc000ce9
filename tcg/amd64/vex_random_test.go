//go:build linux && amd64

package amd64

import (
	"testing"

	"goemu/tcg"
	"goemu/tcg/simd"
)

// Sizes of memory operands that depend on VEX.L, beside those in bytes.
const (
	noMem   = 0
	full    = -1
	half    = -2
	quarter = -4
	eighth  = -8
	byW     = -16 // 4 or 8 bytes by VEX.W
)

// vexShape says what operands a run of VEX opcodes has.
type vexShape struct {
	pp, m, first, last uint8
	reg, src, rm       tcg.VKind
	imm, setF, align   bool
	mem                int
	store              bool // r/m is written
	only               bool // no register form
	memSrc             bool // src is in the register form only
}

// vexShapes are the VEX instructions whose results the manuals define to the bit. Those in vexForms that are not here are the approximations,
// and VZEROUPPER and VZEROALL.
var vexShapes = []vexShape{
	// moves
	{pp: 0, m: 1, first: 0x10, last: 0x10, reg: x, rm: x, mem: full},
	{pp: 0, m: 1, first: 0x11, last: 0x11, reg: x, rm: x, mem: full, store: true},
	{pp: 0, m: 1, first: 0x12, last: 0x12, reg: x, src: x, rm: x, mem: 8},
	{pp: 0, m: 1, first: 0x13, last: 0x13, reg: x, mem: 8, store: true, only: true},
	{pp: 0, m: 1, first: 0x16, last: 0x16, reg: x, src: x, rm: x, mem: 8},
	{pp: 0, m: 1, first: 0x17, last: 0x17, reg: x, mem: 8, store: true, only: true},
	{pp: 0, m: 1, first: 0x28, last: 0x28, reg: x, rm: x, mem: full, align: true},
	{pp: 0, m: 1, first: 0x29, last: 0x29, reg: x, rm: x, mem: full, align: true, store: true},
	{pp: 0, m: 1, first: 0x2b, last: 0x2b, reg: x, mem: full, align: true, store: true, only: true},
	{pp: 0x66, m: 1, first: 0x10, last: 0x10, reg: x, rm: x, mem: full},
	{pp: 0x66, m: 1, first: 0x11, last: 0x11, reg: x, rm: x, mem: full, store: true},
	{pp: 0x66, m: 1, first: 0x12, last: 0x12, reg: x, src: x, mem: 8, only: true},
	{pp: 0x66, m: 1, first: 0x13, last: 0x13, reg: x, mem: 8, store: true, only: true},
	{pp: 0x66, m: 1, first: 0x16, last: 0x16, reg: x, src: x, mem: 8, only: true},
	{pp: 0x66, m: 1, first: 0x17, last: 0x17, reg: x, mem: 8, store: true, only: true},
	{pp: 0x66, m: 1, first: 0x28, last: 0x28, reg: x, rm: x, mem: full, align: true},
	{pp: 0x66, m: 1, first: 0x29, last: 0x29, reg: x, rm: x, mem: full, align: true, store: true},
	{pp: 0x66, m: 1, first: 0x2b, last: 0x2b, reg: x, mem: full, align: true, store: true, only: true},
	{pp: 0x66, m: 1, first: 0x6f, last: 0x6f, reg: x, rm: x, mem: full, align: true},
	{pp: 0x66, m: 1, first: 0x7f, last: 0x7f, reg: x, rm: x, mem: full, align: true, store: true},
	{pp: 0x66, m: 1, first: 0xd6, last: 0xd6, reg: x, rm: x, mem: 8, store: true},
	{pp: 0x66, m: 1, first: 0xe7, last: 0xe7, reg: x, mem: full, align: true, store: true, only: true},
	{pp: 0xf3, m: 1, first: 0x10, last: 0x10, reg: x, src: x, rm: x, mem: 4, memSrc: true},
	{pp: 0xf3, m: 1, first: 0x11, last: 0x11, reg: x, src: x, rm: x, mem: 4, memSrc: true, store: true},
	{pp: 0xf3, m: 1, first: 0x12, last: 0x12, reg: x, rm: x, mem: full},
	{pp: 0xf3, m: 1, first: 0x16, last: 0x16, reg: x, rm: x, mem: full},
	{pp: 0xf3, m: 1, first: 0x6f, last: 0x6f, reg: x, rm: x, mem: full},
	{pp: 0xf3, m: 1, first: 0x7e, last: 0x7e, reg: x, rm: x, mem: 8},
	{pp: 0xf3, m: 1, first: 0x7f, last: 0x7f, reg: x, rm: x, mem: full, store: true},
	{pp: 0xf2, m: 1, first: 0x10, last: 0x10, reg: x, src: x, rm: x, mem: 8, memSrc: true},
	{pp: 0xf2, m: 1, first: 0x11, last: 0x11, reg: x, src: x, rm: x, mem: 8, memSrc: true, store: true},
	{pp: 0xf2, m: 1, first: 0x12, last: 0x12, reg: x, rm: x, mem: full},
	{pp: 0xf2, m: 1, first: 0xf0, last: 0xf0, reg: x, mem: full, only: true},
	{pp: 0x66, m: 2, first: 0x2a, last: 0x2a, reg: x, mem: full, align: true, only: true},
	// floating point
	{pp: 0, m: 1, first: 0x14, last: 0x15, reg: x, src: x, rm: x, mem: full},
	{pp: 0, m: 1, first: 0x2e, last: 0x2f, reg: x, rm: x, setF: true, mem: 4},
	{pp: 0, m: 1, first: 0x50, last: 0x50, reg: r, rm: x},
	{pp: 0, m: 1, first: 0x51, last: 0x51, reg: x, rm: x, mem: full},
	{pp: 0, m: 1, first: 0x54, last: 0x59, reg: x, src: x, rm: x, mem: full},
	{pp: 0, m: 1, first: 0x5a, last: 0x5a, reg: x, rm: x, mem: half},
	{pp: 0, m: 1, first: 0x5b, last: 0x5b, reg: x, rm: x, mem: full},
	{pp: 0, m: 1, first: 0x5c, last: 0x5f, reg: x, src: x, rm: x, mem: full},
	{pp: 0, m: 1, first: 0xc2, last: 0xc2, reg: x, src: x, rm: x, mem: full, imm: true},
	{pp: 0, m: 1, first: 0xc6, last: 0xc6, reg: x, src: x, rm: x, mem: full, imm: true},
	{pp: 0x66, m: 1, first: 0x14, last: 0x15, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 1, first: 0x2e, last: 0x2f, reg: x, rm: x, setF: true, mem: 8},
	{pp: 0x66, m: 1, first: 0x50, last: 0x50, reg: r, rm: x},
	{pp: 0x66, m: 1, first: 0x51, last: 0x51, reg: x, rm: x, mem: full},
	{pp: 0x66, m: 1, first: 0x54, last: 0x59, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 1, first: 0x5a, last: 0x5b, reg: x, rm: x, mem: full},
	{pp: 0x66, m: 1, first: 0x5c, last: 0x5f, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 1, first: 0x7c, last: 0x7d, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 1, first: 0xc2, last: 0xc2, reg: x, src: x, rm: x, mem: full, imm: true},
	{pp: 0x66, m: 1, first: 0xc6, last: 0xc6, reg: x, src: x, rm: x, mem: full, imm: true},
	{pp: 0x66, m: 1, first: 0xd0, last: 0xd0, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 1, first: 0xe6, last: 0xe6, reg: x, rm: x, mem: full},
	{pp: 0xf3, m: 1, first: 0x2a, last: 0x2a, reg: x, src: x, rm: r, mem: byW},
	{pp: 0xf3, m: 1, first: 0x2c, last: 0x2d, reg: r, rm: x, mem: 4},
	{pp: 0xf3, m: 1, first: 0x51, last: 0x51, reg: x, src: x, rm: x, mem: 4},
	{pp: 0xf3, m: 1, first: 0x58, last: 0x5a, reg: x, src: x, rm: x, mem: 4},
	{pp: 0xf3, m: 1, first: 0x5b, last: 0x5b, reg: x, rm: x, mem: full},
	{pp: 0xf3, m: 1, first: 0x5c, last: 0x5f, reg: x, src: x, rm: x, mem: 4},
	{pp: 0xf3, m: 1, first: 0xc2, last: 0xc2, reg: x, src: x, rm: x, mem: 4, imm: true},
	{pp: 0xf3, m: 1, first: 0xe6, last: 0xe6, reg: x, rm: x, mem: half},
	{pp: 0xf2, m: 1, first: 0x2a, last: 0x2a, reg: x, src: x, rm: r, mem: byW},
	{pp: 0xf2, m: 1, first: 0x2c, last: 0x2d, reg: r, rm: x, mem: 8},
	{pp: 0xf2, m: 1, first: 0x51, last: 0x51, reg: x, src: x, rm: x, mem: 8},
	{pp: 0xf2, m: 1, first: 0x58, last: 0x5a, reg: x, src: x, rm: x, mem: 8},
	{pp: 0xf2, m: 1, first: 0x5c, last: 0x5f, reg: x, src: x, rm: x, mem: 8},
	{pp: 0xf2, m: 1, first: 0x7c, last: 0x7d, reg: x, src: x, rm: x, mem: full},
	{pp: 0xf2, m: 1, first: 0xc2, last: 0xc2, reg: x, src: x, rm: x, mem: 8, imm: true},
	{pp: 0xf2, m: 1, first: 0xd0, last: 0xd0, reg: x, src: x, rm: x, mem: full},
	{pp: 0xf2, m: 1, first: 0xe6, last: 0xe6, reg: x, rm: x, mem: full},
	{pp: 0x66, m: 2, first: 0x0e, last: 0x0f, reg: x, rm: x, mem: full, setF: true},
	{pp: 0x66, m: 2, first: 0x13, last: 0x13, reg: x, rm: x, mem: half},
	{pp: 0x66, m: 2, first: 0x96, last: 0x98, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 2, first: 0xa6, last: 0xa8, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 2, first: 0xb6, last: 0xb8, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 2, first: 0x99, last: 0x99, reg: x, src: x, rm: x, mem: byW},
	{pp: 0x66, m: 2, first: 0xab, last: 0xab, reg: x, src: x, rm: x, mem: byW},
	{pp: 0x66, m: 2, first: 0xbd, last: 0xbd, reg: x, src: x, rm: x, mem: byW},
	{pp: 0x66, m: 2, first: 0x9c, last: 0x9c, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 2, first: 0xae, last: 0xae, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 2, first: 0xba, last: 0xba, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 3, first: 0x08, last: 0x09, reg: x, rm: x, mem: full, imm: true},
	{pp: 0x66, m: 3, first: 0x0a, last: 0x0a, reg: x, src: x, rm: x, mem: 4, imm: true},
	{pp: 0x66, m: 3, first: 0x0b, last: 0x0b, reg: x, src: x, rm: x, mem: 8, imm: true},
	{pp: 0x66, m: 3, first: 0x0c, last: 0x0d, reg: x, src: x, rm: x, mem: full, imm: true},
	{pp: 0x66, m: 3, first: 0x1d, last: 0x1d, reg: x, rm: x, mem: half, imm: true, store: true},
	{pp: 0x66, m: 3, first: 0x40, last: 0x41, reg: x, src: x, rm: x, mem: full, imm: true},
	// integers
	{pp: 0x66, m: 1, first: 0x60, last: 0x6d, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 1, first: 0x70, last: 0x70, reg: x, rm: x, mem: full, imm: true},
	{pp: 0xf3, m: 1, first: 0x70, last: 0x70, reg: x, rm: x, mem: full, imm: true},
	{pp: 0xf2, m: 1, first: 0x70, last: 0x70, reg: x, rm: x, mem: full, imm: true},
	{pp: 0x66, m: 1, first: 0x71, last: 0x73, reg: tcg.VImpl, src: x, rm: x, imm: true},
	{pp: 0x66, m: 1, first: 0x74, last: 0x76, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 1, first: 0xd1, last: 0xd3, reg: x, src: x, rm: x, mem: 16},
	{pp: 0x66, m: 1, first: 0xd4, last: 0xd5, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 1, first: 0xd8, last: 0xe0, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 1, first: 0xe1, last: 0xe2, reg: x, src: x, rm: x, mem: 16},
	{pp: 0x66, m: 1, first: 0xe3, last: 0xe5, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 1, first: 0xe8, last: 0xef, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 1, first: 0xf1, last: 0xf3, reg: x, src: x, rm: x, mem: 16},
	{pp: 0x66, m: 1, first: 0xf4, last: 0xf6, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 1, first: 0xf8, last: 0xfe, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 2, first: 0x00, last: 0x0d, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 2, first: 0x16, last: 0x16, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 2, first: 0x17, last: 0x17, reg: x, rm: x, mem: full, setF: true},
	{pp: 0x66, m: 2, first: 0x18, last: 0x18, reg: x, rm: x, mem: 4},
	{pp: 0x66, m: 2, first: 0x19, last: 0x19, reg: x, rm: x, mem: 8},
	{pp: 0x66, m: 2, first: 0x1a, last: 0x1a, reg: x, mem: 16, only: true},
	{pp: 0x66, m: 2, first: 0x1c, last: 0x1e, reg: x, rm: x, mem: full},
	{pp: 0x66, m: 2, first: 0x20, last: 0x20, reg: x, rm: x, mem: half},
	{pp: 0x66, m: 2, first: 0x21, last: 0x21, reg: x, rm: x, mem: quarter},
	{pp: 0x66, m: 2, first: 0x22, last: 0x22, reg: x, rm: x, mem: eighth},
	{pp: 0x66, m: 2, first: 0x23, last: 0x23, reg: x, rm: x, mem: half},
	{pp: 0x66, m: 2, first: 0x24, last: 0x24, reg: x, rm: x, mem: quarter},
	{pp: 0x66, m: 2, first: 0x25, last: 0x25, reg: x, rm: x, mem: half},
	{pp: 0x66, m: 2, first: 0x28, last: 0x29, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 2, first: 0x2b, last: 0x2b, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 2, first: 0x30, last: 0x30, reg: x, rm: x, mem: half},
	{pp: 0x66, m: 2, first: 0x31, last: 0x31, reg: x, rm: x, mem: quarter},
	{pp: 0x66, m: 2, first: 0x32, last: 0x32, reg: x, rm: x, mem: eighth},
	{pp: 0x66, m: 2, first: 0x33, last: 0x33, reg: x, rm: x, mem: half},
	{pp: 0x66, m: 2, first: 0x34, last: 0x34, reg: x, rm: x, mem: quarter},
	{pp: 0x66, m: 2, first: 0x35, last: 0x35, reg: x, rm: x, mem: half},
	{pp: 0x66, m: 2, first: 0x36, last: 0x40, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 2, first: 0x41, last: 0x41, reg: x, rm: x, mem: full},
	{pp: 0x66, m: 2, first: 0x45, last: 0x47, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 2, first: 0x58, last: 0x58, reg: x, rm: x, mem: 4},
	{pp: 0x66, m: 2, first: 0x59, last: 0x59, reg: x, rm: x, mem: 8},
	{pp: 0x66, m: 2, first: 0x5a, last: 0x5a, reg: x, mem: 16, only: true},
	{pp: 0x66, m: 2, first: 0x78, last: 0x78, reg: x, rm: x, mem: 1},
	{pp: 0x66, m: 2, first: 0x79, last: 0x79, reg: x, rm: x, mem: 2},
	{pp: 0x66, m: 2, first: 0xcf, last: 0xcf, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 2, first: 0xdb, last: 0xdb, reg: x, rm: x, mem: full},
	{pp: 0x66, m: 2, first: 0xdc, last: 0xdf, reg: x, src: x, rm: x, mem: full},
	{pp: 0x66, m: 3, first: 0x00, last: 0x01, reg: x, rm: x, mem: full, imm: true},
	{pp: 0x66, m: 3, first: 0x02, last: 0x02, reg: x, src: x, rm: x, mem: full, imm: true},
	{pp: 0x66, m: 3, first: 0x04, last: 0x05, reg: x, rm: x, mem: full, imm: true},
	{pp: 0x66, m: 3, first: 0x06, last: 0x06, reg: x, src: x, rm: x, mem: full, imm: true},
	{pp: 0x66, m: 3, first: 0x0e, last: 0x0f, reg: x, src: x, rm: x, mem: full, imm: true},
	{pp: 0x66, m: 3, first: 0x18, last: 0x18, reg: x, src: x, rm: x, mem: 16, imm: true},
	{pp: 0x66, m: 3, first: 0x19, last: 0x19, reg: x, rm: x, mem: 16, imm: true, store: true},
	{pp: 0x66, m: 3, first: 0x38, last: 0x38, reg: x, src: x, rm: x, mem: 16, imm: true},
	{pp: 0x66, m: 3, first: 0x39, last: 0x39, reg: x, rm: x, mem: 16, imm: true, store: true},
	{pp: 0x66, m: 3, first: 0x42, last: 0x42, reg: x, src: x, rm: x, mem: full, imm: true},
	{pp: 0x66, m: 3, first: 0x44, last: 0x44, reg: x, src: x, rm: x, mem: full, imm: true},
	{pp: 0x66, m: 3, first: 0x46, last: 0x46, reg: x, src: x, rm: x, mem: full, imm: true},
	{pp: 0x66, m: 3, first: 0x4a, last: 0x4c, reg: x, src: x, rm: x, mem: full, imm: true},
	{pp: 0x66, m: 3, first: 0x60, last: 0x63, reg: x, rm: x, mem: full, imm: true, setF: true},
	{pp: 0x66, m: 3, first: 0xce, last: 0xcf, reg: x, src: x, rm: x, mem: full, imm: true},
	{pp: 0x66, m: 3, first: 0xdf, last: 0xdf, reg: x, rm: x, mem: full, imm: true},
	// with general registers
	{pp: 0x66, m: 1, first: 0x6e, last: 0x6e, reg: x, rm: r, mem: byW},
	{pp: 0x66, m: 1, first: 0x7e, last: 0x7e, reg: x, rm: r, mem: byW, store: true},
	{pp: 0x66, m: 1, first: 0xc4, last: 0xc4, reg: x, src: x, rm: r, mem: 2, imm: true},
	{pp: 0x66, m: 1, first: 0xc5, last: 0xc5, reg: r, rm: x, imm: true},
	{pp: 0x66, m: 1, first: 0xd7, last: 0xd7, reg: r, rm: x},
	{pp: 0x66, m: 3, first: 0x14, last: 0x14, reg: x, rm: r, mem: 1, imm: true, store: true},
	{pp: 0x66, m: 3, first: 0x15, last: 0x15, reg: x, rm: r, mem: 2, imm: true, store: true},
	{pp: 0x66, m: 3, first: 0x16, last: 0x16, reg: x, rm: r, mem: byW, imm: true, store: true},
	{pp: 0x66, m: 3, first: 0x17, last: 0x17, reg: x, rm: r, mem: 4, imm: true, store: true},
	{pp: 0x66, m: 3, first: 0x20, last: 0x20, reg: x, src: x, rm: r, mem: 1, imm: true},
	{pp: 0x66, m: 3, first: 0x21, last: 0x21, reg: x, src: x, rm: x, mem: 4, imm: true},
	{pp: 0x66, m: 3, first: 0x22, last: 0x22, reg: x, src: x, rm: r, mem: byW, imm: true},
}

// vex appends a random VEX op of those that the host can run and the interpreter knows.
func (g *blockMaker) vex() {
	if g.IntN(12) == 0 {
		g.add([]tcg.Op{vzeroupper, vzeroall}[g.IntN(2)])
		return
	}
	s := &vexShapes[g.IntN(len(vexShapes))]
	length := tcg.Vex128 + uint8(g.IntN(2))
	o := tcg.Op{Code: tcg.Vec, SetF: s.setF, HasImm: s.imm, KReg: s.reg, KSrc: s.src, KRM: s.rm}
	o.Enc = tcg.Enc{PP: s.pp, Map: s.m, Opcode: s.first + uint8(g.IntN(int(s.last-s.first)+1)), Vex: length, RexW: g.IntN(2) == 0}
	if vexFormOf(&o) == nil || !simd.Known(o.Enc) {
		return
	}
	number := func(k tcg.VKind) uint8 {
		switch k {
		case tcg.VGPR:
			return uint8(g.dst(tcg.W64).Index())
		case tcg.VXMM:
			return uint8(g.IntN(16))
		}
		return 0
	}
	o.VReg, o.VSrc, o.VRM = number(s.reg), number(s.src), number(s.rm)
	if s.imm {
		o.Imm = int64(g.IntN(256))
	}
	if s.reg == tcg.VImpl {
		o.VReg = []uint8{2, 4, 6}[g.IntN(3)]
		if o.Enc.Opcode == 0x73 {
			o.VReg = []uint8{2, 3, 6, 7}[g.IntN(4)]
		}
		if o.Enc.Opcode == 0x72 && o.VReg == 4 && o.Enc.RexW {
			o.Enc.RexW = false
		}
	}
	if s.only || s.mem != noMem && g.IntN(3) == 0 {
		n := s.mem
		switch {
		case n == byW:
			n = 4
			if o.Enc.RexW {
				n = 8
			}
		case n < 0:
			n = 16 * int(length) / -n
		}
		if o.Enc.Opcode == 0x12 && s.pp == 0xf2 && length == tcg.Vex128 { // VMOVDDUP
			n = 8
		}
		o.KRM, o.VRM, o.MemBytes, o.MemRd, o.MemWr, o.Align = tcg.VMem, 0, uint8(n), !s.store, s.store, s.align
		if s.memSrc {
			o.KSrc, o.VSrc = tcg.VNone, 0
		}
		g.mem(&o)
	}
	if g.flags(&o, tcg.RefImm) {
		g.add(o)
	}
}

// VEX instructions among legacy ones and all others, against the interpreter.
func TestRandomVEX(t *testing.T) {
	needAVX2(t)
	randomUnits(t, 4, 40000, func(g *blockMaker) {
		if g.IntN(4) == 0 {
			g.simd()
		} else {
			g.vex()
		}
	})
}
