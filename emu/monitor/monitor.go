// Package monitor is a small line monitor: a person or a program types commands with QEMU's words, and gets text back.
//
// A Session takes what a client types; Serve runs one on a character device. Commands are a table (commands.go). A client that reads nothing stalls its
// own session, never the machine.
package monitor

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"goemu/emu/inspect"
)

// Machine is what commands act on. All of it may be called from any goroutine but the machine's own.
type Machine interface {
	Screendump(w io.Writer) error
	ScreenText() ([]string, error)
	SendKey(keys string, hold time.Duration) error
	Eject(drive string, force bool) error
	Change(drive, file string, force bool) error
	SetDisplayPassword(password string) error // of the display over the network
	Displays() []inspect.VNC                  // over the network
	Pause() error
	Continue() error
	Reset() error
	WakeUp() error // of a guest that sleeps in S3
	PowerButton()
	Stop(status int)
	Status() inspect.Status
	Blocks() []inspect.Drive
	DriveLines() []string // a line each
	Version() string
	Engine() string              // that runs the guest
	IRQChip() string             // what KVM, if it runs the guest, has of the interrupt controllers
	EngineReason() string        // why it does, where nobody has asked for it; "": somebody has
	Engines() []string           // that this host can have
	SetEngine(name string) error // by another
	ROMs() []string              // a line each
	DumpMemory(w io.Writer) error
	SetLog(items string) error
	SetLogFile(file string) error
	SetTrace(pattern string, on bool) error
	Unseen() string // a line about what is logged or traced and the engine does not see; "": nothing
	Traced(pattern string) ([]inspect.Traced, error)
	SetBootOrder(order string) error
	Name() string
	UUID() string

	CPUs() int
	Registers(cpu int) (inspect.Registers, error)
	ReadMemory(cpu int, a inspect.Address, p []byte) (n int, err error)
	Disassemble(cpu int, a inspect.Address, n int) ([]inspect.Line, error)
	Walk(cpu int, linear uint64) (inspect.Walk, error)
	Mappings(cpu int) ([]inspect.Mapping, error)
	JIT() inspect.JIT
	PCIFunctions() []inspect.PCI
	Controllers() inspect.Controllers
	DeviceTree() []inspect.Node
	MemoryTree() []inspect.Node
	PortIn(port uint16, size int) (uint32, error)
	PortOut(port uint16, size int, v uint32) error

	MouseMove(dx, dy, dz int)
	MouseButtons(buttons uint8)
	InjectNMI() error
	Chardevs() []inspect.Chardev
	ReadRing(chardev string, max int) ([]byte, error)
	WriteRing(chardev string, p []byte) error
	SendBreak(chardev string) error
}

// Prompt is what a session shows when it waits for a line.
const Prompt = "(goemu) "

// maxLine bounds what is typed before the end of a line, in bytes.
const maxLine = 4096

// Session is the dialogue with one client.
type Session struct {
	m Machine
	w io.Writer
	editor
	cr    bool // the last byte was CR
	long  bool // more was typed than maxLine
	echo  bool
	ended bool // the client has said quit

	history []string // lines before, the newest last

	cpu  int    // that commands look at
	last format // of x and xp
}

// NewSession makes a session that answers to w. With echo it shows what is typed, and lines end as terminals in raw mode want it.
func NewSession(m Machine, w io.Writer, echo bool) *Session { return &Session{m: m, w: w, echo: echo} }

// Do does one line, or several, and answers to w.
func Do(m Machine, w io.Writer, lines string) {
	s := NewSession(m, w, false)
	for line := range strings.SplitSeq(lines, "\n") {
		if err := s.do(line); err != nil {
			s.fail(err)
		}
	}
}

// Begin says hello.
func (s *Session) Begin() {
	s.print("goemu %s monitor - type 'help' for more information\n", s.m.Version())
	s.print(Prompt)
}

// fail tells an error, as scripts look for it.
func (s *Session) fail(err error) {
	if _, ok := err.(plain); !ok {
		s.print("Error: ")
	}
	s.print("%v\n", err)
}

// forget drops what was typed of a line.
func (s *Session) forget() {
	s.editor.clear()
	s.long, s.ended = false, false
}

// print answers. What a client does not take is its own loss: the next read from it fails too.
func (s *Session) print(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if s.echo {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	_, _ = io.WriteString(s.w, text)
}

// Keys that edit a line.
const (
	keyBackspace = 8
	keyDelete    = 0x7f
	keyKill      = 0x15 // Ctrl-U
	keyCancel    = 0x03 // Ctrl-C
)

// Input takes what the client types and does the commands of complete lines before it returns.
func (s *Session) Input(p []byte) {
	for _, b := range p {
		switch {
		case s.ended:
			return
		case b == '\n' && s.cr: // of CR LF, the second says nothing
		case b == '\n' || b == '\r':
			s.enter()
		case s.echo:
			s.edit(b)
		case b == keyBackspace || b == keyDelete:
			s.line = s.line[:s.before(len(s.line))]
		case b == keyKill || b == keyCancel:
			s.line, s.long = s.line[:0], false
		case b < ' ' && b != '\t':
		case len(s.line) == maxLine:
			s.long = true
		default:
			s.line = append(s.line, b)
		}
		s.cr = b == '\r'
	}
}

func (s *Session) show(text string) {
	if s.echo {
		_, _ = io.WriteString(s.w, text)
	}
}

// enter does the line that has been typed.
func (s *Session) enter() {
	s.show("\r\n")
	line, long := string(s.line), s.long
	s.editor.clear()
	s.long = false
	var err error
	if long {
		err = fmt.Errorf("the line has more than %d bytes", maxLine)
	} else {
		if strings.TrimSpace(line) != "" {
			s.remember(line)
		}
		err = s.do(line)
	}
	if err != nil {
		s.fail(err)
	}
	if !s.ended {
		s.print(Prompt)
	}
}

// do does a line.
func (s *Session) do(line string) error {
	words, err := split(line)
	if err != nil || len(words) == 0 {
		return err
	}
	if name, format, ok := strings.Cut(words[0], "/"); ok && find(commands, name) != nil { // x/4i is x /4i
		words = append([]string{name, "/" + format}, words[1:]...)
	}
	return run(s, commands, "", words)
}

// split cuts a line into words. Quotes keep blanks in a word; in them a backslash makes the next character one of the word.
func split(line string) (words []string, err error) {
	var word strings.Builder
	inWord, quoted := false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\\':
			if i++; i == len(line) {
				return nil, errors.New("the line ends in a backslash")
			}
			word.WriteByte(line[i])
		case c == '"':
			quoted, inWord = !quoted, true
		case !quoted && (c == ' ' || c == '\t'):
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if quoted {
		return nil, errors.New("a quote is not closed")
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
