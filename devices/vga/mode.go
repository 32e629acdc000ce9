package vga

import (
	"encoding/binary"
	"slices"
)

// kind is how memory becomes dots.
type kind uint8

const (
	blank  kind = iota
	text        // characters and attributes
	planar      // 16 colours, a plane each bit
	cga         // 4 or 16 colours, two bits of a plane and two of another
	chunky      // 256 colours, two dots each
	linear      // 8 to 32 bits side by side, through dispi
)

// mode is what decides how the whole screen is drawn.
type mode struct {
	kind          kind
	width, height int // dots
	units         int // characters or groups of 8 dots in a line
	dots          int // of a unit
	half          bool
	bits          int // linear: of a pixel; as dispiBPP
	big           bool
	start, pitch  int // linear: in VRAM
}

// Size of the picture while the registers say nothing useful.
const (
	idleWidth, idleHeight = 640, 400
	tooSmall              = 16
)

// mode works out what the registers say.
func (v *VGA) mode() mode {
	s := &v.s
	off := s.AttrIndex&attrScreenOn == 0
	if v.dispiOn() && s.Dispi[dispiBPP] > 4 {
		m := mode{kind: linear, width: int(s.Dispi[dispiXRes]), height: int(s.Dispi[dispiYRes])}
		if off {
			m.kind = blank
			return m
		}
		m.bits, m.big, m.start, m.pitch = int(s.Dispi[dispiBPP]), s.BigEndian, v.dispiStart(), v.dispiPitch()
		return m
	}
	m := mode{kind: text, units: int(s.CRTC[crtcDisplayEnd]) + 1, height: v.vertical(crtcVDisplay, 1, 6) + 1, dots: 8}
	m.half = s.Seq[seqClock]&seqClockHalf != 0
	switch {
	case s.Gfx[gfxMisc]&gfxGraphics == 0:
		if s.Seq[seqClock]&seqClock8 == 0 {
			m.dots = 9
		}
	case s.Gfx[gfxMode]&gfxShift256 != 0:
		m.kind, m.half = chunky, false
	case s.Gfx[gfxMode]&gfxInterleave != 0:
		m.kind = cga
	default:
		m.kind = planar
	}
	m.width = m.units * m.dots
	if v.dispiOn() {
		m.units, m.height = int(s.Dispi[dispiXRes])/8, int(s.Dispi[dispiYRes])
		m.width = m.units * 8
	}
	if m.half {
		m.width *= 2
	}
	if m.width < tooSmall || m.height < tooSmall {
		return mode{width: idleWidth, height: idleHeight}
	}
	if off || s.Seq[seqClock]&seqScreenOff != 0 {
		return mode{width: m.width, height: m.height}
	}
	return m
}

// scan walks over the lines of a VGA mode as the CRT controller does.
type scan struct {
	ma      uint32 // memory address counter at the line's start
	row     uint8  // row scan counter
	again   bool   // of a double scan line, the second
	pan     int    // dots
	pitch   uint32
	compare int
	wide    bool // dispi: addresses do not wrap at 64 KiB
}

func (v *VGA) scan(m *mode) scan {
	s := &v.s
	c := &s.CRTC
	l := scan{
		ma:      uint32(c[crtcStartHigh])<<8 | uint32(c[crtcStartLow]) + uint32(c[crtcPreset]>>5&3),
		row:     c[crtcPreset] & 31,
		pitch:   uint32(c[crtcOffset]) * 2,
		compare: v.vertical(crtcCompare, 4, 0)&0x1ff | int(c[crtcMaxScan])>>6&1<<9,
	}
	l.pan = int(s.Attr[attrPanning])
	switch {
	case m.kind == chunky:
		l.pan &= 6
	case m.dots == 9 && l.pan < 8:
		l.pan++
	case m.dots == 9:
		l.pan = 0
	default:
		l.pan &= 7
	}
	if m.half {
		l.pan *= 2
	}
	if v.dispiOn() {
		l.wide, l.row, l.pan, l.compare = true, 0, 0, m.height
		l.ma, l.pitch = uint32(v.dispiStart()/4), uint32(v.dispiPitch()/4)
	}
	return l
}

// next goes to the line after line y.
func (l *scan) next(v *VGA, y int) {
	c := &v.s.CRTC
	last := c[crtcMaxScan] & 31
	switch {
	case y == l.compare: // the lower part of a split screen
		l.ma, l.row, l.again = 0, 0, false
		if v.s.Attr[attrMode]&attrPanSplit != 0 {
			l.pan = 0
		}
	case c[crtcMaxScan]&crtcDouble != 0 && !l.again:
		l.again = true
	case l.row == last:
		l.ma += l.pitch
		l.row, l.again = 0, false
	default:
		l.row = (l.row + 1) & 31
		l.again = false
	}
}

// address is that of unit i of the line in the planes.
func (l *scan) address(v *VGA, i int) uint32 {
	ma, c := l.ma+uint32(i), &v.s.CRTC
	if l.wide {
		return ma
	}
	ma &= 0xffff
	a := ma
	switch {
	case c[crtcUnderline]&crtcDword != 0:
		a = ma<<2&0xfffc | ma>>14
	case c[crtcMode]&crtcByte != 0:
	case c[crtcMode]&crtcWrap16 != 0:
		a = ma<<1&0xfffe | ma>>15
	default:
		a = ma<<1&0xfffe | ma>>13&1
	}
	if c[crtcMode]&crtcRow0 == 0 {
		a = a&^0x2000 | uint32(l.row)&1<<13
	}
	if c[crtcMode]&crtcRow1 == 0 {
		a = a&^0x4000 | uint32(l.row)&2<<13
	}
	return a
}

// lookVGA draws the lines of a VGA mode that are not as they were; all of them if full.
func (v *VGA) lookVGA(f *Frame, full bool, b blink) {
	m := &f.mode
	stride := m.units + 2 // one more unit, for panning, and the panning
	f.words = slices.Grow(f.words[:0], stride*(m.height+1))[:stride*(m.height+1)]
	now := f.words[stride*m.height:]
	l := v.scan(m)
	for y := range m.height {
		if m.kind == text {
			v.gatherText(now[:m.units+1], &l, m, b)
		} else {
			v.gather(now[:m.units+1], &l)
		}
		now[m.units+1] = uint32(l.pan)
		if was := f.words[y*stride : (y+1)*stride]; full || !slices.Equal(was, now) {
			copy(was, now)
			f.Dirty[y] = true
			f.draw(f.Pix[y*m.width:(y+1)*m.width], now[:m.units+1], l.pan)
		}
		l.next(v, y)
	}
}

// gather fetches the planes' bytes of a line.
func (v *VGA) gather(to []uint32, l *scan) {
	mask := uint32(len(v.vram) - 1)
	for i := range to {
		to[i] = binary.LittleEndian.Uint32(v.vram[cell(l.address(v, i))&mask:])
	}
}

// fontBase are the places of the two fonts in plane 2: the one of attribute bit 3 clear, and of set.
func (v *VGA) fontBase() [2]uint32 {
	c := uint32(v.s.Seq[seqFont])
	return [2]uint32{(c&3<<1 | c>>4&1) << 13, (c>>2&3<<1 | c>>5&1) << 13}
}

// cursorAt is the address of the cursor, and whether it has a line at a row of its character.
func (v *VGA) cursorAt(row uint8) (ma uint32, on bool) {
	c := &v.s.CRTC
	ma = uint32(c[crtcCursorHigh])<<8 | uint32(c[crtcCursorLow]) + uint32(c[crtcCursorEnd]>>5&3)
	return ma, c[crtcCursorTop]&0x20 == 0 && row >= c[crtcCursorTop]&31 && row <= c[crtcCursorEnd]&31
}

// gatherText makes a line of characters: for each 9 dots, leftmost in bit 8, and from bits 16 and 24 on the colours of its ones and zeros.
func (v *VGA) gatherText(to []uint32, l *scan, m *mode, b blink) {
	s := &v.s
	font := v.fontBase()
	cursor, cursorOn := v.cursorAt(l.row)
	cursorOn = cursorOn && b.cursor
	underline := l.row == s.CRTC[crtcUnderline]&31
	blinks := s.Attr[attrMode]&attrBlink != 0
	ninth := m.dots == 9 && s.Attr[attrMode]&attrLineChars != 0
	for i := range to {
		p := v.vram[cell(l.address(v, i)):]
		ch, attr := uint32(p[0]), uint32(p[1])
		dots := uint32(v.vram[cell(font[attr>>3&1]|ch<<5|uint32(l.row))+2]) << 1
		if ninth && ch&0xe0 == 0xc0 {
			dots |= dots >> 1 & 1
		}
		if underline && attr&0x77 == 1 {
			dots = 0x1ff
		}
		front, back := attr&15, attr>>4
		if blinks {
			if back &= 7; attr&0x80 != 0 && !b.text {
				dots = 0
			}
		}
		if cursorOn && (l.ma+uint32(i))&0xffff == cursor {
			dots = 0x1ff
		}
		to[i] = dots | front<<16 | back<<24
	}
}
