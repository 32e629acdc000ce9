package qmp

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"goemu/devices/i8042"
	"goemu/emu/inspect"
	"goemu/emu/wholefile"
)

// command is a row of the table.
type command struct {
	name string
	args []member
	ret  string // type of the result; "": nothing
	do   func(s *Session, a arguments) (any, error)
}

// commands are filled in by init, as some of them read the table.
var commands []command

func findCommand(name string) *command {
	i := slices.IndexFunc(commands, func(c command) bool { return c.name == name })
	if i < 0 {
		return nil
	}
	return &commands[i]
}

// act is a command without arguments and result.
func act(f func(m Machine) error) func(s *Session, _ arguments) (any, error) {
	return func(s *Session, _ arguments) (any, error) { return nil, f(s.m) }
}

func init() {
	drive := []member{may("device", "str"), may("id", "str")}
	with := func(more ...member) []member { return append(drive[:len(drive):len(drive)], more...) }
	commands = []command{
		{"blockdev-change-medium", with(need("filename", "str"), may("format", "str"), may("force", "bool"), may("read-only-mode", "BlockdevChangeReadOnlyMode")),
			"", changeMedium},
		{"blockdev-close-tray", drive, "", func(s *Session, a arguments) (any, error) { return s.withDrive(a, s.m.CloseTray) }},
		{"blockdev-open-tray", with(may("force", "bool")), "", func(s *Session, a arguments) (any, error) {
			return s.withDrive(a, func(id string) error { return s.m.OpenTray(id, a.bool("force")) })
		}},
		{"change-vnc-password", []member{need("password", "str")}, "", setPassword},
		{"chardev-send-break", []member{need("id", "str")}, "", func(s *Session, a arguments) (any, error) { return nil, s.m.SendBreak(a.text("id")) }},
		{"cont", nil, "", act(Machine.Continue)},
		{"dump-guest-memory", []member{need("paging", "bool"), need("protocol", "str"), may("detach", "bool"), may("begin", "int"), may("length", "int"),
			may("format", "DumpGuestMemoryFormat")}, "", dumpMemory},
		{"eject", with(may("force", "bool")), "", func(s *Session, a arguments) (any, error) {
			return s.withDrive(a, func(id string) error { return s.m.Eject(id, a.bool("force")) })
		}},
		{"human-monitor-command", []member{need("command-line", "str"), may("cpu-index", "int")}, "str", human},
		{"inject-nmi", nil, "", act(Machine.InjectNMI)},
		{"input-send-event", []member{may("device", "str"), may("head", "int"), need("events", "[InputEvent]")}, "", inputSendEvent},
		{"memsave", []member{need("val", "size"), need("size", "size"), need("filename", "str"), may("cpu-index", "int")}, "",
			func(s *Session, a arguments) (any, error) { return nil, s.memsave(a, false) }},
		{"pmemsave", []member{need("val", "size"), need("size", "size"), need("filename", "str")}, "",
			func(s *Session, a arguments) (any, error) { return nil, s.memsave(a, true) }},
		{"qmp_capabilities", []member{may("enable", "[QMPCapability]")}, "", func(s *Session, _ arguments) (any, error) {
			s.mu.Lock()
			s.ready = true
			s.mu.Unlock()
			return nil, nil
		}},
		{"quit", nil, "", nil}, // see Session.request
		{"ringbuf-read", []member{need("device", "str"), need("size", "int"), may("format", "DataFormat")}, "str", ringRead},
		{"ringbuf-write", []member{need("device", "str"), need("data", "str"), may("format", "DataFormat")}, "", ringWrite},
		{"screendump", []member{need("filename", "str"), may("device", "str"), may("head", "int"), may("format", "ImageFormat")}, "", screendump},
		{"send-key", []member{need("keys", "[KeyValue]"), may("hold-time", "int")}, "", sendKey},
		{"set-action", []member{may("reboot", "RebootAction"), may("shutdown", "ShutdownAction"), may("panic", "PanicAction")}, "", func(s *Session, a arguments) (any, error) {
			for _, event := range []string{"reboot", "shutdown", "panic"} {
				if a.has(event) {
					if err := s.m.SetAction(event, a.text(event)); err != nil {
						return nil, err
					}
				}
			}
			return nil, nil
		}},
		{"set_password", []member{need("protocol", "DisplayProtocol"), need("password", "str"), may("connected", "SetPasswordAction")}, "", setPassword},
		{"stop", nil, "", act(Machine.Pause)},
		{"system_powerdown", nil, "", act(func(m Machine) error {
			m.PowerButton()
			return nil
		})},
		{"system_reset", nil, "", act(Machine.Reset)},
		{"system_wakeup", nil, "", act(func(m Machine) error {
			if m.WakeUp() != nil {
				return Errorf("Unable to wake up: guest is not in suspended state")
			}
			return nil
		})},
		{"trace-event-get-state", []member{need("name", "str")}, "[TraceEventInfo]", traceGet},
		{"trace-event-set-state", []member{need("name", "str"), need("enable", "bool"), may("ignore-unavailable", "bool")}, "", traceSet},
		{"x-accel", []member{need("accel", "Accelerator")}, "", func(s *Session, a arguments) (any, error) { return nil, s.m.SetEngine(a.text("accel")) }},
	}
	commands = append(commands, queries...)
	commands = append(commands,
		command{"query-commands", nil, "[CommandInfo]", func(*Session, arguments) (any, error) {
			list := []object{}
			for i := range commands {
				list = append(list, object{{"name", commands[i].name}})
			}
			return list, nil
		}},
		command{"query-qmp-schema", nil, "[SchemaInfo]", func(*Session, arguments) (any, error) { return schema(), nil }})
	slices.SortFunc(commands, func(a, b command) int { return strings.Compare(a.name, b.name) })
}

// withDrive does something to the drive that device= or id= names.
func (s *Session) withDrive(a arguments, do func(id string) error) (any, error) {
	if a.has("device") == a.has("id") {
		return nil, Errorf("Need exactly one of 'device' and 'id'")
	}
	id := a.text("device") + a.text("id")
	if !slices.ContainsFunc(s.m.Blocks(), func(d inspect.Drive) bool { return d.ID == id || d.Drive == id }) {
		return nil, &failure{classNoDevice, "Device '" + id + "' not found"}
	}
	return nil, do(id)
}

func changeMedium(s *Session, a arguments) (any, error) {
	if f := a.text("format"); f != "" && f != "raw" {
		return nil, Errorf("Unknown driver '%s'", f)
	}
	if m := a.text("read-only-mode"); m != "" && m != "retain" {
		return nil, fmt.Errorf("read-only-mode=%s: whether a medium is read-only is said by -drive", m)
	}
	return s.withDrive(a, func(id string) error { return s.m.Change(id, a.text("filename"), a.bool("force")) })
}

func human(s *Session, a arguments) (any, error) {
	line := a.text("command-line")
	if a.has("cpu-index") {
		if n := a.int("cpu-index"); n < 0 || n >= int64(s.m.CPUs()) {
			return nil, Errorf("Parameter 'cpu-index' expects a CPU number")
		}
		return s.m.Human(fmt.Sprintf("cpu %d\n%s", a.int("cpu-index"), line)), nil
	}
	return s.m.Human(line), nil
}

// create is wholefile.Write with QMP's error where there can be no file.
func create(name string, write func(w io.Writer) error) error {
	err := wholefile.Write(name, write)
	if e := (*fs.PathError)(nil); errors.As(err, &e) && e.Op == "open" && e.Path == name {
		return Errorf("Could not open '%s': %v", name, err)
	}
	return err
}

func (s *Session) memsave(a arguments, physical bool) error {
	cpu := a.int("cpu-index")
	if cpu < 0 || cpu >= int64(s.m.CPUs()) {
		return Errorf("Parameter 'cpu-index' expects a CPU number")
	}
	return create(a.text("filename"), func(w io.Writer) error {
		buf := make([]byte, 1<<16)
		at, left := a.size("val"), a.size("size")
		for left > 0 {
			p := buf[:min(left, uint64(len(buf)))]
			if _, err := s.m.ReadMemory(int(cpu), inspect.Address{Addr: at, Physical: physical}, p); err != nil {
				return Errorf("Invalid addr 0x%016x/size %d specified: %v", a.size("val"), a.size("size"), err)
			}
			if _, err := w.Write(p); err != nil {
				return err
			}
			at, left = at+uint64(len(p)), left-uint64(len(p))
		}
		return nil
	})
}

func dumpMemory(s *Session, a arguments) (any, error) {
	file, isFile := strings.CutPrefix(a.text("protocol"), "file:")
	switch {
	case !isFile:
		return nil, Errorf("Invalid parameter 'protocol'")
	case a.bool("paging"):
		return nil, errors.New("paging: dumps are by physical address")
	case a.bool("detach"):
		return nil, errors.New("detach: the reply says that the dump is done")
	case a.has("begin") || a.has("length"):
		return nil, errors.New("dumps are of all memory: leave begin and length out")
	}
	return nil, create(file, s.m.DumpMemory)
}

func ringRead(s *Session, a arguments) (any, error) {
	size := a.int("size")
	if size <= 0 {
		return nil, errors.New("size must be greater than zero")
	}
	p, err := s.m.ReadRing(a.text("device"), int(min(size, 1<<30)))
	if err != nil {
		return nil, err
	}
	if a.text("format") == "base64" {
		return base64.StdEncoding.EncodeToString(p), nil
	}
	return strings.ToValidUTF8(string(p), string(utf8.RuneError)), nil
}

func ringWrite(s *Session, a arguments) (any, error) {
	p := []byte(a.text("data"))
	if a.text("format") == "base64" {
		var err error
		if p, err = base64.StdEncoding.DecodeString(string(p)); err != nil {
			return nil, Errorf("Base64 data is not valid")
		}
	}
	return nil, s.m.WriteRing(a.text("device"), p)
}

func screendump(s *Session, a arguments) (any, error) {
	if a.has("device") || a.int("head") != 0 {
		return nil, errors.New("there is one display adapter: leave device and head out")
	}
	write := s.m.ScreendumpPPM
	if a.text("format") == "png" {
		write = s.m.Screendump
	}
	return nil, create(a.text("filename"), write)
}

// keyName is the key of a KeyValue, by its name or number.
func keyName(v any) (string, error) {
	o, _ := v.(object)
	switch data := o.get("data").(type) {
	case string:
		return data, nil
	case int64:
		if data > 0 && data <= 0xff {
			return fmt.Sprintf("0x%02x", data), nil
		}
		return "", fmt.Errorf("there is no key number %d", data)
	}
	return "", errors.New("a key has no data")
}

const maxHold = 60_000 // ms

func sendKey(s *Session, a arguments) (any, error) {
	var names []string
	for _, k := range a.list("keys") {
		n, err := keyName(k)
		if err != nil {
			return nil, err
		}
		names = append(names, n)
	}
	hold := a.int("hold-time")
	if len(names) == 0 {
		return nil, errors.New("no keys are given")
	}
	if hold < 0 || hold > maxHold {
		return nil, fmt.Errorf("hold-time: want 0 to %d ms", maxHold)
	}
	return nil, s.m.SendKey(strings.Join(names, "-"), time.Duration(hold)*time.Millisecond)
}

var buttons = map[string]uint8{"left": i8042.ButtonLeft, "right": i8042.ButtonRight, "middle": i8042.ButtonMiddle}

func inputSendEvent(s *Session, a arguments) (any, error) {
	if a.has("device") || a.int("head") != 0 {
		return nil, errors.New("there is one keyboard and one mouse: leave device and head out")
	}
	if st := s.m.Status(); st != inspect.StatusRunning && st != inspect.StatusSuspended {
		return nil, Errorf("VM not running")
	}
	var dx, dy, dz int
	was := s.buttons
	for _, e := range a.list("events") {
		event, _ := e.(object)
		data, _ := event.get("data").(object)
		d := arguments{data}
		switch event.get("type") {
		case "key":
			name, err := keyName(data.get("key"))
			if err == nil {
				err = s.m.KeyState(name, d.bool("down"))
			}
			if err != nil {
				return nil, err
			}
		case "rel":
			const far = 1 << 15
			v := int(max(-far, min(d.int("value"), far)))
			if d.text("axis") == "x" {
				dx += v
			} else {
				dy += v
			}
		case "btn":
			bit, isButton := buttons[d.text("button")]
			switch {
			case isButton && d.bool("down"):
				s.buttons |= bit
			case isButton:
				s.buttons &^= bit
			case d.bool("down") && d.text("button") == "wheel-up":
				dz--
			case d.bool("down"):
				dz++
			}
		}
	}
	if s.buttons != was {
		s.m.MouseButtons(s.buttons)
	}
	if dx != 0 || dy != 0 || dz != 0 {
		s.m.MouseMove(dx, dy, dz)
	}
	return nil, nil
}

// setPassword is for viewers to come: those that are connected stay.
func setPassword(s *Session, a arguments) (any, error) {
	return nil, s.m.SetDisplayPassword(a.text("password"))
}
