package bios

// VBE 3.0 (VESA BIOS Extension Core Functions Standard, version 3.0), VBE/PM 1.0 and VBE/DDC 1.1, for adapters with the Bochs display
// interface.
//
// Not done: function 4F07h with retrace or stereo, refresh rates of the caller's choice (4F02h bit 11 is ignored), secondary palettes, the
// entry in protected mode (PMInfoBlock).

// Status in AX.
const (
	vbeOK        = 0x004f
	vbeFailed    = 0x014f
	vbeWrongMode = 0x034f
	vbeNone      = 0x0100 // there is no such function
)

// Bits of a mode number.
const (
	vbeNumber  = 0x01ff
	vbeLinear  = 1 << 14
	vbeNoClear = 1 << 15
)

// The display interface's registers and the bits of dispiEnable.
const (
	dispiIndex = 0x1ce
	dispiData  = 0x1cf

	dispiID         = 0
	dispiXRes       = 1
	dispiYRes       = 2
	dispiBPP        = 3
	dispiEnable     = 4
	dispiBank       = 5
	dispiVirtWidth  = 6
	dispiVirtHeight = 7
	dispiXOffset    = 8
	dispiYOffset    = 9
	dispiMemory     = 10

	dispiOn      = 1 << 0
	dispi8BitDAC = 1 << 5
	dispiLinear  = 1 << 6
	dispiKeep    = 1 << 7
)

func (v *video) dispi(i, value uint16) {
	v.out2(dispiIndex, i)
	v.out2(dispiData, value)
}

func (v *video) dispiIn(i uint16) uint16 {
	v.out2(dispiIndex, i)
	return v.in2(dispiData)
}

// memory is the VRAM's size in bytes.
func (v *video) memory() int { return int(v.dispiIn(dispiMemory)) << 16 }

// adapter finds the display adapter on the PCI bus.
func (v *video) adapter() (at PCIAddress, ok bool) {
	pci := ConfigSpace{v.ports}
	for slot := PCIAddress(0); slot < 32; slot++ {
		a := slot << 3
		if pci.Read(a, regID, 4) == 0x1111_1234 {
			return a, true
		}
	}
	return 0, false
}

// bar is where a memory BAR of the display adapter is; 0: nowhere.
func (v *video) bar(n uint8) uint64 {
	a, ok := v.adapter()
	if !ok {
		return 0
	}
	return uint64(ConfigSpace{v.ports}.Read(a, regBAR+4*n, 4) &^ 0xf)
}

func (v *video) frameBuffer() uint64 { return v.bar(0) }

// pitch is the bytes from line to line of a VBE mode.
func (v *video) pitch(m *videoMode) int { return m.bytesOf(int(v.dispiIn(dispiVirtWidth))) }

// vbe is INT 10h, 4Fh.
func (v *video) vbe(c *Call) {
	status := uint16(vbeNone)
	switch c.R8(AL) {
	case 0x00:
		status = v.vbeInfo(c)
	case 0x01:
		status = v.vbeModeInfo(c)
	case 0x02:
		status = v.vbeSetMode(c.R16(BX))
	case 0x03:
		c.SetR16(BX, v.word(bdaVBEMode))
		status = vbeOK
	case 0x04:
		status = vbeFailed
		if how := c.R8(DL); how <= 2 && c.R16(CX) <= saveHardware|saveBDA|saveDAC|saveVBE {
			v.state(c, how, c.R16(CX))
			status = vbeOK
		}
	case 0x05:
		status = v.vbeWindow(c)
	case 0x06:
		status = v.vbeLineLength(c)
	case 0x07:
		status = v.vbeStart(c)
	case 0x08:
		status = v.vbeDACWidth(c)
	case 0x09:
		status = v.vbePalette(c)
	case 0x0a:
		status = v.vbeProtected(c)
	case 0x10:
		status = v.vbePower(c)
	case 0x15:
		status = v.vbeMonitor(c)
	}
	c.SetR16(AX, status)
}

// vbeWindow is the entry for function 05h that is called far.
func (f *Firmware) vbeWindow(c *Call) Result {
	f.video.mem = c
	c.SetR16(AX, f.video.vbeWindow(c))
	f.video.mem = nil
	return Done
}

// vbeInfo is function 00h: the controller, 256 bytes at ES:DI, or 512 if they begin with "VBE2".
func (v *video) vbeInfo(c *Call) uint16 {
	a := c.Addr(ES, uint32(c.R16(DI)))
	const listAt = 0x22
	p := v.buffer(256)
	clear(p)
	copy(p, "VESA")
	le.PutUint16(p[4:], 0x0300)
	le.PutUint32(p[6:], vbeText(0))
	le.PutUint32(p[10:], 1) // the DAC can have 8 bits
	le.PutUint32(p[14:], uint32(c.Seg[ES].Selector)<<16|uint32(c.R16(DI)+listAt))
	memory := v.memory()
	le.PutUint16(p[18:], uint16(memory>>16))
	for i := range 3 {
		le.PutUint32(p[22+4*i:], vbeText(i+1))
	}
	list := p[listAt:]
	add := func(n uint16) {
		le.PutUint16(list, n)
		list = list[2:]
	}
	for i := range vbeModes {
		if _, ok := v.findVBE(vbeModes[i].number); ok {
			add(vbeModes[i].number)
		}
	}
	for i := range videoModes {
		add(videoModes[i].number)
	}
	add(0xffff)
	v.mem.Write(a, p)
	return vbeOK
}

// vbeFind finds a mode of either kind.
func (v *video) vbeFind(number uint16) (*videoMode, bool) {
	if number < 0x100 {
		return findMode(number)
	}
	return v.findVBE(number)
}

// vbeModeInfo is function 01h: mode CX, 256 bytes at ES:DI.
func (v *video) vbeModeInfo(c *Call) uint16 {
	m, ok := v.vbeFind(c.R16(CX) & vbeNumber)
	if !ok {
		return vbeFailed
	}
	p := v.buffer(256)
	clear(p)
	m.describe(p, v.memory(), v.frameBuffer(), uint32(videoROMSeg)<<16|uint32(v.windowEntry()))
	v.mem.Write(c.Addr(ES, uint32(c.R16(DI))), p)
	return vbeOK
}

// windowEntry is the offset in the ROM of the far entry to function 05h.
func (v *video) windowEntry() uint16 {
	r, err := theVideoROM()
	if err != nil {
		return 0
	}
	return uint16(r.symbols["vbe_window"] - videoROMBase)
}

// describe fills in the mode information block.
func (m *videoMode) describe(p []byte, memory int, frameBuffer uint64, window uint32) {
	attributes := uint16(0x2b) // supported, with all information, color, not by VGA registers alone
	if m.kind == kindText {
		attributes |= 0x04 // teletype
	} else {
		attributes |= 0x10
	}
	linear := m.kind == kindPacked || m.kind == kindDirect
	if linear {
		attributes |= 0x80
	}
	if m.kind == kindText {
		attributes &^= 0x10
	}
	le.PutUint16(p[0:], attributes)
	p[2] = 7 // window A: can be moved, read, written
	le.PutUint16(p[4:], 64)
	le.PutUint16(p[6:], 64)
	le.PutUint16(p[8:], m.segment)
	le.PutUint32(p[12:], window)
	pitch := uint16(m.bytesOf(m.width))
	le.PutUint16(p[0x10:], pitch)
	le.PutUint16(p[0x12:], uint16(m.width))
	le.PutUint16(p[0x14:], uint16(m.height))
	p[0x16], p[0x17] = 8, uint8(m.charHeight)
	p[0x18], p[0x19], p[0x1a] = 1, uint8(m.bpp), 1
	pages := 1
	switch m.kind {
	case kindText:
		p[0x16] = 9
	case kindCGA:
		p[0x1a], p[0x1b], p[0x1c] = 2, 1, 8
	case kindPlanar:
		p[0x18], p[0x1b] = 4, 3
	case kindPacked:
		p[0x1b] = 4
	case kindDirect:
		p[0x1b] = 6
		f := vbeFields[m.bpp]
		copy(p[0x1f:], f[:])
		copy(p[0x36:], f[:])
		if m.bpp == 32 {
			p[0x27] = 2 // the unused byte can be used
		}
	}
	if m.kind != kindText {
		plane := (m.size()/int(p[0x18]) + 0xffff) &^ 0xffff
		pages = min(memory/(plane*int(p[0x18])), 128) - 1
	}
	p[0x1d], p[0x1e] = uint8(pages), 1
	if linear {
		le.PutUint32(p[0x28:], uint32(frameBuffer))
		le.PutUint16(p[0x32:], pitch)
	}
}

// vbeSetMode is function 02h.
func (v *video) vbeSetMode(bx uint16) uint16 {
	m, ok := v.vbeFind(bx & vbeNumber)
	if !ok {
		return vbeFailed
	}
	erase := bx&vbeNoClear == 0
	if m.number < 0x100 {
		v.setMode(m, erase, 0)
	} else {
		v.setLinear(m, erase, bx&vbeLinear != 0)
	}
	v.setWord(bdaVBEMode, bx)
	return vbeOK
}

// setLinear sets a mode by the display interface.
func (v *video) setLinear(m *videoMode, erase, linear bool) {
	v.dispi(dispiEnable, 0)
	v.programMode(m)
	v.loadPalette(m, 0)
	v.dispi(dispiXRes, uint16(m.width))
	v.dispi(dispiYRes, uint16(m.height))
	v.dispi(dispiBPP, uint16(m.bpp))
	enable := uint16(dispiOn)
	if linear {
		enable |= dispiLinear
	}
	if !erase {
		enable |= dispiKeep
	}
	v.dispi(dispiBank, 0)
	v.dispi(dispiEnable, enable)
	v.noteMode(m, 0xff, erase)
}

// linearMode is the mode set by VBE; ok is false in VGA modes.
func (v *video) linearMode() (*videoMode, bool) {
	if v.byte(bdaVideoMode) != 0xff {
		return nil, false
	}
	return v.vbeMode()
}

// vbeWindow is function 05h: which 64 KiB of memory are in window A.
func (v *video) vbeWindow(c *Call) uint16 {
	if _, ok := v.linearMode(); !ok || c.R8(BL) != 0 {
		return vbeFailed
	}
	switch c.R8(BH) {
	case 0:
		if int(c.R16(DX)) >= v.memory()>>16 {
			return vbeFailed
		}
		v.dispi(dispiBank, c.R16(DX))
	case 1:
		c.SetR16(DX, v.dispiIn(dispiBank))
	default:
		return vbeFailed
	}
	return vbeOK
}

// vbeLineLength is function 06h. BX: bytes, CX: pixels of a line, DX: how many lines there are.
func (v *video) vbeLineLength(c *Call) uint16 {
	m, ok := v.linearMode()
	if !ok {
		return vbeWrongMode
	}
	pixels := int(c.R16(CX))
	switch c.R8(BL) {
	case 0:
		v.dispi(dispiVirtWidth, uint16(pixels))
	case 1:
	case 2:
		v.dispi(dispiVirtWidth, uint16(min(pixels*8/(m.bytesOf(8)*8/8), 0xffff)))
	case 3: // the longest
		most := min(v.memory()/m.height, 0xffff)
		if m.kind == kindPlanar {
			most /= 4
		}
		c.SetR16(BX, uint16(most))
		c.SetR16(CX, uint16(most*8/m.bytesOf(8)))
		c.SetR16(DX, uint16(m.height))
		return vbeOK
	default:
		return vbeFailed
	}
	pitch := v.pitch(m)
	c.SetR16(BX, uint16(pitch))
	c.SetR16(CX, v.dispiIn(dispiVirtWidth))
	lines := v.memory() / max(pitch, 1)
	if m.kind == kindPlanar {
		lines /= 4
	}
	c.SetR16(DX, uint16(min(lines, 0xffff)))
	return vbeOK
}

// vbeStart is function 07h: which pixel of memory is the first of the picture. CX: column, DX: line.
func (v *video) vbeStart(c *Call) uint16 {
	if _, ok := v.linearMode(); !ok {
		return vbeWrongMode
	}
	switch c.R8(BL) {
	case 0x00, 0x80:
		v.dispi(dispiXOffset, c.R16(CX))
		v.dispi(dispiYOffset, c.R16(DX))
	case 0x01:
		c.SetR8(BH, 0)
		c.SetR16(CX, v.dispiIn(dispiXOffset))
		c.SetR16(DX, v.dispiIn(dispiYOffset))
	default:
		return vbeFailed
	}
	return vbeOK
}

// vbeDACWidth is function 08h: bits of a primary colour, 6 or 8.
func (v *video) vbeDACWidth(c *Call) uint16 {
	m, ok := v.linearMode()
	switch {
	case !ok || c.R8(BL) > 1:
		return vbeFailed
	case m.kind == kindDirect:
		return vbeWrongMode
	}
	enable := v.dispiIn(dispiEnable)
	switch {
	case c.R8(BL) == 1 && enable&dispi8BitDAC != 0:
		c.SetR8(BH, 8)
	case c.R8(BL) == 1:
		c.SetR8(BH, 6)
	case c.R8(BH) == 6:
		v.dispi(dispiEnable, enable&^dispi8BitDAC)
	case c.R8(BH) == 8:
		v.dispi(dispiEnable, enable|dispi8BitDAC)
	default:
		return vbeFailed
	}
	return vbeOK
}

// vbePalette is function 09h: CX colours from DX on, in four bytes each at ES:DI: blue, green, red, 0.
func (v *video) vbePalette(c *Call) uint16 {
	first, count := int(c.R16(DX)), int(c.R16(CX))
	if first+count > 256 {
		return vbeFailed
	}
	a := c.Addr(ES, uint32(c.R16(DI)))
	p := v.buffer(4 * count)
	var rgb [3]byte
	switch c.R8(BL) {
	case 0x00, 0x80:
		v.mem.Read(a, p)
		for i := range count {
			rgb = [3]byte{p[4*i+2], p[4*i+1], p[4*i]}
			v.writeDAC(uint8(first+i), rgb[:])
		}
	case 0x01:
		for i := range count {
			v.readDAC(uint8(first+i), rgb[:])
			copy(p[4*i:], []byte{rgb[2], rgb[1], rgb[0], 0})
		}
		v.mem.Write(a, p)
	case 0x02, 0x03:
		return 0x024f // the hardware has no second palette
	default:
		return vbeFailed
	}
	return vbeOK
}

// vbeProtected is function 0Ah: where functions for protected mode are.
func (v *video) vbeProtected(c *Call) uint16 {
	r, err := theVideoROM()
	if err != nil || c.R8(BL) != 0 {
		return vbeFailed
	}
	at := r.symbols["vbe_code"]
	c.SetSeg(ES, videoROMSeg)
	c.SetR16(DI, uint16(at-videoROMBase))
	c.SetR16(CX, uint16(r.symbols["vbe_code_end"]-at))
	return vbeOK
}

// vbePower is function 10h. States other than 0, on, blank the screen.
func (v *video) vbePower(c *Call) uint16 {
	switch c.R8(BL) {
	case 0:
		c.SetR16(BX, 0x0f30) // all states; version 3.0 of the interface
	case 1:
		v.setByte(bdaPower, c.R8(BH))
		seq := v.seq(1) &^ 0x20
		if c.R8(BH) != 0 {
			seq |= 0x20
		}
		v.setSeq(1, seq)
	case 2:
		c.SetR8(BH, v.byte(bdaPower))
	default:
		return vbeFailed
	}
	return vbeOK
}

// vbeMonitor is function 15h: what the monitor says about itself, in blocks of 128 bytes.
func (v *video) vbeMonitor(c *Call) uint16 {
	switch c.R8(BL) {
	case 0:
		c.SetR16(BX, 0x0103) // DDC1 and DDC2, a second a block
	case 1:
		const blocks = 2
		base, n := v.bar(2), uint64(c.R16(DX))
		if base == 0 || n >= blocks {
			return vbeFailed
		}
		p := v.buffer(128)
		for i := range p {
			p[i] = byte(v.phys.Read(base+128*n+uint64(i), 1))
		}
		v.mem.Write(c.Addr(ES, uint32(c.R16(DI))), p)
	default:
		return vbeFailed
	}
	return vbeOK
}

// saveDispi saves the display interface's registers.
func (v *video) saveDispi(p []byte) []byte {
	for i := uint16(dispiXRes); i <= dispiYOffset; i++ {
		p = le.AppendUint16(p, v.dispiIn(i))
	}
	return p
}

// restoreDispi restores them without clearing memory.
func (v *video) restoreDispi(p []byte) {
	at := func(i uint16) uint16 { return le.Uint16(p[2*(i-dispiXRes):]) }
	v.dispi(dispiEnable, 0)
	for i := uint16(dispiXRes); i <= dispiBPP; i++ {
		v.dispi(i, at(i))
	}
	if at(dispiEnable)&dispiOn == 0 {
		return
	}
	v.dispi(dispiEnable, at(dispiEnable)|dispiKeep)
	v.dispi(dispiEnable, at(dispiEnable)) // on already: nothing is cleared
	for _, i := range []uint16{dispiBank, dispiVirtWidth, dispiXOffset, dispiYOffset} {
		v.dispi(i, at(i))
	}
}
