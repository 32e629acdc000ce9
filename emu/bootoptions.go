package emu

import (
	"fmt"
	"strconv"
	"strings"

	"goemu/emu/board"
)

// BootOptions is what the user wants the firmware to boot: the values of -boot.
type BootOptions = board.BootOptions

// bootLetters are the devices that -boot names: a floppy disk, c hard disk, d CD-ROM, n network.
const bootLetters = "acdn"

// bootDevices is how many of them the CMOS memory has room for.
const bootDevices = 3

// ParseBoot reads the value of -boot: "order=LETTERS,once=LETTERS,menu=on|off,strict=on|off,splash-time=MS,reboot-timeout=MS", or the letters of order alone.
func ParseBoot(s string) (BootOptions, error) {
	var b BootOptions
	if s == "" {
		return b, nil
	}
	if first, _, _ := strings.Cut(s, ","); !strings.Contains(first, "=") {
		s = "order=" + s
	}
	props := map[string]string{}
	if err := ParseProps("-boot", s, props); err != nil {
		return b, err
	}
	for k, v := range props {
		var err error
		switch k {
		case "order":
			b.Order, err = v, checkOrder(v)
		case "once":
			b.Once, err = v, checkOrder(v)
		case "menu":
			b.Menu, err = parseSwitch(v)
		case "strict":
			b.Strict, err = parseSwitch(v)
		case "splash-time":
			b.SplashTime, err = parseTime(v, 0, 0xffff)
		case "reboot-timeout":
			b.RebootTimeout, err = parseTime(v, -1, 0xffff)
		default:
			err = fmt.Errorf("is not known (want order, once, menu, strict, splash-time, reboot-timeout)")
		}
		if err != nil {
			return BootOptions{}, fmt.Errorf("-boot %s=%s: %w", k, v, err)
		}
	}
	return b, nil
}

func checkOrder(s string) error {
	if len(s) > bootDevices {
		return fmt.Errorf("want at most %d letters", bootDevices)
	}
	for i, c := range s {
		switch {
		case !strings.ContainsRune(bootLetters, c):
			return fmt.Errorf("no device has the letter %q (want a floppy disk, c hard disk, d CD-ROM, n network)", c)
		case strings.ContainsRune(s[:i], c):
			return fmt.Errorf("%q is there twice", c)
		}
	}
	return nil
}

func parseSwitch(s string) (bool, error) {
	if s != "on" && s != "off" {
		return false, fmt.Errorf("want on or off")
	}
	return s == "on", nil
}

// parseTime reads milliseconds.
func parseTime(s string, low, high int) (*int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		return nil, fmt.Errorf("want milliseconds from %d to %d", low, high)
	}
	return &n, nil
}
