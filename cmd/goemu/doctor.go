package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/term"

	"goemu/emu"
	"goemu/emu/kvm"
)

const doctorHelp = `Looks at the host: which engines run and which is the default, what KVM has and what its guests can do, memory for translated code, the terminal, programs that go well with
goemu; and says what to do about each. The exit status is 1 if no engine runs.
`

// finding is one line of doctor's, with what to do about it.
type finding struct {
	good         bool
	what, advice string
}

func runDoctor(out io.Writer, args []string) (int, error) {
	if err := none(args); err != nil {
		return 0, err
	}
	fmt.Fprintf(out, "goemu version %s on %s/%s, %d processors\n", emu.Version, runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	works := false
	for _, engine := range []string{"tcg", "interp"} {
		f := checkEngine(engine)
		works = works || f.good
		f.write(out)
	}
	found, good := checkKVM(kvm.System)
	for _, f := range found {
		f.write(out)
	}
	// Where small guests do not run the built-in one may hang.
	if good {
		f := checkEngine("kvm")
		works = works || f.good
		f.write(out)
	}
	a, why := emu.DefaultAccel()
	finding{true, fmt.Sprintf("the default engine is %s: %s", a, why), ""}.write(out)
	checkTerminal().write(out)
	for _, p := range []struct{ name, use string }{{"gdb", "debug guests"}, {"nasm", "assemble small guests"}, {"qemu-img", "convert images to raw"}, {"xorriso", "make CD images"}} {
		_, err := exec.LookPath(p.name)
		finding{err == nil, p.name, "to " + p.use + ", install it"}.write(out)
	}
	if !works {
		fmt.Fprintln(out, "No engine runs here.")
		return 1, nil
	}
	return 0, nil
}

// write prints a finding, and the advice if it is a bad one.
func (f finding) write(out io.Writer) {
	mark := "ok "
	if !f.good {
		mark = "-- "
	}
	fmt.Fprintf(out, "%s %s\n", mark, f.what)
	if !f.good && f.advice != "" {
		fmt.Fprintf(out, "      %s\n", f.advice)
	}
}

// checkEngine runs the built-in guest to its end: it goes through all modes of the processor.
func checkEngine(engine string) finding {
	what := "engine " + engine
	accel, err := emu.ParseAccel(engine)
	if err != nil {
		return finding{false, what + ": no back end for this host", "-accel interp runs everywhere, slower"}
	}
	var console bytes.Buffer
	m, err := emu.New(emu.Config{Accel: accel, ConsoleOut: &console})
	if err != nil {
		return finding{false, fmt.Sprintf("%s: %v", what, err), "the host may forbid memory that can be executed (SELinux, seccomp, noexec /dev/shm) or lack memory: -accel interp needs no such memory"}
	}
	defer m.Close()
	status, err := m.Run()
	if err != nil || status != 0 {
		return finding{false, fmt.Sprintf("%s: the built-in guest ends with status %d, %v", what, status, err), "please report this, with what `goemu -accel " + engine + "` prints"}
	}
	return finding{true, what + ": the built-in guest runs", ""}
}

// checkTerminal looks at standard input and output.
func checkTerminal() finding {
	if !term.IsTerminal(int(os.Stdin.Fd())) || !term.IsTerminal(int(os.Stdout.Fd())) {
		return finding{false, "terminal: standard input or output is none", "-nographic works without one; -display tui wants one"}
	}
	w, h, err := term.GetSize(int(os.Stdout.Fd()))
	what := fmt.Sprintf("terminal: %s, %d columns, %d rows", os.Getenv("TERM"), w, h)
	if err != nil || w < 80 || h < 25 {
		return finding{false, what, "make it at least 80 columns and 26 rows for -display tui"}
	}
	return finding{true, what, ""}
}
