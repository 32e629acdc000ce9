// Package simd executes the SIMD instructions of x86 in portable Go: MMX, SSE to SSE4.2, AES-NI, PCLMULQDQ, SHA and GFNI in
// legacy encoding, and in VEX encoding AVX, AVX2, FMA, F16C, VAES, VPCLMULQDQ and GFNI, as in volume 2 of the Intel SDM.
// Floating-point results, exception flags and NaNs are those of the hardware bit for bit.
//
// One table (table.go) has a row for each legacy encoding. A row names the shape of its operands and the function that computes
// it; Exec moves the operands. A VEX encoding is the row of the same prefix, map and opcode, its first source being VEX.vvvv,
// unless a second table (table_vex.go) has a row for it. Masked moves and gathers are not here.
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
	fInt       // reg <- q or v (first source, r/m): MMX, or each lane of 128 bits

	fShift // reg <- first source shifted by the low quadword of r/m
	fBlend // reg <- first source or r/m by the top bits of XMM0 or the register in imm8
	fPS    // packed single: reg <- f32(first source, r/m)
	fSS    // scalar single
	fPD    // packed double
	fSD    // scalar double
	fRun   // anything else: run
)

// row is an instruction. q computes a quadword at a time, v needs the whole lane.
// An fInt row with q only works on all quadwords alike.
type row struct {
	pp     uint8
	mp     uint8
	opcode uint8
	w      uint8 // wAny, or the VEX.W that makes it this row
	form   form
	up     uint8 // bits of the immediate that a lane uses where the upper lane has its own; 0: both use the same
	name   string
	q      func(a, b uint64) uint64
	v      func(a, b vec, imm uint8) vec
	f32    func(a, b uint32, c softfloat.Ctl) (uint32, softfloat.Flags)
	f64    func(a, b uint64, c softfloat.Ctl) (uint64, softfloat.Flags)
	run    func(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32
}

// Values of row.w.
const (
	wAny = iota
	w0
	w1
)

// legacy and vex hold the row of each encoding, &none if there is none; vex is indexed by VEX.W first.
var (
	none   row
	legacy [4][3][256]*row
	vex    [2][4][3][256]*row
)

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

// legacyOnly tells whether the encoding of a row of the first table means nothing, or something else, with a VEX prefix: MMX, SHA,
// CRC32 and blends by XMM0. MASKMOVDQU is not run here.
func legacyOnly(r *row) bool {
	switch {
	case r.form == fBlend, r.mp != 1 && r.pp != 0x66:
		return true
	case r.mp != 1:
		return false
	}
	switch r.opcode {
	case 0x2a, 0x2c, 0x2d: // of MMX registers
		return r.pp == 0 || r.pp == 0x66
	case 0xd6: // MOVQ2DQ, MOVDQ2Q
		return r.pp != 0x66
	case 0xc2, 0xc6:
		return false
	case 0xf7:
		return true
	}
	return r.pp == 0 && r.opcode >= 0x60
}

// setVEX makes r the row of its encoding, with the VEX.W that it wants.
func setVEX(r *row) {
	if r.w != w1 {
		vex[0][ppIndex(r.pp)][r.mp-1][r.opcode] = r
	}
	if r.w != w0 {
		vex[1][ppIndex(r.pp)][r.mp-1][r.opcode] = r
	}
}

func init() {
	for p := range legacy {
		for m := range legacy[p] {
			for o := range legacy[p][m] {
				legacy[p][m][o], vex[0][p][m][o], vex[1][p][m][o] = &none, &none, &none
			}
		}
	}
	for i := range rows {
		r := &rows[i]
		legacy[ppIndex(r.pp)][r.mp-1][r.opcode] = r
		if !legacyOnly(r) {
			setVEX(r)
		}
	}
	for _, t := range [][]row{rowsVEX, rowsFMA} {
		for i := range t {
			setVEX(&t[i])
		}
	}
}

func find(e tcg.Enc) *row {
	switch {
	case e.Map < 1 || e.Map > 3:
		return &none
	case e.Vex == tcg.VexNone:
		return legacy[ppIndex(e.PP)][e.Map-1][e.Opcode]
	case e.RexW:
		return vex[1][ppIndex(e.PP)][e.Map-1][e.Opcode]
	}
	return vex[0][ppIndex(e.PP)][e.Map-1][e.Opcode]
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
func Exec(env *tcg.Env, op *tcg.Op, mem *[32]byte) (unmasked uint32) {
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
		execBlend(env, op, mem, r)
	case fPS:
		return packed32(env, op, mem, r.f32, r.f32)
	case fSS:
		x, fl := r.f32(uint32(src1(env, op).lo), uint32(rm64(env, op, mem)), softfloat.FromMXCSR(env.MXCSR))
		return setSS(env, op, x, fl)
	case fPD:
		return packed64(env, op, mem, r.f64, r.f64)
	case fSD:
		x, fl := r.f64(src1(env, op).lo, rm64(env, op, mem), softfloat.FromMXCSR(env.MXCSR))
		return setSD(env, op, x, fl)
	case fRun:
		return r.run(env, op, mem)
	}
	return 0
}

func execInt(env *tcg.Env, op *tcg.Op, mem *[32]byte, r *row) {
	if op.KReg == tcg.VMMX {
		x87.WriteMMX(&env.X87, op.VReg, r.q(x87.ReadMMX(&env.X87, op.VReg), rm64(env, op, mem)))
		return
	}
	if op.Enc.Vex == tcg.Vex256 {
		a, b := srcY(env, op), rmY(env, op, mem)
		setY(env, op, op.VReg, ymm{r.lane(a[0], b[0], uint8(op.Imm)), r.lane(a[1], b[1], uint8(op.Imm)>>r.up)})
		return
	}
	setX(env, op, op.VReg, r.lane(src1(env, op), rm128(env, op, mem), uint8(op.Imm)))
}

// lane computes 128 bits of an fInt instruction.
func (r *row) lane(a, b vec, imm uint8) vec {
	if r.v != nil {
		return r.v(a, b, imm)
	}
	return vec{r.q(a.lo, b.lo), r.q(a.hi, b.hi)}
}

func execShift(env *tcg.Env, op *tcg.Op, mem *[32]byte, r *row) {
	n := rm64(env, op, mem)
	if op.KReg == tcg.VMMX {
		x87.WriteMMX(&env.X87, op.VReg, r.q(x87.ReadMMX(&env.X87, op.VReg), n))
		return
	}
	x := src1(env, op)
	lo := vec{r.q(x.lo, n), r.q(x.hi, n)}
	if op.Enc.Vex == tcg.Vex256 {
		x = srcY(env, op)[1]
		setY(env, op, op.VReg, ymm{lo, {r.q(x.lo, n), r.q(x.hi, n)}})
		return
	}
	setX(env, op, op.VReg, lo)
}

func execBlend(env *tcg.Env, op *tcg.Op, mem *[32]byte, r *row) {
	mask := uint8(0)
	if op.Enc.Vex != tcg.VexNone {
		mask = uint8(op.Imm) >> 4
	}
	a, b, m := srcY(env, op), rmY(env, op, mem), getY(env, mask)
	for k := range lanes(op) {
		a[k] = vec{select64(a[k].lo, b[k].lo, r.q(m[k].lo, 0)), select64(a[k].hi, b[k].hi, r.q(m[k].hi, 0))}
	}
	setY(env, op, op.VReg, a)
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

// ymm is a YMM value: two lanes, the low one first. Of an operand of 128 bits the upper one is not used.
type ymm [2]vec

// lanes is the number of lanes of 128 bits.
func lanes(op *tcg.Op) int {
	if op.Enc.Vex == tcg.Vex256 {
		return 2
	}
	return 1
}

func pack4(x0, x1, x2, x3 uint32) vec {
	return vec{uint64(x0) | uint64(x1)<<32, uint64(x2) | uint64(x3)<<32}
}

func getX(env *tcg.Env, n uint8) vec { x := &env.XMM[n&15]; return vec{x[0], x[1]} }

func getY(env *tcg.Env, n uint8) ymm {
	h := &env.YMMH[n&15]
	return ymm{getX(env, n), {h[0], h[1]}}
}

// setX writes an XMM register. Legacy encodings leave bits 255..128 alone, VEX encodings clear them. The halves
// are stored one by one: an array literal would be stored in halves and loaded whole, which stalls.
func setX(env *tcg.Env, op *tcg.Op, n uint8, v vec) {
	x := &env.XMM[n&15]
	x[0], x[1] = v.lo, v.hi
	if op.Enc.Vex != tcg.VexNone {
		env.YMMH[n&15] = tcg.Vec128{}
	}
}

// setY writes as many lanes as the instruction has, and clears the upper one if a VEX encoding has one.
func setY(env *tcg.Env, op *tcg.Op, n uint8, v ymm) {
	setX(env, op, n, v[0])
	if op.Enc.Vex == tcg.Vex256 {
		env.YMMH[n&15] = tcg.Vec128{v[1].lo, v[1].hi}
	}
}

// firstSource is the register of the first source operand: VEX.vvvv, or the destination.
func firstSource(op *tcg.Op) uint8 {
	if op.KSrc != tcg.VNone {
		return op.VSrc
	}
	return op.VReg
}

// src1 and srcY read the first source operand.
func src1(env *tcg.Env, op *tcg.Op) vec { return getX(env, firstSource(op)) }
func srcY(env *tcg.Env, op *tcg.Op) ymm { return getY(env, firstSource(op)) }

// rm128 reads the r/m operand as an XMM value.
func rm128(env *tcg.Env, op *tcg.Op, mem *[32]byte) vec {
	if op.KRM == tcg.VMem {
		return vec{binary.LittleEndian.Uint64(mem[:]), binary.LittleEndian.Uint64(mem[8:])}
	}
	return getX(env, op.VRM)
}

// rmY reads it as a YMM value.
func rmY(env *tcg.Env, op *tcg.Op, mem *[32]byte) ymm {
	if op.KRM == tcg.VMem {
		le := binary.LittleEndian
		return ymm{{le.Uint64(mem[:]), le.Uint64(mem[8:])}, {le.Uint64(mem[16:]), le.Uint64(mem[24:])}}
	}
	return getY(env, op.VRM)
}

// rm64 reads the low quadword of the r/m operand, of whatever kind.
func rm64(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint64 {
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

func store(mem *[32]byte, v ymm) {
	for k := range v {
		binary.LittleEndian.PutUint64(mem[16*k:], v[k].lo)
		binary.LittleEndian.PutUint64(mem[16*k+8:], v[k].hi)
	}
}

func flag(c bool, bit uint32) uint32 {
	if c {
		return bit
	}
	return 0
}
