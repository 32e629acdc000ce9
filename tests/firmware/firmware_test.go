// Package firmware runs firmware of others on goemu: Debian's SeaBIOS and OVMF, unchanged.
package firmware

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"goemu/tests/guest"
)

// engines are the values of -accel.
var engines = []string{"tcg", "interp"}

// bootable assembles a boot sector from a source in this folder and makes a medium of it.
func bootable(t *testing.T, source string, size int64) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), strings.TrimSuffix(source, ".asm")+".img")
	if msg, err := exec.Command("nasm", "-f", "bin", "-o", p, source).CombinedOutput(); err != nil {
		t.Fatalf("nasm %s: %v\n%s", source, err, msg)
	}
	if err := os.Truncate(p, size); err != nil {
		t.Fatal(err)
	}
	return p
}

const floppySize = 1440 << 10

// inspection is what inspect.asm tells.
type inspection struct {
	text   string // of firmware and boot sector
	memory memory
}

// inspect boots inspect.asm and waits for its end.
func inspect(t *testing.T, start func(args ...string) *guest.Session, args ...string) inspection {
	t.Helper()
	dump := filepath.Join(t.TempDir(), "dump")
	s := start(append([]string{"-m", "128", "-display", "none", "-serial", "none", "-boot", "menu=off",
		"-chardev", "stdio,id=text", "-device", "isa-debugcon,iobase=0x402,chardev=text",
		"-chardev", "file,id=dump,path=" + dump, "-device", "isa-debugcon,iobase=0xe9,chardev=dump",
		"-device", "isa-debug-exit,iobase=0xf4,iosize=4"}, args...)...)
	if status := s.Wait(); status != 33 {
		t.Fatalf("%v: exit status %d, want 33\n%s", args, status, s.Output())
	}
	p, err := os.ReadFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	return inspection{s.Console(), readMemory(t, p)}
}

func onQEMU(t *testing.T, args ...string) func(args ...string) *guest.Session {
	return func(more ...string) *guest.Session {
		return guest.StartCommand(t, "qemu-system-x86_64", append(append([]string{"-accel", "tcg"}, args...), more...)...)
	}
}

func onGoemu(t *testing.T, args ...string) func(args ...string) *guest.Session {
	return func(more ...string) *guest.Session { return guest.Start(t, append(args, more...)...) }
}

// lines keeps the lines that begin with one of some words.
func lines(text string, words ...string) (out []string) {
	for _, l := range strings.Split(strings.ReplaceAll(text, "\r", ""), "\n") {
		for _, w := range words {
			if strings.HasPrefix(l, w) {
				out = append(out, l)
			}
		}
	}
	return out
}
