package vga

import (
	"fmt"
	"slices"
	"strings"
)

// codePage is IBM's code page 437 with the pictures of its control codes.
const codePage = "\x00☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼" +
	" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~⌂" +
	"ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀" +
	"αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ "

// runes are the characters of codePage by code.
var runes = func() (t [256]rune) {
	i := 0
	for _, r := range codePage {
		t[i] = r
		i++
	}
	t[0], t[255] = ' ', '\u00a0'
	return t
}()

// Cell is a character on a text screen.
type Cell struct {
	Char        rune
	Front, Back uint8 // colours, 0 to 15
	Blink       bool
}

// Screen is a text screen.
type Screen struct {
	Columns, Rows    int
	Cells            []Cell // Rows times Columns
	Colors           [16]uint32
	CursorX, CursorY int // -1: there is no cursor
}

// Text fills in the text screen, whose slice is used again. The error says what else is shown.
func (v *VGA) Text(to *Screen) error {
	v.storeText()
	m := v.mode()
	switch m.kind {
	case text:
	case blank:
		return fmt.Errorf("the screen is off")
	default:
		return fmt.Errorf("the screen is in a graphics mode, %dx%d", m.width, m.height)
	}
	to.Columns, to.Rows, to.Cells = m.units, 0, to.Cells[:0]
	to.CursorX, to.CursorY = -1, -1
	to.Colors = v.palette().low
	blinks := v.s.Attr[attrMode]&attrBlink != 0
	l := v.scan(&m)
	from := ^uint32(0) // the counter at the row that was taken last
	for y := range m.height {
		if l.ma != from || y == l.compare+1 {
			from = l.ma
			for x := range m.units {
				p := v.vram[cell(l.address(v, x)):]
				c := Cell{Char: runes[p[0]], Front: p[1] & 15, Back: p[1] >> 4}
				if blinks {
					c.Blink, c.Back = c.Back&8 != 0, c.Back&7
				}
				to.Cells = append(to.Cells, c)
			}
			to.Rows++
		}
		if at, on := v.cursorAt(l.row); on && (at-l.ma)&0xffff < uint32(m.units) {
			to.CursorX, to.CursorY = int((at-l.ma)&0xffff), to.Rows-1
		}
		l.next(v, y)
	}
	return nil
}

// Lines are the rows in UTF-8 without the spaces at their ends.
func (s *Screen) Lines() []string {
	var lines []string
	for y := range s.Rows {
		var b strings.Builder
		for _, c := range s.Cells[y*s.Columns : (y+1)*s.Columns] {
			b.WriteRune(c.Char)
		}
		lines = append(lines, strings.TrimRight(b.String(), " \u00a0"))
	}
	return lines
}

// Equal tells whether two screens show the same.
func (s *Screen) Equal(t *Screen) bool {
	return s.Columns == t.Columns && s.Rows == t.Rows && s.CursorX == t.CursorX && s.CursorY == t.CursorY && s.Colors == t.Colors && slices.Equal(s.Cells, t.Cells)
}
