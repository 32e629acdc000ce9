// Package simd executes the legacy-encoded SIMD instructions of x86 in portable
// Go: MMX, SSE to SSE4.2, AES-NI, PCLMULQDQ and SHA, as in volume 2 of the
// Intel SDM. Floating-point results, exception flags and NaNs are those of the
// hardware bit for bit. VEX encodings are not covered.
//
// One table (table.go) has a row for each encoding. A row names the shape of its
// operands and the function that computes it; Exec moves the operands.
package simd

import (
	"encoding/binary"

	"goemu/tcg"
	"goemu/tcg/softfloat"
	"goemu/tcg/x87"
)

// form is the shape of an instruction: where operands come from and results go.
type form uint8

const (
	fNone form = iota
	fInt       // reg <- q or v (reg, r/m): MMX or XMM by the operands' kinds

	fShift // reg <- reg shifted by the low quadword of r/m
	fBlend // reg <- reg or r/m by the top bits of XMM0
	fPS    // packed single: reg <- f32(reg, r/m)
	fSS    // scalar single
	fPD    // packed double
	fSD    // scalar double
	fRun   // anything else: run
)

// row is an instruction. q computes a quadword at a time, v needs the whole XMM
// value. An fInt row with q only works on both halves of an XMM register alike.
type row struct {
	pp     uint8
	mp     uint8
	opcode uint8
	form   form
	name   string
	q      func(a, b uint64) uint64
	v      func(a, b vec, imm uint8) vec
	f32    func(a, b uint32, c softfloat.Ctl) (uint32, softfloat.Flags)
	f64    func(a, b uint64, c softfloat.Ctl) (uint64, softfloat.Flags)
	run    func(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint32
}

// index holds the number of the row of each encoding, 0 if there is none.
var index [4][3][256]uint16

// ppIndex numbers the mandatory prefixes.
func ppIndex(pp uint8) int {
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

func init() {
	for i := range rows {
		r := &rows[i]
		if r.form != fNone {
			index[ppIndex(r.pp)][r.mp-1][r.opcode] = uint16(i)
		}
	}
}

func find(e tcg.Enc) *row {
	if e.Map < 1 || e.Map > 3 {
		return &rows[0]
	}
	return &rows[index[ppIndex(e.PP)][e.Map-1][e.Opcode]]
}

// Known tells whether Exec implements the instruction e. Others raise #UD.
func Known(e tcg.Enc) bool { return find(e).form != fNone }

// Exec runs the tcg.Vec operation op, which must be Known. mem holds the memory operand
// on entry if op.MemRd, the rest zero, and on return what is to be stored if op.MemWr.
// It returns the MXCSR exception bits (5..0) that are unmasked; then only the
// sticky flags of MXCSR have changed and the caller raises #XM. mem is passed
// on through a table, so a local array of the caller would be allocated on the heap.
//
// A byte register of CRC32 is numbered as in decoder.Arg: 16..19 are AH CH DH BH.
// MASKMOVQ and MASKMOVDQU have MemWr and MemRd set: unselected bytes are written back.
func Exec(env *tcg.Env, op *tcg.Op, mem *[16]byte) (unmasked uint32) {
	r := find(op.Enc)
	if op.KReg == tcg.VMMX || op.KRM == tcg.VMMX {
		x87.EnterMMX(&env.X87)
	}
	switch r.form {
	case fInt:
		execInt(env, op, mem, r)
	case fShift:
		execShift(env, op, mem, r)
	case fBlend:
		s := rm128(env, op, mem)
		d, m := &env.XMM[op.VReg&15], &env.XMM[0]
		r := vec{select64(d[0], s.lo, r.q(m[0], 0)), select64(d[1], s.hi, r.q(m[1], 0))}
		setX(env, op.VReg, r)
	case fPS:
		return execPS(env, op, mem, r)
	case fSS:
		x, fl := r.f32(uint32(env.XMM[op.VReg&15][0]), uint32(rm64(env, op, mem)), softfloat.FromMXCSR(env.MXCSR))
		if u := raise(env, fl); u != 0 {
			return u
		}
		d := &env.XMM[op.VReg&15]
		d[0] = d[0]&^0xffffffff | uint64(x)
	case fPD:
		return execPD(env, op, mem, r)
	case fSD:
		x, fl := r.f64(env.XMM[op.VReg&15][0], rm64(env, op, mem), softfloat.FromMXCSR(env.MXCSR))
		if u := raise(env, fl); u != 0 {
			return u
		}
		env.XMM[op.VReg&15][0] = x
	case fRun:
		return r.run(env, op, mem)
	}
	return 0
}

func execInt(env *tcg.Env, op *tcg.Op, mem *[16]byte, r *row) {
	if op.KReg == tcg.VMMX {
		x87.WriteMMX(&env.X87, op.VReg, r.q(x87.ReadMMX(&env.X87, op.VReg), rm64(env, op, mem)))
		return
	}
	a, b := getX(env, op.VReg), rm128(env, op, mem)
	if r.v != nil {
		setX(env, op.VReg, r.v(a, b, uint8(op.Imm)))
		return
	}
	setX(env, op.VReg, vec{r.q(a.lo, b.lo), r.q(a.hi, b.hi)})
}

func execShift(env *tcg.Env, op *tcg.Op, mem *[16]byte, r *row) {
	n := rm64(env, op, mem)
	if op.KReg == tcg.VMMX {
		x87.WriteMMX(&env.X87, op.VReg, r.q(x87.ReadMMX(&env.X87, op.VReg), n))
		return
	}
	a := getX(env, op.VReg)
	setX(env, op.VReg, vec{r.q(a.lo, n), r.q(a.hi, n)})
}

func execPS(env *tcg.Env, op *tcg.Op, mem *[16]byte, r *row) uint32 {
	c := softfloat.FromMXCSR(env.MXCSR)
	a, b := getX(env, op.VReg), rm128(env, op, mem)
	x0, f0 := r.f32(uint32(a.lo), uint32(b.lo), c)
	x1, f1 := r.f32(uint32(a.lo>>32), uint32(b.lo>>32), c)
	x2, f2 := r.f32(uint32(a.hi), uint32(b.hi), c)
	x3, f3 := r.f32(uint32(a.hi>>32), uint32(b.hi>>32), c)
	if u := raise(env, f0|f1|f2|f3); u != 0 {
		return u
	}
	setX(env, op.VReg, pack4(x0, x1, x2, x3))
	return 0
}

func execPD(env *tcg.Env, op *tcg.Op, mem *[16]byte, r *row) uint32 {
	c := softfloat.FromMXCSR(env.MXCSR)
	a, b := getX(env, op.VReg), rm128(env, op, mem)
	x0, f0 := r.f64(a.lo, b.lo, c)
	x1, f1 := r.f64(a.hi, b.hi, c)
	if u := raise(env, f0|f1); u != 0 {
		return u
	}
	setX(env, op.VReg, vec{x0, x1})
	return 0
}

// raise sets the sticky flags of MXCSR and returns those that are unmasked. If
// one found before the operation is unmasked, the result is never computed and
// its flags stay clear (SDM vol. 1 11.5.2).
func raise(env *tcg.Env, fl softfloat.Flags) uint32 {
	fl &= softfloat.All
	open := ^env.MXCSR >> 7 & uint32(softfloat.All)
	if uint32(fl&softfloat.Pre)&open != 0 {
		fl &= softfloat.Pre
	}
	env.MXCSR |= uint32(fl)
	return uint32(fl) & open
}

func pack4(x0, x1, x2, x3 uint32) vec {
	return vec{uint64(x0) | uint64(x1)<<32, uint64(x2) | uint64(x3)<<32}
}

func getX(env *tcg.Env, n uint8) vec { x := &env.XMM[n&15]; return vec{x[0], x[1]} }

// setX stores the halves one by one: an array literal would be stored in
// halves and loaded whole, which stalls.
func setX(env *tcg.Env, n uint8, v vec) { x := &env.XMM[n&15]; x[0], x[1] = v.lo, v.hi }

// rm128 reads the r/m operand as an XMM value.
func rm128(env *tcg.Env, op *tcg.Op, mem *[16]byte) vec {
	if op.KRM == tcg.VMem {
		return vec{binary.LittleEndian.Uint64(mem[:]), binary.LittleEndian.Uint64(mem[8:])}
	}
	return getX(env, op.VRM)
}

// rm64 reads the low quadword of the r/m operand, of whatever kind.
func rm64(env *tcg.Env, op *tcg.Op, mem *[16]byte) uint64 {
	switch op.KRM {
	case tcg.VMem:
		return binary.LittleEndian.Uint64(mem[:])
	case tcg.VMMX:
		return x87.ReadMMX(&env.X87, op.VRM)
	case tcg.VGPR:
		return env.GPR[op.VRM&15]
	}
	return env.XMM[op.VRM&15][0]
}

// setGPR writes v, which is already zero-extended, to a general register.
func setGPR(env *tcg.Env, n uint8, v uint64) { env.GPR[n&15] = v }

func store(mem *[16]byte, v vec) {
	binary.LittleEndian.PutUint64(mem[:], v.lo)
	binary.LittleEndian.PutUint64(mem[8:], v.hi)
}

func flag(c bool, bit uint32) uint32 {
	if c {
		return bit
	}
	return 0
}
