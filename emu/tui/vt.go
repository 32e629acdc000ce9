package tui

import (
	"strings"
	"unicode/utf8"

	"github.com/gdamore/tcell/v2"
)

// vtCell is a character on a console.
type vtCell struct {
	r     rune
	style tcell.Style
}

// vt is a terminal of the kind that serial consoles expect: what of ECMA-48 and the VT220 firmware, Linux and its programs use. Not done: double width, tab stops that are set,
// reports but those of the cursor and of what the terminal is.
type vt struct {
	w, h   int
	lines  [][]vtCell
	past   [][]vtCell // lines that have gone out at the top
	x, y   int
	wrap   bool // the next character begins a line
	style  tcell.Style
	saved  struct{ x, y int }
	top    int // of the region that scrolls
	bottom int
	cursor bool
	auto   bool // lines wrap
	other  [][]vtCell
	used   bool
	reply  func(p []byte)

	state   func(t *vt, b byte)
	params  []byte // of a control sequence
	partial []byte // of a character in UTF-8
	graphic bool   // line drawing (DEC special graphics)
}

// maxPast is how many lines are kept.
const maxPast = 2000

// maxParams bounds a control sequence.
const maxParams = 64

func newVT(w, h int, reply func(p []byte)) *vt {
	t := &vt{w: w, h: h, reply: reply}
	t.reset()
	return t
}

func (t *vt) reset() {
	t.lines = t.empty()
	t.x, t.y, t.wrap, t.style = 0, 0, false, plain
	t.top, t.bottom = 0, t.h-1
	t.cursor, t.auto, t.graphic = true, true, false
	t.other, t.partial = nil, nil
	t.state = (*vt).ground
}

func (t *vt) empty() (lines [][]vtCell) {
	for range t.h {
		lines = append(lines, t.blank())
	}
	return lines
}

func (t *vt) blank() []vtCell {
	l := make([]vtCell, t.w)
	for i := range l {
		l[i] = vtCell{' ', plain}
	}
	return l
}

// line is line n, counted from the oldest that is kept; nil: there is none.
func (t *vt) line(n int) []vtCell {
	switch {
	case n < 0 || n >= len(t.past)+t.h:
		return nil
	case n < len(t.past):
		return t.past[n]
	}
	return t.lines[n-len(t.past)]
}

func (t *vt) write(p []byte) {
	for _, b := range p {
		t.state(t, b)
	}
}

func (t *vt) ground(b byte) {
	if len(t.partial) > 0 || b >= utf8.RuneSelf {
		t.utf8(b)
		return
	}
	if b >= ' ' {
		if b != 0x7f {
			t.put(rune(b))
		}
		return
	}
	t.control(b)
}

// utf8 collects a character; bytes that are none show as code page 437 would.
func (t *vt) utf8(b byte) {
	if b < utf8.RuneSelf {
		t.partial = t.partial[:0]
		t.put(utf8.RuneError)
		t.ground(b)
		return
	}
	t.partial = append(t.partial, b)
	if utf8.FullRune(t.partial) {
		r, n := utf8.DecodeRune(t.partial)
		t.partial = append(t.partial[:0], t.partial[n:]...)
		t.put(r)
		if len(t.partial) == utf8.UTFMax {
			t.partial = t.partial[:0]
		}
	}
}

func (t *vt) control(b byte) {
	switch b {
	case '\b':
		t.x, t.wrap = max(t.x-1, 0), false
	case '\t':
		t.x, t.wrap = min(t.x/8*8+8, t.w-1), false
	case '\n', '\v', '\f':
		t.feed()
	case '\r':
		t.x, t.wrap = 0, false
	case 0x0e:
		t.graphic = true
	case 0x0f:
		t.graphic = false
	case 0x1b:
		t.state = (*vt).escape
	}
}

// lineDrawing is DEC special graphics, from "`" on.
var lineDrawing = []rune("◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·")

func (t *vt) put(r rune) {
	t.used = t.used || r != ' '
	if t.graphic && r >= '`' && r <= '~' {
		r = lineDrawing[r-'`']
	}
	if t.wrap && t.auto {
		t.x = 0
		t.feed()
	}
	t.lines[t.y][t.x] = vtCell{r, t.style}
	t.wrap = t.x == t.w-1
	t.x = min(t.x+1, t.w-1)
}

// feed goes to the next line.
func (t *vt) feed() {
	t.wrap = false
	if t.y == t.bottom {
		t.scroll(t.top, 1)
		return
	}
	t.y = min(t.y+1, t.h-1)
}

// scroll moves the lines from row first to the region's end up by n, or down by -n.
func (t *vt) scroll(first, n int) {
	rows := t.bottom - first + 1
	n = max(-rows, min(n, rows))
	for ; n > 0; n-- {
		if first == 0 && t.other == nil {
			t.keep(t.lines[0])
		}
		copy(t.lines[first:t.bottom], t.lines[first+1:t.bottom+1])
		t.lines[t.bottom] = t.blank()
	}
	for ; n < 0; n++ {
		copy(t.lines[first+1:t.bottom+1], t.lines[first:t.bottom])
		t.lines[first] = t.blank()
	}
}

func (t *vt) keep(l []vtCell) {
	if len(t.past) >= maxPast {
		t.past = append(t.past[:0], t.past[maxPast/4:]...)
	}
	t.past = append(t.past, l)
}

func (t *vt) escape(b byte) {
	t.state = (*vt).ground
	switch b {
	case '[':
		t.params, t.state = t.params[:0], (*vt).csi
	case ']', 'P', 'X', '^', '_':
		t.state = (*vt).skip
	case '(', ')', '*', '+', '#', '%', ' ':
		set := b
		t.state = func(t *vt, b byte) {
			t.state = (*vt).ground
			if set == '(' {
				t.graphic = b == '0'
			}
		}
	case '7':
		t.saved.x, t.saved.y = t.x, t.y
	case '8':
		t.move(t.saved.x, t.saved.y)
	case 'D':
		t.feed()
	case 'E':
		t.x = 0
		t.feed()
	case 'M':
		if t.y == t.top {
			t.scroll(t.top, -1)
		} else {
			t.y = max(t.y-1, 0)
		}
	case 'c':
		t.reset()
	case 0x1b:
		t.state = (*vt).escape
	}
}

// skip passes over a string, up to its end: BEL or ESC \.
func (t *vt) skip(b byte) {
	switch b {
	case 7, 0x18, 0x1a:
		t.state = (*vt).ground
	case 0x1b:
		t.state = (*vt).escape // of the "\" that follows, nothing comes
	}
}

func (t *vt) csi(b byte) {
	switch {
	case b == 0x1b:
		t.state = (*vt).escape
	case b == 0x18 || b == 0x1a:
		t.state = (*vt).ground
	case b < ' ':
		t.control(b)
	case b < '@':
		if len(t.params) < maxParams {
			t.params = append(t.params, b)
		}
	default:
		t.state = (*vt).ground
		t.sequence(b)
	}
}

func (t *vt) move(x, y int) {
	t.x, t.y, t.wrap = max(0, min(x, t.w-1)), max(0, min(y, t.h-1)), false
}

// sequence does a control sequence.
func (t *vt) sequence(final byte) {
	s := string(t.params)
	if strings.HasPrefix(s, "?") {
		if final == 'h' || final == 'l' {
			for _, n := range numbers(s[1:]) {
				t.mode(n, final == 'h')
			}
		}
		return
	}
	if strings.ContainsAny(s, "<=>! $\"'") {
		return
	}
	p := numbers(s)
	n := max(p[0], 1)
	second := 1
	if len(p) > 1 {
		second = max(p[1], 1)
	}
	switch final {
	case 'A':
		t.move(t.x, t.y-n)
	case 'B', 'e':
		t.move(t.x, t.y+n)
	case 'C', 'a':
		t.move(t.x+n, t.y)
	case 'D':
		t.move(t.x-n, t.y)
	case 'E':
		t.move(0, t.y+n)
	case 'F':
		t.move(0, t.y-n)
	case 'G', '`':
		t.move(n-1, t.y)
	case 'd':
		t.move(t.x, n-1)
	case 'H', 'f':
		t.move(second-1, n-1)
	case 'J':
		t.eraseScreen(p[0])
	case 'K':
		t.eraseLine(t.y, p[0])
	case 'L':
		t.scrollFrom(-n)
	case 'M':
		t.scrollFrom(n)
	case 'S':
		t.scroll(t.top, n)
	case 'T':
		t.scroll(t.top, -n)
	case 'P':
		t.shift(-n)
	case '@':
		t.shift(n)
	case 'X':
		for x := t.x; x < min(t.x+n, t.w); x++ {
			t.lines[t.y][x] = vtCell{' ', t.style}
		}
	case 'm':
		t.style = colours(t.style, p)
	case 'r':
		bottom := t.h
		if len(p) > 1 && p[1] > 0 {
			bottom = min(p[1], t.h)
		}
		if n < bottom {
			t.top, t.bottom = n-1, bottom-1
			t.move(0, 0)
		}
	case 's':
		t.saved.x, t.saved.y = t.x, t.y
	case 'u':
		t.move(t.saved.x, t.saved.y)
	case 'n':
		t.report(p[0])
	case 'c':
		t.reply([]byte("\x1b[?6c")) // a VT102
	}
}

// numbers reads parameters; there is always one.
func numbers(s string) (p []int) {
	n := 0
	for _, b := range []byte(s) {
		switch {
		case b >= '0' && b <= '9':
			n = min(n*10+int(b-'0'), 9999)
		case b == ';' || b == ':':
			p = append(p, n)
			n = 0
		}
	}
	return append(p, n)
}
