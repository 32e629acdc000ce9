package main

import (
	"bytes"
	"goemu/tests/need"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Each row of the table is whole, and its example is a command line that uses the option.
func TestOptions(t *testing.T) {
	seen := map[string]bool{}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("vm.cfg", []byte("[memory]\nsize = \"64\"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, o := range options {
		for _, n := range o.names() {
			if seen[n] {
				t.Errorf("%s is there twice", n)
			}
			seen[n] = true
		}
		if !slices.Contains(groups, o.group) || o.set == nil {
			t.Errorf("-%s: row is not whole: %+v", o.name, o)
		}
		if _, both := lacking[o.name]; both {
			t.Errorf("-%s is there and is lacking", o.name)
		}
		args := strings.Fields(o.example)
		if !slices.Contains(args, "-"+o.name) {
			t.Errorf("-%s: its example is %q", o.name, o.example)
		}
		_, err := parse(args, io.Discard)
		if err != nil && err != errDone && err != errHelp {
			t.Errorf("goemu %s: %v", o.example, err)
		}
	}
}

func TestHelp(t *testing.T) {
	text := helpText()
	for _, o := range options {
		// Scripts look for "-name " at the beginning of a line.
		want := "\n-" + o.name
		if o.alias != "" {
			want = "\n-" + o.alias + " or -" + o.name
		}
		if !strings.Contains(text, want+" ") {
			t.Errorf("help lacks -%s", o.name)
		}
	}
	for _, l := range strings.Split(text, "\n") {
		if len(l) > helpWidth {
			t.Errorf("line of %d columns: %s", len(l), l)
		}
	}
}

// Every option of QEMU's is there or is refused by name with a hint.
func TestOptionsOfQEMU(t *testing.T) {
	qemu := need.Program(t, "qemu-system-x86_64", "qemu-system-x86")
	out, err := exec.Command(qemu, "-help").Output()
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`(?m)(?:^|/| or )--?([a-zA-Z][\w-]*)`).FindAllSubmatch(out, -1)
	if len(names) < 100 {
		t.Fatalf("%d options in QEMU's help", len(names))
	}
	for _, m := range names {
		name := string(m[1])
		if findOption(name) == nil && lacking[name] == "" {
			t.Errorf("-%s is neither there nor refused by name", name)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, hint := range lacking {
		_, err := parse([]string{"-" + name, "x"}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "-"+name+":") || !strings.Contains(err.Error(), hint) {
			t.Errorf("-%s: error %v", name, err)
		}
	}
}

// What options print has the form that scripts for QEMU read.
func TestForms(t *testing.T) {
	for args, want := range map[string][]string{
		"-version":                      {`^goemu version \d+\.\d+$`, `^QEMU emulator version \d+\.\d+\.\d+ `},
		"--version":                     {`^goemu version \d+\.\d+$`},
		"-machine help":                 {`^Supported machines are:$`, `^pc +Standard PC .*\(default\)$`, `^q35 +Standard PC`},
		"-M ?":                          {`^q35 +Standard PC`},
		"-cpu help":                     {`^Available CPUs:$`, `^x86 max +`, `^x86 qemu64 +`, `^Recognized CPUID flags`, `^  .*\bavx2\b`},
		"-accel help":                   {`^Accelerators supported in goemu binary:$`, `^interp$`},
		"-display help":                 {`^Available display backend types:$`, `^none$`},
		"-device help":                  {`^Storage devices:$`, `^name "ich9-ahci", bus PCI, alias "ahci", desc ".+"$`, `^name "edu", bus PCI, desc ".+"$`},
		"-device ?":                     {`^name "isa-debug-exit", bus ISA, desc ".+"$`},
		"-device isa-debug-exit,help":   {`^isa-debug-exit options:$`, `^  iobase=<uint32> +- port \(default: 0x501\)$`},
		"-device driver=ahci,help":      {`^ahci options:$`, `^  addr=<int32> +- `},
		"-device pc-testdev,?":          {`^There are no options for pc-testdev\.$`},
		"-d help":                       {`^Log items`, `^in_asm +`},
		"-L help":                       {`^/usr/share/seabios$`},
		"-L /x -L help":                 {`^/x$`},
		"-m 1G -device VGA,xres=?,help": {`^  vgamem_mb=<uint32> `},
	} {
		var out bytes.Buffer
		if _, err := parse(strings.Fields(args), &out); err != errDone {
			t.Errorf("goemu %s: %v", args, err)
		}
		for _, w := range want {
			if !regexp.MustCompile("(?m)" + w).Match(out.Bytes()) {
				t.Errorf("goemu %s: no line %s in\n%s", args, w, &out)
			}
		}
	}
}

// run1 runs a sub-command.
func run1(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	status, err := findCommand(args[0]).run(&out, args[1:])
	if status != 0 || err != nil {
		t.Fatalf("goemu %v: status %d, %v", args, status, err)
	}
	return out.String()
}

func TestHelpOfCommands(t *testing.T) {
	for _, c := range commands {
		if got := run1(t, "help", c.name); !strings.HasPrefix(got, "Usage: goemu "+c.name) || !strings.Contains(got, c.long) {
			t.Errorf("help %s: %s", c.name, got)
		}
		if !strings.Contains(helpText(), "\n"+c.name+" ") {
			t.Errorf("help lacks %s", c.name)
		}
	}
	if got := run1(t, "help"); got != helpText() {
		t.Errorf("help: %s", got)
	}
	if got := run1(t, "version"); !regexp.MustCompile(`^goemu version \d+\.\d+\n$`).MatchString(got) {
		t.Errorf("version: %q", got)
	}
	for _, args := range [][]string{{"version", "x"}, {"man", "x"}, {"completion"}, {"completion", "tcsh"}, {"help", "nothing"}, {"help", "man", "man"}} {
		if _, err := findCommand(args[0]).run(io.Discard, args[1:]); err == nil {
			t.Errorf("goemu %v: no error", args)
		}
	}
}
