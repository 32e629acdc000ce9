package emu

import (
	"fmt"

	"goemu/emu/inspect"
	"goemu/emu/trace"
)

// recordKinds has the CPUs and buses tell of what somebody wants to know.
func (m *Machine) recordKinds() {
	m.rec.traced = m.cfg.Trace.Kinds()
	m.rec.kinds = m.rec.kept | m.rec.traced
	m.space.OnIO = nil
	if m.rec.kinds&inspect.EventMMIO != 0 {
		m.space.OnIO = func(phys uint64, size int, write bool, val uint64) {
			m.current().recordAccess(inspect.EventMMIO, phys, size, write, val)
		}
	}
}

// SetTrace has the events that match a pattern traced from now on, or no more. A name that is none is an error, a pattern that matches nothing is not.
func (m *Machine) SetTrace(pattern string, on bool) error {
	return m.do(func() error {
		if m.cfg.Trace.Set(pattern, on) == 0 && !trace.IsPattern(pattern) {
			return fmt.Errorf("unknown event %q", pattern)
		}
		m.recordKinds()
		m.hookBuses()
		return nil
	})
}

// Traced tells which of the events that match a pattern are traced, by name; a name that is none is an error.
func (m *Machine) Traced(pattern string) (list []inspect.Traced, err error) {
	names := trace.Match(pattern)
	if len(names) == 0 && !trace.IsPattern(pattern) {
		return nil, fmt.Errorf("unknown event %q", pattern)
	}
	for _, n := range names {
		list = append(list, inspect.Traced{Name: n, On: m.cfg.Trace.State(n)})
	}
	return list, nil
}
