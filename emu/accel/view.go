package accel

import (
	"fmt"
	"strings"

	"goemu/emu/inspect"
	"goemu/mmu"
	"goemu/tcg"
)

// modeCounted marks blocks of the interpreter whose runs are counted.
const modeCounted tcg.Mode = 1 << 14

// CountRuns has the runs of the block at a linear address counted, or no more.
func (c *Code) CountRuns(linear uint64, on bool) {
	if _, was := c.runs[linear]; was == on {
		return
	}
	if on {
		if c.runs == nil {
			c.runs = map[uint64]uint64{}
		}
		c.runs[linear] = 0
	} else {
		delete(c.runs, linear)
	}
	c.dropAround(linear)
}

// View shows the translation at rip, without its Guest lines; Code has their bytes. ok is false where no code can be read.
func (e *Engine) View(rip uint64) (v inspect.Block, ok bool) {
	blk, code, ok := e.look(rip)
	if !ok {
		return v, false
	}
	k := blk.Key
	v = inspect.Block{
		RIP: rip, Phys: k.Phys, Mode: fmt.Sprintf("%d-bit, CPL %d", k.Mode.CodeBits(), k.Mode.CPL()),
		Code: append([]byte(nil), code...), GuestBytes: blk.Bytes, Insns: blk.NInsns, IR: blk.String(),
	}
	if !e.opt.NoOptimise {
		tcg.Optimise(blk, nil)
	}
	v.Optimised = blk.String()
	v.Runs, v.Counted = e.runs[e.linear(rip, k.Mode)]
	if b := e.cache.get(&k, e.mayFloat(k.Mode, rip)); b != nil {
		v.Translated, v.Native = true, b.code != nil
		if b.code != nil {
			var w strings.Builder
			if b.code.Listing(&w) == nil {
				v.Host = w.String()
			}
			v.HostBytes = b.code.Size
		}
		for _, to := range b.linked {
			if to != nil {
				next := to.key.RIP
				if to.key.Float {
					next |= rip &^ mmu.PageMask // links stay on the page
				}
				v.Chained = append(v.Chained, next)
			}
		}
	}
	return v, true
}

// Statistics fills j with what all vCPUs have done.
func (c *Code) Statistics(j *inspect.JIT) {
	j.Live = c.cache.live
	if c.native != nil {
		j.CodeUsed, j.CodeSize = uint64(c.native.Used()), uint64(c.native.Size())
	}
	for _, e := range c.engines {
		s := &e.Stats
		j.Blocks += s.Blocks
		j.GuestBytes += s.GuestBytes
		j.HostBytes += s.HostBytes
		j.Flushes += s.Flushes
		j.Invalidations += s.Invalidations
		j.Lookups += s.Lookups
		j.Links += s.Links
		j.TLBFills += s.TLBFills
		j.Bails += s.Bails
		j.Sys += s.Sys
	}
}
