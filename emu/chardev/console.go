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

// Console is the host's terminal as a character device, or what stands for it. Close leaves the terminal as it was.
type Console struct {
	*Stream
	in       io.Reader
	fd       int
	old      *term.State
	restored sync.Once
	tamer    *tamer // nil: output is no terminal

	// Interrupt, if set before Start, is called for Ctrl-C and Ctrl-\ on a terminal, which the guest does not get then.
	Interrupt func()
}

// NewConsole takes standard input and output. A terminal is put in raw mode.
func NewConsole() (*Console, error) {
	c := &Console{in: os.Stdin, fd: int(os.Stdin.Fd())}
	if term.IsTerminal(int(os.Stdout.Fd())) {
		c.tamer = &tamer{w: os.Stdout}
	}
	if term.IsTerminal(c.fd) {
		old, err := term.MakeRaw(c.fd)
		if err != nil {
			return nil, fmt.Errorf("terminal: %w", err)
		}
		c.old = old
	}
	if c.tamer != nil {
		c.Stream = newTerminal("stdio", c.tamer)
	} else {
		c.Stream = NewStream("stdio", os.Stdout, nil)
	}
	return c, nil
}

// NewPair makes a console of a reader and a writer instead of the terminal; either may be nil.
func NewPair(in io.Reader, out io.Writer) *Console {
	if in == nil {
		in = strings.NewReader("")
	}
	if out == nil {
		out = io.Discard
	}
	return &Console{Stream: NewStream("console", out, nil), in: in}
}

// Raw tells whether this is a terminal that shows nothing of what is typed by itself.
func (c *Console) Raw() bool { return c.old != nil }

// Interactive tells whether standard input is a terminal.
func Interactive() bool { return term.IsTerminal(int(os.Stdin.Fd())) }

// Start implements Source.
func (c *Console) Start(recv func(p []byte), event func(e Event)) {
	tell(event, Opened)
	go func() {
		pump(c.in, func(p []byte) {
			if c.tamer != nil {
				c.tamer.off.Store(true)
			}
			if c.Interrupt != nil && c.old != nil {
				p = c.interrupts(p)
			}
			if recv != nil && len(p) > 0 {
				recv(p)
			}
		})
		tell(event, Closed)
	}()
}

// interrupts takes the keys that end goemu out of p.
func (c *Console) interrupts(p []byte) []byte {
	const intr, quit = 3, 0x1c
	out := p[:0]
	for _, b := range p {
		if b == intr || b == quit {
			c.Interrupt()
		} else {
			out = append(out, b)
		}
	}
	return out
}

// Filename implements Source.
func (c *Console) Filename() string { return "stdio" }

// Restore puts the terminal back; it may be called from a signal handler and more than once.
func (c *Console) Restore() {
	c.restored.Do(func() {
		if c.old != nil {
			term.Restore(c.fd, c.old)
		}
	})
}

// Close implements Backend. The terminal has its modes again, also one that takes nothing.
func (c *Console) Close() error {
	err := c.Stream.Close()
	if c.tamer != nil && c.taken() {
		if e := c.tamer.flush(); err == nil {
			err = e
		}
	}
	c.Restore()
	if errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}
