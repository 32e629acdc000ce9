//go:build linux && amd64

package amd64

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	"goemu/mmu"
	"goemu/tcg"
	"goemu/tcg/interp"
)

// noFault is flatMemory.raised where no exception was raised: 0 is #DE.
const noFault = -1

// flatMemory is the interpreter's Machine: RAM at ramBase, no faults but #DE.
type flatMemory struct {
	ram    []byte
	raised int
}

func (f *flatMemory) at(a uint64, n int) ([]byte, bool) {
	if a < ramBase || a+uint64(n) > ramBase+uint64(len(f.ram)) {
		f.raised = tcg.VectorPF
		return nil, false
	}
	return f.ram[a-ramBase:][:n], true
}

func (f *flatMemory) ReadMem(a uint64, n, _ int) (uint64, bool) {
	p, ok := f.at(a, n)
	if !ok {
		return 0, false
	}
	var b [8]byte
	copy(b[:], p)
	return binary.LittleEndian.Uint64(b[:]), true
}

func (f *flatMemory) WriteMem(a uint64, n int, v uint64, _ int) bool {
	p, ok := f.at(a, n)
	if ok {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], v)
		copy(p, b[:n])
	}
	return ok
}

func (f *flatMemory) ReadBytes(a uint64, p []byte, _ int) bool {
	q, ok := f.at(a, len(p))
	copy(p, q)
	return ok
}

func (f *flatMemory) WriteBytes(a uint64, p []byte, _ int) bool {
	q, ok := f.at(a, len(p))
	copy(q, p)
	return ok
}

func (f *flatMemory) Probe(a uint64, n, _ int) bool { _, ok := f.at(a, n); return ok }
func (f *flatMemory) Linear(_ tcg.Seg, off uint64, _ int, _ bool) (uint64, bool) {
	f.raised = tcg.VectorGP
	return off, false
}
func (f *flatMemory) Canonical(uint64, int, bool) bool { f.raised = tcg.VectorGP; return false }
func (f *flatMemory) Sys(*tcg.SysInst) bool            { f.raised = tcg.VectorUD; return false }
func (f *flatMemory) Raise(v int) bool                 { f.raised = v; return false }
func (f *flatMemory) CheckSSE(bool) bool               { return true }
func (f *flatMemory) CheckAVX() bool                   { return true }
func (f *flatMemory) CheckFPU(bool) bool               { return true }

// state is what both engines are compared in.
type state struct {
	GPR    [16]uint64
	CC     uint32
	EFlags uint32
	RIP    uint64
	MXCSR  uint32
	XMM    [16]tcg.Vec128
	YMMH   [16]tcg.Vec128
	X87    [128]byte
	Vector int // fault of the interpreter, which ended the block
	Memory string
}

func (s *state) from(env *tcg.Env, ignore tcg.Flags, vector int, ram []byte) {
	s.GPR, s.EFlags, s.RIP, s.MXCSR, s.XMM, s.YMMH, s.X87 = env.GPR, env.EFlags, env.RIP, env.MXCSR, env.XMM, env.YMMH, env.X87
	for i := 2; i < 12; i += 4 { // reserved words
		s.X87[i], s.X87[i+1] = 0, 0
	}
	clear(s.X87[12:28])
	clear(s.X87[108:])
	low := uint32(eflagsLow(tcg.FlagsAll &^ ignore))
	s.CC = env.CC >> 8 & low << 8
	if ignore&tcg.FlagO == 0 {
		s.CC |= env.CC & 1
	}
	s.Vector = vector
	s.Memory = string(ram)
}

// diff describes how s and t differ, or is empty.
func (s *state) diff(t *state) string {
	var b strings.Builder
	p := func(what string, got, want uint64) {
		if got != want {
			b.WriteString(what + ": native " + strconv.FormatUint(got, 16) + ", interpreter " + strconv.FormatUint(want, 16) + "\n")
		}
	}
	if *s == *t {
		return ""
	}
	for i := range s.GPR {
		p(tcg.Reg(i).String(), s.GPR[i], t.GPR[i])
	}
	p("CC", uint64(s.CC), uint64(t.CC))
	p("EFlags", uint64(s.EFlags), uint64(t.EFlags))
	p("RIP", s.RIP, t.RIP)
	p("MXCSR", uint64(s.MXCSR), uint64(t.MXCSR))
	p("vector", uint64(s.Vector), uint64(t.Vector))
	for i := range s.XMM {
		p("XMM"+strconv.Itoa(i)+" low", s.XMM[i][0], t.XMM[i][0])
		p("XMM"+strconv.Itoa(i)+" high", s.XMM[i][1], t.XMM[i][1])
		p("YMM"+strconv.Itoa(i)+" 2", s.YMMH[i][0], t.YMMH[i][0])
		p("YMM"+strconv.Itoa(i)+" 3", s.YMMH[i][1], t.YMMH[i][1])
	}
	for i := 0; i < 108; i++ {
		p("x87+"+strconv.Itoa(i), uint64(s.X87[i]), uint64(t.X87[i]))
	}
	for i := range s.Memory {
		p("memory+"+strconv.FormatInt(int64(i), 16), uint64(s.Memory[i]), uint64(t.Memory[i]))
	}
	return b.String()
}

// duo runs a block on both engines from the same state.
type duo struct {
	*machine
	env2 *tcg.Env
	mem2 *flatMemory
}

func newDuo(t testing.TB, opts Options) *duo {
	m := newMachine(t, opts)
	env2, err := NewEnv()
	if err != nil {
		t.Fatal(err)
	}
	*env2 = *m.env
	return &duo{m, env2, &flatMemory{ram: make([]byte, ramSize)}}
}

// randomise gives both the same random registers, flags and memory. RBX and R13 point into RAM, RSI is a small index.
func (d *duo) randomise(r *rand.Rand) {
	SyncX87(d.env)
	d.registers()
	for i := range d.env.TLB.Read[0][:8] { // some of the pages
		if r.IntN(8) == 0 {
			d.env.TLB.Read[0][i].Page, d.env.TLB.Write[0][i].Page = mmu.EmptyPage(uint64(i)), mmu.EmptyPage(uint64(i))
		}
	}
	for i := range d.env.GPR {
		d.env.GPR[i] = randomValue(r)
	}
	d.env.GPR[3] = ramBase + 0x800 + r.Uint64N(0x2000)
	d.env.GPR[13] = ramBase + 0x800 + r.Uint64N(0x2000)
	d.env.GPR[6] = r.Uint64N(64)
	d.env.CC = tcg.CCFixed | uint32(r.Uint64()&0xd5)<<8 | uint32(r.Uint64()&1)
	for i := range d.env.XMM {
		for j := range d.env.XMM[i] {
			d.env.XMM[i][j] = randomValue(r)
		}
	}
	if r.IntN(2) == 0 {
		d.env.YMMUsed = tcg.YMMInUse
		for i := range d.env.YMMH {
			d.env.YMMH[i] = tcg.Vec128{randomValue(r), randomValue(r)}
		}
	}
	for range 64 {
		binary.LittleEndian.PutUint64(d.ram[8*r.IntN(len(d.ram)/8):], randomValue(r))
	}
	const n = unsafe.Offsetof(tcg.Env{}.TLB) // what lies before
	*(*[n]byte)(unsafe.Pointer(d.env2)) = *(*[n]byte)(unsafe.Pointer(d.env))
	copy(d.mem2.ram, d.ram)
	d.mem2.raised = noFault
}

// randomValue prefers the values at which carries and signs change.
func randomValue(r *rand.Rand) uint64 {
	edge := [...]uint64{0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<63 - 1, 1 << 63, ^uint64(0)}
	if r.IntN(3) == 0 {
		return edge[r.IntN(len(edge))]
	}
	return r.Uint64() >> r.IntN(64)
}

// rest gives the part of b from the instruction at rip on.
func rest(b *tcg.Block, rip uint64) *tcg.Block {
	for i := range b.Ops {
		if b.Ops[i].Code == tcg.Insn && uint64(b.Ops[i].Imm) == rip {
			c := *b
			c.Ops = b.Ops[i:]
			return &c
		}
	}
	return nil
}

// compare runs b on both; flags in ignore are not compared.
func (d *duo) compare(b *tcg.Block, ignore tcg.Flags) {
	d.t.Helper()
	if err := tcg.Verify(b); err != nil {
		d.t.Fatalf("%v\n%s", err, b)
	}
	c := d.compile(b)
	code := d.run(c.Entry)
	native := &flatMemory{ram: d.ram, raised: noFault}
	SyncX87(d.env)
	d.wantState()
	switch code {
	case tcg.ExitTLB, tcg.ExitBail:
		if tail := rest(b, d.env.RIP); tail == nil {
			d.t.Fatalf("bail at %#x, which is no instruction", d.env.RIP)
		} else {
			atomic.StoreUint32(&d.env.ExitReq, 0) // a signal of Go's has set it, perhaps
			interp.Run(d.env, native, tail)
		}
	case tcg.ExitEdge, tcg.ExitLookup, tcg.ExitLearn:
	default:
		d.t.Fatalf("exit %d", code)
	}
	interp.Run(d.env2, d.mem2, b)
	var got, want state
	if native.raised != noFault {
		ignore = tcg.FlagsAll // a fault in the middle: its flags may be undefined ones
	}
	got.from(d.env, ignore, native.raised, d.ram)
	want.from(d.env2, ignore, d.mem2.raised, d.mem2.ram)
	if s := got.diff(&want); s != "" {
		var l bytes.Buffer
		c.Listing(&l)
		d.t.Fatalf("%s%s%s", s, b, l.String())
	}
}
