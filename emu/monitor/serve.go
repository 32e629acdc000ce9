package monitor

import "goemu/emu/chardev"

// Serve is the monitor of those who come to a character device, until that is closed.
func Serve(m Machine, src chardev.Source) {
	s := NewSession(m, src, chardev.IsTerminal(src))
	_, shared := src.(*chardev.Port)
	src.Start(s.Input, func(e chardev.Event) {
		switch {
		case e == chardev.Opened && !shared, e == chardev.Focus:
			s.Begin()
		case e == chardev.Closed:
			s.forget()
		}
	})
}
