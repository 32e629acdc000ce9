package tui

import (
	"strings"
	"testing"

	"github.com/gdamore/tcell/v2"
)

// rows are the lines of a terminal without blanks at the ends, the last that are empty left out.
func (t *vt) rows() string {
	var rows []string
	for _, l := range t.lines {
		var b strings.Builder
		for _, c := range l {
			b.WriteRune(c.r)
		}
		rows = append(rows, strings.TrimRight(b.String(), " "))
	}
	return strings.TrimRight(strings.Join(rows, "\n"), "\n")
}

// What is written to a terminal of 10 by 4, and what it shows.
func TestVT(t *testing.T) {
	for name, c := range map[string]struct {
		in, want string
		x, y     int
	}{
		"text":             {"ab\r\ncd", "ab\ncd", 2, 1},
		"line feed alone":  {"ab\ncd", "ab\n  cd", 4, 1},
		"controls":         {"ab\bc\td\x7f\x00\x07", "ac      d", 9, 0},
		"tab at the end":   {"\t\t\tx", "         x", 9, 0},
		"wraps late":       {"0123456789", "0123456789", 9, 0},
		"wraps":            {"0123456789ab", "0123456789\nab", 2, 1},
		"wraps not":        {"\x1b[?7l0123456789ab\x1b[?7h", "012345678b", 9, 0},
		"CR after the end": {"0123456789\rx", "x123456789", 1, 0},
		"scrolls":          {"a\r\nb\r\nc\r\nd\r\ne", "b\nc\nd\ne", 1, 3},
		"moves":            {"\x1b[2;3Hx\x1b[Ay\x1b[3Dz\x1b[2Bw\x1b[CE\x1b[Gs\x1b[4dt", " z y\n  x\ns w E\n t", 2, 3},
		"moves are bound":  {"\x1b[99;99Hx\x1b[99A\x1b[99Dy\x1b[99B\x1b[99C\x1b[0;0Hz", "z\n\n\n         x", 1, 0},
		"lines by E and F": {"\x1b[2Ea\x1b[Fb\x1bEc", "\nb\nc", 1, 2},
		"saved":            {"ab\x1b7cd\x1b8x\x1b[s\r\n\x1b[uy", "abxy", 4, 0},
		"erase line":       {"abcdef\x1b[3D\x1b[K\r\nabcdef\x1b[3D\x1b[1K\r\nabc\x1b[2K", "abc\n    ef", 3, 2},
		"erase below":      {"ab\r\ncd\r\nef\x1b[2;2H\x1b[J", "ab\nc", 1, 1},
		"erase above":      {"ab\r\ncd\r\nef\x1b[2;1H\x1b[1J", "\n d\nef", 0, 1},
		"erase all":        {"ab\r\ncd\x1b[2J", "", 2, 1},
		"insert, delete":   {"abcd\x1b[2G\x1b[2@\r\nabcd\x1b[2G\x1b[2P\r\nabcd\x1b[2G\x1b[2X", "a  bcd\nad\na  d", 1, 2},
		"too many":         {"abcd\x1b[2G\x1b[99@\r\nabcd\x1b[2G\x1b[99P\r\nabcd\x1b[2G\x1b[99X", "a\na\na", 1, 2},
		"lines":            {"a\r\nb\r\nc\r\nd\x1b[2;1H\x1b[L\x1b[4;1H\x1b[M\x1b[1;1H\x1b[M", "\nb", 0, 0},
		"region":           {"a\r\nb\r\nc\r\nd\x1b[2;3r\x1b[3;1H\nx\x1b[r", "a\nc\nx\nd", 0, 0},
		"region, back":     {"a\r\nb\r\nc\r\nd\x1b[2;3r\x1b[2;1H\x1bMx\x1b[T\x1b[r", "a\n\nx\nd", 0, 0},
		"region is none":   {"a\x1b[3;2rb", "ab", 2, 0},
		"scroll":           {"a\r\nb\r\nc\x1b[S", "b\nc", 1, 2},
		"other screen":     {"ab\x1b[?1049hcd\x1b[?1049l", "ab", 2, 0},
		"reset":            {"ab\x1b(0\x1bcq", "q", 1, 0},
		"line drawing":     {"\x1b(0lqk\x1b(Bl\x0ex\x0fx", "┌─┐l│x", 6, 0},
		"UTF-8":            {"é€😀", "é€😀", 3, 0},
		"no UTF-8":         {"\xc3a\xff\xe2\x82b", "\ufffda\ufffd\ufffdb", 5, 0},
		"a title":          {"\x1b]0;title\x07a\x1bPq123\x1b\\b", "ab", 2, 0},
		"unknown":          {"a\x1b[>4;1m\x1b[?5h\x1b[=1c\x1b[5zb\x1b%Gc\x1b#8d", "abcd", 4, 0},
		"cancelled":        {"a\x1b[12\x18b\x1b[3\x1b[Dc", "ac", 2, 0},
		"control within":   {"a\x1b[\r1Cb", "ab", 2, 0},
		"huge numbers":     {"a\x1b[99999999999999999999Bb\x1b[" + strings.Repeat("1;", 1000) + "Hc", "c\n\n\n b", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			// At once, and a byte at a time.
			for _, n := range []int{len(c.in), 1} {
				v := newVT(10, 4, func([]byte) {})
				for in := []byte(c.in); len(in) > 0; in = in[min(n, len(in)):] {
					v.write(in[:min(n, len(in))])
				}
				if got := v.rows(); got != c.want || v.x != c.x || v.y != c.y {
					t.Errorf("%q\n%s\ncursor %d,%d, want\n%s\n%d,%d", c.in, got, v.x, v.y, c.want, c.x, c.y)
				}
			}
		})
	}
}

func TestVTReplies(t *testing.T) {
	for in, want := range map[string]string{"\x1b[5n": "\x1b[0n", "ab\r\n\x1b[6n": "\x1b[2;1R", "\x1b[c": "\x1b[?6c", "\x1b[0c": "\x1b[?6c", "\x1b[>c": "", "\x1b[?6n": "", "\x1b[7n": ""} {
		got := ""
		newVT(10, 4, func(p []byte) { got += string(p) }).write([]byte(in))
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestVTColours(t *testing.T) {
	red, teal := tcell.PaletteColor(1), tcell.NewRGBColor(1, 2, 3)
	for in, want := range map[string]tcell.Style{
		"31": plain.Foreground(red), "1;41": plain.Bold(true).Background(red), "91;102": plain.Foreground(tcell.PaletteColor(9)).Background(tcell.PaletteColor(10)),
		"38;5;1": plain.Foreground(red), "48;2;1;2;3;4": plain.Background(teal).Underline(true), "31;0": plain, "": plain, "7;27;5;25;4;24;2;22": plain,
		"31;41;39;49": plain, "38;5": plain, "38;2;1;2": plain, "999": plain,
	} {
		v := newVT(10, 4, func([]byte) {})
		v.write([]byte("\x1b[" + in + "mx"))
		if got := v.lines[0][0].style; got != want {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
}

// What has gone out at the top is kept, but for what another screen or a region scrolls; there is a bound.
func TestVTPast(t *testing.T) {
	v := newVT(10, 4, func([]byte) {})
	v.write([]byte("1\r\n2\r\n3\r\n4\r\n5\r\n6"))
	v.write([]byte("\x1b[?1049h" + strings.Repeat("x\r\n", 20) + "\x1b[?1049l\x1b[2;4r\x1b[4;1H\n\n\x1b[r\x1b[2M"))
	if len(v.past) != 2 || v.line(0)[0].r != '1' || v.line(1)[0].r != '2' || v.line(-1) != nil || v.line(6) != nil || v.line(5) == nil {
		t.Errorf("%d lines are kept", len(v.past))
	}
	v.write([]byte(strings.Repeat("\n", 3*maxPast)))
	if len(v.past) > maxPast {
		t.Errorf("%d lines are kept", len(v.past))
	}
}

// FuzzVT writes anything in two parts: nothing crashes, and what is shown stays a screen.
func FuzzVT(f *testing.F) {
	for _, s := range []string{
		"plain\r\n\ttext", "\x1b[2;3r\x1b[99S\x1b[99T\x1bM\x1bD", "\x1b[?1049h\x1b[99@\x1b[99P\x1b[99L\x1b[99M\x1b[?1049l", "\xc3\xe2\x82\xff\xf0\x9f",
		"\x1b[38;2;1;2;3m\x1b[48;5m\x1b]0;x\x07\x1bPx\x1b\\\x1b(0qqq", "\x1b[6n\x1b[c\x1b7\x1b8\x1bc", "0123456789\b\x1b[Kx\x1b[?7lyyyyyyyyyyy",
	} {
		f.Add([]byte(s), uint8(3), uint8(10), uint8(4))
	}
	f.Fuzz(func(t *testing.T, p []byte, cut, w, h uint8) {
		if w == 0 || h == 0 {
			return
		}
		replies := 0
		v := newVT(int(w), int(h), func(p []byte) { replies += len(p) })
		n := min(int(cut), len(p))
		v.write(p[:n])
		v.write(p[n:])
		if len(v.lines) != v.h || v.x < 0 || v.x >= v.w || v.y < 0 || v.y >= v.h || v.top < 0 || v.bottom >= v.h || v.top > v.bottom {
			t.Fatalf("cursor %d,%d, region %d to %d, %d lines of a terminal of %d by %d", v.x, v.y, v.top, v.bottom, len(v.lines), v.w, v.h)
		}
		for _, l := range v.lines {
			if len(l) != v.w {
				t.Fatalf("a line of %d characters", len(l))
			}
		}
		if len(v.past) > maxPast || len(v.params) > maxParams || len(v.partial) >= 4 || replies > 10*len(p) {
			t.Fatalf("%d lines, %d bytes of parameters, %d of a character are kept, %d answered", len(v.past), len(v.params), len(v.partial), replies)
		}
	})
}
