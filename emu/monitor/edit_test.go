package monitor

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// screen is what a terminal's line shows of an output: the text since the last end of line.
func screen(out string) string {
	var line []rune
	at := 0
	for _, r := range out[strings.LastIndex(out, "J")+1:] {
		switch {
		case r == '\n':
			line, at = nil, 0
		case r == '\r':
			at = 0
		case r == '\b':
			at--
		case at < len(line):
			line[at] = r
			at++
		default:
			line = append(line, r)
			at++
		}
	}
	return strings.TrimRight(string(line[:at])+"|"+string(line[at:]), " ")
}

// What keys do, as the screen has it; | is the cursor.
func TestEditing(t *testing.T) {
	const left, up, down = "\x1b[D", "\x1b[A", "\x1b[B"
	for _, c := range []struct{ keys, want string }{
		{"stopx\x7f", "stop|"},
		{"stp" + left + "o", "sto|p"},
		{"stop\x01in\x05!", "instop!|"},
		{"ab\x02\x02\x06c", "ac|b"},
		{"abc\x1b[H\x1b[3~", "|bc"},
		{"abc\x1bOH\x04\x1bOF", "bc|"},
		{"abc\x1b[1~\x1b[C\x0b", "a|"},
		{"abc def  \x17", "abc |"},
		{"abc def\x02\x15", "|f"},
		{"sé\u6c34é" + left + left + "\x7f", "s|\u6c34é"},
		{"abc\x0c", "abc|"},
		{"abc\x03", "|"},
		{"nmi\rinfo kvm\rxy" + up + up, "nmi|"},
		{"nmi\rinfo kvm\rxy\x10\x10\x10\x0e", "info kvm|"},
		{"nmi\rxy" + up + down, "xy|"},
		{"nmi\rinfo kvm\rnmi\r" + up + up, "info kvm|"},
		{"a\x1b[9;5Zb\x1bQc\x1b[99999999999999999999999d", "abc99999999d|"},
		{down + left + "\x7f\x04\x17\x06\x0b", "|"},
		{"sto\t", "stop |"},
		{"system_p\t", "system_powerdown |"},
		{"sys\t", "system_|"},
		{"info reg\t", "info registers |"},
		{"help info la\t", "help info lapic |"},
		{"eject i\t", "eject ide1-cd0 |"},
		{"eject -f f\t", "eject -f floppy0 |"},
		{"log int,guest_\t", "log int,guest_errors |"},
		{"sendkey ctrl-alt-delet\t", "sendkey ctrl-alt-delete |"},
		{"x /2i $r1\t", "x /2i $r1|"},
		{"logfile edit_t\t", "logfile edit_test.go |"},
		{"frob x\t", "frob x|"},
		{"help in\x02\t", "help i|n"},
	} {
		out := answer(&fake{}, c.keys, true)
		if got := strings.TrimPrefix(screen(out), Prompt); got != c.want {
			t.Errorf("%q: %q, want %q; all: %q", c.keys, got, c.want, out)
		}
	}
	out := answer(&fake{}, "sendkey ctrl-sh\t\t", true)
	if !strings.Contains(out, "ctrl-shift ") || !strings.Contains(out, "ctrl-shift_r") || screen(out) != Prompt+"sendkey ctrl-shift|" {
		t.Errorf("what Tab lists: %q", out)
	}
}

func TestLines(t *testing.T) {
	f := &fake{}
	out := answer(f, "stopx\x7f\rxyz\x15c\r\nq\x03stop\r", true)
	if d := cmp.Diff([]string{"pause", "continue", "pause"}, f.log); d != "" {
		t.Error(d)
	}
	if strings.Contains(strings.ReplaceAll(out, "\r\n", ""), "\n") {
		t.Errorf("echo %q", out)
	}
	// A program gets neither echo nor keys: what it sends is its line.
	if out := answer(f, "stop\r\nstop\n", false); out != Prompt+Prompt {
		t.Errorf("%q", out)
	}
	f.log = nil
	if out := answer(f, "\bstopé\b\n", false); len(f.log) != 1 { // a backspace takes a whole character
		t.Errorf("%q", out)
	}
	s := NewSession(f, io.Discard, true)
	for i := range 3 * maxHistory {
		s.Input([]byte("nmi " + strings.Repeat("x", i) + "\r"))
	}
	if len(s.history) != maxHistory || s.history[maxHistory-1] != "nmi "+strings.Repeat("x", 3*maxHistory-1) {
		t.Errorf("%d lines are remembered", len(s.history))
	}
}

func FuzzSession(f *testing.F) {
	f.Add([]byte("info status\nhelp \"q\\\nsendkey a 5\r\n\x15\x7f"))
	f.Add([]byte("x /3xb $pc+(1*2)\np /d -'a'\nxp /2i 5\ni /w 0x64\no /b 1 2\ninfo registers -a\ninfo pci\ncpu 1\ngva2gpa ~0&$cr3%7\nmouse_move 1 2"))
	f.Add([]byte("sy\t\t\x1b[A\x1b[D\x1b[3~é\xff\x02\x7f\x17\x10\x0e\x0b\x01\x05\x06\rinfo lapic 0\rhelp \t"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, in []byte) {
		if err := os.Chdir(dir); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(in, '/') {
			return // files are written in dir alone
		}
		var out strings.Builder
		s := NewSession(&fake{}, &out, len(in)%2 == 0)
		s.Input(in)
		if len(s.line) > maxLine || s.at > len(s.line) || len(s.history) > maxHistory || len(in) < maxLine && utf8.Valid(in) && !utf8.Valid(s.line) {
			t.Errorf("the line is %q, %d, after %q", s.line, s.at, in)
		}
	})
}
