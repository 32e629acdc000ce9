// Package system runs small guests on goemu and on QEMU: each prints what a processor did, a line a rule, and the
// test holds what the manual says it does.
package system

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goemu/tests/guest"
)

// emulators are what every guest runs on.
var emulators = []struct {
	name string
	args []string
}{
	{"tcg", []string{"-accel", "tcg"}},
	{"interp", []string{"-accel", "interp"}},
	{"QEMU", []string{"-accel", "tcg"}},
}

// cpu is the processor of all of them.
const cpu = "max,vendor=GenuineIntel"

// features are those that guests with a definition need of the processor, beyond the default's.
var features = map[string]string{"LA57": ",+la57", "PKU": ",+pku",
	"AVX512": ",+avx512f,+avx512dq,+avx512ifma,+avx512cd,+avx512bw,+avx512vl,+avx512vbmi,+avx512vbmi2,+avx512vnni,+avx512bitalg,+avx512-vpopcntdq"}

// run assembles a guest with definitions, runs it and returns the lines it printed.
func run(t *testing.T, emulator int, source string, defines ...string) []string {
	t.Helper()
	return runWith(t, emulator, nil, source, defines...)
}

// runWith is run of an emulator with more options.
func runWith(t *testing.T, emulator int, options []string, source string, defines ...string) []string {
	t.Helper()
	dir := t.TempDir()
	kernel, console := filepath.Join(dir, "guest"), filepath.Join(dir, "console")
	args := []string{"-f", "bin", "-w-all", "-o", kernel}
	if emulators[emulator].name == "QEMU" {
		defines = append(defines, "QEMU") // leaves out what QEMU does not survive
	}
	processor := cpu
	for _, d := range defines {
		args = append(args, "-D"+d)
		processor += features[d]
	}
	if msg, err := exec.Command("nasm", append(args, source)...).CombinedOutput(); err != nil {
		t.Fatalf("nasm %s: %v\n%s", source, err, msg)
	}
	e := emulators[emulator]
	args = append(append(append([]string{"-cpu", processor}, e.args...), options...), "-nodefaults", "-display", "none", "-m", "32", "-kernel", kernel, "-no-reboot",
		"-debugcon", "file:"+console, "-device", "isa-debug-exit,iobase=0xf4,iosize=1")
	name := "qemu-system-x86_64"
	if e.name != "QEMU" {
		name = guest.Goemu(t)
	}
	s := guest.StartCommand(t, name, args...)
	status := s.Wait()
	out, err := os.ReadFile(console)
	if err != nil {
		t.Fatalf("%s: %v, exit status %d\n%s", e.name, err, status, s.Output())
	}
	_, text, found := strings.Cut(string(out), "BEGIN\n")
	if !found {
		t.Fatalf("%s: the guest does not begin; exit status %d\n%s%s", e.name, status, out, s.Output())
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if status != 1 {
		lines = append(lines, "ended without its last line")
	}
	return lines
}

// check compares what the emulators print with what the manual says, a line each. deviant has the lines of QEMU that
// are not the manual's, by the manual's; "": QEMU does not run the line.
func check(t *testing.T, want string, deviant map[string]string, source string, defines ...string) {
	checkOn(t, len(emulators), want, deviant, source, defines...)
}

// checkOn is check for the first n emulators.
func checkOn(t *testing.T, n int, want string, deviant map[string]string, source string, defines ...string) {
	checkWith(t, n, nil, want, deviant, source, defines...)
}

// checkWith is checkOn with more options for the emulators.
func checkWith(t *testing.T, n int, options []string, want string, deviant map[string]string, source string, defines ...string) {
	wanted := strings.Split(strings.TrimSpace(want), "\n")
	for i := range wanted {
		wanted[i] = strings.TrimSpace(wanted[i])
	}
	for i, e := range emulators[:n] {
		t.Run(e.name, func(t *testing.T) {
			got := runWith(t, i, options, source, defines...)
			var w []string
			for _, line := range wanted {
				d, differs := deviant[line]
				switch {
				case e.name != "QEMU" || !differs:
					w = append(w, line)
				case d != "":
					w = append(w, d)
				}
			}
			if d := cmp.Diff(w, got); d != "" {
				t.Errorf("(-manual +%s):\n%s", e.name, d)
			}
		})
	}
	t.Run("KVM on goemu", func(t *testing.T) { onKVM(t, "off", options, wanted, source, defines...) })
	if slices.Contains(options, "-smp") {
		return // several vCPUs have goemu's local APICs
	}
	for chip := range kernelChips {
		t.Run("KVM's controllers, "+chip, func(t *testing.T) {
			if why := notInKernel(chip, source); why != "" {
				t.Skip(why)
			}
			onKVM(t, chip, options, wanted, source, defines...)
		})
	}
}
