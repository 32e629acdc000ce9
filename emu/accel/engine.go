// Package accel runs a vCPU: it finds or makes the translation block at RIP,
// runs it on the native engine or on the interpreter, and does what the exit
// asks for. Everything architectural is emu/x86's business.
package accel

import (
	"errors"
	"fmt"

	"goemu/decoder"
	"goemu/emu/debuglog"
	"goemu/emu/translate"
	"goemu/emu/x86"
	"goemu/mmu"
	"goemu/tcg"
	"goemu/tcg/amd64"
	"goemu/tcg/interp"
)

// MaxInsns is the most guest instructions in one block.
const MaxInsns = 64

// Events is the machine around the vCPU, seen from its loop.
type Events interface {
	// Poll fires timers that are due and takes in queued input. It reports whether the loop must end.
	Poll() (stop bool)
	// Wait blocks while the vCPU is halted, until something may have changed.
	Wait() (stop bool)
	// INTR tells whether an interrupt controller holds a vector for this vCPU.
	INTR() bool
	// IntAck takes the vector of the interrupt that INTR announced; -1: it has gone away.
	IntAck() int
	// Budget is the number of instructions until the next timer, with -icount.
	Budget() int32
	// Spent takes instructions that were executed, with -icount.
	Spent(n int32)
}

// Options configures an Engine.
type Options struct {
	Native     bool          // use the native back end; it must be amd64.Supported
	Count      bool          // -icount: count instructions and stop at budgets
	Yield      bool          // PAUSE leaves to the vCPU loop, for machines with several vCPUs
	NoOptimise bool          // leave the micro-ops as translated
	Watch      Watch         // see there
	ArenaBytes int           // code memory, 0: the back end's default, 40 MiB
	Log        *debuglog.Log // -d
}

// Stats counts what the engine did since it was made.
type Stats struct {
	Blocks        uint64 // blocks translated
	GuestBytes    uint64 // their guest code
	HostBytes     uint64 // their host code
	Flushes       uint64 // times the whole cache was dropped because it was full
	Invalidations uint64 // blocks dropped because their code was written to
	Lookups       uint64 // exits that looked a block up
	Searches      uint64 // blocks looked for in the table of all
	JumpFlushes   uint64 // times the jump cache was emptied, but perhaps for code on global pages
	JumpsDropped  uint64 // its entries that were lost by that
	Links         uint64 // edges linked
	TLBFills      uint64 // TLB misses filled for generated code
	Bails         uint64 // instructions that generated code left to the interpreter
	Sys           uint64 // Sys instructions run
}

// Engine runs one vCPU.
type Engine struct {
	*Code
	cpu            *x86.CPU
	env            *tcg.Env
	events         Events
	jumps, globals []uint16     // jump-cache slots in use; those of code on global pages
	jumpPages      [1024]uint64 // see noteJump
	csBase, csTop  uint64       // of the code segment that the jump cache is for
	granted        int32        // budget at the last refill
	global         bool         // the code that find gave last is all on global pages: it stays mapped when CR3 changes
	shadowed       bool         // an interrupt waits for the end of a STI or MOV SS shadow
	after          func()       // see After
	debug          debugging
	watching       bool         // the watcher is told of each block
	processor      Processor    // nil: the translator executes all instructions
	alone          decoder.Inst // for the processor
	quota          int32        // blocks that generated code may run at a time, if it is made with Watch
	sysHere        tcg.SysInst  // a Sys instruction of a block that floats, where it is
	hops           interp.Jumps // where the interpreter goes from block to block by itself
	Stats          Stats
}

// NewEnv allocates the Env of a vCPU, outside the Go heap where the host allows it.
func NewEnv() (*tcg.Env, error) { return amd64.NewEnv() }

// FreeEnv gives it back: nobody may touch it any more.
func FreeEnv(env *tcg.Env) error { return amd64.FreeEnv(env) }

// SyncX87 brings the x87 state from the host's registers back into env.
func SyncX87(env *tcg.Env) { amd64.SyncX87(env) }

// New makes an engine for the only cpu of a space, and takes the hooks of both.
func New(cpu *x86.CPU, space *mmu.Space, events Events, opt Options) (*Engine, error) {
	c, err := NewCode(space, opt)
	if err != nil {
		return nil, err
	}
	return c.NewEngine(cpu, events), nil
}

// NewEngine makes an engine for cpu and takes its hooks. All engines of a Code run in turn on one goroutine.
func (c *Code) NewEngine(cpu *x86.CPU, events Events) *Engine {
	e := &Engine{Code: c, cpu: cpu, env: cpu.Env(), events: events}
	c.trans.Restrict(cpu.Gates())
	e.hops.Count, e.hops.Least = c.opt.Count, MaxInsns
	e.SetWatch(false)
	e.useNative()
	cpu.OnFlush(e.FlushJumps, e.FlushJumpPage)
	c.engines = append(c.engines, e)
	return e
}

func (e *Engine) noJump() tcg.JumpEntry {
	j := tcg.JumpEntry{Mode: tcg.NoMode}
	if e.native != nil {
		j.Code = uint64(e.native.LookupStub())
	}
	return j
}

// Bits of tcg.JumpEntry.Listed: in which list the slot stands.
const (
	inJumps   = 1 << iota // flushed whenever CR3 changes
	inGlobals             // holds, or once held, code on a global page
)

// FlushJumps empties the jump cache, as linear addresses may mean other code now; unless all is set, code
// on global pages stays.
func (e *Engine) FlushJumps(all bool) {
	e.env.DropReturns()
	e.hops.Flush(all)
	e.Stats.JumpFlushes++
	e.Stats.JumpsDropped += uint64(len(e.jumps))
	e.dropJumps(&e.jumps, inJumps, func(*tcg.JumpEntry) bool { return true })
	if all {
		e.dropJumps(&e.globals, inGlobals, func(*tcg.JumpEntry) bool { return true })
		clear(e.jumpPages[:])
	}
}

// FlushJumpPage empties the jump cache of code on the page of a linear address, or that runs into it.
func (e *Engine) FlushJumpPage(linear uint64) {
	e.env.DropReturns()
	// Entries hold RIPs, which differ from linear addresses by the CS base outside 64-bit mode: there all are dropped.
	if e.cpu.CSBase() != 0 {
		e.FlushJumps(true)
		return
	}
	page := linear >> mmu.PageShift
	if !e.mayHaveJumps(page) && !e.mayHaveJumps(page-1) {
		return
	}
	e.hops.Flush(true)
	on := func(j *tcg.JumpEntry) bool {
		p := j.RIP >> mmu.PageShift
		return p == page || p+1 == page
	}
	e.dropJumps(&e.jumps, inJumps, on)
	e.dropJumps(&e.globals, inGlobals, on)
}

// noteJump and mayHaveJumps keep a filter of the pages that jump-cache entries lie on, by the low 16 bits of their number, so
// that INVLPG of a data page costs little.
func (e *Engine) noteJump(page uint64) { e.jumpPages[page>>6&1023] |= 1 << (page & 63) }
func (e *Engine) mayHaveJumps(page uint64) bool {
	return e.jumpPages[page>>6&1023]>>(page&63)&1 != 0
}

// dropJumps empties the slots of a list for which drop is true, and takes them out of the list.
func (e *Engine) dropJumps(list *[]uint16, bit uint64, drop func(*tcg.JumpEntry) bool) {
	kept, empty := (*list)[:0], e.noJump()
	for _, i := range *list {
		j := &e.env.JumpCache[i]
		if !drop(j) {
			kept = append(kept, i)
			continue
		}
		listed := j.Listed &^ bit
		*j = empty
		j.Listed = listed
	}
	*list = kept
}

// linear is the linear address of a RIP in the current code segment.
func (e *Engine) linear(rip uint64, mode tcg.Mode) uint64 { return linearOf(rip, e.cpu.CSBase(), mode) }

// find returns the block at RIP, making it if need be; nil if fetching it faulted (the CPU has recorded that), stopHere at a breakpoint.
func (e *Engine) find(extra tcg.Mode) *tb {
	e.Stats.Searches++
	mode := e.cpu.Mode()
	rip := e.env.RIP
	if extra == 0 && e.stops(e.linear(rip, mode)) {
		return stopHere
	}
	phys, ok := e.cpu.FetchPhys(rip)
	if !ok {
		return nil
	}
	key := tcg.Key{RIP: rip, CSBase: e.cpu.CSBase(), Phys: phys, Mode: mode | extra, Top: e.cpu.CSTop()}
	float := e.mayFloat(mode|extra, rip)
	b := e.cache.get(&key, float)
	if e.processor != nil {
		b = nil
	}
	e.global = e.cpu.FetchGlobal()
	if b != nil && b.cross {
		phys2, ok := e.cpu.FetchPhys(e.nextPage(rip, mode))
		if !ok {
			return nil
		}
		e.global = e.global && e.cpu.FetchGlobal()
		if phys2 != b.phys2 {
			e.drop(b)
			b = nil
		}
	}
	if b == nil {
		if float && e.floats(phys, rip) {
			key.Float, key.RIP = true, rip&mmu.PageMask
		}
		b = e.make(key, mode)
	}
	return b
}

// nextPage is the RIP of the first byte of the page after rip's.
func (e *Engine) nextPage(rip uint64, mode tcg.Mode) uint64 {
	left := mmu.PageSize - e.linear(rip, mode)&mmu.PageMask
	return rip + left
}

// code returns the guest bytes from phys to the end of its page.
func (e *Engine) code(phys uint64) []byte {
	if p := e.space.PageBytes(phys); p != nil {
		return p[phys&mmu.PageMask:]
	}
	n := min(mmu.PageSize-int(phys&mmu.PageMask), 16)
	for i := range n {
		e.span[i] = byte(e.space.Read(phys+uint64(i), 1))
	}
	return e.span[:n]
}

// make translates the block for key. nil: fetching its second page faulted.
func (e *Engine) make(key tcg.Key, mode tcg.Mode) *tb {
	b := &tb{key: key}
	blk := &e.scratch
	*blk = tcg.Block{Ops: blk.Ops[:0], Insts: blk.Insts[:0], Key: key}
	blk.Key.Mode = mode
	limit := int(e.most)
	if key.Mode&modeSingle != 0 {
		limit = 1
	}
	code := e.code(key.Phys)
	if len(e.breaks) > 0 {
		limit = e.untilBreak(e.linear(key.RIP, mode), code, decoderMode(mode), limit)
	}
	err := e.trans.Translate(blk, code, limit)
	if errors.Is(err, translate.ErrNeedMore) {
		phys2, ok := e.cpu.FetchPhys(e.nextPage(e.env.RIP, mode))
		if !ok {
			return nil
		}
		e.global = e.global && e.cpu.FetchGlobal()
		n := copy(e.span[:], code)
		n += copy(e.span[n:], e.code(phys2)[:16])
		b.cross, b.phys2 = true, phys2
		if key.Float && e.space.PageBytes(phys2) == nil { // for the interpreter, see below
			key.Float, key.RIP = false, e.env.RIP
			b.key, blk.Key.Float, blk.Key.RIP = key, false, key.RIP
		}
		*blk = tcg.Block{Ops: blk.Ops[:0], Insts: blk.Insts[:0], Key: blk.Key}
		err = e.trans.Translate(blk, e.span[:n], 1)
		code = e.span[:n]
	}
	if err != nil {
		panic(fmt.Sprintf("accel: translation at %#x: %v", key.RIP, err)) // 15 bytes or 32 always decode or are #UD
	}
	b.insns, b.bytes = blk.NInsns, blk.Bytes
	e.Stats.Blocks++
	e.Stats.GuestBytes += uint64(blk.Bytes)
	e.logGuest(blk, code)
	if e.opt.Watch.Undefined != nil {
		e.define(blk, code, decoderMode(mode))
	}
	if e.opt.Watch.Tamper != nil {
		e.opt.Watch.Tamper(blk)
	}
	if !e.opt.NoOptimise {
		tcg.Optimise(blk, nil)
		e.logOptimised(blk)
	}
	b.kills = blk.KillsFlags
	if e.processor != nil || !e.mark(b) {
		// Code outside RAM is not watched, nor what a processor writes: run it once and forget it.
		b.dead = true
		b.ir = compact(blk)
		return b
	}
	if e.native != nil && key.Mode&(modeSingle|modeCounted) == 0 {
		e.cache.nextID(b)
		blk.ID = b.id
		c, err := e.native.Compile(blk)
		if errors.Is(err, amd64.ErrFull) {
			e.Stats.Flushes++
			e.Flush()
			e.mark(b)
			e.cache.nextID(b)
			blk.ID = b.id
			c, err = e.native.Compile(blk)
		}
		if err != nil {
			panic(fmt.Sprintf("accel: block at %#x: %v", key.RIP, err))
		}
		b.code = c
		b.linked = make([]*tb, len(c.Edges))
		b.sys = append([]tcg.SysInst(nil), blk.Insts...)
		e.Stats.HostBytes += uint64(c.Size)
		e.logHost(b)
	} else {
		b.ir = compact(blk)
	}
	e.cache.add(b)
	return b
}

// compact makes the interpreter's form of a block that is used again for translation.
func compact(blk *tcg.Block) *interp.Code {
	b := *blk
	b.Insts = append([]tcg.SysInst(nil), blk.Insts...)
	return interp.Compile(&b)
}
