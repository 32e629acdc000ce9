// Package font has goemu's own fonts for the video BIOS: code page 437 in cells of 8 by 8, 8 by 14 and 8 by 16 dots.
//
// Letters, digits and signs are drawn by hand in 8x16.txt and 8x8.txt. Made from those are accented letters (letter and mark), glyphs that are
// another's mirror image or negative, box drawing and blocks (any height), the 8 by 14 font (one row less in the body, one at the foot; where no row is
// doubled, 8x14.txt says how), and the fix-ups for cells of 9 dots.
//
// A glyph is one byte a row, bit 7 the leftmost dot. Column 7 of letters is blank. The baseline is row 11 of 16, 10 of 14, 6 of 8.
package font

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Count is the number of glyphs of a font.
const Count = 256

// Heights are the rows of a cell that there are fonts for.
var Heights = []int{8, 14, 16}

//go:embed 8x8.txt
var drawn8 string

//go:embed 8x14.txt
var drawn14 string

//go:embed 8x16.txt
var drawn16 string

type glyph []byte // one byte a row

// sheet is a set of drawn glyphs by the name above them: a code in hexadecimal or the name of a part.
type sheet map[string]glyph

var fonts = sync.OnceValue(func() map[int][]byte {
	m := map[int][]byte{}
	m[8] = build(mustParse(drawn8, 8), 8)
	m[16] = build(mustParse(drawn16, 16), 16)
	m[14] = squeezeFont(m[16], mustParse(drawn14, 14))
	return m
})

// Glyphs returns the 256 glyphs of the font whose cells have h rows: h bytes each. Other heights than those of Heights give nil.
// The caller must not change the bytes.
func Glyphs(h int) []byte { return fonts()[h] }

// mustParse reads a sheet that is part of the program; TestSheets reads them all.
func mustParse(text string, h int) sheet {
	s, err := parse(text, h)
	if err != nil {
		panic(err)
	}
	return s
}

// parse reads a sheet: bands of glyphs side by side, nine columns each, under a line with their names.
func parse(text string, h int) (sheet, error) {
	s := sheet{}
	lines := strings.Split(text, "\n")
	for n := 0; n < len(lines); n++ {
		names := strings.Fields(lines[n])
		if len(names) == 0 || names[0] == "#" {
			continue
		}
		if n+h >= len(lines) {
			return nil, fmt.Errorf("line %d: fewer than %d rows follow", n+1, h)
		}
		for col, name := range names {
			if s[name] != nil {
				return nil, fmt.Errorf("line %d: glyph %s is drawn twice", n+1, name)
			}
			for y := range h {
				b, err := parseRow(lines[n+1+y], col*9)
				if err != nil {
					return nil, fmt.Errorf("line %d, glyph %s: %w", n+2+y, name, err)
				}
				s[name] = append(s[name], b)
			}
		}
		n += h
	}
	return s, nil
}

func parseRow(line string, at int) (byte, error) {
	if len(line) < at+8 {
		return 0, fmt.Errorf("ends before column %d", at+8)
	}
	dots := strings.NewReplacer(".", "0", "#", "1").Replace(line[at : at+8])
	v, err := strconv.ParseUint(dots, 2, 8)
	if err != nil {
		return 0, fmt.Errorf("dots %q: want . and #", line[at:at+8])
	}
	return byte(v), nil
}

// build makes a whole font from its drawn glyphs.
func build(s sheet, h int) []byte {
	f := make([]byte, Count*h)
	at := func(code int) glyph { return f[code*h : code*h+h] }
	for code := range Count {
		copy(at(code), s[fmt.Sprintf("%02x", code)])
	}
	for _, d := range derived {
		copy(at(d.code), d.how(at(d.from)))
	}
	copy(at(0x17), based(at(0x12)))
	for _, a := range accented {
		copy(at(a.code), a.compose(s, at(a.letter)))
	}
	for code, arms := range boxes {
		copy(at(code), box(arms, h))
	}
	for code, b := range blocks {
		copy(at(code), b.draw(h))
	}
	return f
}

// squeezeFont makes the 14-row font from that of 16 rows. Glyphs in over are as drawn there.
func squeezeFont(f16 []byte, over sheet) []byte {
	const h = 14
	f := make([]byte, Count*h)
	for code := range Count {
		to := f[code*h : code*h+h]
		if g := over[fmt.Sprintf("%02x", code)]; g != nil {
			copy(to, g)
			continue
		}
		copy(to, without(f16[code*16:code*16+15], spareRow(f16[code*16:code*16+16], 6, 11)))
	}
	for code, arms := range boxes {
		copy(f[code*h:], box(arms, h))
	}
	for code, b := range blocks {
		copy(f[code*h:], b.draw(h))
	}
	return f
}

// spareRow finds the row from first to last that is missed least: the one nearest the middle that is like the one above it, or the middle one.
func spareRow(g glyph, first, last int) int {
	mid := (first + last) / 2
	best := -1
	for y := first; y <= last; y++ {
		if g[y] == g[y-1] && (best < 0 || abs(y-mid) < abs(best-mid)) {
			best = y
		}
	}
	if best < 0 {
		return mid
	}
	return best
}

func abs(n int) int { return max(n, -n) }

func without(g glyph, row int) glyph {
	return append(append(glyph{}, g[:row]...), g[row+1:]...)
}
