package emu

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// actions are what may follow an event, by event and action, as -action and QMP's set-action name them.
var actions = map[string]map[string]func(c *Config){
	"reboot": {
		"reset":    func(c *Config) { c.NoReboot = false },
		"shutdown": func(c *Config) { c.NoReboot = true },
	},
	"shutdown": {
		"poweroff": func(c *Config) { c.NoShutdown = false },
		"pause":    func(c *Config) { c.NoShutdown = true },
	},
	"panic": {
		"pause":        func(c *Config) { c.Panic = PanicPause },
		"shutdown":     func(c *Config) { c.Panic = PanicShutdown },
		"exit-failure": func(c *Config) { c.Panic = PanicFail },
		"none":         func(c *Config) { c.Panic = PanicNone },
	},
}

// SetAction says what follows an event: reboot, shutdown or panic.
func (c *Config) SetAction(event, action string) error {
	set := actions[event][action]
	if set == nil {
		var known []string
		for e := range actions {
			known = append(known, e+"="+strings.Join(slices.Sorted(maps.Keys(actions[e])), "|"))
		}
		slices.Sort(known)
		return fmt.Errorf("%s=%s is not known (want %s)", event, action, strings.Join(known, ", "))
	}
	set(c)
	return nil
}

// SetAction says what follows an event from now on.
func (m *Machine) SetAction(event, action string) error {
	return m.do(func() error { return m.cfg.SetAction(event, action) })
}
