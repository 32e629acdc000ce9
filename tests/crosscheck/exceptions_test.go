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

// Exceptions are the same on all engines, on KVM too: what is pushed, error codes and all, and what devices have been asked before. So is what processors do in their
// own way, as it is not compared.
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
	for name, from := range map[string]string{"exceptions16": "0x7c00", "exceptions32": "0x7c00", "user64": "0x100020"} {
		img := filepath.Join(t.TempDir(), name)
		if out, err := exec.Command("nasm", "-f", "bin", "-o", img, name+".asm").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, engine := range engines {
			args := []string{"crosscheck", "--a", engine, "--b", "interp", "--every", "insn", "--from", "rip=" + from, "--case", filepath.Join(t.TempDir(), "case"), "-no-reboot"}
			if name == "user64" {
				args = append(args, "-kernel", img)
			} else {
				args = append(args, "-drive", "format=raw,file="+img)
			}
			out, err := exec.Command(guest.Goemu(t), args...).CombinedOutput()
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
