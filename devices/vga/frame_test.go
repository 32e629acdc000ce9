package vga

import (
	"slices"
	"testing"
)

// cellDots are the dots of a character cell, 1 where they have the colour of its front.
func (b *bench) cellDots(f *Frame, x, y, w int) (rows []int) {
	front := b.v.palette().low[7]
	for r := range 16 {
		n := 0
		for d := range w {
			n <<= 1
			if f.Pix[(16*y+r)*f.Width+x*w+d] == front {
				n |= 1
			}
		}
		rows = append(rows, n)
	}
	return rows
}

// glyph sets the rows of a character in font 0.
func (b *bench) glyph(ch uint32, rows ...uint8) {
	for r, v := range rows {
		b.v.vram[cell(ch<<5+uint32(r))+2] = v
	}
}

// row makes 16 rows of which those in set have a value.
func row(value int, set ...int) []int {
	r := make([]int, 16)
	for _, i := range set {
		r[i] = value
	}
	return r
}

func TestTextDots(t *testing.T) {
	b := newBench(t)
	b.v.SetTextMode(nil)
	b.set(portColorIndex, crtcCursorTop, 0x20)
	b.attr(attrPanning, 8)
	b.out(portAttr, attrScreenOn)
	b.glyph('A', 0x81)
	b.glyph(0xc4, 0x81)
	b.glyph(0xb0, 0x81)
	b.write(0x18000, 'A', 7, 0xc4, 7, 0xb0, 7, 'A', 1, 'A', 0x87)
	var f Frame
	look := func(live bool) {
		f.Live = live
		b.v.Look(&f)
	}
	want := func(what string, x int, rows []int) {
		t.Helper()
		if got := b.cellDots(&f, x, 0, 9); !slices.Equal(got, rows) {
			t.Errorf("%s: %#x", what, got)
		}
	}
	look(false)
	want("a letter has no ninth dot", 0, row(0x102, 0))
	want("a line does", 1, row(0x103, 0))
	want("a block does not", 2, row(0x102, 0))
	b.attr(attrMode, 0x08)
	b.out(portAttr, attrScreenOn)
	look(false)
	want("unless that is off", 1, row(0x102, 0))

	b.v.s.Attr[1] = b.v.s.Attr[7]
	b.set(portColorIndex, crtcUnderline, 12)
	look(false)
	rows := row(0x102, 0)
	rows[12] = 0x1ff
	want("underlined", 3, rows)
	want("not underlined", 0, row(0x102, 0))

	b.set(portColorIndex, crtcCursorTop, 13)
	b.set(portColorIndex, crtcCursorEnd, 14)
	b.set(portColorIndex, crtcCursorLow, 1)
	look(false)
	rows = row(0x1ff, 13, 14)
	rows[0] = 0x102
	want("cursor", 1, rows)
	seen := map[string]int{}
	for range 64 { // frames
		look(true)
		if b.cellDots(&f, 1, 0, 9)[13] != 0 {
			seen["cursor"]++
		}
		if b.cellDots(&f, 4, 0, 9)[0] != 0 {
			seen["text"]++
		}
		b.clock.Advance(b.v.frame)
	}
	if seen["cursor"] != 32 || seen["text"] != 32 {
		t.Errorf("seen in %v of 64 frames", seen)
	}
	look(false)
	want("still: the cursor is there", 1, rows)
	want("still: what blinks is there", 4, row(0x102, 0))
	b.set(portColorIndex, crtcCursorTop, 0x2d)
	look(false)
	want("cursor off", 1, row(0x102, 0))
}

// TestPanning: a picture moved to the left by panning is that part of the wider one.
func TestPanning(t *testing.T) {
	for name, c := range map[string]struct {
		set   func(*bench)
		dots  [4]int // to the left by panning 1, 2, 4, 8
		reset uint8
	}{
		"planar": {func(b *bench) { b.planarMode() }, [4]int{1, 2, 4, 0}, 0},
		"text of 9 dots": {func(b *bench) {
			b.v.SetTextMode(nil)
			b.set(portColorIndex, crtcCursorTop, 0x20)
		}, [4]int{2, 3, 5, 0}, 8},
		"256 colours": {func(b *bench) {
			b.planarMode()
			b.set(portGfxIndex, gfxMode, gfxShift256)
		}, [4]int{0, 2, 4, 0}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			c.set(b)
			for i := range b.v.vram[:legacyMem] {
				b.v.vram[i] = byte(i*i>>3) ^ byte(i>>7)
			}
			pan := func(n uint8) (f Frame) {
				b.attr(attrPanning, n)
				b.out(portAttr, attrScreenOn)
				b.v.Look(&f)
				return f
			}
			still := pan(c.reset)
			for i, dots := range c.dots {
				f := pan(1 << i)
				for _, y := range []int{0, 77, 399} {
					if !slices.Equal(f.Pix[y*f.Width:(y+1)*f.Width-dots], still.Pix[y*f.Width+dots:(y+1)*f.Width]) {
						t.Errorf("panning %d is not %d dots, line %d", 1<<i, dots, y)
					}
				}
			}
			b.set(portColorIndex, crtcCompare, 99) // what is below a split screen does not move if it is told so
			b.set(portColorIndex, crtcOverflow, b.v.s.CRTC[crtcOverflow]&^0x10)
			b.set(portColorIndex, crtcMaxScan, b.v.s.CRTC[crtcMaxScan]&^0x40)
			for _, on := range []bool{false, true} {
				mode := b.v.s.Attr[attrMode] &^ attrPanSplit
				if on {
					mode |= attrPanSplit
				}
				b.attr(attrMode, mode)
				f := pan(4)
				moved := !slices.Equal(f.Pix[120*f.Width:121*f.Width-9], still.Pix[20*f.Width:21*f.Width-9])
				if moved == on {
					t.Errorf("pan compatibility %v: moved %v", on, moved)
				}
			}
		})
	}
}

// TestDirtyLines: a look says which lines it has changed, and no others.
func TestDirtyLines(t *testing.T) {
	b := newBench(t)
	b.planarMode()
	b.v.s.Attr[1] = 1
	f := Frame{Live: true}
	lines := func(want ...int) {
		t.Helper()
		changed := b.v.Look(&f)
		var got []int
		for y, d := range f.Dirty {
			if d {
				got = append(got, y)
			}
		}
		if !slices.Equal(got, want) || changed != (len(want) > 0) {
			t.Errorf("lines %v, want %v", got, want)
		}
	}
	if !b.v.Look(&f) || slices.Contains(f.Dirty, false) {
		t.Error("the first look has not changed all lines")
	}
	lines()
	b.write(3*80+5, 1)
	b.write(400*80, 0) // as it was
	lines(3)
	b.write(3*80+5, 0)
	b.write(100*80+79, 0xff)
	lines(3, 100)
	b.set(portColorIndex, crtcStartLow, 80)
	lines(99, 100)
	b.out(portDACWrite, 200)
	for range 3 {
		b.out(portDACData, 9)
	}
	if !b.v.Look(&f) {
		t.Error("a colour has changed")
	}
	b.dispi(dispiXRes, 320)
	b.dispi(dispiYRes, 200)
	b.dispi(dispiBPP, 32)
	b.dispi(dispiEnable, dispiEnabled)
	b.v.Look(&f)
	b.v.vram[50*320*4+8] = 1
	lines(50)
	if f.Width != 320 || f.Height != 200 || f.Pix[50*320+2] != 1 {
		t.Error("another picture")
	}
}
