// Package tui is the terminal display: the guest's screen and consoles, and beside them the inside of the machine.
//
// The screen is text as text, with its colours, and graphics as half blocks; keys go to the PS/2 keyboard. Terminals say which characters are typed, not which keys
// go down and up: a stroke is pressed and let go, and characters are those of a keyboard for US English. Keys that a terminal does not tell apart cannot be typed
// (Ctrl-I is Tab). A console is what "vc" is connected to: a small terminal (vt.go) for a serial port.
//
// The escape key, Ctrl-A unless the Host says another, introduces what is for goemu and not for the guest; bindings.go is the table of all keys, from which help is made.
//
// Two goroutines do it. The one of the view (view.go) owns the terminal: it takes keys and draws; where the terminal stalls, it stalls. The one of the model (model.go)
// owns what is known of the machine, and waits for it where it has to. The view asks for a state of things, 30 times a second at most, and draws the answer; it never waits
// for the machine, nor the machine for it. A pane of the inside is a function that makes lines of what the model sees (a file each, pane*.go); lines are shown, scrolled
// and clicked on by one viewer.
//
// Guard is a parent for a goemu on a terminal: however the child ends, the terminal is as before, and what it said on standard error is said then.
package tui
