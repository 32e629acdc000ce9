package interp

import (
	"goemu/mmu"
	"goemu/tcg"
)

// Code is a block in the form that the interpreter runs: dense, operands resolved, frequent ops specialised by
// what of tcg.Op matters for them. All other ops stand in rare, as they are.
type Code struct {
	// What going from block to block needs stands together.
	ins    []ins
	link   [2]*Code  // where the targets lead, if known
	target [2]uint64 // of a direct jump at the end, the second where its condition does not hold
	n      int       // guest instructions
	mode   tcg.Mode
	dead   bool

	rip   uint64
	page  uint64 // physical page of the first byte
	top   uint64 // Key.Top
	rare  []tcg.Op
	insts []tcg.SysInst
	rips  []uint64 // of the guest instructions
	first []uint16 // index in ins where each begins
}

// ins is one compact op. dst, a, b and c are byte offsets in the operand file.
type ins struct {
	op           opcode
	insn         uint8 // number of the guest instruction
	scale        uint8 // log2 of the index factor; or 64 minus the width, or a shift count
	w, srcW      tcg.Width
	addrW        tcg.Width
	seg          tcg.Seg
	cond         uint8 // condition; or 64 minus the source width; or the mask of a shift count
	dst, a, b, c uint16
	imm, disp    int64
}

// opcode is the operation of an ins. In the names, R and I tell whether the second operand is a register
// or the immediate, F that flags are written (lazily, see flagKind).
type opcode uint8

const (
	opRare    opcode = iota // rare[imm]
	opRareEnd               // the same, at the end of the block
	opSys
	opSysEnd
	opMov64
	opMov // zero-extended from 64-scale bits
	opMovI
	opMov8 // into the low byte
	opMov8I
	opMovH // from a high byte
	opSext // from 64-cond bits, to 64-scale
	opLea
	opAddR
	opAddI
	opAddRF
	opAddIF
	opSubR
	opSubI
	opSubRF
	opSubIF
	opAndR
	opAndI
	opAndRF
	opAndIF
	opOrR
	opOrI
	opOrRF
	opOrIF
	opXorR
	opXorI
	opXorRF
	opXorIF
	opCmpR
	opCmpI
	opTestR
	opTestI
	opSubIJ // subtraction, comparison or test, and the conditional jump after it
	opCmpRJ
	opCmpIJ
	opTestRJ
	opTestIJ
	opMulR // low half, no flags
	opMulI
	opIncF
	opDecF
	opShlI // by imm
	opShrI
	opSarI
	opShlIF
	opShrIF
	opSarIF
	opShlR // by b masked with cond
	opShrR
	opSarR
	opSetcc
	opCmov
	opLd64 // flat, no alignment check, zero-extended; imm is the mask of the address
	opLd32
	opLd16
	opLd8
	opLd  // any
	opLds // any, sign-extended
	opSt64
	opSt32
	opSt16
	opSt8
	opSt // any
	opSt64I
	opSt32I
	opSt16I
	opSt8I
	opStI
	opJmp
	opExit
	opLeave // before guest instruction insn, at imm
	opInd
	opIndRet // disp bytes were popped
	opChkIP
	opJcc
	opJE // these after an op that leaves flags of a subtraction
	opJNE
	opJB
	opJAE
	opJBE
	opJA
	opJS
	opJNS
	opJL
	opJGE
	opJLE
	opJG
	opJz
	opJnz
)

// subJumps are the conditional jumps after a subtraction; opJcc where it has no advantage.
var subJumps = [16]opcode{opJcc, opJcc, opJB, opJAE, opJE, opJNE, opJBE, opJA, opJS, opJNS, opJcc, opJcc, opJL, opJGE, opJLE, opJG}

// Compile makes the interpreter's form of b, which has passed tcg.Verify. Of b, the Code keeps Insts.
func Compile(b *tcg.Block) *Code {
	c := &Code{mode: b.Key.Mode, rip: b.Key.RIP, page: b.Key.Phys >> mmu.PageShift, top: b.Key.Top, n: b.NInsns, insts: b.Insts,
		ins: make([]ins, 0, max(len(b.Ops)-b.NInsns, 1)), rips: make([]uint64, 0, b.NInsns), first: make([]uint16, 0, b.NInsns)}
	rare := 0
	sub := false // the flags are those of a subtraction
	var p ins
	for i := range b.Ops {
		o := &b.Ops[i]
		switch {
		case o.Code == tcg.Insn || o.Code == tcg.Nop:
		case !p.set(o, c.mode, sub):
			rare++
		}
		sub = p.leavesSub(o, sub)
	}
	if rare > 0 {
		c.rare = make([]tcg.Op, 0, rare)
	}
	sub = false
	for i := range b.Ops {
		o := &b.Ops[i]
		switch o.Code {
		case tcg.Nop:
			continue
		case tcg.Insn:
			c.rips = append(c.rips, uint64(o.Imm))
			c.first = append(c.first, uint16(len(c.ins)))
			continue
		}
		if !p.set(o, c.mode, sub) {
			if p.op, p.imm = opRare, int64(len(c.rare)); o.EndsBlock() {
				p.op = opRareEnd
			}
			c.rare = append(c.rare, *o)
		}
		sub = p.leavesSub(o, sub)
		p.insn = uint8(len(c.rips) - 1)
		if !c.fuse(&p) {
			c.ins = append(c.ins, p)
		}
	}
	switch o := &b.Ops[len(b.Ops)-1]; o.Code {
	case tcg.Jmp, tcg.Jcc, tcg.Jz, tcg.Jnz:
		c.target = [2]uint64{uint64(o.Imm), uint64(o.Disp)}
	}
	return c
}

// leavesSub tells whether after o, made into p, the lazy flags are those of a subtraction; before tells it of the time before.
func (p *ins) leavesSub(o *tcg.Op, before bool) bool {
	if o.Code == tcg.Insn || o.Code == tcg.Nop {
		return before
	}
	switch p.op {
	case opSubRF, opSubIF, opCmpR, opCmpI, opTestR, opTestI, opAndRF, opAndIF, opOrRF, opOrIF, opXorRF, opXorIF:
		return true
	case opRare, opRareEnd, opSys, opAddRF, opAddIF, opIncF, opDecF, opShlIF, opShrIF, opSarIF:
		return false
	}
	return before
}

// offset is the place of r in the operand file.
func offset(r tcg.Ref) uint16 { return uint16(r&fileMask) * 8 }

// Opcodes of the ops with two operands: R, I, RF, IF.
var aluOps = map[tcg.Opcode]opcode{tcg.Add: opAddR, tcg.Sub: opSubR, tcg.And: opAndR, tcg.Or: opOrR, tcg.Xor: opXorR}

// set makes p of o; false: o is rare. sub tells that the flags are those of a subtraction.
func (p *ins) set(o *tcg.Op, mode tcg.Mode, sub bool) bool {
	*p = ins{w: o.W, srcW: o.SrcW, addrW: o.AddrW, seg: o.Seg, scale: uint8(64 - o.W.Bits()),
		dst: offset(o.Dst), a: offset(o.A), b: offset(o.B), c: offset(o.C), imm: o.Imm, disp: o.Disp}
	whole := o.Dst.IsTemp() || o.Dst.IsReg() && (o.W == tcg.W32 || o.W == tcg.W64) // the op writes all 64 bits
	high := o.A.IsHigh() || o.B.IsHigh()
	imm := o.B == tcg.RefImm
	sh := p.scale & 63
	switch o.Code {
	case tcg.Mov:
		switch {
		case o.A == tcg.RefImm && whole:
			p.op, p.imm = opMovI, int64(uint64(o.Imm)<<sh>>sh)
		case whole && high:
			p.op, p.a = opMovH, offset(tcg.Reg(o.A.Index()))
		case whole && o.W == tcg.W64:
			p.op = opMov64
		case whole:
			p.op = opMov
		case o.W == tcg.W8 && o.Dst.IsReg() && o.A == tcg.RefImm:
			p.op, p.imm = opMov8I, o.Imm&0xff
		case o.W == tcg.W8 && o.Dst.IsReg() && !high:
			p.op = opMov8
		default:
			return false
		}
	case tcg.Zext, tcg.Sext:
		from := uint8(64 - o.SrcW.Bits())
		switch {
		case !whole || o.A == tcg.RefImm || high && o.Code == tcg.Sext:
			return false
		case high:
			p.op, p.a = opMovH, offset(tcg.Reg(o.A.Index()))
		case o.Code == tcg.Zext:
			p.op, p.scale = opMov, from
		default:
			p.op, p.cond = opSext, from
		}
	case tcg.Lea:
		if !whole || o.A == tcg.RefImm || o.B == tcg.RefImm {
			return false
		}
		p.op, p.scale, p.cond = opLea, o.Scale&63, uint8(64-min(o.W, o.AddrW).Bits())
	case tcg.Add, tcg.Sub, tcg.And, tcg.Or, tcg.Xor:
		if !whole || high || o.A == tcg.RefImm {
			return false
		}
		p.op = aluOps[o.Code]
		if o.SetF {
			p.op += 2
		}
		if imm {
			p.op++
			p.imm = int64(uint64(o.Imm) << sh)
		}
	case tcg.Cmp, tcg.Test:
		if !o.SetF || high || o.A == tcg.RefImm {
			return false
		}
		p.op = opCmpR
		if o.Code == tcg.Test {
			p.op = opTestR
		}
		if imm {
			p.op++
			p.imm = int64(uint64(o.Imm) << sh)
		}
	case tcg.Imul:
		if !whole || high || o.SetF || o.A == tcg.RefImm {
			return false
		}
		if p.op = opMulR; imm {
			p.op = opMulI
		}
	case tcg.Not:
		if !whole || high || o.A == tcg.RefImm {
			return false
		}
		p.op, p.imm = opXorI, int64(^uint64(0)<<sh)
	case tcg.Inc, tcg.Dec:
		if !whole || high || o.A == tcg.RefImm {
			return false
		}
		switch {
		case o.SetF && o.Code == tcg.Inc:
			p.op = opIncF
		case o.SetF:
			p.op = opDecF
		case o.Code == tcg.Inc:
			p.op, p.imm = opAddI, int64(uint64(1)<<sh)
		default:
			p.op, p.imm = opSubI, int64(uint64(1)<<sh)
		}
	case tcg.Shl, tcg.Shr, tcg.Sar:
		if !whole || high || o.A == tcg.RefImm || o.W < tcg.W32 {
			return false
		}
		k := opcode(o.Code - tcg.Shl)
		n := count(o.W, uint64(o.Imm))
		switch {
		case imm && n == 0:
			p.op = opMov
		case imm && o.SetF:
			p.op, p.imm = opShlIF+k, int64(n)
		case imm:
			p.op, p.imm = opShlI+k, int64(n)
		case o.SetF:
			return false
		default:
			p.op, p.cond = opShlR+k, uint8(o.W.Bits()-1)
		}
	case tcg.Setcc:
		if o.Dst.IsHigh() {
			return false
		}
		p.op, p.cond = opSetcc, uint8(o.Cond)
	case tcg.Cmov:
		if !whole || o.A == tcg.RefImm {
			return false
		}
		p.op, p.cond = opCmov, uint8(o.Cond)
	case tcg.Ld, tcg.Ldz, tcg.Lds:
		if o.A == tcg.RefImm || o.B == tcg.RefImm || o.MemWr {
			return false
		}
		if o.Code == tcg.Ld {
			p.srcW = o.W
		}
		p.op, p.scale = opLd, o.Scale&63
		switch {
		case o.Code == tcg.Lds:
			p.op = opLds
		case whole && plain(o, mode):
			p.op, p.imm = [4]opcode{opLd8, opLd16, opLd32, opLd64}[p.srcW&3], int64(mask(o.AddrW))
		}
	case tcg.St:
		if o.A == tcg.RefImm || o.B == tcg.RefImm {
			return false
		}
		p.op, p.scale = opSt, o.Scale&63
		imm := o.C == tcg.RefImm
		if plain(o, mode) && !o.C.IsHigh() && !(imm && o.AddrW != tcg.W64) {
			p.op = [4]opcode{opSt8, opSt16, opSt32, opSt64}[o.W&3]
			if !imm {
				p.imm = int64(mask(o.AddrW))
			}
		}
		if imm {
			p.op += opSt64I - opSt64
		}
	case tcg.Sys:
		p.op = opSys
		if o.End {
			p.op = opSysEnd
		}
	case tcg.Jmp:
		p.op = opJmp
	case tcg.Exit:
		p.op = opExit
	case tcg.Jcc:
		p.op, p.cond = opJcc, uint8(o.Cond)
		if sub {
			p.op = subJumps[o.Cond&15]
		}
	case tcg.Jz, tcg.Jnz:
		if high || o.A == tcg.RefImm {
			return false
		}
		p.op = opJz
		if o.Code == tcg.Jnz {
			p.op = opJnz
		}
	case tcg.JmpInd:
		if o.A == tcg.RefImm {
			return false
		}
		if p.op = opInd; o.Link == tcg.LinkRet {
			p.op = opIndRet
		}
	case tcg.ChkIP:
		p.op = opChkIP
	default:
		return false
	}
	return true
}

// plain tells whether a memory operand needs nothing but 32- or 64-bit arithmetic and the TLB.
func plain(o *tcg.Op, mode tcg.Mode) bool {
	return o.Seg == tcg.SegNone && o.AddrW >= tcg.W32 && mode&tcg.ModeAlign == 0
}
