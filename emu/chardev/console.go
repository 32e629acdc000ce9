package chardev

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// Escape is the key that introduces a command to goemu on the console: Ctrl-A.
const Escape = 1

const escapeHelp = "\r\n" +
	"Ctrl-A h    print this help\r\n" +
	"Ctrl-A c    switch between guest and monitor\r\n" +
	"Ctrl-A x    exit goemu\r\n" +
	"Ctrl-A Ctrl-A    send Ctrl-A to the guest\r\n"

// Console is the host's terminal as a character device, or what stands for it: keys go to the guest
// unchanged but for the escape key, and Close leaves the terminal as it was.
type Console struct {
	*Stream
	in       io.Reader
	fd       int
	old      *term.State
	restored sync.Once
	quit     func()

	monitor   func(p []byte) // see OnMonitor
	switched  func(on bool)
	inMonitor bool
}

// NewConsole takes standard input and output. A terminal is put in raw mode. quit is called for Ctrl-A x.
func NewConsole(quit func()) (*Console, error) {
	c := &Console{Stream: NewStream("stdio", os.Stdout, nil), in: os.Stdin, fd: int(os.Stdin.Fd()), quit: quit}
	if term.IsTerminal(c.fd) {
		old, err := term.MakeRaw(c.fd)
		if err != nil {
			return nil, fmt.Errorf("terminal: %w", err)
		}
		c.old = old
	}
	return c, nil
}

// NewPair makes a console of a reader and a writer instead of the terminal; either may be nil. There is no escape key.
func NewPair(in io.Reader, out io.Writer) *Console {
	if in == nil {
		in = strings.NewReader("")
	}
	if out == nil {
		out = io.Discard
	}
	return &Console{Stream: NewStream("console", out, nil), in: in}
}

// OnMonitor makes Ctrl-A c switch between the guest and a monitor, which input is given and which is told when its turn begins and ends. It is
// called before Start.
func (c *Console) OnMonitor(input func(p []byte), switched func(on bool)) {
	c.monitor, c.switched = input, switched
}

// Raw tells whether this is a terminal that shows nothing of what is typed by itself.
func (c *Console) Raw() bool { return c.old != nil }

// Interactive tells whether standard input is a terminal.
func Interactive() bool { return term.IsTerminal(int(os.Stdin.Fd())) }

// Start implements Source.
func (c *Console) Start(recv func(p []byte)) { go c.read(recv) }

func (c *Console) read(recv func(p []byte)) {
	var escaped bool
	buf := make([]byte, 256)
	deliver := func(p []byte) {
		switch {
		case len(p) == 0:
		case c.inMonitor:
			c.monitor(p)
		default:
			recv(p)
		}
	}
	for {
		n, err := c.in.Read(buf)
		out := buf[:0]
		for _, b := range buf[:n] {
			switch {
			case c.old == nil:
				out = append(out, b)
			case escaped:
				escaped = false
				switch b {
				case 'x':
					c.quit()
				case 'c':
					if c.monitor != nil {
						deliver(out)
						out = buf[:0]
						c.inMonitor = !c.inMonitor
						c.switched(c.inMonitor)
					}
				case 'h', '?':
					c.Offer([]byte(escapeHelp))
				case Escape, 'a':
					out = append(out, Escape)
				}
			case b == Escape:
				escaped = true
			default:
				out = append(out, b)
			}
		}
		deliver(out)
		if err != nil {
			return
		}
	}
}

// Restore puts the terminal back; it may be called from a signal handler and more than once.
func (c *Console) Restore() {
	c.restored.Do(func() {
		if c.old != nil {
			term.Restore(c.fd, c.old)
		}
	})
}

// Close implements Backend.
func (c *Console) Close() error {
	err := c.Stream.Close()
	c.Restore()
	if errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}
