package i8042

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// keyNames are the names that QEMU's sendkey gives to keys.
var keyNames = map[string]Key{
	"esc": 0x01, "minus": 0x0c, "equal": 0x0d, "backspace": 0x0e, "tab": 0x0f,
	"bracket_left": 0x1a, "bracket_right": 0x1b, "ret": 0x1c, "ctrl": 0x1d,
	"semicolon": 0x27, "apostrophe": 0x28, "grave_accent": 0x29, "shift": 0x2a, "backslash": 0x2b,
	"comma": 0x33, "dot": 0x34, "slash": 0x35, "shift_r": 0x36, "asterisk": 0x37, "alt": keyLAlt, "spc": 0x39, "caps_lock": 0x3a,
	"f11": 0x57, "f12": 0x58, "num_lock": 0x45, "scroll_lock": 0x46, "less": 0x56,
	"kp_7": 0x47, "kp_8": 0x48, "kp_9": 0x49, "kp_subtract": 0x4a, "kp_4": 0x4b, "kp_5": 0x4c, "kp_6": 0x4d, "kp_add": 0x4e,
	"kp_1": 0x4f, "kp_2": 0x50, "kp_3": 0x51, "kp_0": 0x52, "kp_decimal": 0x53, "kp_multiply": 0x37,
	"kp_enter": 0x9c, "kp_divide": 0xb5, "ctrl_r": 0x9d, "alt_r": keyRAlt,
	"print": KeyPrint, "sysrq": KeyPrint, "pause": KeyPause,
	"home": 0xc7, "up": 0xc8, "pgup": 0xc9, "left": 0xcb, "right": 0xcd, "end": 0xcf, "down": 0xd0, "pgdn": 0xd1,
	"insert": 0xd2, "delete": 0xd3, "meta_l": 0xdb, "meta_r": 0xdc, "menu": 0xdd, "compose": 0xdd,
}

func init() {
	for first, names := range map[Key]string{0x02: "1234567890", 0x10: "qwertyuiop", 0x1e: "asdfghjkl", 0x2c: "zxcvbnm"} {
		for i, c := range names {
			keyNames[string(c)] = first + Key(i)
		}
	}
	for i := range 10 {
		keyNames["f"+strconv.Itoa(i+1)] = 0x3b + Key(i)
	}
}

// KeyByName finds a key by its name, as QEMU's sendkey has it, or by its number ("0x1c": see Key).
func KeyByName(name string) (k Key, ok bool) {
	if digits, hex := strings.CutPrefix(name, "0x"); hex {
		n, err := strconv.ParseUint(digits, 16, 8)
		return Key(n), err == nil && n&0x7f != 0
	}
	k, ok = keyNames[name]
	return k, ok
}

// KeyNames lists the names of keys.
func KeyNames() []string { return slices.Sorted(maps.Keys(keyNames)) }
