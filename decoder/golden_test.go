package decoder

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/golden.txt anew")

const goldenFile = "testdata/golden.txt"

// goldenCodes gives for every row the first sample with a register and the first with a memory operand.
func goldenCodes() []string {
	type key struct {
		row uint16
		mem bool
	}
	var out []string
	lines := map[key]string{}
	for _, m := range []Mode{Mode64, Mode32} {
		for _, c := range sampleCodes() {
			var in Inst
			if Decode(c, m, &in) != nil {
				continue
			}
			k := key{in.Row, in.HasModRM && in.ModRM < 0xC0}
			if lines[k] == "" {
				lines[k] = fmt.Sprintf("%x|%d", c[:in.Len], 16<<m)
			}
		}
	}
	for i := range rows {
		for _, mem := range []bool{false, true} {
			if l := lines[key{uint16(i), mem}]; l != "" {
				out = append(out, l)
			}
		}
	}
	return out
}

// TestGolden holds the text of an instruction of every row, as bytes|mode|text. The file's
// text was compared with objdump's when it was written.
func TestGolden(t *testing.T) {
	if *update {
		var b strings.Builder
		for _, l := range goldenCodes() {
			h, _, _ := strings.Cut(l, "|")
			code, _ := hex.DecodeString(h)
			mode := Mode64
			if strings.HasSuffix(l, "|32") {
				mode = Mode32
			}
			fmt.Fprintf(&b, "%s|%s\n", l, Format(code, mode, 0x1000))
		}
		if err := os.WriteFile(goldenFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	have := make([]bool, len(rows))
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		f := strings.SplitN(line, "|", 3)
		code, err := hex.DecodeString(f[0])
		if err != nil || len(f) != 3 {
			t.Fatalf("bad line %q: %v", line, err)
		}
		mode := map[string]Mode{"16": Mode16, "32": Mode32, "64": Mode64}[f[1]]
		if d := cmp.Diff(f[2], Format(code, mode, 0x1000)); d != "" {
			t.Errorf("%s in %s-bit mode (-want +got):\n%s", f[0], f[1], d)
		}
		var in Inst
		if err := Decode(code, mode, &in); err != nil || int(in.Len) != len(code) {
			t.Errorf("%s: length %d, error %v", f[0], in.Len, err)
			continue
		}
		have[in.Row] = true
	}
	for i, ok := range have {
		if !ok {
			t.Errorf("row %v %q %q has no golden line; run with -update", rows[i].Op, rows[i].Enc, rows[i].Args)
		}
	}
}

// TestDecode checks the rules that rows do not spell out. want is the text, or the error.
func TestDecode(t *testing.T) {
	for _, tc := range []struct {
		code string
		mode Mode
		want string
	}{
		// REX counts only directly before the opcode.
		{"48 89 c3", Mode64, "mov rbx, rax"},
		{"48 66 89 c3", Mode64, "mov bx, ax"},
		{"66 48 89 c3", Mode64, "mov rbx, rax"},
		{"48 89 c3", Mode32, "dec eax"},
		// Byte registers with and without REX.
		{"88 e0", Mode64, "mov al, ah"},
		{"40 88 e0", Mode64, "mov al, spl"},
		// NOP, PAUSE, XCHG.
		{"90", Mode64, "nop"}, {"41 90", Mode64, "xchg r8d, eax"}, {"48 90", Mode64, "nop"}, {"f3 90", Mode64, "pause"}, {"f3 41 90", Mode64, "xchg r8d, eax"},
		// Segment overrides: the last wins; ES, CS, SS, DS are ignored in 64-bit mode.
		{"64 65 8b 00", Mode32, "mov eax, dword ptr gs:[eax]"}, {"64 3e 8b 00", Mode64, "mov eax, dword ptr fs:[rax]"},
		{"64 3e 8b 00", Mode32, "mov eax, dword ptr ds:[eax]"}, {"2e 8b 00", Mode64, "mov eax, dword ptr [rax]"},
		// Mandatory prefixes: F2 and F3 win over 66, the last of F2 and F3 counts.
		{"66 f3 0f 10 c1", Mode64, "movss xmm0, xmm1"}, {"f3 66 0f 10 c1", Mode64, "movss xmm0, xmm1"}, {"f3 f2 0f 10 c1", Mode64, "movsd xmm0, xmm1"},
		{"66 f2 0f 38 f1 c1", Mode64, "crc32 eax, cx"}, {"66 0f 38 f1 00", Mode64, "movbe word ptr [rax], ax"},
		{"f3 66 0f b8 c1", Mode64, "popcnt ax, cx"}, {"f2 0f bc c1", Mode64, "bsf eax, ecx"}, {"f3 0f bc c1", Mode64, "tzcnt eax, ecx"},
		{"f3 0f 60 c1", Mode64, "undefined"}, {"66 0f 37", Mode64, "undefined"},
		// Operand sizes that are 8 by default in 64-bit mode.
		{"50", Mode64, "push rax"}, {"66 50", Mode64, "push ax"}, {"66 e8 00 00 00 00", Mode64, "call 0x1006"}, {"66 e8 00 00", Mode32, "call 0x1004"},
		{"66 c3", Mode64, "ret"}, {"6a ff", Mode64, "push -0x1"}, {"9c", Mode64, "pushfq"}, {"66 9c", Mode64, "pushf"}, {"cf", Mode64, "iretd"}, {"48 cf", Mode64, "iretq"},
		{"0f 20 c0", Mode64, "mov rax, cr0"}, {"66 0f 20 00", Mode32, "mov eax, cr0"}, {"0f 20 c0", Mode16, "mov eax, cr0"}, {"44 0f 20 c0", Mode64, "mov rax, cr8"},
		{"0f 20 c8", Mode64, "undefined"}, {"44 0f 21 c0", Mode64, "undefined"},
		{"48 6d", Mode64, "insd"}, {"66 6d", Mode64, "insw"}, {"48 a5", Mode64, "movsq"}, {"f3 a4", Mode16, "rep movsb"}, {"f2 ae", Mode32, "repne scasb"},
		{"63 c1", Mode64, "movsxd eax, ecx"}, {"48 63 c1", Mode64, "movsxd rax, ecx"}, {"63 c1", Mode32, "arpl cx, ax"},
		// Immediates.
		{"48 c7 c0 ff ff ff ff", Mode64, "mov rax, -0x1"}, {"48 b8 01 02 03 04 05 06 07 08", Mode64, "mov rax, 0x807060504030201"},
		{"66 b8 01 02", Mode64, "mov ax, 0x201"}, {"83 c8 80", Mode32, "or eax, -0x80"}, {"c8 10 00 01", Mode64, "enter 0x10, 0x1"},
		{"a1 01 02 03 04 05 06 07 08", Mode64, "mov eax, dword ptr ds:[0x807060504030201]"}, {"67 a1 01 02 03 04", Mode64, "mov eax, dword ptr ds:[0x4030201]"}, {"a1 01 02", Mode16, "mov ax, word ptr ds:[0x201]"},
		{"ea 34 12 78 56", Mode16, "jmpf 0x5678:0x1234"}, {"ea 34 12 00 00 78 56", Mode32, "jmpf 0x5678:0x1234"},
		// Addressing.
		{"8b 05 10 00 00 00", Mode64, "mov eax, dword ptr [rip+0x10]"}, {"67 8b 05 10 00 00 00", Mode64, "mov eax, dword ptr [eip+0x10]"}, {"8b 05 10 00 00 00", Mode32, "mov eax, dword ptr ds:[0x10]"},
		{"8b 04 25 10 00 00 00", Mode64, "mov eax, dword ptr [0x10]"}, {"42 8b 04 20", Mode64, "mov eax, dword ptr [rax+r12*1]"}, {"8b 04 20", Mode64, "mov eax, dword ptr [rax]"},
		{"8b 42 f0", Mode16, "mov ax, word ptr [bp+si-0x10]"}, {"8b 06 34 12", Mode16, "mov ax, word ptr ds:[0x1234]"}, {"67 8b 44 24 04", Mode16, "mov ax, word ptr [esp+0x4]"},
		// LOCK wants a memory destination of the right instructions.
		{"f0 01 00", Mode64, "lock add dword ptr [rax], eax"}, {"f0 01 c0", Mode64, "undefined"}, {"f0 03 00", Mode64, "undefined"}, {"f0 39 00", Mode64, "undefined"},
		{"f0 0f c7 08", Mode64, "lock cmpxchg8b qword ptr [rax]"}, {"f0 0f a3 00", Mode64, "undefined"}, {"f0 90", Mode64, "undefined"},
		// Invalid in 64-bit mode.
		{"06", Mode64, "undefined"}, {"27", Mode64, "undefined"}, {"9a 00 00 00 00 00 00", Mode64, "undefined"}, {"d6", Mode64, "undefined"}, {"d6", Mode32, "salc"}, {"82 c0 01", Mode64, "undefined"}, {"82 c0 01", Mode32, "add al, 0x1"},
		// Sreg.
		{"8e c8", Mode64, "undefined"}, {"8e f0", Mode64, "undefined"}, {"8e d8", Mode64, "mov ds, ax"}, {"8c d8", Mode64, "mov eax, ds"},
		// VEX and EVEX against LES, LDS, BOUND; prefixes before them.
		{"c5 f8 58 c1", Mode32, "vaddps xmm0, xmm0, xmm1"}, {"c5 00", Mode32, "lds eax, fword ptr [eax]"}, {"c4 00", Mode16, "les ax, dword ptr [bx+si]"}, {"62 00", Mode32, "bound eax, qword ptr [eax]"},
		{"66 c5 f8 58 c1", Mode64, "undefined"}, {"f3 c5 f8 58 c1", Mode64, "undefined"}, {"48 c5 f8 58 c1", Mode64, "undefined"}, {"f0 c5 f8 58 c1", Mode64, "undefined"}, {"64 c5 f8 58 00", Mode64, "vaddps xmm0, xmm0, xmmword ptr fs:[rax]"},
		{"c5 f0 51 c1", Mode64, "undefined"}, {"c5 f8 51 c1", Mode64, "vsqrtps xmm0, xmm1"}, {"c4 e4 78 58 c1", Mode64, "undefined"},
		{"c4 e2 fd 90 04 11", Mode64, "undefined"}, {"c4 e2 ed 90 04 19", Mode64, "vpgatherdq ymm0, qword ptr [rcx+xmm3*1], ymm2"},
		// EVEX: disp8*N, masks, broadcast, rounding.
		{"62 f1 7c 48 58 40 01", Mode64, "vaddps zmm0, zmm0, zmmword ptr [rax+0x40]"}, {"62 f1 7c 58 58 40 01", Mode64, "vaddps zmm0, zmm0, dword ptr [rax+0x4]{1to16}"},
		{"62 f1 7c 18 58 c1", Mode64, "vaddps zmm0, zmm0, zmm1, {rn-sae}"}, {"62 f1 7c c9 58 c1", Mode64, "vaddps zmm0{k1}{z}, zmm0, zmm1"}, {"62 f1 7c c8 58 c1", Mode64, "undefined"},
		{"62 f1 7c 68 58 c1", Mode64, "undefined"}, {"62 f1 7c c9 11 00", Mode64, "undefined"}, {"62 f1 7c 49 11 00", Mode64, "vmovups zmmword ptr [rax]{k1}, zmm0"}, {"62 a1 7c 40 58 c1", Mode64, "vaddps zmm16, zmm16, zmm17"},
		{"62 f1 78 48 58 c1", Mode64, "undefined"}, {"62 f9 7c 48 58 c1", Mode64, "undefined"}, {"62 f1 7c 58 c2 c1 02", Mode64, "vcmpps k0, zmm0, zmm1, {sae}, 0x2"},
		// Ends.
		{"", Mode64, "truncated"}, {"66", Mode64, "truncated"}, {"0f", Mode64, "truncated"}, {"8b", Mode64, "truncated"}, {"8b 04", Mode64, "truncated"}, {"8b 80 00 00 00", Mode64, "truncated"}, {"c5 f8", Mode64, "truncated"},
		{"66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", Mode64, "nop"}, {"66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", Mode64, "too long"},
		{"2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 81 00 00 00 00 00", Mode64, "too long"},
	} {
		code, err := hex.DecodeString(strings.ReplaceAll(tc.code, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		var in Inst
		got := map[error]string{ErrUndefined: "undefined", ErrTruncated: "truncated", ErrTooLong: "too long"}[Decode(code, tc.mode, &in)]
		if got == "" {
			got = in.Text(0x1000)
		}
		if got != tc.want {
			t.Errorf("%s in %d-bit mode: %s, want %s", tc.code, 16<<tc.mode, got, tc.want)
		}
	}
}

// TestFields checks what the text does not show.
func TestFields(t *testing.T) {
	for _, tc := range []struct {
		code string
		mode Mode
		want func(in *Inst) bool
		what string
	}{
		{"8b4424f8", Mode64, func(in *Inst) bool { return in.Seg == SegSS && in.Base == 4 && in.Index == NoReg && in.Disp == -8 }, "RSP's segment is SS"},
		{"418b0424", Mode64, func(in *Inst) bool { return in.Seg == SegDS && in.Base == 12 }, "R12's segment is DS"},
		{"a4", Mode32, func(in *Inst) bool { return in.OpSize == 1 && in.Seg == SegDS && in.NArgs == 0 }, "MOVSB"},
		{"26a5", Mode16, func(in *Inst) bool { return in.OpSize == 2 && in.Seg == SegES && in.AddrSize == 2 }, "MOVSW ES:"},
		{"e8fbffffff", Mode64, func(in *Inst) bool { return in.StackOp && in.OpSize == 8 && in.Imm == -5 && in.Args[0].Kind == KRel }, "CALL"},
		{"0f8500010000", Mode32, func(in *Inst) bool { return in.Cond == 5 && in.Map == 1 && in.Opcode == 0x85 }, "JNE"},
		{"dbc1", Mode32, func(in *Inst) bool { return in.Cond == 3 && in.Args[1].Reg == 1 }, "FCMOVNB"},
		{"d3e0", Mode32, func(in *Inst) bool { return in.Args[1] == Arg{KReg, 1, 1} }, "SHL EAX, CL"},
		{"d1e0", Mode32, func(in *Inst) bool { return in.Args[1].Kind == KImm && in.Imm == 1 }, "SHL EAX, 1"},
		{"66480f6ec0", Mode64, func(in *Inst) bool { return in.Op == MOVQ && in.PP == 0x66 && in.Prefix == PrefixRex }, "MOVQ"},
		{"f3480fbdc1", Mode64, func(in *Inst) bool { return in.Op == LZCNT && in.PP == 0xF3 && in.Prefix&PrefixRep == 0 }, "LZCNT"},
		{"f390", Mode64, func(in *Inst) bool { return in.Op == PAUSE && in.Prefix == 0 }, "PAUSE"},
		{"0fae08", Mode64, func(in *Inst) bool { return in.Op == FXRSTOR && in.Args[0].Size == 0 }, "FXRSTOR"},
		{"f30fa7", Mode64, func(in *Inst) bool { return in.Op == Invalid }, "undefined"},
	} {
		code, _ := hex.DecodeString(tc.code)
		var in Inst
		_ = Decode(code, tc.mode, &in)
		if !tc.want(&in) {
			t.Errorf("%s: %s: %+v", tc.code, tc.what, in)
		}
	}
}

// checkDecode checks what holds for any code.
func checkDecode(t *testing.T, code []byte, mode Mode) {
	var in Inst
	err := Decode(code, mode, &in)
	_ = in.String()
	switch err {
	case nil, ErrUndefined:
		if in.Len > MaxLen || int(in.Len) > len(code) || err == nil && in.Len == 0 || (err != nil) != (in.Op == Invalid) {
			t.Fatalf("% x in %d-bit mode: %v, length %d, %v", code, 16<<mode, in.Op, in.Len, err)
		}
		// Shorter code is truncated; bytes behind the instruction mean nothing.
		for n := range int(in.Len) {
			var short Inst
			if e := Decode(code[:n], mode, &short); e != ErrTruncated && err == nil {
				t.Fatalf("% x in %d-bit mode is %d bytes long, but %d give %v", code, 16<<mode, in.Len, n, e)
			}
		}
		var same Inst
		if e := Decode(code[:in.Len], mode, &same); err == nil && (e != nil || same != in) {
			t.Fatalf("% x in %d-bit mode: other result without the rest: %v, %+v, %+v", code, 16<<mode, e, same, in)
		}
	case ErrTruncated:
		if len(code) >= MaxLen {
			t.Fatalf("% x: truncated", code)
		}
	case ErrTooLong:
		if len(code) < MaxLen {
			t.Fatalf("% x: too long", code)
		}
	default:
		t.Fatal(err)
	}
}

// FuzzDecode: never a panic, at most 15 bytes, truncation is monotone.
func FuzzDecode(f *testing.F) {
	for _, c := range [][]byte{{0x90}, {0xC5, 0xF8, 0x58, 0xC1}, {0x62, 0xF1, 0x7C, 0x48, 0x58, 0x40, 1}, {0x48, 0x8B, 0x04, 0x25, 0, 0, 0, 0}} {
		f.Add(c, uint8(Mode64))
	}
	f.Fuzz(func(t *testing.T, code []byte, mode uint8) { checkDecode(t, code, Mode(mode%3)) })
}

// TestRandom is FuzzDecode on likely code.
func TestRandom(t *testing.T) {
	r := newRand(t)
	for range 50000 {
		mode := Mode(r.IntN(3))
		c := randomCode(r, mode)
		if r.IntN(4) == 0 {
			c = randomEVEX(r, mode)
		}
		checkDecode(t, c[:r.IntN(MaxLen+1)], mode)
		checkDecode(t, c, mode)
	}
}
