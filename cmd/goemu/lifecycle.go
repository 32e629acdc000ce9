package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"goemu/emu"
)

// setName is -name. debug-threads= asks for names of threads, which are not of the machine's parts here: it changes nothing.
func (s *settings) setName(v string) error {
	if first, _, _ := strings.Cut(v, ","); !strings.Contains(first, "=") {
		v = "guest=" + v
	}
	props := map[string]string{}
	if err := emu.ParseProps("-name", v, props); err != nil {
		return err
	}
	for k, val := range props {
		switch {
		case k == "guest":
			s.cfg.Name = val
		case k == "process" && val != "":
			s.process = val
		case k != "debug-threads":
			return fmt.Errorf("%s=%s is not known (want guest=NAME, process=NAME)", k, val)
		}
	}
	return nil
}

// setRTC is -rtc. Ticks are never lost here, so that driftfix= has nothing to do.
func (s *settings) setRTC(v string) error {
	props := map[string]string{}
	if err := emu.ParseProps("-rtc", v, props); err != nil {
		return err
	}
	c := &s.cfg
	for k, val := range props {
		switch {
		case k == "base" && val == "utc":
			c.RTCLocal, c.RTCBase = false, time.Time{}
		case k == "base" && val == "localtime":
			c.RTCLocal, c.RTCBase = true, time.Time{}
		case k == "base":
			t, err := time.Parse("2006-01-02T15:04:05", val)
			if err != nil {
				t, err = time.Parse("2006-01-02", val)
			}
			if err != nil || t.Year() < 1980 || t.Year() > 2099 {
				return fmt.Errorf("base=%s: want utc, localtime, or a date as 2006-01-02T15:04:05 or 2006-01-02, from 1980 to 2099", val)
			}
			c.RTCBase = t
		case k == "clock" && (val == "host" || val == "rt" || val == "vm"):
			c.RTCGuestTime, c.RTCHostTime = val == "vm", val != "vm"
		case k == "driftfix" && (val == "none" || val == "slew"):
		default:
			return fmt.Errorf("%s=%s is not known (want base=utc|localtime|DATE, clock=host|rt|vm)", k, val)
		}
	}
	return nil
}

// setAction is -action.
func (s *settings) setAction(v string) error {
	props := map[string]string{}
	if err := emu.ParseProps("-action", v, props); err != nil {
		return err
	}
	if len(props) == 0 {
		return errors.New("want EVENT=ACTION")
	}
	for event, action := range props {
		if err := s.cfg.SetAction(event, action); err != nil {
			return err
		}
	}
	return nil
}

// begin does what is to be done when the machine is there: the process gets its name, the file with its ID is written. end undoes it.
func (s *settings) begin() (end func() error, err error) {
	if s.process != "" {
		if err := nameProcess(s.process); err != nil {
			return nil, fmt.Errorf("-name process=%s: %w", s.process, err)
		}
	}
	if s.pidFile == "" {
		return func() error { return nil }, nil
	}
	if err := os.WriteFile(s.pidFile, fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		return nil, fmt.Errorf("-pidfile %s: %w", s.pidFile, err)
	}
	return func() error { return os.Remove(s.pidFile) }, nil
}
