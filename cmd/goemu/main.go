// Goemu emulates an x86 PC.
//
// Without a kernel it runs the built-in guest: see `goemu --help`.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"goemu/emu"
	"goemu/emu/inspect"
	"goemu/emu/tui"
)

func main() {
	// Most of the heap is what is known of translated blocks, which lives long: collecting it more often
	// costs little, and the memory beside the guest's RAM stays small.
	debug.SetGCPercent(40)
	os.Exit(run(os.Args[1:]))
}

// Exit statuses of goemu itself; a guest chooses others through isa-debug-exit.
const (
	statusOK    = 0
	statusError = 1
)

func run(args []string) int {
	if len(args) > 0 {
		if c := findCommand(args[0]); c != nil {
			out := &output{w: os.Stdout}
			status, err := c.run(out, args[1:])
			if err == nil && status == statusOK {
				err = out.err
			}
			if err != nil {
				return fail(fmt.Errorf("%s: %w", c.name, err))
			}
			return status
		}
	}
	s, err := parse(args, os.Stdout)
	if onDisplay := err == nil && s.cfg.Display == "tui"; err == nil && (onDisplay || isTerminal(os.Stdin)) && !tui.Guarded() {
		status, err := tui.Guard(onDisplay)
		if err != nil {
			fail(err)
		}
		return status
	}
	if err == nil {
		err = s.openLog()
	}
	switch {
	case errors.Is(err, errHelp):
		if _, err := fmt.Print(helpText()); err != nil {
			return fail(err)
		}
		return statusOK
	case errors.Is(err, errDone):
		return statusOK
	case err != nil:
		return fail(err)
	}
	status, err := emulate(s)
	// What the log could not write is an error too: its reader would miss it.
	if e := errors.Join(s.cfg.Log.Close(), s.cfg.Trace.Close()); err == nil {
		err = e
	}
	if err != nil {
		return fail(err)
	}
	return status
}

// output remembers the first error of a writer, so that no command whose output is lost ends as if all were well.
type output struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// emulate makes the machine and runs it to its end.
func emulate(s *settings) (status int, err error) {
	cfg := &s.cfg
	onTerminal := cfg.Display == "tui"
	host := tui.Host{Escape: cfg.Escape}
	if onTerminal {
		cfg.VC, cfg.Stdout, cfg.Stderr = host.Console, &host.Notes, &host.Notes
	}
	m, err := emu.New(*cfg)
	if err != nil {
		return 0, err
	}
	defer m.Close()
	for _, w := range m.Warnings() {
		fmt.Fprintf(cfg.Stderr, "goemu: warning: %s\n", w)
	}
	// SIGINT and its like end the machine in order: output is flushed and the terminal restored.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	go func() {
		s := <-signals
		m.Quit(128+signalNumber(s), inspect.ReasonHostSignal)
		s = <-signals // somebody does not want to wait: for a reader of our output, for example
		os.Exit(128 + signalNumber(s))
	}()
	end, err := s.begin()
	if err != nil {
		return 0, err
	}
	defer func() {
		if e := end(); err == nil {
			err = e
		}
	}()
	endVNC, err := s.serveVNC(m)
	if err != nil {
		return 0, err
	}
	defer endVNC()
	if onTerminal {
		t, err := tui.Open(&host)
		if err != nil {
			return 0, err
		}
		defer t.Close()
		t.Start(m)
	}
	return m.Run()
}

func signalNumber(s os.Signal) int {
	if n, ok := s.(syscall.Signal); ok {
		return int(n)
	}
	return 2
}

func fail(err error) int {
	fmt.Fprintf(os.Stderr, "goemu: %v\n", err)
	return statusError
}
