package system

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"goemu/tests/guest"
	"goemu/tests/need"
)

// bochsConfig makes Bochs start from a floppy and write COM1 to a file.
const bochsConfig = `display_library: term
config_interface: textconfig
romimage: file=/usr/share/bochs/BIOS-bochs-legacy
vgaromimage: file=/usr/share/vgabios/vgabios.bin
megs: 32
cpu: model=corei7_haswell_4770, count=1, ips=2000000, reset_on_triple_fault=0
floppya: 1_44=floppy, status=inserted
boot: floppy
com1: enabled=1, mode=file, dev=console
speaker: enabled=0
sound: waveoutdrv=dummy, waveout=none, waveindrv=dummy, midioutdrv=dummy
log: log
panic: action=fatal
error: action=report
`

// checkBochs is check with Bochs in place of QEMU: Bochs does debug registers, task switches, segment limits and VME as the manual says,
// almost. deviant has its lines that are not the manual's, by the manual's.
func checkBochs(t *testing.T, want string, deviant map[string]string, source string, defines ...string) {
	withBochs(t, want, deviant, source, defines...)
	t.Run("KVM", func(t *testing.T) { logKVM(t, want, source, defines...) })
}

// withBochs is checkBochs without KVM, for guests that take it long.
func withBochs(t *testing.T, want string, deviant map[string]string, source string, defines ...string) {
	checkOn(t, 2, want, nil, source, defines...)
	onBochs(t, want, deviant, source, defines...)
}

// onBochs compares what a guest prints on Bochs with what the manual says, but for deviant's lines; "": Bochs does not run the line.
func onBochs(t *testing.T, want string, deviant map[string]string, source string, defines ...string) {
	t.Run("Bochs", func(t *testing.T) {
		var w []string
		for _, line := range strings.Split(strings.TrimSpace(want), "\n") {
			line = strings.TrimSpace(line)
			if d, differs := deviant[line]; differs {
				line = d
			}
			if line != "" {
				w = append(w, line)
			}
		}
		if d := cmp.Diff(w, runBochs(t, source, defines...)); d != "" {
			t.Errorf("(-manual +Bochs):\n%s", d)
		}
	})
}

// assemble makes the file of a guest.
func assemble(t *testing.T, to, source string, defines ...string) {
	t.Helper()
	args := []string{"-f", "bin", "-w-all", "-o", to}
	for _, d := range defines {
		args = append(args, "-D"+d)
	}
	if msg, err := exec.Command("nasm", append(args, source)...).CombinedOutput(); err != nil {
		t.Fatalf("nasm %s: %v\n%s", source, err, msg)
	}
}

// runBochs runs a guest on Bochs and returns the lines it printed.
func runBochs(t *testing.T, source string, defines ...string) []string {
	need.Program(t, "bochs", "bochs")
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	assemble(t, file("guest"), source, append(defines, "BOCHS")...)
	info, err := os.Stat(file("guest"))
	if err != nil {
		t.Fatal(err)
	}
	assemble(t, file("boot"), "bochsboot.asm", fmt.Sprintf("SECTORS=%d", (info.Size()+511)/512))
	disk := make([]byte, 1440*1024)
	end := 0
	for _, name := range []string{"boot", "guest"} {
		b, err := os.ReadFile(file(name))
		if err != nil {
			t.Fatal(err)
		}
		end += copy(disk[end:], b)
	}
	config := bochsConfig
	if slices.Contains(defines, "AVX512") {
		config = strings.Replace(config, "corei7_haswell_4770", "corei7_icelake_u", 1)
	}
	for name, b := range map[string][]byte{"floppy": disk, "config": []byte(config)} {
		if err := os.WriteFile(file(name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	// script gives it the terminal that it wants; "c" lets its debugger go on.
	cmd := exec.Command("script", "-qec", "bochs -q -f config", "/dev/null")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "TERM=xterm")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(guest.Patience, func() { cmd.Process.Kill() })
	io.WriteString(in, "c\n")
	cmd.Wait()
	late.Stop()
	out, err := os.ReadFile(file("console"))
	if err != nil {
		t.Fatal(err)
	}
	log, _ := os.ReadFile(file("log"))
	_, text, found := strings.Cut(string(out), "BEGIN\n")
	if !found {
		t.Fatalf("Bochs: the guest does not begin\n%s\n%s", out, log[max(0, len(log)-2000):])
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if !bytes.Contains(log, []byte("shutdown requested")) {
		lines = append(lines, "ended without its last line")
	}
	return lines
}

// kvmNode tells why KVM cannot be asked, or "".
var kvmNode = sync.OnceValue(func() string {
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return err.Error()
	}
	f.Close()
	return ""
})

// kvmGivenUp is set after a guest that did not end.
var kvmGivenUp atomic.Bool

// noKVM tells why KVM is not to be asked, or "".
func noKVM() string {
	if kvmGivenUp.Load() {
		return "an earlier guest did not come to its end"
	}
	return kvmNode()
}

// kvmLimit is how long a guest gets, as one that KVM cannot go on with stands still for ever.
const kvmLimit = 3 * time.Second

// logKVM shows where the host's processor differs from the manual. It fails nothing: KVM itself executes parts of what these guests
// do in software, and differs from host to host in which.
func logKVM(t *testing.T, want, source string, defines ...string) {
	if why := noKVM(); why != "" {
		t.Skipf("NO KVM, the host's processor is not asked: %s", why)
	}
	dir := t.TempDir()
	kernel, console := filepath.Join(dir, "guest"), filepath.Join(dir, "console")
	assemble(t, kernel, source, defines...)
	ctx, cancel := context.WithTimeout(t.Context(), kvmLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", "-accel", "kvm", "-cpu", "host,-arch-capabilities", "-nodefaults", "-display", "none",
		"-m", "32", "-kernel", kernel, "-no-reboot", "-debugcon", "file:"+console, "-device", "isa-debug-exit,iobase=0xf4,iosize=1")
	msg, _ := cmd.CombinedOutput()
	out, _ := os.ReadFile(console)
	_, text, _ := strings.Cut(string(out), "BEGIN\n")
	var w []string
	for _, line := range strings.Split(strings.TrimSpace(want), "\n") {
		w = append(w, strings.TrimSpace(line))
	}
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 {
		kvmOff(t, msg)
	}
	if d := cmp.Diff(w, strings.Split(strings.TrimSuffix(text, "\n"), "\n")); d != "" {
		t.Logf("(-manual +KVM):\n%s", d)
	}
}

// kvmOff gives up on KVM after a guest that did not end.
func kvmOff(t *testing.T, msg []byte) {
	line, _, _ := bytes.Cut(msg, []byte("\n"))
	kvmGivenUp.Store(true)
	t.Skipf("KVM DOES NOT RUN THE GUEST to its end, the host's processor is not asked: %s", line)
}
