//go:build linux && amd64

package amd64

import (
	"goemu/mmu"
	"goemu/tcg"
)

// coldKind says what a stub behind the block's code does.
type coldKind uint8

const (
	coldReqd     coldKind = iota // leave before the block: ExitReqd
	coldBudget                   // the same, giving the budget back
	coldTLB                      // TLB miss
	coldBail                     // the interpreter must run the instruction
	coldSSE                      // load the SSE registers, or bail
	coldX87                      // load the x87 state, or bail
	coldAVX                      // load the AVX registers, or bail
	coldEdge                     // flag-saving code of an edge and its jump
	coldUnlinked                 // leave at an edge: ExitEdge
	coldSelf                     // leave at an edge from the block to itself
	coldShadow                   // empty the full stack of returns
	coldLearn                    // leave with ExitLearn
	coldLookup                   // leave with ExitLookup, or bail
	coldReturn                   // a return to another address than the stack of returns says
)

// stub is code to be written behind the block's, with what is known where it is jumped to.
type stub struct {
	kind  coldKind
	write bool  // coldTLB
	rdx   bool  // coldTLB: RDX holds a temporary
	sse   bool  // coldTLB: the SSE registers were in the host's
	avx   bool  // coldTLB: so were the upper halves
	from  int   // place of the displacement of the jump that leads here
	also  int   // the same of another, or 0
	back  int   // where the code goes on
	hit   int   // coldTLB: where it goes on with the addend in RCX and, where the op may want it, the address in RAX
	size  int   // coldTLB: of the access, in bytes
	table int32 // coldTLB: the TLB's table, by its displacement
	site  int
	edge  int
	fl    flagState
}

func (c *compiler) addCold(s stub) {
	s.fl = c.fl
	c.cold = append(c.cold, s)
}

// bailIf leaves with ExitBail if cc holds. The current instruction has changed nothing yet.
func (c *compiler) bailIf(cc tcg.Cond) {
	c.addCold(stub{kind: coldBail, from: c.jcc(cc), site: c.siteIndex()})
}

// jumpBail leaves with ExitBail.
func (c *compiler) jumpBail() {
	c.addCold(stub{kind: coldBail, from: c.jmp(c.n + 5), site: c.siteIndex()})
}

// leave writes the jump to the exit routine with a descriptor, which follows. Without a place to go on, resume is 0.
func (c *compiler) leave(code uint32, site int, write bool, rip uint64, resume int) {
	c.rm(opLea|rexW, rdx, mem{base: ripReg, index: noReg, disp: 5})
	s := &c.e.stubs.exits[0]
	if c.b.Key.Float {
		s = &c.e.stubs.exits[1]
	}
	if resume == 0 {
		c.jmp(s.end)
	} else {
		c.jmp(s.goOn)
	}
	c.desc(code, site, c.b.ID, write, rip, resume)
}

// saveFor writes the code that makes Env.CC right, given where the flags are.
func (c *compiler) saveFor(f *flagState) {
	switch {
	case f.mem:
		return
	case !f.host:
		c.emitRecipe(&f.rec)
	}
	c.saveHost()
}

// emitCold writes all stubs.
func (c *compiler) emitCold() {
	for i := 0; i < len(c.cold); i++ {
		s := c.cold[i] // a copy: stubs may add stubs
		c.patch(s.from, c.n)
		if s.also != 0 {
			c.patch(s.also, c.n)
		}
		switch s.kind {
		case coldReqd:
			c.leave(tcg.ExitReqd, 0, false, c.b.Key.RIP, 0)
		case coldBudget:
			c.aluMI(0, aluAdd, tcg.W32, env(offBudget), int32(c.b.NInsns))
			c.leave(tcg.ExitReqd, 0, false, c.b.Key.RIP, 0)
		case coldTLB:
			c.coldMiss(&s)
		case coldBail:
			c.saveFor(&s.fl)
			c.leave(tcg.ExitBail, s.site, false, c.siteRIP(s.site), 0)
		case coldSSE, coldX87, coldAVX:
			ok, load := offSSEOK, c.e.stubs.loadSSE
			switch s.kind {
			case coldX87:
				ok, load = offX87OK, c.e.stubs.loadX87
			case coldAVX: // SSE must be allowed too, as afterwards it is live
				c.zextM(tcg.W8, rcx, env(offSSEOK))
				c.rm(sized(opTest, tcg.W8), rcx, env(offAVXOK))
				ok, load = 0, c.e.stubs.loadAVX
			}
			if ok != 0 {
				c.aluMI(0, aluCmp, tcg.W8, env(ok), 0)
			}
			no := c.jcc8(tcg.CondE)
			c.rm(opLea|rexW, rcx, mem{base: ripReg, index: noReg, disp: int32(s.back - c.n - 7)})
			c.jmp(load)
			c.here8(no)
			c.saveFor(&s.fl)
			c.leave(tcg.ExitBail, s.site, false, c.siteRIP(s.site), 0)
		case coldEdge:
			c.fl = s.fl
			c.finishEdge(s.edge)
		case coldUnlinked:
			e := &c.edges[s.edge]
			e.stub = int32(c.n)
			c.leave(tcg.ExitEdge, s.edge, false, e.Target, 0)
		case coldShadow:
			c.rm(opMovLoad|rexW, rsp, env(offShadowTop))
			c.jmp(s.back)
		case coldLearn:
			c.learn(s.edge)
		case coldLookup:
			c.checkIP()
			c.jmp(c.e.stubs.lookup)
		case coldReturn:
			c.mismatch()
		case coldSelf:
			c.saveFor(&s.fl)
			c.leave(tcg.ExitReqd, 0, false, c.edges[s.edge].Target, 0)
		}
	}
}

func (c *compiler) siteRIP(site int) uint64 { return c.b.Key.RIP + uint64(int64(c.sites[site].RIP)) }

// coldMiss writes the stub of a TLB miss: RAX holds the address less the page, RCX the table index. It looks among the victims, which needs
// RDX. Resume is a piece of code that brings back what an exit loses, and tries again.
func (c *compiler) coldMiss(s *stub) {
	if s.rdx {
		c.rm(opMovStore|rexW, rdx, spillMem(rdxSlot))
	}
	c.movImm(rdx, int64(s.size-1))
	c.byte(0xe8) // CALL
	c.imm32(int32(c.e.stubs.victim[(int(s.table)-offTLB)/tlbTable] - c.n - 4))
	if s.rdx {
		c.rm(opMovLoad|rexW, rdx, spillMem(rdxSlot))
	}
	c.patch(c.jcc(tcg.CondE), s.hit)
	c.saveFor(&s.fl)
	at := c.n + 7 + 5 + descSize // behind the descriptor
	resume := at
	if !s.rdx && !s.sse { // avx goes with sse
		resume = s.back
	}
	c.leave(tcg.ExitTLB, s.site, s.write, c.siteRIP(s.site), resume)
	if s.rdx {
		c.rm(opMovLoad|rexW, rdx, spillMem(rdxSlot))
	}
	switch {
	case s.sse:
		c.rm(opLea|rexW, rcx, mem{base: ripReg, index: noReg, disp: int32(s.back - c.n - 7)})
		if s.avx {
			c.jmp(c.e.stubs.loadAVX)
		} else {
			c.jmp(c.e.stubs.loadSSE)
		}
	case s.rdx:
		c.jmp(s.back)
	}
}

// sys leaves for emu/x86 to run an instruction; the code goes on behind unless the op ends the block.
func (c *compiler) sys() (end bool) {
	o := c.op
	c.needMem()
	c.freeRDX()
	site := c.addSite(int(o.Imm))
	at := c.n + 7 + 5 + descSize
	resume := at
	if o.End {
		resume = 0
	}
	c.leave(tcg.ExitSys, site, false, c.rip, resume)
	c.fl = flagState{mem: true}
	c.sse, c.x87, c.avx, c.ymm = false, false, false, false
	return o.End
}

// branch ends the block.
func (c *compiler) branch() {
	o := c.op
	switch o.Code {
	case tcg.Jmp:
		t := c.newEdge(uint64(o.Imm))
		if o.Link == tcg.LinkCall {
			c.needMem()
			c.pushReturn(uint64(o.Disp))
		}
		c.inlineEdge(t)
	case tcg.Jcc:
		cc := c.cond(o.Cond)
		c.fork(cc, uint64(o.Imm), uint64(o.Disp))
	case tcg.Jz, tcg.Jnz:
		c.clobber()
		s := c.src(o.A, o.W, rax)
		switch s.kind {
		case inReg:
			c.rr(sized(opTest, o.W), s.r, s.r)
		case inEnv:
			c.aluMI(0, aluCmp, o.W, s.m, 0)
		default:
			c.movImm(rax, immBits(o.W, o.Imm))
			c.rr(sized(opTest, o.W), rax, rax)
		}
		cc := tcg.CondE
		if o.Code == tcg.Jnz {
			cc = tcg.CondNE
		}
		c.fork(cc, uint64(o.Imm), uint64(o.Disp))
	case tcg.JmpInd:
		c.needMem()
		c.copyTo(rax, o.A, tcg.W64, true)
		switch o.Link {
		case tcg.LinkRet:
			c.popReturn()
		case tcg.LinkCall:
			c.pushReturn(uint64(o.Disp))
			fallthrough
		default:
			c.jumpIndirect()
		}
	case tcg.Exit:
		c.needMem()
		if c.b.Key.Mode&tcg.ModeTF != 0 {
			c.leave(tcg.ExitLookup, 0, false, uint64(o.Imm), 0)
			break
		}
		// A block's entry tests Env.ExitReq, and so leaves if the vCPU loop has something to do.
		c.jumpTo(uint64(o.Imm))
	}
}

// linkable tells whether an edge to target stays on the block's page.
func (c *compiler) linkable(target uint64) bool { return (target^c.b.Key.RIP)&^0xfff == 0 }

// newEdge adds an edge and gives its number.
func (c *compiler) newEdge(target uint64) int {
	c.edges = append(c.edges, Edge{Target: target, Linkable: c.linkable(target)})
	c.saves = append(c.saves, 0)
	return len(c.edges) - 1
}

// fork writes a conditional jump to taken with fall behind it. A backward edge, which
// saves the flags, is laid behind the jump and the jump inverted.
func (c *compiler) fork(cc tcg.Cond, taken, fall uint64) {
	if taken <= c.b.Key.RIP && c.linkable(taken) {
		cc ^= 1
		taken, fall = fall, taken
	}
	t := c.newEdge(taken)
	e := &c.edges[t]
	direct := e.Linkable && taken > c.b.Key.RIP && !c.fl.mem
	if direct {
		// The displacement is aligned by prefixes without meaning: a nop would part the jump from its CMP.
		for c.n%4 != 2 {
			c.byte(0x2e)
		}
	}
	from := c.jcc(cc)
	if direct {
		e.kind, e.direct = directJcc, int32(from)
	}
	c.addCold(stub{kind: coldEdge, from: from, edge: t})
	f := c.newEdge(fall)
	c.inlineEdge(f)
}

// inlineEdge writes an edge at the place where the block's code ends.
func (c *compiler) inlineEdge(i int) {
	e := &c.edges[i]
	if e.Target == c.b.Key.RIP && c.startLive&^c.heldInMem() == 0 && c.b.Key.Mode&tcg.ModeTF == 0 && !c.e.opts.Count && !c.e.opts.Quota && !c.each() {
		c.selfEdge(i)
		return
	}
	if e.Linkable && e.Target > c.b.Key.RIP && !c.fl.mem {
		c.align(8, 3)
		e.kind, e.direct = directJmp, int32(c.n)
		c.n += copy(c.buf[c.n:], nops[5])
	}
	c.finishEdge(i)
}

func (c *compiler) each() bool { return c.e.opts.Each != nil && c.e.opts.Each() }

// heldInMem gives the flags that Env.CC holds.
func (c *compiler) heldInMem() tcg.Flags {
	switch f := &c.fl; {
	case f.mem:
		return tcg.FlagsAll
	case f.rec.kind == recInc || f.rec.kind == recDec:
		return tcg.FlagC
	}
	return 0
}

// selfEdge writes the jump from the block to itself: Env.CC holds what the block sees of the flags, so that all are only
// saved if it is left.
func (c *compiler) selfEdge(i int) {
	e := &c.edges[i]
	e.Linkable = false
	f := c.fl
	if !f.mem && f.rec.kind == recNone { // test without destroying the flags
		c.rm(opMovLoad, rcx, env(offExitReq))
		c.byte(0xe3) // JRCXZ over the jump to the stub
		c.byte(5)
		c.addCold(stub{kind: coldSelf, from: c.jmp(c.n + 5), edge: i})
	} else {
		c.fl.host, c.fl.noC = false, false
		c.aluMI(0, aluCmp, tcg.W32, env(offExitReq), 0)
		c.addCold(stub{kind: coldSelf, from: c.jcc(tcg.CondNE), edge: i})
	}
	c.jmp(int(c.code.Body - c.e.rx))
}

// finishEdge writes the flag-saving code of an edge and its jump: to a stub that leaves with ExitEdge until it is
// linked, or through the jump cache.
func (c *compiler) finishEdge(i int) {
	e := &c.edges[i]
	c.saves[i] = int32(c.n)
	c.needMem()
	if !e.Linkable {
		c.jumpTo(e.Target)
		return
	}
	for c.n%4 != 3 {
		c.byte(0x2e)
	}
	e.saved = int32(c.jmp(c.n + 5))
	c.addCold(stub{kind: coldUnlinked, from: int(e.saved), edge: i})
}

// jumpCache jumps to the block at the RIP in RAX through the jump cache. The flags are in Env.CC. It gives the places of
// the jumps that are taken on a miss.
func (c *compiler) jumpCache() (miss [2]int) {
	c.movRR(tcg.W32, rcx, rax) // tcg.JumpIndex
	c.shiftI(5, tcg.W32, rcx, mmu.PageShift)
	c.aluRR(aluXor, tcg.W32, rcx, rax)
	c.aluRI(aluAnd, tcg.W32, rcx, tcg.JumpCacheEntries-1)
	c.shiftI(4, tcg.W32, rcx, 5)
	return c.cachedJump(c.b.Key.Mode, mem{base: r15, index: rcx, disp: int32(offJumpCache)})
}

// jumpCacheAt is jumpCache for a constant RIP, which is in RAX too.
func (c *compiler) jumpCacheAt(rip uint64) (miss [2]int) {
	return c.cachedJump(c.b.Key.Mode, env(offJumpCache+int(tcg.JumpIndex(rip))*jumpEntry))
}

// jumpTo jumps to the block at a constant RIP through the jump cache. The flags are in Env.CC.
func (c *compiler) jumpTo(rip uint64) {
	c.loadRIP(rax, rip)
	if c.b.Key.Float {
		c.lookUp(c.jumpCache())
	} else {
		c.lookUp(c.jumpCacheAt(rip))
	}
}

// loadRIP loads a guest RIP of the block's, which in a block that floats is relative to its page. It leaves the flags alone.
func (c *compiler) loadRIP(r reg, rip uint64) {
	if !c.b.Key.Float {
		c.movImm(r, int64(rip))
		return
	}
	c.rm(opMovLoad|rexW, r, env(offPage))
	c.rm(opLea|rexW, r, mem{base: r, index: noReg, disp: int32(rip)})
}

// noteRIP sets the page of a block that floats, where RAX has the address that is rip relative to it. It leaves the flags alone.
func (c *compiler) noteRIP(rip uint64) {
	if c.b.Key.Float {
		c.rm(opLea|rexW, rcx, mem{base: rax, index: noReg, disp: -int32(rip)})
		c.rm(opMovStore|rexW, rcx, env(offPage))
	}
}

// cachedJump jumps through jump-cache entry m if it is for the RIP in RAX and for mode.
func (a *asm) cachedJump(mode tcg.Mode, m mem) (miss [2]int) {
	a.aluMR(0, aluCmp, tcg.W64, m, rax)
	miss[0] = a.jcc(tcg.CondNE)
	m.disp += 8
	a.aluMI(0, aluCmp, tcg.W64, m, int32(mode))
	miss[1] = a.jcc(tcg.CondNE)
	m.disp += 8
	a.rm(0xff, 4, m)
	return miss
}

// lookUp lets the jumps of a miss lead to the look-up stub.
func (c *compiler) lookUp(miss [2]int) {
	for _, m := range miss {
		c.patch(m, c.e.stubs.lookup)
	}
}

// testIP tests whether r can be an instruction pointer (tcg.Key.ValidIP), by the condition it gives. It may change RCX.
func (c *compiler) testIP(r reg) tcg.Cond {
	if c.b.Key.Mode&tcg.ModeCode != tcg.ModeCode64 {
		c.aluRI(aluCmp, tcg.W32, r, int32(c.b.Key.Top-1))
		return tcg.CondBE
	}
	// The upper 17 (or 8) bits, 0 or all ones, have all but the lowest bit 0 after an increment.
	sign := uint8(c.b.Key.SignBit())
	if c.bmi2 {
		c.rorx(tcg.W64, rcx, r, sign)
	} else {
		c.movRR(tcg.W64, rcx, r)
		c.shiftI(0, tcg.W64, rcx, 64-sign)
	}
	c.aluRI(aluAdd, tcg.W32, rcx, 1)
	c.aluRI(aluAnd, tcg.W32, rcx, 1<<(64-sign)-2)
	return tcg.CondE
}

// checkIP leaves with ExitBail, in code that is seldom run, if the target in RAX of the jump that ends the block cannot be an
// instruction pointer. A return takes its pop back.
func (c *compiler) checkIP() {
	o := c.op
	if o.Link == tcg.LinkCall || c.b.Key.Mode&tcg.ModeCode != tcg.ModeCode64 && c.b.Key.Top == 0 {
		return
	}
	good := c.jcc8(c.testIP(rax))
	if o.Link == tcg.LinkRet {
		if h := pin[4]; h != noReg {
			c.aluRI(aluSub, o.W, h, int32(o.Disp))
		} else {
			c.aluMI(0, aluSub, o.W, gprMem(4), int32(o.Disp))
		}
	}
	site := c.siteIndex()
	c.leave(tcg.ExitBail, site, false, c.siteRIP(site), 0)
	c.here8(good)
}
