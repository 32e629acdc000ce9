// Package video compares the video BIOS of the built-in firmware with SeaBIOS's on QEMU: probe.asm calls each service with
// fixed arguments and prints the registers, the BIOS data area, the adapter's registers and sums of memory.
package video

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"goemu/tests/guest"
)

// differences are the lines that are not the same, by the call: section, mode, registers, and the line's first word; and why.
var differences = []struct {
	section, mode, call, line string // regular expressions; the line's first word
	why                       string
}{
	{"mode 7", "", "", "vga", "SeaBIOS resets the attribute controller's flip-flop at the colour port: two registers of the mode before get lost"},
	{"graphics pixels", "000[def]|0010", "0d00 0000 0064 0064", "->", "SeaBIOS has page 0 only: a point of page 1 is not seen on page 0"},
	{"graphics text .*", "000[def]|0010", "0902 0103 .*|0e04 0103 .*|0902 0003 0064 .*", "win", "SeaBIOS draws characters of page 1 on page 0"},
	{"palette", "", "1019 .*", "->", "QEMU's DAC mask cannot be read"},
	{"default palettes .*", "", "0003 .*", "bda", "SeaBIOS notes 'no palette' in the wrong byte"},
	{"default palettes .*", "", "0003 .*", "dac", "so it loads one all the same"},
	{"fonts", "", "1130 .*", "->", "fonts are elsewhere; SeaBIOS forgets the caller's font of 8 rows with each mode"},
	{"alternate select", "", "1201 0036 .*", "vga", "SeaBIOS does not stop the picture"},
	{"alternate select", "", "1205 0031 .*", "bda", "the wrong byte, as above"},
	{"display combination.*", "0004|001[023]", "1b00 .*", "buf", "colours, pages and lines: SeaBIOS tells those of text modes"},
	{"display combination.*|VBE state", "", "(1c|4f)0[04] .* 000[1-8f] 0000", "->", "SeaBIOS rounds down, and then writes more than it has told"},
	{"display combination.*", "", "1c01 .*", "buf", "the layout of a saved state is the BIOS's own"},
	{"display combination.*", "", "1c02 .*", "vga", "SeaBIOS does not restore the miscellaneous output register"},
	{"VBE window", "", "4f05 0000 0000 (0100|0001)|4f05 0100 .*", "(->|vbe)", "SeaBIOS sets banks that there are not; QEMU's bank outlives the mode"},
	{"VBE modes", "4f02 010d", "4f02 010d .*", "dac", "after mode 102h: SeaBIOS loads 256 colours in modes of 8 bits only"},
	{"VBE scan lines", "", "4f06 0003 .*", "->", "SeaBIOS does not know the longest line"},
	{"VBE scan lines", "4f02 0102", "4f06 .*", "->|vbe", "SeaBIOS counts lines of 4 planes wrongly"},
	{"VBE scan lines", "4f02 4101", "4f07 .*", "->|vbe", "QEMU makes offsets that leave the line ones of further lines"},
	{"VBE DAC", "", "4f09 .*", "->|dac|buf", "SeaBIOS has no function 09h"},
	{"VBE DAC", "0003", "4f0[67] .*", "->", "modes of the VGA have no line length and start: the standard's error"},
	{"VBE protected mode.*", "", "4f0a .*", "->", "SeaBIOS has no function 0Ah"},
	{"VBE protected mode.*", "", "4f15 .*", "buf", "another monitor"},
}

// probed is one call and the lines about it.
type probed struct {
	section, mode, call string
	lines               []string
}

// pointers are places in buffers that hold addresses: the call, which row, and from where to where.
var pointers = []struct {
	call     *regexp.Regexp
	row      int
	from, to int // bytes
}{
	{regexp.MustCompile("^1b00"), 0, 0, 4},
	{regexp.MustCompile("^4f00"), 0, 6, 10},
	{regexp.MustCompile("^4f00"), 0, 22, 32},
	{regexp.MustCompile("^4f00"), 1, 0, 2},
	{regexp.MustCompile("^4f01"), 0, 12, 16},
}

func parse(t *testing.T, text string) []probed {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if lines[0] != "BEGIN" || lines[len(lines)-1] != "END" {
		t.Fatalf("the probe did not run to its end: %q ... %q", lines[0], lines[len(lines)-1])
	}
	var all []probed
	var section, mode string
	for _, l := range lines[1 : len(lines)-1] {
		switch {
		case strings.HasPrefix(l, " "):
			p := &all[len(all)-1]
			p.lines = append(p.lines, p.mask(strings.TrimSpace(l)))
		case regexp.MustCompile("^[0-9a-f]{4} [0-9a-f]{4} [0-9a-f]{4} [0-9a-f]{4} $").MatchString(l):
			if strings.HasPrefix(l, "00") {
				mode = l[:4]
			} else if strings.HasPrefix(l, "4f02") {
				mode = l[:9]
			}
			all = append(all, probed{section, mode, strings.TrimSpace(l), nil})
		default:
			section = l
		}
	}
	return all
}

// mask hides pointers.
func (p *probed) mask(l string) string {
	if !strings.HasPrefix(l, "buf ") {
		return l
	}
	row := 0
	for _, have := range p.lines {
		if strings.HasPrefix(have, "buf") {
			row++
		}
	}
	for _, x := range pointers {
		if x.call.MatchString(p.call) && row == x.row {
			from, to := 4+2*x.from, 4+2*x.to
			l = l[:from] + strings.Repeat("p", to-from) + l[to:]
		}
	}
	return l
}

// run runs the probe.
func run(t *testing.T, image, name string, args ...string) []probed {
	t.Helper()
	console := filepath.Join(t.TempDir(), "console")
	args = append(args, "-nodefaults", "-device", "VGA", "-m", "32", "-display", "none", "-debugcon", "file:"+console,
		"-drive", "if=floppy,format=raw,snapshot=on,file="+image, "-device", "isa-debug-exit,iobase=0xf4,iosize=1")
	s := guest.StartCommand(t, name, args...)
	status := s.Wait()
	out, err := os.ReadFile(console)
	if err != nil || status != 1 {
		t.Fatalf("%s: status %d, %v\n%s", name, status, err, s.Output())
	}
	return parse(t, string(out))
}

// build assembles the probe into the image of a diskette.
func build(t *testing.T) string {
	image := filepath.Join(t.TempDir(), "probe.img")
	if msg, err := exec.Command("nasm", "-f", "bin", "-w-all", "-o", image, "probe.asm").CombinedOutput(); err != nil {
		t.Fatalf("nasm: %v\n%s", err, msg)
	}
	if err := os.Truncate(image, 1440<<10); err != nil {
		t.Fatal(err)
	}
	return image
}

func whole(pattern, s string) bool {
	return pattern == "" || regexp.MustCompile("^("+pattern+")$").MatchString(s)
}

func TestProbe(t *testing.T) {
	image := build(t)
	theirs := run(t, image, "qemu-system-x86_64", "-accel", "tcg")
	for _, engine := range []string{"tcg", "interp"} {
		t.Run(engine, func(t *testing.T) {
			ours := run(t, image, guest.Goemu(t), "-accel", engine)
			if len(ours) != len(theirs) {
				t.Fatalf("%d calls, SeaBIOS has %d", len(ours), len(theirs))
			}
			seen := make([]bool, len(differences))
			for i, p := range ours {
				compare(t, p, theirs[i], seen)
			}
			for i, d := range differences {
				if !seen[i] {
					t.Errorf("no more: %s, %s", d.section, d.why)
				}
			}
		})
	}
}

func compare(t *testing.T, p, q probed, seen []bool) {
	if p.call != q.call || len(p.lines) != len(q.lines) {
		t.Errorf("%s: %s: %d lines, SeaBIOS has %s: %d lines", p.section, p.call, len(p.lines), q.call, len(q.lines))
		return
	}
lines:
	for i, l := range p.lines {
		if l == q.lines[i] {
			continue
		}
		word, _, _ := strings.Cut(l, " ")
		for n, d := range differences {
			if whole(d.section, p.section) && whole(d.mode, p.mode) && whole(d.call, p.call) && whole(d.line, word) {
				seen[n] = true
				continue lines
			}
		}
		t.Errorf("%s, mode %s, %s:\n  %s\nSeaBIOS:\n  %s", p.section, p.mode, p.call, l, q.lines[i])
	}
}
