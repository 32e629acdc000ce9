package simd

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"goemu/decoder"
	"goemu/emu/translate"
	"goemu/tcg"
	"goemu/tcg/softfloat/hostcpu"
)

// A vexRow is a row of the decoder's table whose instruction is a Vec op, ready for encoding.
type vexRow struct {
	*decoder.Row
	pp, mp, opcode byte
	lens, ws       []byte // VEX.L and VEX.W to choose from
	ext            int    // ModRM.reg, -1: any
	noModRM        bool
	mod            int // +1: register only, -1: memory only
	imm, vvvv      bool
}

// vexFeatures are those whose rows become Vec ops.
var vexFeatures = map[decoder.Feature]bool{decoder.FeatAVX: true, decoder.FeatAVX2: true, decoder.FeatFMA: true, decoder.FeatF16C: true,
	decoder.FeatAES: true, decoder.FeatVAES: true, decoder.FeatPCLMUL: true, decoder.FeatVPCLMUL: true, decoder.FeatGFNI: true}

// vexRowOf reads a row; ok is false for other encodings.
func vexRowOf(r *decoder.Row) (v vexRow, ok bool) {
	f := strings.Fields(r.Enc)
	if !strings.HasPrefix(f[0], "VEX.") || !vexFeatures[r.Feature] {
		return v, false
	}
	v = vexRow{Row: r, lens: []byte{0, 1}, ws: []byte{0, 1}, ext: -1, noModRM: true}
	for _, s := range strings.Split(f[0], ".")[1:] {
		switch s {
		case "128", "LZ", "L0":
			v.lens = []byte{0}
		case "256", "L1":
			v.lens = []byte{1}
		case "66":
			v.pp = 1
		case "F3":
			v.pp = 2
		case "F2":
			v.pp = 3
		case "0F":
			v.mp = 1
		case "0F38":
			v.mp = 2
		case "0F3A":
			v.mp = 3
		case "W0":
			v.ws = []byte{0}
		case "W1":
			v.ws = []byte{1}
		}
	}
	const digits = "0123456789ABCDEF"
	v.opcode = byte(strings.IndexByte(digits, f[1][0])<<4 | strings.IndexByte(digits, f[1][1]))
	if len(f) > 2 {
		v.noModRM = false
		if f[2] != "/r" {
			v.ext = int(f[2][1] - '0')
		}
	}
	for _, a := range strings.Split(r.Args, ",") {
		switch {
		case a == "":
		case a[0] == 'M' || strings.HasPrefix(a, "VM"):
			v.mod = -1
		case a[0] == 'U' || a[0] == 'R':
			v.mod = 1
		case a[0] == 'H':
			v.vvvv = true
		case a[0] == 'L' || a[0] == 'I':
			v.imm = true
		}
	}
	return v, true
}

// encode makes random code of the row, and gives the index of a ModRM byte with a memory operand, or -1.
func (v *vexRow) encode(r *rand.Rand) (code []byte, mem int) {
	reg, rm, vvvv := byte(r.IntN(16)), byte(r.IntN(16)), byte(0)
	if v.vvvv {
		vvvv = byte(r.IntN(16))
		if r.IntN(4) == 0 {
			vvvv = rm
		}
	}
	if r.IntN(6) == 0 {
		reg = rm
	}
	if v.ext >= 0 {
		reg = byte(v.ext)
	}
	isMem := v.mod < 0 || v.mod == 0 && r.IntN(3) == 0
	if isMem {
		rm = 5
	}
	w, l := v.ws[r.IntN(len(v.ws))], v.lens[r.IntN(len(v.lens))]
	last := w<<7 | ^vvvv&15<<3 | l<<2 | v.pp
	if v.mp == 1 && w == 0 && rm < 8 && r.IntN(2) == 0 {
		code = []byte{0xc5, last | ^reg>>3&1<<7}
	} else {
		code = []byte{0xc4, ^reg>>3&1<<7 | 0x40 | ^rm>>3&1<<5 | v.mp, last}
	}
	code, mem = append(code, v.opcode), -1
	switch {
	case v.noModRM:
	case isMem:
		mem = len(code)
		code = append(code, reg&7<<3|5, 0, 0, 0, 0)
	default:
		code = append(code, 0xc0|reg&7<<3|rm&7)
	}
	if v.imm {
		code = append(code, byte(r.Uint32()))
	}
	return code, mem
}

// vexBySys are the instructions that package emu/x86 runs.
func vexBySys(op decoder.Op) bool {
	switch op {
	case decoder.VMASKMOVDQU, decoder.VMASKMOVPS, decoder.VMASKMOVPD, decoder.VPMASKMOVD, decoder.VPMASKMOVQ, decoder.VLDMXCSR, decoder.VSTMXCSR,
		decoder.VGATHERDPS, decoder.VGATHERDPD, decoder.VGATHERQPS, decoder.VGATHERQPD,
		decoder.VPGATHERDD, decoder.VPGATHERDQ, decoder.VPGATHERQD, decoder.VPGATHERQQ:
		return true
	}
	return false
}

// vecOp translates code into its one Vec op. The RIP of the operand does not matter.
func vecOp(t *testing.T, tr *translate.Translator, code []byte) (tcg.Op, bool) {
	b := &tcg.Block{Key: tcg.Key{RIP: 0x1000, Mode: tcg.ModeCode64 | tcg.ModeFlat | tcg.ModeProt}}
	if err := tr.Translate(b, append(code[:len(code):len(code)], 0x90), 1); err != nil {
		t.Fatalf("% x: %v", code, err)
	}
	for _, o := range b.Ops {
		if o.Code == tcg.Vec {
			return o, true
		}
	}
	return tcg.Op{}, false
}

// TestVEX decodes, translates and runs every VEX-encoded SIMD row of the decoder's table and compares with the host, with random
// encodings, values and MXCSR.
func TestVEX(t *testing.T) {
	r, c, tr := newRand(t), hostCPU(t), translate.New()
	info, _ := os.ReadFile("/proc/cpuinfo")
	has := func(f string) bool { return strings.Contains(string(info), " "+f+" ") }
	if !has("avx2") || !has("fma") || !has("f16c") {
		t.Skip("the host has no AVX2, FMA or F16C")
	}
	n, only := cases(300), os.Getenv("GOEMU_INSN")
	env := new(tcg.Env)
	var mem [32]byte
	total, tested := 0, 0
	for i := range decoder.Rows() {
		v, ok := vexRowOf(&decoder.Rows()[i])
		if !ok || vexBySys(v.Op) || only != "" && v.Op.String() != only {
			continue
		}
		name := v.Op.String()
		approx := strings.HasPrefix(name, "VRCP") || strings.HasPrefix(name, "VRSQRT")
		silent := approx && !family19h() || v.Feature == decoder.FeatGFNI && !has("gfni") ||
			v.Feature == decoder.FeatVAES && !has("vaes") || v.Feature == decoder.FeatVPCLMUL && !has("vpclmulqdq")
		fails := 0
		for k := 0; k < n && fails < 3; k++ {
			code, at := v.encode(r)
			var in decoder.Inst
			if err := decoder.Decode(code, decoder.Mode64, &in); err != nil || in.Op != v.Op {
				continue // another row of the opcode
			}
			if stackPointer(&in) {
				continue
			}
			op, ok := vecOp(t, tr, code)
			if !ok || !Known(op.Enc) {
				t.Fatalf("%s %s: % x is not executed", v.Op, v.Enc, code)
			}
			if silent {
				break
			}
			x := testInsn{op: op, code: code, mem: at}
			x.shape.store = int(op.MemBytes)
			x.shape.implicit = op.Enc.Map == 3 && op.Enc.Opcode&0xfc == 0x60
			setup(r, env, &mem, c, &x)
			show, mx, bm := regsOf(env, &op), env.MXCSR, mem
			c.Load(code, at)
			c.Run()
			un := Exec(env, &op, &mem)
			total++
			if d := diffState(env, un, &mem, c, &x); d != "" {
				fails++
				t.Errorf("%s code % x (mem %x): %s\n\treg, vvvv, rm %x MXCSR %x", v.Op, code, bm, d, show, mx)
			}
		}
		if !silent {
			tested++
		}
	}
	t.Logf("%d rows, %d cases", tested, total)
}

// stackPointer tells whether a general register operand is RSP, which the stub cannot load.
func stackPointer(in *decoder.Inst) bool {
	for _, a := range in.Args[:in.NArgs] {
		if a.Kind == decoder.KReg && a.Reg == 4 {
			return true
		}
	}
	return false
}

// regsOf gives the values of ModRM.reg, VEX.vvvv and ModRM.rm as YMM registers.
func regsOf(env *tcg.Env, op *tcg.Op) [3]ymm {
	return [3]ymm{getY(env, op.VReg), getY(env, op.VSrc), getY(env, op.VRM)}
}

// TestFMAEdges multiplies and adds special values in all combinations, with every rounding mode.
func TestFMAEdges(t *testing.T) {
	r, c := newRand(t), hostCPU(t)
	env := new(tcg.Env)
	var mem [32]byte
	for _, w := range []bool{false, true} {
		x := testInsn{mem: -1, code: []byte{0xc4, 0xe2, 0x71, 0x99, 0xc2}} // vfmadd132ss xmm0, xmm1, xmm2
		x.op = tcg.Op{Enc: tcg.Enc{PP: 0x66, Map: 2, Opcode: 0x99, Vex: tcg.Vex128, RexW: w}, KReg: tcg.VXMM, KSrc: tcg.VXMM, VSrc: 1, KRM: tcg.VXMM, VRM: 2}
		if w {
			x.code[2] |= 0x80
		}
		c.Load(x.code, -1)
		fails := 0
		for n := 0; n < cases(1)*len(edges32)*len(edges32)*len(edges32) && fails < 5; n++ {
			if n%64 == 0 {
				setup(r, env, &mem, c, &x)
			}
			setMXCSR(env, c, randMXCSR(r))
			for i := range 3 {
				e := n / [3]int{1, len(edges32), len(edges32) * len(edges32)}[i] % len(edges32)
				env.XMM[i][0] = edges64[e]
				if !w {
					env.XMM[i][0] = uint64(edges32[e])
				}
				binary.LittleEndian.PutUint64(c.State.FX[160+16*i:], env.XMM[i][0])
			}
			show, mx := regsOf(env, &x.op), env.MXCSR
			c.Run()
			un := Exec(env, &x.op, &mem)
			if d := diffState(env, un, &mem, c, &x); d != "" {
				fails++
				t.Errorf("W %v: %s\n\treg, vvvv, rm %x MXCSR %x", w, d, show, mx)
				setup(r, env, &mem, c, &x)
			}
		}
	}
}

func setMXCSR(env *tcg.Env, c *hostcpu.CPU, m uint32) {
	env.MXCSR = m
	binary.LittleEndian.PutUint32(c.State.FX[24:], m)
}

// TestKnownVEX: Exec knows exactly the VEX encodings that the decoder has rows for.
func TestKnownVEX(t *testing.T) {
	want := map[tcg.Enc]string{}
	for i := range decoder.Rows() {
		v, ok := vexRowOf(&decoder.Rows()[i])
		if !ok || vexBySys(v.Op) {
			continue
		}
		for _, w := range v.ws {
			want[tcg.Enc{PP: [4]uint8{0, 0x66, 0xf3, 0xf2}[v.pp], Map: v.mp, Opcode: v.opcode, RexW: w == 1}] = v.Op.String()
		}
	}
	for _, pp := range []uint8{0, 0x66, 0xf3, 0xf2} {
		for n := range 3 * 256 * 2 {
			e := tcg.Enc{PP: pp, Map: uint8(n/512) + 1, Opcode: uint8(n / 2), RexW: n&1 != 0}
			name, ok := want[e]
			e.Vex = tcg.Vex128
			if Known(e) != ok {
				t.Errorf("%02x/%d/%02x W%d: known %v, decoder's %q", e.PP, e.Map, e.Opcode, n&1, !ok, name)
			}
		}
	}
}
