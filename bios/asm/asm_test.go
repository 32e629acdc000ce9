package asm

import (
	"bytes"
	"fmt"
	"goemu/tests/need"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

// nasm assembles with the real thing.
func nasm(t *testing.T, text string) []byte {
	t.Helper()
	tool := need.Program(t, "nasm", "nasm")
	dir := t.TempDir()
	src, out := filepath.Join(dir, "a.asm"), filepath.Join(dir, "a.bin")
	if err := os.WriteFile(src, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if msg, err := exec.Command(tool, "-f", "bin", "-w-all", "-o", out, src).CombinedOutput(); err != nil {
		t.Fatalf("nasm: %v\n%s", err, msg)
	}
	p, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// samples are texts of operands of a pattern in a mode.
func samples(p pattern, mode int, far string) []string {
	regs := map[int][]string{8: {"dl", "bh"}, 16: {"dx", "di"}, 32: {"edx", "ebp"}, 64: {"rdx", "r13"}}
	mems := map[int][]string{
		16: {"[bx+si+5]", "[0x1234]", "[es:di]", "[bp]", "[ecx+edx*4+0x1234]"},
		32: {"[ebx+ecx*4+0x1234]", "[ebp]", "[esp+8]", "[fs:0x1234]", "[edx*8+4]", "[bx+di-3]"},
		64: {"[rbx+r9*8+0x12]", "[0x1234]", "[gs:rsp]", "[r13]", "[r12-0x1000]", "[rbp*4]", "[ebx+1]"},
	}[mode]
	keyword := func(size int) (all []string) {
		for name, n := range sizes {
			if n == size {
				for _, m := range mems {
					all = append(all, name+" "+m)
				}
			}
		}
		return all
	}
	if mode == 64 {
		regs[8] = append(regs[8], "sil", "r9b")
	}
	switch p.kind {
	case patReg:
		return regs[p.size]
	case patRM:
		return append(keyword(p.size), regs[p.size]...)
	case patMem:
		if p.size == 0 {
			return mems
		}
		return keyword(p.size)
	case patMemFar:
		return []string{"far " + mems[0], "far dword " + mems[0]}
	case patXmm:
		return []string{"xmm3"}
	case patXmmMem:
		return append(keyword(p.size), "xmm5")
	case patImm:
		return map[int][]string{8: {"5", "0x85"}, 16: {"5", "0x1234", "0xfff0"}, 32: {"7", "-7", "0x12345678"}, 64: {"7", "0x12345678", "-129"}}[p.size]
	case patImmS8:
		return []string{"5", "-128", "127"}
	case patUImm32:
		return []string{"0x89abcdef"}
	case patSImm32:
		return []string{"-0x1000"}
	case patOne:
		return []string{"1"}
	case patSreg:
		return []string{"ds", "es", "gs"}
	case patCreg:
		return []string{"cr0", "cr3"}
	case patDreg:
		return []string{"dr0", "dr7"}
	case patRel8, patRel:
		return []string{far}
	case patFar:
		return []string{"0x1234:0x5678"}
	case patMoffs:
		return []string{"[0x1234]", "[fs:0x1234]"}
	case patFixed:
		return []string{p.fixed}
	}
	return nil
}

// TestEveryForm gives each form of the table in each mode, with a few operands, to NASM as well.
func TestEveryForm(t *testing.T) {
	var names []string
	for n := range forms() {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, mode := range []int{16, 32, 64} {
		var lines []string
		seen := map[string]bool{}
		for _, name := range names {
			for _, f := range forms()[name] {
				if f.no64 && mode == 64 || (f.only64 || f.size == 64) && mode != 64 {
					continue
				}
				if i := len(f.operands) - 1; f.d64 && f.operands[i].kind == patImm && f.operands[i].size != mode {
					continue // push of a number has the mode's size
				}
				combos := []string{name}
				for i, p := range f.operands {
					var next []string
					sep := map[bool]string{true: " ", false: ", "}[i == 0]
					for _, c := range combos {
						for _, s := range samples(p, mode, "$+100") {
							next = append(next, c+sep+s)
						}
					}
					combos = next
				}
				for _, c := range combos {
					if !seen[c] && (mode != 64 || !highWithREX(c)) {
						seen[c] = true
						lines = append(lines, c)
					}
				}
			}
		}
		head := fmt.Sprintf("bits %d\n", mode)
		text := head + strings.Join(lines, "\n") + "\n"
		p, err := Assemble(Source{"all", text})
		if err != nil {
			t.Fatal(err)
		}
		want := nasm(t, text)
		t.Logf("%d bits: %d instructions", mode, len(lines))
		if bytes.Equal(p.Code, want) {
			continue
		}
		bad := 0
		for _, l := range lines { // find out which
			one, err := Assemble(Source{"one", head + l})
			if err != nil {
				t.Fatal(err)
			}
			if w := nasm(t, head+l); !bytes.Equal(w, one.Code) {
				t.Errorf("%d bits: %s: % x, nasm % x", mode, l, one.Code, w)
				if bad++; bad > 10 {
					break
				}
			}
		}
	}
}

// highWithREX tells that an instruction mixes bh with what needs a REX prefix, which cannot be.
func highWithREX(s string) bool {
	if !strings.Contains(s, "bh") {
		return false
	}
	for _, r := range []string{"r9", "r13", "r12", "sil", "rdx"} {
		if strings.Contains(s, r) {
			return true
		}
	}
	return false
}

// TestLanguage compares the rest of the language with NASM.
func TestLanguage(t *testing.T) {
	for name, text := range map[string]string{
		"data":              "db 1, 'abc', \"it's\", 0xff, -1\ndw 'ab', 1, 'abc'\ndd 1, -2, 'x'\ndq 0x123456789abcdef0, 'abcdefgh'\ndw 'a'+1",
		"numbers":           "dd 10, 0x10, 0b101, 010, 1_000",
		"operators":         "dd 1+2*3, (1+2)*3, 7/2, 7 % 4, 1<<4|1, 0xff&~3, 6^3, -5+2, 2-3-4, -(2), 0xf0>>4, ~0 & 0xff",
		"org and labels":    "org 0x7c00\na: dw a, b, $, $$, b-a\nb: dw .x\n.x: db 1\nc: db 2\n.x: dw .x, b.x",
		"equ":               "five equ 5\nbits 32\nmov eax, five\nadd eax, five\nx: mov eax, y\ny equ $-x\nadd ecx, y",
		"times":             "times 3 db 1, 2\ntimes 2 nop\ntimes 16-($-$$) db 0xff",
		"align":             "db 1\nalign 4\ndb 2\nalign 8, db 0\ndb 3",
		"short jumps":       "a: jmp b\ntimes 127 nop\nb: jmp a\njz b\njmp short b\njmp near b",
		"long jumps":        "bits 32\na: jmp b\ntimes 128 nop\nb: jmp a\njz a\ncall a\nloop b",
		"jumps that spread": "bits 64\na: jz c\njz c\ntimes 122 nop\nb: jz a\nc: jnz a\njmp a",
		"labels are words":  "org 0x10\nbits 64\na: mov rax, a\nmov eax, a\nadd rax, a\nmov rax, [a]\nmov rax, [rbx+a]\nadd rax, b-a\nmov rcx, [rbx+b-a]\npush a\nb:",
		"16-bit labels":     "org 0x10\na: mov ax, a\nmov ax, [a]\nmov [a], bx\nadd ax, a\nmov si, [bx+a]\njmp 0xf000:a\njmp dword 8:a\ncmp byte [a], 1\nlgdt [a]",
		"prefixes":          "bits 64\nrep movsb\nrepne scasb\nlock xadd [rax], ecx\nrep stosq\nlock bts dword [0x1000], 3",
		"comments":          "; nothing\n  nop ; more\nx: ; label\n\n",
		"case":              "bits 32\nMOV EAX, EBX\nmov Byte [EAX], 1\nDB 1",
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Assemble(Source{"t", text})
			if err != nil {
				t.Fatal(err)
			}
			if want := nasm(t, text); !bytes.Equal(p.Code, want) {
				t.Errorf("% x\nnasm\n% x", p.Code, want)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"frob eax":                        `f:1: instruction "frob" is not known`,
		"\n mov eax":                      "f:2: mov does not take these operands",
		"mov eax, nowhere":                `f:1: symbol "nowhere" is not defined`,
		"a:\na:":                          `f:2: symbol "a" is defined twice`,
		"mov al, 300":                     "f:1: value 0x12c does not fit 1 bytes",
		"bits 64\nmov [rax], 1":           "f:2: mov: the size of the memory operand is not given",
		"mov rax, rbx":                    "f:1: mov with these operands does not exist in 16-bit mode",
		"bits 64\npush es":                "f:2: push with these operands does not exist in 64-bit mode",
		"bits 64\nmov ah, r9b":            "f:2: mov: ah, ch, dh and bh cannot go with registers that need a REX prefix",
		"db 'abc":                         "f:1: string 'abc has no end",
		"db 1 2":                          `f:1: unexpected rest of line at "2"`,
		"mov eax,":                        "f:1: an operand is missing at the end of the line",
		"db (1":                           `f:1: ")" wanted at the end of the line`,
		"db 1/0":                          "f:1: division by zero",
		"bits 17":                         "f:1: bits is 17, must be 16, 32 or 64",
		"nop\norg 1":                      "f:2: org must stand before all code",
		"bits 64\nmov eax, [rax+rbx+rcx]": "f:2: an address has at most two registers",
		"bits 64\nmov eax, [rax+ebx]":     "f:2: base and index of an address differ in size",
		"bits 64\nmov eax, [rax*3]":       "f:2: scale 3 of rax must be 1, 2, 4 or 8",
		"bits 64\nmov eax, [rax-rbx]":     "f:2: rbx cannot be subtracted in an address",
		"bits 64\nmov eax, [ax:0]":        `f:2: "ax" is not a segment register`,
		"mov ax, [ax]":                    "f:1: not a 16-bit address",
		"a: times 200 nop\nloop a":        "f:2: branch target is -202 bytes away",
		"jmp short $+300":                 "f:1: branch target is 298 bytes away",
		"times 10000000 db 0":             "f:1: times is 10000000, must be 0 to 1048576",
		"db eax":                          "f:1: register eax where a number is wanted",
		"eax: nop":                        `f:1: "eax" is a register, not a name for a symbol`,
		"times 3":                         "f:1: times without anything to repeat",
		"db 0xyz":                         `f:1: "0xyz" is not a number`,
		"mov ax, ?":                       "f:1: unexpected character '?'",
		"123":                             `f:1: an instruction is wanted at "123"`,
	} {
		_, err := Assemble(Source{"f", text})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q:\n%v\nwant\n%s", text, err, want)
		}
	}
	// All files' parse errors are shown at once.
	_, err := Assemble(Source{"a", "frob"}, Source{"b", "nop\nfrob"})
	if err == nil || err.Error() != "a:1: instruction \"frob\" is not known\nb:2: instruction \"frob\" is not known" {
		t.Errorf("two files: %v", err)
	}
}

// FuzzAssemble checks that no text makes the assembler panic or go on for ever.
func FuzzAssemble(f *testing.F) {
	f.Add("bits 64\na: mov rax, [rbx+rcx*8+a]\ntimes 3 db 'x', a-$\n.b: jmp .b\nc equ a.b-a")
	f.Add("org 0xf0000\nbits 16\nlgdt [es:di]\nalign 8, db 0\njmp dword 8:$$")
	f.Add("times a db 0\na: times 5-a nop")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<12 || strings.Contains(strings.ToLower(text), "times") && len(text) > 100 {
			return
		}
		if p, err := Assemble(Source{"f", text}); err == nil && len(p.Code) > MaxSize+16 {
			t.Errorf("%d bytes", len(p.Code))
		}
	})
}
