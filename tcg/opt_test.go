package tcg

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// optCases are blocks before and after Optimise, without their first (--- 0x1000 +1) and
// last (jmp 0x2000) lines.
var optCases = []struct{ name, in, want string }{
	{"flags overwritten at once are not made",
		"add rax, rax, rbx !\nsub rcx, rcx, rdx !",
		"add rax, rax, rbx\nsub rcx, rcx, rdx !OSZAPC"},
	{"flags read by a condition are made",
		"add rax, rax, rbx !\nsetcc.b.8 rdx\nsub rcx, rcx, rdx !",
		"add rax, rax, rbx !C\nsetcc.b.8 rdx\nsub rcx, rcx, rdx !OSZAPC"},
	{"inc keeps C alive",
		"add rax, rax, rbx !\ninc rcx, rcx !",
		"add rax, rax, rbx !C\ninc rcx, rcx !OSZAP"},
	{"a fault point observes flags",
		"add rax, rax, rbx !\n--- 0x1001 +1\nld rcx, [rdx]\nsub rsi, rsi, rdi !",
		"add rax, rax, rbx !?OSZAPC\n--- 0x1001 +1\nld rcx, [rdx]\nsub rsi, rsi, rdi !OSZAPC"},
	{"an op that faults leaves the flags before it to be seen",
		"add rax, rax, rbx !\n--- 0x1001 +1\nrmw.sub [rdx], rcx !",
		"add rax, rax, rbx !?OSZAPC\n--- 0x1001 +1\nrmw.sub [rdx], rcx !OSZAPC"},
	{"both read and observed is read",
		"add rax, rax, rbx !\n--- 0x1001 +1\nld rcx, [rdx]\n--- 0x1002 +1\nsetcc.e.8 rsi\ncmp rsi, rdi !",
		"add rax, rax, rbx !Z?OSAPC\n--- 0x1001 +1\nld rcx, [rdx]\n--- 0x1002 +1\nsetcc.e.8 rsi\ncmp rsi, rdi !OSZAPC"},
	{"a shift by CL may leave all flags",
		"add rax, rax, rbx !\nshl rdx, rdx, rcx !",
		"add rax, rax, rbx !OSZAPC\nshl rdx, rdx, rcx !OSZAPC"},
	{"a shift by a constant leaves none",
		"add rax, rax, rbx !\nmov t0, 0x3\nshl rdx, rdx, t0 !",
		"add rax, rax, rbx\nshl rdx, rdx, 0x3 !OSZAPC"},
	{"a shift by CL known to be 32 is a move",
		"mov.8 rcx, 0x20\nmov rcx, 0x120\nshl.32 rdx, rdx, rcx !",
		"mov rcx, 0x120\nmov.32 rdx, rdx"},
	{"rotates write O and C",
		"add rax, rax, rbx !\nrol rdx, rdx, 0x1 !",
		"add rax, rax, rbx !SZAP\nrol rdx, rdx, 0x1 !OC"},
	{"rcl reads C",
		"add rax, rax, rbx !\nrcl rdx, rdx, 0x1 !\ncmp rax, rbx !",
		"add rax, rax, rbx !C\nrcl rdx, rdx, 0x1\ncmp rax, rbx !OSZAPC"},
	{"a compare without reader goes",
		"cmp rax, rbx !\ncmp rcx, rdx !",
		"cmp rcx, rdx !OSZAPC"},
	{"sub to nowhere is cmp",
		"sub t0, rax, rbx !",
		"cmp rax, rbx !OSZAPC"},
	{"copies of registers are read through",
		"mov t0, rbx\nadd.32 rax, rax, t0",
		"add.32 rax, rax, rbx"},
	{"but not after the register has changed",
		"mov t0, rbx\nadd rbx, rbx, 0x1\nadd rax, rax, t0",
		"mov t0, rbx\nadd rbx, rbx, 0x1\nadd rax, rax, t0"},
	{"the target of a call is read in full, however narrow the push",
		"zext.64.16 t0, rdx\nchkip.16 t0",
		"zext.64.16 t0, rdx\nchkip.16 t0"},
	{"nor in more bits than were copied",
		"mov.16 t0, rbx\nadd.16 rcx, rcx, t0\nadd.32 rax, rax, t0",
		"mov.16 t0, rbx\nadd.16 rcx, rcx, rbx\nadd.32 rax, rax, t0"},
	{"address arithmetic goes into the displacement",
		"add t0, rbx, 0x8\nlea t1, [t0 + 0x10]\nld rax, [t1 + rcx*4 + 0x1]",
		"ld rax, [rbx + rcx*4 + 0x19]"},
	{"a constant index too",
		"mov t0, 0x4\nld rax, [rbx + t0*8 - 0x1]",
		"ld rax, [rbx + 0x1f]"},
	{"a 32-bit address wraps",
		"add.32 t0, rbx, -0x8\nld.32 rax, ds:[t0 + 0x4]@32",
		"ld.32 rax, ds:[rbx - 0x4]@32"},
	{"a 32-bit sum is no 64-bit address",
		"add.32 t0, rbx, -0x8\nld rax, [t0]",
		"add.32 t0, rbx, -0x8\nld rax, [t0]"},
	{"RSP as base would turn #GP into #SS",
		"mov t0, rsp\nld rax, [t0]",
		"mov t0, rsp\nld rax, [t0]"},
	{"absolute addresses",
		"mov t0, 0xffffffff81000000\nld rax, [t0 + 0x8]",
		"ld rax, [-0x7efffff8]"},
	{"constants fold",
		"mov t0, 0x5\nadd t1, t0, 0x3\nshl.8 t2, t1, 0x7\nxor.8 t3, t2, 0x81\nsext.64.8 rax, t3\nzext.64.8 rbx, t3",
		"mov rax, -0x7f\nmov rbx, 0x81"},
	{"constants of part of a register",
		"mov rax, 0x1122\nmov.8 ah, 0x33\nadd.16 rbx, rbx, rax",
		"mov rax, 0x1122\nmov.8 ah, 0x33\nadd.16 rbx, rbx, 0x3322"},
	{"large constants stay in temporaries",
		"mov t0, 0x123456789\nadd rax, rax, t0",
		"mov t0, 0x123456789\nadd rax, rax, t0"},
	{"xor of a register with itself is 0, with flags",
		"xor.32 rax, rax, rax !\nmov rcx, rax",
		"xor.32 rax, rax, rax !OSZAPC\nmov rcx, 0x0"},
	{"a dead write of a register goes",
		"mov rax, rbx\nmov.32 rax, rcx",
		"mov.32 rax, rcx"},
	{"not if only part is overwritten",
		"mov rax, rbx\nmov.16 rax, rcx",
		"mov rax, rbx\nmov.16 rax, rcx"},
	{"not if a fault could show it",
		"mov rax, rbx\n--- 0x1001 +1\nld rax, [rcx]",
		"mov rax, rbx\n--- 0x1001 +1\nld rax, [rcx]"},
	{"not before a Sys",
		"mov rax, rbx\n--- 0x1001 +1\nsys 0\n--- 0x1002 +1\nmov rax, rcx",
		"mov rax, rbx\n--- 0x1001 +1\nsys 0\n--- 0x1002 +1\nmov rax, rcx"},
	{"a Sys makes constants unknown",
		"mov rax, 0x5\n--- 0x1001 +1\nsys 0\n--- 0x1002 +1\nadd rbx, rbx, rax",
		"mov rax, 0x5\n--- 0x1001 +1\nsys 0\n--- 0x1002 +1\nadd rbx, rbx, rax"},
	{"loads stay even if nobody reads",
		"ld t0, [rax]",
		"ld t0, [rax]"},
	{"stores of constants",
		"mov t0, 0x1\nst.8 [rax], t0",
		"st.8 [rax], 0x1"},
	{"adding nothing without flags is a move",
		"add t0, rax, 0x0\nadd rbx, rbx, t0",
		"add rbx, rbx, rax"},
	{"constant on the left of a sum",
		"mov t0, 0x7\nadd rax, t0, rbx",
		"add rax, rbx, 0x7"},
	{"multiplication clobbers RAX and RDX",
		"mov rdx, 0x1\nmulx rcx\nadd rbx, rbx, rdx",
		"mulx rcx\nadd rbx, rbx, rdx"},
	{"division faults",
		"mov rdx, 0x1\n--- 0x1001 +1\ndivx rcx",
		"mov rdx, 0x1\n--- 0x1001 +1\ndivx rcx"},
	{"flags put into place kill those named",
		"add rax, rax, rbx !\nputf SZAPC, rcx !",
		"add rax, rax, rbx !O\nputf SZAPC, rcx !SZAPC"},
	{"FNSTSW AX makes RAX unknown",
		"mov rax, 0x1\n--- 0x1001 +1\nfpu.df.e0\n--- 0x1002 +1\nadd rbx, rbx, rax",
		"mov rax, 0x1\n--- 0x1001 +1\nfpu.df.e0\n--- 0x1002 +1\nadd rbx, rbx, rax"},
	{"FCMOV reads flags",
		"cmp rax, rbx !\n--- 0x1001 +1\nfpu.da.c1\ncmp rax, rcx !",
		"cmp rax, rbx !ZPC?OSA\n--- 0x1001 +1\nfpu.da.c1\ncmp rax, rcx !OSZAPC"},
}

func wrap(s string) string { return "--- 0x1000 +1\n" + s + "\njmp 0x2000\n" }

func body(b *Block) string {
	var lines []string
	for i := range b.Ops[:len(b.Ops)-1] {
		if i > 0 {
			lines = append(lines, b.Ops[i].String())
		}
	}
	return strings.Join(lines, "\n")
}

func TestOptimise(t *testing.T) {
	for _, c := range optCases {
		t.Run(c.name, func(t *testing.T) {
			b, err := Parse(wrap(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if err := Verify(b); err != nil {
				t.Fatal(err)
			}
			Optimise(b, nil)
			if err := Verify(b); err != nil {
				t.Error(err)
			}
			if d := cmp.Diff(strings.Split(c.want, "\n"), strings.Split(body(b), "\n")); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestOptimiseEnds(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"mov t0, 0x1234\njmpind t0", "jmp 0x1234"},
		{"mov rcx, 0x100000000\njz.32 rcx, 0x10, 0x20", "jmp 0x10"},
		{"mov rcx, 0x100000000\njnz rcx, 0x10, 0x20", "jmp 0x10"},
		{"jnz rcx, 0x10, 0x20", "jnz rcx, 0x10, 0x20"},
	} {
		b, err := Parse("--- 0x1000 +1\n" + c.in)
		if err != nil {
			t.Fatal(err)
		}
		Optimise(b, nil)
		if got := b.Ops[len(b.Ops)-1].String(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.in, got, c.want)
		}
	}
}

func TestKillsFlags(t *testing.T) {
	for _, c := range []struct {
		in   string
		want bool
	}{
		{"cmp rax, rbx !", true},
		{"mov rcx, rdx\ncmp rax, rbx !", true},
		{"inc rax, rax !", false},
		{"inc rax, rax !\nadd rax, rax, rbx !", true},
		{"adc rax, rax, rbx !", false},
		{"ld rcx, [rdx]\ncmp rax, rbx !", false},
		{"shl rax, rax, rcx !", false},
		{"mov rax, rbx", false},
		{"rmw.add [rax], rcx !", false},
	} {
		b, err := Parse(wrap(c.in))
		if err != nil {
			t.Fatal(err)
		}
		Optimise(b, nil)
		if b.KillsFlags != c.want {
			t.Errorf("%q: KillsFlags is %v", c.in, b.KillsFlags)
		}
	}
}

func TestDump(t *testing.T) {
	b, err := Parse(wrap("mov t0, 0x1\nadd rax, rax, t0 !"))
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	Optimise(b, &Options{Dump: func(p string, b *Block) { seen = append(seen, p) }, Skip: map[string]bool{"values": true}})
	if d := cmp.Diff([]string{"input", "flags", "dead"}, seen); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"flags", "values", "dead"}, Passes()); d != "" {
		t.Error(d)
	}
}

func TestOptimiseDoesNotAllocate(t *testing.T) {
	b, err := Parse(wrap("mov t0, 0x1\nadd rax, rax, t0 !\nadd t1, rbx, 0x8\nld rcx, [t1]"))
	if err != nil {
		t.Fatal(err)
	}
	c := *b
	c.Ops = make([]Op, len(b.Ops))
	if n := testing.AllocsPerRun(100, func() {
		c.Ops = c.Ops[:len(b.Ops)]
		copy(c.Ops, b.Ops)
		Optimise(&c, nil)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestVerify(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "block is empty"},
		{"jmp 0x1", "does not begin with an instruction"},
		{"--- 0x1 +1\nmov rax, rbx", "does not end the block"},
		{"--- 0x1 +1\njmp 0x1\njmp 0x2", "ends the block before its last op"},
		{"--- 0x1 +1\nsys 0 end\njmp 0x2", "ends the block before its last op"},
		{"--- 0x1 +1\nmov rax, t0\njmp 0x1", "t0 is used before it is assigned"},
		{"--- 0x1 +1\nmov t0, rax\nmov t0, rax\njmp 0x1", "t0 is assigned twice"},
		{"--- 0x1 +1\nmov.32 ah, rax\njmp 0x1", "destination: ah in 32 bits"},
		{"--- 0x1 +1\nzext.32.16 rax, ah\njmp 0x1", "ah in 16 bits"},
		{"--- 0x1 +1\nld rax, [ah]\njmp 0x1", "address: ah in 64 bits"},
		{"--- 0x1 +1\nbswap.8 rax, rax\njmp 0x1", "no 8-bit form"},
		{"--- 0x1 +1\nzext.8.16 rax, rax\njmp 0x1", "wider than the destination"},
		{"--- 0x1 +1\ncmov.e t0, rax\njmp 0x1", "must be a guest register"},
		{"--- 0x1 +1\nadd rax, rax, rbx lock\njmp 0x1", "cannot be locked"},
		{"--- 0x1 +1\nadd rax, 0x5, rbx\njmp 0x1", "first operand cannot be an immediate"},
		{"--- 0x1 +1\nnot rax, rax !\njmp 0x1", "sets no flags"},
		{"--- 0x1 +1\ninc rax, rax !C\njmp 0x1", "does not write C"},
		{"--- 0x1 +1\ninc rax, rax !Z?Z\njmp 0x1", "both out and observed"},
		{"--- 0x1 +1\nrmw.lea [rax], rbx\njmp 0x1", "lea is no operation on memory"},
		{"--- 0x1 +1\nrmw.add [rax]\njmp 0x1", "wrong number of operands"},
		{"--- 0x1 +1\nrmw.not [rax], rbx\njmp 0x1", "wrong number of operands"},
		{"--- 0x1 +1\nrmw.sub [rax], rbx -> rcx\njmp 0x1", "only add and mov"},
		{"--- 0x1 +1\nst [rax], rbx\nst [rcx], rbx\njmp 0x1", "may fault after its instruction has changed guest state"},
		{"--- 0x1 +1\nadd rax, rax, rbx\nld rcx, [rdx]\njmp 0x1", "may fault after"},
		{"--- 0x1 +1\nfpu.d7.c0\njmp 0x1", "no x87 instruction"},
		{"--- 0x1 +1\nfpu.d9.00 [rax] b4\njmp 0x1", "memory operand without size or use"},
		{"--- 0x1 +1\nvec.66.4.6f xmm0, xmm1\njmp 0x1", "map 4"},
		{"--- 0x1 +0\njmp 0x1", "instruction of 0 bytes"},
	} {
		b, err := Parse(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if err := Verify(b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.text, err, c.want)
		}
	}
	b, _ := Parse("--- 0x1 +1\nld t0, [rax]\nadd t1, t0, rbx\nst [rcx], t1\nadd rax, rax, 0x8 !\njmp 0x1")
	if err := Verify(b); err != nil {
		t.Error(err)
	}
	b.NInsns = 2
	if err := Verify(b); err == nil {
		t.Error("wrong NInsns passes")
	}
}

// Every opcode has a row in the table, under a name of its own.
func TestTableIsComplete(t *testing.T) {
	seen := map[string]Opcode{}
	for c := Nop; c < NumOpcodes; c++ {
		n := c.String()
		if n == "" {
			t.Errorf("opcode %d has no row", c)
		}
		if d, ok := seen[n]; ok {
			t.Errorf("opcodes %d and %d are both %s", c, d, n)
		}
		seen[n] = c
		if i := &infos[c]; i.writes != 0 && i.trait&setsF == 0 || i.trait&mayWrite != 0 && i.writes == 0 {
			t.Errorf("%s: flags without setsF, or mayWrite without flags", n)
		}
	}
}

func TestInsnAt(t *testing.T) {
	b, err := Parse("--- 0x10 +2\nmov rax, rbx\n--- 0x12 +1\nmov rax, rcx\n--- 0x13 +1\njmp 0x1")
	if err != nil {
		t.Fatal(err)
	}
	for rip, want := range map[uint64]int{0x10: 0, 0x12: 1, 0x13: 2, 0x99: 3} {
		if got := b.InsnAt(rip); got != want {
			t.Errorf("InsnAt(%#x) = %d, want %d", rip, got, want)
		}
	}
}

func TestConditions(t *testing.T) {
	// Each condition spelt out on EFLAGS (SDM vol. 1 appendix B).
	for f := uint32(0); f < 1<<12; f++ {
		if f&^EFlagsArith != 0 {
			continue
		}
		c, p, z, s, o := f&1 != 0, f&4 != 0, f&0x40 != 0, f&0x80 != 0, f&0x800 != 0
		want := [16]bool{o, !o, c, !c, z, !z, c || z, !c && !z, s, !s, p, !p, s != o, s == o, z || s != o, !z && s == o}
		cc := EFlagsToCC(f)
		if back := CCToEFlags(cc); back != f|2 {
			t.Fatalf("EFLAGS %#x came back as %#x", f, back)
		}
		for n := CondO; n <= CondG; n++ {
			if n.Holds(cc) != want[n] {
				t.Errorf("%s on %#x: %v", n, f, !want[n])
			}
			if n.Holds(cc^(FlagsAll&^n.Reads()).CC()) != want[n] {
				t.Errorf("%s depends on more than %s", n, n.Reads())
			}
		}
	}
}

func BenchmarkOptimise(b *testing.B) {
	p, err := Parse(wrap("ldz.32.8 rcx, [rbx + rsi*1]\n--- 0x1001 +1\nadd rax, rax, rcx !\n--- 0x1002 +1\nadd t0, rbx, 0x8\n" +
		"shl.32 rdx, rdx, 0x5 !\n--- 0x1003 +1\nst [t0 + rsi*8], rax\n--- 0x1004 +1\nand.32 rsi, rsi, 0xff !"))
	if err != nil {
		b.Fatal(err)
	}
	c := *p
	c.Ops = make([]Op, len(p.Ops))
	for b.Loop() {
		c.Ops = c.Ops[:len(p.Ops)]
		copy(c.Ops, p.Ops)
		Optimise(&c, nil)
	}
}
