package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/term"

	"goemu/emu"
	"goemu/emu/crosscheck"
	"goemu/emu/crosscheck/undefined"
)

// Exit statuses of crosscheck.
const (
	crossEqual     = 0
	crossDifferent = 1
	crossFailed    = 2
)

// crossOption is an option of crosscheck. The others are those of machines.
type crossOption struct {
	name, arg, about string
	set              func(c *crossSettings, v string) error
}

// crossSettings are what they have said.
type crossSettings struct {
	crosscheck.Options
	json     bool
	console  bool
	caseFile string // of the reproducer; "": by the number of the instruction
	snips    snippetSettings
	names    []string // options of the table that were given
	only     error    // why an engine runs snippets only
}

var crossOptions = []crossOption{
	{"a", "ENGINE", "one engine: tcg (default), interp, kvm (which executes instructions\none by one); for snippets native too", func(c *crossSettings, v string) error { return c.engine(&c.A, &c.snips.a, v) }},
	{"b", "ENGINE", "the other (default interp)", func(c *crossSettings, v string) error { return c.engine(&c.B, &c.snips.b, v) }},
	{"every", "WHEN", "compare after each insn, block (default), exit (an access to a\ndevice) or N instructions, or at marked points: port=N (a write\nto it), rip=ADDRESS",
		func(c *crossSettings, v string) (err error) { c.Every, err = crosscheck.ParseEvery(v); return err }},
	{"from", "POINT", "begin at rip=ADDRESS, insn=N or after-exits=N",
		func(c *crossSettings, v string) (err error) { c.From, err = crosscheck.ParseFrom(v); return err }},
	{"insns", "N", "end after N instructions (suffix k, M, G); else when the guest\npowers off", func(c *crossSettings, v string) (err error) {
		if c.Insns, err = crosscheck.ParseCount(v); err == nil && c.Insns == 0 {
			err = errors.New("want 1 at least")
		}
		return err
	}},
	{"undefined", "FILE", "more results that instructions leave undefined, as in\ndocs/crosscheck.md; help prints the table, none forgets it", func(c *crossSettings, v string) error {
		switch v {
		case "help":
			fmt.Print(undefined.Text)
			return errDone
		case "none":
			c.Undefined = &undefined.Table{}
			return nil
		}
		f, err := os.Open(v)
		if err != nil {
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
		return nil
	}},
	{"console", "", "show the first serial port, and type there what standard\ninput has", func(c *crossSettings, _ string) error { c.console = true; return nil }},
	{"snippet", "FILE", "no machine: compare the snippets in FILE (-: standard input),\npairs of hexadecimal digits or assembler text for nasm", func(c *crossSettings, v string) error {
		c.snips.snippets = append(c.snips.snippets, v)
		return nil
	}},
	{"format", "FORMAT", "of snippets: hex, asm, bin; else it is found out", func(c *crossSettings, v string) error { return c.snips.setFormat(v) }},
	{"mode", "MODE", "of snippets: 16, 32, 64 (default), protected16, vm86, compat16\nor compat32", func(c *crossSettings, v string) error { return c.snips.setMode(v) }},
	{"ring", "RING", "of snippets: 0 to 3 (default, but 0 in mode 16)", func(c *crossSettings, v string) error { return c.snips.setRing(v) }},
	{"reg", "NAME=VALUE", "a register that snippets start with", func(c *crossSettings, v string) error { return c.snips.setReg(v) }},
	{"save", "FILE", "write the snippets as a case file", func(c *crossSettings, v string) error { c.snips.save = v; return nil }},
	{"replay", "FILE...", "no machine: compare the cases in these files, such as\nreproducers", func(c *crossSettings, v string) error {
		c.snips.replays = append(c.snips.replays, v)
		return nil
	}},
	{"case", "FILE", "write the reproducer there (default crosscheck-N.case, where N\nis the instruction)", func(c *crossSettings, v string) error { c.caseFile = v; return nil }},
	{"json", "", "print the report as JSON", func(c *crossSettings, _ string) error { c.json = true; return nil }},
}

// crossHelp is what help says of crosscheck.
func crossHelp() string {
	var b strings.Builder
	b.WriteString(`Run a machine on two engines, in counted time, and compare the registers of its CPUs and its memory. Where
they differ first, it prints the instruction, what differs, and what led there. With --snippet and --replay there is
no machine, but a few instructions on a CPU. docs/crosscheck.md has more.

Options of its own, beside those of machines (goemu -help):
`)
	for _, o := range crossOptions {
		name := "--" + o.name
		if o.arg != "" {
			name += " " + o.arg
		}
		for i, line := range strings.Split(o.about, "\n") {
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(&b, "  %-18s %s\n", name, line)
		}
	}
	b.WriteString(`
Exit status: 0 the engines do the same, 1 they differ, 2 it could not be run, 130 interrupted by Ctrl-C.

For example: goemu crosscheck --every block --insns 50M -kernel vmlinuz -initrd initrd.gz -append console=ttyS0
             echo 48 f7 f1 | goemu crosscheck --snippet - --a tcg --b native
`)
	return b.String()
}

// parse takes the options of crosscheck out of the command line. The rest is for a machine.
func (c *crossSettings) parse(args []string) (rest []string, err error) {
	for i := 0; i < len(args); i++ {
		name, v, assigned := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(args[i], "-"), "-"), "=")
		var own *crossOption
		for k := range crossOptions {
			if strings.HasPrefix(args[i], "-") && crossOptions[k].name == name {
				own = &crossOptions[k]
			}
		}
		if own == nil {
			rest = append(rest, args[i])
			if o := findOption(name); strings.HasPrefix(args[i], "-") && !assigned && o != nil && o.arg != "" && i+1 < len(args) {
				i++
				rest = append(rest, args[i])
			}
			continue
		}
		switch {
		case own.arg == "" && assigned:
			return nil, fmt.Errorf("--%s takes no value", own.name)
		case own.arg != "" && !assigned:
			if i++; i >= len(args) {
				return nil, fmt.Errorf("--%s needs a value: %s", own.name, own.arg)
			}
			v = args[i]
		}
		c.names = append(c.names, own.name)
		if err := own.set(c, v); errors.Is(err, errDone) {
			return nil, err
		} else if err != nil {
			return nil, fmt.Errorf("--%s %s: %w", own.name, v, err)
		}
	}
	return rest, nil
}

// machine makes the Config of what both engines are to run, and refuses what a machine that runs twice cannot have.
func (c *crossSettings) machine(args []string) error {
	s, err := parse(args, os.Stdout)
	if err != nil {
		return err
	}
	cfg := s.cfg
	for _, x := range []struct {
		given     bool
		what, why string
	}{
		{len(s.accels) > 0 || s.machineAccel != "", "-accel", "the engines are --a and --b"},
		{cfg.GDB != "" || cfg.Stopped, "-gdb, -s and -S", "nobody can stop one of two machines"},
		{len(cfg.Monitor)+len(cfg.QMP)+len(cfg.Mon) > 0, "-monitor, -qmp and -mon", "nobody can change one of two machines"},
		{s.vnc != nil, "-vnc", "there are two screens"},
		{len(cfg.Chardevs) > 0 || cfg.Debugcon != "" || len(cfg.Parallel) > 0, "-chardev, -debugcon and -parallel", "both machines would write there"},
		{s.logging || len(s.trace.given) > 0, "-d and -trace", "both machines would write there"},
		{s.pidFile != "" || s.process != "", "-pidfile and -name process=", "no machine runs for others"},
		{cfg.RTCLocal || cfg.RTCHostTime, "-rtc base=localtime and clock=host", "time is counted"},
		{cfg.NoShutdown, "-no-shutdown", "nobody could end the machines"},
	} {
		if x.given {
			return fmt.Errorf("%s: not with crosscheck: %s", x.what, x.why)
		}
	}
	for _, p := range cfg.Serial {
		if p != "stdio" && p != "mon:stdio" && p != "null" && p != "none" {
			return fmt.Errorf("-serial %s: not with crosscheck: want stdio, null or none", p)
		}
	}
	if !cfg.Icount {
		cfg.Shift = 3
	}
	cfg.Display, cfg.Interactive, cfg.Stdout, cfg.Stderr = "none", c.console, io.Discard, io.Discard
	c.Config = cfg
	return nil
}

func runCrosscheck(out io.Writer, args []string) (int, error) {
	status, err := crosscheckMain(out, args)
	switch {
	case errors.Is(err, errHelp):
		return printHelp(out, []string{"crosscheck"})
	case errors.Is(err, errDone):
		return crossEqual, nil
	case err != nil:
		fmt.Fprintf(os.Stderr, "goemu: crosscheck: %v\n", err)
		return crossFailed, nil
	}
	return status, nil
}

func crosscheckMain(out io.Writer, args []string) (int, error) {
	c := &crossSettings{Options: crosscheck.Options{A: emu.AccelTCG, B: emu.AccelInterp}, snips: noSnippets}
	rest, err := c.parse(args)
	if err == nil && c.snips.wanted() {
		return c.runSnippets(out, rest)
	}
	if err == nil {
		err = errors.Join(c.refuse(snippetOnly, "for snippets only"), c.only)
	}
	if err == nil {
		err = c.machine(rest)
	}
	if err != nil {
		return 0, err
	}
	for _, engine := range [2]*emu.Accel{&c.A, &c.B} {
		if err := forMachine(engine); err != nil {
			return 0, err
		}
	}
	if c.console {
		c.Console = out
		if c.json {
			c.Console = os.Stderr
		}
		c.Input = typed(os.Stdin)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	go func() {
		if s, ok := <-signals; ok {
			cancel(interrupted(signalNumber(s)))
		}
	}()
	p := newProgress(&c.Options)
	begin := time.Now()
	r, err := crosscheck.Run(ctx, &c.Options)
	p.end()
	var i interrupted
	if errors.As(context.Cause(ctx), &i) {
		fmt.Fprintf(os.Stderr, "goemu: crosscheck: interrupted after %d instructions, which were equal\n", p.insns.Load())
		return 128 + int(i), nil
	}
	if err != nil {
		return 0, err
	}
	status := crossEqual
	if r.Divergence != nil {
		status = crossDifferent
	}
	return status, c.print(out, r, time.Since(begin))
}

// forMachine finds the engine that a machine is to run on.
func forMachine(a *emu.Accel) (err error) {
	name := a.String()
	switch {
	case *a == emu.AccelAuto:
		name = "tcg:interp"
	case strings.Contains(name, ":"):
		return fmt.Errorf("engine %s: want one engine", name)
	}
	*a, err = emu.ParseAccel(name) // the default may be missing on this host
	return err
}

// interrupted is the signal that ended the comparison.
type interrupted int

func (i interrupted) Error() string { return "interrupted" }

// reproduce writes the reproducer. It gives the file's name, or why there is none.
func (c *crossSettings) reproduce(d *crosscheck.Divergence) (name string, err error) {
	var b bytes.Buffer
	if err := d.Reproducer(&b, &c.Options); err != nil {
		return "", err
	}
	if name = c.caseFile; name == "" {
		name = fmt.Sprintf("crosscheck-%d.case", d.After+1)
	}
	return name, os.WriteFile(name, b.Bytes(), 0o666)
}

// print prints the result.
func (c *crossSettings) print(out io.Writer, r *crosscheck.Result, took time.Duration) error {
	a, b := c.A.String(), c.B.String()
	var file string
	var none error
	if r.Divergence != nil {
		file, none = c.reproduce(r.Divergence)
	}
	if c.json {
		x := struct {
			Result     string                 `json:"result"`
			A          string                 `json:"a"`
			B          string                 `json:"b"`
			Insns      int64                  `json:"insns"`
			Compared   int64                  `json:"compared"`
			Seconds    float64                `json:"seconds"`
			Status     int                    `json:"status"`
			Error      string                 `json:"error,omitempty"`
			Reproducer string                 `json:"reproducer,omitempty"`
			Divergence *crosscheck.Divergence `json:"divergence,omitempty"`
		}{Result: "equal", A: a, B: b, Insns: r.Insns, Compared: r.Compared, Seconds: took.Seconds(), Status: r.Status, Divergence: r.Divergence, Reproducer: file}
		if r.Divergence != nil {
			x.Result = "different"
		}
		if r.Err != nil {
			x.Error = r.Err.Error()
		}
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(x)
	}
	if r.Divergence != nil {
		io.WriteString(out, r.Divergence.Text(a, b))
		if none != nil {
			_, err := fmt.Fprintf(out, "\nThere is no reproducer: %v\n", none)
			return err
		}
		_, err := fmt.Fprintf(out, "\nReproducer: goemu crosscheck --replay %s\n", file)
		return err
	}
	if r.Err != nil {
		fmt.Fprintf(out, "Both machines ended with an error: %v\n", r.Err)
	}
	_, err := fmt.Fprintf(out, "%s and %s do the same: %d instructions, compared %d times, %s a second.\n", a, b, r.Insns, r.Compared,
		speed(float64(r.Insns)/max(took.Seconds(), 1e-3)))
	return err
}

// speed is a number of instructions in words.
func speed(n float64) string {
	if n < 1e5 {
		return fmt.Sprintf("%.1f thousand", n/1e3)
	}
	return fmt.Sprintf("%.1f million", n/1e6)
}

// progress shows on a terminal how far the comparison is.
type progress struct {
	insns atomic.Int64
	phase atomic.Pointer[string]
	stop  chan struct{}
	over  chan struct{}
}

func newProgress(o *crosscheck.Options) *progress {
	p := &progress{stop: make(chan struct{}), over: make(chan struct{})}
	o.Progress = p.insns.Store
	o.Phase = func(what string) { p.phase.Store(&what) }
	go p.show(term.IsTerminal(int(os.Stderr.Fd())) && o.Console == nil)
	return p
}

func (p *progress) show(visible bool) {
	defer close(p.over)
	t := time.NewTicker(time.Second)
	defer t.Stop()
	begin, shown := time.Now(), false
	for {
		select {
		case <-t.C:
			if !visible {
				continue
			}
			shown = true
			n := p.insns.Load()
			what := fmt.Sprintf("%.1f million instructions are equal, %s a second", float64(n)/1e6, speed(float64(n)/time.Since(begin).Seconds()))
			if s := p.phase.Load(); s != nil {
				what = *s
			}
			fmt.Fprintf(os.Stderr, "\r\x1b[K%s", what)
		case <-p.stop:
			if shown {
				fmt.Fprint(os.Stderr, "\r\x1b[K")
			}
			return
		}
	}
}

func (p *progress) end() {
	close(p.stop)
	<-p.over
}

// typed gives what a reader has. It is read to its end, or until the program ends.
func typed(r io.Reader) <-chan []byte {
	ch := make(chan []byte)
	go func() {
		b := make([]byte, 512)
		for {
			n, err := r.Read(b)
			if n > 0 {
				ch <- append([]byte(nil), b[:n]...)
			}
			if err != nil {
				return
			}
		}
	}()
	return ch
}
