package interp

import (
	"goemu/mmu"
	"goemu/tcg"
)

// Jumps lets Code.Run go on from block to block. The vCPU loop enters the blocks that it has looked up, and says when they
// may mean something else.
type Jumps struct {
	// Count: book instructions in Env.Budget, and stay in Run only while it is at least Least.
	Count bool
	Least int32

	gen   [2]uint64 // of code on pages that are not global, and global ones
	slots [jumpSlots]jump
	from  *Code // the block that Run has left by edge, or nil
	edge  uint16
	to    uint64 // where that edge leads
}

const jumpSlots = 1 << 12

type jump struct {
	rip    uint64
	gen    uint64
	code   *Code
	global uint8
}

// Enter makes c, which stands at Env.RIP, known. global tells that it lies on a global page.
// Direct jumps within a page are linked for good. Blocks that cross pages, and those outside flat segments, must not be entered.
func (j *Jumps) Enter(c *Code, global bool) {
	g := uint8(0)
	if global {
		g = 1
	}
	j.slots[jumpSlot(c.rip)] = jump{c.rip, j.gen[g], c, g}
	if f := j.from; f != nil && !f.dead && j.to == c.rip && f.mode == c.mode {
		f.join(j.edge, c)
	}
	j.from = nil
}

// join links an edge of c to a block of the same mode, if that is on the same page.
func (c *Code) join(edge uint16, to *Code) {
	if c.page == to.page && c.rip>>mmu.PageShift == to.rip>>mmu.PageShift {
		c.link[edge&1] = to
	}
}

// follow gives the block at rip, where an edge of c leads, or nil; then Enter will be told of it.
func (j *Jumps) follow(c *Code, edge uint16, rip uint64) *Code {
	to := j.find(rip, c.mode)
	if to == nil {
		j.from, j.edge, j.to = c, edge, rip
		return nil
	}
	c.join(edge, to)
	return to
}

// Flush forgets where linear addresses lead; with all, those of global pages too. Links within a page stay.
func (j *Jumps) Flush(all bool) {
	j.gen[0]++
	if all {
		j.gen[1]++
	}
	j.from = nil
}

// Kill says that c must not be run again: its guest code has changed.
func (c *Code) Kill() { c.dead = true }

func jumpSlot(rip uint64) uint64 { return (rip ^ rip>>mmu.PageShift) & (jumpSlots - 1) }

// find gives the block at rip, or nil.
func (j *Jumps) find(rip uint64, mode tcg.Mode) *Code {
	s := &j.slots[jumpSlot(rip)]
	if c := s.code; s.rip == rip && c != nil && c.mode == mode && s.gen == j.gen[s.global&1] && !c.dead {
		return c
	}
	return nil
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
