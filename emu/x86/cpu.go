package x86

import (
	"sync/atomic"

	"goemu/decoder"
	"goemu/emu/cpumodel"
	"goemu/mmu"
	"goemu/tcg"
)

// Bus is the world outside the CPU's chip as its pins see it. Methods are called on the vCPU's goroutine.
type Bus interface {
	In(port uint16, size int) uint32
	Out(port uint16, size int, v uint32)
	// TSC is the time-stamp counter since power-on.
	TSC() uint64
	// APICBase and SetAPICBase are the IA32_APIC_BASE MSR; false means #GP.
	APICBase() uint64
	SetAPICBase(v uint64) bool
	// TPR and SetTPR are CR8, the upper half of the local APIC's task priority.
	TPR() uint8
	SetTPR(v uint8)
	// SetFERR drives the pin that reports x87 errors while CR0.NE is clear;
	// IGNNE tells whether they are to be ignored.
	SetFERR(level bool)
	IGNNE() bool
}

// LocalAPIC is the rest of the CPU's local APIC, for a Bus that has one.
type LocalAPIC interface {
	// ReadAPIC and WriteAPIC access the x2APIC registers (MSRs 800h to 8FFh) and IA32_TSC_DEADLINE; false means #GP.
	ReadAPIC(msr uint32) (v uint64, ok bool)
	WriteAPIC(msr uint32, v uint64) bool
	// TSCMoved tells that TSCOffset has changed.
	TSCMoved()
}

// Options configures a CPU. The zero value is a working default model.
type Options struct {
	Model        *cpumodel.Model // nil: the default
	TSCFrequency uint64          // Hz, for CPUID; 0: 1 GHz
	APICID       uint8
	AP           bool // an application processor: it waits for a start-up interrupt after reset and INIT

	// Logical processors of the machine, cores in a package, logical processors in a core; 0: 1.
	CPUs, Cores, Threads int

	// Random gives the numbers of RDRAND and RDSEED; nil: they are the host's.
	Random func() uint64

	// SyncX87 stores the x87 state that is in the host's registers in
	// Env.X87 and clears Env.X87Live. nil if the engine never sets X87Live.
	SyncX87 func(*tcg.Env)

	// FlushAll and FlushPage let the engine drop what it knows by linear address (jump cache).
	FlushAll  func(global bool)
	FlushPage func(linear uint64)

	// OnException is told every exception and interrupt before delivery.
	OnException func(Record)
	// OnUnimplemented is told every instruction that raises #UD because nothing here executes it.
	OnUnimplemented func(i *tcg.SysInst)
	// OnCR3, OnFlushTLB and OnFlushPage are told loads of CR3 and what is dropped from the TLB, before it is.
	OnCR3       func(v uint64)
	OnFlushTLB  func(global bool)
	OnFlushPage func(linear uint64)
	// OnPause is called at PAUSE where the translator makes it leave (translate.Translator.Yield).
	OnPause func()
	// OnMode is called when paging, protection, long mode or the size of code have changed.
	OnMode func()
	// OnSMM is called when the CPU enters or leaves system management mode: it then sees SMRAM, or no more.
	OnSMM func(on bool)
	// OnTripleFault is called when the CPU shuts down: by a triple fault, or by RSM.
	OnTripleFault func()
}

// State is whether the CPU executes instructions.
type State uint8

// States of a CPU.
const (
	Running  State = iota
	Halted         // HLT: waits for an interrupt
	Shutdown       // triple fault: waits for reset
	WaitSIPI       // application processor after reset or INIT: waits for a start-up interrupt
)

// CPU is one processor: everything but what generated code touches, which is in Env.
type CPU struct {
	env   *tcg.Env
	space *mmu.Space
	bus   Bus
	apic  LocalAPIC // nil: the bus has none
	opt   Options
	model *cpumodel.Model
	valid valid

	requests atomic.Uint32 // from other processors and devices: see requests.go

	seg      [6]Segment
	ldtr, tr Segment
	gdtr     Table
	idtr     Table

	pg    mmu.Paging // CR0, CR3, CR4, EFER
	dr    [8]uint64
	debug debugState
	xcr0  uint64
	msr   msrs

	avx512 avx512State

	signShift uint8 // signShift48 or signShift57: which linear addresses are canonical
	cpl       int
	long64    bool     // CS.L in long mode
	wide      bool     // it was so at the last update: bases and limits in Env are those of 64-bit mode
	base      tcg.Mode // part of mode that does not depend on EFLAGS
	mode      tcg.Mode
	kind      tcg.Mode // what OnMode was last told of

	state      State
	nmiMasked  bool // between NMI and IRET
	nmiPending bool
	ferr       bool   // level of the pin FERR
	shadow     bool   // interrupts are inhibited while RIP is shadowRIP (STI, MOV SS)
	shadowSS   bool   // the shadow is that of a load of SS: debug traps too
	shadowRIP  uint64 // address of the instruction in the shadow
	resume     bool   // RF: set by IRET, or between repetitions of a string instruction, until the next instruction is fetched
	noStep     bool   // the instruction that ended cannot be followed by a single-step trap

	pend event
	ext  bool // an event outside the program is being delivered

	next uint64 // RIP after the Sys instruction that runs

	monitor monitor
	smm     smm
	entropy entropy

	tlb   tlbState
	fetch [fetchEntries]fetchEntry

	fetchGlobal bool // see FetchGlobal

	ring  [16]Record
	ringN int

	// Events counts exceptions and interrupts by vector.
	Events [256]uint64
	// SMIs counts system management interrupts taken.
	SMIs uint64
	// Unimplemented counts instructions that raised #UD because nothing here executes them, by decoder.Op.
	Unimplemented map[decoder.Op]uint64
}

// New makes a CPU in its power-on state.
func New(env *tcg.Env, space *mmu.Space, bus Bus, opts Options) *CPU {
	opts.CPUs, opts.Cores, opts.Threads = max(opts.CPUs, 1), max(opts.Cores, 1), max(opts.Threads, 1)
	if opts.TSCFrequency == 0 {
		opts.TSCFrequency = 1_000_000_000
	}
	if opts.Model == nil {
		opts.Model, _, _ = cpumodel.New(cpumodel.Default)
	}
	c := &CPU{env: env, space: space, bus: bus, opt: opts, Unimplemented: map[decoder.Op]uint64{}}
	c.setModel(opts.Model)
	c.apic, _ = bus.(LocalAPIC)
	c.initTLB()
	c.Reset()
	return c
}

// Env is the part of the state that generated code uses.
func (c *CPU) Env() *tcg.Env { return c.env }

// Reset puts the CPU in the state after power-on (SDM vol. 3A table 10-1). An application processor then waits for a start-up interrupt.
func (c *CPU) Reset() {
	e := c.env
	e.X87Live = 0
	e.KernelGS = 0
	c.pg.CR0 = (cr0CD | cr0NW) & c.valid.cr0
	c.xcr0 = 1
	c.switchSMM(false)
	c.smm = smm{base: smbaseReset}
	c.msr.reset()
	c.requests.Store(0)
	e.XMM, e.YMMH = [16]tcg.Vec128{}, [16]tcg.Vec128{}
	e.ZMMH, c.avx512 = [16][4]uint64{}, avx512State{}
	e.MXCSR = mxcsrInit
	e.SSELive, e.AVXLive, e.YMMUsed = 0, 0, tcg.YMMZero
	resetX87(e)
	c.init()
}

// init is what INIT and reset have in common: x87 and SSE state, most model-specific registers and CR0.CD and NW stay
// (SDM vol. 3A table 10-1).
func (c *CPU) init() {
	e := c.env
	e.GPR = [16]uint64{regDX: uint64(c.model.Signature())}
	e.RIP = 0xfff0
	for i := range c.seg {
		c.seg[i] = Segment{Limit: 0xffff, Attr: AttrP | AttrS | AttrRW | AttrAccessed}
	}
	c.seg[segCS] = Segment{Selector: 0xf000, Base: 0xffff_0000, Limit: 0xffff, Attr: AttrP | AttrS | AttrCode | AttrRW | AttrAccessed}
	c.ldtr = Segment{Limit: 0xffff, Attr: AttrP | typeLDT}
	c.tr = Segment{Limit: 0xffff, Attr: AttrP | typeTSS32Busy}
	c.gdtr = Table{Limit: 0xffff}
	c.idtr = Table{Limit: 0xffff}
	c.pg = mmu.Paging{CR0: c.pg.CR0&(cr0CD|cr0NW) | cr0ET, PhysBits: c.model.PhysBits, NoGiB: !c.model.Has(cpumodel.Page1GB), NoPSE36: !c.model.Has(cpumodel.PSE36)}
	e.CR2 = 0
	c.dr = [8]uint64{6: dr6Fixed, 7: dr7Fixed}
	c.debug = debugState{}
	c.cpl = 0
	c.state = Running
	if c.opt.AP {
		c.state = WaitSIPI
	}
	c.nmiMasked, c.nmiPending, c.shadow, c.shadowSS, c.noStep, c.ext = false, false, false, false, false, false
	c.pend = event{}
	c.monitor = monitor{}
	c.driveFERR(false)
	c.SetFlags(flagFixed)
	c.update()
	c.updateFP()
	c.FlushTLB(true)
}

// State tells whether the CPU runs, is halted or has shut down.
func (c *CPU) State() State { return c.state }

// Halted reports whether the CPU executes nothing until an interrupt comes, or with MWAIT a store.
func (c *CPU) Halted() bool {
	if c.monitor.waiting && c.monitor.changed() {
		c.endWait()
	}
	return c.state == Halted || c.state == WaitSIPI
}

// Mode is the mode of the code at RIP. It is cached.
func (c *CPU) Mode() tcg.Mode { return c.mode }

// CSBase is the base of CS as code sees it: 0 in 64-bit mode.
func (c *CPU) CSBase() uint64 {
	if c.long64 {
		return 0
	}
	return c.seg[segCS].Base
}

// CSTop is the limit of CS + 1, or 0 where no instruction pointer can be beyond it: see tcg.Key.
func (c *CPU) CSTop() uint64 {
	if c.long64 && c.signShift != signShift48 {
		return tcg.Top57
	}
	if l := c.seg[segCS].Limit; !c.long64 && l != 0xffff_ffff {
		return uint64(l) + 1
	}
	return 0
}

// CPL is the current privilege level.
func (c *CPU) CPL() int { return c.cpl }

// Paging is the state of address translation; callers must not change it.
func (c *CPU) Paging() *mmu.Paging { return &c.pg }

// Segment returns segment register n (ES CS SS DS FS GS).
func (c *CPU) Segment(n int) Segment {
	c.takeGS()
	return c.seg[n]
}

// takeGS takes over the base of GS, which generated code exchanges. What changes or shows GS as a segment does so first.
func (c *CPU) takeGS() { c.seg[segGS].Base = c.env.SegBase[segGS] }

// Flags assembles RFLAGS.
func (c *CPU) Flags() uint32 {
	cc := c.env.CC
	f := c.env.EFlags | cc>>8&0xd5 | cc&1<<11 | flagFixed
	if c.resume {
		f |= flagRF
	}
	return f
}

// SetFlags sets RFLAGS as given: no privilege is looked at. RF lasts until the next instruction begins, and so is seen only by
// what comes before it.
func (c *CPU) SetFlags(f uint32) {
	e := c.env
	c.setCC(f)
	c.resume = f&flagRF != 0
	e.EFlags = f&c.valid.flags&^(flagsArith|flagRF) | flagFixed
	if f&flagIF != 0 && atomic.LoadUint32(&e.IntrPending) != 0 {
		c.requestExit()
	}
	c.updateMode()
}

// setCC sets the six arithmetic flags.
func (c *CPU) setCC(f uint32) { c.env.CC = f&0xd5<<8 | 2<<8 | f>>11&1 }

// requestExit makes generated code return at the next block head.
func (c *CPU) requestExit() { atomic.OrUint32(&c.env.ExitReq, 1) }

// exitRequested tells whether somebody wants the vCPU loop.
func (c *CPU) exitRequested() bool { return atomic.LoadUint32(&c.env.ExitReq) != 0 }

// protected reports CR0.PE; vm86 EFLAGS.VM; real what is neither protected nor
// VM86 in how it loads segments: true in real mode and in VM86.
func (c *CPU) protected() bool { return c.pg.CR0&cr0PE != 0 }
func (c *CPU) vm86() bool      { return c.env.EFlags&flagVM != 0 }
func (c *CPU) realSegs() bool  { return !c.protected() || c.vm86() }
func (c *CPU) longMode() bool  { return c.pg.EFER&mmu.EFERLMA != 0 }
func (c *CPU) iopl() int       { return int(c.env.EFlags >> 12 & 3) }

// update recomputes everything that is derived from segments, control registers and CPL.
func (c *CPU) update() {
	e := c.env
	cs := &c.seg[segCS]
	c.long64 = c.longMode() && cs.Attr&AttrL != 0
	c.signShift = signShift48
	if c.pg.CR4&mmu.CR4LA57 != 0 {
		c.signShift = signShift57
	}
	var m tcg.Mode
	switch {
	case c.long64:
		m = tcg.ModeCode64
	case cs.Attr&AttrDB != 0:
		m = tcg.ModeCode32
	}
	if c.protected() {
		m |= tcg.ModeProt
	}
	if c.long64 {
		m |= tcg.ModeFlat
		if !c.wide {
			e.SegBase, e.SegRdTop, e.SegWrTop = [6]uint64{}, [6]uint64{}, [6]uint64{}
		}
		e.SegBase[segFS], e.SegBase[segGS] = c.seg[segFS].Base, c.seg[segGS].Base
	} else {
		if c.seg[segSS].Attr&AttrDB != 0 {
			m |= tcg.ModeStack32
		}
		flat := cs.Base == 0 && cs.Limit == 0xffff_ffff
		for i := range c.seg {
			s := &c.seg[i]
			e.SegBase[i] = s.Base
			e.SegRdTop[i], e.SegWrTop[i] = s.tops(c.realSegs())
			if i == segES || i == segSS || i == segDS {
				flat = flat && s.Base == 0 && e.SegRdTop[i] == 1<<32 && e.SegWrTop[i] == 1<<32
			}
		}
		if flat {
			m |= tcg.ModeFlat
		}
	}
	c.wide = c.long64
	m |= tcg.Mode(c.cpl) << tcg.ModeCPLShift
	c.base = m
	c.updateMode()
	if c.opt.OnMode != nil {
		c.noteMode()
	}
}

// noteMode calls OnMode after a change.
func (c *CPU) noteMode() {
	kind := c.base & (tcg.ModeCode | tcg.ModeProt)
	if c.pg.CR0&cr0PG != 0 {
		kind |= 1 << 14
	}
	if c.longMode() {
		kind |= 1 << 15
	}
	if kind != c.kind {
		c.kind = kind
		c.opt.OnMode()
	}
}

// updateMode recomputes the mode after a change of EFLAGS.
func (c *CPU) updateMode() {
	f := c.env.EFlags
	m := c.base
	if c.avx512.wide {
		m |= tcg.ModeZMM
	}
	if f&(flagTF|flagVM) != 0 {
		if f&flagTF != 0 {
			m |= tcg.ModeTF
		}
		if f&flagVM != 0 && c.protected() {
			m |= tcg.ModeVM86
		}
	}
	if f&flagAC != 0 && c.cpl == 3 && c.pg.CR0&cr0AM != 0 {
		m |= tcg.ModeAlign
	}
	c.mode = m | tcg.Mode(c.indexFor(c.cpl))<<tcg.ModeIndexShift
}

// indexFor is the MMU index of explicit accesses at a privilege level.
func (c *CPU) indexFor(cpl int) int {
	switch {
	case cpl == 3:
		return mmu.IndexUser
	case c.pg.CR4&mmu.CR4SMAP != 0 && c.env.EFlags&flagAC == 0:
		return mmu.IndexKernel
	default:
		return mmu.IndexKernelAC
	}
}

// index is the MMU index of explicit data accesses now.
func (c *CPU) index() int { return c.mode.Index() }

// updateFP recomputes what the engine may run natively, after a change of CR0, CR4, XCR0, MXCSR or the x87 control word.
func (c *CPU) updateFP() {
	e := c.env
	e.SSEOK, e.X87OK, e.AVXOK = 0, 0, 0
	quiet := e.MXCSR&mxcsrMasks == mxcsrMasks
	if quiet && c.pg.CR0&cr0TS == 0 && c.pg.CR4&cr4OSXSAVE != 0 && c.xcr0&(compSSE|compAVX) == compSSE|compAVX {
		e.AVXOK = 1
	}
	if c.pg.CR0&(cr0EM|cr0TS) != 0 {
		c.syncX87() // generated code asks only whether the state is in the host FPU
		return
	}
	if c.pg.CR4&cr4OSFXSR != 0 && quiet {
		e.SSEOK = 1
	}
	// While the state is in the host FPU it was masked when it went there, and FLDCW and its like come here.
	if e.X87Live != 0 || x87Word(e, fpCW)&0x3f == 0x3f && x87Word(e, fpSW)&0x80 == 0 {
		e.X87OK = 1
	}
}

// UpdateFP tells the CPU that MXCSR or the x87 control or status word in Env has changed.
func (c *CPU) UpdateFP() { c.updateFP() }
