package emu

import (
	"errors"
	"fmt"
	"strings"

	"goemu/emu/inspect"
	"goemu/emu/monitor"
)

// Version is goemu's.
const Version = "0.1"

// monitored is the machine as the monitor knows it.
type monitored struct{ *Machine }

var _ monitor.Machine = monitored{}

// openMonitor opens what Config.Monitor names.
func (m *Machine) openMonitor() error {
	switch spec := m.cfg.Monitor; spec {
	case "", "none":
	case "stdio":
		if m.console != nil {
			return errors.New("-monitor stdio: the terminal is taken; Ctrl-A c switches to the monitor there")
		}
		_, err := m.openConsole()
		return err
	default:
		path, err := monitor.ParseSocket(spec)
		if err != nil {
			return fmt.Errorf("-%w (or stdio, none)", err)
		}
		m.monitor, err = monitor.Listen(path)
		return err
	}
	return nil
}

// startMonitor begins to take commands: from a socket, from all of the terminal, or there after Ctrl-A c.
func (m *Machine) startMonitor() {
	if m.monitor != nil {
		m.monitor.Serve(monitored{m})
	}
	c := m.console
	if c == nil {
		return
	}
	s := monitor.NewSession(monitored{m}, c, c.Raw())
	switch {
	case m.cfg.Monitor == "stdio":
		s.Begin()
		c.Start(s.Input)
	case c.Raw():
		c.OnMonitor(s.Input, func(on bool) {
			if on {
				s.Begin()
			}
		})
	}
}

func (m *Machine) closeMonitor() error {
	if m.monitor == nil {
		return nil
	}
	return m.monitor.Close()
}

// Reset resets the machine, as the guest can.
func (m *Machine) Reset() error {
	return m.do(func() error {
		m.reset(inspect.ReasonHostQMPReset)
		return nil
	})
}

// WakeUp ends sleep (ACPI's S3). It is an error if the guest is awake.
func (m *Machine) WakeUp() error {
	return m.do(func() error {
		if !m.board.Wake() {
			return errors.New("the guest does not sleep")
		}
		return nil
	})
}

// Status implements monitor.Machine.
func (m monitored) Status() string {
	return strings.TrimPrefix(m.Machine.Status().Text(), "VM status: ")
}

// Version implements monitor.Machine.
func (monitored) Version() string { return Version }

// DriveLines implements monitor.Machine.
func (m monitored) DriveLines() (lines []string) {
	for _, d := range m.Drives() {
		l := d.ID + ": "
		switch {
		case d.File == "":
			l += "[not inserted]"
		case d.Medium.ReadOnly:
			l += d.File + " (raw, read-only)"
		default:
			l += d.File + " (raw)"
		}
		if d.Removable {
			l += "\n    Removable device: "
			if d.Locked {
				l += "locked, "
			} else {
				l += "not locked, "
			}
			if d.TrayOpen {
				l += "tray open"
			} else {
				l += "tray closed"
			}
		}
		lines = append(lines, l)
	}
	return lines
}
