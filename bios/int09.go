package bios

// Bits of bdaKeyFlags.
const (
	kfRShift = 1 << iota
	kfLShift
	kfCtrl
	kfAlt
	kfScroll
	kfNum
	kfCaps
	kfInsert
)

// Bits of bdaKeyFlags+1: keys that are down.
const (
	kdLCtrl = 1 << iota
	kdLAlt
	kdSysReq
	kdPause // waiting for a key
	kdScroll
	kdNum
	kdCaps
	kdInsert
)

// Bits of bdaKeyMode and bdaKeyLEDs.
const (
	kmE1    = 1 << 0 // the prefix was the last byte
	kmE0    = 1 << 1
	kmRCtrl = 1 << 2
	kmRAlt  = 1 << 3

	klLEDs    = 7      // as the keyboard has them: Scroll, Num, Caps
	klData    = 1 << 5 // the keyboard is to acknowledge the LEDs
	klCommand = 1 << 6 // it is to acknowledge the command to set them
)

// What the stub of INT 09h is to do, in AH.
const (
	keyNothing = iota
	keyBreak
	keyPrint
	keySysReq
	keyPause
)

// keyInterrupt takes a byte of the keyboard, in AL, for the stub of INT 09h.
func (f *Firmware) keyInterrupt(c *Call) Result {
	c.SetR8(AH, keyNothing)
	b := c.R8(AL)
	mode := c.Byte(bdaKeyMode)
	switch b {
	case 0xe0:
		c.SetByte(bdaKeyMode, mode|kmE0)
		return Done
	case 0xe1:
		c.SetByte(bdaKeyMode, mode|kmE1)
		return Done
	case kbAck, 0xfe:
		f.ledsAnswer(c, b)
		return Done
	}
	f.key(c, b&0x7f, b&0x80 != 0, mode)
	mode = c.Byte(bdaKeyMode)
	if mode&kmE1 == 0 || b&0x7f != 0x1d { // E1h stands before two bytes
		c.SetByte(bdaKeyMode, mode&^(kmE0|kmE1))
	}
	f.setLEDs(c)
	return Done
}

// shiftKey is a key that is a bit while it is down.
type shiftKey struct {
	flag uint8 // of bdaKeyFlags
	down uint8 // of bdaKeyFlags+1, or with gray of bdaKeyMode
	gray bool
}

// shiftKeys by scan code; those with E0h are 80h higher.
var shiftKeys = map[uint8]shiftKey{
	0x2a: {flag: kfLShift}, 0x36: {flag: kfRShift},
	0x1d: {flag: kfCtrl, down: kdLCtrl}, 0x9d: {flag: kfCtrl, down: kmRCtrl, gray: true},
	0x38: {flag: kfAlt, down: kdLAlt}, 0xb8: {flag: kfAlt, down: kmRAlt, gray: true},
}

// lockKeys by scan code: those that switch at each press.
var lockKeys = map[uint8]struct{ flag, down uint8 }{
	0x3a: {kfCaps, kdCaps}, 0x45: {kfNum, kdNum}, 0x46: {kfScroll, kdScroll}, 0x52: {kfInsert, kdInsert},
}

// key is a key pressed or released.
func (f *Firmware) key(c *Call, scan uint8, up bool, mode uint8) {
	flags, down := c.Byte(bdaKeyFlags), c.Byte(bdaKeyFlags+1)
	gray := mode&kmE0 != 0
	set := func(at uint32, old, bit uint8) uint8 {
		if up {
			old &^= bit
		} else {
			old |= bit
		}
		c.SetByte(at, old)
		return old
	}
	if mode&kmE1 != 0 { // Pause: E1 1D 45
		if scan == 0x45 && !up && down&kdPause == 0 {
			c.SetByte(bdaKeyFlags+1, down|kdPause)
			c.SetR8(AH, keyPause)
		}
		return
	}
	which := scan
	if gray {
		which |= 0x80
	}
	if s, ok := shiftKeys[which]; ok {
		if s.gray {
			mode = set(bdaKeyMode, mode, s.down)
		} else if s.down != 0 {
			down = set(bdaKeyFlags+1, down, s.down)
		}
		other := s.flag == kfCtrl && (down&kdLCtrl != 0 || mode&kmRCtrl != 0) || s.flag == kfAlt && (down&kdLAlt != 0 || mode&kmRAlt != 0)
		if up && other {
			return // the other one is still down
		}
		set(bdaKeyFlags, flags, s.flag)
		if v := c.Byte(bdaKeyAlt); up && s.flag == kfAlt && v != 0 {
			c.SetByte(bdaKeyAlt, 0)
			f.putKey(c, uint16(v))
		}
		return
	}
	if gray && (scan == 0x2a || scan == 0x36) {
		return // shift keys that the keyboard makes up
	}
	if down&kdPause != 0 && !up {
		c.SetByte(bdaKeyFlags+1, down&^kdPause) // any key ends the pause, and is lost
		return
	}
	if f.special(c, scan, up, gray, flags, down) {
		return
	}
	if l, ok := lockKeys[scan]; ok && (!gray || scan == scanIns) {
		if !up && down&l.down == 0 && (scan != scanIns || flags&(kfAlt|kfCtrl) == 0 && !f.isDigit(scan, gray, flags)) {
			c.SetByte(bdaKeyFlags, flags^l.flag)
		}
		set(bdaKeyFlags+1, down, l.down)
		if scan != scanIns {
			return
		}
	}
	if !up {
		f.plainKey(c, scan, gray, flags)
	}
}

// special does the keys and combinations that mean something of their own.
func (f *Firmware) special(c *Call, scan uint8, up, gray bool, flags, down uint8) bool {
	switch {
	case scan == 0x54: // SysReq
		if up {
			c.SetByte(bdaKeyFlags+1, down&^kdSysReq)
		} else if down&kdSysReq != 0 {
			return true // it repeats
		} else {
			c.SetByte(bdaKeyFlags+1, down|kdSysReq)
		}
		c.SetR8(AL, map[bool]uint8{false: 0, true: 1}[up])
		c.SetR8(AH, keySysReq)
	case scan == 0x37 && gray && !up && flags&kfCtrl != 0:
		f.putKey(c, 0x7200)
	case scan == 0x37 && gray && !up:
		c.SetR8(AH, keyPrint)
	case scan == 0x37 && gray:
	case scan == 0x46 && gray && !up: // Ctrl-Break
		start := c.Word(bdaKeyStart)
		c.SetWord(bdaKeyHead, start)
		c.SetWord(bdaKeyTail, start)
		c.SetByte(bdaBreak, c.Byte(bdaBreak)|0x80)
		f.putKey(c, 0)
		c.SetR8(AH, keyBreak)
	case scan == 0x46 && gray:
	case scan == scanDel && !up && flags&(kfCtrl|kfAlt) == kfCtrl|kfAlt:
		c.SetWord(bdaResetFlag, warmBoot)
		f.restart(c)
	default:
		return false
	}
	return true
}

// isDigit tells whether a key of the keypad is a digit now.
func (f *Firmware) isDigit(scan uint8, gray bool, flags uint8) bool {
	return !gray && scan >= scanHome && scan <= scanDel && (flags&kfNum != 0) != (flags&(kfLShift|kfRShift) != 0)
}

// plainKey puts a key in the buffer.
func (f *Firmware) plainKey(c *Call, scan uint8, gray bool, flags uint8) {
	var k keyCode
	switch {
	case gray:
		var ok bool
		if k, ok = grayKeys[scan]; !ok {
			return
		}
	case int(scan) < len(keyCodes):
		k = keyCodes[scan]
	default:
		return
	}
	keypad := !gray && scan >= scanHome && scan <= scanDel
	if flags&kfAlt != 0 {
		if d := k.shift; keypad && uint8(d) >= '0' && uint8(d) <= '9' { // a character by its number
			c.SetByte(bdaKeyAlt, c.Byte(bdaKeyAlt)*10+uint8(d)-'0')
			return
		}
		f.putKey(c, k.alt)
		return
	}
	shift := flags&(kfLShift|kfRShift) != 0
	letter := uint8(k.plain) >= 'a' && uint8(k.plain) <= 'z'
	switch {
	case flags&kfCtrl != 0:
		f.putKey(c, k.ctrl)
	case keypad && f.isDigit(scan, gray, flags), !keypad && shift != (letter && flags&kfCaps != 0):
		f.putKey(c, k.shift)
	default:
		f.putKey(c, k.plain)
	}
}

// keyBuffer is where the buffer lies, as offsets in the BDA. A program may move it; nonsense is not believed.
func keyBuffer(c *Call) (start, end uint16) {
	start, end = c.Word(bdaKeyStart), c.Word(bdaKeyEnd)
	if start >= end || (end-start)&1 != 0 {
		return bdaKeyBuffer - 0x400, bdaKeyBuffer - 0x400 + 32
	}
	return start, end
}

// place is an offset in the buffer.
func place(at, start, end uint16) uint16 {
	if at < start || at >= end {
		return start
	}
	return at
}

// putKey adds a key to the buffer; false: it is full.
func (f *Firmware) putKey(c *Call, key uint16) bool {
	if key == none {
		return true
	}
	start, end := keyBuffer(c)
	head, tail := place(c.Word(bdaKeyHead), start, end), place(c.Word(bdaKeyTail), start, end)
	next := place(tail+2, start, end)
	if next == head {
		return false
	}
	c.SetWord(0x400+uint32(tail), key)
	c.SetWord(bdaKeyTail, next)
	return true
}

// peekKey is the next key, and takeKey takes it.
func (f *Firmware) peekKey(c *Call) (key uint16, ok bool) {
	start, end := keyBuffer(c)
	head, tail := place(c.Word(bdaKeyHead), start, end), place(c.Word(bdaKeyTail), start, end)
	if head == tail {
		return 0, false
	}
	return c.Word(0x400 + uint32(head)), true
}

func (f *Firmware) takeKey(c *Call) (key uint16, ok bool) {
	if key, ok = f.peekKey(c); ok {
		start, end := keyBuffer(c)
		c.SetWord(bdaKeyHead, place(place(c.Word(bdaKeyHead), start, end)+2, start, end))
	}
	return key, ok
}

// setLEDs has the keyboard show the locks, if they have changed. The keyboard acknowledges by interrupts: see ledsAnswer.
func (f *Firmware) setLEDs(c *Call) {
	want, leds := c.Byte(bdaKeyFlags)>>4&klLEDs, c.Byte(bdaKeyLEDs)
	if leds&klLEDs == want || leds&(klData|klCommand) != 0 {
		return
	}
	c.SetByte(bdaKeyLEDs, leds&^klLEDs|want|klCommand)
	f.kbSend(portKBData, 0xed)
}

// ledsAnswer goes on when the keyboard has acknowledged.
func (f *Firmware) ledsAnswer(c *Call, b uint8) {
	leds := c.Byte(bdaKeyLEDs)
	if b == kbAck && leds&klCommand != 0 {
		c.SetByte(bdaKeyLEDs, leds&^klCommand|klData)
		f.kbSend(portKBData, leds&klLEDs)
		return
	}
	c.SetByte(bdaKeyLEDs, leds&^(klCommand|klData))
}

// keyPaused is the wait of INT 09h after Pause.
func (f *Firmware) keyPaused(c *Call) Result {
	if c.Byte(bdaKeyFlags+1)&kdPause != 0 {
		return Again
	}
	c.jump(c.Seg[CS].Selector, f.rom.offset("int09.return"))
	return Done
}
