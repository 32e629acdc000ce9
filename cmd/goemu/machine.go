package main

import (
	"fmt"
	"sort"
	"strings"

	"goemu/emu"
)

// machineProps are the properties of -machine. Each takes a value, or says what is wrong with it.
var machineProps = map[string]func(s *settings, v string) error{
	"accel":    func(s *settings, v string) error { s.machineAccel = v; return nil },
	"pflash0":  func(s *settings, v string) error { s.cfg.Pflash[0] = v; return nil },
	"pflash1":  func(s *settings, v string) error { s.cfg.Pflash[1] = v; return nil },
	"hpet":     func(s *settings, v string) error { return off(v, &s.cfg.NoHPET) },
	"smm":      func(s *settings, v string) error { return off(v, &s.cfg.NoSMM) },
	"usb":      absent,
	"vmport":   absent,
	"graphics": func(s *settings, v string) error { return off(v, &s.cfg.NoGraphics) },

	"kernel-irqchip": (*settings).setIRQChip,
	"kernel_irqchip": (*settings).setIRQChip,
}

// setIRQChip is what KVM is to have of the interrupt controllers; other engines do not look at it.
func (s *settings) setIRQChip(v string) (err error) {
	s.cfg.IRQChip, err = emu.ParseIRQChip(v)
	return err
}

// off reads a switch that is on unless it is off.
func off(v string, isOff *bool) error {
	if v != "on" && v != "off" && v != "auto" {
		return fmt.Errorf("want on, off or auto")
	}
	*isOff = v == "off"
	return nil
}

// absent reads a switch for what goemu does not have.
func absent(_ *settings, v string) error {
	if v != "off" && v != "auto" {
		return fmt.Errorf("goemu has no such device; want off")
	}
	return nil
}

// setMachine reads -machine: the board's name and properties, in which type= names the board too. A second one adds to the first.
func (s *settings) setMachine(v string) error {
	name, rest, _ := strings.Cut(v, ",")
	if strings.Contains(name, "=") {
		name, rest = "", v
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
	if isHelp(name) {
		fmt.Fprint(s.out, emu.MachineHelp())
		return errDone
	}
	if !emu.IsMachine(name) {
		return fmt.Errorf("-machine %s: unsupported machine type; use -machine help to list supported machines", name)
	}
	if name != "" {
		s.cfg.Machine = name
	}
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
		if err := set(s, props[k]); err != nil {
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

// setAccel is -accel; several are alternatives, as those of one are.
func (s *settings) setAccel(v string) error {
	name, rest, _ := strings.Cut(strings.TrimPrefix(v, "accel="), ",")
	if isHelp(name) {
		fmt.Fprint(s.out, emu.AccelHelp())
		return errDone
	}
	props := map[string]string{}
	if err := emu.ParseProps("-accel "+name, rest, props); err != nil {
		return err
	}
	for k, v := range props {
		switch k {
		case "thread", "tb-size", "split-wx":
			// What tunes QEMU's translator means nothing to this one, and the guest sees nothing of it.
		case "kernel-irqchip":
			if !strings.Contains(":"+name+":", ":kvm:") {
				return fmt.Errorf("%s=%s is for kvm, not for %s", k, v, name)
			}
			if err := s.setIRQChip(v); err != nil {
				return fmt.Errorf("-accel %s,%s=%s: %w", name, k, v, err)
			}
		default:
			return fmt.Errorf("%s= is not known (want kernel-irqchip; or thread, tb-size, split-wx, which change nothing here)", k)
		}
	}
	s.accels = append(s.accels, name)
	return nil
}

func (s *settings) setCPU(v string) error {
	if isHelp(v) {
		fmt.Fprint(s.out, emu.CPUHelp())
		return errDone
	}
	s.cfg.CPU = v
	return nil
}

// setMemory is -m. Memory cannot be added later, so that slots= and maxmem= may only say so.
func (s *settings) setMemory(v string) error {
	if first, _, _ := strings.Cut(v, ","); !strings.Contains(first, "=") {
		v = "size=" + v
	}
	props := map[string]string{}
	if err := emu.ParseProps("-m", v, props); err != nil {
		return err
	}
	for k, val := range props {
		n, err := emu.ParseSize(val, 1<<20)
		switch {
		case k == "size" && err == nil:
			s.cfg.Memory = n
		case k == "slots":
		case err != nil:
			return err
		case k != "maxmem":
			return fmt.Errorf("%s= is not known (want size)", k)
		}
	}
	if m, given := props["maxmem"]; given {
		if n, _ := emu.ParseSize(m, 1<<20); n != s.cfg.Memory {
			return fmt.Errorf("maxmem=%s: memory cannot be added later, want that of size=", m)
		}
	}
	return nil
}
