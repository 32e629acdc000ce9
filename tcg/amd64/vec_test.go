//go:build linux && amd64

package amd64

import (
	"math/rand/v2"
	"testing"

	"goemu/tcg"
	"goemu/tests/seed"
)

// vecRange is a run of opcodes with the same operands.
type vecRange struct {
	pp, m, first, last uint8
	imm                bool
	reg, rm            tcg.VKind
	setF               bool
	mem                bool // also with a 16-byte memory operand
}

const (
	x = tcg.VXMM
	q = tcg.VMMX
	r = tcg.VGPR
)

// vecForms are SSE and MMX instructions that the host and the interpreter must agree on to the bit.
var vecForms = []vecRange{
	// SSE2 integer
	{pp: 0x66, m: 1, first: 0x60, last: 0x6d, reg: x, rm: x, mem: true},
	{pp: 0x66, m: 1, first: 0x6f, last: 0x6f, reg: x, rm: x, mem: true},
	{pp: 0x66, m: 1, first: 0x70, last: 0x70, imm: true, reg: x, rm: x, mem: true},
	{pp: 0xf3, m: 1, first: 0x70, last: 0x70, imm: true, reg: x, rm: x},
	{pp: 0xf2, m: 1, first: 0x70, last: 0x70, imm: true, reg: x, rm: x},
	{pp: 0x66, m: 1, first: 0x74, last: 0x76, reg: x, rm: x, mem: true},
	{pp: 0x66, m: 1, first: 0xd1, last: 0xd5, reg: x, rm: x, mem: true},
	{pp: 0x66, m: 1, first: 0xd8, last: 0xe5, reg: x, rm: x, mem: true},
	{pp: 0x66, m: 1, first: 0xe8, last: 0xef, reg: x, rm: x, mem: true},
	{pp: 0x66, m: 1, first: 0xf1, last: 0xf6, reg: x, rm: x, mem: true},
	{pp: 0x66, m: 1, first: 0xf8, last: 0xfe, reg: x, rm: x, mem: true},
	// SSE, SSE2 floating point
	{pp: 0, m: 1, first: 0x14, last: 0x16, reg: x, rm: x},
	{pp: 0, m: 1, first: 0x28, last: 0x28, reg: x, rm: x, mem: true},
	{pp: 0, m: 1, first: 0x2e, last: 0x2f, reg: x, rm: x, setF: true},
	{pp: 0x66, m: 1, first: 0x2e, last: 0x2f, reg: x, rm: x, setF: true},
	{pp: 0, m: 1, first: 0x51, last: 0x51, reg: x, rm: x, mem: true},
	{pp: 0, m: 1, first: 0x54, last: 0x5f, reg: x, rm: x},
	{pp: 0x66, m: 1, first: 0x51, last: 0x51, reg: x, rm: x, mem: true},
	{pp: 0x66, m: 1, first: 0x54, last: 0x5f, reg: x, rm: x, mem: true},
	{pp: 0xf3, m: 1, first: 0x58, last: 0x5f, reg: x, rm: x},
	{pp: 0xf2, m: 1, first: 0x58, last: 0x5a, reg: x, rm: x},
	{pp: 0xf2, m: 1, first: 0x5c, last: 0x5f, reg: x, rm: x},
	{pp: 0, m: 1, first: 0xc2, last: 0xc2, imm: true, reg: x, rm: x},
	{pp: 0, m: 1, first: 0xc6, last: 0xc6, imm: true, reg: x, rm: x, mem: true},
	{pp: 0xf2, m: 1, first: 0xe6, last: 0xe6, reg: x, rm: x},
	// SSE3, SSSE3, SSE4.1, SSE4.2, AES, PCLMUL
	{pp: 0xf2, m: 1, first: 0x7c, last: 0x7d, reg: x, rm: x, mem: true},
	{pp: 0xf3, m: 1, first: 0x12, last: 0x12, reg: x, rm: x},
	{pp: 0x66, m: 2, first: 0x00, last: 0x0b, reg: x, rm: x, mem: true},
	{pp: 0x66, m: 2, first: 0x10, last: 0x10, reg: x, rm: x, mem: true},
	{pp: 0x66, m: 2, first: 0x14, last: 0x15, reg: x, rm: x, mem: true},
	{pp: 0x66, m: 2, first: 0x17, last: 0x17, reg: x, rm: x, setF: true, mem: true},
	{pp: 0x66, m: 2, first: 0x1c, last: 0x1e, reg: x, rm: x, mem: true},
	{pp: 0x66, m: 2, first: 0x20, last: 0x25, reg: x, rm: x},
	{pp: 0x66, m: 2, first: 0x28, last: 0x29, reg: x, rm: x, mem: true},
	{pp: 0x66, m: 2, first: 0x37, last: 0x41, reg: x, rm: x, mem: true},
	{pp: 0x66, m: 2, first: 0xdb, last: 0xdf, reg: x, rm: x, mem: true},
	{pp: 0x66, m: 3, first: 0x08, last: 0x0f, imm: true, reg: x, rm: x},
	{pp: 0x66, m: 3, first: 0x40, last: 0x42, imm: true, reg: x, rm: x, mem: true},
	{pp: 0x66, m: 3, first: 0x44, last: 0x44, imm: true, reg: x, rm: x, mem: true},
	{pp: 0x66, m: 3, first: 0x60, last: 0x63, imm: true, reg: x, rm: x, setF: true, mem: true},
	{pp: 0, m: 2, first: 0xc8, last: 0xcd, reg: x, rm: x, mem: true},
	// with general registers
	{pp: 0x66, m: 1, first: 0x6e, last: 0x6e, reg: x, rm: r},
	{pp: 0x66, m: 1, first: 0x7e, last: 0x7e, reg: x, rm: r},
	{pp: 0xf3, m: 1, first: 0x2a, last: 0x2a, reg: x, rm: r},
	{pp: 0xf2, m: 1, first: 0x2a, last: 0x2a, reg: x, rm: r},
	{pp: 0xf3, m: 1, first: 0x2c, last: 0x2d, reg: r, rm: x},
	{pp: 0xf2, m: 1, first: 0x2c, last: 0x2d, reg: r, rm: x},
	{pp: 0x66, m: 1, first: 0x50, last: 0x50, reg: r, rm: x},
	{pp: 0x66, m: 1, first: 0xd7, last: 0xd7, reg: r, rm: x},
	{pp: 0x66, m: 1, first: 0xc4, last: 0xc4, imm: true, reg: x, rm: r},
	{pp: 0x66, m: 1, first: 0xc5, last: 0xc5, imm: true, reg: r, rm: x},
	{pp: 0x66, m: 3, first: 0x14, last: 0x17, imm: true, reg: x, rm: r},
	{pp: 0x66, m: 3, first: 0x20, last: 0x20, imm: true, reg: x, rm: r},
	{pp: 0x66, m: 3, first: 0x22, last: 0x22, imm: true, reg: x, rm: r},
	{pp: 0xf2, m: 2, first: 0xf0, last: 0xf1, reg: r, rm: r},
	// MMX
	{pp: 0, m: 1, first: 0x60, last: 0x6b, reg: q, rm: q},
	{pp: 0, m: 1, first: 0x6e, last: 0x6e, reg: q, rm: r},
	{pp: 0, m: 1, first: 0x7e, last: 0x7e, reg: q, rm: r},
	{pp: 0, m: 1, first: 0x70, last: 0x70, imm: true, reg: q, rm: q},
	{pp: 0, m: 1, first: 0xd1, last: 0xd5, reg: q, rm: q},
	{pp: 0, m: 1, first: 0xd8, last: 0xe5, reg: q, rm: q},
	{pp: 0, m: 1, first: 0xe8, last: 0xef, reg: q, rm: q},
	{pp: 0, m: 1, first: 0xf1, last: 0xf6, reg: q, rm: q},
	{pp: 0, m: 1, first: 0xf8, last: 0xfe, reg: q, rm: q},
	{pp: 0, m: 1, first: 0x77, last: 0x77},
	{pp: 0xf3, m: 1, first: 0xd6, last: 0xd6, reg: x, rm: q}, // MOVQ2DQ
	{pp: 0xf2, m: 1, first: 0xd6, last: 0xd6, reg: q, rm: x}, // MOVDQ2Q
}

// simd appends a random Vec op.
func (g *blockMaker) simd() {
	f := vecForms[g.IntN(len(vecForms))]
	o := tcg.Op{Code: tcg.Vec, SetF: f.setF, HasImm: f.imm, KReg: f.reg, KRM: f.rm, W: tcg.W32}
	o.Enc = tcg.Enc{PP: f.pp, Map: f.m, Opcode: f.first + uint8(g.IntN(int(f.last-f.first)+1))}
	if f.pp == 0x66 && f.m == 1 && o.Enc.Opcode == 0xe6 || f.m == 1 && (o.Enc.Opcode == 0xe7 || o.Enc.Opcode == 0x57 && f.pp >= 0xf2) {
		return
	}
	if f.m == 2 && o.Enc.Opcode == 0x26 {
		return
	}
	number := func(k tcg.VKind) uint8 {
		switch k {
		case tcg.VMMX:
			return uint8(g.IntN(8))
		case tcg.VGPR:
			return uint8(g.dst(tcg.W64).Index())
		case tcg.VXMM:
			return uint8(g.IntN(16))
		}
		return 0
	}
	o.VReg, o.VRM = number(f.reg), number(f.rm)
	if f.imm {
		o.Imm = int64(g.IntN(256))
	}
	if f.reg == r || f.rm == r {
		o.Enc.RexW = g.IntN(2) == 0
	}
	if f.m == 2 && f.pp == 0xf2 { // CRC32
		o.W = tcg.W8
		if o.Enc.Opcode == 0xf1 {
			o.W = tcg.W16 + tcg.Width(g.IntN(2))
			if o.Enc.RexW {
				o.W = tcg.W64
			}
		}
		o.SrcW = o.W
	}
	if f.reg == r && o.Enc.Opcode&^1 == 0x2c && g.IntN(2) == 0 { // CVTSS2SI and the like from memory
		o.KRM, o.VRM, o.MemBytes, o.MemRd = tcg.VMem, 0, 4, true
		if f.pp == 0xf2 {
			o.MemBytes = 8
		}
		g.mem(&o)
	} else if f.mem && g.IntN(3) == 0 {
		o.KRM, o.VRM, o.MemBytes, o.MemRd, o.Align = tcg.VMem, 0, 16, true, g.IntN(2) == 0
		g.mem(&o)
	}
	if g.flags(&o, tcg.RefImm) {
		g.add(o)
	}
}

// fpuForms are x87 instructions without memory operand whose results are exact.
var fpuForms = []struct{ op, first, last uint8 }{
	{0xd8, 0xc0, 0xff}, {0xd9, 0xc0, 0xd0}, {0xd9, 0xe0, 0xe1}, {0xd9, 0xe4, 0xe5}, {0xd9, 0xe8, 0xee}, {0xd9, 0xf6, 0xf7},
	{0xd9, 0xfa, 0xfa}, {0xd9, 0xfc, 0xfc}, {0xda, 0xc0, 0xdf}, {0xda, 0xe9, 0xe9}, {0xdb, 0xc0, 0xdf}, {0xdb, 0xe2, 0xe3},
	{0xdb, 0xe8, 0xf7}, {0xdc, 0xc0, 0xcf}, {0xdc, 0xe0, 0xff}, {0xdd, 0xc0, 0xc7}, {0xdd, 0xd0, 0xef}, {0xde, 0xc0, 0xcf},
	{0xde, 0xd9, 0xd9}, {0xde, 0xe0, 0xff}, {0xdf, 0xe0, 0xe0}, {0xdf, 0xe8, 0xf7},
}

// x87 appends a random Fpu op.
func (g *blockMaker) x87() {
	o := tcg.Op{Code: tcg.Fpu}
	if g.IntN(2) == 0 { // loads and stores, to have something on the stack
		f := [...]struct {
			op, ext, n uint8
			st         bool
		}{{0xd9, 0, 4, false}, {0xdd, 0, 8, false}, {0xdb, 5, 10, false}, {0xdf, 5, 8, false}, {0xdb, 0, 4, false}, {0xdd, 3, 8, true},
			{0xd9, 7, 2, true}, {0xd8, 0, 4, false}, {0xdc, 6, 8, false}}[g.IntN(9)]
		o.Enc.Opcode, o.Imm, o.MemBytes, o.MemRd, o.MemWr, o.KRM = f.op, int64(f.ext)<<3, f.n, !f.st, f.st, tcg.VMem
		g.mem(&o)
		g.add(o)
		return
	}
	f := fpuForms[g.IntN(len(fpuForms))]
	n := f.first + uint8(g.IntN(int(f.last-f.first)+1))
	o.Enc.Opcode, o.Imm = f.op, int64(n)
	o.SetF = (f.op == 0xdb || f.op == 0xdf) && n >= 0xe8
	if (f.op == 0xda || f.op == 0xdb) && n < 0xe0 {
		o.Cond = [4]tcg.Cond{tcg.CondB, tcg.CondE, tcg.CondBE, tcg.CondP}[n>>3&3]
		if f.op == 0xdb {
			o.Cond ^= 1
		}
	}
	if f.op == 0xdf && n == 0xe0 {
		o.W = tcg.W16
	}
	if g.flags(&o, tcg.RefImm) {
		g.add(o)
	}
}

func TestRandomSIMD(t *testing.T) {
	randomUnits(t, 2, 10000, (*blockMaker).simd)
}

func TestRandomX87(t *testing.T) {
	randomUnits(t, 3, 10000, (*blockMaker).x87)
}

// randomUnits runs n blocks of which half the instructions are made by unit.
func randomUnits(t *testing.T, stream uint64, n int, unit func(*blockMaker)) {
	d := newDuo(t, Options{ArenaBytes: 4 << 20})
	g := &blockMaker{Rand: rand.New(rand.NewPCG(seed.Of(t), stream)), mode: tcg.ModeCode64, unit: unit}
	for i := range n {
		b := g.make(uint32(i), 1+g.IntN(6))
		d.randomise(g.Rand)
		d.compare(b, g.undef)
		if i%512 == 0 {
			d.e.Reset()
		}
	}
}
