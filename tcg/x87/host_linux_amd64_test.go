package x87

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"goemu/tcg"
	"goemu/tcg/softfloat"
	"goemu/tcg/softfloat/hostcpu"
	"goemu/tests/seed"
)

func newRand(t *testing.T) *rand.Rand { return rand.New(rand.NewPCG(seed.Of(t), 1)) }

func f80(r *rand.Rand) softfloat.F80 {
	exps := []uint16{0, 1, 2, 0x3ffe, 0x3fff, 0x4000, 0x7ffe, 0x7fff, 0x3fff - 1022, 0x3fff - 1023, 0x3fff - 1074, 0x3fff - 149, 0x3fff - 126,
		0x3fff + 127, 0x3fff + 128, 0x3fff + 1023, 0x3fff + 1024, 0x3fff + 15, 0x3fff + 31, 0x3fff + 63, 0x3fff + 14, 0x3fff + 62, 0x3fff - 63, 0x3fff - 64, 0x3fff + 59}
	sigs := []uint64{0, 1, 1 << 63, 1<<63 | 1, 3 << 62, 3<<62 | 1, ^uint64(0), 1<<62 - 1, 1 << 62, (1<<53 - 1) << 11, (1<<24 - 1) << 40, 1<<63 | 1<<39, 1<<63 | 1<<10, 1<<63 | 1<<11, 1<<63 - 1, 1<<63 | 1<<62>>1, 0xde0b6b3a763fffff}
	v := softfloat.F80{Sig: r.Uint64()}
	switch r.IntN(5) {
	case 0:
		v.SE = exps[r.IntN(len(exps))]
	case 1:
		v.SE = uint16(0x3fff - 70 + r.IntN(140))
	case 2:
		v.SE = uint16(0x3fff - 4 + r.IntN(8))
	case 3:
		v.SE = uint16(r.Uint32())
	case 4:
		v.SE = exps[r.IntN(len(exps))] + uint16(r.IntN(5)) - 2
	}
	v.SE &= 0x7fff
	v.SE |= uint16(r.IntN(2)) << 15
	if r.IntN(3) == 0 {
		v.Sig = sigs[r.IntN(len(sigs))]
	}
	if r.IntN(4) == 0 {
		v.Sig &= math.MaxUint64 << r.IntN(64)
	}
	if v.SE&0x7fff != 0 && r.IntN(16) != 0 {
		v.Sig |= 1 << 63
	}
	return v
}

func randMem(r *rand.Rand, mem []byte) {
	for i := 0; i < len(mem); i += 4 {
		binary.LittleEndian.PutUint32(mem[i:], r.Uint32())
	}
	switch r.IntN(8) {
	case 0:
		v := f80(r)
		binary.LittleEndian.PutUint64(mem, v.Sig)
		binary.LittleEndian.PutUint16(mem[8:], v.SE)
	case 1:
		binary.LittleEndian.PutUint32(mem, []uint32{0, 1 << 31, 1, 0x7fffff, 0x7f800000, 0xff800000, 0x7f800001, 0xffc00001, 0x3f800000, 0x00800000, 0x7f7fffff}[r.IntN(11)])
	case 2:
		binary.LittleEndian.PutUint64(mem, []uint64{0, 1 << 63, 1, 1<<52 - 1, 0x7ff << 52, 0xfff << 52, 0x7ff<<52 | 1, 0xfff8<<48 | 1, 0x3ff << 52, 1 << 52, 0x7fefffffffffffff}[r.IntN(11)])
	case 3:
		for i := range mem[:10] { // BCD
			mem[i] = byte(r.IntN(10) | r.IntN(10)<<4)
		}
	case 4:
		binary.LittleEndian.PutUint64(mem, math.Float64bits(r.NormFloat64()*math.Pow(2, float64(r.IntN(100)-50))))
	case 5:
		binary.LittleEndian.PutUint32(mem, math.Float32bits(float32(r.NormFloat64())))
	}
}

// setup makes a random x87 state.
func setup(r *rand.Rand, m *Image) {
	clear(m[:])
	Init((*[128]byte)(m))
	cw := uint16(0x7f)
	if r.IntN(3) != 0 {
		cw |= uint16(r.IntN(4))<<10 | [...]uint16{0, 2, 3}[r.IntN(3)]<<8
	} else {
		cw |= 0x300
	}
	if r.IntN(3) == 0 {
		cw = cw&^0x3f | uint16(r.IntN(64))
	}
	m.put16(offCW, cw)
	sw := uint16(r.IntN(8))<<11 | uint16(r.Uint32())&swCC
	if r.IntN(4) == 0 {
		sw |= uint16(r.Uint32()) & 0x7f & (cw | 0x40)
	}
	m.put16(offSW, sw)
	var tw uint16
	if r.IntN(6) != 0 { // usual: the upper registers are empty
		n := uint(2 + r.IntN(7))
		for i := n; i < 8; i++ {
			tw |= 3 << ((m.top() + i) & 7 * 2)
		}
	} else {
		for i := 0; i < 16; i += 2 {
			tw |= uint16(r.IntN(2)) * 3 << i
		}
	}
	m.put16(offTW, tw)
	for i := uint(0); i < 8; i++ {
		m.put(i, f80(r))
	}
	if r.IntN(4) == 0 { // NaNs and equal values meet
		m.put(uint(r.IntN(8)), m.st(0))
	}
	m.retag()
}

// memSize is the size of the memory operand of opcode and reg (negative: stored), 0 if Exec does not run it.
func memSize(opcode, reg uint8) int {
	return [8][8]int{
		{4, 4, 4, 4, 4, 4, 4, 4},
		{4, 0, -4, -4, 0, 2, 0, -2},
		{4, 4, 4, 4, 4, 4, 4, 4},
		{4, -4, -4, -4, 0, 10, 0, -10},
		{8, 8, 8, 8, 8, 8, 8, 8},
		{8, -8, -8, -8, 0, 0, 0, -2},
		{2, 2, 2, 2, 2, 2, 2, 2},
		{2, -2, -2, -2, 10, 8, -10, -8},
	}[opcode-0xd8][reg]
}

// isTranscendental tells whether results may differ in the last place, and C1 with them.
func isTranscendental(opcode, modrm uint8) bool {
	switch modrm {
	case 0xf0, 0xf1, 0xf2, 0xf3, 0xf9, 0xfb, 0xfe, 0xff:
		return opcode == 0xd9
	}
	return false
}

// farApart tells whether a and b differ by more than one unit in the last place.
func farApart(a, b softfloat.F80) bool {
	if a == b {
		return false
	}
	next := func(v softfloat.F80) softfloat.F80 {
		if v.Sig == math.MaxUint64 {
			return softfloat.F80{SE: v.SE + 1, Sig: 1 << 63}
		}
		if v.SE&0x7fff == 0 && v.Sig == 1<<63-1 {
			v.SE++
		}
		v.Sig++
		return v
	}
	return next(a) != b && next(b) != a
}

// TestHost runs every x87 encoding on the host and in Exec, with random states. Where Intel
// and AMD differ (condition codes that are undefined, unmasked exceptions) Exec does as AMD, so
// the host must be one.
func TestHost(t *testing.T) {
	if info, _ := os.ReadFile("/proc/cpuinfo"); !strings.Contains(string(info), "AuthenticAMD") {
		t.Skip("the host is not an AMD processor")
	}
	r := newRand(t)
	c, err := hostcpu.New()
	if err != nil {
		t.Fatal(err)
	}
	n := 2000
	if s := os.Getenv("GOEMU_CASES"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	only := os.Getenv("GOEMU_INSN")
	env := new(tcg.Env)
	var mem [128]byte
	for opcode := uint8(0xd8); opcode >= 0xd8 && opcode <= 0xdf; opcode++ {
		for modrm := 0; modrm < 256; modrm++ {
			reg := uint8(modrm >> 3 & 7)
			size := 0
			if modrm < 0xc0 {
				if modrm&7 != 5 || modrm > 0x3f {
					continue
				}
				if size = memSize(opcode, reg); size == 0 {
					continue
				}
			}
			op := tcg.Op{Code: tcg.Fpu, Enc: tcg.Enc{Opcode: opcode}, Imm: int64(modrm), MemRd: size > 0, MemWr: size < 0, MemBytes: uint8(max(size, -size))}
			name := fmt.Sprintf("%02x%02x", opcode, modrm)
			if only != "" && only != name {
				continue
			}
			if modrm >= 0xc0 && !Exec(env, &op, &mem) {
				continue
			}
			trans := isTranscendental(opcode, uint8(modrm))
			cases := n
			if modrm >= 0xc0 && reg < 4 || opcode != 0xd9 {
				cases = n / 4
			}
			fails := 0
			for k := 0; k < cases && fails < 3; k++ {
				m := (*Image)(&env.X87)
				setup(r, m)
				if trans {
					tameOperands(r, m, uint8(modrm))
				}
				before := *m
				randMem(r, mem[:16])
				env.GPR[0] = r.Uint64()
				c.State.GPR[0] = env.GPR[0]
				c.State.Flags = uint64(r.Uint32())&0x8d5 | 2
				env.CC = tcg.EFlagsToCC(uint32(c.State.Flags))
				copy(c.State.X87[:], m[:])
				copy(c.State.Mem[:], mem[:])
				bm := mem
				if size != 0 {
					c.Load([]byte{opcode, uint8(modrm), 0, 0, 0, 0}, 1)
				} else {
					c.Load([]byte{opcode, uint8(modrm)}, -1)
				}
				c.Run()
				if !Exec(env, &op, &mem) {
					t.Fatalf("%s is not known", name)
				}
				if op.MemWr && mem[NoStore] != 0 {
					copy(mem[:], bm[:16])
				}
				if d := diff(env, c, &mem, max(size, -size), trans); d != "" {
					fails++
					t.Errorf("%s CW %x SW %x TW %x ST0 %x ST1 %x ST%d %x mem %x: %s", name, before.cw(), before.sw(), before.tw(), before.st(0), before.st(1), modrm&7, before.st(uint(modrm)&7), bm[:10], d)
				}
			}
		}
	}
}

// TestUndefinedHost: what Exec calls undefined is #UD on the host, and nothing else is.
func TestUndefinedHost(t *testing.T) {
	c, err := hostcpu.New()
	if err != nil {
		t.Fatal(err)
	}
	for opcode := uint8(0xd8); opcode >= 0xd8 && opcode <= 0xdf; opcode++ {
		for modrm := 0; modrm < 256; modrm++ {
			code, mem := []byte{opcode, uint8(modrm)}, -1
			switch {
			case modrm >= 0xc0:
			case modrm > 0x3f || modrm&7 != 5:
				continue
			default:
				if key := opcode&7<<3 | uint8(modrm)>>3; key == 0o14 || key == 0o16 || key == 0o54 || key == 0o56 {
					continue // FLDENV, FNSTENV, FRSTOR, FNSAVE
				}
				code, mem = append(code, 0, 0, 0, 0), 1
			}
			env := new(tcg.Env)
			Init(&env.X87)
			Init(&c.State.X87)
			clear(c.State.Mem[:])
			c.Load(code, mem)
			c.Run()
			op := tcg.Op{Enc: tcg.Enc{Opcode: opcode}, Imm: int64(modrm)}
			if ok := Exec(env, &op, new([128]byte)); ok != (c.State.Trapped == 0) {
				t.Errorf("%02x %02x: Exec says %v, the host raises signal %d", opcode, modrm, ok, c.State.Trapped)
			}
		}
	}
}

// tameOperands keeps operands of transcendentals in the range where they are defined.
func tameOperands(r *rand.Rand, m *Image, modrm uint8) {
	v := m.st(0)
	switch modrm {
	case 0xf0:
		if e := v.SE & 0x7fff; e > 0x3ffe && e < 0x7fff {
			v.SE = v.SE&0x8000 | uint16(0x3fff-r.IntN(70)-1)
		}
	case 0xf9:
		if e := v.SE & 0x7fff; e > 0x3ffc {
			v.SE = v.SE&0x8000 | uint16(0x3ffd-r.IntN(70)-1)
		}
	}
	m.setST(0, v)
	if r.IntN(8) != 0 {
		for i := uint(0); i < 2; i++ {
			m.setTag(i, tagOf(m.st(i)))
		}
		m.setTag(7, tagEmpty)
	}
}

func diff(env *tcg.Env, c *hostcpu.CPU, mem *[128]byte, size int, trans bool) string {
	m, h := (*Image)(&env.X87), (*Image)(&c.State.X87)
	var d []string
	bad := func(f string, a ...any) { d = append(d, fmt.Sprintf(f, a...)) }
	if m.cw() != h.cw() {
		bad("CW got %x want %x", m.cw(), h.cw())
	}
	var loose uint16
	if trans {
		loose = swC1
	}
	if (m.sw()^h.sw())&^loose != 0 {
		bad("SW got %x want %x", m.sw(), h.sw())
	}
	if m.tw() != h.tw() {
		bad("TW got %x want %x", m.tw(), h.tw())
	}
	for i := uint(0); i < 8; i++ {
		a, b := m.st(i), h.st(i)
		if a != b && !(trans && !farApart(a, b)) {
			bad("ST%d got %x want %x", i, a, b)
		}
	}
	if size != 0 && string(mem[:size]) != string(c.State.Mem[:size]) {
		bad("mem got %x want %x", mem[:size], c.State.Mem[:size])
	}
	if env.GPR[0] != c.State.GPR[0] {
		bad("RAX got %x want %x", env.GPR[0], c.State.GPR[0])
	}
	if cc := tcg.EFlagsToCC(uint32(c.State.Flags)); env.CC != cc {
		bad("CC got %x want %x", env.CC, cc)
	}
	return strings.Join(d, "; ")
}
