package bios

// int16 is INT 16h, the keyboard.
func (f *Firmware) int16(c *Call) Result {
	f.serialIdle(c, true)
	switch c.R8(AH) {
	case 0x00, 0x10:
		key, ok := f.takeKey(c)
		if !ok {
			return Again
		}
		if c.R8(AH) == 0 {
			key = oldKey(key)
		}
		c.SetR16(AX, key)
	case 0x01, 0x11:
		key, ok := f.peekKey(c)
		c.SetZF(!ok)
		if !ok {
			break
		}
		if c.R8(AH) == 0x01 {
			key = oldKey(key)
		}
		c.SetR16(AX, key)
	case 0x02:
		c.SetR8(AL, c.Byte(bdaKeyFlags))
	case 0x03:
		f.setTypematic(c)
	case 0x05:
		full := uint8(0)
		if !f.putKey(c, c.R16(CX)) {
			full = 1
		}
		c.SetR8(AL, full)
	case 0x09:
		c.SetR8(AL, 0x30) // functions 0Ah, 10h to 12h
	case 0x0a:
		f.keyboardID(c)
	case 0x12:
		down, mode := c.Byte(bdaKeyFlags+1), c.Byte(bdaKeyMode)
		c.SetR8(AL, c.Byte(bdaKeyFlags))
		c.SetR8(AH, down&(kdLCtrl|kdLAlt|kdScroll|kdNum|kdCaps)|down&kdSysReq<<5|mode&(kmRCtrl|kmRAlt))
	case 0x92:
		c.SetR8(AH, 0x80) // functions 10h to 12h
	}
	return Done
}

// oldKey is a key for programs that know the keyboard with 84 keys.
func oldKey(key uint16) uint16 {
	switch {
	case key == 0xe02f:
		return 0x352f
	case key>>8 == 0xe0:
		return 0x1c00 | key&0xff
	case key&0xff == 0xe0 && key>>8 != 0:
		return key &^ 0xff
	}
	return key
}

// setTypematic is function 03h: AL 5, BH the delay and BL the rate.
func (f *Firmware) setTypematic(c *Call) {
	if c.R8(AL) != 5 || c.R8(BH) > 3 || c.R8(BL) > 31 {
		return
	}
	f.quiet(func() {
		if _, ok := f.keyboard(0xf3, 0); ok {
			f.keyboard(c.R8(BH)<<5|c.R8(BL), 0)
		}
	})
}

// keyboardID is function 0Ah.
func (f *Firmware) keyboardID(c *Call) {
	f.quiet(func() {
		id := [2]uint8{}
		if p, ok := f.keyboard(0xf2, 2); ok {
			copy(id[:], p)
		}
		c.SetR16(BX, uint16(id[1])<<8|uint16(id[0]))
	})
}

// quiet calls fn while the keyboard controller raises no interrupts and the mouse is off. Keys that wait in it are lost.
func (f *Firmware) quiet(fn func()) {
	cmd := f.kbGetCommand()
	f.kbSetCommand(cmd&^kbIRQs | kbNoMouse)
	f.kbDrop()
	fn()
	f.kbSetCommand(cmd)
}
