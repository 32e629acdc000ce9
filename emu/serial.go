package emu

import (
	"errors"
	"fmt"
	"strings"

	"goemu/devices/uart"
	"goemu/emu/chardev"
)

// serialPorts is the number of serial ports a board has room for.
const serialPorts = 2

// openConsole opens the terminal, once.
func (m *Machine) openConsole() (chardev.Backend, error) {
	if m.cfg.Display == "tty" {
		return nil, errors.New("the terminal is the display's: use file:PATH, null or none")
	}
	if m.console == nil {
		if m.cfg.ConsoleIn != nil || m.cfg.ConsoleOut != nil {
			m.console = chardev.NewPair(m.cfg.ConsoleIn, m.cfg.ConsoleOut)
		} else {
			c, err := chardev.NewConsole(func() { m.Stop(0) })
			if err != nil {
				return nil, err
			}
			m.console = c
		}
		m.opened = append(m.opened, m.console)
	}
	return m.console, nil
}

// backend opens what a -serial, -debugcon or chardev= names: a specification, or "chardev:ID". The result is nil for "none".
func (m *Machine) backend(what, spec string) (chardev.Backend, error) {
	if id, ok := strings.CutPrefix(spec, "chardev:"); ok {
		if b, ok := m.backends[id]; ok {
			return b, nil
		}
		s, ok := m.cfg.Chardevs[id]
		if !ok {
			return nil, fmt.Errorf("%s: there is no -chardev with id=%s", what, id)
		}
		b, err := m.backend(what, s)
		if err == nil {
			m.backends[id] = b
		}
		return b, err
	}
	b, err := chardev.Open(spec, m.openConsole)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if b != nil && b != chardev.Backend(m.console) {
		m.opened = append(m.opened, b)
	}
	return b, nil
}

// openSerial opens the host's side of the serial ports. A nil entry is a port that the machine does not have.
func (m *Machine) openSerial() error {
	specs := m.cfg.Serial
	if specs == nil && !m.cfg.NoDefaults {
		specs = []string{"stdio"}
		if m.cfg.Monitor == "stdio" || m.cfg.Display == "tty" {
			specs[0] = "null"
		}
	}
	if len(specs) > serialPorts {
		return fmt.Errorf("-serial is given %d times: the board has %d ports", len(specs), serialPorts)
	}
	for i, s := range specs {
		b, err := m.backend("-serial "+s, s)
		if err != nil {
			return err
		}
		m.serial[i] = b
	}
	return nil
}

// sender lets a UART send to a character device.
type sender struct{ chardev.Backend }

// Send implements uart.Backend.
func (s sender) Send(p []byte) int { return s.Offer(p) }

var _ uart.Backend = sender{}

// outputReady tells the serial ports that their backends take characters again.
func (m *Machine) outputReady() {
	for i := range m.serial {
		if u := m.uart(i); u != nil {
			u.TxReady()
		}
	}
	if p := m.board.Parallel; p != nil {
		p.TxReady()
	}
}

// startInput lets keys and files reach the serial ports.
func (m *Machine) startInput() {
	for i, b := range m.serial {
		if b == nil {
			continue
		}
		b.OnRoom(func() { m.want(wantOutput) })
		m.serialIn[i].room = make(chan struct{}, 1)
		if src, ok := b.(chardev.Source); ok {
			src.Start(func(p []byte) { m.input(i, p) })
		}
		if u := m.uart(i); u != nil {
			u.RxReady = func() { m.want(wantInput) }
		}
	}
}
