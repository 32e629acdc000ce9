package main

import (
	"os"
	"strings"

	"golang.org/x/term"

	"goemu/emu/tui"
)

// isTerminal tells whether a file is a terminal; tests put another in its place.
var isTerminal = func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// defaultDisplay is the display when nobody says: on the terminal, where there is one that nothing else wants.
func (s *settings) defaultDisplay() string {
	c := &s.cfg
	if s.nographic || s.vnc != nil || !isTerminal(os.Stdin) || !isTerminal(os.Stdout) || tui.Capable() != nil || s.logging && s.logFile == "" || s.tracesHere() {
		return "none"
	}
	for _, list := range [][]string{c.Serial, c.Parallel, c.Monitor, c.QMP, c.Chardevs, c.Devices, {c.Debugcon, c.GDB}} {
		for _, v := range list {
			if usesStdio(v) {
				return "none"
			}
		}
	}
	return "tui"
}

// usesStdio tells whether the value of an option names the terminal as a character device.
func usesStdio(v string) bool {
	return v == "stdio" || strings.HasPrefix(v, "mon:stdio") || strings.HasPrefix(v, "stdio,") || strings.Contains(v, "backend=stdio") || strings.Contains(v, "chardev=stdio")
}
