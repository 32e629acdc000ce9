package emu

import (
	"fmt"
	"strings"
)

// Accel names an engine.
type Accel int32

// Engines. Auto is the translator where there is a back end for the host, else the interpreter.
const (
	AccelAuto Accel = iota
	AccelTCG
	AccelInterp
)

// String is the engine's name for -accel.
func (a Accel) String() string {
	switch a {
	case AccelTCG:
		return "tcg"
	case AccelInterp:
		return "interp"
	}
	return "auto"
}

// best is the engine that a stands for on this host.
func (a Accel) best() Accel {
	switch {
	case a != AccelAuto:
		return a
	case nativeSupported():
		return AccelTCG
	}
	return AccelInterp
}

// ParseAccel reads the value of -accel. Alternatives separated by ":" are tried in order.
func ParseAccel(s string) (Accel, error) {
	name, _, _ := strings.Cut(s, ",")
	for _, n := range strings.Split(name, ":") {
		switch n {
		case "tcg":
			if nativeSupported() {
				return AccelTCG, nil
			}
		case "interp":
			return AccelInterp, nil
		case "auto":
			return AccelAuto, nil
		case "kvm", "hvf", "whpx", "nvmm", "xen":
			// not offered: the next alternative is tried
		default:
			return 0, fmt.Errorf("-accel %s: unknown accelerator %q (have: tcg, interp, auto)", s, n)
		}
	}
	if strings.Contains(":"+name+":", ":tcg:") {
		return 0, fmt.Errorf("-accel %s: the translator has no back end for this host; use -accel interp", s)
	}
	return 0, fmt.Errorf("-accel %s: goemu has no such accelerator yet; use -accel tcg, or kvm:tcg, which takes the first that there is", s)
}

// AccelHelp lists the engines that this host can have, a line each as scripts look for them, and the one taken when nobody says.
func AccelHelp() string {
	if nativeSupported() {
		return "Accelerators supported in goemu binary:\ntcg\ninterp\n\nThe default is tcg: native code. There is no KVM yet: kvm:tcg takes tcg.\n"
	}
	return "Accelerators supported in goemu binary:\ninterp\n\nThe default is interp: tcg has no back end for this host.\n"
}

// Accel is the engine that runs the guest.
func (m *Machine) Accel() Accel { return Accel(m.accel.Load()) }

// SetAccel has the guest go on with another engine: it notices nothing but the speed. With an error the machine goes on as before. Any goroutine may call it but the machine's own.
func (m *Machine) SetAccel(a Accel) error {
	return m.do(func() error {
		if err := m.moveTo(a.best()); err != nil {
			return fmt.Errorf("accelerator %s: %w", a.best(), err)
		}
		return nil
	})
}

// moveTo changes the engine, under the machine's lock and between two instructions.
func (m *Machine) moveTo(a Accel) error {
	if err := m.code.SetNative(a == AccelTCG); err != nil {
		return err
	}
	m.accel.Store(int32(a))
	return nil
}

// Engine implements monitor.Machine and qmp.Machine.
func (m monitored) Engine() string { return m.Accel().String() }

// Engines implements monitor.Machine and qmp.Machine.
func (m monitored) Engines() (list []string) {
	if nativeSupported() {
		list = append(list, "tcg")
	}
	return append(list, "interp")
}

// SetEngine implements monitor.Machine and qmp.Machine.
func (m monitored) SetEngine(name string) error {
	a, err := ParseAccel(name)
	if err != nil {
		return err
	}
	return m.SetAccel(a)
}
