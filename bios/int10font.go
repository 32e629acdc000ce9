package bios

import "goemu/bios/font"

// fnFont is INT 10h, 11h: character generators. AL 0xh loads fonts into plane 2, 1xh and makes the screen's lines fit; 2xh sets those of graphics modes.
func (v *video) fnFont(c *Call) {
	al, bl := c.R8(AL), c.R8(BL)
	user := uint32(c.R16(BP)) | uint32(c.Seg[ES].Selector)<<16
	switch al {
	case 0x00, 0x10:
		h := int(c.R8(BH))
		p := v.buffer(int(min(c.R16(CX), font.Count)) * h)
		v.mem.Read(c.Addr(ES, uint32(c.R16(BP))), p)
		v.loadFont(p, int(c.R16(DX)), len(p)/max(h, 1), bl, h)
		if al == 0x10 {
			v.setCharHeight(h)
		}
	case 0x01, 0x02, 0x04, 0x11, 0x12, 0x14:
		h := map[uint8]int{1: 14, 2: 8, 4: 16}[al&15]
		v.loadFont(font.Glyphs(h), 0, font.Count, bl, h)
		if m, ok := v.mode(); ok && m.kind == kindText && v.seq(1)&1 == 0 {
			v.loadNine(h, bl)
		}
		if al >= 0x10 {
			v.setCharHeight(h)
		}
	case 0x03:
		v.setSeq(3, bl)
	case 0x20:
		v.setDword(vecUpperFont*4, user)
	case 0x21:
		v.graphicsFont(user, c.R16(CX), bl, c.R8(DL))
	case 0x22:
		v.graphicsFont(romPointer(romFont14), 14, bl, c.R8(DL))
	case 0x23:
		v.graphicsFont(romPointer(romFont8), 8, bl, c.R8(DL))
	case 0x24:
		v.graphicsFont(romPointer(romFont16), 16, bl, c.R8(DL))
	case 0x30:
		v.fontInfo(c)
	}
}

// fontInfo tells where a font is.
func (v *video) fontInfo(c *Call) {
	var at uint32
	switch bh := c.R8(BH); bh {
	case 0:
		at = v.dword(vecUpperFont * 4)
	case 1:
		at = v.dword(vecGraphicsFont * 4)
	default:
		i := int(bh) - 2
		if i >= len(romFonts) {
			return
		}
		at = romPointer(romFonts[i])
	}
	c.SetSeg(ES, uint16(at>>16))
	c.SetR16(BP, uint16(at))
	c.SetR16(CX, v.word(bdaCharHeight))
	c.SetR8(DL, v.byte(bdaRows))
}

// graphicsFont sets the font of graphics modes, with the number of rows by a code: 0: dl, 14, 25, 43.
func (v *video) graphicsFont(pointer uint32, height uint16, code, dl uint8) {
	v.setDword(vecGraphicsFont*4, pointer)
	rows := uint8(25)
	switch code {
	case 0:
		rows = dl
	case 1:
		rows = 14
	case 3:
		rows = 43
	}
	v.setByte(bdaRows, rows-1)
	v.setWord(bdaCharHeight, height)
}

// fontBlock is the offset of one of the eight fonts in plane 2.
func fontBlock(block uint8) uint32 {
	n := uint32(block & 7)
	return n&3<<14 | n>>2<<13
}

// openFonts gives the processor plane 2 at A000h, as bytes in a row; what it returns undoes that.
func (v *video) openFonts() func() {
	seq2, seq4, gfx4, gfx5, gfx6 := v.seq(2), v.seq(4), v.gfx(4), v.gfx(5), v.gfx(6)
	v.setSeq(0, 1)
	v.setSeq(2, 4)
	v.setSeq(4, 7)
	v.setSeq(0, 3)
	v.setGfx(4, 2)
	v.setGfx(5, 0)
	v.setGfx(6, 4)
	return func() {
		v.setSeq(0, 1)
		v.setSeq(2, seq2)
		v.setSeq(4, seq4)
		v.setSeq(0, 3)
		v.setGfx(4, gfx4)
		v.setGfx(5, gfx5)
		v.setGfx(6, gfx6)
	}
}

// loadFont puts count glyphs of h rows into a font from code first on. Each has room for 32 rows.
func (v *video) loadFont(p []byte, first, count int, block uint8, h int) {
	if h == 0 || h > 32 {
		return
	}
	end := v.openFonts()
	for i := range min(count, font.Count-first) {
		v.mem.Write(0xa0000+fontBlock(block)+uint32(first+i)*32, p[i*h:i*h+h])
	}
	end()
}

// loadNine replaces the glyphs that look better in cells of 9 dots.
func (v *video) loadNine(h int, block uint8) {
	end := v.openFonts()
	for n := font.Nine(h); n[0] != 0; n = n[h+1:] {
		v.mem.Write(0xa0000+fontBlock(block)+uint32(n[0])*32, n[1:h+1])
	}
	end()
}

// setCharHeight makes cells h rows high, and as many lines of text as there is room for.
func (v *video) setCharHeight(h int) {
	m, ok := v.mode()
	if !ok || h == 0 || h > 32 {
		return
	}
	v.setCRTC(9, v.crtc(9)&0xe0|uint8(h-1))
	v.setWord(bdaCharHeight, uint16(h))
	if h == 8 {
		v.shapeCursor(6, 7)
	} else {
		v.shapeCursor(uint8(h-3), uint8(h-2))
	}
	lines := int(v.crtc(0x12)) | int(v.crtc(7))&2<<7 | int(v.crtc(7))&0x40<<3
	rows := (lines + 1) / h
	v.setByte(bdaRows, uint8(rows-1))
	if m.kind == kindText {
		v.setWord(bdaPageSize, uint16((int(v.word(bdaColumns))*rows*2+0x7ff)&^0x7ff))
	}
}
