package bios

// fnPalette is INT 10h, 10h: the attribute controller and the DAC, by AL.
func (v *video) fnPalette(c *Call) {
	bl, bh := c.R8(BL), c.R8(BH)
	table := c.Addr(ES, uint32(c.R16(DX)))
	switch c.R8(AL) {
	case 0x00:
		if bl <= 0x14 {
			v.setAttr(bl, bh)
		}
	case 0x01:
		v.setAttr(0x11, bh)
	case 0x02:
		p := v.buffer(17)
		v.mem.Read(table, p)
		for i, b := range p[:16] {
			v.setAttr(uint8(i), b)
		}
		v.setAttr(0x11, p[16])
	case 0x03:
		v.setAttr(0x10, v.attr(0x10)&^8|bl&1<<3)
	case 0x07:
		if bl <= 0x14 {
			c.SetR8(BH, v.attr(bl))
		}
	case 0x08:
		c.SetR8(BH, v.attr(0x11))
	case 0x09:
		p := v.buffer(17)
		for i := range p[:16] {
			p[i] = v.attr(uint8(i))
		}
		p[16] = v.attr(0x11)
		v.mem.Write(table, p)
	case 0x10:
		v.writeDAC(bl, []byte{c.R8(DH), c.R8(CH), c.R8(CL)})
	case 0x12:
		p := v.buffer(3 * int(min(c.R16(CX), 256)))
		v.mem.Read(table, p)
		v.writeDAC(bl, p)
	case 0x13:
		v.selectColorPage(bl, bh)
	case 0x15:
		p := v.buffer(3)
		v.readDAC(bl, p)
		c.SetR8(DH, p[0])
		c.SetR8(CH, p[1])
		c.SetR8(CL, p[2])
	case 0x17:
		p := v.buffer(3 * int(min(c.R16(CX), 256)))
		v.readDAC(bl, p)
		v.mem.Write(table, p)
	case 0x18:
		v.out(portDACMask, bl)
	case 0x19:
		c.SetR8(BL, v.in(portDACMask))
	case 0x1a:
		mode, page := v.attr(0x10), v.attr(0x14)&15
		if mode&0x80 == 0 {
			page >>= 2
		}
		c.SetR16(BX, uint16(page)<<8|uint16(mode>>7))
	case 0x1b:
		v.grayDAC(bl, int(min(c.R16(CX), 256)))
	}
}

// selectColorPage chooses whether the DAC has 4 pages of 64 colours or 16 of 16 (what 0), or the page.
func (v *video) selectColorPage(what, value uint8) {
	mode := v.attr(0x10)
	if what&1 == 0 {
		v.setAttr(0x10, mode&0x7f|value<<7)
		return
	}
	if mode&0x80 == 0 {
		value <<= 2
	}
	v.setAttr(0x14, value&15)
}

// writeDAC sets colours from first on, three bytes each.
func (v *video) writeDAC(first uint8, p []byte) {
	v.out(portDACWrite, first)
	for _, b := range p {
		v.out(portDACData, b)
	}
}

func (v *video) readDAC(first uint8, p []byte) {
	v.out(portDACRead, first)
	for i := range p {
		p[i] = v.in(portDACData)
	}
}

// grayDAC replaces colours by grays of their brightness.
func (v *video) grayDAC(first uint8, count int) {
	var p [3]byte
	for i := range count {
		n := first + uint8(i)
		v.readDAC(n, p[:])
		p = gray(brightness(p))
		v.writeDAC(n, p[:])
	}
}

// fnColors is INT 10h, 0Bh: border, background and the choice between two palettes, as the CGA had it.
func (v *video) fnColors(c *Call) {
	bl := c.R8(BL)
	switch c.R8(BH) {
	case 0:
		v.setAttr(0, bl&7|bl<<1&0x10)
		for i := range uint8(3) {
			v.setAttr(i+1, v.attr(i+1)&^0x10|bl&0x10)
		}
	case 1:
		for i := range uint8(3) {
			v.setAttr(i+1, v.attr(i+1)&^1|bl&1)
		}
	}
}
