package main

import (
	"fmt"
	"os"
	"strings"

	"goemu/emu"
	"goemu/emu/debuglog"
	"goemu/emu/trace"
)

// tracing is what -trace options say.
type tracing struct {
	given []traced
	file  string // "": standard error
}

// traced is a pattern, or a file of patterns.
type traced struct{ pattern, file string }

// setTrace is -trace; several add up.
func (s *settings) setTrace(v string) error {
	if isHelp(v) {
		fmt.Fprint(s.out, trace.Help())
		return errDone
	}
	if first, _, _ := strings.Cut(v, ","); !strings.Contains(first, "=") {
		v = "enable=" + v
	}
	props := map[string]string{}
	if err := emu.ParseProps("-trace", v, props); err != nil {
		return err
	}
	for k, val := range props {
		if k != "enable" && k != "events" && k != "file" {
			return fmt.Errorf("%s=%s is not known (want enable=PATTERN, events=FILE, file=FILE)", k, val)
		}
	}
	s.trace.given = append(s.trace.given, traced{props["enable"], props["events"]})
	if f := props["file"]; f != "" {
		s.trace.file = f
	}
	return nil
}

// tracesHere tells whether lines of -trace go to standard error.
func (s *settings) tracesHere() bool { return len(s.trace.given) > 0 && s.trace.file == "" }

// openTrace opens what -trace writes to. A name that is no event is warned of, as with QEMU, whose events are not all here.
func (s *settings) openTrace() error {
	if len(s.trace.given) == 0 {
		return nil
	}
	var patterns []string
	for _, g := range s.trace.given {
		if g.pattern != "" {
			patterns = append(patterns, g.pattern)
		}
		if g.file == "" {
			continue
		}
		f, err := os.Open(g.file)
		if err != nil {
			return fmt.Errorf("-trace events=%s: %w", g.file, err)
		}
		more, err := trace.ReadPatterns(f)
		if e := f.Close(); err == nil {
			err = e
		}
		if err != nil {
			return fmt.Errorf("-trace events=%s: %w", g.file, err)
		}
		patterns = append(patterns, more...)
	}
	log, err := debuglog.Open(0, s.trace.file, nil)
	if err != nil {
		return fmt.Errorf("-trace file=%s: %w", s.trace.file, err)
	}
	s.cfg.Trace = trace.New(log)
	for _, p := range patterns {
		if s.cfg.Trace.Apply(p) == 0 && !trace.IsPattern(p) {
			fmt.Fprintf(s.cfg.Stderr, "goemu: warning: trace event '%s' does not exist (-trace help lists those that do)\n", strings.TrimPrefix(p, "-"))
		}
	}
	return nil
}
