package tui

import (
	"strings"

	"github.com/gdamore/tcell/v2"
)

// keys are the names (emu.Machine.SendKey) of keys without a character.
var keys = map[tcell.Key]string{
	tcell.KeyEnter: "ret", tcell.KeyTab: "tab", tcell.KeyBacktab: "shift-tab", tcell.KeyBackspace: "backspace", tcell.KeyBackspace2: "backspace",
	tcell.KeyEscape: "esc", tcell.KeyUp: "up", tcell.KeyDown: "down", tcell.KeyLeft: "left", tcell.KeyRight: "right",
	tcell.KeyHome: "home", tcell.KeyEnd: "end", tcell.KeyPgUp: "pgup", tcell.KeyPgDn: "pgdn", tcell.KeyInsert: "insert", tcell.KeyDelete: "delete",
	tcell.KeyF1: "f1", tcell.KeyF2: "f2", tcell.KeyF3: "f3", tcell.KeyF4: "f4", tcell.KeyF5: "f5", tcell.KeyF6: "f6",
	tcell.KeyF7: "f7", tcell.KeyF8: "f8", tcell.KeyF9: "f9", tcell.KeyF10: "f10", tcell.KeyF11: "f11", tcell.KeyF12: "f12",
	tcell.KeyPause: "pause", tcell.KeyPrint: "print",
	tcell.KeyCtrlSpace: "ctrl-spc", tcell.KeyCtrlBackslash: "ctrl-backslash", tcell.KeyCtrlRightSq: "ctrl-bracket_right", tcell.KeyCtrlCarat: "ctrl-6", tcell.KeyCtrlUnderscore: "ctrl-minus",
}

// signs are the names of keys with signs, by what they type; shifted are those by what they type with Shift.
var (
	signs = map[rune]string{
		' ': "spc", '-': "minus", '=': "equal", '[': "bracket_left", ']': "bracket_right", ';': "semicolon", '\'': "apostrophe",
		'`': "grave_accent", '\\': "backslash", ',': "comma", '.': "dot", '/': "slash",
	}
	shifted = map[rune]string{
		'_': "minus", '+': "equal", '{': "bracket_left", '}': "bracket_right", ':': "semicolon", '"': "apostrophe",
		'~': "grave_accent", '|': "backslash", '<': "comma", '>': "dot", '?': "slash",
		'!': "1", '@': "2", '#': "3", '$': "4", '%': "5", '^': "6", '&': "7", '*': "8", '(': "9", ')': "0",
	}
)

// keyNames are the keys that type what the terminal tells; ok is false if there are none.
func keyNames(e *tcell.EventKey) (names string, ok bool) {
	k := e.Key()
	mods := e.Modifiers()
	switch {
	case k == tcell.KeyRune:
		names, ok = runeNames(e.Rune())
		mods &^= tcell.ModShift // the character says it
	case keys[k] != "":
		names, ok = keys[k], true
		if k < ' ' || k == tcell.KeyBackspace2 || k == tcell.KeyBacktab || strings.HasPrefix(names, "ctrl-") { // terminals say Ctrl with these
			mods &^= tcell.ModCtrl | tcell.ModShift
		}
	case k >= tcell.KeyCtrlA && k <= tcell.KeyCtrlZ:
		names, ok = "ctrl-"+string(rune('a'+k-tcell.KeyCtrlA)), true
		mods &^= tcell.ModCtrl
	}
	if !ok {
		return "", false
	}
	for _, m := range []struct {
		mask tcell.ModMask
		name string
	}{{tcell.ModShift, "shift-"}, {tcell.ModCtrl, "ctrl-"}, {tcell.ModAlt, "alt-"}} {
		if mods&m.mask != 0 {
			names = m.name + names
		}
	}
	return names, true
}

func runeNames(r rune) (string, bool) {
	switch {
	case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
		return string(r), true
	case r >= 'A' && r <= 'Z':
		return "shift-" + strings.ToLower(string(r)), true
	case signs[r] != "":
		return signs[r], true
	case shifted[r] != "":
		return "shift-" + shifted[r], true
	}
	return "", false
}
