package x86

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"goemu/mmu"
	"goemu/tests/seed"
)

func newRand(t *testing.T) *rand.Rand { return rand.New(rand.NewPCG(seed.Of(t), 0)) }

// model does a string instruction one element at a time, as the manual's operation section has it.
type model struct {
	ram           []byte // from dataAt on
	rsi, rdi, rcx uint64
	rax           uint64
	a, b          uint64 // last elements compared
	compared      bool
}

func (m *model) run(op byte, size int, down bool, rep byte) {
	step := uint64(size)
	if down {
		step = -step
	}
	ld := func(a uint64) (v uint64) {
		for k := range size {
			v |= uint64(m.ram[a-dataAt+uint64(k)]) << (8 * k)
		}
		return v
	}
	st := func(a, v uint64) {
		for k := range size {
			m.ram[a-dataAt+uint64(k)] = byte(v >> (8 * k))
		}
	}
	mask := sizeMask(size)
	for {
		if rep != 0 {
			if m.rcx == 0 {
				return
			}
			m.rcx--
		}
		switch op {
		case 0xa4: // MOVS
			st(m.rdi, ld(m.rsi))
			m.rsi, m.rdi = m.rsi+step, m.rdi+step
		case 0xaa: // STOS
			st(m.rdi, m.rax)
			m.rdi += step
		case 0xac: // LODS
			m.rax = m.rax&^mask | ld(m.rsi)
			if size == 4 {
				m.rax &= mask
			}
			m.rsi += step
		case 0xae: // SCAS
			m.a, m.b, m.compared = m.rax&mask, ld(m.rdi), true
			m.rdi += step
		case 0xa6: // CMPS
			m.a, m.b, m.compared = ld(m.rsi), ld(m.rdi), true
			m.rsi, m.rdi = m.rsi+step, m.rdi+step
		}
		if rep == 0 {
			return
		}
		if op == 0xae || op == 0xa6 {
			if rep == 0xf3 && m.a != m.b || rep == 0xf2 && m.a == m.b {
				return
			}
		}
	}
}

// Random string instructions over overlapping, page-crossing buffers against the model.
func TestStringsAgainstModel(t *testing.T) {
	r := newRand(t)
	m := newMachine(t).long(0)
	for n := range 4000 {
		op := []byte{0xa4, 0xaa, 0xac, 0xae, 0xa6}[r.IntN(5)]
		size := 1 << r.IntN(4)
		rep := []byte{0, 0xf3, 0xf2}[r.IntN(3)]
		down := r.IntN(3) == 0
		for k := range 0x6000 {
			m.ram[dataAt+k] = byte(r.IntN(2) * r.IntN(256))
		}
		if r.IntN(2) == 0 {
			clear(m.ram[dataAt : dataAt+0x6000])
			m.ram[dataAt+r.IntN(0x6000)] = 1
		}
		src := dataAt + 0x1800 + uint64(r.IntN(0x1800))
		dst := src + uint64(r.IntN(64)) - 32
		if r.IntN(2) == 0 {
			dst = dataAt + 0x1800 + uint64(r.IntN(0x1800))
		}
		count := uint64(r.IntN(0x1700 / size))
		if r.IntN(3) == 0 {
			count = uint64(r.IntN(20))
		}
		w := model{ram: bytes.Clone(m.ram[dataAt : dataAt+0x6000]), rsi: src, rdi: dst, rcx: count, rax: uint64(r.IntN(2)) * r.Uint64()}
		g := &m.env.GPR
		g[regSI], g[regDI], g[regCX], g[regAX] = src, dst, count, w.rax
		var f uint32
		if down {
			f = flagDF
		}
		m.SetFlags(f)
		w.run(op, size, down, rep)

		var code []byte
		if rep != 0 {
			code = append(code, rep)
		}
		switch size {
		case 1:
			code = append(code, op)
		case 2:
			code = append([]byte{0x66}, append(code, op|1)...)
		case 4:
			code = append(code, op|1)
		default:
			code = append(code, 0x48, op|1)
		}
		m.env.RIP = codeAt
		name := fmt.Sprintf("case %d: % x down %v src %#x dst %#x count %d", n, code, down, src, dst, count)
		if !m.exec(code...) {
			v, c := m.fault()
			t.Fatalf("%s: exception %d %#x", name, v, c)
		}
		if g[regSI] != w.rsi || g[regDI] != w.rdi || g[regCX] != w.rcx || g[regAX] != w.rax {
			t.Fatalf("%s: RSI %#x RDI %#x RCX %#x RAX %#x, want %#x %#x %#x %#x", name, g[regSI], g[regDI], g[regCX], g[regAX], w.rsi, w.rdi, w.rcx, w.rax)
		}
		if !bytes.Equal(m.ram[dataAt:dataAt+0x6000], w.ram) {
			t.Fatalf("%s: memory differs", name)
		}
		if w.compared {
			d := (w.a - w.b) & sizeMask(size)
			if zf, cf := m.Flags()&flagZF != 0, m.Flags()&flagCF != 0; zf != (d == 0) || cf != (w.a < w.b) {
				t.Fatalf("%s: flags %#x after %#x - %#x", name, m.Flags(), w.a, w.b)
			}
		}
		if m.env.RIP != codeAt+uint64(len(code)) {
			t.Fatalf("%s: RIP %#x", name, m.env.RIP)
		}
	}
}

// A fault leaves the registers at the element that faulted, and a restart goes on there.
func TestStringFaultRestarts(t *testing.T) {
	for _, write := range []bool{true, false} {
		m := newMachine(t).long(3)
		g := &m.env.GPR
		bad := uint64(dataAt + 0x8000)
		old := m.get(pte(bad), 8)
		m.put(pte(bad), 8, 0)
		for k := range 0x3000 {
			m.ram[dataAt+k] = byte(k * 7)
		}
		// 0x10 bytes fit before the page that is missing.
		g[regSI], g[regDI], g[regCX] = dataAt, bad-0x10, 0x1800
		if !write {
			g[regSI], g[regDI] = bad-0x10, dataAt
		}
		if m.exec(0xf3, 0xa4) {
			t.Fatal("no page fault")
		}
		code := uint32(4)
		if write {
			code |= 2
		}
		m.wantFault("REP MOVSB", vecPF, code)
		if m.CR2() != bad || g[regCX] != 0x1800-0x10 || m.env.RIP != codeAt {
			t.Errorf("write %v: CR2 %#x RCX %#x RIP %#x", write, m.CR2(), g[regCX], m.env.RIP)
		}
		m.put(pte(bad), 8, old)
		if !m.exec(0xf3, 0xa4) || g[regCX] != 0 || m.env.RIP != codeAt+2 {
			t.Errorf("write %v: restart: RCX %#x RIP %#x", write, g[regCX], m.env.RIP)
		}
		if write && !bytes.Equal(m.ram[dataAt:dataAt+0x1800], m.ram[bad-0x10:bad-0x10+0x1800]) {
			t.Error("the copy is wrong")
		}
	}
}

// A compare that faults leaves the flags alone (SDM vol. 2A, REP).
func TestCompareFaultKeepsFlags(t *testing.T) {
	m := newMachine(t).long(3)
	g := &m.env.GPR
	m.put(pte(dataAt+0x1000), 8, 0)
	g[regDI], g[regCX], g[regAX] = dataAt+0xf00, 0x200, 1
	m.SetFlags(flagZF | flagCF)
	m.exec(0xf2, 0xae)
	m.wantFault("REPNE SCASB", vecPF, 4)
	if m.Flags() != flagFixed|flagZF|flagCF || g[regCX] != 0x100 || g[regDI] != dataAt+0x1000 {
		t.Errorf("flags %#x RCX %#x RDI %#x", m.Flags(), g[regCX], g[regDI])
	}
}

// An exit request stops a repeated instruction between pages, with RIP still on it, and it always makes progress.
func TestStringStopsForExit(t *testing.T) {
	m := newMachine(t).long(0)
	g := &m.env.GPR
	g[regDI], g[regCX], g[regAX] = dataAt, 0x3000, 0xaa
	m.env.ExitReq = 1
	turns := 0
	for g[regCX] != 0 {
		left := g[regCX]
		if m.env.RIP != codeAt || !m.exec(0xf3, 0xaa) {
			t.Fatalf("RIP %#x", m.env.RIP)
		}
		if g[regCX] >= left {
			t.Fatal("no progress")
		}
		turns++
	}
	if turns != 3 || m.env.RIP != codeAt+2 {
		t.Errorf("%d turns, RIP %#x", turns, m.env.RIP)
	}
}

// Address size 16: offsets wrap at 64 KiB and only SI, DI and CX change.
func TestStringAddressSize16(t *testing.T) {
	m := newMachine(t).protected32(0)
	g := &m.env.GPR
	g[regSI], g[regDI], g[regCX] = 0x1234_fffe, 0x5678_8000, 0x9abc_0004
	copy(m.ram[0xfffe:], []byte{1, 2})
	copy(m.ram[0:], []byte{3, 4})
	if !m.exec(0x67, 0xf3, 0xa4) {
		t.Fatal("faulted")
	}
	if !bytes.Equal(m.ram[0x8000:0x8004], []byte{1, 2, 3, 4}) || g[regSI] != 0x1234_0002 || g[regDI] != 0x5678_8004 || g[regCX] != 0x9abc_0000 {
		t.Errorf("copied % x, ESI %#x EDI %#x ECX %#x", m.ram[0x8000:0x8004], g[regSI], g[regDI], g[regCX])
	}
}

// A piece that would leave the segment is done up to the limit, then faults.
func TestStringSegmentLimit(t *testing.T) {
	m := newMachine(t).protected32(0)
	m.seg[segES].Limit = dataAt + 0x0f
	m.update()
	g := &m.env.GPR
	g[regDI], g[regCX], g[regAX] = dataAt, 0x40, 0x55
	m.exec(0xf3, 0xaa)
	m.wantFault("REP STOSB", vecGP, 0)
	if g[regCX] != 0x30 || m.ram[dataAt+0xf] != 0x55 || m.ram[dataAt+0x10] != 0 {
		t.Errorf("ECX %#x", g[regCX])
	}
}

// INS checks its destination before it takes a value from the port.
func TestINSProbesFirst(t *testing.T) {
	m := newMachine(t).long(0)
	m.put(pte(dataAt+0x1000), 8, 0)
	g := &m.env.GPR
	g[regDI], g[regCX], g[regDX] = dataAt+0x1000-4, 4, 0x1f0
	m.exec(0xf3, 0x66, 0x6d)
	m.wantFault("REP INSW", vecPF, 2)
	if m.bus.in != 2 || g[regCX] != 2 || m.get(dataAt+0xffc, 4) != 0x0002_0001 {
		t.Errorf("%d port reads, RCX %d, stored %#x", m.bus.in, g[regCX], m.get(dataAt+0xffc, 4))
	}
}

// The I/O permission bitmap of the TSS (SDM vol. 1 19.5.2).
func TestIOPermission(t *testing.T) {
	m := newMachine(t).protected32(3)
	m.tr.Limit = 0x68 + 0x10
	for k := range 0x11 {
		m.ram[tssAt+0x68+k] = 0
	}
	m.ram[tssAt+0x68+1] = 0x04 // port 10
	g := &m.env.GPR
	for _, tt := range []struct {
		port, size uint64
		ok         bool
	}{{8, 1, true}, {10, 1, false}, {9, 2, false}, {7, 4, false}, {11, 4, true}, {0x7f, 1, true}, {0x80, 1, false}} {
		g[regDX] = tt.port
		code := map[uint64][]byte{1: {0xee}, 2: {0x66, 0xef}, 4: {0xef}}[tt.size]
		ok := m.exec(code...)
		if ok != tt.ok {
			t.Errorf("port %d size %d: %v", tt.port, tt.size, ok)
		}
		m.fault()
	}
	m.SetFlags(flagIOPL)
	g[regDX] = 10
	if !m.exec(0xee) {
		t.Error("IOPL 3 does not open the ports")
	}
}

func BenchmarkRepMovsb(b *testing.B) {
	m := newMachine(&testing.T{}).long(0)
	g := &m.env.GPR
	const n = 1 << 20
	b.SetBytes(n)
	for b.Loop() {
		m.env.RIP = codeAt
		g[regSI], g[regDI], g[regCX] = 0x100000, 0x200000+mmu.PageSize/2, n
		m.exec(0xf3, 0xa4)
	}
}

// With alignment checks on, repeated instructions check every element (SDM vol. 3A 6.15, #AC).
func TestStringAlignment(t *testing.T) {
	for _, tt := range []struct {
		code     []byte
		src, dst uint64
		want     int
	}{
		{[]byte{0xf3, 0xa5}, 1, 0, vecAC},
		{[]byte{0xf3, 0xa5}, 0, 2, vecAC},
		{[]byte{0xf3, 0xa5}, 4, 8, -1},
		{[]byte{0xf3, 0xa4}, 1, 3, -1},
		{[]byte{0xf3, 0xab}, 0, 1, vecAC},
		{[]byte{0xf3, 0xaf}, 0, 1, vecAC},
		{[]byte{0xf3, 0xa7}, 1, 0, vecAC},
	} {
		for _, long := range []bool{true, false} {
			m := newMachine(t)
			if long {
				m.long(3)
			} else {
				m.protected32(3)
			}
			m.pg.CR0 |= cr0AM
			m.SetFlags(flagAC)
			g := &m.env.GPR
			g[regSI], g[regDI], g[regCX] = dataAt+tt.src, dataAt+0x1000+tt.dst, 8
			m.exec(tt.code...)
			if v, _ := m.fault(); v != tt.want {
				t.Errorf("% x from %d to %d, 64-bit %v: exception %d, want %d", tt.code, tt.src, tt.dst, long, v, tt.want)
			}
		}
	}
}
