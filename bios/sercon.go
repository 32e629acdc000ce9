package bios

import (
	"fmt"
	"unicode/utf8"
)

// The serial console: where the user has no display (-nographic), what INT 10h writes in text modes goes to the first serial port too, as
// text with ANSI sequences, and what comes from there are keys. Programs that write to the display's memory are not seen.

// serialConsole is what the terminal at the other end is like.
type serialConsole struct {
	known    bool  // its cursor is at col, row
	col, row uint8 // from 0
	attr     uint8
	out      []byte // what did not fit the port yet
	held     heldChar
	keys     []byte // a sequence of a key that is not complete
	since    uint32 // tick at which it began
}

// heldChar is a character that was written without moving the cursor. Programs do this to set the colour before they write it again.
type heldChar struct {
	valid    bool
	b, attr  uint8
	col, row uint8
}

const (
	maxSerialOut = 64 << 10
	plainAttr    = 0x07
)

// highText are the upper 128 characters of code page 437.
var highText = []rune("ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ")

// ansiColors turns a VGA's colours into those of ANSI.
var ansiColors = [8]uint8{0, 4, 2, 6, 1, 5, 3, 7}

// serialDisplay is INT 10h with the serial console.
func (f *Firmware) serialDisplay(c *Call) Result {
	if f.graphics {
		return f.int10(c)
	}
	was := c.State
	at := f.serialCursor(c)
	r := f.int10(c)
	f.serialFollow(c, &was, at)
	f.serialFlush(c)
	return r
}

// textMode tells whether the display is in a text mode, or there is none.
func textMode(c *Call) bool { m := c.Byte(bdaVideoMode) & 0x7f; return m <= 3 || m == 7 }

// columns and rows are the size of the screen.
func screenSize(c *Call) (cols, rows uint8) {
	cols, rows = uint8(c.Word(bdaColumns)), c.Byte(bdaRows)+1
	if cols == 0 || rows <= 1 {
		return 80, 25
	}
	return cols, rows
}

// serialCursor is the cursor of the page that is shown.
func (f *Firmware) serialCursor(c *Call) (at [2]uint8) {
	w := c.Word(bdaCursorPos + 2*uint32(c.Byte(bdaVideoPage)&7))
	return [2]uint8{uint8(w), uint8(w >> 8)}
}

// serialFollow shows what a call of INT 10h has done. at is where the cursor was.
func (f *Firmware) serialFollow(c *Call, was *State, at [2]uint8) {
	if !textMode(c) {
		return
	}
	call := Call{State: *was}
	al, page := call.R8(AL), c.Byte(bdaVideoPage)
	attr := call.R8(BL)
	if h := &f.serial.held; h.valid {
		same := call.R8(AH) == 0x0e && h.b == al && h.col == at[0] && h.row == at[1]
		if !same {
			f.serialRelease(c)
		}
		h.valid = false
	}
	switch fn := call.R8(AH); fn {
	case 0x00:
		f.serialClear(plainAttr)
	case 0x06, 0x07:
		f.serialScroll(c, &call)
	case 0x09, 0x0a:
		if call.R8(BH) != page {
			return
		}
		if fn == 0x0a {
			attr = f.serial.attr
		}
		cols, rows := screenSize(c)
		n := min(int(call.R16(CX)), int(cols)*int(rows)-int(at[1])*int(cols)-int(at[0]))
		if n == 1 {
			f.serial.held = heldChar{true, al, attr, at[0], at[1]}
			return
		}
		for i := range n {
			x := int(at[0]) + i
			f.serialPlace(uint8(x%int(cols)), at[1]+uint8(x/int(cols)))
			f.serialChar(c, al, attr)
		}
	case 0x0e:
		f.serialTeletype(c, al, at)
	case 0x13:
		f.serialString(c, &call, at)
	}
}

// serialRelease shows the character that was held.
func (f *Firmware) serialRelease(c *Call) {
	if h := f.serial.held; h.valid {
		f.serial.held.valid = false
		f.serialPlace(h.col, h.row)
		f.serialChar(c, h.b, h.attr)
	}
}

// cellAttr is the colour of a place on the screen.
func (f *Firmware) cellAttr(c *Call, at [2]uint8) uint8 {
	if f.videoROM == 0 || c.Byte(bdaVideoMode) == 7 {
		return f.serial.attr
	}
	cols, _ := screenSize(c)
	return c.Byte(0xb8001 + uint32(c.Word(bdaPageStart)) + 2*(uint32(at[1])*uint32(cols)+uint32(at[0])))
}

// serialTeletype shows a character that moves the cursor on.
func (f *Firmware) serialTeletype(c *Call, b uint8, at [2]uint8) {
	s := &f.serial
	if b != '\r' && b != '\n' && b != '\b' && b != 7 {
		f.serialPlace(at[0], at[1])
		f.serialChar(c, b, f.cellAttr(c, at))
		if cols, _ := screenSize(c); s.col >= cols {
			f.serialSend("\r\n")
			s.col = 0
			f.serialDown(c)
		}
		return
	}
	f.serialPlace(at[0], at[1])
	f.serialSend(string(rune(b)))
	switch b {
	case '\r':
		s.col = 0
	case '\n':
		f.serialDown(c)
	case '\b':
		if s.col > 0 {
			s.col--
		}
	}
}

// serialDown notes a line feed.
func (f *Firmware) serialDown(c *Call) {
	if _, rows := screenSize(c); f.serial.row < rows-1 {
		f.serial.row++
	}
}

// serialString shows function 13h.
func (f *Firmware) serialString(c, call *Call, at [2]uint8) {
	al, n := call.R8(AL), uint32(call.R16(CX))
	p := call.Seg[ES].Base + uint32(call.R16(BP))
	pos := [2]uint8{call.R8(DL), call.R8(DH)}
	attr := call.R8(BL)
	step := uint32(1)
	if al&2 != 0 {
		step = 2
	}
	cols, rows := screenSize(c)
	for i := uint32(0); i < min(n, 0x2000); i++ {
		b := c.Byte(p + i*step)
		if step == 2 {
			attr = c.Byte(p + i*step + 1)
		}
		switch b {
		case '\r':
			pos[0] = 0
		case '\n':
			pos[1] = min(pos[1]+1, rows-1)
		case '\b':
			pos[0] -= min(pos[0], 1)
		case 7:
		default:
			f.serialPlace(pos[0], pos[1])
			f.serialChar(c, b, attr)
			if pos[0]++; pos[0] >= cols {
				pos = [2]uint8{0, min(pos[1]+1, rows-1)}
			}
		}
	}
}

// serialScroll shows functions 06h and 07h: it scrolls what is the whole screen, and else shows the window anew.
func (f *Firmware) serialScroll(c, call *Call) {
	top, left, bottom, right := call.R8(CH), call.R8(CL), call.R8(DH), call.R8(DL)
	n, attr := call.R8(AL), call.R8(BH)
	cols, rows := screenSize(c)
	bottom, right = min(bottom, rows-1), min(right, cols-1)
	if top > bottom || left > right {
		return
	}
	whole := top == 0 && left == 0 && bottom == rows-1 && right == cols-1
	switch {
	case whole && (n == 0 || n >= rows):
		f.serialClear(attr)
		return
	case whole && call.R8(AH) == 6:
		f.serialPlace(0, rows-1)
		f.serialAttr(attr)
		for range n {
			f.serialSend("\n")
		}
		f.serial.known = false
		return
	}
	base := uint32(0xb8000) + uint32(c.Word(bdaPageStart))
	if c.Byte(bdaVideoMode) == 7 {
		base -= 0x8000
	}
	for y := top; y <= bottom; y++ {
		f.serialPlace(left, y)
		for x := left; x <= right; x++ {
			w := c.Word(base + 2*(uint32(y)*uint32(cols)+uint32(x)))
			f.serialChar(c, uint8(w), uint8(w>>8))
		}
	}
}

// serialClear clears the terminal.
func (f *Firmware) serialClear(attr uint8) {
	f.serialAttr(attr)
	f.serialSend("\x1b[2J\x1b[H")
	f.serial.known, f.serial.col, f.serial.row = true, 0, 0
}

// serialPlace moves the terminal's cursor.
func (f *Firmware) serialPlace(col, row uint8) {
	s := &f.serial
	switch {
	case s.known && s.col == col && s.row == row:
		return
	case s.known && col == 0 && row == s.row:
		f.serialSend("\r")
	default:
		f.serialSend(fmt.Sprintf("\x1b[%d;%dH", int(row)+1, int(col)+1))
	}
	s.known, s.col, s.row = true, col, row
}

// serialAttr sets the terminal's colours.
func (f *Firmware) serialAttr(attr uint8) {
	if attr == f.serial.attr {
		return
	}
	f.serial.attr = attr
	text := "\x1b[0"
	if attr&8 != 0 {
		text += ";1"
	}
	if attr&7 != 7 {
		text += fmt.Sprintf(";%d", 30+ansiColors[attr&7])
	}
	if attr>>4&7 != 0 {
		text += fmt.Sprintf(";%d", 40+ansiColors[attr>>4&7])
	}
	f.serialSend(text + "m")
}

// serialChar shows a character where the cursor is.
func (f *Firmware) serialChar(c *Call, b, attr uint8) {
	f.serialAttr(attr)
	r := rune(b)
	switch {
	case b >= 0x80:
		r = highText[b-0x80]
	case b < ' ' || b == 0x7f:
		r = ' '
	}
	f.serialSend(string(r))
	cols, _ := screenSize(c)
	if f.serial.col++; f.serial.col >= cols {
		f.serial.known = f.serial.known && f.serial.col == cols // terminals differ in where the cursor is now
		f.serial.col = cols
	}
}

// serialSend queues text for the port.
func (f *Firmware) serialSend(text string) {
	if s := &f.serial; len(s.out)+len(text) <= maxSerialOut {
		s.out = append(s.out, text...)
	}
}

// serialFlush sends what is queued as far as the port takes it.
func (f *Firmware) serialFlush(c *Call) {
	s := &f.serial
	port := c.Word(bdaCOM)
	if port == 0 || len(s.out) == 0 {
		s.out = s.out[:0]
		return
	}
	i := 0
	for i < len(s.out) && f.in8(port+5)&lsrEmpty != 0 {
		for n := 0; n < 16 && i < len(s.out); n++ { // the FIFO is empty
			f.out8(port, s.out[i])
			i++
		}
	}
	s.out = append(s.out[:0], s.out[i:]...)
}

// serialIdle is called while a program waits for a key, and at ticks: the cursor goes where the program wants it, and keys are taken in.
func (f *Firmware) serialIdle(c *Call, waiting bool) {
	if f.graphics || c.Word(bdaCOM) == 0 {
		return
	}
	if waiting && textMode(c) {
		f.serialRelease(c)
		at := f.serialCursor(c)
		f.serialPlace(at[0], at[1])
	}
	f.serialFlush(c)
	f.serialKeys(c)
}

// serialKeys makes keys of what has come. A port whose interrupts are on belongs to somebody else.
func (f *Firmware) serialKeys(c *Call) {
	s := &f.serial
	port := c.Word(bdaCOM)
	if f.in8(port+3)&0x80 != 0 || f.in8(port+1)&0x0f != 0 {
		return
	}
	for range 64 {
		if f.in8(port+5)&lsrData == 0 {
			break
		}
		if len(s.keys) == 0 {
			s.since = c.Dword(bdaTicks)
		}
		s.keys = append(s.keys, f.in8(port))
	}
	for len(s.keys) > 0 {
		key, n := serialKey(s.keys)
		if n == 0 { // not complete
			if ticks := c.Dword(bdaTicks) - s.since; ticks < 3 && len(s.keys) < 8 {
				return
			}
			key, n = asciiKey(s.keys[0]), 1
		}
		s.keys = append(s.keys[:0], s.keys[n:]...)
		if key != none {
			f.putKey(c, key)
		}
	}
}

// sequences are keys by what terminals send behind ESC.
var sequences = map[string]uint16{
	"[A": 0x48e0, "[B": 0x50e0, "[C": 0x4de0, "[D": 0x4be0, "[H": 0x47e0, "[F": 0x4fe0,
	"OA": 0x48e0, "OB": 0x50e0, "OC": 0x4de0, "OD": 0x4be0, "OH": 0x47e0, "OF": 0x4fe0,
	"[1~": 0x47e0, "[2~": 0x52e0, "[3~": 0x53e0, "[4~": 0x4fe0, "[5~": 0x49e0, "[6~": 0x51e0, "[7~": 0x47e0, "[8~": 0x4fe0,
	"OP": 0x3b00, "OQ": 0x3c00, "OR": 0x3d00, "OS": 0x3e00, "[11~": 0x3b00, "[12~": 0x3c00, "[13~": 0x3d00, "[14~": 0x3e00,
	"[15~": 0x3f00, "[17~": 0x4000, "[18~": 0x4100, "[19~": 0x4200, "[20~": 0x4300, "[21~": 0x4400, "[23~": 0x8500, "[24~": 0x8600,
}

// serialKey is the key at the beginning of p, and its length; 0: it is not complete.
func serialKey(p []byte) (key uint16, n int) {
	if p[0] != 0x1b {
		return asciiKey(p[0]), 1
	}
	if len(p) == 1 {
		return none, 0
	}
	if p[1] != '[' && p[1] != 'O' {
		return asciiKey(p[0]), 1
	}
	for i := 2; i < len(p); i++ {
		if b := p[i]; b >= '@' && b <= '~' {
			if key, ok := sequences[string(p[1:i+1])]; ok {
				return key, i + 1
			}
			return none, i + 1
		}
	}
	return none, 0
}

// asciiKey is the key that makes a character.
func asciiKey(b byte) uint16 {
	switch {
	case b == '\n':
		b = '\r'
	case b == 0x7f:
		b = '\b'
	case b >= utf8.RuneSelf:
		return none
	}
	for scan := range keyCodes {
		k := &keyCodes[scan]
		if scan >= scanHome && scan <= scanDel {
			continue // the keypad
		}
		for _, v := range []uint16{k.plain, k.shift, k.ctrl} {
			if v != none && uint8(v) == b && v>>8 != 0 {
				return v
			}
		}
	}
	return none
}
