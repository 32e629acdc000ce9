package bios

import "goemu/bios/font"

// Interrupt vectors that point to fonts.
const (
	vecGraphicsFont = 0x43 // of the graphics modes
	vecUpperFont    = 0x1f // codes 80h to FFh of 8 by 8
)

// mode is the mode that is set. ok is false when the BIOS data area holds none that there is.
func (v *video) mode() (*videoMode, bool) {
	n := v.byte(bdaVideoMode)
	if n == 0xff {
		return v.vbeMode()
	}
	return findMode(uint16(n))
}

// setMode sets a VGA mode. control has modeNoPalette and modeGray.
func (v *video) setMode(m *videoMode, erase bool, control uint8) {
	v.dispi(dispiEnable, 0)
	v.setWord(bdaVBEMode, m.number)
	v.programMode(m)
	v.loadPalette(m, control)
	v.noteMode(m, uint8(m.number), erase)
	if erase {
		v.eraseAll(m)
	}
	if m.kind == kindText {
		v.loadFont(font.Glyphs(m.charHeight), 0, font.Count, 0, m.charHeight)
		if m.seq[0]&1 == 0 {
			v.loadNine(m.charHeight, 0)
		}
	}
}

// programMode writes a mode's registers, the screen off meanwhile.
func (v *video) programMode(m *videoMode) {
	v.attrIndex()
	v.out(portAttr, 0)
	v.setSeq(0, 1)
	v.setSeq(1, m.seq[0]|0x20)
	for i, b := range m.seq[1:] {
		v.setSeq(uint8(i+2), b)
	}
	v.out(portMiscOut, m.misc)
	v.setSeq(0, 3)
	v.setCRTC(0x11, 0) // registers 0 to 7 can be written
	for i, b := range m.crtc {
		v.setCRTC(uint8(i), b)
	}
	for i := range uint8(5) {
		v.setGfx(i, 0)
	}
	for i, b := range m.gfx {
		v.setGfx(uint8(i+5), b)
	}
	v.setGfx(8, 0xff)
	v.attrIndex()
	for i, b := range m.attr {
		v.out(portAttr, uint8(i))
		v.out(portAttr, b)
	}
	v.out(portAttr, 0x14)
	v.out(portAttr, 0)
	v.out(portAttr, attrScreenOn)
	v.setSeq(1, m.seq[0])
}

// loadPalette fills the DAC, as control says.
func (v *video) loadPalette(m *videoMode, control uint8) {
	v.out(portDACMask, 0xff)
	if control&modeNoPalette != 0 {
		return
	}
	v.out(portDACWrite, 0)
	for i := range 256 {
		rgb := [3]uint8{}
		if i < m.palette.count() {
			rgb = m.palette.color(i)
		}
		if control&modeGray != 0 {
			rgb = gray(brightness(rgb))
		}
		for _, b := range rgb {
			v.out(portDACData, b)
		}
	}
}

// brightness is the gray that is as bright as a colour: 30 % red, 59 % green, 11 % blue.
func brightness(c [3]uint8) uint8 {
	return uint8(min((77*int(c[0])+151*int(c[1])+28*int(c[2])+0x80)>>8, 0x3f))
}

// noteMode fills in the BIOS data area.
func (v *video) noteMode(m *videoMode, number uint8, erase bool) {
	v.setByte(bdaVideoMode, number)
	v.setWord(bdaColumns, uint16(m.columns()))
	v.setWord(bdaPageSize, uint16(m.pageSize()))
	v.setWord(bdaCRTC, v.crtcPort())
	v.setByte(bdaRows, uint8(m.rows()-1))
	v.setWord(bdaCharHeight, uint16(m.charHeight))
	control := uint8(0x60)
	if !erase {
		control |= controlNoClear
	}
	v.setByte(bdaVideoControl, control)
	v.setByte(bdaSwitches, 0xf9)
	v.setByte(bdaModeControl, v.byte(bdaModeControl)&^0x80)
	for p := range uint32(numPages) {
		v.setWord(bdaCursorPos+2*p, 0)
	}
	v.setWord(bdaPageStart, 0)
	v.setByte(bdaVideoPage, 0)
	shape := uint16(0)
	if m.kind == kindText {
		shape = 0x0607
	}
	v.setWord(bdaCursorShape, shape)
	v.setDword(vecGraphicsFont*4, fontPointer(m.charHeight))
}

// eraseAll clears the memory that a mode shows: text to spaces, grey on black.
func (v *video) eraseAll(m *videoMode) {
	size, fill := 0x8000, uint16(0)
	switch m.kind {
	case kindText:
		fill = 0x0720
	case kindPlanar, kindPacked:
		size = 0x10000
	}
	p := v.buffer(4096)
	for i := 0; i < len(p); i += 2 {
		le.PutUint16(p[i:], fill)
	}
	for a := 0; a < size; a += len(p) {
		v.mem.Write(uint32(m.segment)<<4+uint32(a), p)
	}
}
