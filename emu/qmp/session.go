// Package qmp is QEMU's machine protocol: a program sends commands as JSON objects, and gets replies and events.
//
// A Session is the dialogue with one client; Serve runs one on a character device. Commands, their arguments and results are tables (commands.go, types.go), of
// which the schema that clients can ask for is made, and against which arguments are checked. Messages have QEMU's form, to the blanks that scripts look
// for. Not done: out-of-band execution; commands that are not in the table.
package qmp

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"goemu/emu/chardev"
	"goemu/emu/inspect"
)

// eventQueue is how many events wait for a client that is slow; the oldest are lost.
const eventQueue = 1024

// patience is how long a client who takes nothing is waited for at the end.
const patience = 3 * time.Second

// Classes of errors that programs tell apart.
const (
	classGeneric   = "GenericError"
	classNoCommand = "CommandNotFound"
	classNoDevice  = "DeviceNotFound"
)

// failure is an error of a class.
type failure struct {
	class, desc string
}

// Error implements error.
func (f *failure) Error() string { return f.desc }

// Errorf makes an error in QEMU's words.
func Errorf(format string, args ...any) error {
	return &failure{classGeneric, fmt.Sprintf(format, args...)}
}

// Session is the dialogue with one client.
type Session struct {
	m     Machine
	w     io.Writer
	lexer lexer

	mu      sync.Mutex
	ready   bool // the client has said which capabilities it wants
	buttons uint8
}

// NewSession makes a session that answers to w.
func NewSession(m Machine, w io.Writer) *Session {
	s := &Session{m: m, w: w}
	s.lexer.emit = s.message
	return s
}

// Serve talks to those who come to a character device until that is closed. stop ends the events, when those that there are have been written, or soon.
func Serve(m Machine, src chardev.Source) (stop func()) {
	s := NewSession(m, src)
	notices, cancel := m.Notify(eventQueue)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range notices {
			s.Event(&n)
		}
	}()
	src.Start(s.Input, func(e chardev.Event) {
		if e == chardev.Opened {
			s.Begin()
		}
	})
	return func() {
		cancel()
		select {
		case <-done:
		case <-time.After(patience):
		}
	}
}

// Begin greets a client.
func (s *Session) Begin() {
	s.mu.Lock()
	s.ready = false
	s.mu.Unlock()
	s.lexer.reset()
	s.send(object{{"QMP", object{{"version", version(s.m)}, {"capabilities", []any{}}}}})
}

// Input takes what the client sends and does the commands in it before it returns.
func (s *Session) Input(p []byte) { s.lexer.feed(p) }

func (s *Session) send(o object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// What a client does not take is its own loss.
	_, _ = s.w.Write(append(appendJSON(nil, o), "\r\n"...))
}

// reply answers with a result or an error; id is what the client gave, if it gave one.
func (s *Session) reply(id []field, result any, err error) {
	if err == nil {
		if result == nil {
			result = object{}
		}
		s.send(append(object{{"return", result}}, id...))
		return
	}
	class := classGeneric
	var f *failure
	if errors.As(err, &f) {
		class = f.class
	}
	s.send(append(object{{"error", object{{"class", class}, {"desc", err.Error()}}}}, id...))
}

// message does what a message says.
func (s *Session) message(tokens []token, err error) {
	var v any
	if err == nil {
		v, err = parse(tokens)
	}
	o, isObject := v.(object)
	if err == nil && !isObject {
		err = Errorf("QMP input must be a JSON object")
	}
	if err != nil {
		s.reply(nil, nil, err)
		return
	}
	s.request(o)
}

// request does a command.
func (s *Session) request(o object) {
	var id []field
	var args object
	name, found := "", false
	var err error
	for _, f := range o {
		good := true
		switch f.name {
		case "id":
			id = []field{f}
		case "execute":
			name, good = f.value.(string)
			if found = true; !good && err == nil {
				err = Errorf("QMP input member 'execute' must be a string")
			}
		case "arguments":
			if args, good = f.value.(object); !good && err == nil {
				err = Errorf("QMP input member 'arguments' must be an object")
			}
		default:
			if err == nil {
				err = Errorf("QMP input member '%s' is unexpected", f.name)
			}
		}
	}
	if err == nil && !found {
		err = Errorf("QMP input lacks member 'execute'")
	}
	if err != nil {
		s.reply(id, nil, err)
		return
	}
	c := findCommand(name)
	s.mu.Lock()
	ready := s.ready
	s.mu.Unlock()
	switch {
	case !ready && name != "qmp_capabilities":
		err = &failure{classNoCommand, "Expecting capabilities negotiation with 'qmp_capabilities'"}
	case ready && name == "qmp_capabilities":
		err = &failure{classNoCommand, "Capabilities negotiation is already complete, command ignored"}
	case c == nil:
		err = &failure{classNoCommand, "The command " + name + " has not been found"}
	default:
		err = checkObject("", &objectType{members: c.args}, args)
	}
	if err != nil {
		s.reply(id, nil, err)
		return
	}
	if name == "quit" { // the machine may be gone before the reply is
		s.reply(id, nil, nil)
		s.m.Quit(0, inspect.ReasonHostQMPQuit)
		return
	}
	result, err := c.do(s, arguments{args})
	s.reply(id, result, err)
}

// arguments are those of a command, which have been checked.
type arguments struct{ o object }

func (a arguments) has(name string) bool { return a.o.get(name) != nil }
func (a arguments) text(name string) string {
	v, _ := a.o.get(name).(string)
	return v
}
func (a arguments) bool(name string) bool {
	v, _ := a.o.get(name).(bool)
	return v
}
func (a arguments) int(name string) int64 {
	v, _ := a.o.get(name).(int64)
	return v
}
func (a arguments) size(name string) uint64 {
	if v, ok := a.o.get(name).(uint64); ok {
		return v
	}
	return uint64(a.int(name))
}
func (a arguments) list(name string) []any {
	v, _ := a.o.get(name).([]any)
	return v
}

// Event tells the client of a notice.
func (s *Session) Event(n *inspect.Notice) {
	s.mu.Lock()
	ready := s.ready
	s.mu.Unlock()
	if !ready {
		return
	}
	o := object{{"timestamp", timestamp(n.Time)}, {"event", n.Kind.String()}}
	if data := eventData(n); data != nil {
		o = append(o, field{"data", data})
	}
	s.send(o)
}

func timestamp(t time.Time) object {
	return object{{"seconds", t.Unix()}, {"microseconds", t.Nanosecond() / 1000}}
}

// events are the events and the types of their data.
var events = map[string]string{
	"STOP": "", "RESUME": "", "RESET": "ShutdownData", "SHUTDOWN": "ShutdownData", "POWERDOWN": "", "SUSPEND": "", "WAKEUP": "",
	"GUEST_PANICKED": "GuestPanickedData", "DEVICE_TRAY_MOVED": "TrayMovedData", "BLOCK_IO_ERROR": "BlockErrorData", "RTC_CHANGE": "RTCChangeData",
}

func eventData(n *inspect.Notice) any {
	switch n.Kind {
	case inspect.NoticeReset, inspect.NoticeShutdown:
		return object{{"guest", n.Guest()}, {"reason", n.Reason}}
	case inspect.NoticePanicked:
		return object{{"action", n.Action}}
	case inspect.NoticeTrayMoved:
		return object{{"device", n.Device}, {"id", n.Device}, {"tray-open", n.TrayOpen}}
	case inspect.NoticeBlockError:
		operation := "read"
		if n.Write {
			operation = "write"
		}
		return object{{"device", n.Device}, {"operation", operation}, {"action", n.Action}, {"reason", n.Error}}
	case inspect.NoticeRTCChanged:
		return object{{"offset", n.Offset}, {"qom-path", "/machine/rtc"}}
	}
	return nil
}
