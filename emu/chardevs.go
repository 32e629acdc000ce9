package emu

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"goemu/emu/chardev"
)

// charDevice is a character device of the machine with what its user knows of it.
type charDevice struct {
	label   string
	src     chardev.Source
	mux     *chardev.Mux // nil: one front end has all of it
	monitor bool         // a monitor is to have a part of it
	taken   bool         // and has it already
	used    bool         // by a front end
}

// openChardevs opens those of -chardev.
func (m *Machine) openChardevs() error {
	for _, s := range m.cfg.Chardevs {
		spec, err := chardev.ParseOption(s)
		if err != nil {
			return fmt.Errorf("-chardev %s: %w", s, err)
		}
		if m.findChar(spec.ID) != nil {
			return fmt.Errorf("-chardev %s: id %s is used twice", s, spec.ID)
		}
		if _, err := m.newChar(spec.ID, &spec); err != nil {
			return fmt.Errorf("-chardev %s: %w", s, err)
		}
	}
	return nil
}

func (m *Machine) findChar(label string) *charDevice {
	i := slices.IndexFunc(m.chars, func(d *charDevice) bool { return d.label == label })
	if i < 0 {
		return nil
	}
	return m.chars[i]
}

// openChar opens the character device of a front end; label is its name for monitors. what names the option in errors. The result is nil for "none".
func (m *Machine) openChar(label, what, s string) (chardev.Source, error) {
	spec, err := chardev.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return m.openSpec(label, what, spec)
}

// openSpec is openChar with the device's description read.
func (m *Machine) openSpec(label, what string, spec chardev.Spec) (src chardev.Source, err error) {
	var d *charDevice
	switch {
	case spec.Kind == chardev.KindRef:
		if d = m.findChar(spec.ID); d == nil {
			return nil, fmt.Errorf("%s: there is no -chardev with id=%s", what, spec.ID)
		}
	case spec.Kind == chardev.KindStdio && m.terminal != nil:
		d = m.terminal
		d.monitor = d.monitor || spec.Mux
	default:
		if d, err = m.newChar(label, &spec); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
	}
	if src, err = d.attach(); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return src, nil
}

// attach gives a front end its part of a device.
func (d *charDevice) attach() (chardev.Source, error) {
	switch {
	case d.src == nil:
		return nil, nil
	case d.mux != nil:
		d.used = true
		return d.mux.Port(), nil
	case d.used:
		return nil, fmt.Errorf("character device %s is in use (mux=on lets several have it)", d.label)
	}
	d.used = true
	return d.src, nil
}

// newChar opens a character device.
func (m *Machine) newChar(label string, spec *chardev.Spec) (*charDevice, error) {
	d := &charDevice{label: label}
	terminal := spec.Kind == chardev.KindStdio
	if terminal && m.terminal != nil {
		return nil, errors.New("the terminal is taken by another character device")
	}
	if m.cfg.VC != nil {
		spec.Show = func() chardev.Source { return m.cfg.VC(label) }
	}
	src, err := spec.Open(func() (chardev.Source, error) { return m.openTerminal(spec) })
	if err != nil {
		return nil, err
	}
	if src == nil {
		return d, nil
	}
	d.src = src
	m.opened = append(m.opened, src)
	if l, ok := src.(*chardev.Logged); ok {
		m.opened = append(m.opened, l.Log())
	}
	m.chars = append(m.chars, d)
	// The terminal has its escape key even where nobody has asked for it: there would be no way out.
	if spec.Mux || terminal {
		escape := byte(0)
		if spec.Mux || chardev.IsTerminal(src) {
			escape = cmp.Or(m.cfg.Escape, chardev.Escape)
		}
		d.mux = chardev.NewMux(src, escape, func() { m.Stop(0) })
		d.monitor = escape != 0 && spec.ID == ""
	}
	if terminal {
		m.terminal = d
	}
	if spec.Kind == chardev.KindPTY && m.cfg.Stdout != nil {
		fmt.Fprintf(m.cfg.Stdout, "char device redirected to %s (label %s)\n", src.Filename()[len("pty:"):], label)
	}
	if spec.Server && spec.Wait {
		m.awaited = append(m.awaited, d)
	}
	return d, nil
}

// openTerminal takes the terminal, or what stands for it.
func (m *Machine) openTerminal(spec *chardev.Spec) (chardev.Source, error) {
	if m.cfg.Display == "tui" {
		return nil, errors.New("the terminal is the display's: use vc, file:PATH, null or none")
	}
	if m.cfg.ConsoleIn != nil || m.cfg.ConsoleOut != nil {
		return chardev.NewPair(m.cfg.ConsoleIn, m.cfg.ConsoleOut), nil
	}
	c, err := chardev.NewConsole()
	if err != nil {
		return nil, err
	}
	if spec.Signal != nil && *spec.Signal {
		c.Interrupt = func() { m.Stop(128 + 2) } // as a shell says of SIGINT
	}
	return c, nil
}

// startChars begins to take input, when all front ends have said where to.
func (m *Machine) startChars() {
	for _, d := range m.chars {
		switch {
		case d.mux != nil && d.used:
			d.mux.Begin()
		case !d.used:
			d.src.Start(nil, nil)
		}
	}
}

// awaitClients waits for those who are to be connected before the machine runs, or until it is stopped.
func (m *Machine) awaitClients() {
	for _, d := range m.awaited {
		src := d.src
		if l, ok := src.(*chardev.Logged); ok {
			src = l.Source
		}
		link, ok := src.(*chardev.Link)
		if !ok {
			continue
		}
		if m.cfg.Stderr != nil {
			fmt.Fprintf(m.cfg.Stderr, "goemu: info: waiting for connection on: %s\n", link.Filename())
		}
		for connected := false; !connected && !m.stopped; {
			select {
			case <-link.Connected():
				connected = true
			case <-m.wake:
				m.attend()
			}
		}
	}
}

// noInput is a character device of which only output is wanted. A file gets all of it; others lose what they have no room for, as a device without
// flow control must not wait for them.
type noInput struct{ chardev.Source }

// Write implements io.Writer.
func (n noInput) Write(p []byte) (int, error) {
	if _, ok := n.Source.(*chardev.Link); ok {
		n.Offer(p)
		return len(p), nil
	}
	return n.Source.Write(p)
}

// deviceChardev opens the host's side of a debug console.
func (m *Machine) deviceChardev(label, what, spec string) (io.Writer, error) {
	src, err := m.openChar(label, what, spec)
	if err != nil {
		return nil, err
	}
	if src == nil {
		return io.Discard, nil
	}
	src.Start(nil, nil)
	return noInput{src}, nil
}
