package bios

// int10 is INT 10h, the display, as IBM's VGA BIOS has it (Video Subsystem, BIOS Interface Technical Reference), with VBE 3.0 (vbe.go). Functions that are
// not there change nothing.
func (f *Firmware) int10(c *Call) Result {
	v := &f.video
	v.mem = c
	if c.R8(AH) == 0x4f {
		v.vbe(c)
	} else if n := int(c.R8(AH)); n < len(int10Functions) && int10Functions[n] != nil {
		int10Functions[n](v, c)
	}
	v.mem = nil
	return Done
}

// teletype writes a character at the cursor and moves it on, as INT 10h, 0Eh does.
func (f *Firmware) teletype(c *Call, ch byte) {
	f.video.mem = c
	f.video.teletype(ch, 7)
	f.video.mem = nil
}

// int10Functions are the functions by AH.
var int10Functions = [0x1d]func(*video, *Call){
	0x00: (*video).fnSetMode,
	0x01: func(v *video, c *Call) { v.shapeCursor(c.R8(CH), c.R8(CL)) },
	0x02: func(v *video, c *Call) { v.moveCursor(cursor{c.R8(DL), c.R8(DH), c.R8(BH)}) },
	0x03: (*video).fnGetCursor,
	0x04: (*video).fnLightPen,
	0x05: func(v *video, c *Call) { v.showPage(c.R8(AL)) },
	0x06: func(v *video, c *Call) { v.fnScroll(c, 1) },
	0x07: func(v *video, c *Call) { v.fnScroll(c, -1) },
	0x08: (*video).fnReadChar,
	0x09: func(v *video, c *Call) { v.fnWriteChars(c, true) },
	0x0a: func(v *video, c *Call) { v.fnWriteChars(c, false) },
	0x0b: (*video).fnColors,
	0x0c: func(v *video, c *Call) { v.setPixel(c.R8(AL), c.R8(BH), c.R16(CX), c.R16(DX)) },
	0x0d: func(v *video, c *Call) { c.SetR8(AL, v.pixel(c.R8(BH), c.R16(CX), c.R16(DX))) },
	0x0e: func(v *video, c *Call) { v.teletype(c.R8(AL), c.R8(BL)) },
	0x0f: (*video).fnGetMode,
	0x10: (*video).fnPalette,
	0x11: (*video).fnFont,
	0x12: (*video).fnSelect,
	0x13: (*video).fnWriteString,
	0x1a: (*video).fnDisplayCode,
	0x1b: (*video).fnFunctionality,
	0x1c: (*video).fnState,
}

// fnSetMode sets mode AL; bit 7: memory is not cleared. AL tells the kind of mode that it was, as old programs expect.
func (v *video) fnSetMode(c *Call) {
	al := c.R8(AL)
	switch n := al &^ 0x80; {
	case n == 6:
		c.SetR8(AL, 0x3f)
	case n > 7:
		c.SetR8(AL, 0x20)
	default:
		c.SetR8(AL, 0x30)
	}
	if m, ok := findMode(uint16(al &^ 0x80)); ok {
		v.setMode(m, al&0x80 == 0, v.byte(bdaModeControl))
	}
}

func (v *video) fnGetCursor(c *Call) {
	at := v.cursorOf(c.R8(BH))
	c.SetR16(CX, v.word(bdaCursorShape))
	c.SetR16(DX, uint16(at.y)<<8|uint16(at.x))
}

// fnLightPen tells that there is none.
func (v *video) fnLightPen(c *Call) {
	for _, r := range []int{AX, BX, CX, DX} {
		c.SetR16(r, 0)
	}
}

func (v *video) fnGetMode(c *Call) {
	c.SetR8(BH, v.page())
	c.SetR8(AL, v.byte(bdaVideoMode)|v.byte(bdaVideoControl)&controlNoClear)
	c.SetR8(AH, uint8(v.word(bdaColumns)))
}

// fnSelect is INT 10h, 12h: alternate select, by BL. AL tells by 12h that the function is there.
func (v *video) fnSelect(c *Call) {
	al := c.R8(AL)
	switch c.R8(BL) {
	case 0x10: // what kind of adapter
		c.SetR16(BX, 0x0003) // 256 KiB, color
		if v.word(bdaCRTC) == portMonoCRTC {
			c.SetR16(BX, 0x0103)
		}
		c.SetR16(CX, uint16(v.byte(bdaSwitches)&0xf))
		return
	case 0x30: // scan lines of text modes: 200, 350, 400
		v.selectLines(al)
	case 0x31:
		v.flag(bdaModeControl, modeNoPalette, al&1 != 0)
	case 0x32: // the processor's access to memory
		v.out(portMiscOut, v.in(portMiscIn)&^2|^al&1<<1)
	case 0x33:
		v.flag(bdaModeControl, modeGray, al&1 == 0)
	case 0x34:
		v.flag(bdaVideoControl, controlRawShape, al&1 != 0)
	case 0x35: // switching between two adapters: there is one
	case 0x36: // refresh of the picture
		v.setSeq(1, v.seq(1)&^0x20|al&1<<5)
	default:
		return
	}
	c.SetR8(AL, 0x12)
}

// selectLines notes the scan lines that text modes ought to have. Modes have 400 nevertheless.
func (v *video) selectLines(al uint8) {
	control, switches := v.byte(bdaModeControl), v.byte(bdaSwitches)&^0xf
	switch al {
	case 0:
		control, switches = control&^0x10|0x80, switches|8
	case 1:
		control, switches = control&^0x90, switches|9
	case 2:
		control, switches = control&^0x80|0x10, switches|9
	default:
		return
	}
	v.setByte(bdaModeControl, control)
	v.setByte(bdaSwitches, switches)
}

// flag sets or clears a bit of a byte.
func (v *video) flag(a uint32, bit uint8, on bool) {
	b := v.byte(a) &^ bit
	if on {
		b |= bit
	}
	v.setByte(a, b)
}

// fnDisplayCode is INT 10h, 1Ah: the display combination code; 8 is a VGA with a color monitor.
func (v *video) fnDisplayCode(c *Call) {
	switch c.R8(AL) {
	case 0:
		c.SetR16(BX, uint16(v.byte(bdaDisplayCode)))
	case 1:
		v.setByte(bdaDisplayCode, c.R8(BL))
	default:
		return
	}
	c.SetR8(AL, 0x1a)
}

// fnFunctionality is INT 10h, 1Bh: 64 bytes about the present state to ES:DI.
func (v *video) fnFunctionality(c *Call) {
	p := v.buffer(64)
	clear(p)
	le.PutUint32(p, romPointer(romStatic))
	v.mem.Read(bdaVideoMode, p[4:4+30])
	v.mem.Read(bdaRows, p[0x22:0x25])
	p[0x25] = v.byte(bdaDisplayCode)
	if m, ok := v.mode(); ok {
		le.PutUint16(p[0x27:], uint16(min(1<<m.bpp, 0xffff)))
		p[0x29] = m.pages()
		p[0x2a] = m.scanLines()
	}
	p[0x31] = 3 // 256 KiB
	v.mem.Write(c.Addr(ES, uint32(c.R16(DI))), p)
	c.SetR8(AL, 0x1b)
}

// pages is how many pages of a mode fit into the window on the memory, at most 8.
func (m *videoMode) pages() uint8 {
	switch {
	case m.kind == kindText:
		return uint8(min(textWindow/m.pageSize(), numPages))
	case m.kind == kindPlanar && m.number < 0x100:
		return uint8(min(0x10000/m.pageSize(), numPages))
	}
	return 1
}

// scanLines is the code for a mode's lines: 200, 350, 400, 480.
func (m *videoMode) scanLines() uint8 {
	switch {
	case m.kind == kindText || m.height == 400:
		return 2
	case m.height <= 200:
		return 0
	case m.height == 350:
		return 1
	}
	return 3
}
