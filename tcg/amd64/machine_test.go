//go:build linux && amd64

package amd64

import (
	"runtime"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"goemu/mmu"
	"goemu/tcg"
)

// Guest memory of the test machine: ramSize bytes at linear address ramBase.
const (
	ramBase = 0x40_0000
	ramSize = 0x4000
	codeRIP = 0x1000
)

// machine is an engine with an environment and a little RAM, whose run fills the TLB and resumes.
type machine struct {
	t      testing.TB
	e      *Engine
	env    *tcg.Env
	ram    []byte
	misses int
	heads  map[uint64]*Code // blocks by RIP
	wanted bool             // the test wants to see ExitReqd
	nextID uint32
}

func newMachine(t testing.TB, opts Options) *machine {
	t.Helper()
	if opts.ArenaBytes == 0 {
		opts.ArenaBytes = 1 << 20
	}
	e, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	env, err := NewEnv()
	if err != nil {
		t.Fatal(err)
	}
	ram, err := unix.Mmap(-1, 0, ramSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, e: e, env: env, ram: ram, heads: make(map[uint64]*Code)}
	runtime.LockOSThread()
	t.Cleanup(func() {
		SyncX87(env)
		runtime.UnlockOSThread()
		e.Close()
		unix.Munmap(ram)
		unix.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(env)), unsafe.Sizeof(*env)))
	})
	m.reset()
	return m
}

// reset empties the TLB and the jump cache and sets what a fresh CPU has.
func (m *machine) reset() {
	env := m.env
	*env = tcg.Env{}
	for i := range mmu.NumIndexes {
		for j := range uint64(mmu.TLBEntries) {
			env.TLB.Read[i][j].Page = mmu.EmptyPage(j)
			env.TLB.Write[i][j].Page = mmu.EmptyPage(j)
		}
	}
	for i := range env.TLB.Victim {
		for j := range env.TLB.Victim[i] {
			for k := range env.TLB.Victim[i][j] {
				env.TLB.Victim[i][j][k].Page = mmu.NoVictim
			}
		}
	}
	for i := range env.JumpCache {
		env.JumpCache[i].Mode = tcg.NoMode
		env.JumpCache[i].Code = uint64(m.e.LookupStub())
	}
	m.registers()
}

// registers zeroes the state before the TLB and sets what a fresh CPU has.
func (m *machine) registers() {
	env := m.env
	clear(unsafe.Slice((*byte)(unsafe.Pointer(env)), unsafe.Offsetof(env.TLB)))
	env.EFlags = 2
	env.MXCSR = 0x1f80
	env.SSEOK, env.X87OK, env.AVXOK = 1, 1, 1
	env.X87[0], env.X87[1] = 0x7f, 0x03
	env.X87[8], env.X87[9] = 0xff, 0xff
	for i := range env.SegRdTop {
		env.SegRdTop[i], env.SegWrTop[i] = 1<<32, 1<<32
	}
}

// fill puts the page of a missed access into the TLB.
func (m *machine) fill() bool {
	a := m.env.MemAddr
	page := a &^ mmu.PageMask
	if page < ramBase || page >= ramBase+ramSize || m.env.TLB.Read[0][mmu.TLBIndex(a)].Page == page && m.env.MemWrite == 0 {
		return false
	}
	t := &m.env.TLB.Read[0][mmu.TLBIndex(a)]
	if m.env.MemWrite != 0 {
		t = &m.env.TLB.Write[0][mmu.TLBIndex(a)]
		if t.Page == page {
			return false // crosses a page
		}
	}
	m.misses++
	*t = mmu.EntryFor(page, uint64(uintptr(unsafe.Pointer(&m.ram[page-ramBase]))))
	return true
}

// run runs code to an exit that is not a TLB miss on RAM, nor a request of the Go runtime for the thread.
func (m *machine) run(code uintptr) uint32 {
	for {
		m.e.Run(m.env, code)
		switch {
		case m.env.ExitCode == tcg.ExitTLB && m.fill():
			code = uintptr(m.env.Resume)
		case m.env.ExitCode == tcg.ExitReqd && !m.wanted:
			atomic.StoreUint32(&m.env.ExitReq, 0)
			code = m.heads[m.env.RIP].Entry
		default:
			return m.env.ExitCode
		}
	}
}

// block makes a block of 64-bit code at codeRIP from ops, one instruction long; ops without an end get one.
func (m *machine) block(ops ...tcg.Op) *tcg.Block {
	return m.blockAt(codeRIP, tcg.ModeCode64, ops...)
}

func (m *machine) blockAt(rip uint64, mode tcg.Mode, ops ...tcg.Op) *tcg.Block {
	m.nextID++
	b := &tcg.Block{ID: m.nextID, Key: tcg.Key{RIP: rip, Mode: mode}, NInsns: 1, Bytes: 4}
	b.Ops = append(b.Ops, tcg.Op{Code: tcg.Insn, Imm: int64(rip), Disp: 4})
	b.Ops = append(b.Ops, ops...)
	if c := ops[len(ops)-1].Code; c < tcg.Jmp && !ops[len(ops)-1].End {
		b.Ops = append(b.Ops, tcg.Op{Code: tcg.Exit, Imm: int64(rip + 4)})
	}
	for _, o := range b.Ops {
		for _, r := range []tcg.Ref{o.Dst, o.A, o.B, o.C} {
			if r.IsTemp() {
				b.Temps = max(b.Temps, r.Index()+1)
			}
		}
	}
	return b
}

func (m *machine) compile(b *tcg.Block) *Code {
	m.t.Helper()
	c, err := m.e.Compile(b)
	if err != nil {
		m.t.Fatal(err)
	}
	m.heads[b.Key.RIP] = c
	return c
}

// do compiles and runs ops.
func (m *machine) do(ops ...tcg.Op) uint32 {
	m.t.Helper()
	return m.run(m.compile(m.block(ops...)).Entry)
}
