package undefined

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goemu/decoder"
	"goemu/emu/crosscheck/report"
)

func decode(t *testing.T, code string) *decoder.Inst {
	t.Helper()
	i := new(decoder.Inst)
	if err := decoder.Decode([]byte(code), decoder.Mode64, i); err != nil {
		t.Fatal(err)
	}
	return i
}

func TestDefault(t *testing.T) {
	table := Default()
	const arith = 0x8d5
	for _, c := range []struct {
		what, code string
		w          When
		want       *report.Mask
	}{
		{"div, goemu's engines agree", "\xf7\xf1", When{A: "tcg", B: "interp"}, nil},
		{"div", "\xf7\xf1", When{A: "tcg", B: "native"}, &report.Mask{Flags: 0xd4}},
		{"mul", "\xf7\xe1", When{A: "interp", B: "tcg"}, &report.Mask{Flags: 0xd4}},
		{"mul without generated code", "\xf7\xe1", When{A: "interp", B: "kvm"}, nil},
		{"repe cmpsb", "\xf3\xa6", When{A: "interp", B: "kvm", Fault: true}, &report.Mask{Flags: arith, All: true}},
		{"repe cmpsb, no fault", "\xf3\xa6", When{A: "interp", B: "kvm"}, nil},
		{"repe scasb", "\xf3\xae", When{A: "interp", B: "kvm", Fault: true}, &report.Mask{Flags: arith}},
		{"scasb", "\xae", When{A: "interp", B: "kvm", Fault: true}, nil},
		{"jo", "\x0f\x80\x00\x00\x00\x00", When{A: "interp", B: "native"}, nil},
		{"jo with 66", "\x66\x0f\x80\x00\x00\x00\x00", When{A: "interp", B: "native"}, &report.Mask{All: true}},
		{"jo with 66, goemu's engines", "\x66\x0f\x80\x00\x00\x00\x00", When{A: "interp", B: "tcg"}, nil},
		{"rdrand r9", "\x49\x0f\xc7\xf1", When{A: "interp", B: "native"}, &report.Mask{Flags: 1, Registers: []string{"r9"}}},
		{"fsin", "\xd9\xfe", When{A: "interp", B: "tcg"}, &report.Mask{FSW: 0x220, Rounding: true}},
		{"fsin, both the host's", "\xd9\xfe", When{A: "tcg", B: "native"}, &report.Mask{Registers: []string{"fop", "fip", "fdp"}}},
		{"add", "\x01\xc8", When{A: "native", B: "kvm", Fault: true}, nil},
		{"cpuid", "\x0f\xa2", When{A: "tcg", B: "kvm"}, nil},
		{"cpuid of a snippet", "\x0f\xa2", When{A: "tcg", B: "kvm", Snippet: true}, &report.Mask{Registers: []string{"rax", "rbx", "rcx", "rdx"}}},
		{"xsave", "\x0f\xae\x20", When{A: "tcg", B: "kvm"}, &report.Mask{Memory: []report.Span{{From: 6, To: 24}, {From: 28, To: 32}, {From: 512, To: 520}}}},
		{"fxrstor", "\x0f\xae\x08", When{A: "native", B: "tcg"}, &report.Mask{Registers: []string{"fop", "fip", "fdp"}}},
	} {
		if d := cmp.Diff(c.want, table.Mask(decode(t, c.code), c.w)); d != "" {
			t.Errorf("%s: %s", c.what, d)
		}
	}
}

// TestAdd extends the table, which leaves the built-in one alone.
func TestAdd(t *testing.T) {
	mine, err := Parse("mine", strings.NewReader("# mine\nadd sub : af xmm3 mxcsr.pe fsw.c0\n\n* : cr2 : kvm # all\nMUL : cf"))
	if err != nil {
		t.Fatal(err)
	}
	table := Default()
	table.Add(mine)
	want := &report.Mask{Flags: 0x10, Registers: []string{"zmm3"}, MXCSR: 0x20, FSW: 0x100}
	if d := cmp.Diff(want, table.Mask(decode(t, "\x01\xc8"), When{A: "tcg", B: "interp"})); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(&report.Mask{Flags: 0xd5}, table.Mask(decode(t, "\xf7\xe1"), When{A: "tcg", B: "interp"})); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(&report.Mask{Registers: []string{"cr2"}}, table.Mask(decode(t, "\x90"), When{A: "tcg", B: "kvm"})); d != "" {
		t.Error(d)
	}
	if m := Default().Mask(decode(t, "\x01\xc8"), When{A: "tcg", B: "interp"}); m != nil {
		t.Errorf("the built-in table has changed: %+v", m)
	}
	var empty Table
	empty.Add(mine)
	if empty.Mask(decode(t, "\x29\xc8"), When{}) == nil {
		t.Error("an empty table takes nothing in")
	}
}

// What depends on an exception is known before there is one.
func TestOnFault(t *testing.T) {
	table := Default()
	for _, c := range []struct {
		what, code string
		w          When
		want       bool
	}{
		{"cmpsb", "\xa6", When{A: "kvm", B: "tcg"}, true},
		{"cmpsb, goemu's engines", "\xa6", When{A: "interp", B: "tcg"}, false},
		{"repe scasb", "\xf3\xae", When{A: "interp", B: "kvm"}, true},
		{"scasb", "\xae", When{A: "interp", B: "kvm"}, false},
		{"fld1", "\xd9\xe8", When{A: "interp", B: "kvm"}, false},
		{"add", "\x01\xc8", When{A: "interp", B: "kvm"}, false},
	} {
		if got := table.OnFault(decode(t, c.code), c.w); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"add cf", "f:1: want INSTRUCTION"},
		{"\n#\nadd : xf", "f:3: xf is no flag"},
		{"add : mxcsr.c0", "mxcsr.c0 is no flag"},
		{"addx : cf", "ADDX is no instruction (did you mean ADCX, ADD,"},
		{"add : ", "no result is named"},
		{" : cf", "no instruction is named"},
		{"add : cf : amd", "condition amd: want tcg"},
		{"add : cf : kvm : x", "want INSTRUCTION"},
		{"add : mem", "mem: want bytes of the memory operand as mem[6-23], up to mem[0-4095]"},
		{"add : mem[7-6]", "mem[7-6]: want bytes"},
		{"add : mem[0-4096]", "mem[0-4096]: want bytes"},
		{"add : mem[0-65535]", "mem[0-65535]: want bytes"},
		{"add : mem[-1]", "mem[-1]: want bytes"},
		{"add : mem[1-2", "mem[1-2: want bytes"},
		{strings.Repeat("x", 1<<17), "f: a line has more than 65536 bytes"},
	} {
		if _, err := Parse("f", strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.20q: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestBeyondFlags(t *testing.T) {
	table, err := Parse("f", strings.NewReader("add : cf\nbsr bsf : zf dest\nfsin : ~st : host\nmov : rax cf\nsub : of sf\nstos : mem[0-0]"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"BSF", "BSR", "FSIN", "MOV", "STOS"}, table.BeyondFlags()); d != "" {
		t.Error(d)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Text)
	f.Add("* : dest cf ~st mem[1-2] : rep snippet")
	f.Fuzz(func(t *testing.T, s string) {
		if table, err := Parse("f", strings.NewReader(s)); err == nil {
			table.Mask(&decoder.Inst{Op: decoder.ADD}, When{A: "tcg"})
		}
	})
}
