package snippet

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"goemu/tests/need"

	"github.com/google/go-cmp/cmp"
)

const allOfIt = `case everything there is
mode 64
ring 0
cpu max
engines tcg interp
limit 500
reg rax 0x5
reg zmm3 0x1
reg st0 3fff:8000000000000000
pages 0x40000000 2 rwx
memory 0x40000ffe 01 02 03 04
asm
    add rax, rbx ; # no comment of ours
end
code 48 01 d8
undefined add sub : cf af : tcg
expect rax 0x6
expect end #GP(0x10)
expect [0x40000000] 01 02
seen - rax 5 and #GP
case another
mode 16
ring 0
code 90
expect different rax [0x8000]
`

func TestRoundTrip(t *testing.T) {
	cases := parse(t, "# comment\n\n"+allOfIt)
	var b bytes.Buffer
	for _, c := range cases {
		if err := c.Write(&b); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(allOfIt, b.String()); d != "" {
		t.Error(d)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "f: no case in it"},
		{"case x\nmode 64", "f:1: the case has no code"},
		{"code 9", "f:1: 9: want bytes"},
		{"code 90\nmode vm86\nring 0", "f:1: mode vm86 has ring 3 only"},
		{"code 90\nmode protected16\npages 0x100000000 1", "address 0x100000000: mode protected16 has no such address"},
		{"code 90\nmode 48", "f:2: mode 48: want one of 16, 32, 64, protected16, vm86, compat16, compat32"},
		{"code 90\nmode", "f:2: want mode 16|32|64"},
		{"code 90\nring 4", "f:2: ring 4"},
		{"code 90\nmode 16\nring 3", "f:1: mode 16 is real mode"},
		{"code 90\nengines tcg bochs", "f:2: engine bochs: want one of tcg, interp, native, kvm"},
		{"code 90\nreg rbz 1", "f:2: there is no register rbz"},
		{"code 90\nreg CR3 1", "f:2: CR3: a case cannot set it"},
		{"code 90\nreg cs.base 1", ""},
		{"code 90\nmode 32\nreg rip 0xfffffffff", "address 0x100000000: mode 32 has no such address"},
		{"code 90\nreg rip 0x800000000000", "address 0x800000000000: mode 64 has no such address"},
		{"code 90\nmode 16\nreg rip 0", "code at 0x0: in real mode it lies between"},
		{"code 90\nmode 16\nreg cr0 1", "mode 16 is real mode"},
		{"code 90\nmode 16\nmemory 0xa0000 1 ", "f:3: 1: want bytes"},
		{"code 90\nmode 16\nmemory 0xa0000 11 ", "memory: address 0xa0000: there is no memory"},
		{"code 90\npages 0x10 1", "f:2: want an address of whole pages"},
		{"code 90\npages 0x1000 5000", "f:2: want an address of whole pages"},
		{"code 90\npages 0x1000 1000\npages 0x10000000 1000", "pages of memory: up to 1024"},
		{"code 90\npages 0x1000 1 z", "f:2: access z"},
		{"code 90\nlimit 0", "f:2: limit 0"},
		{"code 90\nundefined add", "f:2: want INSTRUCTION"},
		{"code 90\nundefined add : xf", "f:2: xf is no flag"},
		{"code 90\nundefined " + strings.Repeat("add ", 1<<15) + ": cf", "f:2: : a line has more than 65536 bytes"},
		{"code 90\nexpect different raxx", "f:2: there is no register raxx (did you mean rax,"},
		{"code 90\nexpect different rax [0x1000] end ymm3", ""},
		{"code 90\nexpect end #ZZ", "f:2: #ZZ: want end, halt, shutdown"},
		{"code 90\nexpect end #PF(6)", "f:2: #PF(6): want end"},
		{"code 90\nexpect end #DE(0x0)", "f:2: #DE(0x0): want end"},
		{"code 90\nexpect end vector 33", "f:2: vector 33: want end"},
		{"code 90\nexpect end vector 0x21", ""},
		{"code 90\nexpect end #GP(0x0)", ""},
		{"code 90\nexpect end halt", ""},
		{"code 90\nexpct rax 5", "f:2: \"expct\" is no keyword of case files (did you mean expect?)"},
		{"code 90\n# " + strings.Repeat("x", maxLine), "f:2: the line has more than 1048576 bytes"},
		{"code 90\ncpu z80", "z80"},
		{"code 90\nexpect rax", "f:2: want expect different"},
		{"code 90\nexpect [x] 5", "f:2: 5: want bytes"},
		{"code 90\nexpect rax 1\nexpect different rax", "not together with expect different"},
		{"code 90\nfoo", "f:2: \"foo\" is no keyword"},
		{"asm\nnop", "f:1: asm without end"},
		{"code " + strings.Repeat("90", 20000), "20000 bytes of code"},
		{"code 90\npages 0x1ff00000 1\npages 0x3ff00000 1\npages 0x5ff00000 1\npages 0x7ff04000 1", "no place for descriptor tables"},
	} {
		_, err := Parse("f", strings.NewReader(c.text))
		if c.want == "" && err == nil {
			continue
		}
		if err == nil || c.want == "" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, data string
		f          Format
		want       string
	}{
		{"a", "48 01 d8 # add\n\n90\n", Auto, "[a:1 4801d8][a:3 90]"},
		{"a.asm", "add\n", Auto, "[a.asm:1 asm add]"},
		{"a", "add eax, 1\n---\n nop\n", Auto, "[a:1 asm add eax, 1][a:3 asm nop]"},
		{"-", "\x00\x01", Auto, "[-:1 0001]"},
		{"-", "9090", Binary, "[-:1 39303930]"},
		{"-", "9", Hex, "-:1: 9: want bytes, two hexadecimal digits each"},
		{"-", "\n", Auto, "-: no snippet in it"},
		{"-", "90", "elf", "format elf: want one of auto, hex, bin, asm"},
		{"-", "48 f7 f\n", Auto, "-:1: f: want bytes, two hexadecimal digits each"},
		{"-", "90\n0x48, 0xf7", Auto, "-:2: 0x48,: want bytes, two hexadecimal digits each"},
		{"-", `\x48\xf7`, Auto, `-:1: \x48\xf7: want bytes, two hexadecimal digits each`},
		{"-", "90\nnop", Auto, "[-:1 asm 90\nnop]"},
		{"-", strings.Repeat("\x90", maxCode+1), Auto, "-:1: 16385 bytes of code: up to 16384 are allowed"},
	} {
		cases, err := Read(c.name, []byte(c.data), c.f, "32", nil)
		got := ""
		for _, c := range cases {
			got += "[" + c.Where + " "
			if c.Asm != "" {
				got += "asm " + strings.TrimSpace(c.Asm)
			}
			got += fmt.Sprintf("%x]", c.Code)
		}
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%.20q: %s, want %s", c.data, got, c.want)
		}
	}
}

func TestNasm(t *testing.T) {
	c := New(64)
	c.Where, c.Asm = "x:1", "mov eax, 5\nadd rax, [rel data]\nint3\ndata: dq 7\n"
	c.Expect = []Setting{{"rax", "12"}}
	r := Runner{A: "interp", B: "interp"}
	need.Program(t, "nasm", "nasm")
	if v := r.Run(c); v.Status != Equal || len(v.Unexpected) > 0 {
		t.Error(v)
	}
	c.Asm = "nop\nfoo rax\n"
	if _, err := assemble(c); err == nil || !strings.HasPrefix(err.Error(), "nasm: line 2 of the snippet:") {
		t.Error(err)
	}
	c.Asm = "nopp\n"
	if _, err := assemble(c); err == nil || !strings.Contains(err.Error(), "line 1 of the snippet:") {
		t.Error(err)
	}
	t.Setenv("PATH", t.TempDir())
	if v := r.Run(c); v.Status != Failed || !strings.Contains(v.Error, "assembler text needs nasm, which is not installed") {
		t.Error(v)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(allOfIt)
	f.Add("code 90\nmode 32\nreg rip 0xffffffff")
	f.Add("mode vm86\nreg ds 0x1000\ncode 90\ncase\nring 2\nmode compat16\ncode 90\ncase\nmode protected16\nring 1\ncode 90")
	f.Fuzz(func(t *testing.T, text string) {
		cases, err := Parse("f", strings.NewReader(text))
		if err != nil {
			return
		}
		var b bytes.Buffer
		for _, c := range cases {
			_ = c.Write(&b)
		}
		again, err := Parse("f", bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatalf("%v, in:\n%s", err, b.String())
		}
		var b2 bytes.Buffer
		for _, c := range again {
			_ = c.Write(&b2)
		}
		if b.String() != b2.String() {
			t.Fatalf("written:\n%s\nthen:\n%s", b.String(), b2.String())
		}
	})
}

// FuzzRead reads snippets of all formats: nothing crashes, and what --save writes of them is read as the same.
func FuzzRead(f *testing.F) {
	f.Add("48 01 d8 # add\n\n90\n", uint8(0), uint8(0))
	f.Add("mov eax, 1\n---\nend\n nop\n", uint8(3), uint8(3))
	f.Add("\x00\x01", uint8(2), uint8(1))
	f.Fuzz(func(t *testing.T, text string, format, mode uint8) {
		cases, err := Read("f", []byte(text), Formats[int(format)%len(Formats)], ModeNames()[int(mode)%len(modes)], nil)
		if err != nil {
			return
		}
		var b bytes.Buffer
		for _, c := range cases {
			_ = c.Write(&b)
		}
		again, err := Parse("f", bytes.NewReader(b.Bytes()))
		if err != nil || len(again) != len(cases) {
			t.Fatalf("%v, %d cases, %d again:\n%s", err, len(cases), len(again), &b)
		}
		for i, c := range cases {
			if a := again[i]; !bytes.Equal(a.Code, c.Code) || a.ModeName() != c.ModeName() || a.Ring != c.Ring || (a.Asm == "") != (c.Asm == "") {
				t.Errorf("%+v, then %+v", c, a)
			}
		}
	})
}
