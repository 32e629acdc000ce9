package accel

import (
	"goemu/decoder"
	"goemu/emu/x86"
	"goemu/mmu"
	"goemu/tcg"
)

// Debugger decides when vCPUs are to stop for somebody who looks at the machine. It is called by the vCPU loop between two instructions; to stop, it makes
// Events.Poll wait, and requests an exit.
type Debugger interface {
	// Break is called before the instruction at a breakpoint. False: go on.
	Break(linear uint64) (stop bool)
	// Stepped is called when a step is done.
	Stepped()
	// Watched is called after an instruction that has met a watchpoint.
	Watched(hit x86.WatchHit)
}

// debugging is a vCPU's part of it.
type debugging struct {
	Debugger          // nil: nobody looks
	step     stepping // how far to go
	pass     bool     // the breakpoint at passAt has been told of: its instruction is to be executed once
	passAt   uint64
}

type stepping struct {
	on         bool
	interrupts bool   // may be taken
	ran        bool   // an instruction has been executed, or an interrupt taken
	at, end    uint64 // of a block: the instruction that runs, and where the block ends
}

// stopHere stands for the block at a breakpoint: whoever finds it returns to the loop.
var stopHere = &tb{stop: true, dead: true}

// SetDebugger says who decides.
func (e *Engine) SetDebugger(d Debugger) { e.debug.Debugger = d }

// AddBreak makes all vCPUs stop before the instruction at a linear address. Blocks end before it.
func (c *Code) AddBreak(linear uint64) {
	if c.breaks == nil {
		c.breaks = map[uint64]int{}
	}
	if c.breaks[linear]++; c.breaks[linear] == 1 {
		c.dropAround(linear)
	}
}

// RemoveBreak takes back one AddBreak.
func (c *Code) RemoveBreak(linear uint64) {
	if c.breaks[linear]--; c.breaks[linear] > 0 {
		return
	}
	delete(c.breaks, linear)
	c.dropAround(linear)
}

// Watch says whether there are watchpoints.
func (c *Code) Watch(on bool) { c.watches = on }

// dropAround drops the blocks that hold the instruction at a linear address, or end before it, and those that float while there are breakpoints.
func (c *Code) dropAround(linear uint64) {
	var list []*tb
	for _, b := range c.cache.heads {
		for ; b != nil; b = b.next {
			if from := linearOf(b.key.RIP, b.key.CSBase, b.key.Mode); b.key.Mode&modeSingle == 0 && linear-from <= uint64(b.bytes) || c.misplaced(b) {
				list = append(list, b)
			}
		}
	}
	for _, b := range list {
		if !b.dead {
			c.drop(b)
		}
	}
}

// linearOf is the linear address of an instruction pointer.
func linearOf(rip, base uint64, mode tcg.Mode) uint64 {
	if mode&tcg.ModeCode == tcg.ModeCode64 {
		return rip
	}
	return uint64(uint32(rip + base))
}

// untilBreak limits the instructions of a block that begins at a linear address, so that it ends before the next breakpoint.
func (c *Code) untilBreak(linear uint64, code []byte, mode decoder.Mode, limit int) int {
	near := false
	for a := range c.breaks {
		near = near || a > linear && a-linear < uint64(min(len(code), MaxInsns*15))
	}
	if !near {
		return limit
	}
	var in decoder.Inst
	for n := range limit {
		if n > 0 && c.breaks[linear] > 0 {
			return n
		}
		if decoder.Decode(code, mode, &in) != nil {
			return limit
		}
		code, linear = code[in.Len:], linear+uint64(in.Len)
	}
	return limit
}

// stops tells whether the loop has to see that the vCPU comes to a linear address.
func (c *Code) stops(linear uint64) bool {
	if len(c.breaks) > 0 && c.breaks[linear] > 0 {
		return true
	}
	if len(c.runs) > 0 {
		_, counted := c.runs[linear]
		return counted
	}
	return false
}

// byAddress tells whether somebody looks for blocks by their linear address.
func (c *Code) byAddress() bool { return len(c.breaks) > 0 || len(c.runs) > 0 }

// debugged tells whether the loop has to look at breakpoints, watchpoints, steps and counted blocks.
func (e *Engine) debugged() bool {
	return len(e.breaks) > 0 || e.watches || e.debug.step.on || len(e.runs) > 0
}

// Step has the vCPU execute one instruction, or the rest of its block, when it runs next. Interrupts wait, unless they are allowed: then one may be taken instead.
func (e *Engine) Step(block, interrupts bool) {
	s := stepping{on: true, interrupts: interrupts}
	s.at = e.cpu.LinearRIP()
	s.end = s.at
	if block {
		s.end = e.BlockEnd()
	}
	e.debug.step = s
	e.cpu.StepStrings(true)
}

// BlockEnd is the linear address behind the block of the instruction at RIP, where there is code.
func (e *Engine) BlockEnd() uint64 {
	at := e.cpu.LinearRIP()
	if b, _, ok := e.look(e.env.RIP); ok {
		at += uint64(b.Bytes)
	}
	return at
}

// EndStep ends a step before its end, and forgets Stopped.
func (e *Engine) EndStep() {
	e.debug.pass = false
	e.debug.step = stepping{}
	e.cpu.StepStrings(false)
}

// Stepping tells whether a step is under way.
func (e *Engine) Stepping() bool { return e.debug.step.on }

// Stopped notes that somebody has seen the vCPU stop at its RIP: a breakpoint there is not met again before its instruction has been executed.
func (e *Engine) Stopped() { e.debug.pass, e.debug.passAt = true, e.cpu.LinearRIP() }

// Seen tells whether Stopped was called at the vCPU's RIP.
func (e *Engine) Seen() bool { return e.debug.pass && e.debug.passAt == e.cpu.LinearRIP() }

// Resume is called before the vCPU goes on. It forgets Stopped if the vCPU has been put elsewhere, or no breakpoint is there.
func (e *Engine) Resume() {
	d := &e.debug
	d.pass = d.pass && d.passAt == e.cpu.LinearRIP() && e.breaks[d.passAt] > 0
}

// afterInsn tells the debugger of what the last instruction has met.
func (e *Engine) afterInsn() {
	if hit, ok := e.cpu.TakeWatchHit(); ok {
		e.debug.Watched(hit)
		return
	}
	s := &e.debug.step
	if !s.on || !s.ran {
		return
	}
	s.ran = false
	if a := e.cpu.LinearRIP(); a >= s.at && a < s.end && !e.cpu.Halted() {
		s.at = a
		return
	}
	e.EndStep()
	e.debug.Stepped()
}

// beforeInsn looks for a breakpoint at RIP. stopped: the loop has to begin anew. single: its instruction is to be executed by itself.
func (e *Engine) beforeInsn() (stopped, single bool) {
	if len(e.breaks) == 0 {
		return false, false
	}
	a := e.cpu.LinearRIP()
	if e.breaks[a] == 0 {
		return false, false
	}
	if e.cpu.Resumed() {
		return false, true
	}
	if e.debug.pass && e.debug.passAt == a {
		e.debug.pass = false
		return false, true
	}
	return e.debug.Break(a), true
}

// look translates the block at rip without entering it anywhere, and gives its guest code. It is overwritten by the next translation. ok is false where no code can be
// read.
func (e *Engine) look(rip uint64) (b *tcg.Block, code []byte, ok bool) {
	mode := e.cpu.Mode()
	linear := linearOf(rip, e.cpu.CSBase(), mode)
	phys, ok := e.cpu.Locate(linear)
	if !ok {
		return nil, nil, false
	}
	page := e.space.PageBytes(phys)
	if page == nil {
		return nil, nil, false
	}
	code = page[phys&mmu.PageMask:]
	b = &e.scratch
	key := tcg.Key{RIP: rip, CSBase: e.cpu.CSBase(), Phys: phys, Mode: mode, Top: e.cpu.CSTop()}
	*b = tcg.Block{Ops: b.Ops[:0], Insts: b.Insts[:0], Key: key}
	if e.trans.Translate(b, code, MaxInsns) == nil {
		return b, code[:b.Bytes], true
	}
	next, ok := e.cpu.Locate(linear + uint64(len(code)))
	if page := e.space.PageBytes(next); ok && page != nil {
		code = append(append([]byte(nil), code...), page[:16]...)
		*b = tcg.Block{Ops: b.Ops[:0], Insts: b.Insts[:0], Key: key}
		if e.trans.Translate(b, code, 1) == nil {
			return b, code[:b.Bytes], true
		}
	}
	return nil, nil, false
}
