package bios

// Characters and points in graphics modes. Everything goes by cells of 8 pixels in a row: the bytes of the window on the memory, plane by
// plane where there are planes; modes with a linear frame buffer have it there.

// surface is a graphics mode's memory with the page that is meant.
type surface struct {
	v      *video
	m      *videoMode
	linear uint64 // physical address of the frame buffer, for modes of VBE; 0: the window
	stride int    // bytes from line to line
	page   int    // offset of the page
	cell   int    // bytes of 8 pixels
}

// surface prepares the adapter for access to a page; a mode that does not have it has its only one everywhere. The caller ends it by done.
func (v *video) surface(m *videoMode, page uint8) surface {
	s := surface{v: v, m: m}
	if page < m.pages() {
		s.page = int(v.word(bdaPageSize)) * int(page)
	}
	switch m.kind {
	case kindCGA:
		s.stride, s.cell = 80, m.bpp
	case kindPlanar:
		s.stride, s.cell = int(v.crtc(0x13))*2, 1
		v.setGfx(1, 0)
		v.setGfx(3, 0)
		v.setGfx(5, v.gfx(5)&^0x0b)
		v.setGfx(8, 0xff)
	default:
		s.cell = (m.bpp + 7) / 8 * 8
		s.stride = m.width / 8 * s.cell
		if m.number >= 0x100 {
			s.linear, s.stride = v.frameBuffer(), v.pitch(m)
		}
	}
	return s
}

// done leaves the adapter as modes have it.
func (s *surface) done() {
	if s.m.kind == kindPlanar {
		s.v.setSeq(2, 0x0f)
		s.v.setGfx(4, 0)
	}
}

// at is the address of a cell; ok is false where it is outside of the memory.
func (s *surface) at(column, y, n int) (a int, ok bool) {
	limit := 0x10000
	switch {
	case s.m.kind == kindCGA:
		a, limit = y&1*0x2000+y>>1*s.stride, 0x8000
	case s.linear != 0:
		a, limit = y*s.stride, 256<<20
	default:
		a = y * s.stride
	}
	a += s.page + column*s.cell
	if s.linear == 0 {
		a &= 0xffff
	}
	return a, a+n <= limit
}

func (s *surface) read(a int, p []byte) {
	if s.linear != 0 {
		if s.v.phys.ReadPhys(s.linear+uint64(a), p) != nil {
			clear(p)
		}
		return
	}
	s.v.mem.Read(uint32(s.m.segment)<<4+uint32(a), p)
}

func (s *surface) write(a int, p []byte) {
	if s.linear != 0 {
		_ = s.v.phys.WritePhys(s.linear+uint64(a), p) // past the end there is nothing to write to
		return
	}
	s.v.mem.Write(uint32(s.m.segment)<<4+uint32(a), p)
}

// planes calls f for each plane, which is chosen for reading and writing; once where there are none.
func (s *surface) planes(f func(plane int)) {
	if s.m.kind != kindPlanar {
		f(0)
		return
	}
	for n := range 4 {
		s.v.setSeq(2, 1<<n)
		s.v.setGfx(4, uint8(n))
		f(n)
	}
}

// cell8 is 8 pixels.
type cell8 [8]uint32

// pack makes the bytes of 8 pixels, for one plane.
func (s *surface) pack(px *cell8, plane int, p []byte) {
	clear(p)
	switch bpp := s.m.bpp; s.m.kind {
	case kindPlanar:
		for i, c := range px {
			p[0] |= uint8(c>>plane&1) << (7 - i)
		}
	case kindCGA:
		for i, c := range px {
			bit := i * bpp
			p[bit/8] |= uint8(c&(1<<bpp-1)) << (8 - bpp - bit%8)
		}
	default:
		n := s.cell / 8
		for i, c := range px {
			for k := range n {
				p[i*n+k] = uint8(c >> (8 * k))
			}
		}
	}
}

// unpack is the reverse; planes are added up.
func (s *surface) unpack(px *cell8, plane int, p []byte) {
	switch bpp := s.m.bpp; s.m.kind {
	case kindPlanar:
		for i := range px {
			px[i] |= uint32(p[0]>>(7-i)&1) << plane
		}
	case kindCGA:
		for i := range px {
			bit := i * bpp
			px[i] = uint32(p[bit/8]>>(8-bpp-bit%8)) & (1<<bpp - 1)
		}
	default:
		n := s.cell / 8
		for i := range px {
			for k := range n {
				px[i] |= uint32(p[i*n+k]) << (8 * k)
			}
		}
	}
}

func (s *surface) read8(column, y int) (px cell8) {
	a, ok := s.at(column, y, s.cell)
	if !ok {
		return px
	}
	var b [32]byte
	s.planes(func(plane int) {
		s.read(a, b[:s.cell])
		s.unpack(&px, plane, b[:s.cell])
	})
	return px
}

func (s *surface) write8(column, y int, px *cell8) {
	a, ok := s.at(column, y, s.cell)
	if !ok {
		return
	}
	var b [32]byte
	s.planes(func(plane int) {
		s.pack(px, plane, b[:s.cell])
		s.write(a, b[:s.cell])
	})
}

// color is what a colour attribute is as a pixel: modes without a palette get the colours of the first 16.
func (s *surface) color(attr uint8) uint32 {
	if s.m.kind != kindDirect {
		return uint32(attr)
	}
	rgb := colorRGBI(int(attr & 15))
	r, g, b := uint32(rgb[0]), uint32(rgb[1]), uint32(rgb[2]) // 6 bits
	switch s.m.bpp {
	case 15:
		return r>>1<<10 | g>>1<<5 | b>>1
	case 16:
		return r>>1<<11 | g<<5 | b>>1
	}
	return r<<18 | g<<10 | b<<2
}

// glyph reads a character's rows from the font of the graphics modes.
func (v *video) glyph(code uint8, p []byte) {
	vector, n := uint32(vecGraphicsFont), int(code)
	if len(p) == 8 && n >= 0x80 {
		vector, n = vecUpperFont, n-0x80
	}
	at := v.dword(vector * 4)
	v.mem.Read(at>>16<<4+uint32(uint16(at)+uint16(n*len(p))), p)
}

// charRows is the height of characters, as programs may have set it.
func (v *video) charRows() int { return min(int(v.word(bdaCharHeight)), 32) }

// drawChar draws a character. Bit 7 of the colour has it mixed with what is there (exclusive or), in modes of fewer than 256 colours.
func (v *video) drawChar(m *videoMode, at cursor, ch character) {
	s := v.surface(m, at.page)
	var rows [32]byte
	h := v.charRows()
	v.glyph(ch.code, rows[:h])
	front, mix := s.color(ch.attr), false
	if ch.attr&0x80 != 0 && m.number < 0x13 {
		front, mix = s.color(ch.attr&0x7f), true
	}
	for y, bits := range rows[:h] {
		px := cell8{}
		for i := range px {
			if bits>>(7-i)&1 != 0 {
				px[i] = front
			}
		}
		if mix {
			old := s.read8(int(at.x), int(at.y)*h+y)
			for i := range px {
				px[i] ^= old[i]
			}
		}
		s.write8(int(at.x), int(at.y)*h+y, &px)
	}
	s.done()
}

// recognize finds the character whose glyph is drawn at a place, 0 if there is none, and its colour.
func (v *video) recognize(m *videoMode, at cursor) (code, color uint8) {
	s := v.surface(m, at.page)
	var rows, font [32]byte
	h := v.charRows()
	for y := range h {
		for i, c := range s.read8(int(at.x), int(at.y)*h+y) {
			if c != 0 {
				rows[y] |= 0x80 >> i
				color = uint8(c)
			}
		}
	}
	s.done()
	for code := range 256 {
		v.glyph(uint8(code), font[:h])
		if font == rows {
			return uint8(code), color
		}
	}
	return 0, color
}

// setPixel sets a point; bit 7 of the colour: exclusive or, in modes of fewer than 256 colours.
func (v *video) setPixel(color, page uint8, x, y uint16) {
	m, ok := v.mode()
	if !ok || m.kind == kindText {
		return
	}
	s := v.surface(m, page)
	px := s.read8(int(x)/8, int(y))
	if p := &px[x&7]; color&0x80 != 0 && m.number < 0x13 {
		*p ^= s.color(color & 0x7f)
	} else {
		*p = s.color(color)
	}
	s.write8(int(x)/8, int(y), &px)
	s.done()
}

// pixel reads a point.
func (v *video) pixel(page uint8, x, y uint16) uint8 {
	m, ok := v.mode()
	if !ok || m.kind == kindText {
		return 0
	}
	s := v.surface(m, page)
	px := s.read8(int(x)/8, int(y))
	s.done()
	return uint8(px[x&7])
}

// scrollPixels moves an area of characters up by n lines of them, or down by -n, and fills the rest with a colour.
func (v *video) scrollPixels(m *videoMode, a area, n int, color uint8) {
	s := v.surface(m, a.page)
	h := v.charRows()
	size := a.w * s.cell
	row := v.buffer(size)
	top, rows, by := a.y*h, a.h*h, n*h
	var px cell8
	for i := range px {
		px[i] = s.color(color)
	}
	s.planes(func(plane int) {
		for i := range rows {
			y := i
			if by < 0 {
				y = rows - 1 - i
			}
			from := y + by
			to, ok := s.at(a.x, top+y, size)
			if !ok {
				continue
			}
			if source, ok := s.at(a.x, top+from, size); from >= 0 && from < rows && ok {
				s.read(source, row)
			} else if i == 0 || from == rows || from == -1 || !ok {
				for k := 0; k < size; k += s.cell {
					s.pack(&px, plane, row[k:k+s.cell])
				}
			}
			s.write(to, row)
		}
	})
	s.done()
}
