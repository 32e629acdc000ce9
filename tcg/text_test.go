package tcg

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample has every form of line, in the printer's spelling.
const sample = `block 0xffffffff81000000 cs=0x0 phys=0x1000000 mode=0x22
--- 0xffffffff81000000 +3
	add.32 rax, rax, rcx !
	mov t0, rbx
	mov.8 ah, 0x10
	zext.64.8 t1, ah
	sext.32.16 rdx, t0
	lea t2, [rbx + rcx*8 + 0x10]
	lea.32 rsi, [rbx - 0x8]@32
	bswap r8, r9
	sub t3, t0, -0x5 !ZC?OS
	cmp.8 bh, 0x7f !OSZAPC
	shld.16 rax, rcx, rdx, 0x3
	mulx.8 ch !
	setcc.le.8 t4
	cmov.ne.32 rax, t0
	getf t5
	getef t11
	getcr2 r10
	swapgs
	putf SZAPC, t5 !
	stc !
	cld
--- 0xffffffff81000003 +15
	ld t6, [rbx + rcx*8 + 0x10]
	ldz.32.8 t7, fs:[0x28]
	lds.64.32 t8, ss:[rsp*1]@16
	ld.32 t10, [rdi] wr
	st.32 [rsp - 0x8], 0x1234
--- 0xffffffff81000004 +1
	rmw.add [rax], rcx -> t9 lock !
--- 0xffffffff81000005 +1
	rmw.not.8 [rax] lock
--- 0xffffffff81000006 +1
	cmpxchg.32 [rdi + 0x8], rcx lock !
	fence
--- 0xffffffff8100000a +1
	cmpxchg2.32 [rdi + 0x8] lock !
	andn.32 r10, rax, t5 !SZ
	pdep r11, rax, rcx
--- 0xffffffff81000007 +1
	vec.66.1.6f xmm3, [rax + 0x10] b16 rd align
--- 0xffffffff81000008 +1
	vec.00.3.0f.w mm1, rdx #0x8
	vec.66.1.71 /2, xmm15 #0xff
	vec.66.1.fe.v256 xmm1, xmm2, [rax] b32 rd
	vec.00.2.f2.w.v128 rax, rcx, rdx
	vec.00.1.77 -, -
--- 0xffffffff81000009 +1
	fpu.d9.c1
	fpu.dd.06 [rdi] b108 wr
	sys 0
	jcc.ne 0xffffffff81000000, 0x10
	jz.32 rcx, 0x10, 0x20
	jmpind t9
	exit 0x1000
	sys 1 end
`

func TestTextRoundTrip(t *testing.T) {
	b, err := Parse(sample)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(sample, "\n"), strings.Split(b.String(), "\n")); d != "" {
		t.Errorf("text (-want +got):\n%s", d)
	}
	again, err := Parse(b.String())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(b, again); d != "" {
		t.Errorf("second parse (-first +second):\n%s", d)
	}
	if b.NInsns != 9 || b.Bytes != 25 || b.Temps != 12 || len(b.Insts) != 2 {
		t.Errorf("counts: %d instructions, %d bytes, %d temporaries, %d Sys", b.NInsns, b.Bytes, b.Temps, len(b.Insts))
	}
}

func TestParseErrors(t *testing.T) {
	for _, line := range []string{
		"foo", "add", "mov rax,", "add ,,", "add rax", "add rax, rbx", "add rax, rbx, rcx, rdx", "add.7 rax, rbx, rcx", "mov rax, xyz",
		"mov rax, -", "ld rax, rbx", "ld rax, [rbx", "ld rax, [rbx*3]", "ld rax, [rbx]@12", "ld rax, gs[rbx]", "ld rax, xs:[rbx]",
		"zext.32 rax, rbx", "jcc 0x1, 0x2", "jcc.q 0x1, 0x2", "jmp", "mov t992, rax", "mov rax, 0x10000000000000000",
		"--- 0x1000", "--- 0x1000 +99", "rmw.foo [rax], rbx", "add rax, rax, rbx !X", "add rax, rax, rbx what",
		"vec.66.1 xmm0, xmm1", "vec.zz.1.6f xmm0, xmm1", "vec.66.1.6f xmm16, xmm1", "vec.66.1.6f xmm1", "fpu.d9", "sys 9999", "sys -1",
		"block zz", "block 0 mode=0x10000", "block 0 foo=1", "putf Q, rax", "rmw.add [rax], rbx -> q",
	} {
		if b, err := Parse(line); err == nil {
			t.Errorf("%q: parsed as %v", line, b)
		}
	}
}

// The builder's ops and the parser's are the same.
func TestBuilderMatchesText(t *testing.T) {
	var b Builder
	var blk Block
	b.Reset(&blk)
	m := Mem{Base: Reg(3), Index: Reg(1), Scale: 3, Disp: 16, Seg: SegNone, AddrW: W64}
	b.Insn(0x1000, 3)
	t0, t1 := b.Temp(), b.Temp()
	b.Ld(W32, t0, m)
	b.Ldz(W64, W8, t1, m)
	b.ALU(Add, W32, Reg(0), t0, b.Imm(5), true)
	b.Insn(0x1003, 2)
	b.Rmw(Add, W16, m, Reg(2), None, true, true)
	b.Insn(0x1005, 2)
	b.St(W64, m, b.Imm(-1))
	b.Insn(0x1007, 1)
	o := b.VecMem(Enc{PP: 0x66, Map: 1, Opcode: 0x6f}, m, 16, true, false)
	o.KReg, o.VReg, o.Align = VXMM, 5, true
	b.Insn(0x1008, 1)
	b.FpuMem(0xdb, 0x2b, m, 10, true, false)
	b.Flag(Stc)
	b.Shd(Shld, W32, Reg(0), Reg(0), Reg(1), b.Imm(3), true)
	b.PutF(FlagC, Reg(0))
	b.Setcc(CondE, High(1))
	b.Jcc(CondB, 0x2000, 0x1009)
	if err := Verify(&blk); err != nil {
		t.Fatal(err)
	}
	again, err := Parse(blk.String())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(&blk, again); d != "" {
		t.Errorf("(-built +parsed):\n%s", d)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample)
	for _, c := range optCases {
		f.Add(wrap(c.in))
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, err := Parse(text)
		if err != nil {
			return
		}
		// What was parsed prints; what is verified parses back to the same and can be optimised.
		s := b.String()
		if Verify(b) != nil {
			return
		}
		again, err := Parse(s)
		if err != nil {
			t.Fatalf("%s\n%v", s, err)
		}
		if d := cmp.Diff(s, again.String()); d != "" {
			t.Fatalf("second printing:\n%s", d)
		}
		Optimise(b, nil)
		if err := Verify(b); err != nil {
			t.Fatalf("optimised:\n%s%v", b, err)
		}
	})
}
