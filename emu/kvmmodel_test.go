package emu_test

import (
	"io"
	"strings"
	"testing"

	"goemu/emu"
)

// A KVM that is too weak for the model: with -accel kvm a warning, or with enforce an error, and the translator or the interpreter where there is a choice. All name what is missing.
func TestKVMTooWeak(t *testing.T) {
	defer emu.AcceptKVM()()
	goodKVM(t, "x86-64-v2", nil)
	for _, c := range []struct {
		accel        emu.Accel
		cpu          string
		runs         emu.Accel
		warning, err string
	}{
		{emu.AccelKVM, "x86-64-v2", emu.AccelKVM, "", ""},
		{emu.AccelKVM, "x86-64-v2,enforce", emu.AccelKVM, "", ""},
		{emu.AccelKVM, "x86-64-v2,+movbe", emu.AccelKVM, "-cpu x86-64-v2,+movbe: left out, as this host's KVM does not have them: movbe; -accel tcg has them", ""},
		{emu.AccelKVM, "x86-64-v2,+movbe,enforce", 0, "", "-accel kvm: -cpu x86-64-v2,+movbe,enforce: this host's KVM does not have movbe; take another model, or -accel tcg"},
		{emu.AccelKVM, "x86-64-v2,+movbe,enforce,-movbe", emu.AccelKVM, "", ""},
		{emu.AccelKVMOrInterp, "x86-64-v2,+movbe,enforce", emu.AccelInterp, "-accel kvm:interp: interp runs the guest: -cpu x86-64-v2,+movbe,enforce: this host's KVM does not have movbe", ""},
		{emu.AccelKVM, "", emu.AccelKVM, "", ""},
	} {
		m, err := emu.New(emu.Config{PowerOn: true, Accel: c.accel, CPU: c.cpu, ConsoleOut: io.Discard})
		if c.err != "" {
			if err == nil || err.Error() != c.err {
				t.Errorf("%v -cpu %s: %v, want %s", c.accel, c.cpu, err, c.err)
			}
			continue
		}
		must(t, err)
		if w := strings.Join(m.Warnings(), "\n"); m.Accel() != c.runs || w != c.warning {
			t.Errorf("%v -cpu %s: %v, %q, want %v, %q", c.accel, c.cpu, m.Accel(), w, c.runs, c.warning)
		}
		must(t, m.Close())
	}
}
