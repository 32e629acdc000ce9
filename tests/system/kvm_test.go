package system

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	kvmdev "goemu/emu/kvm"
	"goemu/emu/kvmcpu"
	"goemu/tests/guest"

	"github.com/google/go-cmp/cmp"
)

// hostKVM tells what is amiss with the host's KVM; there is false if it has none.
var hostKVM = sync.OnceValues(func() (amiss string, there bool) {
	h, err := kvmdev.Open()
	if err != nil {
		return err.Error(), false
	}
	defer h.Close()
	if p, ok := h.Weakness(); !ok {
		return p.String(), true
	}
	return "", true
})

// kernelChips are what KVM can have of interrupt controllers: what it lacks for that, and the guests that are about them, which run also where KVM emulates, which takes long.
var kernelChips = map[string]struct {
	lacks   func(*kvmdev.Host) error
	sources []string
}{
	"split": {kvmcpu.CheckSplit, []string{"interrupts32.asm", "shadows.asm", "smm.asm", "debug64.asm"}},
	"on":    {kvmcpu.CheckInKernel, []string{"interrupts32.asm", "smm.asm"}},
}

// notInKernel tells why a guest does not run on KVM's interrupt controllers, or "".
func notInKernel(chip, source string) string {
	h, err := kvmdev.Open()
	if err != nil {
		return "NO KVM HERE: " + err.Error()
	}
	defer h.Close()
	amiss, _ := hostKVM()
	c := kernelChips[chip]
	switch err := c.lacks(h); {
	case err != nil:
		return "THIS HOST'S KVM CANNOT: " + err.Error()
	case amiss != "" && !slices.Contains(c.sources, source):
		return "THIS HOST'S KVM IS NO PROCESSOR'S: " + amiss
	}
	return ""
}

// emulatedLimit is how many seconds of the processor a guest gets on a KVM that emulates, which may stand still for ever at what it cannot do. It is ten times what any
// guest needs that does not, however busy the host is.
const emulatedLimit = 5

// emulatedDeviant are lines that KVM's emulator of kernel mode gives otherwise than the manual, by the manual's.
var emulatedDeviant = map[string]string{
	// What comes while an exception is delivered is always a double fault.
	"#UD then #NP is #NP #0b 0033 +00 08":                                             "#UD then #NP is #NP #08 0000 +00 08",
	"#UD on a bad stack, #PF has a stack of its own #0e 0002 +00 08 00000000400007f8": "#UD on a bad stack, #PF has a stack of its own #08 0000 +00 08",

	// Jumps over the end of the canonical addresses that are not taken.
	"jnz across, not taken #30 0000 +08 00 00000005 5a5a":    "jnz across, not taken #06 0000 +06 00 00000005 5a5a",
	"loopne across, not taken #30 0000 +04 00 00000004 5a5a": "loopne across, not taken #06 0000 +02 00 00000004 5a5a",
	"jrcxz across, not taken #30 0000 +04 00 00000005 5a5a":  "jrcxz across, not taken #06 0000 +02 00 00000005 5a5a",

	// An access over the end of the canonical addresses that begins below it.
	"0 load of 8 bytes, 4 before #0d 0000 +00 08": "0 load of 8 bytes, 4 before #0e 0000 +00 08 00007ffffffffffc",

	// Ring 3, which is not emulated, has no ports whatever IOPL and the TSS say; then there is no SMI.
	"from ring 3 none": "from ring 3 #0d 0000 +00 1b",
	"SMIs 00000001":    "SMIs 00000000",
	"CS 001b":          "CS 0008",
}

// onKVM runs a guest on goemu with KVM, with kernel-irqchip=chip. Where KVM is the host's processor its differences from the manual are shown, as in logKVM. Where it emulates, the guest must say what the
// manual says, as far as it comes, but for emulatedDeviant and a few lines more, as every kernel's emulator has its own; and goemu must tell of the end.
func onKVM(t *testing.T, chip string, options, wanted []string, source string, defines ...string) {
	amiss, there := hostKVM()
	if !there {
		t.Skip("NO KVM HERE: ", amiss)
	}
	dir := t.TempDir()
	kernel, console := filepath.Join(dir, "guest"), filepath.Join(dir, "console")
	assemble(t, kernel, source, defines...)
	args := append([]string{"-accel", "kvm,kernel-irqchip=" + chip, "-cpu", cpu, "-nodefaults", "-display", "none", "-m", "32", "-kernel", kernel, "-no-reboot",
		"-debugcon", "file:" + console, "-device", "isa-debug-exit,iobase=0xf4,iosize=1"}, options...)
	args = append([]string{guest.Goemu(t)}, args...)
	if amiss != "" {
		args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -t %d && exec "$0" "$@"`, emulatedLimit)}, args...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), guest.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	said, _ := cmd.CombinedOutput()
	killed := cmd.ProcessState.String() == "signal: killed" // at a limit
	out, _ := os.ReadFile(console)
	_, text, begins := strings.Cut(string(out), "BEGIN\n")
	lines := strings.Split(text, "\n")
	lines = lines[:len(lines)-1] // without one that has no end
	if amiss == "" {
		if d := cmp.Diff(wanted, lines); d != "" {
			t.Logf("(-manual +KVM):\n%s", d)
		}
		return
	}
	told := strings.Contains(string(said), "the guest cannot go on in KVM at ") && strings.Contains(string(said), "-accel tcg")
	switch {
	case cmd.ProcessState.ExitCode() == 1 && begins && len(lines) == len(wanted): // to its end
	case !told && !strings.Contains(string(said), "triple fault") && !killed:
		t.Errorf("it ends with\n%s", said)
	}
	differ := 0
	for i, line := range lines {
		if i >= len(wanted) || line != wanted[i] && line != emulatedDeviant[wanted[i]] {
			differ++
			t.Logf("line %d: %q", i, line)
		}
	}
	if differ > 2 && differ > len(lines)/4 {
		t.Errorf("%d of %d lines are not the manual's", differ, len(lines))
	}
	if len(lines) < len(wanted) {
		t.Skipf("THIS HOST'S KVM IS NO PROCESSOR'S: %s; %d of %d lines were compared", amiss, len(lines), len(wanted))
	}
}
