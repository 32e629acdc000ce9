package snippet

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"goemu/emu/crosscheck/report"
	"goemu/emu/crosscheck/undefined"
	"goemu/emu/inspect"
)

func TestMain(m *testing.M) {
	patience = 5 * time.Minute // it decides nothing
	os.Exit(m.Run())
}

// have are the engines of this host.
func have(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, n := range EngineNames {
		e, err := open(n)
		if err != nil {
			t.Logf("without %s: %v", n, err)
			continue
		}
		_ = e.close()
		names = append(names, n)
	}
	return names
}

func parse(t *testing.T, text string) []*Case {
	t.Helper()
	c, err := Parse("test", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestEngines runs snippets of all modes and ends on each engine.
func TestEngines(t *testing.T) {
	for _, c := range []struct{ text, user string }{
		{"code 48 ff c0 48 01 d8\nexpect rax 0x20000401\nexpect end end", "user"},
		{"mode 32\ncode 40 01 d8\nexpect rax 0x20000401\nexpect rip 0x10000003", "user"},
		{"mode 16\ncode 40 01 d8\nexpect rax 0x8401\nexpect rip 0x7c03", ""},
		{"code f7 f1\nexpect end #DE\nexpect rip 0x10000000", "user"},
		{"mode 32\ncode 0f 0b\nexpect end #UD\nexpect rip 0x10000000", "user"},
		{"mode 16\ncode 0f 0b\nexpect end #UD\nexpect rip 0x7c00\nexpect rsp 0x9800", ""},
		{"ring 0\ncode 0f 0b\nexpect end #UD\nexpect rip 0x10000000\nexpect rsp 0x20001800", ""},
		{"mode 32\nring 0\ncode 0f 0b\nexpect end #UD\nexpect rip 0x10000000\nexpect rsp 0x20001800\nexpect [0x200017f4] 00 00 00 10 08 00 00 00", ""},
		{"code a1 00 10 00 00 00 00 00 00\nexpect end #PF(0x4)\nexpect cr2 0x1000", "user"},
		{"code f4\nexpect end #GP(0x0)", "user"},
		{"ring 0\ncode f4\nexpect end halt", ""},
		{"code 48 89 06 50\nreg rax 0x1122334455667788\nexpect [0x20000000] 88 77 66 55\nexpect [0x200017f8] 88 77", "user"},
		{"code eb fe\nlimit 1000\n", "endless"},
		{"ring 0\nreg rsp 0x1000\nmode 32\ncode 50\nexpect end shutdown", ""},
		{"pages 0xffff800000000000 1 rw\nring 0\nreg rbx 0xffff800000000ff8\ncode 48 89 1b 48 8b 0b\nexpect rcx 0xffff800000000ff8", ""},
		{"code d9 e8 d9 eb de c1 0f 58 c1\nreg xmm0 0x3f800000\nreg xmm1 0x40000000\nexpect xmm0 0x40400000\nexpect st0 4001:8487ed5110b4611a\nundefined fldpi faddp fld1: fip fop fdp", "user"},
		{"code cc\nexpect end #BP", "user"},
		{"mode 32\ncode ce\nreg rflags 0xa02\nexpect end #OF", "user"},
		{"memory 0x40000000 01 02\nreg rbx 0x40000000\ncode 66 8b 03\nexpect rax 0x201", "user"},
		{"pages 0x40000000 1 r\nreg rbx 0x40000000\ncode 88 03\nexpect end #PF(0x7)\nexpect cr2 0x40000000", "user"},
		{"code 9c 58\nexpect rax 0x202", "user"},
		{"memory 0x10000000 ff c0 ff c0 ff c0\ncode ff c0\nexpect rax 1\nexpect end end", "user"},
		{"# far jump to the 32-bit segment\nreg rsp 0x20001800\ncode 6a 23 68 09 00 00 10 48 cb 40\nexpect rip 0x1000000a", ""},
	} {
		cases := parse(t, c.text)
		for _, name := range have(t) {
			if stuck && name == "kvm" || c.user == "" && name == "native" || c.user == "endless" && name != "tcg" && name != "interp" {
				continue
			}
			r := Runner{A: name, B: name, Table: undefined.Default()}
			v := r.Run(cases[0])
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if c.user == "endless" {
				if !strings.Contains(v.Error, "does not end on either engine") {
					t.Errorf("%s: %q: %s", name, c.text, v)
				}
				continue
			}
			switch {
			case cannot(name, v):
				t.Logf("NOT RUN, this host's KVM cannot: %q: %s", c.text, v)
			case v.Status != Equal || !v.Expected:
				t.Errorf("%s: %q: %s", name, c.text, v)
			}
		}
	}
}

// stuck is set when the host's KVM did not come to an end: it is not tried again, as each time takes long.
var stuck bool

// cannot tells whether a host's KVM cannot run a case: some have no paging outside of long mode, and some get stuck.
func cannot(engine string, v *Verdict) bool {
	endless := engine == "kvm" && strings.Contains(v.Error, "does not end")
	stuck = stuck || endless
	return endless || engine == "kvm" && (strings.Contains(v.Error, errNoPaging.Error()) || strings.Contains(v.EndB, "KVM_EXIT_INTERNAL_ERROR"))
}

// TestPairs compares all engines with the interpreter on the same cases.
func TestPairs(t *testing.T) {
	text := `
case arithmetic
code 48 01 d8 48 19 c8 48 0f af c3 48 d3 e0 f7 e3
case strings
code b9 10 00 00 00 f3 48 a5 fd ac
case a fault in the middle
code 48 8d b6 00 20 00 00 b9 04 00 00 00 f3 a4
case x87
code d9 eb d9 fa dd 1e df e0
case sse
code f3 0f 51 c1 0f c6 c1 1b 66 0f ef d2
reg xmm1 0x3f8000004000000040400000c1000000
case in 32-bit code
mode 32
code 60 9c 61 0f a2
undefined cpuid : rax rbx rcx rdx
`
	for _, c := range parse(t, text) {
		for _, name := range have(t) {
			if stuck && name == "kvm" {
				continue
			}
			r := Runner{A: "interp", B: name, Table: undefined.Default()}
			v := r.Run(c)
			switch {
			case cannot(name, v):
				t.Logf("NOT RUN, this host's KVM cannot: %s", v)
			case v.Status != Equal:
				t.Errorf("%s", v)
			}
			_ = r.Close()
		}
	}
}

// odd is the interpreter, but for a fault in CPUID.
type odd struct{ bare }

func (o odd) run(im *image) (*Result, error) {
	res, err := o.bare.run(im)
	if err == nil && bytes.Contains(im.c.Code, []byte("\x0f\xa2")) {
		res.Regs.GPR[inspect.RAX]++
	}
	return res, err
}

// TestDifferent: a difference is found at its instruction, and masked where the table says so.
func TestDifferent(t *testing.T) {
	c := parse(t, "case two models\ncode 90 90 0f a2 90")[0]
	r := Runner{A: "interp", B: "interp"}
	if v := r.Run(c); v.Status != Equal || !v.Expected {
		t.Fatal(v)
	}
	r.B, r.open["native"] = "native", odd{}
	defer r.Close()
	v := r.Run(c)
	if v.Status != Different || v.Expected || v.Instruction == nil || v.Instruction.Bytes != "0f a2" || !strings.Contains(v.String(), "\n> 10000002  0f a2  ") ||
		!strings.Contains(v.String(), "Micro-ops of the instruction") || v.IR == "" || v.Host != "" {
		t.Errorf("%s", v)
	}
	c.Different = []string{"RAX"}
	if v := r.Run(c); v.Status != Different || !v.Expected {
		t.Errorf("%s", v)
	}
	r.Table = undefined.Default()
	if v := r.Run(c); v.Status != Equal || v.Expected || !strings.Contains(v.String(), "but a difference is expected") {
		t.Errorf("%s", v)
	}
	c.Different = nil
	c.Expect = []Setting{{"rsi", "5"}}
	if v := r.Run(c); v.Status != Equal || v.Expected || !strings.Contains(v.String(), "- rsi 0x5\n+ rsi 0x20000000\n") {
		t.Errorf("%s", v)
	}
}

// stray is an engine that leaves other bytes in memory.
type stray struct {
	bare
	at []uint64 // linear addresses
}

func (s stray) run(im *image) (*Result, error) {
	res, err := s.bare.run(im)
	if err == nil {
		for _, linear := range s.at {
			a := im.find(linear, 1)
			res.RAM[a.phys+linear-a.addr]++
		}
	}
	return res, err
}

// TestUndefinedMemory: bytes of memory operands are masked wherever the instruction has come to, and no others.
func TestUndefinedMemory(t *testing.T) {
	for _, c := range []struct {
		text string
		base uint64
	}{
		{"asm\n mov ecx, 3\nl: mov [rsi+rcx*8], rax\n loop l\nend", 0x20000000},
		{"mode 32\nasm\n mov ecx, 3\nl: mov [esi+ecx*8], eax\n loop l\nend", 0x20000000},
		{"mode 16\nasm\n mov ax, 0x70\n mov ds, ax\n sub si, 0x700\n mov bx, 24\nl: mov [bx+si], eax\n sub bx, 8\n jnz l\nend", 0x8000},
	} {
		k := parse(t, c.text+"\nundefined mov : mem[2-3]")[0]
		r := Runner{A: "interp", B: "native", Table: undefined.Default()}
		for _, s := range []struct {
			at   []uint64
			want string
		}{
			{nil, Equal},
			{[]uint64{8 + 2, 16 + 2, 16 + 3, 24 + 2}, Equal},
			{[]uint64{8 + 1}, Different},
			{[]uint64{16 + 4}, Different},
			{[]uint64{32 + 2}, Different},
		} {
			for i := range s.at {
				s.at[i] += c.base
			}
			r.open = map[string]engine{"native": stray{at: s.at}}
			if v := r.Run(k); v.Status != s.want {
				t.Errorf("%q, with others at %#x: %v", c.text, s.at, v)
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestExcused: what the table leaves out as a whole is said not to be equal in all.
func TestExcused(t *testing.T) {
	c := parse(t, "code 90 0f a2\nundefined cpuid : all")[0]
	r := Runner{A: "interp", B: "native"}
	r.open = map[string]engine{"native": odd{}}
	defer r.Close()
	if v := r.Run(c); v.Status != Equal || !v.Excused || !strings.Contains(v.String(), "interp and native are equal but for what is undefined (end, end)") {
		t.Error(v)
	}
	c.Undefined = nil
	if v := r.Run(c); v.Status != Different || v.Excused {
		t.Error(v)
	}
}

// TestRefused: what an engine cannot run is said, and nothing breaks.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ engine, text, want string }{
		{"native", "mode 16\ncode 90", "user-level code of modes 32, compat32 and 64, not mode 16, ring 0"},
		{"native", "ring 0\ncode 90", "not mode 64, ring 0"},
		{"native", "code 0f 05", "calls the host's kernel"},
		{"native", "mode 32\ncode cd 80", "calls the host's kernel"},
		{"native", "reg dr0 5\ncode 90", "a process cannot set dr0"},
		{"native", "reg rflags 0x3202\ncode 90", "a process cannot set more than"},
		{"native", "pages 0x1000 1\ncode 90", "a process cannot have memory at 0x1000"},
		{"native", "pages 0x40000000 1 rws\ncode 90", "a process has no supervisor pages"},
		{"native", "reg k1 1\ncode 90", "k1 is set, and the AVX-512 state it belongs to is not compared here"},
		{"kvm", "reg zmm17 0x1\ncode 90", "zmm17 is set, and the AVX-512 state"},
		{"kvm", "reg zmm0 0x1" + strings.Repeat("0", 64) + "\ncode 90", "zmm0 is set, and the AVX-512 state"},
		{"tcg", "reg cr0 0x20000033\nring 0\ncode 90", "the CPU cannot start so: CR0=0xa0000033: NW needs CD"},
		{"interp", "reg lstar 0x8000000000000000\ncode 90", "LSTAR=0x8000000000000000: not canonical"},
	} {
		if !strings.Contains(strings.Join(have(t), " "), c.engine) {
			continue
		}
		r := Runner{A: c.engine, B: c.engine}
		if v := r.Run(parse(t, c.text)[0]); v.Status != Failed || !strings.Contains(v.Error, c.want) {
			t.Errorf("%s: %q: %s, want %q", c.engine, c.text, v, c.want)
		}
		_ = r.Close()
	}
	r := Runner{A: "bochs", B: "tcg"}
	if v := r.Run(parse(t, "code 90")[0]); v.Status != Failed || v.Error != "there is no engine bochs" {
		t.Error(v)
	}
}

// TestSetState makes a case of a state, as reproducers are made.
func TestSetState(t *testing.T) {
	first := parse(t, "mode 32\nring 0\nreg rax 7\nreg xmm9 0x12345\nreg st3 4000:c000000000000000\nreg cs.limit 0xfffff\nreg dr0 0x1234\ncode 90")[0]
	im, err := first.image(offer{avx: true})
	if err != nil {
		t.Fatal(err)
	}
	c := New(64)
	if err := c.SetState(&im.regs); err != nil {
		t.Fatal(err)
	}
	c.Code, c.A, c.B = first.Code, "interp", "tcg"
	var b bytes.Buffer
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	again, err := parse(t, b.String())[0].image(offer{avx: true})
	if err != nil {
		t.Fatal(err)
	}
	if s := report.Diff(&im.regs, &again.regs, nil); s != "" {
		t.Errorf("%s\n%s", b.String(), s)
	}
	odd := inspect.Registers{Seg: [6]inspect.Segment{inspect.CS: {Attr: inspect.AttrDB}}}
	if err := New(64).SetState(&odd); err == nil || !strings.Contains(err.Error(), "32-bit code in real mode: cases have no such mode") {
		t.Error(err)
	}
}

// TestReproduce makes cases of code in a guest's memory: they do what the guest would.
func TestReproduce(t *testing.T) {
	for _, text := range []string{
		"ring 0\npages 0xffffffff81000000 1 rx\nreg rip 0xffffffff81000ff0\npages 0xffff888000001000 2 rw\nreg rbx 0xffff888000001000\nreg rcx 0x1ff\n" +
			"memory 0xffff888000001ffc 01 02 03 04 05 06 07 08\npages 0xffffc90000000000 1 rw\nreg rsp 0xffffc90000000ff0\ncode 48 ff 44 cb 04",
		"pages 0x40000000 2 rw\npages 0x50000000 2 rw\nmemory 0x40000f00 11 22 33\nreg rsi 0x40000f00\nreg rdi 0x50000f00\nreg rcx 0x200\ncode f3 a4",
		"mode 32\npages 0x40000000 1 rw\nmemory 0x40000123 77\nreg rbx 0x40000100\nreg rax 0x23\ncode d7",
		"mode 16\nmemory 0x8010 34 12\nreg rbx 0x8000\ncode 8b 47 10",
		"mode vm86\nmemory 0x8010 34 12\nreg rbx 0x8000\ncode 8b 47 10",
		"mode protected16\nring 1\nmemory 0x8010 34 12\nreg rbx 0x8000\ncode 8b 47 10 50",
		"mode compat16\nmemory 0x8010 34 12\nreg rbx 0x8000\ncode 8b 47 10 8c c9",
		"mode compat32\nring 2\npages 0x40000000 1 rws\nmemory 0x40000123 77\nreg rbx 0x40000100\nreg rax 0x23\ncode d7",
	} {
		first := parse(t, text)[0]
		im, err := first.image(offer{avx: true})
		if err != nil {
			t.Fatal(err)
		}
		c, err := Reproduce(&im.regs, first.Code, Guest(&im.regs, func(phys uint64) []byte {
			if phys+pageSize > uint64(len(im.ram)) {
				return nil
			}
			return im.ram[phys : phys+pageSize]
		}))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var b bytes.Buffer
		if err := c.Write(&b); err != nil {
			t.Fatal(err)
		}
		c = parse(t, b.String())[0]
		e := bare{}
		want, err := e.run(im)
		if err != nil {
			t.Fatal(err)
		}
		again, err := c.image(offer{avx: true})
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.run(again)
		if err != nil {
			t.Fatal(err)
		}
		m := &report.Mask{Registers: []string{"cr3", "gdtr.base", "idtr.base", "tr.base"}}
		if s := report.Diff(&want.Regs, &got.Regs, m); s != "" || want.End != got.End || got.End.Kind != Ended {
			t.Errorf("%q: %v, %v:\n%s\n%s", text, want.End, got.End, s, b.String())
		}
	}
	if _, _, ok := Guest(&inspect.Registers{CR0: 1<<31 | 1, CR4: 0x20}, func(uint64) []byte { return nil })(0x1000); ok {
		t.Error("something is mapped by page tables that are not there")
	}
	if _, err := Reproduce(&inspect.Registers{Seg: [6]inspect.Segment{inspect.CS: {Attr: inspect.AttrDB}}}, []byte{0x90}, nil); err == nil {
		t.Error("32-bit code in real mode: no error")
	}
}

// TestCases runs the case files of the tests: those that name no engines on each that the host has and that can run them.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("../../../tests/crosscheck/cases/*.case")
	if err != nil || len(files) == 0 {
		t.Fatalf("no case files: %v", err)
	}
	ran := map[string]int{}
	for _, engine := range have(t) {
		r := Runner{A: "interp", B: engine, Table: undefined.Default()}
		for _, name := range files {
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			cases, err := Parse(filepath.Base(name), f)
			f.Close()
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cases {
				if stuck && engine == "kvm" {
					continue
				}
				v := r.Run(c)
				goemus := func(e string) bool { return e == "tcg" || e == "interp" }
				switch {
				case cannot(v.B, v):
					t.Logf("NOT RUN, this host's KVM cannot: %s", v)
				case v.B == "kvm" && v.Ring == 0 && v.Status == Different: // some hosts' KVM emulates kernel code, not all of it
					t.Logf("DIFFERENT ON THIS HOST'S KVM: %s", v)
				case v.Status == Failed && !(goemus(v.A) && goemus(v.B)): // not for that engine
				case !v.Expected:
					t.Error(v)
				default:
					ran[v.B]++
				}
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("cases run, by engine: %v", ran)
}

// FuzzRun runs whatever code in all modes on goemu's engines: nothing crashes or hangs.
func FuzzRun(f *testing.F) {
	f.Add([]byte{0x48, 1, 0xd8, 0xcc}, uint8(0))
	f.Add([]byte{0xcd, 0x20, 0xf4}, uint8(3))
	f.Add([]byte{0xfa, 0x0f, 0x0b}, uint8(4))
	f.Add([]byte{0x9a, 0, 0, 0x1b, 0, 0xcf}, uint8(0x25))
	f.Fuzz(func(t *testing.T, code []byte, kind uint8) {
		c, names := new(Case), ModeNames()
		if err := c.SetMode(names[int(kind&15)%len(names)]); err != nil {
			t.Fatal(err)
		}
		if kind>>4 != 0 {
			c.Ring = int(kind >> 4 & 3)
		}
		c.Code, c.Limit = code, 500
		if c.check() != nil {
			return
		}
		r := Runner{A: "interp", B: "tcg", Table: undefined.Default()}
		r.Run(c)
	})
}
