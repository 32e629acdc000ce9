package chardev

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"golang.org/x/term"
)

// once is a transport with one connection, which is there from the beginning.
type once struct {
	name string
	c    conn
	gone bool
	end  func() error // nil: nothing is left to do
}

func (o *once) next() (conn, error) {
	if o.gone {
		return nil, net.ErrClosed
	}
	o.gone = true
	return o.c, nil
}

func (o *once) filename(conn) string { return o.name }

func (o *once) Close() error {
	if o.end != nil {
		return o.end()
	}
	return nil
}

// fifos is a pair of pipes.
type fifos struct {
	in *os.File
	*os.File
}

func (f fifos) Read(p []byte) (int, error) { return f.in.Read(p) }
func (f fifos) Close() error               { return errors.Join(f.in.Close(), f.File.Close()) }

// openPipe opens PATH.in and PATH.out, or PATH in both directions. A pipe that nobody reads takes what its buffer holds.
func openPipe(path string) (*Link, error) {
	in, err := os.OpenFile(path+".in", openBoth, 0)
	if errors.Is(err, fs.ErrNotExist) {
		f, err := os.OpenFile(path, openBoth, 0)
		if err != nil {
			return nil, fmt.Errorf("character device: %w (nor are there %s.in and %s.out)", err, path, path)
		}
		return newLink(&once{name: "pipe", c: f}, nil, false), nil
	}
	if err != nil {
		return nil, fmt.Errorf("character device: %w", err)
	}
	out, err := os.OpenFile(path+".out", openBoth, 0)
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("character device: %w", err)
	}
	return newLink(&once{name: "pipe", c: fifos{in, out}}, nil, false), nil
}

// openTTY opens a serial line or terminal of the host's, and puts it in raw mode until Close.
func openTTY(path string) (*Link, error) {
	f, err := os.OpenFile(path, openBoth, 0)
	if err != nil {
		return nil, fmt.Errorf("character device: %w", err)
	}
	var old *term.State
	raw, err := f.SyscallConn()
	if err == nil {
		e := raw.Control(func(fd uintptr) { old, err = term.MakeRaw(int(fd)) })
		err = errors.Join(err, e)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("character device %s: not a terminal: %w", path, err)
	}
	o := &once{name: "serial", c: tty{f, raw, old}}
	return newLink(o, nil, true), nil
}

// tty leaves the terminal as it was.
type tty struct {
	*os.File
	raw interface {
		Control(f func(fd uintptr)) error
	}
	old *term.State
}

// Close may be called twice; the second does nothing.
func (t tty) Close() error {
	// It fails after the first Close.
	_ = t.raw.Control(func(fd uintptr) { _ = term.Restore(int(fd), t.old) })
	return t.File.Close()
}
