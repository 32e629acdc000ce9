// Package crosscheck runs whole machines on the translator and the interpreter in lock step: the built-in guest and the beginning of a boot of Debian.
package crosscheck

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"goemu/tests/guest"
)

// run runs goemu crosscheck and wants both engines to do the same, for at least so many instructions.
func run(t *testing.T, insns int64, args ...string) {
	t.Helper()
	out, err := exec.Command(guest.Goemu(t), append([]string{"crosscheck"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var r struct {
		Result          string
		Insns, Compared int64
		Seconds         float64
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if r.Result != "equal" || r.Insns < insns || r.Compared < insns/16 {
		t.Errorf("%s", out)
	}
	t.Logf("%d instructions, %d comparisons, %.2f million instructions a second", r.Insns, r.Compared, float64(r.Insns)/r.Seconds/1e6)
}

func needTCG(t *testing.T) {
	t.Helper()
	if out, _ := exec.Command(guest.Goemu(t), "-accel", "help").Output(); !strings.Contains(string(out), "\ntcg\n") {
		t.Skip("NOT RUN: the translator has no back end for this host")
	}
}

// The whole tour of the built-in guest.
func TestTour(t *testing.T) {
	needTCG(t)
	for _, every := range []string{"insn", "block"} {
		t.Run(every, func(t *testing.T) {
			t.Parallel()
			run(t, 20_000_000, "--json", "--every", every)
		})
	}
}

// The first 50 million instructions of Debian, on one and on two vCPUs.
func TestDebian(t *testing.T) {
	needTCG(t)
	for _, cpus := range []string{"1", "2"} {
		t.Run(cpus, func(t *testing.T) {
			t.Parallel()
			run(t, 50_000_000, "--json", "--every", "block", "--insns", "50M", "-m", "256", "-smp", cpus,
				"-kernel", guest.File(t, "vmlinuz"), "-initrd", guest.File(t, "initrd.gz"), "-append", "console=ttyS0")
		})
	}
}
