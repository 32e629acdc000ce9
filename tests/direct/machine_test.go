package direct

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goemu/tests/guest"
)

var engines = []string{"tcg", "interp"}

// A guest in `jmp $` must not keep Ctrl-C from ending goemu.
func TestInterruptedLoop(t *testing.T) {
	kernel := assemble(t, "loop.asm")
	for _, accel := range engines {
		s := guest.Start(t, "-accel", accel, "-kernel", kernel, "-nographic")
		s.Expect("!")
		s.Signal(syscall.SIGINT)
		if status := s.Wait(); status != 128+int(syscall.SIGINT) {
			t.Errorf("-accel %s: exit status %d after SIGINT", accel, status)
		}
	}
}

// A triple fault with -no-reboot ends the machine and says what led to it.
func TestTripleFault(t *testing.T) {
	kernel := assemble(t, "triple.asm")
	for _, accel := range engines {
		s := guest.Start(t, "-accel", accel, "-kernel", kernel, "-nographic", "-no-reboot")
		if status := s.Wait(); status != 0 {
			t.Errorf("-accel %s: exit status %d", accel, status)
		}
		for _, want := range []string{"triple fault", "#PF", "CR2 0xdeadbeec", "#DF", "EIP=", "CR0=", "Code at RIP", "mov", "Page walk of CR2"} {
			if !strings.Contains(s.Output(), want) {
				t.Errorf("-accel %s: the report lacks %q:\n%s", accel, want, s.Output())
			}
		}
	}
}

// isa-debug-exit ends the machine at the OUT, not some instructions later.
func TestDebugExit(t *testing.T) {
	kernel := assemble(t, "exit.asm")
	for _, accel := range engines {
		log := filepath.Join(t.TempDir(), "console")
		s := guest.Start(t, "-accel", accel, "-kernel", kernel, "-nographic", "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
			"-chardev", "file,id=dbg,path="+log, "-device", "isa-debugcon,chardev=dbg")
		if status := s.Wait(); status != 0x15<<1|1 {
			t.Errorf("-accel %s: exit status %d", accel, status)
		}
		if out, err := os.ReadFile(log); err != nil || len(out) != 0 || strings.Contains(s.Output(), "X") {
			t.Errorf("-accel %s: the guest ran on: %q, %q, %v", accel, out, s.Output(), err)
		}
	}
}

// Ports and memory that nobody claims read as all ones, as in QEMU, which runs the same kernel.
func TestOpenBus(t *testing.T) {
	kernel := assemble(t, "ports.asm")
	run := func(name string, args ...string) string {
		log := filepath.Join(t.TempDir(), "console")
		args = append(args, "-nodefaults", "-display", "none", "-kernel", kernel, "-debugcon", "file:"+log, "-no-reboot")
		s := guest.StartCommand(t, name, args...)
		if status := s.Wait(); status != 0 {
			t.Fatalf("%s %v: exit status %d\n%s", name, args, status, s.Output())
		}
		out, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		// Firmware prints on the same port before the guest does.
		text := string(out)
		return text[strings.LastIndex(text, "000000FF"):]
	}
	manual := "000000FF\n0000FFFF\nFFFFFFFF\nFFFFFFFF\n000000E9\n"
	qemu := run("qemu-system-x86_64", "-accel", "tcg")
	for _, accel := range engines {
		if d := cmp.Diff(manual, run(guest.Goemu(t), "-accel", accel)); d != "" {
			t.Errorf("-accel %s: %s", accel, d)
		}
	}
	// QEMU answers unclaimed memory with 0, and for the rest agrees.
	if d := cmp.Diff(strings.Replace(manual, "FFFFFFFF\nFFFFFFFF", "FFFFFFFF\n00000000", 1), qemu); d != "" && qemu != manual {
		t.Errorf("QEMU: %s", d)
	}
}

// -nodefaults leaves the serial port out: a kernel that writes to it is not heard.
func TestNoDefaults(t *testing.T) {
	kernel := assemble(t, "multiboot.asm")
	s := guest.Start(t, "-nodefaults", "-kernel", kernel, "-device", "isa-debug-exit,iobase=0xf4,iosize=1")
	// An absent port reads as all ones, so its transmitter looks ready.
	if status := s.Wait(); status != 33 || s.Output() != "" {
		t.Errorf("exit status %d, output %q", status, s.Output())
	}
}

// A log that could not be written is an error, whatever the guest's status: its reader would miss what is lost.
func TestFullLog(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Fatal(err)
	}
	kernel := assemble(t, "ports.asm")
	s := guest.Start(t, "-kernel", kernel, "-nographic", "-no-reboot", "-d", "in_asm", "-D", "/dev/full")
	if status := s.Wait(); status != 1 || !strings.Contains(s.Output(), "no space left") {
		t.Errorf("exit status %d\n%s", status, s.Output())
	}
}
