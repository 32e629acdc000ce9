//go:build linux && amd64

package amd64

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"goemu/mmu"
	"goemu/tcg"
)

// Engine compiles blocks into one code arena and runs them. It is for one goroutine at a time,
// which must be locked to its thread while x87 state is live (Env.X87Live).
type Engine struct {
	opts   Options
	rw     []byte  // writable view of the arena
	rx     uintptr // executable view
	rxMap  []byte
	hot    area // code of blocks, from the end of the shared stubs on; asm.n is where it goes on
	cold   area // what is seldom run: elsewhere, as the host's caches hold more code then
	stubs  stubs
	c      compiler
	closed bool
}

// area is a part of the arena: offsets.
type area struct {
	first int // what Reset goes back to
	n     int // cold only: where it goes on
	end   int
	shown int // code below this offset has been taken out of the writable view
}

// hotSevenths of the arena are not for what is seldom run: that is 57 % of the code of a boot of Debian.
const hotSevenths = 3

// stubs holds the offsets of the routines that all blocks share.
type stubs struct {
	enter int // switch to the stack of returns, go on at RCX with RIP in RAX
	exits [2]struct {
		goOn int // leave as the descriptor at RDX says
		end  int // the same, without a place to go on: Env.Resume is 0
	} // of ordinary blocks, and of those that float: RIP of the descriptor is relative to Env.Page
	lookup   int // leave with ExitLookup, RIP in RAX
	sentinel int // the same for a return that has met the sentinel
	loadSSE  int // load XMM0-15 and MXCSR, go on at RCX
	loadAVX  int // load what of the SSE registers and their upper halves is not there, go on at RCX
	loadX87  int // load the x87 state, go on at RCX

	// victim looks among the victims of one table (those of TLB.Read, then of TLB.Write): a routine to be called with the address less the page in RAX, the
	// index of the entry in RCX, and the size of the access less 1 in RDX, which it destroys. The address goes to RAX and Env.MemAddr; with ZF
	// set it has been found, and the addend is in RCX. One in victimHits is not found, so that Go code gives it its slot back:
	// a page that is used much more than the one there would else be looked for here each time.
	victim [2 * mmu.NumIndexes]int
}

// leaves tells whether one of exits is at an offset.
func (s *stubs) leaves(at int) bool {
	for _, x := range s.exits {
		if at == x.goOn || at == x.end {
			return true
		}
	}
	return false
}

// Supported tells whether this host can run generated code.
func Supported() bool { return true }

const defaultArena = 40 << 20

// New makes an engine with an empty arena.
func New(opts Options) (*Engine, error) {
	if opts.ArenaBytes == 0 {
		opts.ArenaBytes = defaultArena
	}
	size := (opts.ArenaBytes + 4095) &^ 4095
	fd, err := unix.MemfdCreate("goemu-code", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("code arena: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, int64(size)); err != nil {
		return nil, fmt.Errorf("code arena of %d bytes: %w", size, err)
	}
	e := &Engine{opts: opts}
	if e.rw, err = unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return nil, fmt.Errorf("mapping the code arena writable: %w", err)
	}
	if e.rxMap, err = unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_SHARED); err != nil {
		unix.Munmap(e.rw)
		return nil, fmt.Errorf("mapping the code arena executable: %w", err)
	}
	e.rx = uintptr(unsafe.Pointer(&e.rxMap[0]))
	if err := watchArena(e.rx, e.rx+uintptr(size)); err != nil {
		unix.Munmap(e.rw)
		unix.Munmap(e.rxMap)
		return nil, err
	}
	e.c.e = e
	e.c.buf = e.rw
	e.c.bmi2 = host&hasBMI2 != 0
	e.emitStubs()
	split := size / 7 * hotSevenths &^ 63
	e.hot = area{first: e.c.n, end: split}
	e.cold = area{first: split, n: split, end: size}
	return e, nil
}

// Close unmaps the arena. No code of it may run any more.
func (e *Engine) Close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	unwatchArena(e.rx)
	err := unix.Munmap(e.rxMap)
	if err2 := unix.Munmap(e.rw); err == nil {
		err = err2
	}
	return err
}

// viewChunk is how much code is written before the writable view of it is given up, in bytes.
const viewChunk = 1 << 20

// trimView takes finished code out of the writable view, so that it is resident once, not twice. A
// later patch brings its page back.
func (e *Engine) trimView() {
	e.hot.trim(e.rw, e.c.n)
	e.cold.trim(e.rw, e.cold.n)
}

func (a *area) trim(view []byte, n int) {
	if n &^= viewChunk - 1; n > max(a.shown, a.first) {
		// All of it, with what patches brought back; a shared mapping: the contents stay.
		unix.Madvise(view[a.first&^4095:n], unix.MADV_DONTNEED)
		a.shown = n
	}
}

// Reset forgets all code. The caller drops every Code and every jump-cache entry with it.
func (e *Engine) Reset() {
	e.c.n, e.cold.n = e.hot.first, e.cold.first
	e.hot.shown, e.cold.shown = 0, 0
}

// Size is how many bytes of code memory there are.
func (e *Engine) Size() int { return len(e.rw) }

// Used is the number of bytes of the arena in use.
func (e *Engine) Used() int { return e.c.n + e.cold.n - e.cold.first }

// LookupStub is the host address for empty jump-cache entries: it leaves with ExitLookup.
func (e *Engine) LookupStub() uintptr { return e.rx + uintptr(e.stubs.lookup) }

// Run runs code (a block's Entry, or Env.Resume) until an exit. Env.ExitCode says why it ended.
func (e *Engine) Run(env *tcg.Env, code uintptr) {
	e.Prepare(env)
	e.Again(env, code)
}

// Prepare makes env ready to run code of e.
func (e *Engine) Prepare(env *tcg.Env) {
	if env.Shadow[tcg.ShadowSlots-2] != e.sentinelStub() {
		e.initShadow(env)
	}
}

// Again is Run of an env that Prepare or Run has had before. It is small enough to be inlined: a return from here would be mispredicted.
func (e *Engine) Again(env *tcg.Env, code uintptr) { run(env, code, e.rx+uintptr(e.stubs.enter)) }

//go:noescape
func run(env *tcg.Env, code, enter uintptr)

//go:noescape
func fnsave(p *byte)

// SyncX87 moves the x87 state, if it is in the host FPU, into Env.X87 and clears X87Live. The image's instruction and
// operand pointers are those of the host and mean nothing.
func SyncX87(env *tcg.Env) {
	if env.X87Live == 0 {
		return
	}
	fnsave(&env.X87[0])
	env.X87Live = 0
}

// NewEnv maps a zeroed environment outside the Go heap, until FreeEnv.
func NewEnv() (*tcg.Env, error) {
	p, err := unix.Mmap(-1, 0, int(unsafe.Sizeof(tcg.Env{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("mapping the environment: %w", err)
	}
	return (*tcg.Env)(unsafe.Pointer(&p[0])), nil
}

// FreeEnv unmaps an environment: nobody may touch it any more.
func FreeEnv(env *tcg.Env) error {
	return unix.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(env)), unsafe.Sizeof(tcg.Env{})))
}

// emitStubs writes the shared routines at the start of the arena.
func (e *Engine) emitStubs() {
	a := &e.c.asm
	a.n = 0
	a.align(16, 0)
	e.stubs.enter = a.n
	a.rm(opMovStore|rexW, rsp, env(offHostSP))
	a.rm(opMovLoad|rexW, rsp, env(offShadowSP))
	a.rm(opMovLoad|rexW, rax, env(offRIP)) // as those that come by the jump cache have it
	a.rr(0xff, 4, rcx)

	a.align(16, 0)
	e.stubs.sentinel = a.n // the host return has dropped it: put it back
	a.rm(opMovLoad|rexW, rsp, env(offShadowTop))
	e.stubs.lookup = a.n
	a.rm(opMovStore|rexW, rax, env(offRIP))
	a.rm(opMovImm, 0, env(offExitCode))
	a.imm32(tcg.ExitLookup)
	a.leaveStack()

	for i := range e.stubs.exits {
		s := &e.stubs.exits[i]
		a.align(16, 0)
		s.goOn = a.n
		a.rm(opMovsxd|rexW, rax, mem{base: rdx, index: noReg, disp: descResume})
		a.aluRR(aluAdd, tcg.W64, rax, rdx)
		skip := a.jmp8()
		s.end = a.n
		a.movImm(rax, 0)
		a.here8(skip)
		a.rm(opMovStore|rexW, rax, env(offResume))
		a.rm(opMovLoad|rexW, rax, mem{base: rdx, index: noReg, disp: descRIP})
		if i == 1 {
			a.aluRM(aluAdd, tcg.W64, rax, env(offPage))
		}
		a.rm(opMovStore|rexW, rax, env(offRIP))
		a.rm(opMovLoad|rexW, rax, mem{base: rdx, index: noReg, disp: descCode}) // and the site
		a.rm(opMovStore|rexW, rax, env(offExitCode))
		a.rm(opMovLoad|rexW, rax, mem{base: rdx, index: noReg, disp: descBlock}) // and MemWrite
		a.rm(opMovStore|rexW, rax, env(offExitBlock))
		a.leaveStack()
	}

	a.align(16, 0)
	e.stubs.loadSSE = a.n
	a.loadRegs()
	a.rr(0xff, 4, rcx) // JMP RCX

	if host&hasAVX != 0 {
		a.align(16, 0)
		e.stubs.loadAVX = a.n
		a.aluMI(0, aluCmp, tcg.W8, env(offSSELive), 0)
		there := a.jcc(tcg.CondNE)
		a.loadRegs()
		a.patch(there, a.n)
		a.loadUppers()
		a.rr(0xff, 4, rcx)
	}

	a.align(16, 0)
	e.stubs.loadX87 = a.n
	a.rm(0xdd, 4, env(offX87)) // FRSTOR
	a.rm(0xc6, 0, env(offX87Live))
	a.byte(1)
	a.rr(0xff, 4, rcx)
	a.align(64, 0)
	for i := range e.stubs.victim {
		e.stubs.victim[i] = a.n
		a.victims(offTLB+i*tlbTable, offVictim+i*victims)
	}
}

// victimHits is how many pages are found among victims before one of them is not.
const victimHits = 64

// victims writes stubs.victim of one table.
func (a *asm) victims(table, victims int) {
	a.aluRM(aluAdd, tcg.W64, rax, mem{base: r15, index: rcx, disp: int32(table)})
	a.rm(opMovStore|rexW, rax, env(offMemAddr))
	a.aluRR(aluAdd, tcg.W64, rdx, rax)
	a.aluRR(aluXor, tcg.W64, rdx, rax)
	a.aluRI(aluCmp, tcg.W64, rdx, mmu.PageMask)
	crosses := a.jcc8(tcg.CondA)
	a.movRR(tcg.W64, rdx, rax)
	a.aluRI(aluAnd, tcg.W64, rdx, -mmu.PageSize)
	var hits [mmu.Victims]int
	for i := range hits {
		a.aluRM(aluCmp, tcg.W64, rdx, env(victims+i*tlbEntry))
		hits[i] = a.jcc(tcg.CondE)
	}
	a.here8(crosses)
	a.byte(0xc3) // RET
	for i, from := range hits {
		a.patch(from, a.n)
		a.rm(opMovLoad|rexW, rcx, env(victims+i*tlbEntry+addendOff))
		a.aluMI(0, aluSub, tcg.W32, env(offVictimsLeft), 1)
		tired := a.jcc8(tcg.CondB)
		a.aluRR(aluXor, tcg.W32, rdx, rdx)
		a.byte(0xc3)
		a.here8(tired)
		a.rm(opMovImm, 0, env(offVictimsLeft))
		a.imm32(victimHits)
		a.byte(0xc3) // ZF is clear, as the subtraction went below 0
	}
	a.align(16, 0)
}

// Fields of an exit descriptor, in bytes. The first four are copied to Env from ExitCode on.
const (
	descCode   = 0
	descSite   = 4
	descBlock  = 8
	descWrite  = 12
	descRIP    = 16
	descResume = 24 // relative to the descriptor
	descSize   = 28
)

// desc writes an exit descriptor; resume is an offset in the arena.
func (a *asm) desc(code uint32, site int, block uint32, write bool, rip uint64, resume int) {
	at := a.n
	p := a.buf[at : at+descSize]
	binary.LittleEndian.PutUint32(p[descCode:], code)
	binary.LittleEndian.PutUint32(p[descSite:], uint32(site))
	binary.LittleEndian.PutUint32(p[descBlock:], block)
	w := uint32(0)
	if write {
		w = 1
	}
	binary.LittleEndian.PutUint32(p[descWrite:], w)
	binary.LittleEndian.PutUint64(p[descRIP:], rip)
	binary.LittleEndian.PutUint32(p[descResume:], uint32(resume-at))
	a.n += descSize
}

// Link makes edge number i of c jump to block to, whose guest RIP is toRIP. An edge already linked is moved.
//
// Edges to a higher RIP need no exit check (every cycle has a backward edge or a jump-cache look-up) and
// enter at Body; if there the flags are dead, the code that saves them is skipped as well.
func (e *Engine) Link(c *Code, i int, to *Code, toRIP uint64) {
	ed := &c.Edges[i]
	if !ed.Linkable {
		return
	}
	dst := int32(to.near - e.rx)
	if to.Guard != 0 {
		dst = int32(to.Guard - e.rx)
	} else if toRIP > c.RIP {
		dst = int32(to.Body - e.rx)
		if ed.kind != directNone && to.KillsFlags {
			e.setDirect(c, i, dst)
		}
	}
	e.patch32(ed.saved, dst)
}

// Unlink makes edge number i of c leave with ExitEdge again.
func (e *Engine) Unlink(c *Code, i int) {
	ed := &c.Edges[i]
	if !ed.Linkable {
		return
	}
	e.patch32(ed.saved, ed.stub)
	e.setDirect(c, i, 0)
}

// setDirect points the direct place of an edge to dst, or with 0 to the flag-saving code.
func (e *Engine) setDirect(c *Code, i int, dst int32) {
	ed := &c.Edges[i]
	switch ed.kind {
	case directJcc:
		if dst == 0 {
			dst = c.save[i]
		}
		e.patch32(ed.direct, dst)
	case directJmp:
		// The five bytes end an aligned eight, so that one store changes them all.
		w := (*uint64)(unsafe.Pointer(&e.rw[ed.direct-3]))
		v := atomic.LoadUint64(w) & 0xffffff
		if dst == 0 {
			v |= 0x441f0f << 24
		} else {
			v |= 0xe9<<24 | uint64(uint32(dst-ed.direct-5))<<32
		}
		atomic.StoreUint64(w, v)
	}
}

// patch32 points the aligned displacement at place to dst.
func (e *Engine) patch32(place, dst int32) {
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&e.rw[place])), uint32(dst-place-4))
}
