package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"goemu/emu/crosscheck"
	"goemu/emu/crosscheck/snippet"
	"goemu/emu/crosscheck/undefined"
)

// crossOption is an option of crosscheck. The others are those of machines.
type crossOption struct {
	name, arg, about string
	words            func() []string // that shells complete; nil: none
	set              func(c *crossSettings, v string) error
}

// files tells whether its value is a file's name.
func (o *crossOption) files() bool { return o.arg == "FILE" || o.arg == "FILE..." }

// these are words to complete.
func these(words ...string) func() []string { return func() []string { return words } }

// formatWords are the formats of snippets.
func formatWords() (l []string) {
	for _, f := range snippet.Formats {
		l = append(l, string(f))
	}
	return l
}

// engineWords are the engines.
func engineWords() []string { return snippet.EngineNames }

var crossOptions = []crossOption{
	{"a", "ENGINE", "one engine: tcg (default), interp, kvm (which executes instructions\none by one); for snippets native too", engineWords,
		func(c *crossSettings, v string) error { return c.engine(&c.A, &c.snips.a, v) }},
	{"b", "ENGINE", "the other (default interp)", engineWords, func(c *crossSettings, v string) error { return c.engine(&c.B, &c.snips.b, v) }},
	{"every", "WHEN", "compare after each insn, block (default), exit (an access to a\ndevice) or N instructions, or at marked points: port=N (a write\nto it), rip=ADDRESS", these("insn", "block", "exit", "port=", "rip="),
		func(c *crossSettings, v string) (err error) { c.Every, err = crosscheck.ParseEvery(v); return err }},
	{"from", "POINT", "begin at rip=ADDRESS, insn=N or after-exits=N", these("rip=", "insn=", "after-exits="),
		func(c *crossSettings, v string) (err error) { c.From, err = crosscheck.ParseFrom(v); return err }},
	{"insns", "N", "end after N instructions (suffix k, M, G); else when the guest\npowers off", nil, func(c *crossSettings, v string) (err error) {
		if c.Insns, err = crosscheck.ParseCount(v); err == nil && c.Insns == 0 {
			err = errors.New("want a number of instructions, 1 at least")
		}
		return err
	}},
	{"undefined", "FILE", "more results that instructions leave undefined, as in\ndocs/crosscheck.md; help prints the table, none forgets it", nil,
		func(c *crossSettings, v string) error { return c.readUndefined(v) }},
	{"console", "", "show the first serial port, and type there what standard\ninput has", nil, func(c *crossSettings, _ string) error { c.console = true; return nil }},
	{"snippet", "FILE", "no machine: compare the snippets in FILE (-: standard input),\npairs of hexadecimal digits or assembler text for nasm", nil, func(c *crossSettings, v string) error {
		c.snips.snippets = append(c.snips.snippets, v)
		return nil
	}},
	{"format", "FORMAT", "of snippets: hex, asm, bin; else it is found out", formatWords, func(c *crossSettings, v string) error { return c.snips.setFormat(v) }},
	{"mode", "MODE", "of snippets: 16, 32, 64 (default), protected16, vm86, compat16\nor compat32", snippet.ModeNames, func(c *crossSettings, v string) error { return c.snips.setMode(v) }},
	{"ring", "RING", "of snippets: 0 to 3 (default, but 0 in mode 16)", these("0", "1", "2", "3"), func(c *crossSettings, v string) error { return c.snips.setRing(v) }},
	{"reg", "NAME=VALUE", "a register that snippets start with", nil, func(c *crossSettings, v string) error { return c.snips.setReg(v) }},
	{"save", "FILE", "write the snippets as a case file", nil, func(c *crossSettings, v string) error { c.snips.save = v; return nil }},
	{"replay", "FILE...", "no machine: compare the cases in these files, such as\nreproducers", nil, func(c *crossSettings, v string) error {
		c.snips.replays = append(c.snips.replays, v)
		return nil
	}},
	{"case", "FILE", "write the reproducer there (default crosscheck-N.case, where N\nis the instruction)", nil, func(c *crossSettings, v string) error { c.caseFile = v; return nil }},
	{"json", "", "print the report as JSON", nil, func(c *crossSettings, _ string) error { c.json = true; return nil }},
}

// readUndefined is --undefined.
func (c *crossSettings) readUndefined(v string) error {
	switch v {
	case "help":
		if _, err := fmt.Print(undefined.Text); err != nil {
			return err
		}
		return errDone
	case "none":
		c.Undefined = &undefined.Table{}
		return nil
	}
	f, err := os.Open(v)
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err // the file has been named
	} else if err != nil {
		return err
	}
	defer f.Close()
	t, err := undefined.Parse(v, f)
	if err != nil {
		return err
	}
	if c.Undefined == nil {
		c.Undefined = undefined.Default()
	}
	c.Undefined.Add(t)
	c.beyond = append(c.beyond, t.BeyondFlags()...)
	return nil
}
