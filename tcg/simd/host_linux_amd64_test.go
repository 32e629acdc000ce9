package simd

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
	"goemu/tcg/softfloat/hostcpu"
	"goemu/tcg/x87"
	"goemu/tests/seed"
)

func newRand(t *testing.T) *rand.Rand { return rand.New(rand.NewPCG(seed.Of(t), 1)) }

// operands says what an instruction takes: the kinds of reg and r/m, which
// forms exist, how much it stores (0: the operand is read) and whether it is worth trying immediates.
type operands struct {
	reg, rm  tcg.VKind
	noReg    bool // r/m must be memory
	noMem    bool
	store    int // bytes written to memory
	imm      bool
	rexW     bool // has a REX.W form
	exts     []uint8
	approx   bool
	implicit bool // reads or writes RAX, RCX or RDX
}

// shape gives the operands of a row: xmm, xmm/m unless its encoding says otherwise.
func shape(r *row) (o operands) {
	o.reg, o.rm = tcg.VXMM, tcg.VXMM
	mmx := r.pp == 0 && (r.mp == 1 && (r.opcode >= 0x60 && r.opcode < 0x80 || r.opcode >= 0xc4 && r.opcode != 0xc6) ||
		r.mp == 2 && r.opcode < 0x20 || r.mp == 3 && r.opcode == 0x0f)
	if mmx {
		o.reg, o.rm = tcg.VMMX, tcg.VMMX
	}
	key := uint32(r.pp)<<16 | uint32(r.mp)<<8 | uint32(r.opcode)
	switch key {
	case 0x112, 0x660112, 0x116, 0x660116: // reg form only of MOVHLPS, MOVLHPS
		o.noReg = r.pp != 0
	case 0x113, 0x660113, 0x117, 0x660117:
		o.noReg, o.store = true, 8
	case 0x111, 0x660111, 0x129, 0x660129, 0x66017f, 0xf3017f:
		o.store = 16
	case 0x12b, 0x66012b, 0x6601e7:
		o.store, o.noReg = 16, true
	case 0xf30111:
		o.store = 4
	case 0xf20111, 0x6601d6:
		o.store = 8
	case 0x17f:
		o.store = 8
	case 0x1e7:
		o.store, o.noReg = 8, true
	case 0x12a, 0x66012a:
		o.rm = tcg.VMMX
	case 0xf3012a, 0xf2012a:
		o.rm, o.rexW = tcg.VGPR, true
	case 0x12c, 0x66012c, 0x12d, 0x66012d:
		o.reg = tcg.VMMX
	case 0xf3012c, 0xf2012c, 0xf3012d, 0xf2012d:
		o.reg, o.rexW = tcg.VGPR, true
	case 0x150, 0x660150, 0x1d7, 0x6601d7, 0x1c5, 0x6601c5:
		o.reg, o.noMem = tcg.VGPR, true
		o.imm = r.opcode == 0xc5
	case 0x16e, 0x66016e:
		o.rm, o.rexW = tcg.VGPR, true
	case 0x17e, 0x66017e:
		o.rm, o.rexW, o.store = tcg.VGPR, true, 4
	case 0x1c3:
		o.reg, o.noReg, o.store, o.rexW = tcg.VGPR, true, 4, true
	case 0x1c4, 0x6601c4:
		o.rm, o.imm = tcg.VGPR, true
	case 0xf301d6:
		o.rm, o.noMem = tcg.VMMX, true
	case 0xf201d6:
		o.reg, o.noMem = tcg.VMMX, true
	case 0xf201f0:
		o.noReg = true
	case 0x66022a:
		o.noReg = true
	case 0xf202f0, 0xf202f1:
		o.reg, o.rm, o.rexW = tcg.VGPR, tcg.VGPR, true
	case 0x660314, 0x660315, 0x660316, 0x660317:
		o.rm, o.store, o.rexW = tcg.VGPR, [4]int{1, 2, 4, 4}[r.opcode&3], r.opcode == 0x16
	case 0x660320, 0x660322:
		o.rm, o.rexW = tcg.VGPR, r.opcode == 0x22
	case 0x660360, 0x660361, 0x660362, 0x660363:
		o.implicit = true
		o.rexW = r.opcode < 0x62
	case 0x177:
		o.noMem = true
	}
	switch {
	case r.mp == 1 && r.opcode >= 0x71 && r.opcode <= 0x73:
		o.noMem, o.imm = true, true
		o.reg = tcg.VImpl
		o.exts = []uint8{2, 4, 6}
		if r.opcode == 0x73 {
			o.exts = []uint8{2, 6}
			if r.pp != 0 {
				o.exts = []uint8{2, 3, 6, 7}
			}
		}
	case r.mp == 3 || r.mp == 1 && (r.opcode == 0x70 || r.opcode == 0xc2 || r.opcode == 0xc6):
		o.imm = true
	}
	o.approx = strings.HasPrefix(r.name, "RCP") || strings.HasPrefix(r.name, "RSQRT")
	return o
}

var edges32 = []uint32{0, 1 << 31, 1, 2, 0x7fffff, 0x800000, 0x800001, 0x3f800000, 0xbf800000, 0x3f7fffff, 0x3f000000, 0x40490fdb,
	0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001, 0xffa00000, 0x4f000000, 0xcf000000, 0x4effffff,
	0x4f7fffff, 0x5f000000, 0xdf000000, 0x5effffff, 0x80000001, 0x807fffff, 0x00400000, 0x33800000, 0x34000000, 0x4b000001, 0x4b800001, 0x1f800000, 0x20000000}

var edges64 = []uint64{0, 1 << 63, 1, 1<<52 - 1, 1 << 52, 0x3ff << 52, 0xbff << 52, 0x3fe << 52, 0x7fefffffffffffff, 0xffefffffffffffff,
	0x7ff << 52, 0xfff << 52, 0x7ff8 << 48, 0xfff8000000000001, 0x7ff0000000000001, 0xfff4 << 48, 0x41dfffffffc00000, 0x41e0 << 48, 0xc1e0 << 48,
	0xc1e0000000200000, 0x43e0 << 48, 0xc3e0 << 48, 0x43dfffffffffffff, 0x47efffffe0000000, 0x47efffffefffffff, 0x47effffff0000000, 0x3810 << 48,
	0x380fffffffffffff, 0x36a0 << 48, 0x3690000000000001, 0x3ca0 << 48, 0x4330000000000001, 0x000fffffffffffff, 0x800fffffffffffff, 0x1ff0 << 48, 0x2000 << 48}

func rand32(r *rand.Rand) uint32 {
	switch r.IntN(6) {
	case 0, 1:
		return edges32[r.IntN(len(edges32))]
	case 2: // near one
		return r.Uint32()&0x807fffff | uint32(120+r.IntN(16))<<23
	case 3: // few bits, also integers
		return math.Float32bits(float32(int32(r.Uint32())>>r.IntN(32)) / float32(int32(1)<<r.IntN(8)))
	case 4: // tiny
		return r.Uint32()&0x80ffffff | uint32(r.IntN(3))<<24
	}
	return r.Uint32()
}

func rand64(r *rand.Rand) uint64 {
	switch r.IntN(7) {
	case 0, 1:
		return edges64[r.IntN(len(edges64))]
	case 2:
		return r.Uint64()&(1<<63|1<<52-1) | uint64(1016+r.IntN(16))<<52
	case 3:
		return math.Float64bits(float64(int64(r.Uint64())>>r.IntN(64)) / float64(int64(1)<<r.IntN(8)))
	case 4: // tiny
		return r.Uint64()&(1<<63|1<<53-1) | uint64(r.IntN(2))<<53
	case 5: // around the limits of binary32
		return r.Uint64()&(1<<63|1<<52-1) | uint64(1023-155+r.IntN(300))<<52
	}
	return r.Uint64()
}

func randVec(r *rand.Rand) tcg.Vec128 {
	var v tcg.Vec128
	switch r.IntN(8) {
	case 0, 1, 2:
		for i := range v {
			v[i] = uint64(rand32(r)) | uint64(rand32(r))<<32
		}
	case 3, 4:
		v[0], v[1] = rand64(r), rand64(r)
	case 5: // bytes with edges
		for i := range v {
			for k := 0; k < 64; k += 8 {
				b := []uint8{0, 1, 0x7f, 0x80, 0x81, 0xff, uint8(r.Uint32()), uint8(r.IntN(4))}[r.IntN(8)]
				v[i] |= uint64(b) << k
			}
		}
	case 6: // small counts and words
		v[0], v[1] = uint64(r.IntN(70)), r.Uint64()
	default:
		v[0], v[1] = r.Uint64(), r.Uint64()
	}
	return v
}

// testInsn is one encoding of a row.
type testInsn struct {
	row   *row
	shape operands
	op    tcg.Op
	code  []byte
	mem   int
}

// encode makes a random encoding of the row.
func encode(r *rand.Rand, w *row) testInsn {
	s := shape(w)
	x := testInsn{row: w, shape: s, mem: -1}
	rexW := s.rexW && r.IntN(2) == 0
	isMem := s.noReg || !s.noMem && r.IntN(3) == 0
	pick := func(k tcg.VKind) uint8 {
		switch k {
		case tcg.VMMX:
			return uint8(r.IntN(8))
		case tcg.VGPR:
			n := uint8(r.IntN(16))
			if n == 4 {
				n = 5
			}
			return n
		case tcg.VImpl:
			return s.exts[r.IntN(len(s.exts))]
		}
		return uint8(r.IntN(16))
	}
	reg, rm := pick(s.reg), pick(s.rm)
	x.op = tcg.Op{Code: tcg.Vec, Enc: tcg.Enc{PP: w.pp, Map: w.mp, Opcode: w.opcode, RexW: rexW},
		VReg: reg, KReg: s.reg, VRM: rm, KRM: s.rm, SrcW: tcg.W32}
	if w.name == "EMMS" {
		x.op.KReg, x.op.KRM = tcg.VNone, tcg.VNone
		x.code = []byte{0x0f, 0x77}
		return x
	}
	rex := byte(0x40)
	if rexW {
		rex |= 8
		x.op.SrcW = tcg.W64
		if s.store == 4 {
			x.shape.store = 8
		}
	}
	rex |= reg >> 3 << 2
	if w.name == "CRC32" && w.opcode == 0xf1 && !rexW && r.IntN(2) == 0 {
		x.code = append(x.code, 0x66)
		x.op.SrcW = tcg.W16
	}
	if w.pp != 0 {
		x.code = append(x.code, w.pp)
	}
	if !isMem {
		rex |= rm >> 3
	}
	if rex != 0x40 || w.name == "CRC32" && !isMem {
		x.code = append(x.code, rex)
	}
	x.code = append(x.code, 0x0f)
	if w.mp == 2 {
		x.code = append(x.code, 0x38)
	} else if w.mp == 3 {
		x.code = append(x.code, 0x3a)
	}
	x.code = append(x.code, w.opcode)
	if isMem {
		x.mem = len(x.code)
		x.code = append(x.code, reg&7<<3|5, 0, 0, 0, 0)
		x.op.KRM, x.op.MemRd, x.op.MemWr = tcg.VMem, s.store == 0, s.store != 0
		x.op.MemBytes = 16
		if w.name == "CRC32" {
			x.op.MemBytes = uint8(x.op.SrcW.Bytes())
		}
	} else {
		x.code = append(x.code, 0xc0|reg&7<<3|rm&7)
	}
	if s.imm {
		imm := uint8(r.Uint32())
		if w.opcode >= 0x71 && w.opcode <= 0x73 && r.IntN(2) == 0 {
			imm &= 0x3f
		}
		x.op.HasImm, x.op.Imm = true, int64(imm)
		x.code = append(x.code, imm)
	}
	return x
}

const arithFlags = 0x8d5

// ccOf turns EFLAGS into the layout of Env.CC.
func ccOf(f uint64) uint32 { return uint32(f&0xd5)<<8 | tcg.CCFixed | uint32(f>>11&1) }

func randMXCSR(r *rand.Rand) uint32 {
	m := uint32(0x1f80)
	if r.IntN(4) != 0 {
		m |= uint32(r.IntN(4))<<13 | uint32(r.IntN(2))<<15 | uint32(r.IntN(2))<<6
	}
	if r.IntN(4) == 0 {
		m = m&^0x1f80 | uint32(r.IntN(64))<<7
	}
	if r.IntN(4) == 0 {
		m |= uint32(r.IntN(64))
	}
	return m
}

func tagsOf(r *rand.Rand) uint16 {
	if r.IntN(2) == 0 {
		return 0xffff
	}
	var tw uint16
	for i := 0; i < 16; i += 2 {
		tw |= uint16(r.IntN(2)) * 3 << i
	}
	return tw
}

// setup puts the same random state into env and the host.
func setup(r *rand.Rand, env *tcg.Env, mem *[32]byte, c *hostcpu.CPU, x *testInsn) {
	s := c.State
	for i := range env.XMM {
		env.XMM[i] = randVec(r)
		binary.LittleEndian.PutUint64(s.FX[160+16*i:], env.XMM[i][0])
		binary.LittleEndian.PutUint64(s.FX[168+16*i:], env.XMM[i][1])
	}
	for i := range env.GPR {
		env.GPR[i] = randVec(r)[0]
		if x.shape.implicit && r.IntN(2) == 0 {
			env.GPR[i] = uint64(int64(r.IntN(44) - 22))
		}
		s.GPR[i] = env.GPR[i]
	}
	env.MXCSR = randMXCSR(r)
	binary.LittleEndian.PutUint32(s.FX[24:], env.MXCSR)
	s.Flags = uint64(r.Uint32())&arithFlags | 2
	env.CC = ccOf(s.Flags)
	v := randVec(r)
	binary.LittleEndian.PutUint64(mem[:], v[0])
	binary.LittleEndian.PutUint64(mem[8:], v[1])
	for i := range env.YMMH {
		env.YMMH[i] = randVec(r)
		binary.LittleEndian.PutUint64(s.YMMH[i][:], env.YMMH[i][0])
		binary.LittleEndian.PutUint64(s.YMMH[i][8:], env.YMMH[i][1])
	}
	v = randVec(r)
	binary.LittleEndian.PutUint64(mem[16:], v[0])
	binary.LittleEndian.PutUint64(mem[24:], v[1])
	copy(s.Mem[:], mem[:])
	clear(env.X87[:])
	binary.LittleEndian.PutUint16(env.X87[0:], 0x37f)
	binary.LittleEndian.PutUint16(env.X87[4:], uint16(r.IntN(8))<<11)
	binary.LittleEndian.PutUint16(env.X87[8:], tagsOf(r))
	for i := 2; i < 12; i += 4 { // reserved, FNSAVE writes ones
		binary.LittleEndian.PutUint16(env.X87[i:], 0xffff)
	}
	for i := 0; i < 8; i++ {
		binary.LittleEndian.PutUint64(env.X87[28+10*i:], randVec(r)[0])
		binary.LittleEndian.PutUint16(env.X87[36+10*i:], []uint16{0, 0x3fff, 0xffff, uint16(r.Uint32())}[r.IntN(4)])
	}
	x87.Retag(&env.X87)
	copy(s.X87[:], env.X87[:])
}

// diffState compares the state after Exec with that of the host.
func diffState(env *tcg.Env, un uint32, mem *[32]byte, c *hostcpu.CPU, x *testInsn) string {
	s := c.State
	var d []string
	bad := func(f string, a ...any) { d = append(d, fmt.Sprintf(f, a...)) }
	for i := range env.XMM {
		lo, hi := binary.LittleEndian.Uint64(s.FX[160+16*i:]), binary.LittleEndian.Uint64(s.FX[168+16*i:])
		if env.XMM[i] != (tcg.Vec128{lo, hi}) {
			bad("XMM%d got %016x_%016x want %016x_%016x", i, env.XMM[i][1], env.XMM[i][0], hi, lo)
		}
	}
	for i := range env.YMMH {
		lo, hi := binary.LittleEndian.Uint64(s.YMMH[i][:]), binary.LittleEndian.Uint64(s.YMMH[i][8:])
		if c.AVX && env.YMMH[i] != (tcg.Vec128{lo, hi}) {
			bad("YMMH%d got %016x_%016x want %016x_%016x", i, env.YMMH[i][1], env.YMMH[i][0], hi, lo)
		}
	}
	for i := range env.GPR {
		if i != 4 && env.GPR[i] != s.GPR[i] {
			bad("GPR%d got %x want %x", i, env.GPR[i], s.GPR[i])
		}
	}
	if m := binary.LittleEndian.Uint32(s.FX[24:]); env.MXCSR != m {
		bad("MXCSR got %x want %x", env.MXCSR, m)
	}
	if (un != 0) != (s.Trapped != 0) {
		bad("unmasked %x, host trapped %d", un, s.Trapped)
	}
	if cc := ccOf(s.Flags); env.CC != cc {
		bad("CC got %x want %x", env.CC, cc)
	}
	n := x.shape.store
	if x.op.MemWr && un == 0 && string(mem[:n]) != string(s.Mem[:n]) {
		bad("mem got %x want %x", mem[:n], s.Mem[:n])
	}
	if string(env.X87[:12]) != string(s.X87[:12]) {
		bad("x87 got CW %x SW %x TW %x want %x %x %x", env.X87[0:2], env.X87[4:6], env.X87[8:10], s.X87[0:2], s.X87[4:6], s.X87[8:10])
	}
	if string(env.X87[28:108]) != string(s.X87[28:108]) {
		bad("x87 regs got %x\nwant %x", env.X87[28:108], s.X87[28:108])
	}
	return strings.Join(d, "; ")
}

// family19h tells whether the host has the approximation tables we took.
func family19h() bool {
	info, _ := os.ReadFile("/proc/cpuinfo")
	return strings.Contains(string(info), "AuthenticAMD") && strings.Contains(string(info), "cpu family\t: 25\n")
}

// hasGFNI tells whether the host has GFNI.
func hasGFNI() bool {
	info, _ := os.ReadFile("/proc/cpuinfo")
	return strings.Contains(string(info), " gfni ")
}

func hostCPU(t *testing.T) *hostcpu.CPU {
	c, err := hostcpu.New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// cases is the number of cases a row: n, or what the environment says.
func cases(n int) int {
	if s := os.Getenv("GOEMU_CASES"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	return n
}

// TestHost runs every row of the table on the host and in Exec, with random encodings, values and MXCSR.
func TestHost(t *testing.T) {
	r, c := newRand(t), hostCPU(t)
	n := cases(600)
	only := os.Getenv("GOEMU_INSN")
	env := new(tcg.Env)
	var mem [32]byte
	for i := range rows {
		w := &rows[i]
		if strings.HasPrefix(w.name, "MASKMOV") || strings.HasPrefix(w.name, "GF2P8") && !hasGFNI() || shape(w).approx && !family19h() || only != "" && w.name != only {
			continue
		}
		fails := 0
		for k := 0; k < n && fails < 3; k++ {
			x := encode(r, w)
			setup(r, env, &mem, c, &x)
			before, mx := env.XMM, env.MXCSR
			bm := mem
			c.Load(x.code, x.mem)
			c.Run()
			un := Exec(env, &x.op, &mem)
			if d := diffState(env, un, &mem, c, &x); d != "" {
				fails++
				t.Errorf("%s %02x/%d/%02x code %x reg %d rm %d (mem %x): %s\n\treg %016x_%016x rm %016x_%016x MXCSR %x", w.name, w.pp, w.mp, w.opcode, x.code,
					x.op.VReg, x.op.VRM, bm, d, before[x.op.VReg&15][1], before[x.op.VReg&15][0], before[x.op.VRM&15][1], before[x.op.VRM&15][0], mx)
			}
		}
	}
}
