package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"goemu/emu"
)

// command is a sub-command: what is no machine. run returns the exit status.
type command struct {
	name, args, about string
	long              string // what help tells beside
	run               func(out io.Writer, args []string) (status int, err error)
}

// commands is the table of sub-commands. It is filled in by init, as help reads it.
var commands []command

func init() {
	commands = []command{
		{"doctor", "", "look at the host and say what goemu can do on it", doctorHelp, runDoctor},
		{"bench", "", "measure the engines", benchHelp, runBench},
		{"crosscheck", "[--a ENGINE] [--b ENGINE] [OPTIONS] [MACHINE OPTIONS]", "compare two engines", crossHelp(), runCrosscheck},
		{"img", "create|info FILE [SIZE]", "make and look at raw disk images", imgHelp, runImg},
		{"version", "", "print the version", "One line: goemu version X.Y. Scripts for QEMU use -version.\n", printVersion},
		{"completion", "bash|zsh|fish", "print the completion of options for a shell", completionHelp, printCompletion},
		{"man", "", "print the manual page", "For example: goemu man | man -l -\n", printMan},
		{"help", "[SUB-COMMAND]", "print the options, or what a sub-command does", "", printHelp},
	}
}

func findCommand(name string) *command {
	for i := range commands {
		if commands[i].name == name {
			return &commands[i]
		}
	}
	return nil
}

// none refuses arguments.
func none(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q: no argument is wanted", args[0])
	}
	return nil
}

func printVersion(out io.Writer, args []string) (int, error) {
	if err := none(args); err != nil {
		return 0, err
	}
	_, err := fmt.Fprintf(out, "goemu version %s\n", emu.Version)
	return 0, err
}

func printHelp(out io.Writer, args []string) (int, error) {
	switch len(args) {
	case 0:
		_, err := io.WriteString(out, helpText())
		return 0, err
	case 1:
	default:
		return 0, errors.New("want one sub-command")
	}
	c := findCommand(args[0])
	if c == nil {
		var names []string
		for _, c := range commands {
			names = append(names, c.name)
		}
		return 0, fmt.Errorf("%s is no sub-command (have: %s)", args[0], strings.Join(names, ", "))
	}
	_, err := fmt.Fprintf(out, "Usage: goemu %s\n\n%s.\n\n%s", strings.TrimSpace(c.name+" "+c.args), strings.ToUpper(c.about[:1])+c.about[1:], c.long)
	return 0, err
}
