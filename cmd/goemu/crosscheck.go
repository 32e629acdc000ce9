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
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/term"

	"goemu/emu"
	"goemu/emu/crosscheck"
	"goemu/emu/wholefile"
	"goemu/tcg"
)

// Exit statuses of crosscheck.
const (
	crossEqual     = 0
	crossDifferent = 1
	crossFailed    = 2
)

// crossSettings are what the options of crosscheck have said. Its table is in crossoptions.go.
type crossSettings struct {
	crosscheck.Options
	json     bool
	console  bool
	caseFile string // of the reproducer; "": by the number of the instruction
	snips    snippetSettings
	names    []string // options of the table that were given
	only     error    // why an engine runs snippets only
	beyond   []string // instructions of which --undefined says more than flags
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
		if own.arg != "" && v == "" {
			return nil, fmt.Errorf("--%s needs a value: %s", own.name, own.arg)
		}
		c.names = append(c.names, own.name)
		if err := own.set(c, v); errors.Is(err, errDone) {
			return nil, err
		} else if err != nil {
			return nil, badValue(own.name, v, err)
		}
	}
	return rest, nil
}

// badValue names an option and its value, which some errors name already.
func badValue(name, v string, err error) error {
	if text := err.Error(); strings.HasPrefix(text, v+":") {
		return fmt.Errorf("--%s %w", name, err)
	}
	return fmt.Errorf("--%s %s: %s", name, v, strings.TrimPrefix(err.Error(), name+" "+v+": "))
}

// parseMachine reads the options of a machine. One that is unknown may be an option of crosscheck, misspelt.
func parseMachine(args []string) (*settings, error) {
	s, err := parse(args, os.Stdout)
	var u *unknownError
	if !errors.As(err, &u) || lacking[u.name] != "" {
		return s, err
	}
	names := make([]string, len(crossOptions))
	for i := range crossOptions {
		names[i] = crossOptions[i].name
	}
	if best := nearestName(u.name, names); len(best) > 1 {
		return nil, fmt.Errorf("--%s: invalid option; did you mean --%s?", u.name, best)
	}
	return nil, err
}

// machine makes the Config of what both engines are to run, and refuses what a machine that runs twice cannot have.
func (c *crossSettings) machine(args []string) error {
	s, err := parseMachine(args)
	if err != nil {
		return err
	}
	cfg := s.cfg
	there := func(devices []string) bool {
		return slices.ContainsFunc(devices, func(d string) bool { return d != "none" })
	}
	for _, x := range []struct {
		given     bool
		what, why string
	}{
		{len(s.accels) > 0 || s.machineAccel != "", "-accel", "the engines are --a and --b"},
		{cfg.GDB != "" && cfg.GDB != "none" || cfg.Stopped, "-gdb, -s and -S", "nobody can stop one of two machines"},
		{there(cfg.Monitor) || there(cfg.QMP) || len(cfg.Mon) > 0, "-monitor, -qmp and -mon", "nobody can change one of two machines"},
		{s.vnc != nil, "-vnc", "there are two screens"},
		{len(cfg.Chardevs) > 0 || cfg.Debugcon != "" || there(cfg.Parallel), "-chardev, -debugcon and -parallel", "both machines would write there"},
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
	if errors.Is(err, errHelp) {
		_, err = printHelp(out, []string{"crosscheck"})
	}
	if err == nil || errors.Is(err, errDone) {
		return status, nil
	}
	fmt.Fprintf(os.Stderr, "goemu: crosscheck: %v\n", err)
	status = crossFailed
	result := crossFailure{Result: "error", Error: err.Error()}
	if i := (interrupted{}); errors.As(err, &i) {
		status = 128 + i.signal
		result.Result, result.Insns = "interrupted", i.insns
	}
	if slices.ContainsFunc(args, func(a string) bool { return a == "--json" || a == "-json" }) {
		// Where this cannot be written, the status tells.
		_ = writeJSON(out, result)
	}
	return status, nil
}

// crossFailure is the JSON of a comparison without a result.
type crossFailure struct {
	Result string `json:"result"`
	Error  string `json:"error"`
	Insns  int64  `json:"insns,omitempty"` // that were equal
}

func writeJSON(out io.Writer, x any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(x)
}

// crossTamper is crosscheck.Options.Tamper: only tests set it.
var crossTamper [2]func(*tcg.Block)

func crosscheckMain(out io.Writer, args []string) (int, error) {
	c := &crossSettings{Options: crosscheck.Options{A: emu.AccelTCG, B: emu.AccelInterp, Tamper: crossTamper}, snips: noSnippets}
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
	for _, engine := range [2]emu.Accel{c.A, c.B} {
		if _, err := emu.ParseAccel(engine.String()); err != nil { // the default may be missing on this host
			return 0, err
		}
	}
	if len(c.beyond) > 0 && c.A != emu.AccelKVM && c.B != emu.AccelKVM {
		fmt.Fprintf(os.Stderr, "goemu: warning: --undefined: of goemu's engines in machines only flags are left out: what it says besides of %s is for snippets and KVM\n", some(c.beyond))
	}
	if c.console {
		c.Console = out
		if c.json {
			c.Console = os.Stderr
		}
		c.Input = typed(os.Stdin)
	}
	ctx, stop := untilSignal()
	defer stop()
	c.Warn = func(line string) { fmt.Fprintf(os.Stderr, "goemu: warning: %s\n", line) }
	p := newProgress(&c.Options)
	begin := time.Now()
	r, err := crosscheck.Run(ctx, &c.Options)
	p.end()
	if i := (interrupted{}); errors.As(context.Cause(ctx), &i) {
		i.insns = p.insns.Load()
		i.text = fmt.Sprintf("interrupted after %d instructions, which were equal", i.insns)
		if phase := p.phase.Load(); phase != nil {
			i.text = fmt.Sprintf("the engines differ behind instruction %d; interrupted while %s", i.insns, *phase)
		}
		return 0, i
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

// some is a list that is not too long for a message.
func some(names []string) string {
	if len(names) > 4 {
		return strings.Join(names[:4], ", ") + " ..."
	}
	return strings.Join(names, ", ")
}

// interrupted is the signal that ended the comparison.
type interrupted struct {
	signal int
	insns  int64 // of machines, which were equal
	text   string
}

// Error implements error.
func (i interrupted) Error() string { return i.text }

// untilSignal is a context that a signal ends, with interrupted as its cause. Another signal ends goemu, for who does not want to wait.
func untilSignal() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	go func() {
		select {
		case s := <-signals:
			cancel(interrupted{signal: signalNumber(s), text: "interrupted"})
			signal.Stop(signals)
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// reproduce writes the reproducer. It gives the file's name, or why there is none.
func (c *crossSettings) reproduce(d *crosscheck.Divergence) (name string, err error) {
	var b bytes.Buffer
	if err := d.Reproducer(&b, &c.Options); err != nil {
		return "", err
	}
	if name = c.caseFile; name == "" {
		name = fmt.Sprintf("crosscheck-%d.case", d.After+1)
	}
	err = wholefile.Write(name, func(w io.Writer) error {
		_, err := w.Write(b.Bytes())
		return err
	})
	if err != nil {
		return "", err
	}
	return name, nil
}

// crossReport is the JSON of a comparison.
type crossReport struct {
	Result       string                 `json:"result"`
	A            string                 `json:"a"`
	B            string                 `json:"b"`
	Insns        int64                  `json:"insns"`
	Compared     int64                  `json:"compared"`
	Seconds      float64                `json:"seconds"`
	Status       int                    `json:"status"`          // of the guest
	Error        string                 `json:"error,omitempty"` // that both machines ended with
	Reproducer   string                 `json:"reproducer,omitempty"`
	NoReproducer string                 `json:"no_reproducer,omitempty"` // why there is none
	Divergence   *crosscheck.Divergence `json:"divergence,omitempty"`
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
		x := crossReport{Result: "equal", A: a, B: b, Insns: r.Insns, Compared: r.Compared, Seconds: took.Seconds(), Status: r.Status, Divergence: r.Divergence, Reproducer: file}
		if r.Divergence != nil {
			x.Result = "different"
		}
		if none != nil {
			x.NoReproducer = none.Error()
		}
		if r.Err != nil {
			x.Error = r.Err.Error()
		}
		return writeJSON(out, x)
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
