package qmp

import "goemu/emu/inspect"

// Tracing. Events are those of all vCPUs together.

func traceGet(s *Session, a arguments) (any, error) {
	found, err := s.m.Traced(a.text("name"))
	if err != nil {
		return nil, err
	}
	return list(found, func(e inspect.Traced) object {
		state := "disabled"
		if e.On {
			state = "enabled"
		}
		return object{{"name", e.Name}, {"vcpu", false}, {"state", state}}
	}), nil
}

func traceSet(s *Session, a arguments) (any, error) {
	return nil, s.m.SetTrace(a.text("name"), a.bool("enable"))
}
