package emu

import (
	"fmt"
	"regexp"
	"strings"

	"goemu/bios"
	"goemu/emu/board"
)

// machines are the boards, the default first.
var machines = []struct {
	name    string
	board   board.Machine
	about   string
	aliases *regexp.Regexp // names with versions, which scripts for QEMU use
}{
	{"pc", board.I440FX, bios.PC.Name, regexp.MustCompile(`^pc-i440fx(-\d+\.\d+)?$`)},
	{"q35", board.Q35, bios.Q35.Name, regexp.MustCompile(`^pc-q35(-\d+\.\d+)?$`)},
}

// MachineHelp lists the boards that Config.Machine can name, a line each.
func MachineHelp() string {
	var b strings.Builder
	b.WriteString("Supported machines are:\n")
	for i, m := range machines {
		suffix := ""
		if i == 0 {
			suffix = " (default)"
		}
		fmt.Fprintf(&b, "%-20s %s%s\n", m.name, m.about, suffix)
	}
	return b.String()
}

// MachineNames are the names of the boards, without aliases.
func MachineNames() (names []string) {
	for _, m := range machines {
		names = append(names, m.name)
	}
	return names
}

// findMachine finds a board by its name or an alias; "" is the default.
func findMachine(name string) (m board.Machine, ok bool) {
	for _, x := range machines {
		if name == "" || name == x.name || x.aliases.MatchString(name) {
			return x.board, true
		}
	}
	return 0, false
}

// IsMachine tells whether Config.Machine can have a name.
func IsMachine(name string) bool {
	_, ok := findMachine(name)
	return ok
}
