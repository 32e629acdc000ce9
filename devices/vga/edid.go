package vga

import "encoding/binary"

// EDID says what the monitor tells of itself (VESA E-EDID 1.4).
type EDID struct {
	XRes, YRes int // preferred mode; 0: 1024x768
}

// established are bytes 35 to 37: 640x480, 800x600 at several rates; 800x600, 1024x768, 1280x1024; no others.
var established = [3]uint8{0x2f, 0xcf, 0x00}

// standard are the standard timings: 60 Hz, with the code of their aspect ratio.
var standard = [8]struct {
	x, y  int
	shape uint8
}{
	{1920, 1080, 3}, {1680, 1050, 0}, {1600, 1200, 1}, {1440, 900, 0}, {1280, 1024, 2}, {1280, 960, 1}, {1280, 720, 3}, {1024, 768, 1},
}

const (
	edidBlock = 128
	dpi       = 96
)

// block makes the EDID: one block, and nothing behind it.
func (e EDID) block() (b [256]byte) {
	if e.XRes <= 0 || e.YRes <= 0 || e.XRes > 4088 || e.YRes > 4095 {
		e.XRes, e.YRes = 1024, 768
	}
	mm := func(dots int) int { return dots * 254 / (dpi * 10) }
	copy(b[:], "\x00\xff\xff\xff\xff\xff\xff\x00")
	binary.BigEndian.PutUint16(b[8:], ('G'-'@')<<10|('M'-'@')<<5|('U'-'@')) // "GMU"
	binary.LittleEndian.PutUint16(b[10:], Model)
	b[16], b[17] = 1, 2026-1990 // week and year of manufacture
	b[18], b[19] = 1, 4         // version
	b[20] = 0xa5                // digital, 8 bits a colour, DisplayPort
	b[21], b[22] = uint8(min(mm(e.XRes)/10, 255)), uint8(min(mm(e.YRes)/10, 255))
	b[23] = 120                                                                      // gamma 2.2
	b[24] = 0x06                                                                     // sRGB, the first detailed timing is the native one
	copy(b[25:], []byte{0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54}) // chromaticity of sRGB
	copy(b[35:], established[:])
	for i, m := range standard {
		b[38+2*i], b[39+2*i] = uint8(m.x/8-31), m.shape<<6
	}
	e.detailed(b[54:72], mm)
	copy(b[72:], "\x00\x00\x00\xfd\x00\x32\x7d\x1e\xa0\x3c\x01\x0a\x20\x20\x20\x20\x20\x20") // 50-125 Hz, 30-160 kHz, 600 MHz
	copy(b[90:], "\x00\x00\x00\xfc\x00goemu\x0a       ")
	copy(b[108:], "\x00\x00\x00\xff\x001\x0a           ")
	var sum byte
	for _, x := range b[:edidBlock-1] {
		sum += x
	}
	b[edidBlock-1] = -sum
	return b
}

// detailed is the timing of the preferred mode: 60 Hz, blanking of 25 % and 35 lines.
func (e EDID) detailed(b []byte, mm func(int) int) {
	hb, vb := e.XRes/4&^7, 35
	hfront, hsync, vfront, vsync := hb/4&^7, hb/4&^7, 1, 3
	w, h := mm(e.XRes), mm(e.YRes)
	binary.LittleEndian.PutUint16(b, uint16(min((e.XRes+hb)*(e.YRes+vb)*60/10_000, 65535)))
	high := func(a, c int) byte { return byte(a>>8<<4 | c>>8) }
	for i, x := range []byte{
		byte(e.XRes), byte(hb), high(e.XRes, hb), byte(e.YRes), byte(vb), high(e.YRes, vb),
		byte(hfront), byte(hsync), byte(vfront<<4 | vsync), byte(hfront>>8<<6 | hsync>>8<<4),
		byte(w), byte(h), high(w, h), 0, 0, 0x18,
	} {
		b[2+i] = x
	}
}
