// Package probe calls every service of a PC's firmware and compares what the built-in firmware answers with SeaBIOS, on
// QEMU and on goemu.
package probe

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"goemu/emu/kvm"
	"goemu/emu/kvmcpu"
	"goemu/tests/guest"
)

// media are what the probe boots from and looks at.
type media struct{ disk, floppy, cd string }

// Places in what nasm makes: the boot sector, and the rest as from 8000h on.
const (
	sector = 512
	stage  = 0x400
)

func prepare(t *testing.T) media {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "probe.bin")
	if out, err := exec.Command("nasm", "-f", "bin", "-d", "MEDIUM=0", "-o", bin, "probe.asm").CombinedOutput(); err != nil {
		t.Fatalf("nasm: %v\n%s", err, out)
	}
	code, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	disk := make([]byte, 8<<20)
	copy(disk, code[:sector])
	copy(disk[sector:], code[stage:])
	floppy := make([]byte, 1440<<10)
	for i := range floppy {
		floppy[i] = byte(i / sector)
	}
	m := media{filepath.Join(dir, "disk"), filepath.Join(dir, "floppy"), filepath.Join(dir, "cd")}
	for name, p := range map[string][]byte{m.disk: disk, m.floppy: floppy, m.cd: make([]byte, 64*2048)} {
		if err := os.WriteFile(name, p, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// options are those that QEMU and goemu share. Output comes on standard output, the second serial port leads nowhere.
func (m media) options() []string {
	return []string{
		"-m", "128", "-display", "none", "-no-reboot", "-boot", "c", "-serial", "stdio", "-serial", "null", "-parallel", "null",
		"-drive", "file=" + m.disk + ",format=raw,if=ide,snapshot=on",
		"-drive", "file=" + m.floppy + ",format=raw,if=floppy,snapshot=on",
		"-drive", "file=" + m.cd + ",format=raw,if=ide,media=cdrom,index=2",
	}
}

// answer is what one call gave, field by field.
type answer struct {
	name   string
	fields [][2]string
}

// parse takes the probe's output apart. Names of drives stand before those of the calls that are about them.
func parse(t *testing.T, who, out string) []answer {
	t.Helper()
	_, out, ok := strings.Cut(strings.ReplaceAll(out, "\r", ""), "probe begins\n")
	out, _, ended := strings.Cut(out, "probe ends")
	if !ok || !ended {
		t.Fatalf("%s: the probe did not come to its end:\n%s", who, out)
	}
	var list []answer
	drive := ""
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		name, rest, _ := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		if d, ok := strings.CutPrefix(name, "drive "); ok {
			drive = d[:2]
			continue
		}
		if strings.HasPrefix(name, "13/") {
			name = drive + " " + name
		}
		a := answer{name: name}
		for _, f := range strings.Fields(rest) {
			k, v, ok := strings.Cut(f, "=")
			if !ok {
				k, v = "memory", f
			}
			a.fields = append(a.fields, [2]string{k, v})
		}
		list = append(list, a)
	}
	return list
}

// differ names the fields in which two answers differ.
func differ(a, b answer) (fields []string, text string) {
	value := func(x answer, k string) string {
		for _, f := range x.fields {
			if f[0] == k {
				return f[1]
			}
		}
		return "-"
	}
	for _, k := range []string{"memory", "ax", "bx", "cx", "dx", "si", "di", "bp", "ds", "es", "cf", "zf", "buffer",
		"flags", "mode", "breaks", "prints", "keys", "calls", "args"} {
		if x, y := value(a, k), value(b, k); x != y {
			fields = append(fields, k)
			text += fmt.Sprintf(" %s %s, not %s;", k, y, x)
		}
	}
	return fields, text
}

// compare wants the answers to differ just as the list says.
func compare(t *testing.T, who string, want, got []answer, list []difference) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%s: %d answers, want %d", who, len(got), len(want))
	}
	used := make([]bool, len(list))
	for i := range want {
		fields, text := differ(want[i], got[i])
		if want[i].name != got[i].name {
			t.Fatalf("%s: answer %d is of %q, want %q", who, i, got[i].name, want[i].name)
		}
		at := slices.IndexFunc(list, func(d difference) bool { return d.call == want[i].name })
		switch {
		case at >= 0 && strings.Join(fields, " ") != list[at].fields && list[at].fields != "*":
			t.Errorf("%s: %s differs in %q, should in %q (%s):%s", who, want[i].name, fields, list[at].fields, list[at].why, text)
		case at < 0 && len(fields) > 0:
			t.Errorf("%s: %s:%s", who, want[i].name, text)
		}
		if at >= 0 {
			used[at] = true
		}
	}
	for i, u := range used {
		if !u {
			t.Errorf("%s: no call is named %q", who, list[i].call)
		}
	}
}

func TestServices(t *testing.T) {
	m := prepare(t)
	run := func(who string, s *guest.Session) []answer {
		s.Wait()
		return parse(t, who, s.Console())
	}
	qemu := run("SeaBIOS on QEMU", guest.StartCommand(t, "qemu-system-x86_64",
		append([]string{"-M", "pc", "-accel", "tcg", "-nodefaults", "-vga", "std"}, m.options()...)...))
	for _, accel := range []string{"tcg", "interp"} {
		opts := append([]string{"-accel", accel}, m.options()...)
		compare(t, "built-in firmware, "+accel, qemu, run(accel, guest.Start(t, opts...)), differences)
		compare(t, "SeaBIOS on goemu, "+accel, qemu, run(accel, guest.Start(t, append(opts, "-bios", "bios-256k.bin")...)), hardware)
	}
	t.Run("KVM, built-in firmware", func(t *testing.T) { onKVM(t, m, qemu, "built-in firmware, KVM", differences) })
	t.Run("KVM, SeaBIOS", func(t *testing.T) { onKVM(t, m, qemu, "SeaBIOS on goemu, KVM", hardware, "-bios", "bios-256k.bin") })
	t.Run("KVM's local APIC", func(t *testing.T) {
		if h, err := kvm.Open(); err == nil {
			if err := errors.Join(kvmcpu.CheckSplit(h), h.Close()); err != nil {
				t.Skip("THIS HOST'S KVM CANNOT: ", err)
			}
		}
		onKVM(t, m, qemu, "built-in firmware, KVM's local APIC", differences, "-machine", "kernel-irqchip=split")
	})
}

// lastOnSlowKVM is the call before those that wait for keys, which take minutes where KVM emulates.
const lastOnSlowKVM = "16/03"

// onKVM is the probe on KVM with a firmware, against SeaBIOS on QEMU: the whole of it on a host whose KVM is a processor's, else its beginning.
func onKVM(t *testing.T, m media, qemu []answer, who string, list []difference, options ...string) {
	h, err := kvm.Open()
	if err != nil {
		t.Skip("NO KVM HERE: ", err)
	}
	weak, ok := h.Weakness()
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	s := guest.Start(t, append(append([]string{"-accel", "kvm"}, m.options()...), options...)...)
	if ok {
		s.Wait()
		compare(t, who, qemu, parse(t, who, s.Console()), list)
		return
	}
	s.Expect("\n" + lastOnSlowKVM)
	text := s.Console()
	text = text[:strings.LastIndexByte(text, '\n')] + "\nprobe ends"
	got := parse(t, who, text)
	want := qemu[:len(got)]
	var known []difference
	for _, d := range list {
		if slices.ContainsFunc(want, func(a answer) bool { return a.name == d.call }) {
			known = append(known, d)
		}
	}
	compare(t, who, want, got, known)
	t.Skipf("THIS HOST'S KVM IS NO PROCESSOR'S: %v; %d of %d answers were compared", weak, len(got), len(qemu))
}

// TestRepeats wants the same answers each time with -icount.
func TestRepeats(t *testing.T) {
	m := prepare(t)
	run := func() string {
		s := guest.Start(t, append([]string{"-icount", "shift=3,sleep=off"}, m.options()...)...)
		s.Wait()
		return s.Console()
	}
	first, second := run(), run()
	if !strings.Contains(first, "probe ends") {
		t.Errorf("the probe did not come to its end:\n%s", first)
	}
	if first != second {
		t.Errorf("two runs with -icount differ:\n%s\n%s", first, second)
	}
}
