package bios

// The PS/2 mouse: INT 15h, C2h, and its interrupt (IBM PS/2 BIOS Interface Technical Reference).

// Status of C2h.
const (
	mouseBadFunction = 0x01
	mouseBadInput    = 0x02
	mouseInterface   = 0x03
	mouseNoHandler   = 0x05
)

// Commands of the mouse.
const (
	mouseReset      = 0xff
	mouseDefaults   = 0xf6
	mouseOff        = 0xf5
	mouseOn         = 0xf4
	mouseRate       = 0xf3
	mouseID         = 0xf2
	mouseStatus     = 0xe9
	mouseResolution = 0xe8
	mouseScale2     = 0xe7
	mouseScale1     = 0xe6
)

var mouseRates = [...]uint8{10, 20, 40, 60, 80, 100, 200}

// mouseService is C2h; AL is the function.
func (f *Firmware) mouseService(c *Call) Result {
	ebda := uint32(c.Word(bdaEBDA)) << 4
	flag2 := c.Byte(ebda + ebdaMouseFlag2)
	bh := c.R8(BH)
	switch c.R8(AL) {
	case 0x00:
		switch {
		case bh > 1:
			return bad(c, mouseBadInput)
		case flag2&0x80 == 0:
			return bad(c, mouseNoHandler)
		case bh == 1:
			return f.mouseDo(c, mouseOn, nil, nil)
		}
		return f.mouseDo(c, mouseOff, nil, nil)
	case 0x05:
		if bh < 1 || bh > 8 {
			return bad(c, mouseBadInput)
		}
		c.SetByte(ebda+ebdaMouseFlag1, 0)
		c.SetByte(ebda+ebdaMouseFlag2, flag2&^7|bh&7)
		return f.resetMouse(c)
	case 0x01:
		return f.resetMouse(c)
	case 0x02:
		if int(bh) >= len(mouseRates) {
			return bad(c, mouseBadInput)
		}
		return f.mouseDo(c, mouseRate, []byte{mouseRates[bh]}, nil)
	case 0x03:
		if bh > 3 {
			return bad(c, mouseBadInput)
		}
		return f.mouseDo(c, mouseResolution, []byte{bh}, nil)
	case 0x04:
		var id [1]byte
		r := f.mouseDo(c, mouseID, nil, id[:])
		if c.R8(AH) == 0 {
			c.SetR8(BH, id[0])
		}
		return r
	case 0x06:
		switch bh {
		case 0:
			var s [3]byte
			r := f.mouseDo(c, mouseStatus, nil, s[:])
			if c.R8(AH) == 0 {
				c.SetR8(BL, s[0])
				c.SetR8(CL, s[1])
				c.SetR8(DL, s[2])
			}
			return r
		case 1:
			return f.mouseDo(c, mouseScale1, nil, nil)
		case 2:
			return f.mouseDo(c, mouseScale2, nil, nil)
		}
		return bad(c, mouseBadInput)
	case 0x07:
		segment, offset := c.Seg[ES].Selector, c.R16(BX)
		c.SetWord(ebda+ebdaMouseHandler, offset)
		c.SetWord(ebda+ebdaMouseHandler+2, segment)
		if segment|offset == 0 {
			flag2 &^= 0x80
			if r := f.mouseDo(c, mouseOff, nil, nil); c.R8(AH) != 0 {
				return r
			}
		} else {
			flag2 |= 0x80
		}
		c.SetByte(ebda+ebdaMouseFlag2, flag2)
		return good(c)
	}
	return bad(c, mouseBadFunction)
}

// resetMouse resets the mouse; BX is what it answers: its test's result and its type.
func (f *Firmware) resetMouse(c *Call) Result {
	var answer [2]byte
	r := f.mouseDo(c, mouseReset, nil, answer[:])
	if c.R8(AH) == 0 {
		c.SetR16(BX, uint16(answer[1])<<8|uint16(answer[0]))
	}
	return r
}

// mouseDo sends a command with its data, and reads an answer. Meanwhile the keyboard is off and nothing interrupts. Afterwards the
// mouse is on and interrupts, as far as it sends.
func (f *Firmware) mouseDo(c *Call, cmd uint8, data, answer []byte) Result {
	was := f.kbGetCommand()
	f.kbSetCommand(was&^(kbIRQs|kbNoMouse) | kbNoKeys)
	f.kbDrop()
	ok := true
	for _, b := range append([]byte{cmd}, data...) {
		f.kbSend(portKBCtl, kbToMouse)
		f.kbSend(portKBData, b)
		if _, acked := f.kbAnswer(0); !acked {
			ok = false
			break
		}
	}
	for i := 0; ok && i < len(answer); i++ {
		answer[i], ok = f.kbReceive()
	}
	f.kbSetCommand(was&^(kbNoMouse|kbNoKeys) | kbIRQs)
	if !ok {
		return bad(c, mouseInterface)
	}
	f.out8(portPIC2+1, f.in8(portPIC2+1)&^0x10)
	return good(c)
}

// mouseInterrupt takes a byte of the mouse, in AL, for the stub of INT 74h. Carry in the flags: a packet is complete, and the program's
// handler at DS:SI is to be called with AX, BX, CX and DX on the stack.
func (f *Firmware) mouseInterrupt(c *Call) Result {
	c.SetCF(false)
	ebda := uint32(c.Word(bdaEBDA)) << 4
	flag1, flag2 := c.Byte(ebda+ebdaMouseFlag1), c.Byte(ebda+ebdaMouseFlag2)
	if flag2&0x80 == 0 {
		return Done
	}
	at, size := flag1&7, flag2&7
	c.SetByte(ebda+ebdaMouseData+uint32(at), c.R8(AL))
	at = (at + 1) & 7
	if at != size { // a size of 8 is 0
		c.SetByte(ebda+ebdaMouseFlag1, flag1&^7|at)
		return Done
	}
	c.SetByte(ebda+ebdaMouseFlag1, flag1&^7)
	for i, r := range []int{AX, BX, CX} {
		c.SetR16(r, uint16(c.Byte(ebda+ebdaMouseData+uint32(i))))
	}
	c.SetR16(DX, 0)
	c.SetSeg(DS, c.Word(bdaEBDA))
	c.SetR16(SI, ebdaMouseHandler)
	c.SetCF(true)
	return Done
}
