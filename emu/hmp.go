package emu

import (
	"errors"
	"fmt"

	"goemu/emu/debuglog"
)

// What the monitor changes while the machine runs.

// SetLog says what is logged from now on, by the names of -d; "none" is nothing. What has been translated is translated anew, so that the log is whole.
func (m *Machine) SetLog(list string) error {
	items, err := debuglog.Parse(list)
	if err != nil {
		return err
	}
	return m.do(func() error {
		m.cfg.Log.Set(items)
		m.hookBuses()
		m.code.Flush()
		return nil
	})
}

// SetLogFile has the log go on in another file, which is emptied.
func (m *Machine) SetLogFile(file string) error { return m.cfg.Log.SetFile(file) }

// SetBootOrder has the firmware boot in an order, as -boot has it, from the next reset on.
func (m *Machine) SetBootOrder(order string) error {
	if order == "" {
		return errors.New("the order has no letter")
	}
	if err := checkOrder(order); err != nil {
		return err
	}
	return m.do(func() error {
		m.board.SetBootOrder(order)
		return nil
	})
}

// ROMs implements monitor.Machine.
func (m monitored) ROMs() (lines []string) {
	// A machine that is closed has none.
	_ = m.see(func() error {
		m.board.FwCfg.Files(func(name string, size int) {
			lines = append(lines, fmt.Sprintf("fw=%s size=0x%06x name=%q", name, size, name))
		})
		if n := m.board.FirmwareSize(); n > 0 {
			name := m.cfg.Firmware
			if name == "" {
				name = "built-in"
			}
			lines = append(lines, fmt.Sprintf("addr=%016x size=0x%06x mem=rom name=%q", 1<<32-n, n, name))
		}
		return nil
	})
	return lines
}
