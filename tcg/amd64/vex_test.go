//go:build linux && amd64

package amd64

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"goemu/mmu"
	"goemu/tcg"
)

var update = flag.Bool("update", false, "write testdata/vex.golden with the host's objdump")

// needAVX2 skips a test that runs VEX instructions on a host that lacks them.
func needAVX2(t *testing.T) {
	t.Helper()
	if host&avx2 != avx2 {
		t.Skip("the host has no AVX2")
	}
}

// vexCodes gives every VEX instruction of the tables as the encoder writes it, with registers 9, 10 and 11, and with register 1 and a memory
// operand that has a base and an index.
func vexCodes() [][]byte {
	var all [][]byte
	form := func(f *vexForm, pp, m, op uint8) {
		for _, l := range [2]opc{0, vexL} {
			if l == 0 && f.x == 0 || l != 0 && (f.y == 0 || f.scalar) {
				continue
			}
			ws := []bool{false}
			switch f.w {
			case wOne:
				ws[0] = true
			case wEither, wGPR:
				ws = append(ws, true)
			}
			for _, w := range ws {
				o := encOpc(tcg.Enc{PP: pp, Map: m, Opcode: op, RexW: w}) | l
				hasImm := m == 3 || m == 1 && (op == 0xc2 || op >= 0x70 && op <= 0x73 || op >= 0xc4 && op <= 0xc6)
				for i := range 4 {
					a := &asm{buf: make([]byte, 24)}
					r, v := reg(9), reg(10)
					if i&1 != 0 {
						r, v = 1, 2
					}
					if m == 1 && op >= 0x71 && op <= 0x73 {
						r = 2 + 4*reg(i>>1)
					} else if i >= 2 {
						v = 0 // none
					}
					switch {
					case op == 0x77 && m == 1:
						a.vexHead(o, 0, 0)
					case i&1 == 0:
						a.vex(o, r, v, 11)
					default:
						a.vexM(o, r, v, mem{base: rcx, index: r12, disp: 0x40})
					}
					if hasImm {
						a.byte(0x1b)
					}
					all = append(all, a.buf[:a.n])
				}
			}
		}
	}
	for i := range vexForms {
		f := &vexForms[i]
		for op := int(f.first); op <= int(f.last); op++ {
			form(f, f.pp, f.m, uint8(op))
		}
	}
	for op := 0x96; op < 0xc0; op++ {
		o := tcg.Op{Enc: tcg.Enc{PP: 0x66, Map: 2, Opcode: uint8(op)}}
		if f := fmaForm(&o.Enc); f != nil {
			form(f, 0x66, 2, uint8(op))
		}
	}
	return all
}

const vexGolden = "testdata/vex.golden"

// The encoder writes every VEX instruction of the tables in the bytes that objdump reads as that instruction. The golden file has a line
// `bytes | text` for each that is one; operands that an instruction does not have leave none.
func TestEncodeAllVEX(t *testing.T) {
	codes := vexCodes()
	if *update {
		writeVexGolden(t, codes)
	}
	p, err := os.ReadFile(vexGolden)
	if err != nil {
		t.Fatal(err)
	}
	made := make(map[string]bool)
	for _, c := range codes {
		made[hex.EncodeToString(c)] = true
	}
	names := make(map[string]bool)
	lines := strings.Split(strings.TrimSpace(string(p)), "\n")
	for _, l := range lines {
		b, text, _ := strings.Cut(l, " | ")
		if !made[b] {
			t.Errorf("%s is not made: %s", b, text)
		}
		name, _, _ := strings.Cut(text, " ")
		names[name] = true
	}
	t.Logf("%d encodings of %d instructions", len(lines), len(names))
}

// writeVexGolden disassembles codes, each padded with nops to 32 bytes.
func writeVexGolden(t *testing.T, codes [][]byte) {
	const slot = 32
	image := bytes.Repeat([]byte{0x90}, slot*len(codes))
	for i, c := range codes {
		copy(image[slot*i:], c)
	}
	file := filepath.Join(t.TempDir(), "vex.bin")
	if err := os.WriteFile(file, image, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("objdump", "-D", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", "--insn-width=16", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	text := make(map[int]string)
	size := make(map[int]int)
	for _, l := range strings.Split(string(out), "\n") {
		f := strings.Split(l, "\t")
		if len(f) < 3 {
			continue
		}
		var at int
		if _, err := fmt.Sscanf(strings.TrimSpace(f[0]), "%x:", &at); err == nil && at%slot == 0 {
			text[at/slot], size[at/slot] = strings.Join(strings.Fields(f[2]), " "), len(strings.Fields(f[1]))
		}
	}
	var b strings.Builder
	seen := make(map[string]bool)
	for i, c := range codes {
		h := hex.EncodeToString(c)
		if s := text[i]; size[i] == len(c) && !strings.Contains(s, "bad") && !seen[h] {
			seen[h] = true
			fmt.Fprintf(&b, "%s | %s\n", h, s)
		}
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vexGolden, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// vexOp makes a Vec op of three registers, in map 3 with the immediate 0.
func vexOp(length, pp, m, opcode, dst, src, rm uint8) tcg.Op {
	o := tcg.Op{Code: tcg.Vec, Enc: tcg.Enc{PP: pp, Map: m, Opcode: opcode, Vex: length}, KReg: tcg.VXMM, VReg: dst, KSrc: tcg.VXMM, VSrc: src,
		KRM: tcg.VXMM, VRM: rm, HasImm: m == 3}
	return o
}

// vexLoad and vexStore make VMOVDQU between register n and [RBX+disp].
func vexLoad(length, n uint8, disp int64) tcg.Op {
	o := tcg.Op{Code: tcg.Vec, Enc: tcg.Enc{PP: 0xf3, Map: 1, Opcode: 0x6f, Vex: length}, KReg: tcg.VXMM, VReg: n, KRM: tcg.VMem, MemRd: true,
		MemBytes: 16 * length, AddrW: tcg.W64, Seg: tcg.SegNone, A: tcg.Reg(3), Disp: disp}
	return o
}

func vexStore(length, n uint8, disp int64) tcg.Op {
	o := vexLoad(length, n, disp)
	o.Enc.Opcode, o.MemRd, o.MemWr = 0x7f, false, true
	return o
}

var (
	vzeroupper = tcg.Op{Code: tcg.Vec, Enc: tcg.Enc{Map: 1, Opcode: 0x77, Vex: tcg.Vex128}}
	vzeroall   = tcg.Op{Code: tcg.Vec, Enc: tcg.Enc{Map: 1, Opcode: 0x77, Vex: tcg.Vex256}}
	// vpaddq256 is VPADDQ ymm1, ymm2, ymm3; paddq the legacy PADDQ xmm1, xmm3.
	vpaddq256 = vexOp(tcg.Vex256, 0x66, 1, 0xd4, 1, 2, 3)
	vpaddq128 = vexOp(tcg.Vex128, 0x66, 1, 0xd4, 1, 2, 3)
	paddq     = tcg.Op{Code: tcg.Vec, Enc: tcg.Enc{PP: 0x66, Map: 1, Opcode: 0xd4}, KReg: tcg.VXMM, VReg: 1, KRM: tcg.VXMM, VRM: 3}
)

// vexMachine is a machine with numbers in all YMM registers: lane k of register n is 100*n + k.
func vexMachine(t *testing.T) *machine {
	needAVX2(t)
	m := newMachine(t, Options{})
	m.env.GPR[3] = ramBase
	m.env.YMMUsed = tcg.YMMInUse
	for n := range uint64(16) {
		m.env.XMM[n] = tcg.Vec128{100 * n, 100*n + 1}
		m.env.YMMH[n] = tcg.Vec128{100*n + 2, 100*n + 3}
	}
	return m
}

// wantYMM compares a register.
func (m *machine) wantYMM(n int, want [4]uint64) {
	m.t.Helper()
	if got := [4]uint64{m.env.XMM[n][0], m.env.XMM[n][1], m.env.YMMH[n][0], m.env.YMMH[n][1]}; got != want {
		m.t.Errorf("YMM%d: %v, want %v", n, got, want)
	}
}

// wantState checks what is between runs: nothing live, and YMMUsed telling the truth.
func (m *machine) wantState() {
	m.t.Helper()
	e := m.env
	if e.SSELive != 0 || e.AVXLive != 0 || e.YMMUsed != tcg.YMMInUse && e.YMMUsed != tcg.YMMZero {
		m.t.Errorf("SSELive %d AVXLive %d YMMUsed %d", e.SSELive, e.AVXLive, e.YMMUsed)
	}
	if e.YMMUsed == tcg.YMMZero && e.YMMH != [16]tcg.Vec128{} {
		m.t.Errorf("YMMUsed is YMMZero, YMMH %v", e.YMMH)
	}
}

func TestUpperHalves(t *testing.T) {
	sum := [4]uint64{500, 502, 504, 506}
	for _, tc := range []struct {
		name string
		ops  []tcg.Op
		one  [4]uint64 // of YMM1
		five [4]uint64 // of YMM5
	}{
		{"256 bits", []tcg.Op{vpaddq256}, sum, [4]uint64{500, 501, 502, 503}},
		{"128 bits zero the upper half of the destination alone", []tcg.Op{vpaddq128}, [4]uint64{500, 502}, [4]uint64{500, 501, 502, 503}},
		{"a legacy instruction leaves it alone", []tcg.Op{paddq}, [4]uint64{400, 402, 102, 103}, [4]uint64{500, 501, 502, 503}},
		{"legacy after VEX", []tcg.Op{vpaddq256, paddq}, [4]uint64{800, 803, 504, 506}, [4]uint64{500, 501, 502, 503}},
		{"VEX after legacy", []tcg.Op{paddq, vexOp(tcg.Vex256, 0x66, 1, 0xd4, 1, 1, 3)}, [4]uint64{700, 703, 404, 406}, [4]uint64{500, 501, 502, 503}},
		{"VZEROUPPER", []tcg.Op{vpaddq256, vzeroupper}, [4]uint64{500, 502}, [4]uint64{500, 501}},
		{"VZEROALL", []tcg.Op{vpaddq256, vzeroall}, [4]uint64{}, [4]uint64{}},
		// VPERM2I128 with 0: the low half of the first source twice
		{"256 bits after VZEROUPPER", []tcg.Op{vzeroupper, vexOp(tcg.Vex256, 0x66, 3, 0x46, 1, 2, 3), vexLoad(tcg.Vex256, 5, 0)},
			[4]uint64{200, 201, 200, 201}, [4]uint64{7, 8, 9, 10}},
		{"over a TLB miss", []tcg.Op{vpaddq256, vexLoad(tcg.Vex256, 6, 0), vexOp(tcg.Vex256, 0x66, 1, 0xd4, 1, 1, 6)},
			[4]uint64{507, 510, 513, 516}, [4]uint64{500, 501, 502, 503}},
		{"legacy over a TLB miss", []tcg.Op{vpaddq256, paddq, {Code: tcg.Ld, W: tcg.W64, Dst: tcg.Reg(0), AddrW: tcg.W64, Seg: tcg.SegNone, A: tcg.Reg(3)}, paddq},
			[4]uint64{1100, 1104, 504, 506}, [4]uint64{500, 501, 502, 503}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := vexMachine(t)
			*(*[4]uint64)(unsafe.Pointer(&m.ram[0])) = [4]uint64{7, 8, 9, 10}
			if code := m.do(tc.ops...); code != tcg.ExitLookup {
				t.Fatalf("exit %d", code)
			}
			m.wantYMM(1, tc.one)
			m.wantYMM(5, tc.five)
			m.wantState()
		})
	}
}

// A guest that has zeroed the upper halves does not pay for them, until it uses them again.
func TestYMMUsed(t *testing.T) {
	m := vexMachine(t)
	m.do(paddq)
	if m.wantYMM(1, [4]uint64{400, 402, 102, 103}); m.env.YMMUsed != tcg.YMMInUse {
		t.Errorf("SSE makes YMMUsed %d", m.env.YMMUsed)
	}
	m.do(vzeroupper)
	if m.wantState(); m.env.YMMUsed != tcg.YMMZero {
		t.Errorf("VZEROUPPER makes YMMUsed %d", m.env.YMMUsed)
	}
	m.do(vpaddq128)
	if m.wantYMM(1, [4]uint64{500, 502}); m.env.YMMUsed != tcg.YMMZero {
		t.Errorf("128 bits make YMMUsed %d", m.env.YMMUsed)
	}
	m.do(vexStore(tcg.Vex256, 1, 0), vexLoad(tcg.Vex256, 2, 0), vpaddq256, vexOp(tcg.Vex256, 0x66, 3, 0x06, 9, 1, 1))
	m.wantYMM(1, [4]uint64{800, 803})
	m.wantState()
}

// Sys gives Go the state, and takes it back.
func TestUpperHalvesOverSys(t *testing.T) {
	m := vexMachine(t)
	c := m.compile(m.block(vpaddq256, tcg.Op{Code: tcg.Sys}, vpaddq256))
	if code := m.run(c.Entry); code != tcg.ExitSys {
		t.Fatalf("exit %d", code)
	}
	m.wantYMM(1, [4]uint64{500, 502, 504, 506})
	m.wantState()
	m.env.YMMH[2] = tcg.Vec128{} // as XRSTOR would
	m.run(uintptr(m.env.Resume))
	m.wantYMM(1, [4]uint64{500, 502, 302, 303})
}

// VEX instructions bail where they are not allowed, and legacy ones go on without the upper halves.
func TestVEXNotAllowed(t *testing.T) {
	m := vexMachine(t)
	m.env.AVXOK = 0
	if code := m.do(paddq, vpaddq256); code != tcg.ExitBail {
		t.Errorf("exit %d", code)
	}
	m.wantYMM(1, [4]uint64{400, 402, 102, 103})
	m.wantState()
	m.env.AVXOK, m.env.SSEOK = 1, 0
	if code := m.do(vpaddq256); code != tcg.ExitBail {
		t.Errorf("AVX without SSE: exit %d", code)
	}
	for _, mode := range []tcg.Mode{tcg.ModeCode32, tcg.ModeCode16 | tcg.ModeProt | tcg.ModeVM86} {
		m.registers()
		if code := m.run(m.compile(m.blockAt(codeRIP, mode, vpaddq256)).Entry); code != tcg.ExitBail {
			t.Errorf("mode %#x: exit %d", mode, code)
		}
	}
	m.registers()
	if code := m.run(m.compile(m.blockAt(codeRIP, tcg.ModeCode32|tcg.ModeProt, vpaddq256)).Entry); code != tcg.ExitLookup {
		t.Errorf("32-bit protected mode: exit %d", code)
	}
	m.registers()
	if code := m.do(vexOp(tcg.Vex128, 0x66, 2, 0x92, 1, 2, 3)); code != tcg.ExitBail { // a gather
		t.Errorf("gather: exit %d", code)
	}
}

// Only the moves that ask for it need an aligned operand.
func TestVEXAlignment(t *testing.T) {
	m := vexMachine(t)
	for _, tc := range []struct {
		pp, opcode, length uint8
		disp               int64
		want               uint32
	}{
		{0xf3, 0x6f, tcg.Vex256, 1, tcg.ExitLookup}, // VMOVDQU
		{0x66, 0xfe, tcg.Vex256, 1, tcg.ExitLookup}, // VPADDD
		{0x66, 0xfe, tcg.Vex128, 1, tcg.ExitLookup},
		{0x66, 0x6f, tcg.Vex128, 16, tcg.ExitLookup}, // VMOVDQA
		{0x66, 0x6f, tcg.Vex128, 8, tcg.ExitBail},
		{0x66, 0x6f, tcg.Vex256, 16, tcg.ExitBail},
		{0x66, 0x6f, tcg.Vex256, 32, tcg.ExitLookup},
		{0x00, 0x28, tcg.Vex256, 16, tcg.ExitBail},                    // VMOVAPS
		{0xf3, 0x6f, tcg.Vex256, mmu.PageSize - 31, tcg.ExitTLB},      // crosses into the next page
		{0xf3, 0x6f, tcg.Vex256, mmu.PageSize - 32, tcg.ExitLookup},   // just does not
		{0xf3, 0x6f, tcg.Vex128, mmu.PageSize - 16, tcg.ExitLookup},   //
		{0xf3, 0x6f, tcg.Vex256, 2*mmu.PageSize - 1, tcg.ExitTLB},     //
		{0xf3, 0x6f, tcg.Vex256, 2*mmu.PageSize - 32, tcg.ExitLookup}, //
	} {
		o := vexLoad(tc.length, 1, tc.disp)
		o.Enc.PP, o.Enc.Opcode = tc.pp, tc.opcode
		if tc.opcode == 0xfe {
			o.KSrc, o.VSrc = tcg.VXMM, 2
		}
		if code := m.do(o); code != tc.want {
			t.Errorf("%+v: exit %d", tc, code)
		}
	}
}
