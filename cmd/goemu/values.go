package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"goemu/emu"
	"goemu/emu/chardev"
	"goemu/emu/debuglog"
)

// Setters of options whose values have more to them than one table row holds.

func (s *settings) addFirmwareDir(v string) error {
	if isHelp(v) {
		for _, d := range s.cfg.AllFirmwareDirs() {
			fmt.Fprintln(s.out, d)
		}
		return errDone
	}
	s.cfg.FirmwareDirs = append(s.cfg.FirmwareDirs, v)
	return nil
}

func (s *settings) addDevice(v string) error {
	driver, rest, _ := strings.Cut(strings.TrimPrefix(v, "driver="), ",")
	if isHelp(driver) {
		fmt.Fprint(s.out, emu.DeviceHelp())
		return errDone
	}
	for _, p := range strings.Split(rest, ",") {
		if isHelp(p) {
			text, err := emu.DevicePropHelp(driver)
			if err != nil {
				return err
			}
			fmt.Fprint(s.out, text)
			return errDone
		}
	}
	s.cfg.Devices = append(s.cfg.Devices, v)
	return nil
}

// displays are the values of -display, and what they stand for.
var displays = map[string]string{"none": "none", "tui": "tui", "curses": "tui", "tty": "tui"}

func (s *settings) setDisplay(v string) error {
	if isHelp(v) {
		fmt.Fprintf(s.out, "Available display backend types:\n%s\n", strings.Join(slices.Sorted(maps.Keys(displays)), "\n"))
		return errDone
	}
	d, ok := displays[v]
	if !ok {
		return fmt.Errorf("goemu has no such display (have: %s)", strings.Join(slices.Sorted(maps.Keys(displays)), ", "))
	}
	s.cfg.Display = d
	return nil
}

// setEscape is -echr. A key that is no control character would be lost to the guest.
func (s *settings) setEscape(v string) error {
	n, err := strconv.ParseUint(v, 0, 8)
	if err != nil || n < 1 || n > 31 {
		return errors.New("want the number of a control character, from 1 to 31")
	}
	s.cfg.Escape = byte(n)
	return nil
}

func (s *settings) addChardev(v string) error {
	if isHelp(v) {
		fmt.Fprint(s.out, chardev.BackendHelp())
		return errDone
	}
	s.cfg.Chardevs = append(s.cfg.Chardevs, v)
	_, err := chardev.ParseOption(v)
	return err
}

func (s *settings) setIcount(v string) error {
	if !strings.Contains(v, "=") {
		v = "shift=" + v
	}
	props := map[string]string{}
	if err := emu.ParseProps("-icount", v, props); err != nil {
		return err
	}
	s.cfg.Icount, s.cfg.Shift = true, 3
	for k, val := range props {
		switch {
		case k == "shift" && val == "auto":
		case k == "shift":
			n, err := strconv.ParseUint(val, 10, 8)
			if err != nil || n > 10 {
				return fmt.Errorf("-icount shift=%s: want a number from 0 to 10, or auto", val)
			}
			s.cfg.Shift = uint(n)
		case k == "align" && val == "off": // the guest never waits for the host's time
		case k == "sleep" && (val == "on" || val == "off"):
			s.cfg.NoSleep = val == "off"
		default:
			return fmt.Errorf("-icount: %s=%s is not known (want shift=N|auto, sleep=on|off)", k, val)
		}
	}
	return nil
}

func (s *settings) setLogItems(v string) error {
	if isHelp(v) {
		fmt.Fprint(s.out, debuglog.Help())
		return errDone
	}
	items, err := debuglog.Parse(v)
	if err != nil {
		return err
	}
	s.logging = true
	s.logItems |= items
	return nil
}
