package accel

import (
	"goemu/emu/debuglog"
	"goemu/mmu"
	"goemu/tcg"
)

// Blocks that float are for code wherever it is mapped (tcg.Key). Programs' libraries are: each process has them at addresses of its own, and
// a start of many programs, as at boot, would translate the same code again for each. Where code is at one address only, ordinary
// blocks are better: their addresses are constants.

// Code between these addresses may float: no branch or RIP-relative operand wraps around, or leaves the lower half of the linear addresses.
const (
	floatLow  = 1 << 32
	floatHigh = 1<<47 - 1<<32
)

// canFloat tells whether ordinary code of a mode at rip could be in blocks that float.
func canFloat(mode tcg.Mode, rip uint64) bool {
	return mode&(tcg.ModeCode|tcg.ModeTF|modeSingle) == tcg.ModeCode64 && rip-floatLow < floatHigh-floatLow
}

// mayFloat tells whether code at rip may be in blocks that float. The log, breakpoints and counted blocks name addresses, and so have ordinary blocks only.
func (e *Engine) mayFloat(mode tcg.Mode, rip uint64) bool {
	return canFloat(mode, rip) && e.native != nil && !e.byAddress() &&
		!e.opt.Log.Wants(debuglog.InAsm|debuglog.Op|debuglog.OpOpt|debuglog.OutAsm|debuglog.Exec|debuglog.CPU)
}

// misplaced tells whether a block floats while that is not allowed, or stands where the others float and there are none.
func (c *Code) misplaced(b *tb) bool {
	if c.byAddress() {
		return b.key.Float
	}
	return !b.key.Float && canFloat(b.key.Mode, b.key.RIP) && c.homes[b.key.Phys>>mmu.PageShift] == everywhere
}

// everywhere is the home of a page whose blocks float.
const everywhere = 1

// floats tells whether new blocks of the code at rip, which may float, do so. Those of a page do from the second linear address on at which
// it is found. All blocks of a page that may float do or do not, as they are linked to each other.
func (c *Code) floats(phys, rip uint64) bool {
	if c.space.PageBytes(phys) == nil {
		return false
	}
	page := phys >> mmu.PageShift
	switch home, known := c.homes[page]; {
	case home == everywhere:
		return true
	case !known:
		c.homes[page] = rip &^ mmu.PageMask
		return false
	case home == rip&^mmu.PageMask:
		return false
	}
	c.homes[page] = everywhere
	l := c.cache.pages[page]
	for i := len(l) - 1; i >= 0; i-- {
		b := l[i]
		if c.misplaced(b) {
			c.drop(b)
			l = c.cache.pages[page]
		}
	}
	return true
}
