package decoder

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// textOf gives the code of a real program: the go command, else this test itself.
func textOf(tb testing.TB) []byte {
	tb.Helper()
	path, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	if out, err := exec.Command("go", "env", "GOROOT").Output(); err == nil {
		if p := filepath.Join(strings.TrimSpace(string(out)), "bin", "go"); fileExists(p) {
			path = p
		}
	}
	f, err := elf.Open(path)
	if err != nil {
		tb.Skipf("no ELF host binary: %v", err)
	}
	defer f.Close()
	data, err := f.Section(".text").Data()
	if err != nil || f.Machine != elf.EM_X86_64 {
		tb.Skip("no amd64 code on this host")
	}
	return data
}

func fileExists(p string) bool {
	_, err := os.Stat(p)
	return err == nil
}

// The figures of a quiet machine: go test -run '^$' -bench 'Decode|Insn' -count 5 ./decoder

// BenchmarkDecode decodes a real program from end to end.
func BenchmarkDecode(b *testing.B) {
	text := textOf(b)
	insns := 0
	b.ReportAllocs()
	for b.Loop() {
		for pos := 0; pos+MaxLen <= len(text); {
			var in Inst
			if Decode(text[pos:], Mode64, &in) != nil {
				pos++
				continue
			}
			insns++
			pos += int(in.Len)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(insns), "ns/insn")
}

// common is what most code is made of.
var common = [][]byte{
	{0x89, 0xC3}, {0x48, 0x89, 0xD8}, {0x8B, 0x07}, {0x48, 0x8B, 0x47, 0x18}, {0x48, 0x8B, 0x44, 0x24, 0x10}, {0x4C, 0x89, 0x6D, 0xD8}, // MOV
	{0x48, 0x8B, 0x05, 1, 2, 3, 4}, {0xB8, 1, 0, 0, 0}, {0xC7, 0x45, 0xFC, 1, 0, 0, 0}, {0x65, 0x48, 0x8B, 0x04, 0x25, 0x28, 0, 0, 0}, {0x66, 0x89, 0x07},
	{0x48, 0x8D, 0x44, 0x8E, 0x20}, {0x48, 0x8D, 0x3D, 1, 2, 3, 4}, // LEA
	{0x01, 0xD8}, {0x48, 0x83, 0xC4, 0x18}, {0x48, 0x81, 0xEC, 0, 1, 0, 0}, {0x83, 0xE0, 0x0F}, {0x31, 0xC0}, {0x48, 0xC1, 0xE0, 4},
	{0x39, 0xD8}, {0x48, 0x3B, 0x47, 8}, {0x80, 0x3F, 0}, {0x3D, 0, 1, 0, 0}, {0x85, 0xC0}, {0x4D, 0x85, 0xE4}, {0xF6, 0x47, 0x10, 1}, // CMP, TEST
	{0x74, 0x10}, {0x0F, 0x84, 1, 2, 0, 0}, {0xEB, 0xF0}, {0xE8, 1, 2, 3, 4}, {0xFF, 0xD0}, {0xC3}, // jumps and calls
	{0x55}, {0x41, 0x57}, {0x5B}, {0x41, 0x5C}, // PUSH, POP
	{0x0F, 0xB6, 0xC0}, {0x44, 0x0F, 0xB6, 0x07}, {0x0F, 0xB7, 0x57, 2}, {0x48, 0x63, 0xD0}, // MOVZX, MOVSXD
	{0x0F, 0x10, 0x07}, {0x0F, 0x11, 0x44, 0x24, 0x20}, {0xF3, 0x0F, 0x6F, 0x06}, {0xF2, 0x0F, 0x10, 0x45, 8}, {0x66, 0x0F, 0xEF, 0xC0}, {0x0F, 0x28, 0xC8}, // SSE
}

// BenchmarkInsn decodes single instructions again and again: what most code is made of, and every row by encoding, with a register and with
// memory. It gives the median over the instructions and the nanoseconds that nine in ten do not exceed.
func BenchmarkInsn(b *testing.B) {
	groups := map[string][][]byte{"common": common}
	type form struct {
		row uint16
		mem bool
	}
	seen := map[form]bool{}
	for _, c := range sampleCodes() {
		var in Inst
		if Decode(c, Mode64, &in) != nil || seen[form{in.Row, in.HasModRM && in.ModRM < 0xC0}] {
			continue
		}
		seen[form{in.Row, in.HasModRM && in.ModRM < 0xC0}] = true
		name := "legacy"
		switch {
		case in.Prefix&PrefixVex != 0:
			name = "VEX"
		case in.Prefix&PrefixEvex != 0:
			name = "EVEX"
		}
		groups[name] = append(groups[name], c)
	}
	for _, name := range []string{"common", "legacy", "VEX", "EVEX"} {
		b.Run(name, func(b *testing.B) {
			const repeat = 500
			best := make([]time.Duration, len(groups[name]))
			for b.Loop() {
				for i, c := range groups[name] {
					var code [2 * fastLen]byte
					var in Inst
					copy(code[:], c)
					start := time.Now()
					for range repeat {
						_ = Decode(code[:], Mode64, &in)
					}
					if d := time.Since(start); best[i] == 0 || d < best[i] {
						best[i] = d
					}
				}
			}
			slices.Sort(best)
			b.ReportMetric(float64(best[len(best)/2].Nanoseconds())/repeat, "median-ns/insn")
			b.ReportMetric(float64(best[len(best)*9/10].Nanoseconds())/repeat, "p90-ns/insn")
		})
	}
}

// BenchmarkBuild measures what the tables cost: at program start, and at the first VEX or EVEX instruction.
func BenchmarkBuild(b *testing.B) {
	b.Run("start", func(b *testing.B) {
		for b.Loop() {
			cells, groups, order, forms = [len(cells)]cell{}, nil, nil, nil
			build()
			fastTables = [3]fastTable{}
			buildFast()
		}
	})
	b.Run("VEX", func(b *testing.B) {
		for b.Loop() {
			buildVEX()
		}
	})
}

// TestNoAllocs: Decode is on the way of every new block.
func TestNoAllocs(t *testing.T) {
	var in Inst
	codes := [][]byte{{0x48, 0x8B, 0x44, 0x24, 0x10}, {0xC4, 0xE2, 0xFD, 0x90, 0x04, 0x11}, {0x62, 0xF1, 0x7C, 0x48, 0x58, 0x40, 1}, {0x0F, 0x0A}}
	if n := testing.AllocsPerRun(100, func() {
		for _, c := range codes {
			var long [fastLen]byte
			copy(long[:], c)
			_ = Decode(c, Mode64, &in)
			_ = Decode(long[:], Mode64, &in)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
