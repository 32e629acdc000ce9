package emu

import (
	"errors"
	"fmt"
	"strings"

	"goemu/emu/cpumodel"
	"goemu/emu/debuglog"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
	"goemu/emu/kvmcpu"
	"goemu/tcg/amd64"
)

// AccelBest: when KVM is the engine though nobody has asked for it. What costs nothing is looked at first, so that a start is as quick as before where the answer is no.

// builtinNote is what help says besides.
const builtinNote = "The built-in guest, -icount, -d, -gdb, -s, -S and traced exceptions have the translator in any case.\n"

// leastModel is what KVM's processors must have for a guest that is not particular about its processor.
const leastModel = "x86-64-v2"

// chooseCPU finds the processor's model, and the engine.
func (m *Machine) chooseCPU() error {
	model, dropped, err := cpumodel.Parse(m.cfg.CPU, amd64.HostCPUID)
	if err != nil {
		return err
	}
	if dropped != (cpumodel.Set{}) {
		m.warnings = append(m.warnings, fmt.Sprintf("-cpu %s: left out, as goemu does not have them: %v", m.cfg.CPU, dropped))
	}
	m.model = model
	first, other := m.cfg.Accel.best().split()
	if first == AccelBest {
		if err := m.takeBest(); err == nil {
			first = AccelKVM
		} else {
			first = m.cfg.Accel.otherwise()
			m.setReason("the default: " + oneLine(err))
		}
	} else if first == AccelKVM {
		if err := m.cutForKVM(other); err != nil {
			if other == AccelAuto {
				return fmt.Errorf("-accel kvm: %w", err)
			}
			m.warnInstead(other, err)
			first = other
		}
	}
	if m.cfg.KVMModel && first != AccelKVM {
		if err := m.cutForKVM(AccelAuto); err != nil {
			return err
		}
	}
	m.accel.Store(int32(first))
	return nil
}

// forTranslator tells what of the Config KVM cannot do, or not as well; nil: nothing.
func (m *Machine) forTranslator() error {
	const unseen = inspect.EventException | inspect.EventInterrupt | inspect.EventMode | inspect.EventSMI
	c := &m.cfg
	switch {
	case m.runsTour():
		return errors.New("the built-in guest shows the translator")
	case c.Icount || c.Watch != nil:
		return errors.New("-icount counts instructions, which KVM would execute one by one")
	case c.Log.Wants(^debuglog.Item(0)):
		return errors.New("-d logs what the host's processor does not tell of")
	case c.Trace.Kinds()&unseen != 0:
		return errors.New("-trace is for events that the host's processor does not tell of")
	case c.GDB != "" && c.GDB != "none":
		return errors.New("gdb may want more breakpoints than a processor has")
	case c.Stopped:
		return errors.New("-S lets a debugger in, which may want more breakpoints than a processor has")
	}
	return nil
}

// takeBest prepares the machine for KVM, or tells why it is not the best.
func (m *Machine) takeBest() error {
	if err := m.forTranslator(); err != nil {
		return err
	}
	h, model, err := bestHost(m.model, &m.cfg)
	if err != nil {
		return err
	}
	m.model, m.kvmHost = model, h
	m.setReason("the default, as KVM is a processor's here")
	return nil
}

// bestHost opens a KVM that is as good as a processor, and gives the model that it makes of one: the same, but for the default and the host's, which are what there is. c is what is asked for.
func bestHost(model *cpumodel.Model, c *Config) (h *kvm.Host, cut *cpumodel.Model, err error) {
	if h, err = kvm.Open(); err != nil {
		return nil, nil, err
	}
	err = kvmcpu.Check(h)
	if err == nil {
		_, err = fits(h, model, c, kvmcpu.SplitIRQChip) // which has the most features; whether there is one is found by a guest
	}
	if err == nil {
		err = processors(h)
	}
	var chip kvmcpu.IRQChip
	if err == nil {
		chip, err = c.chip(h)
	}
	if err == nil {
		cut, err = fits(h, model, c, chip)
	}
	if err != nil {
		return nil, nil, errors.Join(err, h.Close())
	}
	return h, cut, nil
}

// fits cuts a model to what KVM offers, if it can be.
func fits(h *kvm.Host, model *cpumodel.Model, c *Config, chip kvmcpu.IRQChip) (*cpumodel.Model, error) {
	have, err := offered(h, chip)
	if err != nil {
		return nil, err
	}
	name := c.CPU
	if n := strings.ToLower(name); n != "" && n != cpumodel.Default && n != "host" {
		if lacking := model.Lacking(have); lacking != (cpumodel.Set{}) {
			return nil, fmt.Errorf("-cpu %s has what this host's KVM does not: %v", name, lacking)
		}
		return model, nil
	}
	least, _, _ := cpumodel.New(leastModel)
	if lacking := least.Lacking(have); lacking != (cpumodel.Set{}) {
		return nil, fmt.Errorf("this host's KVM does not have all of %s: %v", leastModel, lacking)
	}
	cut, _ := model.Cut(have)
	return cut, nil
}

// DefaultAccel is what AccelBest stands for on this host, in a machine without particular wishes, and why: a line without a full stop.
func DefaultAccel() (a Accel, why string) {
	model, _, _ := cpumodel.New(cpumodel.Default)
	h, _, err := bestHost(model, &Config{})
	if err == nil {
		err = h.Close()
	}
	a = AccelAuto.best()
	switch {
	case err == nil:
		return AccelKVM, "the host's processor, which runs small guests as it should"
	case a == AccelTCG:
		return a, "native code; " + oneLine(err)
	}
	return a, "tcg has no back end for this host"
}

// AccelReason tells why the engine runs that does, where that is not for having been asked for; else "". Any goroutine may call it.
func (m *Machine) AccelReason() string {
	if why := m.accelWhy.Load(); why != nil {
		return *why
	}
	return ""
}

// setReason sets AccelReason.
func (m *Machine) setReason(why string) { m.accelWhy.Store(&why) }

// oneLine is an error's text, which may be of several errors, in a line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// otherwise is the engine that is taken where KVM is not; AccelAuto: none is.
func (a Accel) otherwise() Accel {
	if a == AccelBest {
		return AccelAuto.best()
	}
	_, other := a.split()
	return other
}
