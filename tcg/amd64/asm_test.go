//go:build linux && amd64

package amd64

import (
	"encoding/hex"
	"strings"
	"testing"

	"golang.org/x/arch/x86/x86asm"

	"goemu/tcg"
)

// asmForms has each form of the encoder: text, bytes, and the call that makes them.
var asmForms = []struct {
	text, hex string
	emit      func(*asm)
}{
	{"mov r15, rax", "4989c7", func(a *asm) { a.rr(sized(opMovStore, tcg.W64), rax, r15) }},
	{"mov sil, al", "4088c6", func(a *asm) { a.movRR(tcg.W8, rsi, rax) }},
	{"mov r9b, dil", "4188f9", func(a *asm) { a.movRR(tcg.W8, r9, rdi) }},
	{"mov bl, cl", "88cb", func(a *asm) { a.movRR(tcg.W8, rbx, rcx) }},
	{"mov r12w, dx", "664189d4", func(a *asm) { a.movRR(tcg.W16, r12, rdx) }},
	{"mov ebp, r8d", "4489c5", func(a *asm) { a.movRR(tcg.W32, rbp, r8) }},
	{"mov ah, cl", "88cc", func(a *asm) { a.rr(0x88|byteReg|byteRM, rcx, ah) }},
	{"mov bh, dl", "88d7", func(a *asm) { a.rr(0x88|byteReg|byteRM, rdx, bh) }},
	{"movzx ecx, ah", "0fb6cc", func(a *asm) { a.rr(opMovzx8|byteRM, rcx, ah) }},
	{"mov eax, 0x0", "b800000000", func(a *asm) { a.movImm(rax, 0) }},
	{"mov r11d, -0x1", "41bbffffffff", func(a *asm) { a.movImm(r11, 0xffffffff) }},
	{"mov rdx, -0x1", "48c7c2ffffffff", func(a *asm) { a.movImm(rdx, -1) }},
	{"mov r12, 0x123456789abc", "49bcbc9a785634120000", func(a *asm) { a.movImm(r12, 0x123456789abc) }},
	{"mov rdx, qword ptr [rcx+rax]", "488b1401", func(a *asm) { a.rm(sized(opMovLoad, tcg.W64), rdx, mem{base: rcx, index: rax}) }},
	{"mov r8d, dword ptr [r12]", "458b0424", func(a *asm) { a.rm(sized(opMovLoad, tcg.W32), r8, mem{base: r12, index: noReg}) }},
	{"mov eax, dword ptr [r13]", "418b4500", func(a *asm) { a.rm(sized(opMovLoad, tcg.W32), rax, mem{base: r13, index: noReg}) }},
	{"mov rax, qword ptr [rbp]", "488b4500", func(a *asm) { a.rm(sized(opMovLoad, tcg.W64), rax, mem{base: rbp, index: noReg}) }},
	{"mov rax, qword ptr [rsp+0x8]", "488b442408", func(a *asm) { a.rm(sized(opMovLoad, tcg.W64), rax, mem{base: rsp, index: noReg, disp: 8}) }},
	{"mov rax, qword ptr [r15-0x80]", "498b4780", func(a *asm) { a.rm(sized(opMovLoad, tcg.W64), rax, mem{base: r15, index: noReg, disp: -128}) }},
	{"mov rax, qword ptr [r15+rcx+0x1234]", "498b840f34120000", func(a *asm) { a.rm(sized(opMovLoad, tcg.W64), rax, mem{base: r15, index: rcx, disp: 0x1234}) }},
	{"mov rax, qword ptr [8*r9+0x10]", "4a8b04cd10000000", func(a *asm) { a.rm(sized(opMovLoad, tcg.W64), rax, mem{base: noReg, index: r9, scale: 3, disp: 16}) }},
	{"mov rax, qword ptr [0x10]", "488b042510000000", func(a *asm) { a.rm(sized(opMovLoad, tcg.W64), rax, mem{base: noReg, index: noReg, disp: 16}) }},
	{"mov byte ptr [rcx+rax], sil", "40883401", func(a *asm) { a.rm(sized(opMovStore, tcg.W8), rsi, mem{base: rcx, index: rax}) }},
	{"mov word ptr [rcx], r9w", "66448909", func(a *asm) { a.rm(sized(opMovStore, tcg.W16), r9, mem{base: rcx, index: noReg}) }},
	{"lea rdx, ptr [rip+0x5]", "488d1505000000", func(a *asm) { a.rm(opLea|rexW, rdx, mem{base: ripReg, index: noReg, disp: 5}) }},
	{"lea eax, ptr [rbx+4*rsi-0x4]", "8d44b3fc", func(a *asm) { a.rm(sized(opLea, tcg.W32), rax, mem{base: rbx, index: rsi, scale: 2, disp: -4}) }},
	{"add al, 0xff", "80c0ff", func(a *asm) { a.aluRI(aluAdd, tcg.W8, rax, -1) }},
	{"sub r14, 0x8", "4983ee08", func(a *asm) { a.aluRI(aluSub, tcg.W64, r14, 8) }},
	{"cmp rax, 0xff8", "483df80f0000", func(a *asm) { a.aluRI(aluCmp, tcg.W64, rax, 0xff8) }},
	{"cmp ax, 0x1234", "663d3412", func(a *asm) { a.aluRI(aluCmp, tcg.W16, rax, 0x1234) }},
	{"and ecx, 0x3ff0", "81e1f03f0000", func(a *asm) { a.aluRI(aluAnd, tcg.W32, rcx, 0x3ff0) }},
	{"xor r8w, 0x1234", "664181f03412", func(a *asm) { a.aluRI(aluXor, tcg.W16, r8, 0x1234) }},
	{"cmp dword ptr [r15], 0x0", "41833f00", func(a *asm) { a.aluMI(0, aluCmp, tcg.W32, mem{base: r15, index: noReg}, 0) }},
	{"lock or qword ptr [rcx+rax], 0x12345", "f048810c0145230100", func(a *asm) { a.aluMI(lockPre, aluOr, tcg.W64, mem{base: rcx, index: rax}, 0x12345) }},
	{"and byte ptr [r15+0x5], 0xfe", "41806705fe", func(a *asm) { a.aluMI(0, aluAnd, tcg.W8, mem{base: r15, index: noReg, disp: 5}, -2) }},
	{"add word ptr [rcx], 0x1234", "6681013412", func(a *asm) { a.aluMI(0, aluAdd, tcg.W16, mem{base: rcx, index: noReg}, 0x1234) }},
	{"adc r11d, ebx", "4111db", func(a *asm) { a.aluRR(aluAdc, tcg.W32, r11, rbx) }},
	{"sbb dil, al", "4018c7", func(a *asm) { a.aluRR(aluSbb, tcg.W8, rdi, rax) }},
	{"sub rax, qword ptr [r15+rcx+0x390]", "492b840f90030000", func(a *asm) { a.aluRM(aluSub, tcg.W64, rax, mem{base: r15, index: rcx, disp: 0x390}) }},
	{"lock add dword ptr [rcx+rax], r11d", "f044011c01", func(a *asm) { a.aluMR(lockPre, aluAdd, tcg.W32, mem{base: rcx, index: rax}, r11) }},
	{"movzx edx, sil", "400fb6d6", func(a *asm) { a.zext(tcg.W8, rdx, rsi) }},
	{"movzx edx, r9w", "410fb7d1", func(a *asm) { a.zext(tcg.W16, rdx, r9) }},
	{"movzx edx, byte ptr [rcx+rax]", "0fb61401", func(a *asm) { a.zextM(tcg.W8, rdx, mem{base: rcx, index: rax}) }},
	{"movsx r11, bpl", "4c0fbedd", func(a *asm) { a.rr(sextOp(tcg.W64, tcg.W8), r11, rbp) }},
	{"movsx ecx, cx", "0fbfc9", func(a *asm) { a.rr(sextOp(tcg.W32, tcg.W16), rcx, rcx) }},
	{"movsx ax, bl", "660fbec3", func(a *asm) { a.rr(sextOp(tcg.W16, tcg.W8), rax, rbx) }},
	{"movsxd rax, r9d", "4963c1", func(a *asm) { a.rr(sextOp(tcg.W64, tcg.W32), rax, r9) }},
	{"shl r11, 0x3", "49c1e303", func(a *asm) { a.shiftI(4, tcg.W64, r11, 3) }},
	{"shr sil, 0x1", "40d0ee", func(a *asm) { a.shiftI(5, tcg.W8, rsi, 1) }},
	{"sar ax, 0xf", "66c1f80f", func(a *asm) { a.shiftI(7, tcg.W16, rax, 15) }},
	{"rol ebx, cl", "d3c3", func(a *asm) { a.rr(sized(0xd3, tcg.W32), 0, rbx) }},
	{"div rcx", "48f7f1", func(a *asm) { a.rr(sized(opGrp3, tcg.W64), 6, rcx) }},
	{"dec dil", "40fecf", func(a *asm) { a.rr(sized(opGrp4, tcg.W8), 1, rdi) }},
	{"imul r12, r10", "4d0fafe2", func(a *asm) { a.rr(sized(opImul, tcg.W64), r12, r10) }},
	{"lock xadd dword ptr [rcx], edx", "f00fc111", func(a *asm) { a.rm(sized(opXadd, tcg.W32)|lockPre, rdx, mem{base: rcx, index: noReg}) }},
	{"lock cmpxchg byte ptr [rcx], sil", "f0400fb031", func(a *asm) { a.rm(sized(opCmpxchg, tcg.W8)|lockPre, rsi, mem{base: rcx, index: noReg}) }},
	{"setnle bpl", "400f9fc5", func(a *asm) { a.rr(opSetcc|opc(tcg.CondG), 0, rbp) }},
	{"cmovb r8, rbx", "4c0f42c3", func(a *asm) { a.rr(sized(opCmovcc|opc(tcg.CondB), tcg.W64), r8, rbx) }},
	{"lzcnt r9, rax", "f34c0fbdc8", func(a *asm) { a.rr(opc(0xbd)|map0F|preF3|rexW, r9, rax) }},
	{"pshufb xmm9, xmm12", "66450f3800cc", func(a *asm) { a.rr(encOpc(tcg.Enc{PP: 0x66, Map: 2, Opcode: 0x00}), 9, 12) }},
	{"addsd xmm3, qword ptr [rcx+rax]", "f20f581c01", func(a *asm) { a.rm(encOpc(tcg.Enc{PP: 0xf2, Map: 1, Opcode: 0x58}), 3, mem{base: rcx, index: rax}) }},
	{"movq xmm15, r11", "664d0f6efb", func(a *asm) { a.rr(encOpc(tcg.Enc{PP: 0x66, Map: 1, Opcode: 0x6e, RexW: true}), 15, r11) }},
	{"movzx eax, word ptr [r15+0x4]; add al, 0x7f; sahf", "410fb74704047f9e", func(a *asm) { a.reload() }},
	{"lahf; seto al; mov word ptr [r15+0x4], ax", "9f0f90c06641894704", func(a *asm) { a.saveHost() }},
	{"je .+256", "0f8400010000", func(a *asm) { a.patch(a.jcc(tcg.CondE), 0x106) }},
	{"jmp .+256", "e900010000", func(a *asm) { a.jmp(0x105) }},
}

// disassemble gives the text of code, instructions separated by "; ".
func disassemble(t *testing.T, code []byte) string {
	t.Helper()
	var s []string
	for len(code) > 0 {
		in, err := x86asm.Decode(code, 64)
		if err != nil {
			t.Fatalf("% x: %v", code, err)
		}
		text := x86asm.IntelSyntax(in, 0, nil)
		if rel, ok := in.Args[0].(x86asm.Rel); ok {
			text = strings.ToLower(in.Op.String()) + " " + rel.String()
		}
		s = append(s, text)
		code = code[in.Len:]
	}
	return strings.Join(s, "; ")
}

func TestEncoder(t *testing.T) {
	for _, f := range asmForms {
		a := &asm{buf: make([]byte, 64)}
		f.emit(a)
		code := a.buf[:a.n]
		if got := hex.EncodeToString(code); got != f.hex {
			t.Errorf("%s: bytes %s, want %s", f.text, got, f.hex)
		}
		if got := disassemble(t, code); got != f.text {
			t.Errorf("bytes %x are %q, want %q", code, got, f.text)
		}
	}
}

// VEX instructions, which x86asm writes with AVX's operand order.
func TestEncodeVEX(t *testing.T) {
	for _, f := range []struct {
		hex  string
		emit func(*asm)
	}{
		{"c4e37bf0c808", func(a *asm) { a.rorx(tcg.W32, rcx, rax, 8) }},                // rorx ecx, eax, 8
		{"c443fbf0c310", func(a *asm) { a.rorx(tcg.W64, r8, r11, 16) }},                // rorx r8, r11, 16
		{"c44299f7db", func(a *asm) { a.vex(map0F38|pre66|rexW|0xf7, r11, r12, r11) }}, // shlx r11, r11, r12
		{"c4e273f7c3", func(a *asm) { a.vex(map0F38|preF2|0xf7, rax, rcx, rbx) }},      // shrx eax, ebx, ecx
	} {
		a := &asm{buf: make([]byte, 16)}
		f.emit(a)
		if got := hex.EncodeToString(a.buf[:a.n]); got != f.hex {
			t.Errorf("bytes %s, want %s", got, f.hex)
		}
	}
}

// Padding is made of valid nops and ends where it should.
func TestAlign(t *testing.T) {
	for n := range 16 {
		a := &asm{buf: make([]byte, 64), n: n}
		a.align(16, 3)
		if a.n%16 != 3 {
			t.Errorf("from %d to %d", n, a.n)
		}
		for _, s := range strings.Split(disassemble(t, a.buf[n:a.n]), "; ") {
			if s != "" && !strings.Contains(s, "nop") && s != "xchg ax, ax" {
				t.Errorf("%d: %s", n, s)
			}
		}
	}
}

// The layout of Env that generated code relies on: fields within a byte's displacement of R15, and pairs that are
// copied as one quadword.
func TestEnvLayout(t *testing.T) {
	for _, f := range []struct {
		name      string
		got, want int
	}{
		{"GPR", offGPR, -128}, {"ExitReq", offExitReq, 0}, {"CC", offCC, 4}, {"IntrPending", offIntrPending, 8}, {"Budget", offBudget, 12},
		{"RIP", offRIP, 16}, {"EFlags", offEFlags, 24}, {"SSELive", offSSELive, 28}, {"SSEOK", offSSEOK, 29}, {"X87Live", offX87Live, 30},
		{"X87OK", offX87OK, 31}, {"SegBase", offSegBase, 32}, {"AVXLive", offAVXLive, 80}, {"YMMUsed", offYMMUsed, 81}, {"Quota", offQuota, 84}, {"Page", offPage, 88}, {"SegRdTop", offSegRdTop, 96},
		{"SegWrTop", offSegWrTop, 144}, {"ExitCode", offExitCode, 208}, {"ExitSite", offExitSite, 212}, {"ExitBlock", offExitBlock, 216},
		{"MemWrite", offMemWrite, 220}, {"MemAddr", offMemAddr, 224}, {"Resume", offResume, 232}, {"X87IP", offX87IP, 248}, {"X87DP", offX87DP, 256},
		{"Insns", offInsns, 264}, {"Spill", offSpill, 272}, {"MXCSR", offMXCSR, 528}, {"AVXOK", offAVXOK, 532}, {"XMM", offXMM, 560}, {"YMMH", offYMMH, 816}, {"X87", offX87, 1072}, {"X87Op", offX87Op, 1200},
		{"VictimsLeft", offVictimsLeft, 1204}, {"TLB", offTLB, 1216},
		{"TLB entry", tlbEntry, 16}, {"jump-cache entry", jumpEntry, 32},
	} {
		if f.got != f.want {
			t.Errorf("%s: %d, want %d", f.name, f.got, f.want)
		}
	}
	if (offXMM+envBias)%16 != 0 {
		t.Error("XMM is not aligned")
	}
}
