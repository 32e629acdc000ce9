package monitor

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"goemu/devices/i8042"
	"goemu/emu/wholefile"
)

// command is a row of the table. do gets the words behind the name.
type command struct {
	names    string // alternatives, separated by "|"
	args     string // as help shows them
	help     string
	min, max int // words behind the name
	do       func(s *Session, args []string) error
}

// commands are what can be typed. The table is filled in by init, as help reads it.
var commands []command

func init() {
	infos = append(infos, moreInfos()...)
	commands = []command{
		{"accel", "[engine]", "have another engine run the guest, which goes on; without one, show which does", 0, 1, func(s *Session, args []string) error {
			if len(args) == 0 {
				s.print("%s\n", s.m.Engine())
				return nil
			}
			return s.warn(s.m.SetEngine(args[0]))
		}},
		{"change", "[-f] device file | vnc password text", "put another medium into a drive, -f also where the guest forbids it; or set the password of -vnc", 2, 3, change},
		{"cont|c", "", "go on after stop", 0, 0, func(s *Session, _ []string) error { return s.m.Continue() }},
		{"eject", "[-f] device", "take the medium out of a drive; -f also where the guest forbids it", 1, 2, eject},
		{"help|?", "[command]", "show this, or one command", 0, 2, help},
		{"chardev-send-break", "id", "send a break to the serial port on a character device", 1, 1, func(s *Session, args []string) error { return s.m.SendBreak(args[0]) }},
		{"boot_set", "LETTERS", "boot from these, in this order, from the next reset on: a floppy, c hard disk, d CD-ROM, n network", 1, 1, bootSet},
		{"dump-guest-memory", "file", "write physical memory and registers to an ELF core file, for crash and gdb", 1, 1, func(s *Session, args []string) error {
			if strings.HasPrefix(args[0], "-") {
				return fmt.Errorf("%s: dumps are by physical address, as ELF: want a file alone", args[0])
			}
			return wholefile.Write(args[0], s.m.DumpMemory)
		}},
		{"log", "items", "log these, separated by commas, and nothing else; none: nothing", 1, 1, func(s *Session, args []string) error { return s.warn(s.m.SetLog(args[0])) }},
		{"logfile", "file", "log to this file", 1, 1, func(s *Session, args []string) error { return s.m.SetLogFile(args[0]) }},
		{"cpu", "number", "look at another CPU from now on", 1, 1, func(s *Session, args []string) error {
			n, err := strconv.Atoi(args[0])
			if err != nil || n < 0 || n >= s.m.CPUs() {
				return errors.New("invalid CPU index")
			}
			s.cpu = n
			return nil
		}},
		{"gva2gpa", "address", "the physical address of a linear one", 1, 8, (*Session).gva2gpa},
		{"i", "[/fmt] port", "read a port", 1, 8, func(s *Session, args []string) error { return s.port(args, false) }},
		{"memsave", "address size file", "write linear memory to a file", 3, 3, func(s *Session, args []string) error { return s.save(args, false) }},
		{"mouse_button", "state", "press buttons of the mouse: 1 left, 2 middle, 4 right, added; 0 lets go", 1, 1, mouseButton},
		{"mouse_move", "dx dy [dz]", "move the mouse, turn its wheel", 2, 3, mouseMove},
		{"nmi", "", "give all CPUs a non-maskable interrupt", 0, 0, func(s *Session, _ []string) error { return s.m.InjectNMI() }},
		{"o", "[/fmt] port value", "write to a port", 2, 8, func(s *Session, args []string) error { return s.port(args, true) }},
		{"pmemsave", "address size file", "write physical memory to a file", 3, 3, func(s *Session, args []string) error { return s.save(args, true) }},
		{"print|p", "[/fmt] expression", "show a value", 1, 99, (*Session).printValue},
		{"ringbuf_read", "id size", "show the oldest bytes of a ring buffer, and forget them", 2, 2, func(s *Session, args []string) error {
			n, err := strconv.Atoi(args[1])
			if err != nil || n <= 0 {
				return fmt.Errorf("%q is not a number of bytes", args[1])
			}
			p, err := s.m.ReadRing(args[0], n)
			if len(p) > 0 {
				s.print("%s\n", strings.ToValidUTF8(string(p), "?"))
			}
			return err
		}},
		{"ringbuf_write", "id data", "put bytes into a ring buffer", 2, 2, func(s *Session, args []string) error { return s.m.WriteRing(args[0], []byte(args[1])) }},
		{"x", "[/fmt] address", "show linear memory: a count, x d u o c i, and b h w g", 1, 99, func(s *Session, args []string) error { return s.dump(args, false) }},
		{"xp", "[/fmt] address", "show physical memory, as x", 1, 99, func(s *Session, args []string) error { return s.dump(args, true) }},
		{"info", infoNames(), "show what is behind: help info lists it", 1, 2, func(s *Session, args []string) error {
			return run(s, infos, "info ", args)
		}},
		{"quit|q", "", "end goemu", 0, 0, func(s *Session, _ []string) error {
			s.ended = true
			s.m.Stop(0)
			return nil
		}},
		{"screendump", "file", "write the screen to a PNG file", 1, 1, func(s *Session, args []string) error { return wholefile.Write(args[0], s.m.Screendump) }},
		{"sendkey", "keys [ms]", "press keys together, for 100 ms or as long as said", 1, 2, sendkey},
		{"set_password", "vnc text", "set the password of -vnc, for viewers to come", 2, 2, func(s *Session, args []string) error {
			if args[0] != "vnc" {
				return fmt.Errorf("%q has no password: want vnc", args[0])
			}
			return s.m.SetDisplayPassword(args[1])
		}},
		{"stop|s", "", "stop the machine; its time stands still", 0, 0, func(s *Session, _ []string) error { return s.m.Pause() }},
		{"system_powerdown", "", "press the power button", 0, 0, func(s *Session, _ []string) error {
			s.m.PowerButton()
			return nil
		}},
		{"system_reset", "", "reset the machine", 0, 0, func(s *Session, _ []string) error { return s.m.Reset() }},
		{"trace-event", "event on|off", "trace an event, or all that match a pattern with *, or no more", 2, 2, setTrace},
		{"system_wakeup", "", "wake the guest from sleep", 0, 0, func(s *Session, _ []string) error { return s.m.WakeUp() }},
	}
	for _, table := range [][]command{commands, infos} {
		slices.SortFunc(table, func(a, b command) int { return strings.Compare(a.names, b.names) })
	}
}

var infos = []command{
	{"block", "", "drives and their media", 0, 0, func(s *Session, _ []string) error {
		for _, l := range s.m.DriveLines() {
			s.print("%s\n", l)
		}
		return nil
	}},
	{"screen", "", "the text on the screen", 0, 0, func(s *Session, _ []string) error {
		rows, err := s.m.ScreenText()
		for _, r := range rows {
			s.print("%s\n", r)
		}
		return err
	}},
	{"status", "", "whether the machine runs", 0, 0, func(s *Session, _ []string) error {
		s.print("%s\n", s.m.Status().Text())
		return nil
	}},
	{"version", "", "the version of goemu", 0, 0, func(s *Session, _ []string) error {
		s.print("%s\n", s.m.Version())
		return nil
	}},
}

// find returns the row of a name, or nil.
func find(table []command, name string) *command {
	for i := range table {
		for _, n := range strings.Split(table[i].names, "|") {
			if n == name {
				return &table[i]
			}
		}
	}
	return nil
}

// run does what words say by a table. prefix is what was typed before them.
func run(s *Session, table []command, prefix string, words []string) error {
	c := find(table, words[0])
	if c == nil {
		if prefix != "" {
			return plain("unknown command: '" + prefix + words[0] + "'")
		}
		return plain("unknown command: '" + words[0] + "'")
	}
	if n := len(words) - 1; n < c.min || n > c.max {
		return usage(c, n, prefix, words[0])
	}
	return c.do(s, words[1:])
}

// plain is an error in words that scripts know, which stands for itself.
type plain string

// Error implements error.
func (p plain) Error() string { return string(p) }

// usage says that a command has too few or too many words behind it.
func usage(c *command, n int, prefix, name string) error {
	what := "extraneous characters at the end of line"
	if n < c.min {
		needed := slices.DeleteFunc(strings.Fields(c.args), func(a string) bool { return strings.HasPrefix(a, "[") })
		what = needed[min(n, len(needed)-1)] + " expected"
	}
	return plain(fmt.Sprintf("%s%s: %s\nTry \"help %s\" for more information", prefix, c.names, what, strings.TrimSpace(cmp.Or(prefix, name))))
}

// infoNames are the words behind info.
func infoNames() string {
	var names []string
	for _, c := range infos {
		names = append(names, c.names)
	}
	slices.Sort(names)
	return strings.Join(names, "|")
}

func mouseButton(s *Session, args []string) error {
	n, err := strconv.ParseUint(args[0], 0, 8)
	if err != nil || n > 7 {
		return fmt.Errorf("%q is not a number from 0 to 7", args[0])
	}
	// The monitor's numbers are not those of the mouse.
	s.m.MouseButtons(uint8(n&1)*i8042.ButtonLeft | uint8(n>>1&1)*i8042.ButtonMiddle | uint8(n>>2)*i8042.ButtonRight)
	return nil
}

func mouseMove(s *Session, args []string) error {
	var d [3]int
	for i, a := range args {
		n, err := strconv.ParseInt(a, 0, 16)
		if err != nil {
			return fmt.Errorf("%q is not a number from -32768 to 32767", a)
		}
		d[i] = int(n)
	}
	s.m.MouseMove(d[0], d[1], d[2])
	return nil
}

func bootSet(s *Session, args []string) error {
	err := s.m.SetBootOrder(args[0])
	if err == nil {
		s.print("boot device list now set to %s\n", args[0])
	}
	return err
}

// showHelp shows a row, and how it is used.
func showHelp(s *Session, prefix string, c *command, example bool) {
	s.print("%s%s -- %s\n", prefix, strings.TrimSpace(c.names+" "+c.args), c.help)
	name, _, _ := strings.Cut(c.names, "|")
	if e := examples[prefix+name]; example && e != "" {
		s.print("    for example: %s\n", e)
	}
}

func help(s *Session, args []string) error {
	if len(args) == 1 && args[0] == "info" {
		for _, c := range infos {
			showHelp(s, "info ", &c, false)
		}
		return nil
	}
	for i := range commands {
		c := &commands[i]
		if len(args) == 0 || find(commands[i:i+1], args[0]) != nil {
			showHelp(s, "", c, len(args) > 0)
		}
	}
	if len(args) == 2 && args[0] == "info" {
		c := find(infos, args[1])
		if c == nil {
			return plain("unknown command: 'info " + args[1] + "'")
		}
		showHelp(s, "info ", c, true)
		return nil
	}
	if len(args) > 0 && find(commands, args[0]) == nil {
		return plain("unknown command: '" + args[0] + "'")
	}
	return nil
}

// forced takes -f away and tells whether it was there; n words must remain.
func forced(name string, args []string, n int) (rest []string, force bool, err error) {
	if args[0] == "-f" {
		args, force = args[1:], true
	}
	if len(args) != n {
		return nil, false, usage(find(commands, name), len(args), "", name)
	}
	return args, force, nil
}

func eject(s *Session, args []string) error {
	args, force, err := forced("eject", args, 1)
	if err != nil {
		return err
	}
	return s.m.Eject(args[0], force)
}

func change(s *Session, args []string) error {
	if len(args) == 3 && args[0] == "vnc" && (args[1] == "password" || args[1] == "passwd") {
		return s.m.SetDisplayPassword(args[2])
	}
	args, force, err := forced("change", args, 2)
	if err != nil {
		return err
	}
	return s.m.Change(args[0], args[1], force)
}

// maxHold is the longest time for which sendkey holds keys.
const maxHold = time.Minute

func sendkey(s *Session, args []string) error {
	var hold time.Duration
	if len(args) == 2 {
		ms, err := strconv.Atoi(args[1])
		if err != nil || ms <= 0 || time.Duration(ms)*time.Millisecond > maxHold {
			return fmt.Errorf("%q is not a time from 1 to %d ms", args[1], maxHold/time.Millisecond)
		}
		hold = time.Duration(ms) * time.Millisecond
	}
	return s.m.SendKey(args[0], hold)
}
