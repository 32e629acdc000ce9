package accel

import (
	"math"

	"goemu/decoder"
	"goemu/tcg"
)

// Watch lets a program that compares engines look at the vCPU between blocks.
type Watch struct {
	// Block is called before each block while SetWatch has been called with true. The vCPU's state is that between two instructions. If it sets
	// Env.ExitReq, nothing is executed before the loop has asked Events.Poll. nil: the engine cannot be watched, and is a little faster.
	Block func()

	// Undefined tells in what engines may differ after an instruction. nil: in nothing.
	Undefined func(i *decoder.Inst) Undefined

	// Pointers says that the x87's pointers are not those of a Processor, but such as the translator's engines leave.
	Pointers bool

	// Tamper is shown each block when it has been translated, before it is optimised, and may change it: tests have an engine err by it.
	Tamper func(b *tcg.Block)
}

// Undefined is in what engines may differ after an instruction.
type Undefined struct {
	Flags tcg.Flags // micro-ops clear them after it, for all to do the same
	Other bool      // other results: no Processor executes it
	Fault bool      // what an exception leaves that it raises: no Processor delivers that
}

// define clears the flags that instructions of b leave undefined.
func (c *Code) define(b *tcg.Block, code []byte, mode decoder.Mode) {
	var in decoder.Inst
	undefined := tcg.Flags(0)
	ops := make([]tcg.Op, 0, len(b.Ops)+4)
	for _, o := range b.Ops {
		if (o.Code == tcg.Insn || o.EndsBlock()) && undefined != 0 {
			ops = append(ops, tcg.Op{Code: tcg.PutF, W: tcg.W64, SetF: true, FMask: undefined, A: tcg.RefImm, Seg: tcg.SegNone})
			undefined = 0
		}
		if o.Code == tcg.Insn {
			if n := int(o.Disp); n <= len(code) && decoder.Decode(code, mode, &in) == nil {
				undefined = c.opt.Watch.Undefined(&in).Flags
				code = code[n:]
			}
		}
		ops = append(ops, o)
	}
	b.Ops = append(b.Ops[:0], ops...)
}

// SetWatch says whether Watch.Block is called.
func (e *Engine) SetWatch(on bool) {
	e.watching = on
	e.quota = math.MaxInt32
	if on {
		e.quota = 1
	}
}

// watchBlock calls Watch.Block, unless a string instruction stands in its middle: how far it has come says nothing.
func (e *Engine) watchBlock() {
	if e.env.Again != 0 {
		if e.cpu.Resumed() {
			return
		}
		e.env.Again = 0
	}
	e.opt.Watch.Block()
}

// SetMost drops all blocks, and has those to come have at most n instructions, from 1 to MaxInsns.
func (c *Code) SetMost(n int) {
	if c.most == int32(n) {
		return
	}
	c.most = int32(n)
	for _, e := range c.engines {
		e.hops.Least = c.most
	}
	c.Flush()
}
