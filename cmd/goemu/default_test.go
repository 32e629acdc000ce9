package main

import (
	"io"
	"testing"

	"goemu/emu"
)

// TestDefaultAccel: the engine that no option names.
func TestDefaultAccel(t *testing.T) {
	interp := emu.AccelInterp
	for _, c := range []struct {
		built string // as tests build the command
		args  []string
		want  emu.Accel
	}{
		{"", nil, emu.AccelBest},
		{"", []string{"-m", "64"}, emu.AccelBest},
		{"", []string{"-accel", "interp"}, interp},
		{"", []string{"-machine", "pc,accel=interp"}, interp},
		{"", []string{"-accel", "kvm:interp"}, emu.AccelKVMOrInterp},
		{"interp", nil, interp},
		{"interp", []string{"-enable-kvm"}, emu.AccelKVM},
	} {
		defaultAccel = c.built
		s, err := parse(c.args, io.Discard)
		defaultAccel = ""
		if err != nil || s.cfg.Accel != c.want {
			t.Errorf("%q, default %q: %v, %v", c.args, c.built, s.cfg.Accel, err)
		}
	}
}
