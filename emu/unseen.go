package emu

import (
	"strings"

	"goemu/emu/debuglog"
	"goemu/emu/inspect"
)

// What is asked for of the log and of events, and the engine does not see.

// unseenItems and unseenKinds are what KVM does not tell of: the host's processor delivers exceptions itself, and nothing is translated.
const (
	unseenItems = debuglog.InAsm | debuglog.Op | debuglog.OpOpt | debuglog.OutAsm | debuglog.Int | debuglog.Exec | debuglog.CPU | debuglog.MMU | debuglog.Stats
	unseenKinds = inspect.EventException | inspect.EventInterrupt | inspect.EventMode
)

// unseen is a line about what is logged or traced and is not seen, or not all of it, with the engine that runs the guest; "": there is none. It is called under the machine's lock.
func (m *Machine) unseen() string {
	var list []string
	if m.cfg.Log.Wants(debuglog.Insns) && !m.cfg.Icount {
		list = append(list, "-d insns: instructions are counted with -icount only")
	}
	switch m.Accel() {
	case AccelInterp:
		if m.cfg.Log.Wants(debuglog.OutAsm) {
			list = append(list, "-d out_asm: the interpreter has no host code; -accel tcg has")
		}
	case AccelKVM:
		var what []string
		if names := m.cfg.Log.Wanted(unseenItems); names != nil {
			what = append(what, "-d "+strings.Join(names, ","))
		}
		kinds := unseenKinds
		if m.cfg.IRQChip == IRQChipOn {
			kinds |= inspect.EventPort | inspect.EventMMIO // those of the controllers
		}
		if names := m.cfg.Trace.Wanted(kinds); names != nil {
			what = append(what, "-trace "+strings.Join(names, ","))
		}
		if what != nil {
			list = append(list, strings.Join(what, " and ")+": KVM does not tell of all that happens in it; -accel tcg does")
		}
	}
	return strings.Join(list, "; ")
}

// Unseen implements monitor.Machine.
func (m monitored) Unseen() (text string) {
	// A machine that is closed sees nothing more.
	_ = m.see(func() error {
		text = m.unseen()
		return nil
	})
	return text
}
