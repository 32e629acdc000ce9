package x87

import (
	"encoding/binary"
	"math"
	"testing"

	"goemu/tcg"
	"goemu/tcg/softfloat"
)

// machine runs instructions given as opcode and ModRM, with a memory operand.
type machine struct {
	env *tcg.Env
	mem [128]byte
	t   *testing.T
}

func newMachine(t *testing.T) *machine {
	m := &machine{env: new(tcg.Env), t: t}
	Init(&m.env.X87)
	return m
}

func (m *machine) image() *Image { return (*Image)(&m.env.X87) }

func (m *machine) run(opcode, modrm uint8) {
	m.t.Helper()
	op := &tcg.Op{Code: tcg.Fpu, Enc: tcg.Enc{Opcode: opcode}, Imm: int64(modrm)}
	if !Exec(m.env, op, &m.mem) {
		m.t.Fatalf("%02x %02x is undefined", opcode, modrm)
	}
}

// fld pushes v with FLD m64.
func (m *machine) fld(v float64) {
	m.t.Helper()
	binary.LittleEndian.PutUint64(m.mem[:], math.Float64bits(v))
	m.run(0xdd, 0x05)
}

// fstp pops a float64 with FSTP m64.
func (m *machine) fstp() float64 {
	m.t.Helper()
	m.run(0xdd, 0x1d)
	return math.Float64frombits(binary.LittleEndian.Uint64(m.mem[:]))
}

func TestArithmetic(t *testing.T) {
	for _, c := range []struct {
		name          string
		opcode, modrm uint8
		a, b, want    float64 // ST(1), ST(0)
	}{
		{"FADDP", 0xde, 0xc1, 1, 2, 3},
		{"FMULP", 0xde, 0xc9, 3, 4, 12},
		{"FSUBP", 0xde, 0xe9, 5, 3, 2},
		{"FSUBRP", 0xde, 0xe1, 5, 3, -2},
		{"FDIVP", 0xde, 0xf9, 6, 3, 2},
		{"FDIVRP", 0xde, 0xf1, 3, 6, 2},
		{"FYL2X", 0xd9, 0xf1, 3, 8, 9},
		{"FPATAN", 0xd9, 0xf3, 1, 1, math.Pi / 4},
	} {
		m := newMachine(t)
		m.fld(c.a)
		m.fld(c.b)
		m.run(c.opcode, c.modrm)
		if got := m.fstp(); got != c.want {
			t.Errorf("%s(%v, %v) = %v, want %v", c.name, c.a, c.b, got, c.want)
		}
		if m.image().tw() != 0xffff {
			t.Errorf("%s leaves tags %x", c.name, m.image().tw())
		}
	}
}

// TestStackFaults: C1 tells overflow from underflow, and the masked answer is the indefinite.
func TestStackFaults(t *testing.T) {
	m := newMachine(t)
	m.run(0xd9, 0xc0) // FLD ST(0), empty
	if sw := m.image().sw(); sw&(swSF|swC1|1) != swSF|1 || m.image().st(0) != softfloat.DefaultNaN {
		t.Errorf("underflow: SW %x, ST0 %x", sw, m.image().st(0))
	}
	m = newMachine(t)
	for range 8 {
		m.run(0xd9, 0xe8) // FLD1
	}
	if sw := m.image().sw(); sw&0x7f != 0 {
		t.Errorf("eight pushes: SW %x", sw)
	}
	m.run(0xd9, 0xe8)
	if sw := m.image().sw(); sw&(swSF|swC1|1) != swSF|swC1|1 || m.image().st(0) != softfloat.DefaultNaN {
		t.Errorf("overflow: SW %x, ST0 %x", sw, m.image().st(0))
	}
}

func TestExamine(t *testing.T) {
	for _, c := range []struct {
		name string
		v    softfloat.F80
		want uint16
	}{
		{"zero", softfloat.F80{}, swC3},
		{"one", softfloat.F80{SE: 0x3fff, Sig: 1 << 63}, swC2},
		{"minus infinity", softfloat.F80{SE: 0xffff, Sig: 1 << 63}, swC2 | swC0 | swC1},
		{"NaN", softfloat.F80{SE: 0x7fff, Sig: 3 << 62}, swC0},
		{"denormal", softfloat.F80{SE: 0, Sig: 1}, swC3 | swC2},
		{"unnormal", softfloat.F80{SE: 1, Sig: 1}, 0},
	} {
		m := newMachine(t)
		m.run(0xd9, 0xee)
		m.image().setST(0, c.v)
		m.run(0xd9, 0xe5)
		if got := m.image().sw() & swCC; got != c.want {
			t.Errorf("%s: %x, want %x", c.name, got, c.want)
		}
	}
}

// TestPrecisionControl: 1/3 has as many significand bits as the control word says.
func TestPrecisionControl(t *testing.T) {
	for _, c := range []struct {
		cw   uint16
		want uint64
	}{
		{0x07f, 0xaaaaab0000000000},
		{0x27f, 0xaaaaaaaaaaaaa800},
		{0x37f, 0xaaaaaaaaaaaaaaab},
		{0xf7f, 0xaaaaaaaaaaaaaaaa},
	} {
		m := newMachine(t)
		LoadCW(&m.env.X87, c.cw)
		m.fld(1)
		m.fld(3)
		m.run(0xde, 0xf9)
		if got := m.image().st(0).Sig; got != c.want {
			t.Errorf("CW %x: %x, want %x", c.cw, got, c.want)
		}
	}
}

// TestUnmasked: an unmasked exception sets ES and B, keeps the operands, and keeps a store from memory.
func TestUnmasked(t *testing.T) {
	m := newMachine(t)
	m.fld(1)
	m.fld(0)
	LoadCW(&m.env.X87, 0x37b) // ZM clear
	before := *m.image()
	m.run(0xde, 0xf9)
	if sw := m.image().sw(); sw&(swES|swB|4) != swES|swB|4 || !PendingError(&m.env.X87) {
		t.Errorf("SW %x", sw)
	}
	m.image().put16(offSW, before.sw())
	if *m.image() != before {
		t.Error("the stack has changed")
	}
	m = newMachine(t)
	m.fld(1e300)
	LoadCW(&m.env.X87, 0x377) // OM clear
	op := &tcg.Op{Enc: tcg.Enc{Opcode: 0xd9}, Imm: 0x1d, MemWr: true, MemBytes: 4}
	Exec(m.env, op, &m.mem) // FSTP m32
	if m.mem[NoStore] != 1 || m.image().empty(0) {
		t.Error("an overflow that is unmasked was stored or popped")
	}
}

// TestLoadCWUnmasks: a pending exception that FLDCW unmasks sets ES.
func TestLoadCWUnmasks(t *testing.T) {
	m := newMachine(t)
	m.fld(1)
	m.fld(0)
	m.run(0xde, 0xf9)
	if PendingError(&m.env.X87) {
		t.Fatal("masked, but pending")
	}
	LoadCW(&m.env.X87, 0x37b)
	if !PendingError(&m.env.X87) {
		t.Error("FLDCW did not set ES")
	}
	MaskAll(&m.env.X87)
	if PendingError(&m.env.X87) {
		t.Error("masked again, but pending")
	}
}

// TestMMX: MMX registers are the significands of the physical registers, and using them sets TOP to 0.
func TestMMX(t *testing.T) {
	m := newMachine(t)
	m.fld(1) // physical register 7
	EnterMMX(&m.env.X87)
	if got := ReadMMX(&m.env.X87, 7); got != 1<<63 {
		t.Errorf("MM7 is %x", got)
	}
	WriteMMX(&m.env.X87, 2, 42)
	im := m.image()
	if im.top() != 0 || im.st(2) != (softfloat.F80{SE: 0xffff, Sig: 42}) || im.empty(0) {
		t.Errorf("TOP %d, ST2 %x, tags %x", im.top(), im.st(2), im.tw())
	}
	EmptyMMX(&m.env.X87)
	if im.tw() != 0xffff {
		t.Errorf("EMMS leaves tags %x", im.tw())
	}
}

func TestUndefined(t *testing.T) {
	for _, c := range [][2]uint8{{0xd9, 0xd1}, {0xd9, 0xe2}, {0xd9, 0xef}, {0xda, 0xe0}, {0xda, 0xe8}, {0xda, 0xf8}, {0xdb, 0xe5}, {0xdb, 0xf8},
		{0xdd, 0xf0}, {0xde, 0xd8}, {0xdf, 0xe1}, {0xdf, 0xf8}, {0xd9, 0x08}, {0xdb, 0x20}, {0xdb, 0x30}, {0xdd, 0x28}} {
		op := &tcg.Op{Enc: tcg.Enc{Opcode: c[0]}, Imm: int64(c[1])}
		if Exec(newMachine(t).env, op, new([128]byte)) {
			t.Errorf("%02x %02x runs", c[0], c[1])
		}
	}
}

// BenchmarkExec shows the cost of a load, an addition and a store in the interpreter.
func BenchmarkExec(b *testing.B) {
	env, mem := new(tcg.Env), new([128]byte)
	Init(&env.X87)
	binary.LittleEndian.PutUint64(mem[:], math.Float64bits(1.5))
	load := &tcg.Op{Enc: tcg.Enc{Opcode: 0xdd}, Imm: 0x05}
	add := &tcg.Op{Enc: tcg.Enc{Opcode: 0xd8}, Imm: 0xc0}
	store := &tcg.Op{Enc: tcg.Enc{Opcode: 0xdd}, Imm: 0x1d}
	b.ReportAllocs()
	for b.Loop() {
		Exec(env, load, mem)
		Exec(env, add, mem)
		Exec(env, store, mem)
		binary.LittleEndian.PutUint64(mem[:], math.Float64bits(1.5))
	}
}
