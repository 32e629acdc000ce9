package emu

import (
	"errors"
	"io"

	"goemu/emu/chardev"
	"goemu/emu/inspect"
	"goemu/emu/monitor"
	"goemu/emu/qmp"
)

// Version is goemu's.
const Version = "0.1"

// monitored is the machine as the monitor knows it.
type monitored struct{ *Machine }

var _ monitor.Machine = monitored{}

// frontEnd is a monitor and the character device on which it is.
type frontEnd struct {
	src     chardev.Source
	control bool   // it speaks QMP
	stop    func() // see qmp.Serve
}

// openMonitors opens what monitors are on, behind the devices that share it, which have the first turn.
func (m *Machine) openMonitors() error {
	for _, s := range m.cfg.Monitor {
		if s == "stdio" && m.terminal != nil {
			return errors.New("-monitor stdio: the terminal is taken; Ctrl-A c switches to the monitor there")
		}
		label := m.monitorLabel()
		src, err := m.openChar(label, "-monitor "+s, s)
		if err != nil {
			return err
		}
		m.addFrontEnd(src, false)
		if d := m.findChar(label); d != nil {
			d.taken = true
		}
	}
	if err := m.openQMP(); err != nil {
		return err
	}
	for _, d := range m.chars {
		if d.monitor && !d.taken {
			src, err := d.attach()
			if err != nil {
				return err
			}
			m.addFrontEnd(src, false)
		}
	}
	return nil
}

// startMonitors begins to take commands.
func (m *Machine) startMonitors() {
	for _, f := range m.monitors {
		if f.control {
			f.stop = qmp.Serve(monitored{m}, f.src)
		} else {
			monitor.Serve(monitored{m}, f.src)
		}
	}
}

// stopMonitors has those who listen told what has happened.
func (m *Machine) stopMonitors() {
	for _, f := range m.monitors {
		if f.stop != nil {
			f.stop()
		}
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

// MonitorSession makes a monitor that answers to w, for a front end that shows what is typed by itself.
func (m *Machine) MonitorSession(w io.Writer) *monitor.Session {
	return monitor.NewSession(monitored{m}, w, false)
}
