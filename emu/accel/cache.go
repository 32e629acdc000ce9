package accel

import (
	"goemu/mmu"
	"goemu/tcg"
	"goemu/tcg/amd64"
	"goemu/tcg/interp"
)

// modeSingle marks blocks of one instruction for the interpreter, kept beside
// the ordinary block of the same address.
const modeSingle tcg.Mode = 1 << 15

// tb is one translation block in the cache.
type tb struct {
	key    tcg.Key
	id     uint32
	insns  int
	bytes  int
	code   *amd64.Code   // native
	ir     *interp.Code  // interpreter
	sys    []tcg.SysInst // instructions that leave for emu/x86
	phys2  uint64        // page of the last byte, where the block crosses into a second page
	cross  bool
	kills  bool // see tcg.Block.KillsFlags
	dead   bool
	stop   bool      // see stopHere
	next   *tb       // in the hash chain
	in     []edgeRef // linked edges that jump here
	linked []*tb     // by edge: where it jumps, or nil
}

// edgeRef names edge n of block b.
type edgeRef struct {
	b *tb
	n int
}

const hashBits = 17

// cache finds blocks by key, and by the physical page they were made from.
type cache struct {
	heads [1 << hashBits]*tb
	byID  []*tb
	pages map[uint64][]*tb
	live  int
}

func newCache() *cache { return &cache{pages: make(map[uint64][]*tb)} }

// hash does not look at RIP: a block that floats is for many, and others seldom differ in nothing else.
func hash(k *tcg.Key) uint64 {
	h := (k.Phys ^ uint64(k.Mode)<<48) * 0x9e37_79b9_7f4a_7c15
	return h >> (64 - hashBits)
}

// get finds the block of an ordinary key; float: one that floats will do.
func (c *cache) get(k *tcg.Key, float bool) *tb {
	for b := c.heads[hash(k)]; b != nil; b = b.next {
		if b.key.Phys == k.Phys && b.key.Mode == k.Mode && (b.key.RIP == k.RIP && !b.key.Float || b.key.Float && float) &&
			b.key.CSBase == k.CSBase && b.key.Top == k.Top {
			return b
		}
	}
	return nil
}

// add enters b and gives it its number. It reports which pages are new to the cache.
func (c *cache) add(b *tb) {
	h := hash(&b.key)
	b.next, c.heads[h] = c.heads[h], b
	p := b.key.Phys >> mmu.PageShift
	c.pages[p] = append(c.pages[p], b)
	if b.cross {
		c.pages[b.phys2>>mmu.PageShift] = append(c.pages[b.phys2>>mmu.PageShift], b)
	}
	c.live++
}

// nextID reserves the number of the next block to be compiled.
func (c *cache) nextID(b *tb) {
	b.id = uint32(len(c.byID))
	c.byID = append(c.byID, b)
}

// remove takes b out of the hash chain and the page lists.
func (c *cache) remove(b *tb) {
	for p := &c.heads[hash(&b.key)]; *p != nil; p = &(*p).next {
		if *p == b {
			*p = b.next
			break
		}
	}
	c.leavePage(b.key.Phys>>mmu.PageShift, b)
	if b.cross {
		c.leavePage(b.phys2>>mmu.PageShift, b)
	}
	b.kill()
	c.live--
}

// kill says that b must not be run again.
func (b *tb) kill() {
	b.dead = true
	if b.ir != nil {
		b.ir.Kill()
	}
}

func (c *cache) leavePage(p uint64, b *tb) {
	l := c.pages[p]
	for i := range l {
		if l[i] == b {
			l[i] = l[len(l)-1]
			l[len(l)-1] = nil
			l = l[:len(l)-1]
			break
		}
	}
	if len(l) == 0 {
		delete(c.pages, p)
	} else {
		c.pages[p] = l
	}
}

// overlaps tells whether b's guest code has a byte in [lo, hi) of physical memory.
func (b *tb) overlaps(lo, hi uint64) bool {
	first := uint64(b.bytes)
	if b.cross {
		first = mmu.PageSize - b.key.Phys&mmu.PageMask
		if s := b.phys2 &^ mmu.PageMask; lo < s+uint64(b.bytes)-first && hi > s {
			return true
		}
	}
	return lo < b.key.Phys+first && hi > b.key.Phys
}
