package crosscheck

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"goemu/emu/kvm"
	"goemu/tests/guest"
	"goemu/tests/need"
)

// Exceptions are the same on all engines, on KVM too: what is pushed, error codes and all, and what devices have been asked before.
func TestExceptions(t *testing.T) {
	needTCG(t)
	need.Program(t, "nasm", "nasm")
	engines := []string{"tcg"}
	if h, err := kvm.Open(); err == nil {
		_ = h.Close()
		engines = append(engines, "kvm")
	} else {
		t.Log("NOT RUN on KVM: ", err)
	}
	for _, name := range []string{"exceptions16", "exceptions32"} {
		img := filepath.Join(t.TempDir(), name)
		if out, err := exec.Command("nasm", "-f", "bin", "-o", img, name+".asm").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, engine := range engines {
			out, err := exec.Command(guest.Goemu(t), "crosscheck", "--a", engine, "--b", "interp", "--every", "insn", "--from", "rip=0x7c00",
				"--case", filepath.Join(t.TempDir(), "case"), "-drive", "format=raw,file="+img).CombinedOutput()
			switch {
			case err == nil && strings.Contains(string(out), "do the same"):
				t.Logf("%s on %s: %s", name, engine, out)
			case engine == "kvm" && strings.Contains(string(out), "cannot go on in KVM"):
				t.Logf("THIS HOST'S KVM CANNOT: %s: %s", name, out)
			default:
				t.Errorf("%s on %s: %v\n%s", name, engine, err, out)
			}
		}
	}
}
