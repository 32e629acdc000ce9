package tui

import "github.com/gdamore/tcell/v2"

// Styles of what is not the guest's.
var (
	plain   = tcell.StyleDefault
	dim     = plain.Foreground(tcell.ColorGray)
	bold    = plain.Bold(true)
	changed = plain.Foreground(tcell.ColorYellow).Bold(true)
	current = plain.Background(tcell.ColorDarkBlue).Foreground(tcell.ColorWhite)
	danger  = plain.Foreground(tcell.ColorRed).Bold(true)
	bar     = plain.Reverse(true)
	barOn   = plain.Background(tcell.ColorGreen).Foreground(tcell.ColorBlack)
	heading = plain.Foreground(tcell.ColorTeal).Bold(true)
)

// rect is a part of the terminal, in cells.
type rect struct{ x, y, w, h int }

func (r rect) has(x, y int) bool { return x >= r.x && x < r.x+r.w && y >= r.y && y < r.y+r.h }

// put writes text from x, y on, up to the end of the rectangle's line; it gives the column behind it.
func put(s tcell.Screen, r rect, x, y int, text string, style tcell.Style) int {
	for _, c := range text {
		if c == '\t' {
			c = ' '
		}
		if x >= r.w || y >= r.h {
			break
		}
		if x >= 0 && y >= 0 {
			s.SetContent(r.x+x, r.y+y, c, nil, style)
		}
		x++
	}
	return x
}

// fill empties a rectangle.
func fill(s tcell.Screen, r rect, style tcell.Style) {
	for y := range r.h {
		for x := range r.w {
			s.SetContent(r.x+x, r.y+y, ' ', nil, style)
		}
	}
}

// Text is what a screen shows, a line each, without the spaces at their ends.
func Text(s tcell.Screen) []string {
	w, h := s.Size()
	lines := make([]string, h)
	for y := range h {
		var row []rune
		for x := 0; x < w; {
			text, _, n := s.Get(x, y)
			if text == "" {
				text = " "
			}
			row = append(row, []rune(text)...)
			x += max(n, 1)
		}
		end := len(row)
		for end > 0 && row[end-1] == ' ' {
			end--
		}
		lines[y] = string(row[:end])
	}
	return lines
}
