package interp

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"goemu/mmu"
	"goemu/tcg"
	"goemu/tests/seed"
)

// Memory of the test machine: a few pages of RAM at ramBase, nothing else.
const (
	ramBase  = 0x10000
	ramPages = 4
	ramSize  = ramPages * mmu.PageSize
)

// machine is a tcg.Machine with RAM. It logs what it is asked, and can fail at a chosen call.
type machine struct {
	env      *tcg.Env
	ram      []byte
	readOnly [ramPages]bool
	fillTLB  bool
	failAt   int // number of the call that fails; -1: none
	calls    int
	log      []string
	fault    string
	sys      func(*tcg.SysInst) bool
	exit     bool // WriteMem sets ExitReq
}

func newMachine() *machine {
	m := &machine{env: new(tcg.Env), ram: make([]byte, ramSize), failAt: -1}
	m.flush()
	return m
}

func (m *machine) flush() {
	for idx := range m.env.TLB.Read {
		for i := range m.env.TLB.Read[idx] {
			e := mmu.TLBEntry{Page: mmu.EmptyPage(uint64(i))}
			m.env.TLB.Read[idx][i], m.env.TLB.Write[idx][i] = e, e
		}
	}
}

func (m *machine) note(format string, args ...any) bool {
	m.log = append(m.log, fmt.Sprintf(format, args...))
	m.calls++
	if m.calls-1 == m.failAt {
		m.fault = "injected"
		return false
	}
	return true
}

func (m *machine) allowed(linear uint64, size int, write bool, idx int) bool {
	for a := linear; a-linear < uint64(size); a++ {
		if a-ramBase >= ramSize || write && m.readOnly[(a-ramBase)>>mmu.PageShift] {
			m.fault = fmt.Sprintf("#PF %#x write=%v", a, write)
			return false
		}
		if m.fillTLB {
			page := a &^ mmu.PageMask
			e := mmu.EntryFor(page, uint64(uintptr(unsafe.Pointer(&m.ram[page-ramBase]))))
			m.env.TLB.Read[idx][mmu.TLBIndex(a)] = e
			if write {
				m.env.TLB.Write[idx][mmu.TLBIndex(a)] = e
			}
		}
	}
	return true
}

func (m *machine) ReadBytes(linear uint64, p []byte, idx int) bool {
	if !m.note("read %#x %d", linear, len(p)) || !m.allowed(linear, len(p), false, idx) {
		return false
	}
	copy(p, m.ram[linear-ramBase:])
	return true
}

func (m *machine) WriteBytes(linear uint64, p []byte, idx int) bool {
	if !m.note("write %#x %x", linear, p) || !m.allowed(linear, len(p), true, idx) {
		return false
	}
	copy(m.ram[linear-ramBase:], p)
	if m.exit {
		m.env.ExitReq = 1
	}
	return true
}

func (m *machine) ReadMem(linear uint64, size, idx int) (v uint64, ok bool) {
	var b [8]byte
	ok = m.ReadBytes(linear, b[:size], idx)
	return *(*uint64)(unsafe.Pointer(&b)), ok
}

func (m *machine) WriteMem(linear uint64, size int, v uint64, idx int) bool {
	b := *(*[8]byte)(unsafe.Pointer(&v))
	return m.WriteBytes(linear, b[:size], idx)
}

func (m *machine) Probe(linear uint64, size, idx int) bool {
	return m.note("probe %#x %d", linear, size) && m.allowed(linear, size, true, idx)
}

func (m *machine) Linear(seg tcg.Seg, off uint64, size int, write bool) (uint64, bool) {
	if !m.note("linear %d %#x %d %v", seg, off, size, write) {
		return 0, false
	}
	if off+uint64(size) > 0x8000 {
		m.fault = fmt.Sprintf("limit %d", seg)
		return 0, false
	}
	return uint64(uint32(off + m.env.SegBase[seg])), true
}

func (m *machine) Canonical(linear uint64, size int, stack bool) bool {
	m.fault = fmt.Sprintf("not canonical %#x stack=%v", linear, stack)
	return false
}

func (m *machine) Sys(i *tcg.SysInst) bool { return m.note("sys %#x", m.env.RIP) && m.sys(i) }

func (m *machine) Raise(vector int) bool {
	m.fault = fmt.Sprintf("vector %d", vector)
	return false
}

func (m *machine) CheckSSE(mmx bool) bool  { return m.note("sse %v", mmx) }
func (m *machine) CheckAVX() bool          { return m.note("avx") }
func (m *machine) CheckFPU(wait bool) bool { return m.note("fpu %v", wait) }

func rng(t testing.TB) *rand.Rand { return rand.New(rand.NewPCG(seed.Of(t), 1)) }

var edges = []uint64{0, 1, 2, 3, 7, 8, 9, 0xf, 0x10, 0x11, 0x1f, 0x20, 0x21, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xfe, 0xff, 0x100,
	0x7fff, 0x8000, 0xffff, 0x10000, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_ffff, 0x1_0000_0000,
	0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, 0x8000_0000_0000_0001, 0xffff_ffff_ffff_fffe, 0xffff_ffff_ffff_ffff}

// operand draws an interesting value.
func operand(r *rand.Rand) uint64 {
	switch r.IntN(4) {
	case 0:
		return r.Uint64()
	case 1:
		return edges[r.IntN(len(edges))] ^ r.Uint64()<<(8<<r.IntN(4))
	case 2:
		return edges[r.IntN(len(edges))] + uint64(r.IntN(5)) - 2
	}
	return edges[r.IntN(len(edges))]
}
