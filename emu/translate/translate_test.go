package translate

import (
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goemu/tcg"
)

var update = flag.Bool("update", false, "write testdata/golden.txt anew")

// Modes of the tests: user code in flat 64- and 32-bit segments, and real mode.
var (
	mode64 = tcg.ModeCode64 | tcg.ModeFlat | tcg.ModeProt | 3<<tcg.ModeCPLShift
	mode32 = tcg.ModeCode32 | tcg.ModeStack32 | tcg.ModeFlat | tcg.ModeProt
	mode16 = tcg.ModeCode16
)

func block(t *testing.T, mode tcg.Mode, rip uint64, code []byte, max int) *tcg.Block {
	t.Helper()
	b := &tcg.Block{Key: tcg.Key{RIP: rip, Mode: mode}}
	if err := New().Translate(b, code, max); err != nil {
		t.Fatalf("% x: %v", code, err)
	}
	if err := tcg.Verify(b); err != nil {
		t.Fatalf("% x: %v\n%s", code, err, b)
	}
	return b
}

// TestGolden compares listings. Each entry of the file is
//
//	# code-size-or-mode bytes assembly
//	micro-ops
//
// followed by an empty line. The bytes were made by nasm.
func TestGolden(t *testing.T) {
	const file = "testdata/golden.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, entry := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
		head, want, _ := strings.Cut(entry, "\n")
		f := strings.SplitN(head, " ", 4)
		code, err := hex.DecodeString(f[2])
		if err != nil {
			t.Fatal(head, err)
		}
		mode, rip := mode64, uint64(0x401000)
		switch f[1] {
		case "kernel": // 64-bit, level 0, with SMAP
			mode = mode64 &^ tcg.ModeCPL
		case "32":
			mode = mode32
		case "16":
			mode, rip = mode16, 0x7c00
		}
		b := block(t, mode, rip, append(code, 0x90), 1)
		_, got, _ := strings.Cut(strings.TrimSpace(b.String()), "\n--- ") // the block line and the first marker
		_, got, _ = strings.Cut(got, "\n")
		if !*update {
			if d := cmp.Diff(strings.TrimRight(want, "\n"), got); d != "" {
				t.Errorf("%s: -want +got\n%s", head, d)
			}
		}
		out.WriteString(head + "\n" + got + "\n\n")
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.TrimSpace(out.String())+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// last is the text of the block's last op.
func last(b *tcg.Block) string { return b.Ops[len(b.Ops)-1].Code.String() }

func TestBlockEnds(t *testing.T) {
	kernel := mode64 &^ tcg.ModeCPL
	for _, c := range []struct {
		name  string
		mode  tcg.Mode
		rip   uint64
		code  string
		max   int
		insns int
		bytes int
		last  string
		next  uint64 // Imm of the last op
	}{
		{"jump", mode64, 0x1000, "90 eb 02 90", 64, 2, 3, "jmp", 0x1005},
		{"call", mode64, 0x1000, "e8 00 00 00 00 90", 64, 1, 5, "jmp", 0x1005},
		{"indirect", mode64, 0x1000, "ff e0 90", 64, 1, 2, "jmpind", 0},
		{"maximum", mode64, 0x1000, "90 90 90 90", 2, 2, 2, "jmp", 0x1002},
		{"end of page", mode64, 0x1ffe, "90 90", 64, 2, 2, "jmp", 0x2000},
		{"truncated at the end of the page", mode64, 0x1ffc, "90 48 89 84", 64, 1, 1, "jmp", 0x1ffd},
		{"first instruction crosses", mode64, 0x1fff, "48 89 c0 90 90", 64, 1, 3, "jmp", 0x2002},
		{"second page is not entered", mode64, 0x1ffe, "90 48 89 c0 90", 64, 1, 1, "jmp", 0x1fff},
		{"trap flag", mode64 | tcg.ModeTF, 0x1000, "90 90", 64, 1, 1, "exit", 0x1001},
		{"trap flag at a jump", mode64 | tcg.ModeTF, 0x1000, "eb 10", 64, 1, 2, "exit", 0x1012},
		{"system instruction that ends", mode64, 0x1000, "90 f4 90", 64, 2, 2, "sys", 0},
		{"system instruction that does not", mode64, 0x1000, "0f a2 90 eb 00", 64, 3, 5, "jmp", 0x1005},
		{"STI has a shadow", kernel, 0x1000, "fb 90 90 90", 64, 2, 2, "exit", 0x1002},
		{"STI, then a jump", kernel, 0x1000, "fb eb 05", 64, 2, 3, "exit", 0x1008},
		{"STI, then HLT", kernel, 0x1000, "fb f4", 64, 2, 2, "sys", 0},
		{"STI at the end of the page, not first", kernel, 0x1ffe, "90 fb", 64, 1, 1, "jmp", 0x1fff},
		{"STI at the end of the page", kernel, 0x1fff, "fb", 64, 1, 1, "sys", 0},
		{"STI before a truncated instruction", kernel, 0x1ffd, "90 fb e9", 64, 1, 1, "jmp", 0x1ffe},
		{"STI as the last one allowed", kernel, 0x1000, "fb 90", 1, 1, 1, "sys", 0},
		{"STI by a user", mode64, 0x1000, "fb 90", 64, 1, 1, "sys", 0},
		{"CLI by the kernel", kernel, 0x1000, "fa eb 00", 64, 2, 3, "jmp", 0x1003},
		{"undefined after others", mode64, 0x1000, "90 06 90", 64, 2, 3, "sys", 0},
		{"32-bit EIP wraps", mode32, 0xffffffff, "90", 64, 1, 1, "jmp", 0},
		{"16-bit branch wraps at 64 KiB", mode16, 0xfff0, "eb 7f", 64, 1, 2, "jmp", 0x71},
		{"32-bit branch of 16 bits", mode32, 0x12345670, "66 e9 00 00", 64, 1, 4, "jmp", 0x5674},
	} {
		code, err := hex.DecodeString(strings.ReplaceAll(c.code, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		b := block(t, c.mode, c.rip, code, c.max)
		if b.NInsns != c.insns || b.Bytes != c.bytes || last(b) != c.last || uint64(b.Ops[len(b.Ops)-1].Imm) != c.next {
			t.Errorf("%s: %d instructions, %d bytes, want %d, %d, %s %#x:\n%s", c.name, b.NInsns, b.Bytes, c.insns, c.bytes, c.last, c.next, b)
		}
	}
}

func TestNeedMore(t *testing.T) {
	for _, code := range []string{"", "\x48", "\x48\x89", "\xe8\x00\x00\x00"} {
		b := &tcg.Block{Key: tcg.Key{RIP: 0x2000 - uint64(len(code)), Mode: mode64}}
		if err := New().Translate(b, []byte(code), 64); !errors.Is(err, ErrNeedMore) {
			t.Errorf("% x: %v, want ErrNeedMore", code, err)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	code, _ := hex.DecodeString("01d8480345f8f048ff0b0fa2660f6fc1d9c050e800000000")
	tr, b := New(), &tcg.Block{Key: tcg.Key{RIP: 0x1000, Mode: mode64}}
	run := func() {
		if err := tr.Translate(b, code, 64); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations a block", n)
	}
}

// FuzzTranslate translates random bytes in all modes: no panics, and what comes out is well-formed.
func FuzzTranslate(f *testing.F) {
	f.Add([]byte{0x01, 0xd8, 0xc3}, uint16(mode64), uint64(0x1000))
	f.Add([]byte{0xf0, 0x0f, 0xab, 0x07}, uint16(mode16), uint64(0x7c00))
	f.Add([]byte{0x66, 0x0f, 0x73, 0xd9, 5}, uint16(mode32), uint64(0xfff0))
	f.Fuzz(func(t *testing.T, code []byte, mode uint16, rip uint64) {
		m := tcg.Mode(mode) & (tcg.ModeProt<<2 - 1)
		if m&tcg.ModeCode == 3 {
			m &^= 1
		}
		if m&tcg.ModeCode != tcg.ModeCode64 {
			rip = uint64(uint32(rip))
		}
		b := &tcg.Block{Key: tcg.Key{RIP: rip, Mode: m}}
		err := New().Translate(b, code, 64)
		switch {
		case errors.Is(err, ErrNeedMore) && len(code) < maxInsnLen:
		case err != nil:
			t.Fatalf("% x: %v", code, err)
		default:
			if err := tcg.Verify(b); err != nil {
				t.Fatalf("% x: %v\n%s", code, err, b)
			}
			if b.NInsns == 0 || b.Bytes == 0 || b.Bytes > len(code) {
				t.Fatalf("% x: %d instructions, %d bytes", code, b.NInsns, b.Bytes)
			}
		}
	})
}

func BenchmarkTranslate(b *testing.B) {
	code, _ := hex.DecodeString("01d8480345f8f048ff0b0fa2660f6fc1d9c04883ec08488b442408e800000000")
	tr, blk := New(), &tcg.Block{Key: tcg.Key{RIP: 0x1000, Mode: mode64}}
	for b.Loop() {
		if err := tr.Translate(blk, code, 64); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*blk.NInsns), "ns/insn")
}
