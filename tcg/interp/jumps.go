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
	edge  int
	to    uint64 // where that edge leads
}

const jumpSlots = 1 << 12

type jump struct {
	rip    uint64
	mode   tcg.Mode
	global uint8
	gen    uint64
	code   *Code
}

// Enter makes c, which stands at Env.RIP, known. global tells that it lies on a global page.
// Direct jumps within a page are linked for good. Blocks that cross pages, and those outside flat segments, must not be entered.
func (j *Jumps) Enter(c *Code, global bool) {
	g := uint8(0)
	if global {
		g = 1
	}
	j.slots[jumpSlot(c.rip)] = jump{c.rip, c.mode, g, j.gen[g], c}
	if f := j.from; f != nil && !f.dead && j.to == c.rip && f.mode == c.mode && f.page == c.page && f.rip>>mmu.PageShift == c.rip>>mmu.PageShift {
		f.link[j.edge] = c
	}
	j.from = nil
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
	if s.rip == rip && s.mode == mode && s.code != nil && s.gen == j.gen[s.global&1] && !s.code.dead {
		return s.code
	}
	return nil
}
