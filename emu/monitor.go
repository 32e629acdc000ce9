package emu

import (
	"errors"
	"fmt"

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

// Pause stops the vCPUs and the guest's time until Continue; so does an error for which a drive stops (rerror=, werror=). Any goroutine may call it, as those below.
func (m *Machine) Pause() error { return m.pause(true) }

// Continue takes back Pause.
func (m *Machine) Continue() error { return m.pause(false) }

func (m *Machine) pause(on bool) error {
	return m.do(func() error {
		m.setPaused(on)
		return nil
	})
}

func (m *Machine) setPaused(on bool) {
	m.paused, m.ioError = on, m.ioError && on
	m.clock.freeze(on)
	if !on {
		for _, d := range m.drives {
			d.Resume()
		}
	}
}

// Paused tells whether the machine is stopped by Pause.
func (m *Machine) Paused() bool {
	paused := false
	// A machine that has ended is not paused.
	_ = m.do(func() error {
		paused = m.paused
		return nil
	})
	return paused
}

// Reset resets the machine, as the guest can.
func (m *Machine) Reset() error {
	return m.do(func() error {
		m.reset()
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
	status := "running"
	// What is said of a machine that has ended matters to nobody.
	_ = m.do(func() error {
		switch {
		case m.ioError:
			status = "paused (io-error)"
		case m.paused:
			status = "paused"
		case m.board.Asleep():
			status = "paused (suspended)"
		}
		return nil
	})
	return status
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
