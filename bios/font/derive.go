package font

import "math/bits"

// derived are the glyphs that are another one, turned.
var derived = []struct {
	code, from int
	how        func(glyph) glyph
}{
	{0x08, 0x07, negative},
	{0x0a, 0x09, negative},
	{0x11, 0x10, mirror},
	{0x19, 0x18, flip},
	{0x1b, 0x1a, mirror},
	{0x1f, 0x1e, flip},
	{0xa8, '?', func(g glyph) glyph { return mirror(flip(g)) }},
	{0xad, '!', flip},
	{0xaa, 0xa9, mirror},
	{0xaf, 0xae, mirror},
	{0xf3, 0xf2, mirror},
}

func negative(g glyph) glyph {
	r := make(glyph, len(g))
	for y := range g {
		r[y] = ^g[y]
	}
	return r
}

// mirror swaps left and right, in the columns that the glyph uses.
func mirror(g glyph) glyph {
	var all byte
	for _, b := range g {
		all |= b
	}
	r := make(glyph, len(g))
	shift := bits.LeadingZeros8(all) - bits.TrailingZeros8(all)
	for y, b := range g {
		b = bits.Reverse8(b)
		if shift >= 0 {
			r[y] = b >> shift
		} else {
			r[y] = b << -shift
		}
	}
	return r
}

// rows says which rows of a glyph have dots: from top up to, not including, end.
func (g glyph) rows() (top, end int) {
	for top < len(g) && g[top] == 0 {
		top++
	}
	end = len(g)
	for end > top && g[end-1] == 0 {
		end--
	}
	return top, end
}

// flip swaps top and bottom, in the rows that the glyph uses.
func flip(g glyph) glyph {
	r := make(glyph, len(g))
	top, end := g.rows()
	for y := top; y < end; y++ {
		r[y] = g[end-1-(y-top)]
	}
	return r
}

// based is the arrow up and down on its base line.
func based(g glyph) glyph {
	r := append(glyph{}, g...)
	_, end := g.rows()
	r[min(end, len(r)-1)] = 0xfe
	return r
}

// accent is a letter with a mark.
type accent struct {
	code   int
	letter int
	mark   string
}

// dotless stands for an i without its dot.
const dotless = 0

var accented = []accent{
	{0x80, 'C', "cedil"}, {0x87, 'c', "cedil"},
	{0x81, 'u', "dots"}, {0x82, 'e', "acute"}, {0x83, 'a', "circ"}, {0x84, 'a', "dots"}, {0x85, 'a', "grave"}, {0x86, 'a', "ring"},
	{0x88, 'e', "circ"}, {0x89, 'e', "dots"}, {0x8a, 'e', "grave"}, {0x8b, dotless, "dots"}, {0x8c, dotless, "circ"}, {0x8d, dotless, "grave"},
	{0x8e, 'A', "dots"}, {0x8f, 'A', "ring"}, {0x90, 'E', "acute"},
	{0x93, 'o', "circ"}, {0x94, 'o', "dots"}, {0x95, 'o', "grave"}, {0x96, 'u', "circ"}, {0x97, 'u', "grave"}, {0x98, 'y', "dots"},
	{0x99, 'O', "dots"}, {0x9a, 'U', "dots"},
	{0xa0, 'a', "acute"}, {0xa1, dotless, "acute"}, {0xa2, 'o', "acute"}, {0xa3, 'u', "acute"}, {0xa4, 'n', "tilde"}, {0xa5, 'N', "tilde"},
}

// compose puts the mark on the letter. A capital gives up rows for it.
func (a accent) compose(s sheet, letter glyph) glyph {
	mark := s[a.mark]
	if a.letter == dotless {
		letter = s["idotless"]
	}
	r := append(glyph{}, letter...)
	if a.letter >= 'A' && a.letter <= 'Z' && a.mark != "cedil" {
		r, mark = makeRoom(r, mark)
	}
	for y, b := range mark {
		r[y] |= b
	}
	return r
}

// makeRoom shortens a capital from above and moves the mark to the top of the cell.
func makeRoom(letter, mark glyph) (glyph, glyph) {
	top, end := mark.rows()
	height := min(end-top, 3)
	if height == 3 && mark[top]&mark[top+1] != 0 { // a stroke, not a ring, does with two
		height = 2
	}
	m := make(glyph, len(mark))
	copy(m, mark[top:top+height])
	r := append(glyph{}, letter...)
	first, last := r.rows()
	room := height + 1 // rows for the mark and the gap
	if len(letter) == 8 {
		room = 2
	}
	for first < room {
		y := spareRow(r, first+1, last-2)
		copy(r[1:y+1], r[:y])
		r[0] = 0
		first++
	}
	return r, m
}

// The fix-ups for cells of 9 dots: symmetric glyphs of odd width get their middle column twice, those that have a stem of two
// columns one more on each side.
var (
	widened = []byte{0x04, 0x05, 0x06, 0x12, 0x17, 0x18, 0x19, 0x1e, 0x1f, '*', 'M', 'V', 'W', 'X', 'Y', '^', 'm', 'v', 'w', 'x'}
	grown   = []byte{'+', '-', 'T', 0xf1, 0xf6}
)

// Nine returns the glyphs of the font of h rows that look better in cells of 9 dots, as the video BIOS has them: a code,
// then h bytes, and a 0 after the last.
func Nine(h int) []byte {
	f := Glyphs(h)
	var t []byte
	add := func(codes []byte, how func(byte) byte) {
		for _, c := range codes {
			t = append(t, c)
			for _, b := range f[int(c)*h : int(c)*h+h] {
				t = append(t, how(b))
			}
		}
	}
	add(widened, func(b byte) byte { return b&0xf0 | b&0x1e>>1 })
	add(grown, func(b byte) byte { return b&0x80 | b>>1&0x7e | b>>2&1 })
	return append(t, 0)
}
