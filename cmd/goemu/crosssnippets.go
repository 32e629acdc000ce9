package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"goemu/emu"
	"goemu/emu/crosscheck/snippet"
	"goemu/emu/crosscheck/undefined"
	"goemu/emu/wholefile"
)

// snippetSettings are what options say of snippets and case files.
type snippetSettings struct {
	snippets []string // files; -: standard input
	replays  []string // case files
	format   snippet.Format
	mode     string
	ring     int // -1: the mode's
	regs     []snippet.Setting
	save     string // where the cases are written to
	cpu      string
	a, b     string // engines
	given    bool   // a or b was asked for: case files do not choose
	table    *undefined.Table
	json     bool
}

// noSnippets is what they are without any options.
var noSnippets = snippetSettings{format: snippet.Auto, mode: "64", ring: -1, a: "tcg", b: "interp"}

// snippetOnly are the options for snippets only, readOnly those of them that cases do without; machineOnly those that are for machines only.
var (
	snippetOnly = []string{"format", "mode", "ring", "reg", "save"}
	readOnly    = []string{"format", "mode", "ring", "reg"}
	machineOnly = []string{"every", "from", "insns", "console", "case"}
)

// refuse is an error if one of the options was given.
func (c *crossSettings) refuse(options []string, why string) error {
	for _, n := range c.names {
		if slices.Contains(options, n) {
			return fmt.Errorf("--%s is %s", n, why)
		}
	}
	return nil
}

// engine takes an engine's name. Some run snippets only.
func (c *crossSettings) engine(to *emu.Accel, name *string, v string) error {
	if !snippet.KnownEngine(v) {
		return fmt.Errorf("want one of %s", strings.Join(snippet.EngineNames, ", "))
	}
	*name, c.snips.given = v, true
	if v == "native" {
		c.only = errors.New("engine native: only with --snippet and --replay: it has no machine")
		return nil
	}
	a, err := emu.ParseAccel(v)
	*to = a
	return err
}

// runSnippets compares snippets and cases; rest is what is left of the command line.
func (c *crossSettings) runSnippets(out io.Writer, rest []string) (int, error) {
	s := &c.snips
	if len(s.snippets) == 0 {
		if err := c.refuse(readOnly, "for --snippet: the cases of --replay have their own"); err != nil {
			return 0, err
		}
	}
	if err := c.refuse(machineOnly, "for machines, not for --snippet and --replay"); err != nil {
		return 0, err
	}
	for i := 0; i < len(rest); i++ {
		arg := rest[i]
		name, value, assigned := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch {
		case !strings.HasPrefix(arg, "-") && len(s.replays) > 0:
			s.replays = append(s.replays, arg)
		case name == "h" || name == "help":
			return 0, errHelp
		case strings.HasPrefix(arg, "-") && name == "cpu":
			if !assigned {
				if i++; i >= len(rest) {
					return 0, errors.New("-cpu needs a value: MODEL")
				}
				value = rest[i]
			}
			if err := snippet.CheckModel(value); err != nil {
				return 0, err
			}
			s.cpu = value
		default:
			return 0, fmt.Errorf("%s: not with --snippet and --replay: there is no machine", arg)
		}
	}
	if files := slices.Sorted(slices.Values(slices.Concat(s.snippets, s.replays))); len(files) > 1 && files[0] == "-" && files[1] == "-" {
		return 0, errors.New("-: standard input can be read once only")
	}
	s.json, s.table = c.json, c.Undefined
	if s.table == nil {
		s.table = undefined.Default()
	}
	return s.run(out)
}

// maxSnippets is the size of a file of snippets.
const maxSnippets = 64 << 20

// wanted tells whether there is anything to do.
func (s *snippetSettings) wanted() bool { return len(s.snippets)+len(s.replays) > 0 }

func (s *snippetSettings) setFormat(v string) error {
	for _, f := range snippet.Formats {
		if string(f) == v {
			s.format = f
			return nil
		}
	}
	return fmt.Errorf("want one of %s", strings.Join(formatWords(), ", "))
}

func (s *snippetSettings) setMode(v string) error {
	s.mode = v
	return new(snippet.Case).SetMode(v)
}

func (s *snippetSettings) setRing(v string) (err error) {
	s.ring, err = snippet.ParseRing(v)
	return err
}

func (s *snippetSettings) setReg(v string) error {
	name, value, ok := strings.Cut(v, "=")
	if !ok {
		return errors.New("want NAME=VALUE")
	}
	s.regs = append(s.regs, snippet.Setting{Name: name, Value: value})
	return nil
}

// cases reads all files.
func (s *snippetSettings) cases() ([]*snippet.Case, error) {
	var all []*snippet.Case
	read := func(name string) ([]byte, error) {
		f := os.Stdin
		if name != "-" {
			var err error
			if f, err = os.Open(name); err != nil {
				return nil, err
			}
			defer f.Close()
		}
		data, err := io.ReadAll(io.LimitReader(f, maxSnippets+1))
		if err == nil && len(data) > maxSnippets {
			err = fmt.Errorf("%s: more than %d MiB", name, maxSnippets>>20)
		}
		return data, err
	}
	for _, name := range s.replays {
		data, err := read(name)
		if err != nil {
			return nil, err
		}
		c, err := snippet.Parse(name, strings.NewReader(string(data)))
		if err != nil {
			return nil, err
		}
		all = append(all, c...)
	}
	for _, name := range s.snippets {
		data, err := read(name)
		if err != nil {
			return nil, err
		}
		c, err := snippet.Read(name, data, s.format, s.mode, func(c *snippet.Case) {
			if s.ring >= 0 {
				c.Ring = s.ring
			}
			c.Regs, c.CPU = s.regs, s.cpu
		})
		if err != nil {
			return nil, err
		}
		all = append(all, c...)
	}
	return all, nil
}

// run compares all and prints what came of it.
func (s *snippetSettings) run(out io.Writer) (status int, err error) {
	cases, err := s.cases()
	if err != nil {
		return 0, err
	}
	if s.save != "" {
		if err := s.write(cases); err != nil {
			return 0, err
		}
	}
	r := snippet.Runner{A: s.a, B: s.b, Force: s.given, Table: s.table}
	defer func() { err = errors.Join(err, r.Close()) }()
	ctx, stop := untilSignal()
	defer stop()
	var different, failed int
	all := []*snippet.Verdict{}
	for n, c := range cases {
		v := r.Run(c)
		if i := (interrupted{}); errors.As(context.Cause(ctx), &i) { // which may have been what ended the run
			i.text = fmt.Sprintf("interrupted after %d of %d cases, of which %d differ", n, len(cases), different)
			return 0, i
		}
		switch {
		case v.Status == snippet.Failed:
			failed++
		case !v.Expected:
			different++
		}
		if s.json {
			all = append(all, v)
		} else if _, err := io.WriteString(out, v.String()); err != nil {
			return 0, err
		}
	}
	status, result := crossEqual, "equal"
	switch {
	case failed > 0:
		status, result = crossFailed, "error"
	case different > 0:
		status, result = crossDifferent, "different"
	}
	if s.json {
		return status, writeJSON(out, struct {
			Result string             `json:"result"`
			Cases  []*snippet.Verdict `json:"cases"`
		}{result, all})
	}
	if len(cases) > 1 {
		_, err = fmt.Fprintf(out, "%d cases: %d as expected, %d not, %d could not be run\n", len(cases), len(cases)-different-failed, different, failed)
	}
	return status, err
}

// write writes the cases to a file.
func (s *snippetSettings) write(cases []*snippet.Case) error {
	return wholefile.Write(s.save, func(w io.Writer) error {
		for _, c := range cases {
			if err := c.Write(w); err != nil {
				return err
			}
		}
		return nil
	})
}
