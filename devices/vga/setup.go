package vga

// textMode is what a video BIOS programs for mode 3: 80x25, 720x400 at 70 Hz.
var textMode = struct {
	misc uint8
	seq  [5]uint8
	crtc [numCRTC]uint8
	gfx  [9]uint8
}{
	misc: 0x67,
	seq:  [5]uint8{0x03, 0x00, 0x03, 0x00, 0x02},
	crtc: [numCRTC]uint8{
		0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00,
		0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
	},
	gfx: [9]uint8{0, 0, 0, 0, 0, 0x10, 0x0e, 0x0f, 0xff},
}

// SetTextMode leaves the adapter as a video BIOS leaves it: in text mode 3, the screen empty. font has 16 bytes for each of 256 characters.
func (v *VGA) SetTextMode(font []byte) {
	out := v.write
	out(portMisc, textMode.misc)
	for i, b := range textMode.seq {
		out(portSeqIndex, uint8(i))
		out(portSeqData, b)
	}
	v.s.CRTC = textMode.crtc
	for i, b := range textMode.gfx {
		out(portGfxIndex, uint8(i))
		out(portGfxData, b)
	}
	for i := range 16 { // the 64 colours of the EGA, of which brown is an exception
		v.s.Attr[i] = uint8(i&7 | i>>3*0x38)
	}
	v.s.Attr[6] = 0x14
	v.s.Attr[attrMode], v.s.Attr[attrPlanes] = 0x0c, 0x0f
	v.s.AttrIndex, v.s.AttrData = attrScreenOn, false
	for i := range 64 {
		for k, c := range [3]int{2, 1, 0} {
			v.s.DAC[i][k] = uint8(i>>c&1*42 + i>>(c+3)&1*21)
		}
	}
	for a := range uint32(0x8000) {
		p := v.vram[cell(a):]
		p[0], p[1] = ' ', 7
	}
	for i, b := range font {
		v.vram[cell(uint32(i>>4<<5|i&15))+2] = b
	}
	v.retime()
	v.wrote(0, legacyMem)
	if v.direct.text {
		v.loadText()
	}
}
