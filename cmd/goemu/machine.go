package main

import (
	"fmt"
	"sort"
	"strings"

	"goemu/emu"
)

// machineProps are the properties of -machine. Each takes a value, or says what is wrong with it.
var machineProps = map[string]func(v *values, cfg *emu.Config, s string) error{
	"accel": func(v *values, _ *emu.Config, s string) error {
		if v.accel != "auto" {
			return fmt.Errorf("-accel is given too")
		}
		v.accel = s
		return nil
	},
	"pflash0":  func(_ *values, cfg *emu.Config, s string) error { cfg.Pflash[0] = s; return nil },
	"pflash1":  func(_ *values, cfg *emu.Config, s string) error { cfg.Pflash[1] = s; return nil },
	"hpet":     func(_ *values, cfg *emu.Config, s string) error { return off(s, &cfg.NoHPET) },
	"smm":      func(_ *values, cfg *emu.Config, s string) error { return off(s, &cfg.NoSMM) },
	"usb":      absent,
	"vmport":   absent,
	"graphics": func(_ *values, cfg *emu.Config, s string) error { return off(s, &cfg.NoGraphics) },
}

// off reads a switch that is on unless it is off.
func off(s string, isOff *bool) error {
	if s != "on" && s != "off" && s != "auto" {
		return fmt.Errorf("want on, off or auto")
	}
	*isOff = s == "off"
	return nil
}

// absent reads a switch for what goemu does not have.
func absent(_ *values, _ *emu.Config, s string) error {
	if s != "off" && s != "auto" {
		return fmt.Errorf("goemu has no such device; want off")
	}
	return nil
}

// parseMachine reads -machine: the board's name and properties, in which type= names the board too.
func (v *values) parseMachine(cfg *emu.Config) error {
	cfg.NoGraphics = v.nographic
	name, rest, _ := strings.Cut(v.machine, ",")
	if strings.Contains(name, "=") {
		name, rest = "", v.machine
	}
	props := map[string]string{}
	if err := emu.ParseProps("-machine", rest, props); err != nil {
		return err
	}
	if t, ok := props["type"]; ok {
		if name != "" {
			return fmt.Errorf("-machine: two boards, %s and %s", name, t)
		}
		name = t
		delete(props, "type")
	}
	if name == "help" || name == "?" {
		fmt.Print(emu.MachineHelp())
		return errDone
	}
	if !emu.IsMachine(name) {
		return fmt.Errorf("-machine %s: no such board; -machine help lists them", name)
	}
	cfg.Machine = name
	names := make([]string, 0, len(props))
	for k := range props {
		names = append(names, k)
	}
	sort.Strings(names)
	for _, k := range names {
		set := machineProps[k]
		if set == nil {
			return fmt.Errorf("-machine: %s= is not known (want %s)", k, propNames())
		}
		if err := set(v, cfg, props[k]); err != nil {
			return fmt.Errorf("-machine %s=%s: %w", k, props[k], err)
		}
	}
	return nil
}

func propNames() string {
	names := []string{"type"}
	for k := range machineProps {
		names = append(names, k)
	}
	sort.Strings(names)
	return strings.Join(names, ", ")
}
