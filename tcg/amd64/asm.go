//go:build linux && amd64

package amd64

import (
	"encoding/binary"

	"goemu/tcg"
)

// reg is a host general register in encoding order, or a pseudo register.
type reg uint8

// Host registers. ah..bh are the high bytes: their encoding is that of spl..dil without a REX prefix.
const (
	rax reg = iota
	rcx
	rdx
	rbx
	rsp
	rbp
	rsi
	rdi
	r8
	r9
	r10
	r11
	r12
	r13
	r14
	r15
	ah reg = 0x14
	ch reg = 0x15
	dh reg = 0x16
	bh reg = 0x17

	noReg  reg = 0xff
	ripReg reg = 0xfe // as a base: disp counts from the end of the instruction
)

// opc is an opcode with what its encoding needs: bits 0-7 the opcode byte, 8-9 the map (0 one-byte, 1 0F, 2 0F38,
// 3 0F3A), and the bits below.
type opc uint32

const (
	map0F   opc = 1 << 8
	map0F38 opc = 2 << 8
	map0F3A opc = 3 << 8
	rexW    opc = 1 << 10
	pre66   opc = 1 << 11
	preF3   opc = 1 << 12
	preF2   opc = 1 << 13
	lockPre opc = 1 << 14
	byteReg opc = 1 << 15 // the ModRM.reg operand is a byte register
	byteRM  opc = 1 << 16 // the ModRM.rm operand, if a register, is a byte register
	vexL    opc = 1 << 17 // VEX.L: 256 bits
)

// Opcodes used in more than one place. Those with an 8-bit form have their W16-W64 opcode here; sized clears bit 0.
const (
	opMovStore opc = 0x89 // r/m <- r
	opMovLoad  opc = 0x8b // r <- r/m
	opMovImm   opc = 0xc7 // /0
	opLea      opc = 0x8d
	opTest     opc = 0x85
	opXchg     opc = 0x87
	opMovzx8   opc = map0F | 0xb6
	opMovzx16  opc = map0F | 0xb7
	opMovsx8   opc = map0F | 0xbe
	opMovsx16  opc = map0F | 0xbf
	opMovsxd   opc = 0x63
	opImul     opc = map0F | 0xaf
	opImulImm  opc = 0x69
	opGrp3     opc = 0xf7 // /0 test imm, /2 not, /3 neg, /4 mul, /5 imul, /6 div, /7 idiv
	opGrp4     opc = 0xff // /0 inc, /1 dec
	opXadd     opc = map0F | 0xc1
	opCmpxchg  opc = map0F | 0xb1
	opSetcc    opc = map0F | 0x90 | byteRM
	opCmovcc   opc = map0F | 0x40
	opBtImm    opc = map0F | 0xba // /4 bt, /5 bts, /6 btr, /7 btc
)

// alu is the number of an operation in the classic eight (opcode n<<3, group 1 /n).
type alu uint8

const (
	aluAdd alu = iota
	aluOr
	aluAdc
	aluSbb
	aluAnd
	aluSub
	aluXor
	aluCmp
)

// mem is a host memory operand.
type mem struct {
	base, index reg
	scale       uint8 // log2
	disp        int32
}

// asm writes instructions to buf from n on. The caller has made sure of room.
type asm struct {
	buf []byte
	n   int
}

// sized gives o the operand size w: prefix, REX.W, or the 8-bit opcode.
func sized(o opc, w tcg.Width) opc {
	switch w {
	case tcg.W8:
		return o&^1 | byteReg | byteRM
	case tcg.W16:
		return o | pre66
	case tcg.W64:
		return o | rexW
	}
	return o
}

func (a *asm) byte(b byte) {
	a.buf[a.n] = b
	a.n++
}

func (a *asm) imm16(v int32) {
	binary.LittleEndian.PutUint16(a.buf[a.n:], uint16(v))
	a.n += 2
}

func (a *asm) imm32(v int32) {
	binary.LittleEndian.PutUint32(a.buf[a.n:], uint32(v))
	a.n += 4
}

func (a *asm) imm64(v int64) {
	binary.LittleEndian.PutUint64(a.buf[a.n:], uint64(v))
	a.n += 8
}

// immW writes an immediate as ALU instructions of width w take it (at most 32 bits).
func (a *asm) immW(w tcg.Width, v int32) {
	switch w {
	case tcg.W8:
		a.byte(byte(v))
	case tcg.W16:
		a.imm16(v)
	default:
		a.imm32(v)
	}
}

// head writes prefixes, REX and opcode. rex holds the R, X and B bits; force asks for a REX prefix without bits.
func (a *asm) head(o opc, rex byte, force bool) {
	b := a.buf[a.n : a.n+8 : a.n+8]
	n := 0
	if o&(lockPre|pre66|preF3|preF2) != 0 {
		if o&lockPre != 0 {
			b[n] = 0xf0
			n++
		}
		if o&pre66 != 0 {
			b[n] = 0x66
			n++
		}
		if o&preF3 != 0 {
			b[n] = 0xf3
			n++
		}
		if o&preF2 != 0 {
			b[n] = 0xf2
			n++
		}
	}
	if o&rexW != 0 {
		rex |= 8
	}
	if rex != 0 || force {
		b[n] = 0x40 | rex
		n++
	}
	if m := o >> 8 & 3; m != 0 {
		b[n] = 0x0f
		n++
		if m != 1 {
			b[n] = 0x34 + 2*byte(m) // 0F38, 0F3A
			n++
		}
	}
	b[n] = byte(o)
	a.n += n + 1
}

// needsREX tells whether byte register r is one of spl bpl sil dil.
func needsREX(r reg) bool { return r >= rsp && r <= rdi }

// rr writes an instruction with two register operands.
func (a *asm) rr(o opc, r, rm reg) {
	force := o&byteReg != 0 && needsREX(r) || o&byteRM != 0 && needsREX(rm)
	a.head(o, byte(r>>3&1)<<2|byte(rm>>3&1), force)
	a.byte(0xc0 | byte(r&7)<<3 | byte(rm&7))
}

// rexBits gives the R, X and B bits for a register and a memory operand.
func rexBits(r reg, m mem) byte {
	rex := byte(r>>3&1) << 2
	if m.base < 16 {
		rex |= byte(m.base >> 3)
	}
	if m.index < 16 {
		rex |= byte(m.index>>3) << 1
	}
	return rex
}

// rm writes an instruction with a register and a memory operand.
func (a *asm) rm(o opc, r reg, m mem) {
	a.head(o, rexBits(r, m), o&byteReg != 0 && needsREX(r))
	a.modrm(byte(r&7), m)
}

// modrm writes ModRM, SIB and displacement of a memory operand.
func (a *asm) modrm(r byte, m mem) {
	r <<= 3
	switch {
	case m.base == ripReg:
		a.byte(r | 5)
		a.imm32(m.disp)
		return
	case m.base == noReg: // [index*scale+disp32] or [disp32]
		a.byte(r | 4)
		x := byte(4)
		if m.index != noReg {
			x = byte(m.index & 7)
		}
		a.byte(m.scale<<6 | x<<3 | 5)
		a.imm32(m.disp)
		return
	}
	mod, b := byte(0), byte(m.base&7)
	switch {
	case m.disp == 0 && b != 5:
	case m.disp == int32(int8(m.disp)):
		mod = 0x40
	default:
		mod = 0x80
	}
	switch {
	case m.index != noReg:
		a.byte(mod | r | 4)
		a.byte(m.scale<<6 | byte(m.index&7)<<3 | b)
	case b == 4:
		a.byte(mod | r | 4)
		a.byte(0x24)
	default:
		a.byte(mod | r | b)
	}
	switch mod {
	case 0x40:
		a.byte(byte(m.disp))
	case 0x80:
		a.imm32(m.disp)
	}
}

// aluRI writes `op r, imm` of the classic eight.
func (a *asm) aluRI(op alu, w tcg.Width, r reg, v int32) {
	switch {
	case w == tcg.W8:
		a.rr(0x80|byteRM, reg(op), r)
		a.byte(byte(v))
	case v == int32(int8(v)):
		a.rr(sized(0x83, w), reg(op), r)
		a.byte(byte(v))
	case r == rax:
		a.head(sized(opc(op)<<3|5, w), 0, false)
		a.immW(w, v)
	default:
		a.rr(sized(0x81, w), reg(op), r)
		a.immW(w, v)
	}
}

// aluMI writes `op [m], imm`; pre may hold lockPre.
func (a *asm) aluMI(pre opc, op alu, w tcg.Width, m mem, v int32) {
	switch {
	case w == tcg.W8:
		a.rm(0x80|pre, reg(op), m)
		a.byte(byte(v))
	case v == int32(int8(v)):
		a.rm(sized(0x83, w)|pre, reg(op), m)
		a.byte(byte(v))
	default:
		a.rm(sized(0x81, w)|pre, reg(op), m)
		a.immW(w, v)
	}
}

// aluRR, aluRM and aluMR write `op dst, src`.
func (a *asm) aluRR(op alu, w tcg.Width, dst, src reg) { a.rr(sized(opc(op)<<3|1, w), src, dst) }
func (a *asm) aluRM(op alu, w tcg.Width, dst reg, m mem) {
	a.rm(sized(opc(op)<<3|3, w), dst, m)
}
func (a *asm) aluMR(pre opc, op alu, w tcg.Width, m mem, src reg) {
	a.rm(sized(opc(op)<<3|1, w)|pre, src, m)
}

// movRR copies a register; W8 and W16 leave the rest alone, W32 zeroes the upper half.
func (a *asm) movRR(w tcg.Width, dst, src reg) { a.rr(sized(opMovStore, w), src, dst) }

// movImm loads a constant with the shortest encoding that leaves the flags alone.
func (a *asm) movImm(r reg, v int64) {
	switch {
	case v == int64(uint32(v)):
		a.head(opc(0xb8|byte(r&7)), byte(r>>3), false)
		a.imm32(int32(v))
	case v == int64(int32(v)):
		a.rr(opMovImm|rexW, 0, r)
		a.imm32(int32(v))
	default:
		a.head(opc(0xb8|byte(r&7))|rexW, byte(r>>3), false)
		a.imm64(v)
	}
}

// zext zero-extends src from w to 64 bits into dst.
func (a *asm) zext(w tcg.Width, dst, src reg) {
	switch w {
	case tcg.W8:
		a.rr(opMovzx8|byteRM, dst, src)
	case tcg.W16:
		a.rr(opMovzx16, dst, src)
	default:
		a.movRR(w, dst, src)
	}
}

// zextM loads w bits zero-extended.
func (a *asm) zextM(w tcg.Width, dst reg, m mem) {
	switch w {
	case tcg.W8:
		a.rm(opMovzx8, dst, m)
	case tcg.W16:
		a.rm(opMovzx16, dst, m)
	default:
		a.rm(sized(opMovLoad, w), dst, m)
	}
}

// sextOp gives the opcode that sign-extends from src bits to w.
func sextOp(w, src tcg.Width) opc {
	switch src {
	case tcg.W8:
		return sized(opMovsx8, w) | byteRM
	case tcg.W16:
		return sized(opMovsx16, w)
	default:
		return sized(opMovsxd, w)
	}
}

// shiftI writes a shift or rotate (group 2 /k) by a constant.
func (a *asm) shiftI(k byte, w tcg.Width, r reg, n byte) {
	o := sized(0xd1, w)
	if n == 1 {
		a.rr(o, reg(k), r)
		return
	}
	a.rr(o&^0xff|opc(0xc0)|o&1, reg(k), r)
	a.byte(n)
}

// rorx writes RORX dst, src, n (BMI2): a rotate that leaves the flags alone.
func (a *asm) rorx(w tcg.Width, dst, src reg, n byte) {
	o := map0F3A | preF2 | 0xf0
	if w == tcg.W64 {
		o |= rexW
	}
	a.vex(o, dst, 0, src)
	a.byte(n)
}

// jcc writes a conditional jump with a 32-bit displacement and gives the place of the displacement.
func (a *asm) jcc(c tcg.Cond) int {
	a.byte(0x0f)
	a.byte(0x80 | byte(c))
	a.imm32(0)
	return a.n - 4
}

// jmp writes a jump to offset to, or with 0 one to be patched; it gives the place of the displacement.
func (a *asm) jmp(to int) int {
	a.byte(0xe9)
	a.imm32(int32(to - a.n - 4))
	return a.n - 4
}

// jcc8 writes a short conditional jump; here8 ends it.
func (a *asm) jcc8(c tcg.Cond) int {
	a.byte(0x70 | byte(c))
	a.byte(0)
	return a.n
}

// jmp8 writes a short jump; here8 ends it.
func (a *asm) jmp8() int {
	a.byte(0xeb)
	a.byte(0)
	return a.n
}

func (a *asm) here8(from int) { a.buf[from-1] = byte(a.n - from) }

// patch points the displacement at place to offset to.
func (a *asm) patch(place, to int) {
	binary.LittleEndian.PutUint32(a.buf[place:], uint32(to-place-4))
}

// nops are the recommended multi-byte forms (SDM vol. 2 NOP).
var nops = [9]string{
	"", "\x90", "\x66\x90", "\x0f\x1f\x00", "\x0f\x1f\x40\x00", "\x0f\x1f\x44\x00\x00",
	"\x66\x0f\x1f\x44\x00\x00", "\x0f\x1f\x80\x00\x00\x00\x00", "\x0f\x1f\x84\x00\x00\x00\x00\x00",
}

// align pads with nops until n%size == rem.
func (a *asm) align(size, rem int) {
	k := ((rem-a.n)%size + size) % size
	for k > 0 {
		s := nops[min(k, 8)]
		a.n += copy(a.buf[a.n:], s)
		k -= len(s)
	}
}
