package tour_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"goemu/bios/asm"
	"goemu/emu/tour"
	"goemu/emu/tour/tourtest"
	"goemu/tests/need"
	"goemu/tests/sockets"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write tourtest/testdata/auto.txt from QEMU's output and the list of its known differences")

// TestSameAsNASM holds our assembler's bytes against NASM's for the whole guest.
func TestSameAsNASM(t *testing.T) {
	nasm := need.Program(t, "nasm", "nasm")
	src, err := tour.Sources()
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, s := range src {
		all.WriteString(s.Text)
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "tour.asm"), filepath.Join(dir, "tour.rom")
	if err := os.WriteFile(in, []byte(all.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if msg, err := exec.Command(nasm, "-f", "bin", "-w-all", "-o", out, in).CombinedOutput(); err != nil {
		t.Fatalf("nasm: %v\n%s", err, msg)
	}
	want, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := tour.ROM()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		for i := range got {
			if i >= len(want) || got[i] != want[i] {
				t.Fatalf("first difference at %#x", 0xf0000+i)
			}
		}
	}
}

func TestSymbols(t *testing.T) {
	rom, err := tour.ROM()
	if err != nil {
		t.Fatal(err)
	}
	sym, err := tour.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	if len(rom) != tour.Size {
		t.Errorf("ROM of %d bytes", len(rom))
	}
	if sym["reset_vector"] != 0xffff0 {
		t.Errorf("reset vector at %#x", sym["reset_vector"])
	}
	// User mode gets one page, and all that it runs must be in it.
	for _, name := range []string{"user_code", "task_a", "task_c", "user_exit", "user_text_c", "user_gate", "user_survived"} {
		if a := sym[name]; a == 0 || a>>12 != sym["user_code"]>>12 {
			t.Errorf("%s at %#x is not in the page of user_code, %#x", name, a, sym["user_code"])
		}
	}
}

// qemu prepares a run of the guest.
func qemu(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	tool := need.Program(t, "qemu-system-x86_64", "qemu-system-x86")
	rom, err := tour.ROM()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "tour.rom")
	if err := os.WriteFile(file, rom, 0o600); err != nil {
		t.Fatal(err)
	}
	// A guest that hangs shall not take the other tests with it.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, tool, append([]string{"-M", "pc", "-accel", "tcg", "-m", "16", "-bios", file,
		"-display", "none", "-serial", "stdio", "-nodefaults", "-no-reboot"}, args...)...)
}

// likeHardware turns what QEMU 7.2 prints into what a processor does where the two differ: it
// sets no resume flag in the frames of faults, reports #GP for non-canonical stack addresses, numbers a gate's
// error code by 16s, forgets the P bit beside RSVD, and has neither alignment checks nor SIMD exceptions.
// (RF, #SS and the error code were verified on an AMD processor by signals in user mode; the rest are SDM vol. 3A 4.7, 6.15.)
func likeHardware(t *testing.T, out string) string {
	sym, err := tour.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	flags := regexp.MustCompile(`(RFLAGS 00000000000)0`)
	frame := func(vector int, name, err string, cs int, rip uint64, rflags, ss, rsp int) string {
		return fmt.Sprintf("  vector %d #%s%s\n    CS:RIP %04x:%016x RFLAGS %016x SS:RSP %04x:%016x\n", vector, name, err, cs, rip, rflags, ss, rsp)
	}
	sections := tourtest.Sections(out)
	for i, s := range sections {
		name, isFault := strings.CutPrefix(strings.SplitN(s, ":", 2)[0], "fault ")
		if !isFault {
			continue
		}
		head, _, _ := strings.Cut(s, "\n")
		switch name {
		case "db", "bp", "of", "df": // traps, and an abort
			continue
		case "ss":
			s = strings.Replace(s, "vector 13 #GP", "vector 12 #SS", 1)
		case "gate":
			s = strings.Replace(s, "error 0202", "error 0102", 1)
		case "rsv":
			s = strings.Replace(s, "error 0008", "error 0009", 1)
		case "ac":
			s = head + "\n" + frame(17, "AC", " error 0000", 0x3b, sym["user_misaligned"], 0x40002, 0x33, 0x6400)
		case "xm":
			s = head + "\n" + frame(19, "XM", "", 0x18, sym["fault_xm.divide"], 2, 0x20, 0xfff0)
		}
		sections[i] = flags.ReplaceAllStringFunc(s, func(f string) string { return f[:len(f)-1] + "1" })
		if name == "ac" { // RF beside AC
			sections[i] = strings.Replace(s, "RFLAGS 0000000000040002", "RFLAGS 0000000000050002", 1)
		}
	}
	return strings.Join(sections, "")
}

// TestUnderQEMU runs the automatic tour.
func TestUnderQEMU(t *testing.T) {
	out, err := qemu(t, "-fw_cfg", "name="+tour.FwCfgFile+",string="+tour.Auto).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := likeHardware(t, tourtest.Mask(string(out)))
	if *update {
		if err := os.WriteFile("tourtest/testdata/auto.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(tourtest.Auto, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// session types each line when the prompt comes, and returns everything printed.
func session(t *testing.T, cmd *exec.Cmd, prompt func(n int, write func(string))) string {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	r := bufio.NewReader(out)
	prompts := 0
	for {
		b, err := r.ReadByte()
		if err != nil {
			break
		}
		all.WriteByte(b)
		if strings.HasSuffix(all.String(), "\n> ") {
			prompt(prompts, func(s string) {
				if _, err := in.Write([]byte(s)); err != nil {
					t.Error(err)
				}
			})
			prompts++
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, all.String())
	}
	return all.String()
}

// TestMonitor gives commands on the serial line.
func TestMonitor(t *testing.T) {
	lines := []struct{ typed, want string }{
		{"help", "fault NAME     provoke"},
		{"tickx\bs", " keyboard interrupts"},
		{"mem ffff0", "00000000000ffff0 ea"},
		{"mem 1ff000", "vector 14 #PF error 0000 CR2 00000000001ff000"},
		{"walk 0xF0FFF", "physical address 00000000000f0fff"},
		{"walk 2abcde", "physical address 00000000002abcde"},
		{"walk", "wrong or missing argument"},
		{"fault pf", "vector 14 #PF"},
		{"fault nothing", "wrong or missing argument"},
		{"frob", "unknown command"},
		{"", ""},
		{"regs", "EFER   0000000000000d01"},
		{"tasks", "task C in ring 3, by INT 80h: round 3"},
		{"time", "cycles of the TSC"},
		{"off", "power off"},
	}
	out := session(t, qemu(t), func(n int, write func(string)) { write(lines[min(n, len(lines)-1)].typed + "\r") })
	answers := strings.Split(out, "\n> ")
	if len(answers) != len(lines)+1 {
		t.Fatalf("%d prompts, want %d\n%s", len(answers)-1, len(lines), out)
	}
	for i, l := range lines {
		if !strings.Contains(answers[i+1], l.want) {
			t.Errorf("%q answered %q, lacks %q", l.typed, answers[i+1], l.want)
		}
	}
}

// TestKeyboard types on the PC keyboard, by QEMU's monitor.
func TestKeyboard(t *testing.T) {
	sock := filepath.Join(sockets.Dir(t), "m")
	cmd := qemu(t, "-monitor", "unix:"+sock+",server=on,wait=off")
	out := session(t, cmd, func(int, func(string)) {
		c, err := net.Dial("unix", sock)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		r := bufio.NewReader(c)
		for _, key := range []string{"o", "f", "f", "ret"} {
			if _, err := r.ReadString(')'); err != nil { // the monitor's prompt
				t.Error(err)
				return
			}
			fmt.Fprintf(c, "sendkey %s 20\n", key) // QEMU keeps the strokes apart
		}
		// QEMU forgets what it has not read when we hang up. How the connection ends with it does not matter.
		_, _ = io.Copy(io.Discard, r)
	})
	if !strings.Contains(out, "> off\r\npower off") {
		t.Errorf("%s", out)
	}
}

// BenchmarkAssemble shows what starting the guest costs.
func BenchmarkAssemble(b *testing.B) {
	src, err := tour.Sources()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := asm.Assemble(src...); err != nil {
			b.Fatal(err)
		}
	}
}
