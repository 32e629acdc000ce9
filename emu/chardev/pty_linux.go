package chardev

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// ptyPause is the time between looks whether somebody has opened a pseudo terminal.
const ptyPause = 200 * time.Millisecond

// pty is a transport over a pseudo terminal, whose client is whoever has it open.
type pty struct {
	master *os.File
	path   string
	done   chan struct{}
}

func openPTY() (*Link, error) {
	p, err := newPTY()
	if err != nil {
		return nil, fmt.Errorf("character device pty: %w", err)
	}
	return newLink(p, nil, true), nil
}

func newPTY() (*pty, error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/ptmx: %w", err)
	}
	f := os.NewFile(uintptr(fd), "/dev/ptmx")
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	p := &pty{master: f, path: "/dev/pts/" + strconv.Itoa(n), done: make(chan struct{})}
	if err == nil {
		err = p.prepare()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return p, nil
}

// prepare puts the terminal in raw mode, so that it passes on what it gets. That it was open once makes it tell that nobody has it open.
func (p *pty) prepare() error {
	f, err := os.OpenFile(p.path, openBoth, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	e := raw.Control(func(fd uintptr) { _, err = term.MakeRaw(int(fd)) })
	return errors.Join(err, e)
}

// next waits until somebody opens the terminal.
func (p *pty) next() (conn, error) {
	raw, err := p.master.SyscallConn()
	if err != nil {
		return nil, err
	}
	for {
		open := false
		err := raw.Control(func(fd uintptr) {
			fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			_, err := unix.Poll(fds, 0)
			open = err == nil && fds[0].Revents&unix.POLLHUP == 0
		})
		if err != nil {
			return nil, err
		}
		if open {
			return ptyConn{p.master}, nil
		}
		select {
		case <-p.done:
			return nil, os.ErrClosed
		case <-time.After(ptyPause):
		}
	}
}

func (p *pty) filename(conn) string { return "pty:" + p.path }

func (p *pty) Close() error {
	close(p.done)
	return p.master.Close()
}

// ptyConn is the time for which the terminal is open.
type ptyConn struct{ *os.File }

// Read tells the end as io.EOF.
func (c ptyConn) Read(b []byte) (int, error) {
	n, err := c.File.Read(b)
	if errors.Is(err, unix.EIO) {
		err = io.EOF
	}
	return n, err
}

// Close leaves the terminal for the next who opens it.
func (ptyConn) Close() error { return nil }
