package main

import (
	"os"
	"testing"
)

// TestDefaultDisplay has every terminal that cannot show the display, and every other use of it, left alone.
func TestDefaultDisplay(t *testing.T) {
	was := isTerminal
	defer func() { isTerminal = was }()
	for _, c := range []struct {
		terminal bool
		term     string
		args     []string
		want     string
	}{
		{true, "xterm-256color", nil, "tui"},
		{true, "xterm-256color", []string{"-serial", "null"}, "tui"},
		{true, "xterm-256color", []string{"-d", "int", "-D", os.DevNull}, "tui"},
		{true, "xterm-256color", []string{"-d", "int"}, "none"},
		{true, "xterm-256color", []string{"-nographic"}, "none"},
		{true, "xterm-256color", []string{"-serial", "stdio"}, "none"},
		{true, "xterm-256color", []string{"-serial", "mon:stdio"}, "none"},
		{true, "xterm-256color", []string{"-monitor", "stdio"}, "none"},
		{true, "xterm-256color", []string{"-chardev", "stdio,id=c"}, "none"},
		{true, "xterm-256color", []string{"-debugcon", "stdio"}, "none"},
		{true, "xterm-256color", []string{"-vnc", ":7"}, "none"},
		{true, "dumb", nil, "none"},
		{true, "", nil, "none"},
		{false, "xterm-256color", nil, "none"},
		{false, "xterm-256color", []string{"-display", "tty"}, "tui"},
	} {
		isTerminal = func(*os.File) bool { return c.terminal }
		t.Setenv("TERM", c.term)
		s, err := parse(c.args, os.Stdout)
		if err != nil {
			t.Errorf("%v: %v", c.args, err)
		} else if s.cfg.Display != c.want {
			t.Errorf("terminal %v, TERM=%s, %v: display %s, want %s", c.terminal, c.term, c.args, s.cfg.Display, c.want)
		}
	}
}

func TestUsesStdio(t *testing.T) {
	for v, want := range map[string]bool{
		"stdio": true, "stdio,id=a": true, "stdio,signal=off": true, "mon:stdio": true, "backend=stdio,id=a": true, "isa-serial,chardev=stdio": true, "chardev=stdio,mode=control": true,
		"": false, "vc": false, "none": false, "null": false, "mon:vc": false, "file:stdio": false, "file,path=stdio,id=a": false, "tcp:localhost:1": false, "pipe:stdio": false,
	} {
		if got := usesStdio(v); got != want {
			t.Errorf("%q: %v, want %v", v, got, want)
		}
	}
}
