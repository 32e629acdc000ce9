package bios

// modeKind is how a mode's memory is laid out.
type modeKind uint8

const (
	kindText   modeKind = iota
	kindCGA             // two banks of lines, 1 or 2 bits a pixel
	kindPlanar          // four planes, 8 pixels a byte
	kindPacked          // a byte a pixel
	kindDirect          // two to four bytes a pixel
)

// palette is the set of colours that a mode loads into the DAC.
type palette uint8

const (
	paletteEGA  palette = iota // 64 colours, two bits for each of red, green and blue
	paletteCGA                 // 16 colours, where the adapter has 200 lines
	paletteMono                // black, white and bright white
	paletteVGA                 // 256 colours
)

// Attribute controller registers 00h to 13h.
var (
	attrEGA = [20]uint8{0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x01, 0, 0x0f, 0}
	attrRGB = [20]uint8{0, 1, 2, 3, 4, 5, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x01, 0, 0x0f, 0}
	attrTxt = [20]uint8{0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0, 0x0f, 8}
	attrMDA = [20]uint8{0, 8, 8, 8, 8, 8, 8, 8, 0x10, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18, 0x0e, 0, 0x0f, 8}
	attrPCK = [20]uint8{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0, 0x0f, 0}
)

// CRTC registers 00h to 18h.
type crtcRegs [25]uint8

var (
	crtcText40 = crtcRegs{0x2d, 0x27, 0x28, 0x90, 0x2b, 0xa0, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x14, 0x1f, 0x96, 0xb9, 0xa3, 0xff}
	crtcText80 = crtcRegs{0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff}
	crtcMono   = crtcRegs{0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x0f, 0x96, 0xb9, 0xa3, 0xff}
	crtcCGA4   = crtcRegs{0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x14, 0x00, 0x96, 0xb9, 0xa2, 0xff}
	crtcCGA2   = crtcRegs{0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x00, 0x96, 0xb9, 0xc2, 0xff}
	crtc320    = crtcRegs{0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x14, 0x00, 0x96, 0xb9, 0xe3, 0xff}
	crtc640    = crtcRegs{0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x00, 0x96, 0xb9, 0xe3, 0xff}
	crtc350    = crtcRegs{0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x40, 0, 0, 0, 0, 0, 0, 0x83, 0x85, 0x5d, 0x28, 0x0f, 0x63, 0xba, 0xe3, 0xff}
	crtc480    = crtcRegs{0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xea, 0x8c, 0xdf, 0x28, 0x00, 0xe7, 0x04, 0xe3, 0xff}
	crtcPacked = crtcRegs{0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x41, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff}
	crtc800    = crtcRegs{0x7f, 0x63, 0x63, 0x83, 0x6b, 0x1b, 0x72, 0xf0, 0, 0x60, 0, 0, 0, 0, 0, 0, 0x59, 0x8d, 0x57, 0x32, 0x00, 0x57, 0x73, 0xe3, 0xff}
)

// videoMode is one mode: sizes in pixels, for text in characters.
type videoMode struct {
	number        uint16
	kind          modeKind
	width, height int
	bpp           int
	charHeight    int
	segment       uint16
	misc          uint8    // miscellaneous output
	seq           [4]uint8 // 01h to 04h
	crtc          *crtcRegs
	gfx           [3]uint8 // 05h to 07h; 00h to 04h are 0, 08h is FFh
	attr          *[20]uint8
	palette       palette
}

var (
	gfxText   = [3]uint8{0x10, 0x0e, 0x0f}
	gfxPlanar = [3]uint8{0x00, 0x05, 0x0f}
	attrCGA4  = [20]uint8{0, 0x13, 0x15, 0x17, 2, 4, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x01, 0, 0x03, 0}
	attrCGA2  = [20]uint8{0, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x01, 0, 0x01, 0}
	attrMono  = [20]uint8{0, 8, 0, 0, 0x18, 0x18, 0, 0, 0, 8, 0, 0, 0, 0x18, 0, 0, 0x01, 0, 0x01, 0}
	attrTwo   = [20]uint8{0, 0x3f, 0, 0x3f, 0, 0x3f, 0, 0x3f, 0, 0x3f, 0, 0x3f, 0, 0x3f, 0, 0x3f, 0x01, 0, 0x0f, 0}
)

// videoModes are the modes of INT 10h, 00h, with the register values that IBM's VGA has for them at 400 lines of text.
var videoModes = []videoMode{
	{0x00, kindText, 40, 25, 4, 16, 0xb800, 0x67, [4]uint8{0x08, 3, 0, 2}, &crtcText40, gfxText, &attrTxt, paletteEGA},
	{0x01, kindText, 40, 25, 4, 16, 0xb800, 0x67, [4]uint8{0x08, 3, 0, 2}, &crtcText40, gfxText, &attrTxt, paletteEGA},
	{0x02, kindText, 80, 25, 4, 16, 0xb800, 0x67, [4]uint8{0x00, 3, 0, 2}, &crtcText80, gfxText, &attrTxt, paletteEGA},
	{0x03, kindText, 80, 25, 4, 16, 0xb800, 0x67, [4]uint8{0x00, 3, 0, 2}, &crtcText80, gfxText, &attrTxt, paletteEGA},
	{0x04, kindCGA, 320, 200, 2, 8, 0xb800, 0x63, [4]uint8{0x09, 3, 0, 2}, &crtcCGA4, [3]uint8{0x30, 0x0f, 0x0f}, &attrCGA4, paletteCGA},
	{0x05, kindCGA, 320, 200, 2, 8, 0xb800, 0x63, [4]uint8{0x09, 3, 0, 2}, &crtcCGA4, [3]uint8{0x30, 0x0f, 0x0f}, &attrCGA4, paletteCGA},
	{0x06, kindCGA, 640, 200, 1, 8, 0xb800, 0x63, [4]uint8{0x01, 1, 0, 6}, &crtcCGA2, [3]uint8{0x00, 0x0d, 0x0f}, &attrCGA2, paletteCGA},
	{0x07, kindText, 80, 25, 4, 16, 0xb000, 0x66, [4]uint8{0x00, 3, 0, 2}, &crtcMono, [3]uint8{0x10, 0x0a, 0x0f}, &attrMDA, paletteMono},
	{0x0d, kindPlanar, 320, 200, 4, 8, 0xa000, 0x63, [4]uint8{0x09, 15, 0, 6}, &crtc320, gfxPlanar, &attrRGB, paletteCGA},
	{0x0e, kindPlanar, 640, 200, 4, 8, 0xa000, 0x63, [4]uint8{0x01, 15, 0, 6}, &crtc640, gfxPlanar, &attrRGB, paletteCGA},
	{0x0f, kindPlanar, 640, 350, 1, 14, 0xa000, 0xa3, [4]uint8{0x01, 15, 0, 6}, &crtc350, gfxPlanar, &attrMono, paletteMono},
	{0x10, kindPlanar, 640, 350, 4, 14, 0xa000, 0xa3, [4]uint8{0x01, 15, 0, 6}, &crtc350, gfxPlanar, &attrEGA, paletteEGA},
	{0x11, kindPlanar, 640, 480, 1, 16, 0xa000, 0xe3, [4]uint8{0x01, 15, 0, 6}, &crtc480, gfxPlanar, &attrTwo, paletteEGA},
	{0x12, kindPlanar, 640, 480, 4, 16, 0xa000, 0xe3, [4]uint8{0x01, 15, 0, 6}, &crtc480, gfxPlanar, &attrEGA, paletteEGA},
	{0x13, kindPacked, 320, 200, 8, 8, 0xa000, 0x63, [4]uint8{0x01, 15, 0, 14}, &crtcPacked, [3]uint8{0x40, 0x05, 0x0f}, &attrPCK, paletteVGA},
	{0x6a, kindPlanar, 800, 600, 4, 16, 0xa000, 0xe3, [4]uint8{0x01, 15, 0, 6}, &crtc800, gfxPlanar, &attrEGA, paletteEGA},
}

// findMode finds a mode of INT 10h, 00h.
func findMode(number uint16) (*videoMode, bool) {
	for i := range videoModes {
		if videoModes[i].number == number {
			return &videoModes[i], true
		}
	}
	return nil, false
}

// columns and rows are the characters on a screen.
func (m *videoMode) columns() int {
	if m.kind == kindText {
		return m.width
	}
	return m.width / 8
}

func (m *videoMode) rows() int {
	if m.kind == kindText {
		return m.height
	}
	return m.height / m.charHeight
}

// pageSize is the distance of pages, in bytes; only the low 16 bits have a place in the BIOS data area.
func (m *videoMode) pageSize() int { return m.pageSizeOf(m.height) }

func (m *videoMode) pageSizeOf(rows int) int {
	switch m.kind {
	case kindText:
		return (m.width*rows*2 + 0x7ff) &^ 0x7ff
	case kindCGA:
		return 0x4000
	}
	return (m.width*m.height/8 + 0x1fff) &^ 0x1fff
}

// Colours.

// color is the colour i of a palette: red, green and blue, 6 bits each.
func (p palette) color(i int) [3]uint8 {
	switch p {
	case paletteMono:
		return gray([4]uint8{0, 0x2a, 0x2a, 0x3f}[i>>3&3])
	case paletteCGA:
		return colorRGBI(i&7 | i>>1&8)
	case paletteVGA:
		return colorVGA(i)
	}
	bit := func(high, low int) uint8 { return uint8(i>>high&1*0x2a + i>>low&1*0x15) }
	return [3]uint8{bit(2, 5), bit(1, 4), bit(0, 3)}
}

// count is how many colours a palette has; the rest of the DAC is black.
func (p palette) count() int {
	if p == paletteVGA {
		return 248
	}
	return 64
}

func gray(v uint8) [3]uint8 { return [3]uint8{v, v, v} }

// colorRGBI is one of the CGA's 16 colours. Dark yellow is brown.
func colorRGBI(i int) [3]uint8 {
	if i == 6 {
		return [3]uint8{0x2a, 0x15, 0}
	}
	bit := func(n int) uint8 { return uint8(i>>n&1*0x2a + i>>3&1*0x15) }
	return [3]uint8{bit(2), bit(1), bit(0)}
}

// grays are the colours 10h to 1Fh of mode 13h.
var grays = [16]uint8{0, 5, 8, 11, 14, 17, 20, 24, 28, 32, 36, 40, 45, 50, 56, 63}

// hueSteps are the levels that each of the nine wheels of mode 13h has: of three intensities, three saturations each.
var hueSteps = [9][5]uint8{
	{0, 16, 31, 47, 63}, {31, 39, 47, 55, 63}, {45, 49, 54, 58, 63},
	{0, 7, 14, 21, 28}, {14, 17, 21, 24, 28}, {20, 22, 24, 26, 28},
	{0, 4, 8, 12, 16}, {8, 10, 12, 14, 16}, {11, 12, 13, 15, 16},
}

// colorVGA is a colour of mode 13h: 16 of the CGA, 16 grays, nine wheels of 24 hues from blue through red and green.
func colorVGA(i int) [3]uint8 {
	switch {
	case i < 16:
		return colorRGBI(i)
	case i < 32:
		return gray(grays[i-16])
	case i >= 248:
		return gray(0)
	}
	i -= 32
	steps, hue := &hueSteps[i/24], i%24
	level := func(hue int) uint8 { // rises for 4 steps, stays for 8, falls for 4, is 0 for 8
		switch hue %= 24; {
		case hue <= 4:
			return steps[hue]
		case hue <= 12:
			return steps[4]
		case hue <= 16:
			return steps[16-hue]
		}
		return steps[0]
	}
	return [3]uint8{level(hue), level(hue + 16), level(hue + 8)}
}
