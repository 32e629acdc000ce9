package emu

import (
	"errors"
	"fmt"
	"strings"

	"goemu/emu/chardev"
	"goemu/emu/inspect"
	"goemu/emu/monitor"
)

// Version is goemu's.
const Version = "0.1"

// monitored is the machine as the monitor knows it.
type monitored struct{ *Machine }

var _ monitor.Machine = monitored{}

// frontEnd is a monitor and the character device on which it is.
type frontEnd struct {
	src chardev.Source
}

// openMonitors opens what monitors are on, behind the devices that share it, which have the first turn.
func (m *Machine) openMonitors() error {
	for i, s := range m.cfg.Monitor {
		what := "-monitor " + s
		if s == "stdio" && m.terminal != nil {
			return errors.New("-monitor stdio: the terminal is taken; Ctrl-A c switches to the monitor there")
		}
		label := fmt.Sprintf("compat_monitor%d", i)
		src, err := m.openChar(label, what, s)
		if err != nil {
			return err
		}
		if src != nil {
			m.monitors = append(m.monitors, frontEnd{src})
			if d := m.findChar(label); d != nil {
				d.monitor = false
			}
		}
	}
	for _, d := range m.chars {
		if d.monitor {
			src, err := d.attach()
			if err != nil {
				return err
			}
			m.monitors = append(m.monitors, frontEnd{src})
		}
	}
	return nil
}

// startMonitors begins to take commands.
func (m *Machine) startMonitors() {
	for _, f := range m.monitors {
		monitor.Serve(monitored{m}, f.src)
	}
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
