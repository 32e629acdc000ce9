// Package direct boots small kernels of its own by -kernel, on goemu and on QEMU, and compares what they print.
package direct

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goemu/tests/guest"
)

// assemble builds a flat binary from a source in this folder.
func assemble(t *testing.T, source string, options ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), strings.TrimSuffix(source, ".asm")+".bin")
	if msg, err := exec.Command("nasm", append(options, "-f", "bin", "-o", out, source)...).CombinedOutput(); err != nil {
		t.Fatalf("nasm %s: %v\n%s", source, err, msg)
	}
	return out
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

// output keeps the lines that a guest printed between markers that firmware cannot print.
func output(s string) []string {
	var lines []string
	for _, l := range strings.Split(strings.ReplaceAll(s, "\r", ""), "\n") {
		if i := strings.Index(l, "magic "); i >= 0 {
			lines = nil
			l = l[i:]
		}
		if l != "" {
			lines = append(lines, l)
		}
	}
	return lines
}

func TestMultiboot(t *testing.T) {
	kernel := assemble(t, "multiboot.asm")
	a := write(t, "a", strings.Repeat("module a\n", 1000))
	b := write(t, "b", "b")
	args := []string{"-kernel", kernel, "-append", "root=x last", "-initrd", a + " one," + b + " two", "-display", "none",
		"-serial", "stdio", "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-m", "64"}
	run := func(s *guest.Session, who string) []string {
		if status := s.Wait(); status != 33 {
			t.Fatalf("%s: exit status %d, want 33\n%s", who, status, s.Output())
		}
		return output(s.Console())
	}
	want := run(guest.StartCommand(t, "qemu-system-x86_64", append([]string{"-accel", "tcg"}, args...)...), "QEMU")
	for _, accel := range []string{"tcg", "interp"} {
		got := run(guest.Start(t, append([]string{"-accel", accel}, args...)...), accel)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("-accel %s differs from QEMU: %s", accel, d)
		}
	}
}

// TestBadFiles wants one line that names the file and the cause, and status 1.
func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return p
	}
	vmlinuz := guest.File(t, "vmlinuz")
	kernel, err := os.ReadFile(vmlinuz)
	if err != nil {
		t.Fatal(err)
	}
	big := file("big.gz", make([]byte, 129<<20))
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"no such kernel", []string{"-kernel", filepath.Join(dir, "none")}, []string{"none", "No such file or directory"}},
		{"empty kernel", []string{"-kernel", file("empty", nil)}, []string{"empty", "too short"}},
		{"text", []string{"-kernel", file("text", []byte(strings.Repeat("hello\n", 1000)))}, []string{"text", "not a kernel"}},
		{"truncated kernel", []string{"-kernel", file("cut", kernel[:100000])}, []string{"cut", "ends here"}},
		{"truncated header", []string{"-kernel", file("header", kernel[:0x210])}, []string{"header"}},
		{"no such initrd", []string{"-kernel", vmlinuz, "-initrd", filepath.Join(dir, "nord")}, []string{"nord", "No such file or directory"}},
		{"initrd too big", []string{"-kernel", vmlinuz, "-initrd", big, "-m", "128"}, []string{"big.gz", "too big", "135266304"}},
		{"little RAM", []string{"-kernel", vmlinuz, "-m", "4"}, []string{"vmlinuz"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := guest.Start(t, append(c.args, "-nographic")...)
			if status := s.Wait(); status != 1 {
				t.Errorf("exit status %d, want 1", status)
			}
			for _, w := range c.want {
				if !strings.Contains(s.Output(), w) {
					t.Errorf("the error does not say %q: %s", w, s.Output())
				}
			}
			if n := strings.Count(s.Output(), "\n"); n != 1 {
				t.Errorf("%d lines of error:\n%s", n, s.Output())
			}
		})
	}
}
