package bios

// textWindow is the memory that text modes have: 32 KiB.
const textWindow = 0x8000

// character is a character with its colours.
type character struct {
	code, attr uint8
	keep       bool // leave the attribute that is there; in graphics modes: attr is the colour all the same
}

// cellAt is the offset of a character in a text mode's memory.
func (v *video) cellAt(at cursor) int {
	return int(v.word(bdaPageSize))*int(at.page) + (int(at.y)*int(v.word(bdaColumns))+int(at.x))*2
}

// put writes a character.
func (v *video) put(m *videoMode, at cursor, ch character) {
	if m.kind != kindText {
		v.drawChar(m, at, ch)
		return
	}
	a := v.cellAt(at)
	switch {
	case a+2 > textWindow:
	case ch.keep:
		v.setByte(uint32(m.segment)<<4+uint32(a), ch.code)
	default:
		v.setWord(uint32(m.segment)<<4+uint32(a), uint16(ch.attr)<<8|uint16(ch.code))
	}
}

// fnWriteChars is INT 10h, 09h and 0Ah: CX times the character AL, from the cursor of page BH on. Lines flow into the next.
func (v *video) fnWriteChars(c *Call, withAttr bool) {
	m, ok := v.mode()
	if !ok {
		return
	}
	at := v.cursorOf(c.R8(BH))
	ch := character{c.R8(AL), c.R8(BL), !withAttr}
	count := int(c.R16(CX))
	if m.kind == kindText {
		v.fillText(m, at, ch, count)
		return
	}
	cols := uint8(v.word(bdaColumns))
	for n := range count {
		if n >= 0x10000/8 { // every place has been written to
			break
		}
		v.put(m, at, ch)
		if at.x++; at.x == cols {
			at.x, at.y = 0, at.y+1
		}
	}
}

// fillText writes a run of one character. Behind the end of the segment it goes on at its beginning.
func (v *video) fillText(m *videoMode, at cursor, ch character, count int) {
	a := v.cellAt(at)
	if end := a + count*2; end > 0x10000 {
		v.fillText(m, cursor{}, ch, min(end-0x10000, textWindow)/2)
	}
	n := min(count*2, textWindow-a)
	if n <= 0 {
		return
	}
	p := v.buffer(n)
	linear := uint32(m.segment)<<4 + uint32(a)
	if ch.keep {
		v.mem.Read(linear, p)
	}
	for i := 0; i+1 < n; i += 2 {
		if p[i] = ch.code; !ch.keep {
			p[i+1] = ch.attr
		}
	}
	v.mem.Write(linear, p)
}

// fnReadChar is INT 10h, 08h: the character at the cursor of page BH, in graphics modes the one whose glyph is there, or 0.
func (v *video) fnReadChar(c *Call) {
	m, ok := v.mode()
	if !ok {
		return
	}
	at := v.cursorOf(c.R8(BH))
	if m.kind != kindText {
		code, color := v.recognize(m, at)
		c.SetR16(AX, uint16(color)<<8|uint16(code))
		return
	}
	if a := v.cellAt(at); a+2 <= textWindow {
		c.SetR16(AX, v.word(uint32(m.segment)<<4+uint32(a)))
	}
}

// teletype writes a character at the cursor of the page that is shown and moves the cursor on.
func (v *video) teletype(code, attr uint8) {
	m, ok := v.mode()
	if !ok {
		return
	}
	at := v.cursorOf(v.page())
	v.typeChar(m, &at, character{code, attr, true})
	v.moveCursor(at)
}

// typeChar is how a teletype writes: it knows bell, backspace, line feed and carriage return.
func (v *video) typeChar(m *videoMode, at *cursor, ch character) {
	switch ch.code {
	case 7: // there is nobody to hear it
	case 8:
		if at.x > 0 {
			at.x--
		}
	case 10:
		at.y++
	case 13:
		at.x = 0
	default:
		v.put(m, *at, ch)
		if at.x++; at.x == uint8(v.word(bdaColumns)) {
			at.x, at.y = 0, at.y+1
		}
	}
	rows := int(v.byte(bdaRows)) + 1
	if int(at.y) >= rows {
		at.y--
		cols := int(v.word(bdaColumns))
		fill := character{code: ' '}
		if m.kind == kindText {
			fill.attr = 7
		}
		v.scroll(m, area{0, 0, cols, rows, at.page}, 1, fill)
	}
}

// fnWriteString is INT 10h, 13h. AL bit 0: the cursor goes along; bit 1: each character is followed by its attribute.
func (v *video) fnWriteString(c *Call) {
	m, ok := v.mode()
	if !ok {
		return
	}
	at := cursor{c.R8(DL), c.R8(DH), c.R8(BH)}
	from := c.Addr(ES, 0)
	off := c.R16(BP)
	attr, mixed := c.R8(BL), c.R8(AL)&2 != 0
	for range c.R16(CX) {
		code := v.byte(from + uint32(off))
		off++
		if mixed {
			attr = v.byte(from + uint32(off))
			off++
		}
		v.typeChar(m, &at, character{code: code, attr: attr})
	}
	if c.R8(AL)&1 != 0 {
		v.moveCursor(at)
	}
}

// area is a rectangle of characters.
type area struct {
	x, y, w, h int
	page       uint8
}

// fnScroll is INT 10h, 06h and 07h: the rectangle from CX to DX moves by AL lines, 0: all of it is cleared.
func (v *video) fnScroll(c *Call, direction int) {
	m, ok := v.mode()
	if !ok {
		return
	}
	cols, rows := int(v.word(bdaColumns)), int(v.byte(bdaRows))+1
	left, top := int(c.R8(CL)), int(c.R8(CH))
	right, bottom := min(int(c.R8(DL)), cols-1), min(int(c.R8(DH)), rows-1)
	a := area{left, top, right - left + 1, bottom - top + 1, v.page()}
	if a.w <= 0 || a.h <= 0 {
		return
	}
	n := int(c.R8(AL))
	if n == 0 || n > a.h {
		n = a.h
	}
	v.scroll(m, a, n*direction, character{code: ' ', attr: c.R8(BH)})
}

// scroll moves an area up by n lines, or down by -n, and clears the rest.
func (v *video) scroll(m *videoMode, a area, n int, fill character) {
	if m.kind != kindText {
		v.scrollPixels(m, a, n, fill.attr)
		return
	}
	stride := int(v.word(bdaColumns)) * 2
	start := int(v.word(bdaPageSize))*int(a.page) + a.y*stride + a.x*2
	if size := start + a.h*stride; size > textWindow {
		a.h = (textWindow - start) / stride
		if a.h <= 0 {
			return
		}
	}
	lines := n
	if lines < 0 {
		lines = -lines
	}
	lines = min(lines, a.h)
	base := uint32(m.segment)<<4 + uint32(start)
	// The whole block from the first line to the last is read and written at once: full lines are the case that matters.
	p := v.buffer((a.h-1)*stride + a.w*2)
	v.mem.Read(base, p)
	move := func(to, from int) { copy(p[to*stride:to*stride+a.w*2], p[from*stride:from*stride+a.w*2]) }
	if n > 0 {
		for y := 0; y < a.h-lines; y++ {
			move(y, y+lines)
		}
		v.clearLines(p, stride, a.w, a.h-lines, a.h, fill)
	} else {
		for y := a.h - 1; y >= lines; y-- {
			move(y, y-lines)
		}
		v.clearLines(p, stride, a.w, 0, lines, fill)
	}
	v.mem.Write(base, p)
}

// clearLines fills lines of a block of text.
func (v *video) clearLines(p []byte, stride, w, from, to int, fill character) {
	for y := from; y < to; y++ {
		row := p[y*stride : y*stride+w*2]
		for i := 0; i < len(row); i += 2 {
			if row[i] = fill.code; !fill.keep {
				row[i+1] = fill.attr
			}
		}
	}
}
