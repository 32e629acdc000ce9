package amd64

import (
	"errors"

	"goemu/tcg"
)

// ErrFull is returned by Compile when the code arena has no room left: Reset, and compile again.
var ErrFull = errors.New("code arena is full")

// Options of an Engine.
type Options struct {
	ArenaBytes int  // size of the code arena; 0: 40 MiB
	Count      bool // count instructions in Env.Insns and against Env.Budget at block heads
	Quota      bool // leave at a block head when Env.Quota, which each takes 1 from, falls below 0; inexact instructions are left to the interpreter

	// Each tells, when a block is compiled, whether each of its runs must begin at Code.Entry, for somebody to see it: a block that jumps to itself then leaves first,
	// as at any edge that is not linked. nil: never.
	Each func() bool
}

// Site is one place in a block from which generated code can leave in the middle of a guest instruction.
type Site struct {
	RIP  int32  // of the instruction, counted from the block's
	Insn uint16 // index of the instruction in the block
	Sys  int32  // index into Block.Insts, or -1
}

// Edge is one static way out of a block. Those with Linkable set leave with tcg.ExitEdge until they are linked;
// the others go through the jump cache.
type Edge struct {
	Target   uint64 // guest RIP
	Linkable bool

	// Indirect: a jump to a computed target; see Engine.Learn.
	Indirect bool

	stub   int32 // where an unlinked edge leads, as an offset in the arena
	saved  int32 // displacement of the jump taken with the flags in Env.CC
	direct int32 // place reached with the flags not saved: see kind
	kind   directKind

	known   uint8 // indirect: targets learned
	head    int32 // indirect: first of the code that tries them, or what leaves to learn one
	tail    int32 // indirect: displacement of the last one's jump to what comes next
	generic int32 // indirect: the jump through the jump cache
}

// directKind says what stands at Edge.direct.
type directKind uint8

const (
	directNone directKind = iota
	directJcc             // the displacement of a conditional jump; otherwise it leads to save
	directJmp             // five bytes: a nop that falls into the flag-saving code, or a jump
)

// Code is a compiled block.
type Code struct {
	ID         uint32
	RIP        uint64
	Entry      uintptr // host address: tests Env.ExitReq; the flags are in Env.CC, and RIP is in RAX
	Body       uintptr // host address behind the test; forward edges come here
	Guard      uintptr // blocks that cross into a second page: edges lead here, to take the jump cache, which knows what is mapped; else 0
	Size       int     // bytes of host code
	hotSize    int     // without what is seldom run
	KillsFlags bool    // Body may be entered with stale flags in Env.CC
	Sites      []Site
	Edges      []Edge

	near  uintptr // as Entry, for edges from the same page: RIP need not be in RAX
	mode  tcg.Mode
	start int32 // offset in the arena
	cold  int32 // of what is seldom run
	save  [2]int32
	e     *Engine
}
