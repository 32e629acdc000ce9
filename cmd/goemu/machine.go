package main

import (
	"fmt"
	"strings"

	"goemu/emu"
)

// parseMachine reads the properties of -machine, which follow the board's name.
func (v *values) parseMachine(cfg *emu.Config) error {
	_, rest, _ := strings.Cut(v.machine, ",")
	props := map[string]string{}
	if err := emu.ParseProps("-machine", rest, props); err != nil {
		return err
	}
	for k, s := range props {
		switch k {
		case "pflash0", "pflash1":
			cfg.Pflash[k[len(k)-1]-'0'] = s
		case "accel":
			if v.accel != "auto" {
				return fmt.Errorf("-machine accel=%s: -accel is given too", s)
			}
			v.accel = s
		default:
			return fmt.Errorf("-machine: %s= is not known (want pflash0, pflash1, accel)", k)
		}
	}
	return nil
}
