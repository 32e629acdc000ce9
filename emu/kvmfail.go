package emu

import (
	"errors"
	"fmt"
	"strings"

	"goemu/emu/chardev"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
)

// What becomes of a machine that KVM fails at: with -accel kvm it ends; where another engine may run it, that goes on at the same instruction.

// EngineError is Run's error where an engine could not go on with the guest, through no fault of the guest's.
type EngineError struct{ Err error }

// Error implements error.
func (e *EngineError) Error() string { return e.Err.Error() }

// Unwrap gives what the engine failed at.
func (e *EngineError) Unwrap() error { return e.Err }

// Failed implements kvmcpu.World.
func (v *vcpu) Failed(err error, lost bool) {
	m := v.m
	at := ""
	if l, e := m.disassemble(v.cpu, inspect.Linear(v.cpu.LinearRIP()), 1); e == nil && !lost {
		at = fmt.Sprintf(" at %#x, %x %s", l[0].Addr, l[0].Bytes, l[0].Text)
	}
	err = fmt.Errorf("the guest cannot go on in KVM%s: %w", at, err)
	if !lost && m.cfg.Accel.otherwise() != AccelAuto && !m.kvmCounts {
		if m.kvmFailed == nil {
			m.kvmFailed = err
		}
		m.kick()
		return
	}
	m.giveUp(err)
}

// giveUp ends the machine, as no engine can go on with the guest.
func (m *Machine) giveUp(why error) {
	if m.err == nil {
		m.err = &EngineError{why}
	}
	m.tell(inspect.Notice{Kind: inspect.NoticeShutdown, Reason: inspect.ReasonHostError, Exit: 1})
	m.end(1)
}

// fallBack has the other engine go on with the guest after a failure of KVM's, between two instructions.
func (m *Machine) fallBack() {
	why := m.kvmFailed
	m.kvmFailed = nil
	if why != nil && m.inKVM() { // else somebody has moved it meanwhile
		m.leaveKVM()
		m.goOn(why)
	}
}

// goOn has the other engine, if there is one, go on with the guest, which is not in KVM any more.
func (m *Machine) goOn(why error) {
	other := m.cfg.Accel.otherwise()
	if other == AccelAuto {
		m.giveUp(why)
		return
	}
	if err := m.code.SetNative(other == AccelTCG); err != nil {
		m.giveUp(fmt.Errorf("%w; and %s cannot go on: %w", why, other, err))
		return
	}
	m.accel.Store(int32(other))
	text := withoutAdvice(why)
	m.setReason(text)
	if m.cfg.Stderr != nil && !m.stopped {
		end := "\n"
		if m.terminal != nil && chardev.IsTerminal(m.terminal.src) {
			end = "\r\n"
		}
		fmt.Fprintf(m.cfg.Stderr, "goemu: warning: %s; %s goes on%s", text, other, end)
	}
}

// withoutAdvice is an error's text in a line, without what KVM's errors advise to do.
func withoutAdvice(err error) string {
	var e *kvm.Error
	if !errors.As(err, &e) || e.Advice == "" {
		return oneLine(err)
	}
	short := *e
	short.Advice = ""
	return strings.Replace(oneLine(err), oneLine(e), oneLine(&short), 1)
}
