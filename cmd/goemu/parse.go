package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"goemu/emu"
	"goemu/emu/chardev"
	"goemu/emu/debuglog"
	"goemu/emu/nearest"
	"goemu/emu/vnc"
)

// errDone says that an option has printed what was asked for.
var errDone = errors.New("done")

// errHelp says that help is asked for.
var errHelp = errors.New("help")

// defaultAccel is the engine where no option names one, as -accel has it; "": emu.AccelBest. Tests that run the command have the translator, on whatever host, by
// go build -ldflags "-X main.defaultAccel=tcg".
var defaultAccel string

// settings are what the options have said.
type settings struct {
	cfg          emu.Config
	find         func(name string) *option // in the table
	out          io.Writer                 // for what options print
	accels       []string                  // of -accel
	machineAccel string                    // of -machine accel=
	nographic    bool
	process      string       // what goemu's process is called; "": as always
	pidFile      string       // "": none
	vnc          *vnc.Options // nil: none

	logging   bool
	logItems  debuglog.Item
	logFile   string
	logFilter []debuglog.Range
	trace     tracing
}

// oneDash turns QEMU's -option into pflag's --option, and -m512 into --m=512.
func oneDash(f *pflag.FlagSet, args []string) []string {
	out := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			return append(out, args[i:]...)
		}
		if len(a) < 2 || a[0] != '-' {
			out = append(out, a)
			continue
		}
		name := strings.TrimPrefix(a[1:], "-")
		name, _, assigned := strings.Cut(name, "=")
		flag := f.Lookup(name)
		if a[1] != '-' {
			if letter := f.Lookup(a[1:2]); flag == nil && letter != nil && isNumberLike(a[2:]) {
				a = "-" + a[1:2] + "=" + a[2:]
				flag, assigned = letter, true
			}
			a = "-" + a
		}
		out = append(out, a)
		if flag != nil && !assigned && flag.NoOptDefVal == "" && i+1 < len(args) {
			i++
			out = append(out, args[i])
		}
	}
	return out
}

// isNumberLike tells -m512 from a misspelt long option.
func isNumberLike(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// parse reads the command line. It opens no file; out is for what options print.
func parse(args []string, out io.Writer) (*settings, error) {
	s := &settings{out: out, find: findOption, cfg: emu.Config{
		Memory: emu.DefaultMemory, Stdout: out, Stderr: os.Stderr,
		Interactive: chardev.Interactive(),
	}}
	f := flagSet(s)
	if err := f.Parse(oneDash(f, args)); err != nil {
		return nil, explain(err)
	}
	if f.NArg() > 1 {
		return nil, fmt.Errorf("%s: one disk image can be given without an option, and that is %s", f.Arg(1), f.Arg(0))
	}
	if f.NArg() == 1 {
		if err := misspelt(f.Arg(0)); err != nil {
			return nil, err
		}
		s.addDrive(shortDrive(f.Arg(0), "index=0,media=disk"), "disk image "+f.Arg(0))
	}
	return s, s.check()
}

// misspelt is the error of a name that is no file's, but nearly that of a sub-command.
func misspelt(name string) error {
	if _, err := os.Stat(name); err == nil || strings.ContainsAny(name, "/.:") {
		return nil
	}
	for i := range commands {
		if c := &commands[i]; nearest.Distance(name, c.name) <= min(2, len(c.name)-2) {
			return fmt.Errorf("%s: there is neither such a disk image nor such a sub-command; did you mean goemu %s?", name, c.name)
		}
	}
	return nil
}

// check is for what several options say together.
func (s *settings) check() (err error) {
	c := &s.cfg
	if c.Kernel == "" && (c.Initrd != "" || c.Append != "") {
		return errors.New("-initrd and -append need -kernel")
	}
	if c.Display == "tui" && s.nographic {
		return errors.New("-nographic and -display tui both want the terminal")
	}
	if c.Display == "" {
		c.Display = s.defaultDisplay()
	}
	accel := strings.Join(s.accels, ":")
	switch {
	case s.machineAccel != "" && accel != "":
		return fmt.Errorf("-machine accel=%s: -accel is given too", s.machineAccel)
	case s.machineAccel != "":
		accel = s.machineAccel
	}
	c.Accel = emu.AccelBest
	if accel == "" {
		accel = defaultAccel
	}
	if accel != "" {
		if c.Accel, err = emu.ParseAccel(accel); err != nil {
			return err
		}
	}
	if !s.logging && s.logFilter != nil { // -D alone is in many a Makefile
		return errors.New("-dfilter needs -d: nothing is logged without it (-d help lists what can be)")
	}
	return nil
}

// openLog opens the log, and what is traced.
func (s *settings) openLog() (err error) {
	if err := s.openTrace(); err != nil {
		return err
	}
	if s.logging || s.logFile != "" { // the monitor's log may follow
		s.cfg.Log, err = debuglog.Open(s.logItems, s.logFile, s.logFilter)
	}
	return err
}

// explain says in the words of our options what pflag found wrong.
func explain(err error) error {
	var invalid *pflag.InvalidValueError
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	switch {
	case errors.As(err, &invalid):
		return invalid.Unwrap()
	case errors.As(err, &missing):
		name := missing.GetSpecifiedName()
		return fmt.Errorf("-%s needs a value: %s", name, findOption(name).arg)
	case errors.As(err, &unknown):
		return unknownOption(unknown.GetSpecifiedName())
	}
	return err
}

// unknownError is the error of an option that goemu does not have.
type unknownError struct{ name, text string }

func (e *unknownError) Error() string { return fmt.Sprintf("-%s: %s", e.name, e.text) }

// unknownOption says what is there in its place.
func unknownOption(name string) error {
	if hint, ok := lacking[name]; ok {
		return &unknownError{name, "goemu has no such option; " + hint}
	}
	names := make([]string, len(options))
	for i := range options {
		names[i] = options[i].name
	}
	if best := nearestName(name, names); best != "" {
		return &unknownError{name, "invalid option; did you mean -" + best + "?"}
	}
	return &unknownError{name, fmt.Sprintf("invalid option (%s -help lists all)", os.Args[0])}
}

// nearestName is the first of the names that are nearest to one that is misspelt; "": none is near.
func nearestName(name string, names []string) (best string) {
	score := 3
	for _, n := range names {
		if d := nearest.Distance(name, n); d < score {
			best, score = n, d
		}
	}
	return best
}
