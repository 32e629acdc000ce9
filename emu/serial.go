package emu

import (
	"fmt"
	"slices"
	"strings"

	"goemu/devices/uart"
	"goemu/emu/chardev"
)

// serialPorts is the number of serial ports a board has room for.
const serialPorts = 2

// defaultSerial is where COM1 is when nobody says: on the terminal, if nothing else is there.
func (m *Machine) defaultSerial() string {
	c := &m.cfg
	stdio := func(s string) bool { return s == "stdio" || s == "mon:stdio" }
	taken := slices.ContainsFunc(c.Monitor, stdio) || slices.ContainsFunc(c.QMP, stdio) || stdio(c.GDB) || c.Display == "tui" ||
		slices.ContainsFunc(c.Chardevs, func(s string) bool { return strings.HasPrefix(s, "stdio,") })
	switch {
	case c.VC != nil:
		return "vc"
	case taken:
		return "null"
	case c.NoGraphics && c.ConsoleIn == nil && c.ConsoleOut == nil:
		return "mon:stdio"
	}
	return "stdio"
}

// openSerial opens the host's side of the serial ports. A nil entry is a port that the machine does not have.
func (m *Machine) openSerial() error {
	specs := m.cfg.Serial
	if specs == nil && !m.cfg.NoDefaults {
		specs = []string{m.defaultSerial()}
	}
	if len(specs) > serialPorts {
		return fmt.Errorf("-serial is given %d times: the board has %d ports", len(specs), serialPorts)
	}
	for i, s := range specs {
		b, err := m.openChar(fmt.Sprintf("serial%d", i), "-serial "+s, s)
		if err != nil {
			return err
		}
		m.serial[i] = b
	}
	return nil
}

// openParallel opens the host's side of the parallel port.
func (m *Machine) openParallel() error {
	specs := m.cfg.Parallel
	if specs == nil && !m.cfg.NoDefaults {
		specs = []string{"null"}
	}
	if len(specs) > 1 {
		return fmt.Errorf("-parallel is given %d times: the board has one port", len(specs))
	}
	for i, s := range specs {
		b, err := m.openChar(fmt.Sprintf("parallel%d", i), "-parallel "+s, s)
		if err != nil {
			return err
		}
		if m.parallel = b; b != nil {
			b.OnRoom(func() { m.want(wantOutput) })
			b.Start(nil, nil)
		}
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
		q := &m.serialIn[i]
		b.OnRoom(func() { m.want(wantOutput) })
		q.room = make(chan struct{}, 1)
		q.lossy = chardev.IsTerminal(b)
		b.Start(func(p []byte) { m.input(i, p) }, func(e chardev.Event) {
			if e == chardev.Break {
				m.post(func() {
					if u := m.uart(i); u != nil {
						u.Break()
					}
				})
			}
		})
		if u := m.uart(i); u != nil {
			u.RxReady = func() { m.want(wantInput) }
		}
	}
}
