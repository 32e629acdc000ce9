package emu_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"goemu/emu"
	"goemu/emu/inspect"
	"goemu/tests/need"
)

// gdb opens the dump of memory: a thread for each vCPU, its registers, and memory.
func TestDumpMemoryGDB(t *testing.T) {
	gdb := need.Program(t, "gdb", "gdb")
	m, at := debugged(t, emu.Config{CPUs: 2})
	m.to(at["port"])
	r, err := m.Registers(0)
	must(t, err)
	path := filepath.Join(t.TempDir(), "core")
	f, err := os.Create(path)
	must(t, err)
	must(t, m.DumpMemory(f))
	must(t, f.Close())
	out, err := exec.Command(gdb, "-nx", "-batch", "-ex", "set architecture i386", "-ex", "core-file "+path, "-ex", "thread 1", "-ex", "p/x $eip", "-ex", "p/x $esi", "-ex", "p/x $cs",
		"-ex", "x/1i $eip", "-ex", "info threads").CombinedOutput()
	must(t, err)
	for _, want := range []string{fmt.Sprintf("= %#x\n", r.RIP), fmt.Sprintf("= %#x\n", r.GPR[inspect.RSI]), "= 0x10\n", "out    %al,$0xe9", "LWP 2"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
