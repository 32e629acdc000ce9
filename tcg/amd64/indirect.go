//go:build linux && amd64

package amd64

import "goemu/tcg"

// Indirect jumps. Hosts predict conditional jumps from history far better than they predict indirect ones, many of which
// only remember the last target. So each indirect jump has a chain of compares, one for each of the first targets
// seen, before the general look-up in the jump cache. A link of the chain jumps through the jump-cache
// slot of its target after the usual checks: it is never stale.

// maxLearned is the number of targets that one jump learns.
const maxLearned = 6

// maxLearnBytes bounds the code of one link of a chain.
const maxLearnBytes = 96

// jumpIndirect ends the block with a jump to the RIP in RAX. The flags are in Env.CC.
func (c *compiler) jumpIndirect() {
	i := c.newEdge(0)
	e := &c.edges[i]
	e.Linkable, e.Indirect = false, true
	for c.n%4 != 3 {
		c.byte(0x2e)
	}
	e.saved = int32(c.jmp(c.n + 5))
	e.generic = int32(c.n)
	c.addCold(stub{kind: coldLearn, from: int(e.saved), edge: i})
	miss := c.jumpCache()
	c.addCold(stub{kind: coldLookup, from: miss[0], also: miss[1]})
}

// learn writes the code that leaves with ExitLearn; RIP is in RAX.
func (c *compiler) learn(edge int) {
	c.edges[edge].head = int32(c.n)
	c.checkIP()
	c.rm(opMovStore|rexW, rax, env(offRIP))
	for _, f := range [...]struct {
		off int
		v   uint32
	}{{offExitCode, tcg.ExitLearn}, {offExitSite, uint32(edge)}, {offExitBlock, c.b.ID}} {
		c.rm(opMovImm, 0, env(f.off))
		c.imm32(int32(f.v))
	}
	c.leaveStack()
}

// Learn adds rip to the targets that indirect edge number i of c tries before the general look-up.
func (e *Engine) Learn(c *Code, i int, rip uint64) {
	ed, a := &c.Edges[i], &e.c
	if !ed.Indirect || ed.known >= maxLearned || e.hot.end-a.n < maxLearnBytes {
		return
	}
	a.align(16, 0)
	start := int32(a.n)
	if v := int64(rip); v == int64(int32(v)) {
		a.aluRI(aluCmp, tcg.W64, rax, int32(v))
	} else {
		a.movImm(rcx, v)
		a.aluRR(aluCmp, tcg.W64, rax, rcx)
	}
	for a.n%4 != 2 { // the displacement is patched when the chain is complete
		a.byte(0x2e)
	}
	next := a.jcc(tcg.CondNE)
	a.patch(next, int(ed.head))
	a.lookUp(a.cachedJump(c.mode, env(offJumpCache+int(tcg.JumpIndex(rip))*jumpEntry)))
	if ed.known++; ed.known == 1 {
		ed.tail = int32(next)
	}
	ed.head = start
	e.patch32(ed.saved, start)
	if ed.known == maxLearned {
		e.patch32(ed.tail, ed.generic)
	}
}
