package font

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var sheets = flag.String("sheets", "", "write a PNG of each font into this directory")

// TestSheet writes pictures of the fonts for looking at: go test ./bios/font -args -sheets DIR.
func TestSheet(t *testing.T) {
	if *sheets == "" {
		t.Skip("no -sheets")
	}
	for _, h := range Heights {
		m := image.NewGray(image.Rect(0, 0, 16*20*3, 16*(h+3)*3))
		set := func(x, y int, v uint8) {
			for i := range 9 {
				m.SetGray(x*3+i%3, y*3+i/3, color.Gray{v})
			}
		}
		nine := map[byte][]byte{}
		for n := Nine(h); n[0] != 0; n = n[1+h:] {
			nine[n[0]] = n[1 : 1+h]
		}
		for code := range Count {
			for half := range 2 {
				g := Glyphs(h)[code*h : code*h+h]
				if half == 1 && nine[byte(code)] != nil {
					g = nine[byte(code)]
				}
				for y, b := range g {
					for x := range 8 + half {
						v := uint8(40 + half*30)
						if x < 8 && b>>(7-x)&1 != 0 || x == 8 && code&0xe0 == 0xc0 && b&1 != 0 {
							v = 255
						}
						set(code%16*20+half*9+x, code/16*(h+3)+y, v)
					}
				}
			}
		}
		f, err := os.Create(filepath.Join(*sheets, fmt.Sprintf("8x%d.png", h)))
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, m); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func at(h, code int) glyph { return Glyphs(h)[code*h : code*h+h] }

// baseline is the row on which letters stand, by height.
var baseline = map[int]int{8: 6, 14: 10, 16: 11}

func TestEveryGlyph(t *testing.T) {
	for _, h := range Heights {
		if n := len(Glyphs(h)); n != Count*h {
			t.Fatalf("font of %d rows has %d bytes", h, n)
		}
		seen := map[string]int{}
		for code := range Count {
			g := at(h, code)
			blank := code == 0 || code == 0x20 || code == 0xff
			if empty := bytes.Count(g, []byte{0}) == h; empty != blank {
				t.Errorf("%d rows, glyph %02x: empty is %v", h, code, empty)
			}
			if was, ok := seen[string(g)]; ok && !blank {
				t.Errorf("%d rows: glyphs %02x and %02x are the same", h, was, code)
			}
			seen[string(g)] = code
		}
	}
	if Glyphs(15) != nil {
		t.Error("a font of 15 rows")
	}
}

// Letters and digits stand on the baseline, are as high as their kind, and leave column 7 to the gap between letters.
func TestLettersAlign(t *testing.T) {
	top := map[int]map[string]int{8: {"cap": 0, "x": 2}, 14: {"cap": 2, "x": 5}, 16: {"cap": 2, "x": 5}}
	for _, h := range Heights {
		for code := '0'; code <= 'z'; code++ {
			g := at(h, int(code))
			first, end := g.rows()
			c := string(code)
			switch {
			case strings.ContainsAny(c, "gjpqyQ"):
				if end-1 <= baseline[h] && h > 8 {
					t.Errorf("%d rows: %s has no descender", h, c)
				}
			case code <= '9', code >= 'A' && code <= 'Z', code >= 'a':
				if end-1 != baseline[h] {
					t.Errorf("%d rows: %s stands on row %d, want %d", h, c, end-1, baseline[h])
				}
			default:
				continue
			}
			want := top[h]["cap"]
			if strings.ContainsAny(c, "acegmnopqrsuvwxyz") {
				want = top[h]["x"]
			}
			if first != want && !strings.ContainsAny(c, "t") {
				t.Errorf("%d rows: %s begins at row %d, want %d", h, c, first, want)
			}
			for _, b := range g {
				if b&1 != 0 {
					t.Errorf("%d rows: %s uses column 7", h, c)
					break
				}
			}
		}
	}
}

// Lines of box drawing reach the edges of the cell where they have an arm, at the same place as those of the next cell, and no other edge.
func TestBoxesConnect(t *testing.T) {
	for _, h := range Heights {
		hor, ver := at(h, 0xc4), at(h, 0xb3)
		hor2, ver2 := at(h, 0xcd), at(h, 0xba)
		column := func(g glyph, x int) (s string) {
			for _, b := range g {
				s += string('0' + b>>(7-x)&1)
			}
			return s
		}
		side := [3]string{column(at(h, 0), 0), column(hor, 0), column(hor2, 0)}
		end := [3]byte{0, ver[0], ver2[0]}
		for code, a := range boxes {
			g := at(h, code)
			if column(g, 0) != side[a.l] || column(g, 7) != side[a.r] || g[0] != end[a.u] || g[h-1] != end[a.d] {
				t.Errorf("%d rows: glyph %02x does not meet its neighbours", h, code)
			}
			if want := a.parts(); parts(g) != want {
				t.Errorf("%d rows: glyph %02x is in %d parts, want %d", h, code, parts(g), want)
			}
		}
		for x := range 8 {
			if hor[h/2-1]>>x&1 == 0 || bits.OnesCount8(ver[x]) != 2 {
				t.Errorf("%d rows: a single line has gaps", h)
			}
		}
	}
}

// parts is how many separate lines a glyph has: each double arm brings one, single arms join them.
func (a arms) parts() int {
	doubles, singles := 0, 0
	for _, n := range []int{a.l, a.r, a.u, a.d} {
		switch n {
		case 1:
			singles++
		case 2:
			doubles++
		}
	}
	switch {
	case singles == 0:
		return doubles
	case singles == 1 && doubles == 2: // it touches the near line only
		return 2
	}
	return 1
}

// parts counts the connected parts of a glyph.
func parts(g glyph) int {
	left := append(glyph{}, g...)
	var fill func(x, y int)
	fill = func(x, y int) {
		if x < 0 || x > 7 || y < 0 || y >= len(left) || left[y]>>(7-x)&1 == 0 {
			return
		}
		left[y] &^= 0x80 >> x
		fill(x-1, y)
		fill(x+1, y)
		fill(x, y-1)
		fill(x, y+1)
	}
	n := 0
	for y := range left {
		for x := range 8 {
			if left[y]>>(7-x)&1 != 0 {
				n++
				fill(x, y)
			}
		}
	}
	return n
}

func TestBlocks(t *testing.T) {
	for _, h := range Heights {
		full, lower, upper, left, right := at(h, 0xdb), at(h, 0xdc), at(h, 0xdf), at(h, 0xdd), at(h, 0xde)
		light, medium, dark := at(h, 0xb0), at(h, 0xb1), at(h, 0xb2)
		for y := range h {
			if full[y] != 0xff || lower[y]^upper[y] != 0xff || left[y]^right[y] != 0xff || light[y]^dark[y] != 0xff {
				t.Errorf("%d rows: blocks do not fill row %d together", h, y)
			}
			if n := bits.OnesCount8(light[y]); n != 2 || bits.OnesCount8(medium[y]) != 4 {
				t.Errorf("%d rows: shades have %d dots in row %d", h, n, y)
			}
		}
	}
}

// An accented letter is its letter and a mark that does not touch the neighbours.
func TestAccents(t *testing.T) {
	for _, h := range Heights {
		for _, a := range accented {
			g := at(h, a.code)
			base := at(h, a.letter)
			if a.letter == dotless {
				base = at(h, 'i')
			}
			below := baseline[h] - 2
			if a.letter < 'a' && a.letter != dotless {
				below += 2 // the capital was shortened
			}
			if !bytes.Equal(g[below:baseline[h]+1], base[below:baseline[h]+1]) {
				t.Errorf("%d rows: %02x does not stand like %c", h, a.code, a.letter)
			}
			if bytes.Equal(g, base) {
				t.Errorf("%d rows: %02x has no mark", h, a.code)
			}
		}
	}
}

func TestNine(t *testing.T) {
	for _, h := range Heights {
		n := Nine(h)
		if len(n)%(h+1) != 1 || n[len(n)-1] != 0 {
			t.Fatalf("table for %d rows has %d bytes", h, len(n))
		}
		for ; n[0] != 0; n = n[h+1:] {
			if bytes.Equal(n[1:h+1], at(h, int(n[0]))) {
				t.Errorf("%d rows: %02x is the same in 9 dots", h, n[0])
			}
		}
	}
}

func TestSheets(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"twice", "41 41\n........ ........\n", "line 1: glyph 41 is drawn twice"},
		{"short", "41\n.......\n", "line 2, glyph 41: ends before column 8"},
		{"dots", "41\n...x....\n", `line 2, glyph 41: dots "...x....": want . and #`},
		{"rows", "41", "line 1: fewer than 1 rows follow"},
	} {
		if _, err := parse(c.text, 1); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}
