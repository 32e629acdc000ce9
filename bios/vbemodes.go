package bios

// vbeModes are the modes of VBE: numbers of the standard where it gives some, then those that video BIOSes for the same
// display interface have. Sizes in pixels.
var vbeModes = []struct {
	number        uint16
	width, height int
	bpp           int
}{
	{0x100, 640, 400, 8}, {0x101, 640, 480, 8}, {0x102, 800, 600, 4}, {0x103, 800, 600, 8},
	{0x104, 1024, 768, 4}, {0x105, 1024, 768, 8}, {0x106, 1280, 1024, 4}, {0x107, 1280, 1024, 8},
	{0x10d, 320, 200, 15}, {0x10e, 320, 200, 16}, {0x10f, 320, 200, 24},
	{0x110, 640, 480, 15}, {0x111, 640, 480, 16}, {0x112, 640, 480, 24},
	{0x113, 800, 600, 15}, {0x114, 800, 600, 16}, {0x115, 800, 600, 24},
	{0x116, 1024, 768, 15}, {0x117, 1024, 768, 16}, {0x118, 1024, 768, 24},
	{0x119, 1280, 1024, 15}, {0x11a, 1280, 1024, 16}, {0x11b, 1280, 1024, 24},
	{0x11c, 1600, 1200, 8}, {0x11d, 1600, 1200, 15}, {0x11e, 1600, 1200, 16}, {0x11f, 1600, 1200, 24},
	{0x140, 320, 200, 32}, {0x141, 640, 400, 32}, {0x142, 640, 480, 32}, {0x143, 800, 600, 32},
	{0x144, 1024, 768, 32}, {0x145, 1280, 1024, 32}, {0x146, 320, 200, 8}, {0x147, 1600, 1200, 32},
	{0x148, 1152, 864, 8}, {0x149, 1152, 864, 15}, {0x14a, 1152, 864, 16}, {0x14b, 1152, 864, 24}, {0x14c, 1152, 864, 32},
	{0x175, 1280, 768, 16}, {0x176, 1280, 768, 24}, {0x177, 1280, 768, 32},
	{0x178, 1280, 800, 16}, {0x179, 1280, 800, 24}, {0x17a, 1280, 800, 32},
	{0x17b, 1280, 960, 16}, {0x17c, 1280, 960, 24}, {0x17d, 1280, 960, 32},
	{0x17e, 1440, 900, 16}, {0x17f, 1440, 900, 24}, {0x180, 1440, 900, 32},
	{0x181, 1400, 1050, 16}, {0x182, 1400, 1050, 24}, {0x183, 1400, 1050, 32},
	{0x184, 1680, 1050, 16}, {0x185, 1680, 1050, 24}, {0x186, 1680, 1050, 32},
	{0x187, 1920, 1200, 16}, {0x188, 1920, 1200, 24}, {0x189, 1920, 1200, 32},
	{0x18a, 2560, 1600, 16}, {0x18b, 2560, 1600, 24}, {0x18c, 2560, 1600, 32},
	{0x18d, 1280, 720, 16}, {0x18e, 1280, 720, 24}, {0x18f, 1280, 720, 32},
	{0x190, 1920, 1080, 16}, {0x191, 1920, 1080, 24}, {0x192, 1920, 1080, 32},
	{0x193, 1600, 900, 16}, {0x194, 1600, 900, 24}, {0x195, 1600, 900, 32},
	{0x196, 2560, 1440, 16}, {0x197, 2560, 1440, 24}, {0x198, 2560, 1440, 32},
	{0x199, 3840, 2160, 16}, {0x19a, 3840, 2160, 32}, {0x19b, 4096, 2160, 16}, {0x19c, 4096, 2160, 32},
	{0x19d, 5120, 2160, 16}, {0x19e, 5120, 2160, 32},
}

// fields are where red, green, blue and what is left are in a pixel: width and lowest bit.
type fields [8]uint8

var vbeFields = map[int]fields{
	15: {5, 10, 5, 5, 5, 0, 1, 15},
	16: {5, 11, 6, 5, 5, 0, 0, 0},
	24: {8, 16, 8, 8, 8, 0, 0, 0},
	32: {8, 16, 8, 8, 8, 0, 8, 24},
}

// bytesOf is what a line of n pixels takes, per plane.
func (m *videoMode) bytesOf(n int) int {
	switch m.kind {
	case kindText:
		return n * 2
	case kindPlanar, kindCGA:
		if m.kind == kindCGA {
			n *= m.bpp
		}
		return n / 8
	}
	return n * ((m.bpp + 7) / 8)
}

// size is the VRAM that a mode needs, in bytes.
func (m *videoMode) size() int {
	n := m.bytesOf(m.width) * m.height
	if m.kind == kindPlanar {
		n *= 4
	}
	return n
}

// findVBE makes the description of a VBE mode. It needs more memory than there is: ok is false.
func (v *video) findVBE(number uint16) (*videoMode, bool) {
	for i := range vbeModes {
		d := &vbeModes[i]
		if d.number != number {
			continue
		}
		kind := kindDirect
		base := uint16(0x13)
		switch d.bpp {
		case 4:
			kind, base = kindPlanar, 0x6a
		case 8:
			kind = kindPacked
		}
		b, _ := findMode(base)
		v.described = *b
		m := &v.described
		m.number, m.kind, m.width, m.height, m.bpp, m.charHeight = number, kind, d.width, d.height, d.bpp, 16
		return m, m.size() <= v.memory()
	}
	return nil, false
}

// vbeMode is the VBE mode that is set.
func (v *video) vbeMode() (*videoMode, bool) { return v.findVBE(v.word(bdaVBEMode) & vbeNumber) }
