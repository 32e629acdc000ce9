package emu

import (
	"errors"
	"fmt"
	"strings"
)

// Accel names an engine.
type Accel int32

// Engines. Auto is the translator where there is a back end for the host, else the interpreter; it is the same on a host with KVM and without. Best is KVM where it is a
// processor's and has what the machine wants, else Auto, without a warning: see Machine.AccelReason; a guest that KVM fails at goes on as with Auto. It is for Config alone. The
// last two are KVM where it is a processor's and has all of the CPU model, and else what they name, with a warning that says why.
const (
	AccelAuto Accel = iota
	AccelTCG
	AccelInterp
	AccelKVM
	AccelBest
	AccelKVMOrTCG    = AccelKVM | AccelTCG<<accelElse
	AccelKVMOrInterp = AccelKVM | AccelInterp<<accelElse
)

// accelElse is where an Accel has what is taken where KVM is not.
const accelElse = 4

// split gives the engine to be tried first, and another, or AccelAuto if there is none.
func (a Accel) split() (first, other Accel) { return a & (1<<accelElse - 1), a >> accelElse }

// accelNames are the engines' names for -accel.
var accelNames = [...]string{AccelAuto: "auto", AccelTCG: "tcg", AccelInterp: "interp", AccelKVM: "kvm", AccelBest: "the default"}

// String is the engine's name for -accel.
func (a Accel) String() string {
	first, other := a.split()
	if other != AccelAuto {
		return accelNames[first] + ":" + accelNames[other]
	}
	return accelNames[first]
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
	kvm, found := false, AccelAuto
	for _, n := range strings.Split(name, ":") {
		switch n {
		case "tcg":
			if nativeSupported() && found == AccelAuto {
				found = AccelTCG
			}
		case "interp":
			if found == AccelAuto {
				found = AccelInterp
			}
		case "auto":
			if found == AccelAuto {
				found = AccelAuto.best()
			}
			if name == n {
				return AccelAuto, nil
			}
		case "kvm":
			kvm = kvm || found == AccelAuto
		case "hvf", "whpx", "nvmm", "xen":
			// not offered: the next alternative is tried
		default:
			return 0, fmt.Errorf("-accel %s: unknown accelerator %q (have: kvm, tcg, interp, auto)", s, n)
		}
	}
	switch {
	case kvm:
		return AccelKVM | found<<accelElse, nil
	case found != AccelAuto:
		return found, nil
	case strings.Contains(":"+name+":", ":tcg:"):
		return 0, fmt.Errorf("-accel %s: the translator has no back end for this host; use -accel interp", s)
	}
	return 0, fmt.Errorf("-accel %s: goemu has no such accelerator; use -accel tcg, or kvm:tcg, which takes the first that there is", s)
}

// AccelHelp lists the engines that this host can have, a line each as scripts look for them, and the one taken when nobody says.
func AccelHelp() string {
	a, why := DefaultAccel()
	return fmt.Sprintf("Accelerators supported in goemu binary:\n%s\n\nThe default here is %s: %s.\n%s%s", strings.Join(engineNames(), "\n"), a, why, builtinNote, irqChipHelp)
}

// engineNames are the engines that this host has.
func engineNames() (list []string) {
	if kvmUsable() == nil {
		list = append(list, AccelKVM.String())
	}
	if nativeSupported() {
		list = append(list, AccelTCG.String())
	}
	return append(list, AccelInterp.String())
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
	if first, other := a.split(); first == AccelKVM && other != AccelAuto {
		a = first
	}
	was := m.Accel()
	switch {
	case a == was:
		return nil
	case a == AccelBest:
		return errors.New("the default is chosen where a machine begins: name an engine")
	case a == AccelKVM:
		if err := m.enterKVM(); err != nil {
			return err
		}
	default:
		if err := m.code.SetNative(a == AccelTCG); err != nil {
			return err
		}
		if was == AccelKVM {
			m.leaveKVM()
		}
	}
	m.accel.Store(int32(a))
	m.setReason("")
	return nil
}

// Engine implements monitor.Machine and qmp.Machine.
func (m monitored) Engine() string { return m.Accel().String() }

// EngineReason implements monitor.Machine.
func (m monitored) EngineReason() string { return m.AccelReason() }

// IRQChip implements monitor.Machine.
func (m monitored) IRQChip() (text string) {
	// A machine that is closed has none.
	_ = m.see(func() error {
		text = m.irqChipText()
		return nil
	})
	return text
}

// Engines implements monitor.Machine and qmp.Machine.
func (m monitored) Engines() []string { return engineNames() }

// SetEngine implements monitor.Machine and qmp.Machine.
func (m monitored) SetEngine(name string) error {
	a, err := ParseAccel(name)
	if err != nil {
		return err
	}
	return m.SetAccel(a)
}
