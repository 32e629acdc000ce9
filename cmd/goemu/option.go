package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// option is a row of the table of options, of which the command line, the help, the completion of shells and the manual page are made.
type option struct {
	name    string
	alias   string // another name; "": none
	arg     string // what follows; "": nothing
	group   string // a heading of the help
	about   string // lines of up to 62 columns
	example string // a command line that uses it
	files   bool   // a file may follow: shells complete its name
	words   func() []string
	set     func(s *settings, v string) error
}

// Headings of the help, in this order.
const (
	groupMachine = "Machine"
	groupBoot    = "Firmware and kernel"
	groupDrives  = "Drives"
	groupDevices = "Devices"
	groupTalk    = "Display, ports and monitor"
	groupDebug   = "Time, log and debugging"
	groupGoemu   = "goemu itself"
)

var groups = []string{groupMachine, groupBoot, groupDrives, groupDevices, groupTalk, groupDebug, groupGoemu}

// options is the table of options.
var options = func() (all []option) {
	for _, part := range [][]option{machineOptions, bootOptions, driveOptions, deviceOptions, talkOptions, debugOptions, goemuOptions} {
		all = append(all, part...)
	}
	return all
}()

// words are choices that shells offer.
func words(list string) func() []string { return func() []string { return strings.Fields(list) } }

// given makes a setter of an option without value.
func given(set func(*settings)) func(*settings, string) error {
	return func(s *settings, _ string) error { set(s); return nil }
}

// text makes a setter that keeps the value.
func text(to func(*settings) *string) func(*settings, string) error {
	return func(s *settings, v string) error { *to(s) = v; return nil }
}

// list makes a setter that collects the values.
func list(to func(*settings) *[]string) func(*settings, string) error {
	return func(s *settings, v string) error {
		p := to(s)
		*p = append(*p, v)
		return nil
	}
}

// isHelp tells whether a value asks for what there is.
func isHelp(v string) bool { return v == "help" || v == "?" }

// flag is an option as pflag knows it.
type flag struct {
	option *option
	s      *settings
}

// noValue is what pflag gives to an option without value.
const noValue = "\x00"

// Set implements pflag.Value. The error names the option and its value as typed.
func (f flag) Set(v string) error {
	o := f.option
	if o.arg == "" {
		if v != noValue {
			return fmt.Errorf("-%s takes no value", o.name)
		}
		return o.set(f.s, "")
	}
	return f.s.wrap(o, v)
}

// wrap sets an option. The error names it and its value as typed.
func (s *settings) wrap(o *option, v string) error {
	err := o.set(s, v)
	if err == nil || err == errDone || err == errHelp || strings.HasPrefix(err.Error(), "-") {
		return err
	}
	return fmt.Errorf("-%s %s: %w", o.name, v, err)
}

// String implements pflag.Value.
func (flag) String() string { return "" }

// Type implements pflag.Value.
func (f flag) Type() string { return f.option.arg }

// flagSet makes pflag's table of ours.
func flagSet(s *settings) *pflag.FlagSet {
	f := pflag.NewFlagSet("goemu", pflag.ContinueOnError)
	f.SortFlags = false
	f.Usage = func() {}
	for i := range options {
		o := &options[i]
		for _, name := range []string{o.name, o.alias} {
			if name == "" {
				continue
			}
			added := f.VarPF(flag{o, s}, name, "", o.about)
			if o.arg == "" {
				added.NoOptDefVal = noValue
			}
		}
	}
	return f
}

// findOption finds an option by either name.
func findOption(name string) *option {
	for i := range options {
		if o := &options[i]; o.name == name || o.alias == name && name != "" {
			return o
		}
	}
	return nil
}
