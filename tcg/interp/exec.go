package interp

import (
	"sync/atomic"
	"unsafe"

	"goemu/mmu"
	"goemu/tcg"
)

// at is an operand in the file, by its byte offset.
func at(f unsafe.Pointer, off uint16) *uint64 { return (*uint64)(unsafe.Add(f, off)) }

// next is the op after p.
func next(p *ins) *ins { return (*ins)(unsafe.Add(unsafe.Pointer(p), unsafe.Sizeof(*p))) }

// Run runs c, and with chain goes on with the blocks that follow as far as j knows them, until Env.ExitReq is set or the
// budget runs low. All of env is current on return. Env.Insns grows by the number of
// instructions completed. A block may end early, with ResultNext, when Env.ExitReq is set
// after a store that the Machine made or a Sys: code that lies ahead in the block may have changed.
func (c *Code) Run(env *tcg.Env, m tcg.Machine, j *Jumps, chain bool) tcg.Result {
	x := run{env: env, m: m, c: c, idx: c.mode.Index(), long: c.mode&tcg.ModeCode == tcg.ModeCode64}
	x.read, x.write = &env.TLB.Read[x.idx], &env.TLB.Write[x.idx]
	if c.mode&tcg.ModeAlign != 0 {
		x.strict = 15
	}
	least := int32(-1 << 31)
	if j != nil {
		j.from = nil
		if j.Count {
			x.spend, least = -1, j.Least
		}
		if !chain {
			j = nil
		}
	}
	rd, wr := x.read, x.write
	x.fetchGPR()
	f := unsafe.Pointer(&env.File)
	*at(f, 0) = 0

	x.cc = env.CC | tcg.CCFixed

block:
	p := &c.ins[0]
	var rip uint64
	var edge int
	for ; ; p = next(p) {
		switch p.op {
		case opRare:
			op := &c.rare[p.imm]
			x.settle()
			x.rip = c.rips[p.insn]
			env.Done = int32(p.insn)
			var ok bool
			if op.EndsBlock() {
				rip = x.target(op)
				goto out
			}
			if x.cc, ok = x.step(op, x.cc); !ok {
				return x.fault(p.insn, x.cc)
			}
			if x.stop {
				p = x.cut(p)
			}
		case opSys:
			x.settle()
			x.storeGPR()
			env.CC, env.RIP, env.Done = x.cc, c.rips[p.insn], int32(p.insn)
			if !m.Sys(&c.insts[p.imm]) {
				x.book(int(p.insn))
				return tcg.ResultFault
			}
			x.fetchGPR()
			x.cc = env.CC | tcg.CCFixed
			if x.wrote(); x.stop {
				p = x.cut(p)
			}
		case opSysEnd:
			x.storeGPR()
			env.CC, env.RIP, env.Done = x.flags(), c.rips[p.insn], int32(p.insn)
			env.Again = 0
			if !m.Sys(&c.insts[p.imm]) {
				x.book(int(p.insn))
				return tcg.ResultFault
			}
			x.book(c.n - int(env.Again))
			return tcg.ResultNext

		case opMov64:
			*at(f, p.dst) = *at(f, p.a)
		case opMov:
			*at(f, p.dst) = *at(f, p.a) << (p.scale & 63) >> (p.scale & 63)
		case opMovI:
			*at(f, p.dst) = uint64(p.imm)
		case opMov8:
			*(*uint8)(unsafe.Pointer(at(f, p.dst))) = uint8(*at(f, p.a))
		case opMov8I:
			*(*uint8)(unsafe.Pointer(at(f, p.dst))) = uint8(p.imm)
		case opMovH:
			*at(f, p.dst) = *at(f, p.a) >> 8 & 0xff
		case opSext:
			*at(f, p.dst) = uint64(int64(*at(f, p.a)<<(p.cond&63))>>(p.cond&63)) << (p.scale & 63) >> (p.scale & 63)
		case opLea:
			*at(f, p.dst) = (*at(f, p.a) + *at(f, p.b)<<(p.scale&63) + uint64(p.disp)) << (p.cond & 63) >> (p.cond & 63)

		case opAddR:
			*at(f, p.dst) = (*at(f, p.a) + *at(f, p.b)) << (p.scale & 63) >> (p.scale & 63)
		case opAddI:
			*at(f, p.dst) = (*at(f, p.a)<<(p.scale&63) + uint64(p.imm)) >> (p.scale & 63)
		case opAddRF:
			x.k, x.la, x.lb = lazyAdd|flagKind(p.w), *at(f, p.a)<<(p.scale&63), *at(f, p.b)<<(p.scale&63)
			*at(f, p.dst) = (x.la + x.lb) >> (p.scale & 63)
		case opAddIF:
			x.k, x.la, x.lb = lazyAdd|flagKind(p.w), *at(f, p.a)<<(p.scale&63), uint64(p.imm)
			*at(f, p.dst) = (x.la + x.lb) >> (p.scale & 63)
		case opSubR:
			*at(f, p.dst) = (*at(f, p.a) - *at(f, p.b)) << (p.scale & 63) >> (p.scale & 63)
		case opSubI:
			*at(f, p.dst) = (*at(f, p.a)<<(p.scale&63) - uint64(p.imm)) >> (p.scale & 63)
		case opSubRF:
			x.k, x.la, x.lb = lazySub|flagKind(p.w), *at(f, p.a)<<(p.scale&63), *at(f, p.b)<<(p.scale&63)
			*at(f, p.dst) = (x.la - x.lb) >> (p.scale & 63)
		case opSubIF:
			x.k, x.la, x.lb = lazySub|flagKind(p.w), *at(f, p.a)<<(p.scale&63), uint64(p.imm)
			*at(f, p.dst) = (x.la - x.lb) >> (p.scale & 63)
		case opAndR:
			*at(f, p.dst) = *at(f, p.a) & *at(f, p.b) << (p.scale & 63) >> (p.scale & 63)
		case opAndI:
			*at(f, p.dst) = *at(f, p.a) << (p.scale & 63) & uint64(p.imm) >> (p.scale & 63)
		case opAndRF:
			x.k, x.la, x.lb = lazySub|flagKind(p.w), (*at(f, p.a)&*at(f, p.b))<<(p.scale&63), 0
			*at(f, p.dst) = x.la >> (p.scale & 63)
		case opAndIF:
			x.k, x.la, x.lb = lazySub|flagKind(p.w), *at(f, p.a)<<(p.scale&63)&uint64(p.imm), 0
			*at(f, p.dst) = x.la >> (p.scale & 63)
		case opOrR:
			*at(f, p.dst) = (*at(f, p.a) | *at(f, p.b)) << (p.scale & 63) >> (p.scale & 63)
		case opOrI:
			*at(f, p.dst) = (*at(f, p.a)<<(p.scale&63) | uint64(p.imm)) >> (p.scale & 63)
		case opOrRF:
			x.k, x.la, x.lb = lazySub|flagKind(p.w), (*at(f, p.a)|*at(f, p.b))<<(p.scale&63), 0
			*at(f, p.dst) = x.la >> (p.scale & 63)
		case opOrIF:
			x.k, x.la, x.lb = lazySub|flagKind(p.w), *at(f, p.a)<<(p.scale&63)|uint64(p.imm), 0
			*at(f, p.dst) = x.la >> (p.scale & 63)
		case opXorR:
			*at(f, p.dst) = (*at(f, p.a) ^ *at(f, p.b)) << (p.scale & 63) >> (p.scale & 63)
		case opXorI:
			*at(f, p.dst) = (*at(f, p.a)<<(p.scale&63) ^ uint64(p.imm)) >> (p.scale & 63)
		case opXorRF:
			x.k, x.la, x.lb = lazySub|flagKind(p.w), (*at(f, p.a)^*at(f, p.b))<<(p.scale&63), 0
			*at(f, p.dst) = x.la >> (p.scale & 63)
		case opXorIF:
			x.k, x.la, x.lb = lazySub|flagKind(p.w), *at(f, p.a)<<(p.scale&63)^uint64(p.imm), 0
			*at(f, p.dst) = x.la >> (p.scale & 63)
		case opCmpR:
			x.k, x.la, x.lb = lazySub|flagKind(p.w), *at(f, p.a)<<(p.scale&63), *at(f, p.b)<<(p.scale&63)
		case opCmpI:
			x.k, x.la, x.lb = lazySub|flagKind(p.w), *at(f, p.a)<<(p.scale&63), uint64(p.imm)
		case opTestR:
			x.k, x.la, x.lb = lazySub|flagKind(p.w), (*at(f, p.a)&*at(f, p.b))<<(p.scale&63), 0
		case opTestI:
			x.k, x.la, x.lb = lazySub|flagKind(p.w), *at(f, p.a)<<(p.scale&63)&uint64(p.imm), 0
		case opIncF:
			x.settle()
			x.k, x.la = lazyInc|flagKind(p.w), *at(f, p.a)<<(p.scale&63)
			*at(f, p.dst) = (x.la + 1<<(p.scale&63)) >> (p.scale & 63)
		case opDecF:
			x.settle()
			x.k, x.la = lazyDec|flagKind(p.w), *at(f, p.a)<<(p.scale&63)
			*at(f, p.dst) = (x.la - 1<<(p.scale&63)) >> (p.scale & 63)
		case opShlI:
			*at(f, p.dst) = *at(f, p.a) << (p.imm & 63) << (p.scale & 63) >> (p.scale & 63)
		case opShrI:
			*at(f, p.dst) = *at(f, p.a) << (p.scale & 63) >> (p.scale & 63) >> (p.imm & 63)
		case opSarI:
			*at(f, p.dst) = uint64(int64(*at(f, p.a)<<(p.scale&63))>>(p.imm&63)) >> (p.scale & 63)
		case opShlIF:
			x.k, x.la, x.lb = lazyShl|flagKind(p.w), *at(f, p.a)<<(p.scale&63), uint64(p.imm)
			*at(f, p.dst) = x.la << (p.imm & 63) >> (p.scale & 63)
		case opShrIF:
			x.k, x.la, x.lb = lazyShr|flagKind(p.w), *at(f, p.a)<<(p.scale&63), uint64(p.imm)
			*at(f, p.dst) = x.la >> (p.scale & 63) >> (p.imm & 63)
		case opSarIF:
			x.k, x.la, x.lb = lazySar|flagKind(p.w), *at(f, p.a)<<(p.scale&63), uint64(p.imm)
			*at(f, p.dst) = uint64(int64(x.la)>>(p.imm&63)) >> (p.scale & 63)
		case opShlR:
			*at(f, p.dst) = *at(f, p.a) << (*at(f, p.b) & uint64(p.cond) & 63) << (p.scale & 63) >> (p.scale & 63)
		case opShrR:
			*at(f, p.dst) = *at(f, p.a) << (p.scale & 63) >> (p.scale & 63) >> (*at(f, p.b) & uint64(p.cond) & 63)
		case opSarR:
			*at(f, p.dst) = uint64(int64(*at(f, p.a)<<(p.scale&63))>>(*at(f, p.b)&uint64(p.cond)&63)) >> (p.scale & 63)
		case opSetcc:
			v := uint64(0)
			if x.holds(tcg.Cond(p.cond)) {
				v = 1
			}
			put((*file)(f), tcg.Ref(p.dst/8), tcg.W8, v)
		case opCmov:
			v := *at(f, p.dst)
			if x.holds(tcg.Cond(p.cond)) {
				v = *at(f, p.a)
			}
			*at(f, p.dst) = v << (p.scale & 63) >> (p.scale & 63)

		case opLd64:
			lin := (*at(f, p.a) + *at(f, p.b)<<(p.scale&63) + uint64(p.disp)) & uint64(p.imm)
			e := &rd[lin>>mmu.PageShift&(mmu.TLBEntries-1)]
			if t := lin - e.Page; t <= mmu.PageSize-8 {
				*at(f, p.dst) = *(*uint64)(ptr(lin + e.Addend))
				continue
			}
			v, ok := x.loadSlow(p, lin, 8)
			if !ok {
				return x.fault(p.insn, x.flags())
			}
			*at(f, p.dst) = v
		case opLd32:
			lin := (*at(f, p.a) + *at(f, p.b)<<(p.scale&63) + uint64(p.disp)) & uint64(p.imm)
			e := &rd[lin>>mmu.PageShift&(mmu.TLBEntries-1)]
			if t := lin - e.Page; t <= mmu.PageSize-4 {
				*at(f, p.dst) = uint64(*(*uint32)(ptr(lin + e.Addend)))
				continue
			}
			v, ok := x.loadSlow(p, lin, 4)
			if !ok {
				return x.fault(p.insn, x.flags())
			}
			*at(f, p.dst) = v
		case opLd16:
			lin := (*at(f, p.a) + *at(f, p.b)<<(p.scale&63) + uint64(p.disp)) & uint64(p.imm)
			e := &rd[lin>>mmu.PageShift&(mmu.TLBEntries-1)]
			if t := lin - e.Page; t <= mmu.PageSize-2 {
				*at(f, p.dst) = uint64(*(*uint16)(ptr(lin + e.Addend)))
				continue
			}
			v, ok := x.loadSlow(p, lin, 2)
			if !ok {
				return x.fault(p.insn, x.flags())
			}
			*at(f, p.dst) = v
		case opLd8:
			lin := (*at(f, p.a) + *at(f, p.b)<<(p.scale&63) + uint64(p.disp)) & uint64(p.imm)
			e := &rd[lin>>mmu.PageShift&(mmu.TLBEntries-1)]
			if t := lin - e.Page; t <= mmu.PageSize-1 {
				*at(f, p.dst) = uint64(*(*uint8)(ptr(lin + e.Addend)))
				continue
			}
			v, ok := x.loadSlow(p, lin, 1)
			if !ok {
				return x.fault(p.insn, x.flags())
			}
			*at(f, p.dst) = v
		case opLd, opLds:
			v, ok := x.load(p)
			if !ok {
				return x.fault(p.insn, x.flags())
			}
			put((*file)(f), tcg.Ref(p.dst/8), p.w, v)

		case opSt64, opSt64I:
			lin := *at(f, p.a) + *at(f, p.b)<<(p.scale&63) + uint64(p.disp)
			v := uint64(p.imm)
			if p.op == opSt64 {
				v = *at(f, p.c)
				lin &= uint64(p.imm)
			}
			e := &wr[lin>>mmu.PageShift&(mmu.TLBEntries-1)]
			if t := lin - e.Page; t <= mmu.PageSize-8 {
				*(*uint64)(ptr(lin + e.Addend)) = v
				continue
			}
			if !x.storeSlow(p, lin, 8, v) {
				return x.fault(p.insn, x.flags())
			}
			if x.stop {
				p = x.cut(p)
			}
		case opSt32, opSt32I:
			lin := *at(f, p.a) + *at(f, p.b)<<(p.scale&63) + uint64(p.disp)
			v := uint64(p.imm)
			if p.op == opSt32 {
				v = *at(f, p.c)
				lin &= uint64(p.imm)
			}
			e := &wr[lin>>mmu.PageShift&(mmu.TLBEntries-1)]
			if t := lin - e.Page; t <= mmu.PageSize-4 {
				*(*uint32)(ptr(lin + e.Addend)) = uint32(v)
				continue
			}
			if !x.storeSlow(p, lin, 4, v) {
				return x.fault(p.insn, x.flags())
			}
			if x.stop {
				p = x.cut(p)
			}
		case opSt8, opSt8I:
			lin := *at(f, p.a) + *at(f, p.b)<<(p.scale&63) + uint64(p.disp)
			v := uint64(p.imm)
			if p.op == opSt8 {
				v = *at(f, p.c)
				lin &= uint64(p.imm)
			}
			e := &wr[lin>>mmu.PageShift&(mmu.TLBEntries-1)]
			if t := lin - e.Page; t <= mmu.PageSize-1 {
				*(*uint8)(ptr(lin + e.Addend)) = uint8(v)
				continue
			}
			if !x.storeSlow(p, lin, 1, v) {
				return x.fault(p.insn, x.flags())
			}
			if x.stop {
				p = x.cut(p)
			}
		case opSt, opStI:
			if !x.store(p) {
				return x.fault(p.insn, x.flags())
			}
			if x.stop {
				p = x.cut(p)
			}

		case opLeave:
			env.CC = x.flags()
			return x.leave(uint64(p.imm), int(p.insn))
		case opExit:
			rip = uint64(p.imm)
			goto out
		case opInd, opIndRet:
			rip = *at(f, p.a)
			goto lookup
		case opChkIP:
			if !c.validIP(*at(f, p.a)) {
				return x.astray(p)
			}
		case opJmp:
			rip = uint64(p.imm)
			goto jump
		case opJcc:
			if x.holds(tcg.Cond(p.cond)) {
				rip = uint64(p.imm)
				goto jump
			}
			rip, edge = uint64(p.disp), 1
			goto jump
		case opJE:
			rip = uint64(p.imm)
			if x.la != x.lb {
				rip, edge = uint64(p.disp), 1
			}
			goto jump
		case opJNE:
			rip = uint64(p.imm)
			if x.la == x.lb {
				rip, edge = uint64(p.disp), 1
			}
			goto jump
		case opJB:
			rip = uint64(p.imm)
			if x.la >= x.lb {
				rip, edge = uint64(p.disp), 1
			}
			goto jump
		case opJAE:
			rip = uint64(p.imm)
			if x.la < x.lb {
				rip, edge = uint64(p.disp), 1
			}
			goto jump
		case opJBE:
			rip = uint64(p.imm)
			if x.la > x.lb {
				rip, edge = uint64(p.disp), 1
			}
			goto jump
		case opJA:
			rip = uint64(p.imm)
			if x.la <= x.lb {
				rip, edge = uint64(p.disp), 1
			}
			goto jump
		case opJS:
			rip = uint64(p.imm)
			if int64(x.la-x.lb) >= 0 {
				rip, edge = uint64(p.disp), 1
			}
			goto jump
		case opJNS:
			rip = uint64(p.imm)
			if int64(x.la-x.lb) < 0 {
				rip, edge = uint64(p.disp), 1
			}
			goto jump
		case opJL:
			rip = uint64(p.imm)
			if int64(x.la) >= int64(x.lb) {
				rip, edge = uint64(p.disp), 1
			}
			goto jump
		case opJGE:
			rip = uint64(p.imm)
			if int64(x.la) < int64(x.lb) {
				rip, edge = uint64(p.disp), 1
			}
			goto jump
		case opJLE:
			rip = uint64(p.imm)
			if int64(x.la) > int64(x.lb) {
				rip, edge = uint64(p.disp), 1
			}
			goto jump
		case opJG:
			rip = uint64(p.imm)
			if int64(x.la) <= int64(x.lb) {
				rip, edge = uint64(p.disp), 1
			}
			goto jump
		case opJz:
			rip = uint64(p.imm)
			if *at(f, p.a)<<(p.scale&63) != 0 {
				rip, edge = uint64(p.disp), 1
			}
			goto jump
		case opJnz:
			rip = uint64(p.imm)
			if *at(f, p.a)<<(p.scale&63) == 0 {
				rip, edge = uint64(p.disp), 1
			}
			goto jump
		}
	}

jump:
	if j != nil {
		to := c.link[edge]
		if to == nil || to.dead {
			if to = j.find(rip, c.mode); to == nil {
				j.from, j.edge, j.to = c, edge, rip
				goto out
			}
		}
		x.book(c.n)
		if atomic.LoadUint32(&env.ExitReq) != 0 || env.Budget < least {
			goto booked
		}
		c, x.c = to, to
		goto block
	}
	goto out
lookup:
	if j != nil {
		if to := j.find(rip, c.mode); to != nil {
			x.book(c.n)
			if atomic.LoadUint32(&env.ExitReq) != 0 || env.Budget < least {
				goto booked
			}
			c, x.c = to, to
			goto block
		}
	}
	if !c.validIP(rip) {
		return x.astray(p)
	}
out:
	x.book(c.n)
booked:
	env.CC = x.flags()
	x.storeGPR()
	env.RIP = rip
	return tcg.ResultNext
}

// validIP is that of the block's tcg.Key.
func (c *Code) validIP(rip uint64) bool {
	k := tcg.Key{Mode: c.mode, Top: c.top}
	return k.ValidIP(rip)
}

// astray leaves from p, whose operand cannot be an instruction pointer.
func (x *run) astray(p *ins) tcg.Result {
	if p.op == opIndRet {
		sp := tcg.Reg(4)
		put(&x.env.File, sp, p.w, x.env.File[sp]-uint64(p.disp))
	}
	if size := uint64(p.w.Bytes()); p.op == opChkIP && x.long {
		sp := x.env.File[tcg.Reg(4)] - size
		if !x.check(x.c.rips[p.insn], tcg.SegNone, tcg.Reg(4), sp, size) || !x.m.Probe(sp, int(size), x.idx) || !x.aligned(sp, size) {
			return x.fault(p.insn, x.flags())
		}
	}
	x.env.RIP = x.c.rips[p.insn]
	x.m.Raise(tcg.VectorGP)
	return x.fault(p.insn, x.flags())
}

// target is where a rare op that ends the block leads.
func (x *run) target(op *tcg.Op) uint64 {
	f := &x.env.File
	f[tcg.RefImm] = uint64(op.Imm)
	v := f[op.A&fileMask]
	if op.A.IsHigh() {
		v = high(f, op.A)
	}
	switch op.Code {
	case tcg.JmpInd:
		return v
	case tcg.Jz, tcg.Jnz:
		if (v&mask(op.W) == 0) == (op.Code == tcg.Jz) {
			return uint64(op.Imm)
		}
		return uint64(op.Disp)
	}
	return uint64(op.Imm)
}

// address is the linear address of p's operand of size bytes, in any segment.
func (x *run) address(p *ins, size uint64, write bool) (uint64, bool) {
	f := unsafe.Pointer(&x.env.File)
	lin := *at(f, p.a) + *at(f, p.b)<<(p.scale&63) + uint64(p.disp)
	if p.addrW != tcg.W64 {
		lin &= mask(p.addrW)
	}
	if p.seg == tcg.SegNone {
		return lin, true
	}
	return x.segment(x.c.rips[p.insn], p.seg, lin, size, write)
}

// load runs opLd and opLds but for the write of the destination.
func (x *run) load(p *ins) (uint64, bool) {
	size := uint64(1) << (p.srcW & 3)
	lin, ok := x.address(p, size, false)
	if !ok {
		return 0, false
	}
	var v uint64
	e := &x.read[mmu.TLBIndex(lin)]
	if t := lin - e.Page; t <= mmu.PageSize-size && lin&x.strict&(size-1) == 0 {
		v = load(e, lin, p.srcW)
	} else if v, ok = x.loadSlow(p, lin, size); !ok {
		return 0, false
	}
	if p.op == opLds {
		v = uint64(signed(v, p.srcW))
	}
	return v, true
}

// store runs opSt and opStI.
func (x *run) store(p *ins) bool {
	size := uint64(1) << (p.w & 3)
	lin, ok := x.address(p, size, true)
	if !ok {
		return false
	}
	v := uint64(p.imm)
	if p.op == opSt {
		v = x.env.File[p.c/8&fileMask]
		if r := tcg.Ref(p.c / 8); r.IsHigh() {
			v = high(&x.env.File, r)
		}
	}
	e := &x.write[mmu.TLBIndex(lin)]
	if t := lin - e.Page; t <= mmu.PageSize-size && lin&x.strict&(size-1) == 0 {
		store(e, lin, p.w, v)
		return true
	}
	return x.storeSlow(p, lin, size, v)
}
