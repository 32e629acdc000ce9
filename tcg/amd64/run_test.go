//go:build linux && amd64

package amd64

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"goemu/tcg"
)

var (
	cmpRAX0 = tcg.Op{Code: tcg.Cmp, W: tcg.W64, SetF: true, A: tcg.Reg(0), B: tcg.RefImm}
	subRAX1 = tcg.Op{Code: tcg.Sub, W: tcg.W64, SetF: true, Dst: tcg.Reg(0), A: tcg.Reg(0), B: tcg.RefImm, Imm: 1}
	incRCX  = tcg.Op{Code: tcg.Inc, W: tcg.W64, SetF: true, Dst: tcg.Reg(1), A: tcg.Reg(1)}
)

func jcc(cc tcg.Cond, taken, fall int64) tcg.Op {
	return tcg.Op{Code: tcg.Jcc, Cond: cc, Imm: taken, Disp: fall}
}

func jmp(to int64) tcg.Op { return tcg.Op{Code: tcg.Jmp, Imm: to} }

// flagsOf reads Env.CC as EFLAGS bits.
func flagsOf(env *tcg.Env) uint32 { return env.CC>>8&0xd5 | env.CC&1<<11 }

func TestEntryHonoursExitReq(t *testing.T) {
	m := newMachine(t, Options{})
	m.wanted = true
	c := m.compile(m.block(incRCX, jmp(codeRIP)))
	m.env.ExitReq = 1
	if code := m.run(c.Entry); code != tcg.ExitReqd || m.env.RIP != codeRIP || m.env.GPR[1] != 0 {
		t.Errorf("exit %d at %#x, RCX %d", code, m.env.RIP, m.env.GPR[1])
	}
}

// A loop of a block to itself is left soon after ExitReq is set, with its flags right.
func TestSelfLoopHonoursExitReq(t *testing.T) {
	for _, tc := range []struct {
		name string
		ops  []tcg.Op
		want uint32 // EFLAGS
	}{
		{"flags in a recipe", []tcg.Op{incRCX, cmpRAX0, jcc(tcg.CondE, codeRIP, codeRIP+8)}, 0x44},
		{"flags in EFLAGS", []tcg.Op{incRCX, cmpRAX0,
			{Code: tcg.Rol, W: tcg.W32, SetF: true, Dst: tcg.Reg(2), A: tcg.Reg(2), B: tcg.RefImm, Imm: 1},
			jcc(tcg.CondE, codeRIP, codeRIP+8)}, 0x44},
		{"C in Env, the others by INC", []tcg.Op{{Code: tcg.Mov, W: tcg.W64, Dst: tcg.Reg(2), A: tcg.RefImm}, incRCX,
			{Code: tcg.Inc, W: tcg.W64, SetF: true, Dst: tcg.Reg(2), A: tcg.Reg(2)}, jcc(tcg.CondNE, codeRIP, codeRIP+8)}, 0x01},
		{"flags in Env", []tcg.Op{{Code: tcg.Lea, W: tcg.W64, AddrW: tcg.W64, Seg: tcg.SegNone, Dst: tcg.Reg(1), A: tcg.Reg(1), Disp: 1},
			jmp(codeRIP)}, 0x11},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := newMachine(t, Options{})
			m.wanted = true
			c := m.compile(m.block(tc.ops...))
			for i := range c.Edges {
				if c.Edges[i].Target == codeRIP {
					m.e.Link(c, i, c, codeRIP)
				}
			}
			m.env.CC = 0x1100
			var code uint32
			// On a busy host the request may come before the loop, which has not begun then.
			for wait := 20 * time.Millisecond; m.env.GPR[1] == 0 && wait < time.Minute; wait *= 2 {
				atomic.StoreUint32(&m.env.ExitReq, 0)
				stop := time.AfterFunc(wait, func() { atomic.StoreUint32(&m.env.ExitReq, 1) })
				code = m.run(c.Entry)
				stop.Stop()
			}
			if code != tcg.ExitReqd || m.env.RIP != codeRIP || m.env.GPR[1] == 0 {
				t.Errorf("exit %d at %#x, RCX %d", code, m.env.RIP, m.env.GPR[1])
			}
			if got := flagsOf(m.env); got != tc.want {
				t.Errorf("flags %#x, want %#x", got, tc.want)
			}
		})
	}
}

// Garbage collection and preemption work while generated code never leaves by itself, under profiling and
// a rain of signals.
func TestRuntimeGetsTheThread(t *testing.T) {
	m := newMachine(t, Options{})
	m.wanted = true
	c := m.compile(m.block(incRCX, jmp(codeRIP)))
	for i := range c.Edges {
		m.e.Link(c, i, c, codeRIP)
	}
	var done atomic.Bool
	if pprof.StartCPUProfile(new(bytes.Buffer)) == nil {
		defer pprof.StopCPUProfile()
	}
	var left atomic.Int64
	go func() {
		for n := 0; n < 200 || left.Load() == 0; n++ { // the code may begin late
			runtime.GC()
			syscall.Kill(os.Getpid(), syscall.SIGURG)
		}
		done.Store(true)
	}()
	for !done.Load() {
		code := m.run(c.Entry)
		if code != tcg.ExitReqd {
			t.Fatalf("exit %d", code)
		}
		left.Add(1)
		atomic.StoreUint32(&m.env.ExitReq, 0)
		runtime.Gosched()
	}
}

func TestUnlinkedEdgeLeaves(t *testing.T) {
	m := newMachine(t, Options{})
	for _, tc := range []struct {
		rax  uint64
		edge uint64
	}{{0, codeRIP + 0x20}, {1, codeRIP + 4}} {
		m.env.GPR[0] = tc.rax
		c := m.compile(m.block(cmpRAX0, jcc(tcg.CondE, codeRIP+0x20, codeRIP+4)))
		if code := m.run(c.Entry); code != tcg.ExitEdge || m.env.RIP != tc.edge || m.env.ExitBlock != c.ID {
			t.Errorf("exit %d of block %d to %#x", code, m.env.ExitBlock, m.env.RIP)
		}
		if e := c.Edges[m.env.ExitSite]; e.Target != tc.edge {
			t.Errorf("edge %d has target %#x", m.env.ExitSite, e.Target)
		}
	}
}

// Every edge of a block with each place its flags may be in, to blocks that kill and that keep flags, forward
// and backward, linked and unlinked.
func TestLinks(t *testing.T) {
	ends := map[string][]tcg.Op{
		"recipe": {subRAX1, {Code: tcg.Ld, W: tcg.W64, AddrW: tcg.W64, Seg: tcg.SegNone, Dst: tcg.Reg(2), A: tcg.Reg(3)}},
		"eflags": {subRAX1},
		"env":    {{Code: tcg.PutF, SetF: true, W: tcg.W64, A: tcg.RefImm, Imm: 0x84, FMask: tcg.FlagsAll}},
		"inc":    {{Code: tcg.PutF, SetF: true, W: tcg.W64, A: tcg.RefImm, Imm: 1, FMask: tcg.FlagsAll}, incRCX},
		"stale":  {cmpRAX0, {Code: tcg.Mov, W: tcg.W64, Dst: tcg.Reg(0), A: tcg.RefImm, Imm: 77}},
	}
	keep := []tcg.Op{{Code: tcg.GetF, W: tcg.W64, Dst: tcg.Reg(7)}}
	kill := []tcg.Op{cmpRAX0, {Code: tcg.GetF, W: tcg.W64, Dst: tcg.Reg(7)}}
	for name, ops := range ends {
		for kind, dst := range map[string][]tcg.Op{"keep": keep, "kill": kill} {
			t.Run(name+" to "+kind, func(t *testing.T) {
				m := newMachine(t, Options{})
				for _, target := range []int64{codeRIP + 0x40, codeRIP + 4, codeRIP - 0x10} {
					for _, end := range []tcg.Op{jmp(target), jcc(tcg.CondNE, target, target), jcc(tcg.CondE, target, target)} {
						testLink(t, m, append(append([]tcg.Op(nil), ops...), end), dst, uint64(target))
					}
				}
			})
		}
	}
}

// testLink runs a block of ops, which ends in jumps to target, and the block dst there, first one by one and then linked.
func testLink(t *testing.T, m *machine, ops, dst []tcg.Op, target uint64) {
	prepare := func() {
		m.registers()
		m.env.GPR[0], m.env.GPR[3], m.env.CC = 5, ramBase, 0x5500
	}
	c := m.compile(m.block(ops...))
	to := m.compile(m.blockAt(target, tcg.ModeCode64, dst...))
	unlinked := uint32(tcg.ExitEdge)
	if target>>12 != codeRIP>>12 {
		unlinked = tcg.ExitLookup
	}
	j := &m.env.JumpCache[tcg.JumpIndex(target)]
	empty := *j
	prepare()
	if code := m.run(c.Entry); code != unlinked || m.env.RIP != target {
		t.Fatalf("exit %d to %#x", code, m.env.RIP)
	}
	m.run(to.Entry)
	want, flags := m.env.GPR, m.env.CC
	for round := range 2 {
		for i := range c.Edges {
			m.e.Link(c, i, to, target)
		}
		*j = tcg.JumpEntry{RIP: target, Mode: uint64(tcg.ModeCode64), Code: uint64(to.Entry)}
		prepare()
		if code := m.run(c.Entry); code != tcg.ExitLookup || m.env.RIP != target+4 {
			t.Fatalf("at %#x, round %d: exit %d to %#x", target, round, code, m.env.RIP)
		}
		if m.env.GPR != want || m.env.CC != flags {
			t.Errorf("at %#x: %#x %#x, want %#x %#x", target, m.env.GPR, m.env.CC, want, flags)
		}
		for i := range c.Edges {
			m.e.Unlink(c, i)
		}
		*j = empty
		prepare()
		if code := m.run(c.Entry); code != unlinked {
			t.Errorf("at %#x: exit %d after unlinking", target, code)
		}
	}
}

// A jump-cache entry hits only with both RIP and mode.
func TestJumpCache(t *testing.T) {
	m := newMachine(t, Options{})
	to := m.compile(m.blockAt(0x5000, tcg.ModeCode64, incRCX))
	c := m.compile(m.block(tcg.Op{Code: tcg.JmpInd, W: tcg.W64, A: tcg.Reg(0)}))
	// The jump learns other targets first, so that this one takes the general look-up.
	for i := range uint64(maxLearned) {
		m.e.Learn(c, len(c.Edges)-1, 0x9000+16*i)
	}
	j := &m.env.JumpCache[tcg.JumpIndex(0x5000)]
	for _, tc := range []struct {
		name  string
		entry tcg.JumpEntry
		hit   bool
	}{
		{"empty", *j, false},
		{"hit", tcg.JumpEntry{RIP: 0x5000, Mode: uint64(tcg.ModeCode64), Code: uint64(to.Entry)}, true},
		{"other mode", tcg.JumpEntry{RIP: 0x5000, Mode: uint64(tcg.ModeCode64 | tcg.ModeCPL), Code: uint64(to.Entry)}, false},
		{"other RIP", tcg.JumpEntry{RIP: 0x5000 + tcg.JumpCacheEntries, Mode: uint64(tcg.ModeCode64), Code: uint64(to.Entry)}, false},
	} {
		*j = tc.entry
		m.env.GPR[0], m.env.GPR[1] = 0x5000, 0
		code := m.run(c.Entry)
		want := uint64(0x5000)
		if tc.hit {
			want = 0x5004
		}
		if code != tcg.ExitLookup || m.env.RIP != want || (m.env.GPR[1] == 1) != tc.hit {
			t.Errorf("%s: exit %d at %#x", tc.name, code, m.env.RIP)
		}
	}
}

// A Sys op leaves with RIP at its instruction and the flags in Env.CC, and goes on with what Go left.
func TestSysResumes(t *testing.T) {
	m := newMachine(t, Options{})
	b := m.block(cmpRAX0, tcg.Op{Code: tcg.Insn, Imm: codeRIP + 4, Disp: 2}, tcg.Op{Code: tcg.Sys, Imm: 7},
		tcg.Op{Code: tcg.Insn, Imm: codeRIP + 6, Disp: 2},
		tcg.Op{Code: tcg.Setcc, W: tcg.W8, Cond: tcg.CondB, Dst: tcg.Reg(2)}, incRCX)
	b.NInsns = 3
	c := m.compile(b)
	if code := m.run(c.Entry); code != tcg.ExitSys || m.env.RIP != codeRIP+4 || flagsOf(m.env) != 0x44 {
		t.Fatalf("exit %d at %#x, flags %#x", code, m.env.RIP, flagsOf(m.env))
	}
	if s := c.Sites[m.env.ExitSite]; s.Sys != 7 || s.Insn != 1 || s.RIP != 4 {
		t.Errorf("site %+v", s)
	}
	m.env.CC, m.env.GPR[1] = 0x100, 41
	if code := m.run(uintptr(m.env.Resume)); code != tcg.ExitLookup || m.env.GPR[2] != 1 || m.env.GPR[1] != 42 {
		t.Errorf("exit %d, RDX %d, RCX %d", code, m.env.GPR[2], m.env.GPR[1])
	}
}

func TestSysAtEnd(t *testing.T) {
	m := newMachine(t, Options{})
	c := m.compile(m.block(tcg.Op{Code: tcg.Sys, Imm: 0, End: true}))
	m.env.Resume = 1
	if code := m.run(c.Entry); code != tcg.ExitSys || m.env.Resume != 0 {
		t.Errorf("exit %d, resume %#x", code, m.env.Resume)
	}
}

// At a bail RIP and flags are those before the instruction.
func TestBailIsPrecise(t *testing.T) {
	m := newMachine(t, Options{})
	m.env.GPR[3] = 0x1234_5678_9000 // no RAM
	m.env.GPR[0] = 1
	b := m.block(subRAX1, tcg.Op{Code: tcg.Insn, Imm: codeRIP + 4, Disp: 4},
		tcg.Op{Code: tcg.Rmw, Sub: tcg.Add, W: tcg.W32, SetF: true, AddrW: tcg.W64, Seg: tcg.SegNone, A: tcg.Reg(3), C: tcg.Reg(0)})
	b.NInsns = 2
	c := m.compile(b)
	if code := m.run(c.Entry); code != tcg.ExitTLB || m.env.MemAddr != 0x1234_5678_9000 || m.env.MemWrite != 1 {
		t.Fatalf("exit %d, address %#x, write %d", code, m.env.MemAddr, m.env.MemWrite)
	}
	if m.env.RIP != codeRIP+4 || flagsOf(m.env) != 0x44 || c.Sites[m.env.ExitSite].Insn != 1 {
		t.Errorf("at %#x, flags %#x, site %+v", m.env.RIP, flagsOf(m.env), c.Sites[m.env.ExitSite])
	}
}

// With Count, a block is charged at its head, and not entered if the budget does not last.
func TestBudget(t *testing.T) {
	m := newMachine(t, Options{Count: true})
	m.wanted = true
	b := m.block(incRCX, jmp(codeRIP))
	b.NInsns = 3
	c := m.compile(b)
	for i := range c.Edges {
		m.e.Link(c, i, c, codeRIP)
	}
	m.env.Budget = 10
	if code := m.run(c.Entry); code != tcg.ExitReqd || m.env.Budget != 1 || m.env.Insns != 9 || m.env.GPR[1] != 3 {
		t.Errorf("exit %d, budget %d, %d instructions, RCX %d", code, m.env.Budget, m.env.Insns, m.env.GPR[1])
	}
}

// Limits are checked in 32-bit code, and bases added in 32-bit arithmetic.
func TestSegments(t *testing.T) {
	m := newMachine(t, Options{})
	ld := tcg.Op{Code: tcg.Ld, W: tcg.W32, AddrW: tcg.W32, Seg: tcg.SegES, A: tcg.Reg(0), Dst: tcg.Reg(2)}
	c := m.compile(m.blockAt(codeRIP, tcg.ModeCode32, ld))
	copy(m.ram[0x20:], "\x11\x22\x33\x44")
	m.env.SegBase[tcg.SegES] = ramBase + 0x1000
	for _, tc := range []struct {
		off, top uint64
		want     uint32
	}{
		{0x1_fffff020, 1 << 32, tcg.ExitLookup}, // wraps to ramBase+20; the upper half of RAX does not count
		{0x100, 0x104, tcg.ExitLookup},
		{0x100, 0x103, tcg.ExitBail},
		{0xffff_fffe, 1 << 32, tcg.ExitBail},
		{0, 0, tcg.ExitBail},
	} {
		m.env.GPR[0], m.env.SegRdTop[tcg.SegES] = tc.off, tc.top
		if code := m.run(c.Entry); code != tc.want {
			t.Errorf("offset %#x, top %#x: exit %d", tc.off, tc.top, code)
		}
		if tc.off == 0x1_fffff020 && m.env.GPR[2] != 0x44332211 {
			t.Errorf("got %#x", m.env.GPR[2])
		}
	}
}

// With #AC on, misaligned data goes to the interpreter.
func TestAlignmentCheck(t *testing.T) {
	m := newMachine(t, Options{})
	ld := tcg.Op{Code: tcg.Ld, W: tcg.W32, AddrW: tcg.W64, Seg: tcg.SegNone, A: tcg.Reg(0), Dst: tcg.Reg(2)}
	c := m.compile(m.blockAt(codeRIP, tcg.ModeCode64|tcg.ModeAlign, ld))
	for off, want := range []uint32{tcg.ExitLookup, tcg.ExitBail, tcg.ExitBail, tcg.ExitBail, tcg.ExitLookup} {
		m.env.GPR[0] = ramBase + uint64(off)
		if code := m.run(c.Entry); code != want {
			t.Errorf("offset %d: exit %d", off, code)
		}
	}
}

func TestArenaFull(t *testing.T) {
	m := newMachine(t, Options{ArenaBytes: 16 << 10})
	b := m.block(incRCX)
	var err error
	for range 1000 {
		if _, err = m.e.Compile(b); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrFull) {
		t.Fatalf("got %v", err)
	}
	m.e.Reset()
	if code := m.run(m.compile(b).Entry); code != tcg.ExitLookup {
		t.Errorf("exit %d", code)
	}
}

func TestListing(t *testing.T) {
	m := newMachine(t, Options{})
	var s strings.Builder
	if err := m.compile(m.block(incRCX)).Listing(&s); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"inc r12", "exit reqd, site 0, rip 0x1000"} {
		if !strings.Contains(s.String(), want) {
			t.Errorf("no %q in\n%s", want, s.String())
		}
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	m := newMachine(b, Options{})
	c := m.compile(m.block(tcg.Op{Code: tcg.Exit, Imm: 1}))
	for b.Loop() {
		m.e.Run(m.env, c.Entry)
	}
}

func BenchmarkCompile(b *testing.B) {
	m := newMachine(b, Options{ArenaBytes: 64 << 20})
	var ops []tcg.Op
	for range 5 {
		ops = append(ops, subRAX1, tcg.Op{Code: tcg.Ld, W: tcg.W64, AddrW: tcg.W64, Seg: tcg.SegNone, Dst: tcg.Reg(2), A: tcg.Reg(3), Disp: 8})
	}
	blk := m.block(append(ops, jcc(tcg.CondE, codeRIP+0x80, codeRIP+0x40))...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.e.Compile(blk); err != nil {
			m.e.Reset()
		}
	}
}

// BenchmarkSum is a loop that adds up 1,000 quadwords from memory: ADD RDX,[RBX+RCX*8]; INC RCX; CMP RCX,RSI; JNE.
func BenchmarkSum(b *testing.B) {
	m := newMachine(b, Options{})
	c := m.compile(m.block(
		tcg.Op{Code: tcg.Ld, W: tcg.W64, AddrW: tcg.W64, Seg: tcg.SegNone, A: tcg.Reg(3), B: tcg.Reg(1), Scale: 3, Dst: tcg.Temp(0)},
		tcg.Op{Code: tcg.Add, W: tcg.W64, SetF: true, Dst: tcg.Reg(2), A: tcg.Reg(2), B: tcg.Temp(0)},
		incRCX,
		tcg.Op{Code: tcg.Cmp, W: tcg.W64, SetF: true, A: tcg.Reg(1), B: tcg.Reg(6)},
		jcc(tcg.CondNE, codeRIP, codeRIP+0x10)))
	m.env.GPR[3], m.env.GPR[6] = ramBase, 1000
	for b.Loop() {
		m.env.GPR[1] = 0
		for i := range c.Edges {
			if c.Edges[i].Target == codeRIP {
				m.e.Link(c, i, c, codeRIP)
			}
		}
		m.run(c.Entry)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/round")
}
