// Package builtin boots small programs by the built-in firmware.
package builtin

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"goemu/tests/guest"
)

// image makes a disk of a program. Each sector that the program does not use begins with its number.
func image(t *testing.T, source string, options ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), strings.TrimSuffix(source, ".asm"))
	if msg, err := exec.Command("nasm", append(options, "-f", "bin", "-o", out, source)...).CombinedOutput(); err != nil {
		t.Fatalf("nasm %s: %v\n%s", source, err, msg)
	}
	code, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 1<<20)
	for i := 0; i < len(p); i += 512 {
		binary.LittleEndian.PutUint16(p[i:], uint16(i/512))
	}
	copy(p, code)
	if err := os.WriteFile(out, p, 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

// run runs goemu to its end and gives what the guest has sent.
func run(t *testing.T, file string, args ...string) string {
	t.Helper()
	s := guest.Start(t, append([]string{"-display", "none", "-serial", "stdio", "-boot", "c", "-hda", file}, args...)...)
	if status := s.Wait(); status != 0 {
		t.Fatalf("%v: exit status %d\n%s", args, status, s.Output())
	}
	return strings.ReplaceAll(s.Console(), "\r", "")
}

// ways are the machines on which a program must do the same.
var ways = [][]string{
	{"-accel", "tcg"},
	{"-accel", "interp"},
	{"-icount", "shift=2,sleep=off"},
	{"-smp", "3"},
	{"-M", "q35"},
}

func TestNested(t *testing.T) {
	file := image(t, "nested.asm")
	for _, w := range ways {
		if out := run(t, file, w...); out != "nested\n" {
			t.Errorf("%v: %q", w, out)
		}
	}
}

func TestResets(t *testing.T) {
	const want = "boot 01 warm 0000\ncode 0a\ncode 05\ncode 0b\ncode 0c\n03\nboot 02 warm 0000\nboot 03 warm 0000\nboot 04 warm 1234\n"
	file := image(t, "resets.asm")
	for _, w := range ways {
		if out := run(t, file, w...); out != want {
			t.Errorf("%v: %q, want %q", w, out, want)
		}
	}
}

// TestStepped wants a trap after the far jump, the jump in the ROM, the OUT and the IRET.
func TestStepped(t *testing.T) {
	file := image(t, "stepped.asm")
	for _, w := range ways {
		if out := run(t, file, w...); out != "same, steps 0004\n" {
			t.Errorf("%v: %q", w, out)
		}
	}
}

func TestSleep(t *testing.T) {
	file := image(t, "sleep.asm")
	for _, w := range ways {
		if out := run(t, file, w...); out != "asleep\nawake beef\n03\n" {
			t.Errorf("%v: %q", w, out)
		}
	}
}

// TestSleepWide wakes by the vector of protected mode.
func TestSleepWide(t *testing.T) {
	file := image(t, "sleep.asm", "-d", "WIDE")
	for _, w := range ways {
		if out := run(t, file, w...); out != "asleep\nw\n" {
			t.Errorf("%v: %q", w, out)
		}
	}
}

// TestProtected compares with SeaBIOS on QEMU.
func TestProtected(t *testing.T) {
	file := image(t, "protected.asm")
	s := guest.StartCommand(t, "qemu-system-x86_64", "-accel", "tcg", "-display", "none", "-serial", "stdio", "-boot", "c", "-no-reboot",
		"-drive", "file="+file+",format=raw,snapshot=on")
	s.Wait()
	want := strings.ReplaceAll(s.Console(), "\r", "")
	for _, w := range ways[:4] {
		if out := run(t, file, w...); out != want {
			t.Errorf("%v: %q, want %q", w, out, want)
		}
	}
}

// TestSwitch enters protected mode by INT 15h, 89h: CS, DS, ES, SS, AX, SP, the interrupt masks, and an interrupt of the timer.
func TestSwitch(t *testing.T) {
	const want = "0030\n0018\n0020\n0028\n0000\n7c00\nffff\nticks\n"
	file := image(t, "switch.asm")
	for _, w := range ways {
		if out := run(t, file, w...); out != want {
			t.Errorf("%v: %q, want %q", w, out, want)
		}
	}
}

// named makes a disk whose boot sector says its name.
func named(t *testing.T, name string) string {
	t.Helper()
	file := image(t, "named.asm")
	p, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(p), "disk ?", "disk "+name, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// until runs goemu until it has said something, and gives all that it has said. It may be typed at once.
func until(t *testing.T, text string, typed map[string]string, args ...string) string {
	t.Helper()
	s := guest.Start(t, append([]string{"-nographic"}, args...)...)
	for _, prompt := range []string{"boot menu.", "usual order."} {
		if keys, ok := typed[prompt]; ok {
			s.Expect(prompt)
			s.Send(keys)
		}
	}
	s.Expect(text)
	s.Signal(os.Interrupt)
	s.Wait()
	return strings.ReplaceAll(s.Console(), "\r", "")
}

// booted are the names that boot sectors have said, in order.
func booted(out string) (names string) {
	for _, l := range strings.Split(out, "\n") {
		if i := strings.Index(l, "disk "); i == 0 && len(l) == len("disk ?") {
			names += l[len("disk "):]
		}
	}
	return names
}

func TestBootOrder(t *testing.T) {
	a, b, floppy := named(t, "a"), named(t, "b"), named(t, "f")
	common := []string{"-drive", "file=" + floppy + ",format=raw,if=floppy"}
	two := append(common, "-drive", "file="+a+",format=raw,if=none,id=a", "-drive", "file="+b+",format=raw,if=none,id=b")
	const end = "No bootable device."
	for _, c := range []struct {
		name  string
		typed map[string]string
		args  []string
		want  string
	}{
		{"hard disks first", nil, append(common, "-hda", a, "-hdb", b), "abf"},
		{"diskette first", nil, append(common, "-hda", a, "-hdb", b, "-boot", "order=ac"), "fab"},
		{"strict", nil, append(common, "-hda", a, "-hdb", b, "-boot", "order=c,strict=on"), "ab"},
		{"bootindex", nil, append(two, "-device", "ide-hd,drive=a,bootindex=2", "-device", "ide-hd,drive=b,bootindex=1"), "baf"},
		{"bootindex of one", nil, append(two, "-device", "ide-hd,drive=a", "-device", "ide-hd,drive=b,bootindex=1", "-boot", "a"), "bfa"},
		{"menu", map[string]string{"boot menu.": "\x1b", "usual order.": "2"}, append(common, "-hda", a, "-hdb", b, "-boot", "menu=on,splash-time=60000"), "baf"},
		{"menu left", map[string]string{"boot menu.": "\x1b[24~", "usual order.": "\x1b"}, append(common, "-hda", a, "-hdb", b, "-boot", "menu=on,splash-time=60000"), "abf"},
		{"menu not wanted", nil, append(common, "-hda", a, "-boot", "menu=on,splash-time=1"), "af"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := until(t, end, c.typed, c.args...)
			if got := booted(out); got != c.want {
				t.Errorf("booted %q, want %q\n%s", got, c.want, out)
			}
		})
	}
}

// TestNoBootableDevice wants the reason for each drive.
func TestNoBootableDevice(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, p []byte) string {
		f := filepath.Join(dir, name)
		if err := os.WriteFile(f, p, 0o600); err != nil {
			t.Fatal(err)
		}
		return f
	}
	cd := make([]byte, 64*2048)
	out := until(t, "not bootable", nil, "-hda", file("hd", make([]byte, 1<<20)), "-hdb", file("little", make([]byte, 512)),
		"-cdrom", file("cd", cd), "-fda", file("fd", make([]byte, 1440<<10)))
	for _, want := range []string{
		"hard disk at IDE primary master: no boot signature 55 AA (there is 00 00)",
		"hard disk at IDE primary slave: no boot signature",
		"diskette A: no boot signature",
		"CD at IDE secondary master: no El Torito boot record",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("not told: %s\n%s", want, out)
		}
	}
}
