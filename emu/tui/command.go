package tui

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"goemu/emu/inspect"
)

// command is a row of the table of what can be typed behind ":"; what is not in it is the monitor's.
type command struct {
	name     string
	args     string // as help shows them
	about    string
	min, max int // words behind the name
	do       func(md *model, args []string) error
}

var commands = []command{
	{"break", "ADDRESS", "set or remove a breakpoint at a linear address", 1, 1, point(inspect.BreakExec, 0)},
	{"tbreak", "ADDRESS", "a breakpoint for once", 1, 1, func(md *model, args []string) error {
		a, err := md.address(args[0])
		if err == nil {
			_, err = md.m.AddBreakpoint(inspect.Breakpoint{Kind: inspect.BreakExec, Addr: a, Once: true})
		}
		return err
	}},
	{"watch", "ADDRESS [BYTES]", "stop at stores to memory", 1, 2, point(inspect.BreakWrite, 4)},
	{"rwatch", "ADDRESS [BYTES]", "stop at loads", 1, 2, point(inspect.BreakRead, 4)},
	{"awatch", "ADDRESS [BYTES]", "stop at loads and stores", 1, 2, point(inspect.BreakAccess, 4)},
	{"port", "PORT [PORTS]", "stop at IN and OUT", 1, 2, point(inspect.BreakPort, 1)},
	{"delete", "[NUMBER]", "remove a breakpoint, or all", 0, 1, remove},
	{"events", "KINDS", "which events are recorded: " + strings.ReplaceAll(inspect.EventKind(inspect.EventAll).String(), ",", ", ") + "; all", 1, 1, func(md *model, args []string) (err error) {
		k, err := inspect.ParseEventKinds(args[0])
		if err == nil {
			md.kinds = k
		}
		return err
	}},
}

// point sets or removes a breakpoint; n is its length when nobody says.
func point(kind inspect.BreakKind, n int) func(md *model, args []string) error {
	return func(md *model, args []string) error {
		b := inspect.Breakpoint{Kind: kind, Len: n}
		var err error
		if b.Addr, err = md.address(args[0]); err != nil {
			return err
		}
		if len(args) == 2 {
			if b.Len, err = strconv.Atoi(args[1]); err != nil {
				return fmt.Errorf("%q is not a number", args[1])
			}
		}
		return md.toggle(b)
	}
}

func remove(md *model, args []string) error {
	if len(args) == 1 {
		id, err := strconv.Atoi(args[0])
		if err != nil {
			return fmt.Errorf("%q is not a number of a breakpoint", args[0])
		}
		return md.m.RemoveBreakpoint(id)
	}
	for _, b := range md.m.Breakpoints() {
		if err := md.m.RemoveBreakpoint(b.ID); err != nil {
			return err
		}
	}
	return nil
}

func commandHelp() string {
	var b strings.Builder
	for i := range commands {
		fmt.Fprintf(&b, "%s %s -- %s\n", commands[i].name, commands[i].args, commands[i].about)
	}
	return b.String()
}

// enter does a line.
func (md *model) enter(l string) error {
	words := strings.Fields(l)
	if len(words) == 0 {
		return nil
	}
	fmt.Fprintf(printer{md}, "%s\n", l)
	for i := range commands {
		c := &commands[i]
		if c.name != words[0] {
			continue
		}
		err := fmt.Errorf("want %s %s", c.name, c.args)
		if n := len(words) - 1; n >= c.min && n <= c.max {
			err = c.do(md, words[1:])
		}
		if err != nil {
			fmt.Fprintf(printer{md}, "Error: %v\n", err)
		}
		return err
	}
	md.session.Input([]byte(l + "\n"))
	return nil
}

// address reads numbers (decimal, or hexadecimal behind 0x) and names of registers, added and subtracted: "rsp+0x20".
func (md *model) address(s string) (a uint64, err error) {
	if s == "" {
		return 0, errors.New("an address is missing")
	}
	sign := byte('+')
	for rest := s; rest != ""; {
		i := strings.IndexAny(rest, "+-")
		term := rest
		if i >= 0 {
			term = rest[:i]
		}
		v, err := md.term(strings.TrimSpace(term))
		if err != nil {
			return 0, fmt.Errorf("address %q: %w", s, err)
		}
		if sign == '-' {
			v = -v
		}
		a += v
		if i < 0 {
			break
		}
		sign, rest = rest[i], rest[i+1:]
	}
	return a, nil
}

func (md *model) term(s string) (uint64, error) {
	if v, err := strconv.ParseUint(s, 0, 64); err == nil {
		return v, nil
	}
	regs, err := md.m.Registers(md.cpu)
	if err != nil {
		return 0, err
	}
	name := strings.ToLower(strings.TrimPrefix(s, "$"))
	for i, n := range inspect.GPRNames {
		if name == n || i < 8 && name == "e"+n[1:] {
			return regs.GPR[i], nil
		}
	}
	switch name {
	case "rip", "eip", "pc":
		return regs.PC(), nil
	case "cr2":
		return regs.CR2, nil
	case "cr3":
		return regs.CR3, nil
	}
	return 0, fmt.Errorf("%q is neither a number (0x...) nor a register", s)
}
