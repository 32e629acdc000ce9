//go:build linux && amd64

package amd64

import (
	"goemu/mmu"
	"goemu/tcg"
)

// eaMem gives the current op's effective address (before truncation to AddrW) as a host operand made of homes
// of A and B, or RAX and RCX where they have none. It leaves the flags alone.
func (c *compiler) eaMem(scratch reg) mem {
	o := c.op
	m := mem{base: noReg, index: noReg}
	if o.Rel {
		m.base = scratch
		c.rm(opMovLoad|rexW, scratch, env(offPage))
	}
	if o.A != tcg.None {
		m.base = c.srcReg(o.A, tcg.W64, scratch)
	}
	if o.B != tcg.None {
		m.index, m.scale = c.srcReg(o.B, tcg.W64, rcx), o.Scale
	}
	if m.base == noReg && m.index != noReg && m.scale == 0 {
		m.base, m.index = m.index, noReg
	}
	switch d := o.Disp; {
	case o.AddrW != tcg.W64 || d == int64(int32(d)):
		m.disp = int32(d)
	case m.base == noReg && m.index == noReg:
		c.movImm(scratch, d)
		m.base = scratch
	case m.index == noReg:
		c.movImm(rcx, d)
		m.index = rcx
	default:
		c.rm(opLea|rexW, scratch, m)
		c.movImm(rcx, d)
		m = mem{base: scratch, index: rcx}
	}
	return m
}

// linear leaves the current op's linear address in RAX, after segmentation. It may jump to a bail stub.
// plain is a register with the same address (its own, when there is nothing to add), from which the TLB index can be made earlier;
// m is what eaMem gave.
func (c *compiler) linear(size int, write bool) (plain reg, m mem) {
	o := c.op
	m = c.eaMem(rax)
	plain = rax
	if o.AddrW == tcg.W64 && m.base != noReg && m.index == noReg && m.disp == 0 && o.Seg == tcg.SegNone {
		plain = m.base
	}
	c.leaTo(rax, m, o.AddrW)
	if o.AddrW == tcg.W16 {
		c.zext(tcg.W16, rax, rax)
	}
	if o.Seg != tcg.SegNone {
		s := 8 * int(o.Seg)
		if c.b.Key.Mode.CodeBits() == 64 {
			c.aluRM(aluAdd, tcg.W64, rax, env(offSegBase+s))
		} else {
			top := offSegRdTop
			if write {
				top = offSegWrTop
			}
			c.rm(opLea|rexW, rcx, mem{base: rax, index: noReg, disp: int32(size)})
			c.aluRM(aluCmp, tcg.W64, rcx, env(top+s))
			c.bailIf(tcg.CondA)
			c.aluRM(aluAdd, tcg.W32, rax, env(offSegBase+s))
		}
	}
	if align := c.alignment(size); align > 1 {
		c.byte(0xa8) // TEST AL, imm8
		c.byte(byte(align - 1))
		c.bailIf(tcg.CondNE)
	}
	return plain, m
}

// alignment gives the alignment in bytes that the current op's operand needs, else 1.
func (c *compiler) alignment(size int) int {
	if c.op.Code == tcg.Vec && c.op.Enc.Vex != tcg.VexNone && (c.op.Align || vexAligned(c.op.Enc)) {
		return size // the host would fault
	}
	switch {
	case c.op.Align, c.op.Code == tcg.Cmpxchg2 && size == 16,
		c.op.Code == tcg.Vec && size == 16 && c.op.Enc.Vex == tcg.VexNone && !unaligned(c.op.Enc):
		return 16 // the host would fault
	case c.b.Key.Mode&tcg.ModeAlign == 0:
		return 1
	case size&(size-1) == 0:
		return size
	}
	return 8 // the interpreter knows better
}

// access translates the current op's memory operand: address, segment, TLB. The result is good until RAX, RCX or a register
// of the operand changes. The caller has called clobber, and temporaries it wants out of RDX are out.
func (c *compiler) access(size int, write bool) mem {
	retry := c.n
	plain, ea := c.linear(size, write)
	if c.bmi2 {
		c.rorx(tcg.W32, rcx, plain, mmu.PageShift-4)
	} else {
		c.movRR(tcg.W32, rcx, plain)
		c.shiftI(5, tcg.W32, rcx, mmu.PageShift-4)
	}
	c.aluRI(aluAnd, tcg.W32, rcx, (mmu.TLBEntries-1)*int32(tlbEntry))
	table := offTLB
	if write {
		table = offTLBWrite
	}
	table += c.b.Key.Mode.Index() * tlbTable
	page := mem{base: r15, index: rcx, disp: int32(table)}
	c.aluRM(aluSub, tcg.W64, rax, page)
	c.aluRI(aluCmp, tcg.W64, rax, int32(mmu.PageSize-size))
	miss := len(c.cold)
	c.addCold(stub{kind: coldTLB, from: c.jcc(tcg.CondA), back: retry, write: write, table: int32(table), size: size,
		rdx: c.inRDX >= 0, site: c.siteIndex(), sse: c.sse, avx: c.avx})
	addend := page
	addend.disp += int32(addendOff)
	if c.op.Seg != tcg.SegNone || c.op.AddrW == tcg.W16 || ea.base == rcx || ea.index == rcx {
		c.aluRM(aluAdd, tcg.W64, rax, page)
		c.rm(opMovLoad|rexW, rcx, addend)
		c.cold[miss].hit = c.n
		return mem{base: rcx, index: rax}
	}
	c.rm(opMovLoad|rexW, rcx, addend)
	c.cold[miss].hit = c.n
	// The comparison has used the address up; made again from its parts, it need not wait for the page.
	if ea.base == rax || ea.index == rax {
		ea = c.eaMem(rax)
	}
	if c.op.AddrW != tcg.W64 {
		c.leaTo(rax, ea, c.op.AddrW)
		ea = mem{base: rax, index: noReg}
	}
	switch {
	case ea.index == noReg:
		ea.index = ea.base
	case ea.base != noReg:
		c.aluRR(aluAdd, tcg.W64, rcx, ea.base)
	}
	ea.base = rcx
	return ea
}

// fold frees RAX by moving the whole host address into RCX.
func (c *compiler) fold(m mem) mem {
	c.rm(opLea|rexW, rcx, m)
	return mem{base: rcx, index: noReg}
}

// load does LD, LDS and LDZ.
func (c *compiler) load() {
	o := c.op
	c.willWrite(o.Dst)
	c.clobber()
	from := o.W
	if o.Code != tcg.Ld {
		from = o.SrcW
	}
	m := c.access(from.Bytes(), o.MemWr)
	op := opMovLoad
	switch {
	case o.Code == tcg.Lds:
		op = sextOp(o.W, from)
	case from == tcg.W8:
		op = opMovzx8
	case from == tcg.W16:
		op = opMovzx16
	default:
		op = sized(opMovLoad, from)
	}
	if o.Dst.IsReg() && o.Code == tcg.Ld && o.W < tcg.W32 {
		if h := pin[o.Dst.Index()]; h != noReg {
			c.rm(sized(opMovLoad, o.W), h, m)
			return
		}
	}
	c.freeEarly()
	t := c.target(o.W, rax)
	c.rm(op, t, m)
	c.put(o.W, t, o.Code != tcg.Lds)
}

// store does ST.
func (c *compiler) store() {
	o := c.op
	c.clobber()
	m := c.access(o.W.Bytes(), true)
	switch h := c.homeOrNone(o.C); {
	case h != noReg:
		c.rm(sized(opMovStore, o.W), h, m)
		return
	case o.C == tcg.RefImm:
		if v, ok := truncImm(o.W, o.Imm); ok {
			c.rm(sized(opMovImm, o.W), 0, m)
			c.immW(o.W, v)
			return
		}
	}
	m = c.fold(m)
	c.copyTo(rax, o.C, o.W, false)
	c.rm(sized(opMovStore, o.W), rax, m)
}

// homeOrNone is home for any operand kind.
func (c *compiler) homeOrNone(r tcg.Ref) reg {
	if r.IsReg() || r.IsTemp() {
		return c.home(r)
	}
	return noReg
}

// operand gives C as a register for an instruction with the folded memory operand: its home, or RAX.
func (c *compiler) operand(w tcg.Width) reg {
	if h := c.homeOrNone(c.op.C); h != noReg {
		return h
	}
	c.copyTo(rax, c.op.C, w, false)
	return rax
}

// shiftExt gives the opcode extension of the shift group.
var shiftExt = [tcg.NumOpcodes]byte{
	tcg.Rol: 0, tcg.Ror: 1, tcg.Rcl: 2, tcg.Rcr: 3, tcg.Shl: 4, tcg.Shr: 5, tcg.Sar: 7,
}

// btExt gives the opcode extension of the bit test group.
var btExt = [tcg.NumOpcodes]byte{tcg.Bt: 4, tcg.Bts: 5, tcg.Btr: 6, tcg.Btc: 7}

// rmw does a read-modify-write as one host instruction on the host address.
func (c *compiler) rmw() {
	o := c.op
	c.willWrite(o.Dst)
	byCL := o.Sub >= tcg.Shl && o.Sub <= tcg.Rcr && o.C != tcg.RefImm
	shadow := byCL || o.Dst != tcg.None || o.Sub >= tcg.Bts || o.Sub == tcg.Mov
	if shadow {
		c.freeRDX()
	}
	c.clobber()
	m := c.access(o.W.Bytes(), true)
	reads, must := flagEffect(o)
	pass := reads
	if o.SetF {
		pass |= c.live[c.i] &^ must
	}
	lock := opc(0)
	if o.Lock {
		lock = lockPre
	}
	if o.Dst != tcg.None {
		c.rmwOld(m, lock, pass)
		return
	}
	simple := c.homeOrNone(o.C) != noReg || o.C == tcg.RefImm || o.C == tcg.None
	if pass != 0 || !simple || byCL {
		m = c.fold(m)
	}
	switch o.Sub {
	case tcg.Add, tcg.Or, tcg.Adc, tcg.Sbb, tcg.And, tcg.Sub, tcg.Xor:
		c.needHost(pass)
		op := aluOf[o.Sub]
		if v, ok := truncImm(o.W, o.Imm); o.C == tcg.RefImm && ok {
			c.aluMI(lock, op, o.W, m, v)
			break
		}
		if o.C == tcg.RefImm && m.index != noReg {
			m = c.fold(m)
		}
		c.aluMR(lock, op, o.W, m, c.operand(o.W))
	case tcg.Inc, tcg.Dec:
		c.needHost(pass)
		c.rm(sized(opGrp4, o.W)|lock, reg(o.Sub-tcg.Inc), m)
	case tcg.Neg:
		c.rm(sized(opGrp3, o.W)|lock, 3, m)
	case tcg.Not:
		c.rm(sized(opGrp3, o.W)|lock, 2, m)
	case tcg.Shl, tcg.Shr, tcg.Sar, tcg.Rol, tcg.Ror, tcg.Rcl, tcg.Rcr:
		k := reg(shiftExt[o.Sub])
		if !byCL {
			c.needHost(pass)
			c.rm(sized(0xc1, o.W)|lock, k, m)
			c.byte(byte(o.Imm))
			break
		}
		c.movRR(tcg.W64, rdx, rcx)
		c.copyTo(rcx, o.C, tcg.W8, false)
		c.needHost(pass)
		c.rm(sized(0xd3, o.W)|lock, k, mem{base: rdx, index: noReg})
	case tcg.Bts, tcg.Btr, tcg.Btc:
		k := btExt[o.Sub]
		if o.C == tcg.RefImm {
			c.needHost(pass)
			c.rm(sized(opBtImm, o.W)|lock, reg(k), m)
			c.byte(byte(o.Imm) & byte(o.W.Bits()-1))
			break
		}
		// The host takes the whole register as a bit offset: cut it first.
		c.copyTo(rdx, o.C, o.W, false)
		c.aluRI(aluAnd, tcg.W32, rdx, int32(o.W.Bits()-1))
		c.needHost(pass)
		c.rm(sized(map0F|opc(0x83|k<<3), o.W)|lock, rdx, m)
	case tcg.Mov:
		c.rm(sized(opXchg, o.W), c.exchanged(), m)
	default:
		c.jumpBail()
	}
	if !o.SetF {
		c.lostFlags()
	}
	c.flagsOut(recipe{})
}

// exchanged copies C to RDX for an exchange that must not change it.
func (c *compiler) exchanged() reg {
	c.copyTo(rdx, c.op.C, c.op.W, false)
	return rdx
}

// rmwOld does the read-modify-writes that deliver the old value: XADD, XCHG, and others by a compare-and-exchange loop.
// RDX is free.
func (c *compiler) rmwOld(m mem, lock opc, pass tcg.Flags) {
	o := c.op
	switch o.Sub {
	case tcg.Mov:
		if c.op.C == c.op.Dst && c.homeOrNone(o.C) != noReg && o.C.IsReg() && o.W != tcg.W32 {
			c.rm(sized(opXchg, o.W), c.home(o.C), m)
			return
		}
		m = c.fold(m)
		c.rm(sized(opXchg, o.W), c.exchanged(), m)
	case tcg.Add:
		m = c.fold(m)
		c.copyTo(rdx, o.C, o.W, false)
		c.rm(sized(opXadd, o.W)|lock, rdx, m)
	default:
		c.jumpBail()
	}
	c.flagsOut(recipe{})
	c.put(o.W, rdx, false)
}

// cmpxchg does CMPXCHG through the host's RAX.
func (c *compiler) cmpxchg() {
	o := c.op
	c.willWrite(tcg.Reg(0))
	if c.homeOrNone(o.C) == noReg {
		c.freeRDX()
	}
	c.clobber()
	m := c.fold(c.access(o.W.Bytes(), true))
	r := c.homeOrNone(o.C)
	if r == noReg {
		r = rdx
		c.copyTo(rdx, o.C, o.W, false)
	}
	c.movRR(tcg.W64, rax, pin[0])
	op := sized(opCmpxchg, o.W)
	if o.Lock {
		op |= lockPre
	}
	c.rm(op, r, m)
	c.movRR(tcg.W64, pin[0], rax)
	c.flagsOut(recipe{})
}
