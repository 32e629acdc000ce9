package tui

import (
	"fmt"

	"github.com/gdamore/tcell/v2"
)

// mode sets a private mode.
func (t *vt) mode(n int, on bool) {
	switch n {
	case 7:
		t.auto = on
	case 25:
		t.cursor = on
	case 47, 1047, 1049:
		switch {
		case on && t.other == nil:
			t.other, t.lines = t.lines, t.empty()
			t.saved.x, t.saved.y = t.x, t.y
		case !on && t.other != nil:
			t.lines, t.other = t.other, nil
			t.move(t.saved.x, t.saved.y)
		}
	}
}

func (t *vt) report(what int) {
	switch what {
	case 5:
		t.reply([]byte("\x1b[0n"))
	case 6:
		t.reply(fmt.Appendf(nil, "\x1b[%d;%dR", t.y+1, t.x+1))
	}
}

func (t *vt) clear(y, from, to int) {
	for x := from; x < to; x++ {
		t.lines[y][x] = vtCell{' ', t.style}
	}
}

// eraseLine erases from the cursor on (0), up to it (1), or all (2) of a line.
func (t *vt) eraseLine(y, what int) {
	switch what {
	case 0:
		t.clear(y, t.x, t.w)
	case 1:
		t.clear(y, 0, t.x+1)
	case 2:
		t.clear(y, 0, t.w)
	}
}

func (t *vt) eraseScreen(what int) {
	switch what {
	case 0:
		t.clear(t.y, t.x, t.w)
		for y := t.y + 1; y < t.h; y++ {
			t.clear(y, 0, t.w)
		}
	case 1:
		t.clear(t.y, 0, t.x+1)
		for y := range t.y {
			t.clear(y, 0, t.w)
		}
	case 2, 3:
		for y := range t.h {
			t.clear(y, 0, t.w)
		}
	}
}

// scrollFrom deletes n lines at the cursor, or inserts -n.
func (t *vt) scrollFrom(n int) {
	if t.y >= t.top && t.y <= t.bottom {
		past := t.past
		t.scroll(t.y, n)
		t.past = past // what is deleted has not gone out at the top
		t.x = 0
	}
}

// shift inserts n blanks at the cursor, or deletes -n characters.
func (t *vt) shift(n int) {
	l := t.lines[t.y][t.x:]
	k := min(max(n, -n), len(l))
	if n > 0 {
		copy(l[k:], l)
		t.clear(t.y, t.x, t.x+k)
		return
	}
	copy(l, l[k:])
	t.clear(t.y, t.w-k, t.w)
}

// colours does SGR.
func colours(s tcell.Style, p []int) tcell.Style {
	for i := 0; i < len(p); i++ {
		switch n := p[i]; {
		case n == 0:
			s = plain
		case n == 1:
			s = s.Bold(true)
		case n == 2:
			s = s.Dim(true)
		case n == 4:
			s = s.Underline(true)
		case n == 5:
			s = s.Blink(true)
		case n == 7:
			s = s.Reverse(true)
		case n == 22:
			s = s.Bold(false).Dim(false)
		case n == 24:
			s = s.Underline(false)
		case n == 25:
			s = s.Blink(false)
		case n == 27:
			s = s.Reverse(false)
		case n >= 30 && n <= 37:
			s = s.Foreground(tcell.PaletteColor(n - 30))
		case n >= 40 && n <= 47:
			s = s.Background(tcell.PaletteColor(n - 40))
		case n >= 90 && n <= 97:
			s = s.Foreground(tcell.PaletteColor(n - 90 + 8))
		case n >= 100 && n <= 107:
			s = s.Background(tcell.PaletteColor(n - 100 + 8))
		case n == 39:
			s = s.Foreground(tcell.ColorDefault)
		case n == 49:
			s = s.Background(tcell.ColorDefault)
		case n == 38 || n == 48:
			c, used := extended(p[i+1:])
			i += used
			if n == 38 {
				s = s.Foreground(c)
			} else {
				s = s.Background(c)
			}
		}
	}
	return s
}

// extended is a colour by number (5;n) or by its parts (2;r;g;b), and how many parameters it is.
func extended(p []int) (c tcell.Color, used int) {
	switch {
	case len(p) >= 2 && p[0] == 5:
		return tcell.PaletteColor(p[1] & 255), 2
	case len(p) >= 4 && p[0] == 2:
		return tcell.NewRGBColor(int32(p[1]&255), int32(p[2]&255), int32(p[3]&255)), 4
	}
	return tcell.ColorDefault, len(p)
}
