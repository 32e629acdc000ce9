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
	x.least = -1 << 31
	if j != nil {
		j.from = nil
		if j.Count {
			x.spend, x.least = -1, j.Least
		}
		if chain {
			x.j = j
		}
	}
	x.fetchGPR()
	f := unsafe.Pointer(&env.File)
	*at(f, 0) = 0

	x.cc = env.CC | tcg.CCFixed

block:
	p := &c.ins[0]
	var rip uint64
	var edge uint16 // of the jump at the end
	var to *Code    // where it leads
	for ; ; p = next(p) {
		// Two switches, as processors predict two jumps through tables better than one.
		if p.op < opLd64 {
			switch p.op {
			case opRare:
				op := &x.c.rare[p.imm]
				x.settle()
				x.rip = x.c.rips[p.insn]
				env.Done = int32(p.insn)
				var ok bool
				if x.cc, ok = x.step(op, x.cc); !ok {
					return x.fault(p.insn, x.cc)
				}
				if x.stop {
					p = x.cut(p)
				}
			case opRareEnd:
				rip = x.target(&x.c.rare[p.imm])
				goto out
			case opSys:
				x.settle()
				x.storeGPR()
				env.CC, env.RIP, env.Done = x.cc, x.c.rips[p.insn], int32(p.insn)
				if !x.m.Sys(&x.c.insts[p.imm]) {
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
				env.CC, env.RIP, env.Done = x.flags(), x.c.rips[p.insn], int32(p.insn)
				env.Again = 0
				if !x.m.Sys(&x.c.insts[p.imm]) {
					x.book(int(p.insn))
					return tcg.ResultFault
				}
				x.book(x.c.n - int(env.Again))
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
			case opSubIJ:
				x.la, x.lb = *at(f, p.a)<<(p.scale&63), uint64(p.imm)
				*at(f, p.dst) = (x.la - x.lb) >> (p.scale & 63)
				goto compare
			case opCmpRJ:
				x.la, x.lb = *at(f, p.a)<<(p.scale&63), *at(f, p.b)<<(p.scale&63)
				goto compare
			case opCmpIJ:
				x.la, x.lb = *at(f, p.a)<<(p.scale&63), uint64(p.imm)
				goto compare
			case opTestRJ:
				x.la, x.lb = (*at(f, p.a)&*at(f, p.b))<<(p.scale&63), 0
				goto compare
			case opTestIJ:
				x.la, x.lb = *at(f, p.a)<<(p.scale&63)&uint64(p.imm), 0
				goto compare
			case opMulR:
				*at(f, p.dst) = (*at(f, p.a) * *at(f, p.b)) << (p.scale & 63) >> (p.scale & 63)
			case opMulI:
				*at(f, p.dst) = (*at(f, p.a) * uint64(p.imm)) << (p.scale & 63) >> (p.scale & 63)
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

			}
			continue
		}
		switch p.op {
		case opLd64:
			lin := (*at(f, p.a) + *at(f, p.b)<<(p.scale&63) + uint64(p.disp)) & uint64(p.imm)
			e := &x.read[lin>>mmu.PageShift&(mmu.TLBEntries-1)]
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
			e := &x.read[lin>>mmu.PageShift&(mmu.TLBEntries-1)]
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
			e := &x.read[lin>>mmu.PageShift&(mmu.TLBEntries-1)]
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
			e := &x.read[lin>>mmu.PageShift&(mmu.TLBEntries-1)]
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
			e := &x.write[lin>>mmu.PageShift&(mmu.TLBEntries-1)]
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
			e := &x.write[lin>>mmu.PageShift&(mmu.TLBEntries-1)]
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
		case opSt16, opSt16I:
			lin := *at(f, p.a) + *at(f, p.b)<<(p.scale&63) + uint64(p.disp)
			v := uint64(p.imm)
			if p.op == opSt16 {
				v = *at(f, p.c)
				lin &= uint64(p.imm)
			}
			e := &x.write[lin>>mmu.PageShift&(mmu.TLBEntries-1)]
			if t := lin - e.Page; t <= mmu.PageSize-2 {
				*(*uint16)(ptr(lin + e.Addend)) = uint16(v)
				continue
			}
			if !x.storeSlow(p, lin, 2, v) {
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
			e := &x.write[lin>>mmu.PageShift&(mmu.TLBEntries-1)]
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
			if !x.c.validIP(*at(f, p.a)) {
				return x.astray(p)
			}
		case opJmp:
			goto jump
		case opJcc:
			if !x.holds(tcg.Cond(p.cond)) {
				goto other
			}
			goto jump
		case opJE:
			if x.la != x.lb {
				goto other
			}
			goto jump
		case opJNE:
			if x.la == x.lb {
				goto other
			}
			goto jump
		case opJB:
			if x.la >= x.lb {
				goto other
			}
			goto jump
		case opJAE:
			if x.la < x.lb {
				goto other
			}
			goto jump
		case opJBE:
			if x.la > x.lb {
				goto other
			}
			goto jump
		case opJA:
			if x.la <= x.lb {
				goto other
			}
			goto jump
		case opJS:
			if int64(x.la-x.lb) >= 0 {
				goto other
			}
			goto jump
		case opJNS:
			if int64(x.la-x.lb) < 0 {
				goto other
			}
			goto jump
		case opJL:
			if int64(x.la) >= int64(x.lb) {
				goto other
			}
			goto jump
		case opJGE:
			if int64(x.la) < int64(x.lb) {
				goto other
			}
			goto jump
		case opJLE:
			if int64(x.la) > int64(x.lb) {
				goto other
			}
			goto jump
		case opJG:
			if int64(x.la) <= int64(x.lb) {
				goto other
			}
			goto jump
		case opJz:
			if *at(f, p.a)<<(p.scale&63) != 0 {
				goto other
			}
			goto jump
		case opJnz:
			if *at(f, p.a)<<(p.scale&63) == 0 {
				goto other
			}
			goto jump
		}
	}

compare: // a conditional jump that is one with the op before it
	x.k = lazySub | flagKind(p.w)
	switch p.cond {
	case uint8(tcg.CondE):
		if x.la == x.lb {
			goto jump
		}
	case uint8(tcg.CondNE):
		if x.la != x.lb {
			goto jump
		}
	case uint8(tcg.CondB):
		if x.la < x.lb {
			goto jump
		}
	case uint8(tcg.CondA):
		if x.la > x.lb {
			goto jump
		}
	default:
		if x.holds(tcg.Cond(p.cond)) {
			goto jump
		}
	}
other: // the condition of a jump does not hold
	edge, to = 1, x.c.link[1]
	goto direct
jump:
	edge, to = 0, x.c.link[0]
direct:
	if x.j != nil {
		if to == nil || to.dead {
			rip = x.c.target[edge&1]
			if to = x.j.follow(x.c, edge, rip); to == nil {
				goto out
			}
		}
		x.book(x.c.n)
		if atomic.LoadUint32(&env.ExitReq) != 0 || env.Budget < x.least {
			rip = x.c.target[edge&1]
			goto booked
		}
		c, x.c = to, to
		goto block
	}
	rip = x.c.target[edge&1]
	goto out
lookup:
	if x.j != nil {
		if to := x.j.find(rip, x.c.mode); to != nil {
			x.book(x.c.n)
			if atomic.LoadUint32(&env.ExitReq) != 0 || env.Budget < x.least {
				goto booked
			}
			c, x.c = to, to
			goto block
		}
	}
	if !x.c.validIP(rip) {
		return x.astray(p)
	}
out:
	x.book(x.c.n)
booked:
	env.CC = x.flags()
	x.storeGPR()
	env.RIP = rip
	return tcg.ResultNext
}
