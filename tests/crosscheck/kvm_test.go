package crosscheck

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"goemu/emu/kvm"
	"goemu/tests/guest"
)

// The built-in guest does the same on KVM, one instruction at a time, from the reset vector to long mode. A host whose KVM gives up is told of loudly.
func TestKVM(t *testing.T) {
	needTCG(t)
	h, err := kvm.Open()
	if err != nil {
		t.Skip("NOT RUN: ", err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"--every", "insn", "--insns", "20k"},
		{"--every", "insn", "--from", "insn=30k", "--insns", "32k"},
		{"--b", "interp", "--from", "insn=20M", "--insns", "20010k", "-m", "256", "-kernel", guest.File(t, "vmlinuz"), "-initrd", guest.File(t, "initrd.gz"), "-append", "console=ttyS0"},
	} {
		out, err := exec.Command(guest.Goemu(t), append([]string{"crosscheck", "--a", "kvm"}, args...)...).CombinedOutput()
		var exit *exec.ExitError
		switch {
		case err == nil && strings.Contains(string(out), "do the same"):
			t.Logf("%q: %s", args, out)
		case errors.As(err, &exit) && exit.ExitCode() == 2 && strings.Contains(string(out), "cannot go on in KVM"):
			t.Logf("THIS HOST'S KVM CANNOT: %q: %s", args, out)
		default:
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
}
