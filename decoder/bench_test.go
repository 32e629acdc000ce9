package decoder

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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

// BenchmarkBuild measures what the table costs at program start.
func BenchmarkBuild(b *testing.B) {
	for b.Loop() {
		cells, groups, order, forms = [len(cells)]cell{}, nil, nil, nil
		build()
		fastTables = [3]fastTable{}
		buildFast()
	}
}

// TestNoAllocs: Decode is on the way of every new block.
func TestNoAllocs(t *testing.T) {
	var in Inst
	codes := [][]byte{{0x48, 0x8B, 0x44, 0x24, 0x10}, {0xC4, 0xE2, 0xFD, 0x90, 0x04, 0x11}, {0x62, 0xF1, 0x7C, 0x48, 0x58, 0x40, 1}, {0x0F, 0x0A}}
	if n := testing.AllocsPerRun(100, func() {
		for _, c := range codes {
			_ = Decode(c, Mode64, &in)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
