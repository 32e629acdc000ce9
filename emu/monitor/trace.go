package monitor

import "goemu/emu/trace"

// setTrace is trace-event.
func setTrace(s *Session, args []string) error {
	if args[1] != "on" && args[1] != "off" {
		return plain("trace-event: on or off expected\nTry \"help trace-event\" for more information")
	}
	if err := s.m.SetTrace(args[0], args[1] == "on"); err != nil {
		return plain(err.Error())
	}
	if args[1] == "off" {
		return nil
	}
	return s.warn(nil)
}

// warn tells, where a command has had no error, what is logged or traced in vain.
func (s *Session) warn(err error) error {
	if err != nil {
		return err
	}
	if w := s.m.Unseen(); w != "" {
		s.print("warning: %s\n", w)
	}
	return nil
}

func infoTrace(s *Session, args []string) error {
	pattern := "*"
	if len(args) > 0 {
		pattern = args[0]
	}
	list, err := s.m.Traced(pattern)
	if err != nil {
		return plain(err.Error())
	}
	for _, e := range list {
		state := 0
		if e.On {
			state = 1
		}
		s.print("%s : state %d\n", e.Name, state)
	}
	return nil
}

// traceNames complete an event's name.
func traceNames(*Session, string) []string { return trace.Names() }
