package vnc

import (
	"strings"

	"goemu/devices/i8042"
)

// Keys that count by themselves.
const (
	keyLeftShift  i8042.Key = 0x2a
	keyRightShift i8042.Key = 0x36
	lampCaps                = 1 << 2
)

// The keyboard of the United States by rows: what each key types, and with Shift; the first has the code before the rows.
var rows = []struct {
	first          i8042.Key
	plain, shifted string
}{
	{0x02, "1234567890-=", "!@#$%^&*()_+"},
	{0x10, "qwertyuiop[]", "QWERTYUIOP{}"},
	{0x1e, "asdfghjkl;'`", `ASDFGHJKL:"~`},
	{0x2b, `\zxcvbnm,./`, "|ZXCVBNM<>?"},
}

// named are keys by the numbers of X's key symbols (keysymdef.h) and the names that sendkey has for them.
var named = map[uint32]string{
	' ': "spc", 0xff08: "backspace", 0xff09: "tab", 0xfe20: "tab", 0xff0d: "ret", 0xff13: "pause", 0xff6b: "pause", 0xff14: "scroll_lock",
	0xff15: "print", 0xff61: "print", 0xff1b: "esc", 0xffff: "delete", 0xff50: "home", 0xff51: "left", 0xff52: "up", 0xff53: "right", 0xff54: "down",
	0xff55: "pgup", 0xff56: "pgdn", 0xff57: "end", 0xff63: "insert", 0xff67: "menu", 0xff7f: "num_lock",
	0xff8d: "kp_enter", 0xff95: "kp_7", 0xff96: "kp_4", 0xff97: "kp_8", 0xff98: "kp_6", 0xff99: "kp_2", 0xff9a: "kp_9", 0xff9b: "kp_3",
	0xff9c: "kp_1", 0xff9d: "kp_5", 0xff9e: "kp_0", 0xff9f: "kp_decimal",
	0xffaa: "kp_multiply", 0xffab: "kp_add", 0xffac: "kp_decimal", 0xffad: "kp_subtract", 0xffae: "kp_decimal", 0xffaf: "kp_divide",
	0xffb0: "kp_0", 0xffb1: "kp_1", 0xffb2: "kp_2", 0xffb3: "kp_3", 0xffb4: "kp_4", 0xffb5: "kp_5", 0xffb6: "kp_6", 0xffb7: "kp_7", 0xffb8: "kp_8", 0xffb9: "kp_9",
	0xffbe: "f1", 0xffbf: "f2", 0xffc0: "f3", 0xffc1: "f4", 0xffc2: "f5", 0xffc3: "f6", 0xffc4: "f7", 0xffc5: "f8", 0xffc6: "f9", 0xffc7: "f10", 0xffc8: "f11", 0xffc9: "f12",
	0xffe1: "shift", 0xffe2: "shift_r", 0xffe3: "ctrl", 0xffe4: "ctrl_r", 0xffe5: "caps_lock", 0xffe7: "alt", 0xffe8: "alt_r", 0xffe9: "alt", 0xffea: "alt_r",
	0xffeb: "meta_l", 0xffec: "meta_r", 0xfe03: "alt_r", 0xff7e: "alt_r",
}

// symbol is the key of a key symbol.
type symbol struct {
	key     i8042.Key
	shifted bool // with Shift
	letter  bool // to which Caps Lock does the same
}

var symbols = func() map[uint32]symbol {
	all := map[uint32]symbol{}
	for _, r := range rows {
		for i := range r.plain {
			letter := strings.ToUpper(r.plain[i:i+1]) != r.plain[i:i+1]
			all[uint32(r.plain[i])] = symbol{r.first + i8042.Key(i), false, letter}
			all[uint32(r.shifted[i])] = symbol{r.first + i8042.Key(i), true, letter}
		}
	}
	for sym, name := range named {
		k, ok := i8042.KeyByName(name)
		if !ok {
			panic("vnc: no key " + name)
		}
		all[sym] = symbol{key: k}
	}
	return all
}()

// input is a viewer's keys and pointer.
type input struct {
	m       Machine
	down    [256]bool // keys that the viewer holds
	buttons uint8     // as the machine knows them
	mask    uint8     // as the viewer does
	x, y    int       // where the pointer was
	placed  bool      // that is known
}

func (in *input) press(k i8042.Key, down bool) {
	in.down[k] = down
	in.m.Press(k, down)
}

// symbol presses the key of a symbol or lets it go. Of a viewer that types capitals without Shift, Shift is added.
func (in *input) symbol(sym uint32, down bool, lamps uint8) {
	s, ok := symbols[sym]
	if !ok {
		return
	}
	shift := down && s.shifted && !in.down[keyLeftShift] && !in.down[keyRightShift] && !(s.letter && lamps&lampCaps != 0)
	if shift {
		in.m.Press(keyLeftShift, true)
	}
	in.press(s.key, down)
	if shift {
		in.m.Press(keyLeftShift, false)
	}
}

// code presses the key of a code in set 1, with 80h for the prefix, or lets it go.
func (in *input) code(code uint32, down bool) {
	switch {
	case code == 0x54: // Print where Alt makes it SysRq
		in.press(i8042.KeyPrint, down)
	case code < 0x100 && code&0x7f != 0:
		in.press(i8042.Key(code), down)
	}
}

// buttons of the PS/2 mouse by those of the protocol; the fourth and fifth there are the wheel.
var buttons = [3]uint8{i8042.ButtonLeft, i8042.ButtonMiddle, i8042.ButtonRight}

const (
	wheelUp   = 1 << 3
	wheelDown = 1 << 4
	centre    = 0x7fff // of a pointer that tells its movement
)

// pointer moves the mouse as the pointer has moved.
func (in *input) pointer(mask uint8, x, y int, relative bool) {
	dx, dy := x-in.x, y-in.y
	if relative {
		dx, dy = x-centre, y-centre
	} else if !in.placed {
		dx, dy = 0, 0
	}
	in.x, in.y, in.placed = x, y, !relative
	dz := 0
	pressed := mask &^ in.mask
	if pressed&wheelUp != 0 {
		dz--
	}
	if pressed&wheelDown != 0 {
		dz++
	}
	in.mask, in.buttons = mask, 0
	for i, b := range buttons {
		if mask>>i&1 != 0 {
			in.buttons |= b
		}
	}
	in.m.Point(dx, dy, dz, in.buttons)
}

// release lets go what the viewer held.
func (in *input) release() {
	for k, down := range in.down {
		if down {
			in.press(i8042.Key(k), false)
		}
	}
	if in.buttons != 0 {
		in.m.Point(0, 0, 0, 0)
	}
}
