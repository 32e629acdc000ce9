package accel

import (
	"maps"
	"sync/atomic"

	"goemu/emu/translate"
	"goemu/mmu"
	"goemu/tcg"
	"goemu/tcg/amd64"
)

// Code is the translated code of a machine. Its vCPUs share it: a block names a vCPU's state by the host's env register only, and
// what depends on a vCPU's mapping (jump cache, stack of returns, the interpreter's jumps) is each Engine's own.
type Code struct {
	space   *mmu.Space
	opt     Options
	native  *amd64.Engine
	trans   *translate.Translator
	cache   *cache
	engines []*Engine

	breaks  map[uint64]int    // breakpoints by linear address: how many
	watches bool              // there are watchpoints
	homes   map[uint64]uint64 // by number of the physical page: see floats
	runs    map[uint64]uint64 // of blocks that are counted, by linear address
	most    int32             // instructions in a block

	scratch tcg.Block // reused for translation
	span    [mmu.PageSize + 16]byte
}

// NewCode makes an empty Code for a physical address space and takes the space's hooks.
func NewCode(space *mmu.Space, opt Options) (*Code, error) {
	c := &Code{space: space, opt: opt, trans: translate.New(), cache: newCache(), homes: make(map[uint64]uint64), most: MaxInsns}
	c.trans.Yield = opt.Yield
	var err error
	if c.native, err = c.newNative(opt.Native); err != nil {
		return nil, err
	}
	space.OnCodeWrite = c.codeWritten
	space.OnRemap = c.remapped
	space.OnClean = c.cleaned
	return c, nil
}

// cleaned makes stores to pages of the host's memory from lo to hi take the slow path.
func (c *Code) cleaned(lo, hi uintptr) {
	for _, e := range c.engines {
		e.cpu.DropWrites(uint64(lo), uint64(hi))
	}
}

// fewPages is how many pages with code can change their place without all blocks being dropped.
const fewPages = 64

// pagesWithCode lists the pages of a range on which there are blocks, up to one more than fewPages.
func (c *Code) pagesWithCode(first, last uint64) (pages []uint64) {
	if last-first < fewPages {
		for p := first; p <= last; p++ {
			if len(c.cache.pages[p]) > 0 {
				pages = append(pages, p)
			}
		}
		return pages
	}
	for p, l := range c.cache.pages {
		if p >= first && p <= last && len(l) > 0 {
			if pages = append(pages, p); len(pages) > fewPages {
				break
			}
		}
	}
	return pages
}

// remapped drops all that was true of size bytes of the physical address space.
func (c *Code) remapped(base, size uint64) {
	if pages := c.pagesWithCode(base>>mmu.PageShift, (base+size-1)>>mmu.PageShift); len(pages) > fewPages {
		c.Flush()
	} else {
		for _, p := range pages {
			for l := c.cache.pages[p]; len(l) > 0; l = c.cache.pages[p] {
				c.drop(l[0])
			}
		}
		for _, e := range c.engines {
			atomic.OrUint32(&e.env.ExitReq, 1)
		}
	}
	for _, e := range c.engines {
		e.cpu.FlushTLB(true)
	}
}

// Flush drops all blocks.
func (c *Code) Flush() {
	for _, e := range c.engines {
		e.FlushJumps(true)
	}
	for p, l := range c.cache.pages {
		c.space.ClearCode(p << mmu.PageShift)
		for _, b := range l {
			b.kill()
		}
	}
	for _, b := range c.cache.byID {
		if b != nil {
			b.dead = true
		}
	}
	c.cache = newCache()
	maps.DeleteFunc(c.homes, func(_, home uint64) bool { return home != everywhere })
	if c.native != nil {
		c.native.Reset()
	}
}

// mark notes code on the block's pages, so that stores to them are seen; false if they are not RAM or ROM.
func (c *Code) mark(b *tb) bool {
	ok := c.markPage(b.key.Phys)
	if ok && b.cross {
		ok = c.markPage(b.phys2)
	}
	return ok
}

func (c *Code) markPage(phys uint64) bool {
	if _, have := c.cache.pages[phys>>mmu.PageShift]; have {
		return true
	}
	if !c.space.MarkCode(phys) {
		return false
	}
	for _, e := range c.engines {
		e.cpu.DropWrite(phys)
	}
	return true
}

// codeWritten drops the blocks that overlap a store. If any was dropped the vCPUs leave the blocks they are in, as that may be one of them.
func (c *Code) codeWritten(phys uint64, n int) {
	lo, hi := phys, phys+uint64(n)
	for p := lo >> mmu.PageShift; p <= (hi-1)>>mmu.PageShift; p++ {
		l := c.cache.pages[p]
		for i := len(l) - 1; i >= 0; i-- {
			if i < len(l) && l[i].overlaps(lo, hi) {
				c.drop(l[i])
				for _, e := range c.engines {
					atomic.OrUint32(&e.env.ExitReq, 1)
				}
				c.engines[0].Stats.Invalidations++
				l = c.cache.pages[p]
			}
		}
		if len(l) == 0 {
			c.space.ClearCode(p << mmu.PageShift)
			delete(c.homes, p)
		}
	}
}

// drop removes b from the cache and everything that leads to it.
func (c *Code) drop(b *tb) {
	for _, in := range b.in {
		if in.b.linked[in.n] == b {
			c.native.Unlink(in.b.code, in.n)
			in.b.linked[in.n] = nil
		}
	}
	b.in = nil
	for n, to := range b.linked {
		if to != nil {
			to.forget(b, n)
			b.linked[n] = nil
		}
	}
	for _, e := range c.engines {
		e.env.DropReturns()
		switch {
		case b.code == nil:
		case b.key.Float:
			for _, list := range [...][]uint16{e.jumps, e.globals} {
				for _, i := range list {
					e.dropJump(&e.env.JumpCache[i], b)
				}
			}
		default:
			e.dropJump(&e.env.JumpCache[tcg.JumpIndex(b.key.RIP)], b)
		}
	}
	c.cache.remove(b)
	if b.code != nil {
		c.cache.byID[b.id] = nil
	}
}

// dropJump empties a slot of the jump cache if it leads to b.
func (e *Engine) dropJump(j *tcg.JumpEntry, b *tb) {
	if j.Code == uint64(b.code.Entry) {
		listed := j.Listed
		*j = e.noJump()
		j.Listed = listed
	}
}

// forget removes the note that edge n of from jumps here.
func (b *tb) forget(from *tb, n int) {
	for i, r := range b.in {
		if r.b == from && r.n == n {
			b.in[i] = b.in[len(b.in)-1]
			b.in = b.in[:len(b.in)-1]
			return
		}
	}
}

// Close gives back the code memory. No engine can run afterwards; who looks at one finds no blocks, as they lead to that memory.
func (c *Code) Close() error {
	c.Flush()
	if c.native == nil {
		return nil
	}
	return c.native.Close()
}
