package bios

import (
	_ "embed"
	"fmt"
	"sync"

	"goemu/bios/asm"
	"goemu/bios/font"
	"goemu/devices"
)

// The display adapter's ROM: 32 KiB that are copied to C0000h.
const (
	videoROMBase = 0xc0000
	videoROMSize = 0x8000
	videoROMSeg  = videoROMBase >> 4
)

// romOffset is where something is in the display adapter's ROM.
type romOffset uint16

const (
	romStrings    romOffset = 0x0400
	romStatic     romOffset = 0x0800 // of INT 10h, 1Bh
	romSave       romOffset = 0x0820 // pointers to tables, from the BIOS data area
	romSave2      romOffset = 0x0840
	romCodes      romOffset = 0x0860 // display combinations
	romParameters romOffset = 0x0900 // 64 bytes a mode
	romFont8      romOffset = 0x2000
	romFont14     romOffset = 0x2800
	romFont16     romOffset = 0x3600
	romNine14     romOffset = 0x4600
	romNine16     romOffset = 0x4800
)

// romFonts are what INT 10h, 1130h tells, from BH = 2 on.
var romFonts = [...]romOffset{romFont14, romFont8, romFont8 + 0x400, romNine14, romFont16, romNine16}

// romPointer is a far pointer into the ROM.
func romPointer(o romOffset) uint32 { return videoROMSeg<<16 | uint32(o) }

// fontPointer points to the font of a height.
func fontPointer(h int) uint32 {
	switch h {
	case 14:
		return romPointer(romFont14)
	case 16:
		return romPointer(romFont16)
	}
	return romPointer(romFont8)
}

//go:embed videorom/video.asm
var videoSource string

// videoServices are the services that stubs of the display adapter's ROM call.
var videoServices map[string]service

func init() {
	videoServices = map[string]service{
		"video_init": {run: (*Firmware).videoInit, live: true},
		"video10":    {run: (*Firmware).serialDisplay},
		"vbe_window": {run: (*Firmware).vbeWindow, live: true},
	}
}

var theVideoROM = sync.OnceValues(func() (*rom, error) {
	p, err := asm.Assemble(asm.Source{Name: "video.asm", Text: videoSource})
	if err != nil {
		return nil, fmt.Errorf("assemble the display adapter's ROM: %w", err)
	}
	if p.Origin != videoROMBase || len(p.Code) > int(romStrings) {
		return nil, fmt.Errorf("the display adapter's ROM has %#x bytes of code at %#x", len(p.Code), p.Origin)
	}
	r := &rom{image: make([]byte, videoROMSize), symbols: p.Symbols, stubs: map[uint32]stub{}}
	copy(r.image, p.Code)
	fillVideoROM(r.image)
	for name, s := range videoServices {
		first := uint32(p.Symbols[name]) + sizeOfOut
		r.stubs[first] = stub{service: s}
	}
	fix(r.image, videoROMSize-1)
	return r, nil
})

// VideoROM returns the image for the display adapter's ROM BAR.
func VideoROM() ([]byte, error) {
	r, err := theVideoROM()
	if err != nil {
		return nil, err
	}
	return append([]byte(nil), r.image...), nil
}

// Texts of function 4F00h.
var vbeTexts = [...]string{"goemu VBE", "goemu", "VGA with linear frame buffer", "1"}

// vbeText points to a text.
func vbeText(n int) uint32 {
	o := romStrings
	for _, s := range vbeTexts[:n] {
		o += romOffset(len(s) + 1)
	}
	return romPointer(o)
}

// fillVideoROM adds tables and fonts.
func fillVideoROM(p []byte) {
	for n, s := range vbeTexts {
		copy(p[uint16(vbeText(n)):], s)
	}
	// Static functionality: modes 00h to 07h and 0Dh to 13h; 200, 350 and 400 lines of text; 8 fonts, of which 2 are shown;
	// all the functions but light pen; display combinations, blinking, save and restore.
	copy(p[romStatic:], []byte{0xff, 0xe0, 0x0f, 0, 0, 0, 0, 7, 2, 8, 0xe7, 0x0c})
	le.PutUint32(p[romSave:], romPointer(romParameters))
	le.PutUint32(p[romSave+16:], romPointer(romSave2))
	le.PutUint16(p[romSave2:], 26)
	le.PutUint32(p[romSave2+2:], romPointer(romCodes))
	copy(p[romCodes:], []byte{6, 1, 8, 0, 0, 0, 0, 1, 0, 2, 2, 1, 0, 7, 0, 8})
	for i, n := range parameterModes {
		if m, ok := findMode(n); ok {
			m.parameters(p[int(romParameters)+64*i:])
		}
	}
	copy(p[romFont8:], font.Glyphs(8))
	copy(p[romFont14:], font.Glyphs(14))
	copy(p[romFont16:], font.Glyphs(16))
	copy(p[romNine14:], font.Nine(14))
	copy(p[romNine16:], font.Nine(16))
}

// parameterModes are the modes whose parameters are in the table, in IBM's order. Entries of modes that there are not stay empty.
var parameterModes = [29]uint16{
	0, 1, 2, 3, 4, 5, 6, 7, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0d, 0x0e, 0x0f, 0x10, 0x0f, 0x10, 0, 1, 2, 3, 1, 3, 7, 0x11, 0x12, 0x13,
}

// parameters lays out a mode's entry: sizes, then registers.
func (m *videoMode) parameters(p []byte) {
	p[0], p[1], p[2] = uint8(m.columns()), uint8(m.rows()-1), uint8(m.charHeight)
	le.PutUint16(p[3:], uint16(m.pageSize()))
	copy(p[5:9], m.seq[:])
	p[9] = m.misc
	copy(p[10:35], m.crtc[:])
	copy(p[35:55], m.attr[:])
	copy(p[60:63], m.gfx[:])
	p[63] = 0xff
}

// initVideo finds the display, puts its ROM where programs look for it, and sets mode 3.
func (f *Firmware) initVideo(c *Call) {
	if _, ok := f.video.adapter(); !ok {
		return
	}
	r, err := theVideoROM()
	if err != nil {
		return // NewFirmware has told
	}
	c.Write(videoROMBase, r.image)
	f.videoROM = videoROMSize
	f.videoInit(c)
}

// videoInit is the ROM's initialization.
func (f *Firmware) videoInit(c *Call) Result {
	f.video.mem = c
	f.video.init()
	f.video.mem = nil
	return Done
}

// InitVideo leaves the display as a video BIOS does, for systems that are loaded without firmware.
func InitVideo(m Memory, ports devices.PortDevice) error {
	r, err := theVideoROM()
	if err != nil {
		return err
	}
	v := &video{mem: physicalMemory{m}, ports: ports, phys: m}
	v.mem.Write(videoROMBase, r.image)
	v.init()
	return nil
}

// init sets vectors and the BIOS data area, and mode 3.
func (v *video) init() {
	r, err := theVideoROM()
	if err != nil {
		return // NewFirmware has told
	}
	const vecVideo = 0x10
	v.setDword(vecVideo*4, romPointer(romOffset(r.symbols["video10"]-videoROMBase)))
	v.setDword(vecUpperFont*4, romPointer(romFont8+0x400))
	v.setDword(vecGraphicsFont*4, romPointer(romFont8))
	v.setWord(bdaEquipment, v.word(bdaEquipment)&^0x30|0x20)
	v.setByte(bdaModeControl, 0x51)
	v.setByte(bdaDisplayCode, 8)
	v.setDword(bdaSaveTable, romPointer(romSave))
	m, _ := findMode(3)
	v.setMode(m, true, 0)
}
