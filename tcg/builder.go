package tcg

import "goemu/decoder"

// Mem is a memory operand as Builder takes it: Base + Index<<Scale + Disp,
// truncated to AddrW, in segment Seg. Base and Index may be None.
type Mem struct {
	Base, Index Ref
	Scale       uint8 // log2
	Disp        int64
	Seg         Seg // SegNone: flat
	AddrW       Width
	Rel         bool // see Op.Rel
}

// Builder appends ops to a Block. It keeps the slices of the block given to
// Reset and allocates only when they grow. Methods return the op they made, for
// fields beyond their arguments; the pointer is good until the next call.
//
// An immediate operand is made by Imm in the argument list:
//
//	b.ALU(Add, W32, Reg(0), Reg(0), b.Imm(5), true)
type Builder struct {
	b   *Block
	imm int64
}

// Reset empties blk and directs the builder to it. The key stays.
func (b *Builder) Reset(blk *Block) {
	b.b = blk
	blk.Ops = blk.Ops[:0]
	blk.Insts = blk.Insts[:0]
	blk.Temps = 0
	blk.NInsns = 0
	blk.Bytes = 0
	blk.KillsFlags = false
}

// Block is the block being built.
func (b *Builder) Block() *Block { return b.b }

// Temp makes a new temporary.
func (b *Builder) Temp() Ref {
	b.b.Temps++
	return Temp(b.b.Temps - 1)
}

// Imm gives RefImm for the next op that has an immediate operand. Its value is v
// until Imm is called again.
func (b *Builder) Imm(v int64) Ref {
	b.imm = v
	return RefImm
}

// ImmValue is the value of the last Imm.
func (b *Builder) ImmValue() int64 { return b.imm }

// Op appends o as it is and returns the copy in the block.
func (b *Builder) Op(o Op) *Op {
	b.b.Ops = append(b.b.Ops, o)
	return &b.b.Ops[len(b.b.Ops)-1]
}

// op appends an op with these operands, and the value of Imm if one of them is it.
func (b *Builder) op(code Opcode, w Width, dst, x, y, z Ref) *Op {
	o := b.Op(Op{Code: code, W: w, Dst: dst, A: x, B: y, C: z, Seg: SegNone})
	if x == RefImm || y == RefImm || z == RefImm {
		o.Imm = b.imm
	}
	return o
}

// mem appends an op with a memory operand.
func (b *Builder) mem(code Opcode, w Width, dst Ref, m Mem, src Ref) *Op {
	o := b.Op(Op{Code: code, W: w, Dst: dst, A: m.Base, B: m.Index, C: src, Scale: m.Scale, Disp: m.Disp, Seg: m.Seg, AddrW: m.AddrW, Rel: m.Rel})
	if src == RefImm {
		o.Imm = b.imm
	}
	return o
}

// Insn begins a guest instruction of n bytes at rip.
func (b *Builder) Insn(rip uint64, n int) *Op {
	b.b.NInsns++
	b.b.Bytes += n
	return b.Op(Op{Code: Insn, W: W64, Imm: int64(rip), Disp: int64(n), Seg: SegNone})
}

// Mov appends dst.w <- src.
func (b *Builder) Mov(w Width, dst, src Ref) *Op { return b.op(Mov, w, dst, src, None, None) }

// Zext appends dst.w <- src zero-extended from srcW.
func (b *Builder) Zext(w, srcW Width, dst, src Ref) *Op {
	o := b.op(Zext, w, dst, src, None, None)
	o.SrcW = srcW
	return o
}

// Sext appends dst.w <- src sign-extended from srcW.
func (b *Builder) Sext(w, srcW Width, dst, src Ref) *Op {
	o := b.op(Sext, w, dst, src, None, None)
	o.SrcW = srcW
	return o
}

// Lea appends dst.w <- effective address of m.
func (b *Builder) Lea(w Width, dst Ref, m Mem) *Op {
	m.Seg = SegNone
	return b.mem(Lea, w, dst, m, None)
}

// ALU appends dst.w <- code(x, y) for the ops of two operands: Add to Xor, Imul, shifts
// and rotates, Bt to Btc, and those of BMI and ADX. Cmp, Test and Bt take dst None.
func (b *Builder) ALU(code Opcode, w Width, dst, x, y Ref, setF bool) *Op {
	o := b.op(code, w, dst, x, y, None)
	o.SetF = setF
	return o
}

// Cmp appends the flags of x - y.
func (b *Builder) Cmp(w Width, x, y Ref) *Op { return b.ALU(Cmp, w, None, x, y, true) }

// Test appends the flags of x & y.
func (b *Builder) Test(w Width, x, y Ref) *Op { return b.ALU(Test, w, None, x, y, true) }

// Un appends dst.w <- code(x) for the ops of one operand: Inc, Dec, Neg, Not, Bswap,
// Bsf, Bsr, Tzcnt, Lzcnt, Popcnt, Blsi, Blsmsk, Blsr.
func (b *Builder) Un(code Opcode, w Width, dst, x Ref, setF bool) *Op {
	o := b.op(code, w, dst, x, None, None)
	o.SetF = setF
	return o
}

// Shd appends dst.w <- code(x, fill, count) for Shld and Shrd.
func (b *Builder) Shd(code Opcode, w Width, dst, x, fill, count Ref, setF bool) *Op {
	o := b.op(code, w, dst, x, fill, count)
	o.SetF = setF
	return o
}

// MulDiv appends MulX, ImulX, DivX or IdivX by x.
func (b *Builder) MulDiv(code Opcode, w Width, x Ref, setF bool) *Op {
	o := b.op(code, w, None, x, None, None)
	o.SetF = setF
	return o
}

// Setcc appends dst.8 <- cond.
func (b *Builder) Setcc(c Cond, dst Ref) *Op {
	o := b.op(Setcc, W8, dst, None, None, None)
	o.Cond = c
	return o
}

// Cmov appends dst.w <- cond ? src : dst.
func (b *Builder) Cmov(c Cond, w Width, dst, src Ref) *Op {
	o := b.op(Cmov, w, dst, src, None, None)
	o.Cond = c
	return o
}

// GetF appends dst <- arithmetic flags in EFLAGS layout.
func (b *Builder) GetF(dst Ref) *Op { return b.op(GetF, W64, dst, None, None, None) }

// PutF appends: flags in mask <- src in EFLAGS layout.
func (b *Builder) PutF(mask Flags, src Ref) *Op {
	o := b.op(PutF, W64, None, src, None, None)
	o.FMask, o.SetF = mask, true
	return o
}

// Get appends dst <- state: GetEF or GetCR2.
func (b *Builder) Get(code Opcode, dst Ref) *Op { return b.op(code, W64, dst, None, None, None) }

// Flag appends one of the ops without operands: Clc, Stc, Cmc (with SetF), Cld, Std, Cli, Sti, Swapgs, Fence, Nop.
func (b *Builder) Flag(code Opcode) *Op {
	o := b.op(code, W64, None, None, None, None)
	o.SetF = code == Clc || code == Stc || code == Cmc
	return o
}

// ClearZ appends: bits 511..256 of vector register n <- 0.
func (b *Builder) ClearZ(n uint8) {
	o := b.op(ClearZ, W64, None, RefImm, None, None)
	o.Imm = int64(n)
}

// Ld appends dst.w <- [m].
func (b *Builder) Ld(w Width, dst Ref, m Mem) *Op { return b.mem(Ld, w, dst, m, None) }

// Ldz appends dst.w <- [m].srcW zero-extended.
func (b *Builder) Ldz(w, srcW Width, dst Ref, m Mem) *Op {
	o := b.mem(Ldz, w, dst, m, None)
	o.SrcW = srcW
	return o
}

// Lds appends dst.w <- [m].srcW sign-extended.
func (b *Builder) Lds(w, srcW Width, dst Ref, m Mem) *Op {
	o := b.mem(Lds, w, dst, m, None)
	o.SrcW = srcW
	return o
}

// St appends [m].w <- src.
func (b *Builder) St(w Width, m Mem, src Ref) *Op { return b.mem(St, w, None, m, src) }

// Rmw appends [m].w <- sub([m].w, src), with the old value to old if that is not None.
func (b *Builder) Rmw(sub Opcode, w Width, m Mem, src, old Ref, setF, lock bool) *Op {
	o := b.mem(Rmw, w, old, m, src)
	o.Sub, o.SetF, o.Lock = sub, setF, lock
	return o
}

// Cmpxchg appends CMPXCHG [m].w, src.
func (b *Builder) Cmpxchg(w Width, m Mem, src Ref, lock bool) *Op {
	o := b.mem(Cmpxchg, w, None, m, src)
	o.SetF, o.Lock = true, lock
	return o
}

// Cmpxchg2 appends CMPXCHG8B (W32) or CMPXCHG16B (W64) [m].
func (b *Builder) Cmpxchg2(w Width, m Mem, lock bool) *Op {
	o := b.mem(Cmpxchg2, w, None, m, None)
	o.SetF, o.Lock = true, lock
	return o
}

// Vec appends an MMX or SSE instruction without a memory operand. The caller fills in VReg, VRM, KReg, KRM and the rest.
func (b *Builder) Vec(e Enc) *Op {
	o := b.op(Vec, W64, None, None, None, None)
	o.Enc = e
	return o
}

// VecMem appends an MMX or SSE instruction with an operand of n bytes in memory.
func (b *Builder) VecMem(e Enc, m Mem, n int, rd, wr bool) *Op {
	o := b.mem(Vec, W64, None, m, None)
	o.Enc = e
	o.memSize(n, rd, wr)
	o.KRM = VMem
	return o
}

// Fpu appends an x87 instruction without a memory operand: opcode D8..DF and its ModRM byte.
func (b *Builder) Fpu(opcode, modrm uint8) *Op {
	o := b.op(Fpu, W64, None, None, None, None)
	o.Enc.Opcode, o.Imm = opcode, int64(modrm)
	return o
}

// FpuMem appends an x87 instruction with an operand of n bytes in memory.
func (b *Builder) FpuMem(opcode, modrm uint8, m Mem, n int, rd, wr bool) *Op {
	o := b.mem(Fpu, W64, None, m, None)
	o.Enc.Opcode, o.Imm = opcode, int64(modrm)
	o.memSize(n, rd, wr)
	return o
}

// memSize fills in the memory operand's size; MemW is the next power of two up to 16.
func (o *Op) memSize(n int, rd, wr bool) {
	o.MemBytes, o.MemRd, o.MemWr = uint8(n), rd, wr
	for o.MemW = W8; o.MemW < W128 && o.MemW.Bytes() < n; o.MemW++ {
	}
}

// Sys appends an instruction that emu/x86 runs as a whole. end: the block ends after it.
func (b *Builder) Sys(i *decoder.Inst, rip uint64, end bool) *Op {
	b.b.Insts = append(b.b.Insts, SysInst{Inst: *i, RIP: rip})
	o := b.op(Sys, W64, None, None, None, None)
	o.Imm, o.End = int64(len(b.b.Insts)-1), end
	return o
}

// Jmp ends the block with a jump to rip.
func (b *Builder) Jmp(rip uint64) *Op {
	return b.Op(Op{Code: Jmp, W: W64, Seg: SegNone, Imm: int64(rip)})
}

// Jcc ends the block: to taken if cond, else to fall.
func (b *Builder) Jcc(c Cond, taken, fall uint64) *Op {
	return b.Op(Op{Code: Jcc, W: W64, Seg: SegNone, Cond: c, Imm: int64(taken), Disp: int64(fall)})
}

// Jz ends the block: to taken if x.w is 0, else to fall.
func (b *Builder) Jz(w Width, x Ref, taken, fall uint64) *Op {
	return b.Op(Op{Code: Jz, W: w, Seg: SegNone, A: x, Imm: int64(taken), Disp: int64(fall)})
}

// Jnz ends the block: to taken if x.w is not 0, else to fall.
func (b *Builder) Jnz(w Width, x Ref, taken, fall uint64) *Op {
	return b.Op(Op{Code: Jnz, W: w, Seg: SegNone, A: x, Imm: int64(taken), Disp: int64(fall)})
}

// ChkIP appends the check that x can be an instruction pointer, before a push of width w.
func (b *Builder) ChkIP(w Width, x Ref) *Op { return b.op(ChkIP, w, None, x, None, None) }

// JmpInd ends the block with a jump to the address in x.
func (b *Builder) JmpInd(x Ref) *Op { return b.op(JmpInd, W64, None, x, None, None) }

// Exit ends the block: back to the vCPU loop with RIP <- rip.
func (b *Builder) Exit(rip uint64) *Op {
	return b.Op(Op{Code: Exit, W: W64, Seg: SegNone, Imm: int64(rip)})
}
