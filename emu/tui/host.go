package tui

import "goemu/emu/chardev"

// Host is what a machine is given before there is a display for it: consoles for its "vc", and where messages go.
type Host struct {
	Notes    Notes
	Escape   byte // the key before what is for goemu, as on a console; 0: Ctrl-A
	consoles []*Console
}

// Console makes a console; those of a machine are shown in the order of the calls.
func (h *Host) Console(name string) chardev.Source {
	c := NewConsole(name)
	h.consoles = append(h.consoles, c)
	return c
}
