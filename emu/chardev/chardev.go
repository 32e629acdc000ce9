// Package chardev connects a guest's character devices to the host: the
// terminal, files, or nothing. Output is written by a goroutine of its own, so
// that a slow reader does not stop the vCPU.
package chardev

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// Backend is the host side of a character device.
type Backend interface {
	// Offer queues bytes for the host and returns how many it took: none while a megabyte waits.
	// After it has taken less than all, it calls OnRoom's function, from another goroutine, when it takes more.
	Offer(p []byte) int
	OnRoom(f func())
	// Write queues all of p, waiting for room: for devices without flow control.
	Write(p []byte) (int, error)
	// Close writes out what is queued and reports the first error of all writes.
	Close() error
}

// Source is a Backend that also delivers input.
type Source interface {
	Backend
	// Start begins to deliver input to recv, from another goroutine. recv takes ownership of nothing: it copies.
	Start(recv func(p []byte))
}

// queueLimit is how much output may wait before Offer refuses more, in bytes.
const queueLimit = 1 << 20

// Stream is a Backend over an io.Writer.
type Stream struct {
	name    string
	w       io.Writer
	closer  io.Closer
	mu      sync.Mutex
	changed *sync.Cond
	queue   []byte
	spare   []byte
	full    bool   // Offer has refused bytes
	room    func() // see OnRoom
	closed  bool
	done    bool
	err     error
}

// NewStream makes a Backend that writes to w; closer may be nil.
func NewStream(name string, w io.Writer, closer io.Closer) *Stream {
	s := &Stream{name: name, w: w, closer: closer}
	s.changed = sync.NewCond(&s.mu)
	go s.drain()
	return s
}

// Offer implements Backend. After a failed write to the host, output is dropped and Close reports the error.
func (s *Stream) Offer(p []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return len(p)
	case len(s.queue) >= queueLimit:
		s.full = true
		return 0
	}
	s.queue = append(s.queue, p...)
	s.changed.Broadcast()
	return len(p)
}

// Write implements Backend. It fails never: what the host refuses, Close reports.
func (s *Stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) >= queueLimit && s.err == nil {
		s.changed.Wait()
	}
	if s.err == nil {
		s.queue = append(s.queue, p...)
		s.changed.Broadcast()
	}
	return len(p), nil
}

// OnRoom implements Backend.
func (s *Stream) OnRoom(f func()) {
	s.mu.Lock()
	s.room = f
	s.mu.Unlock()
}

func (s *Stream) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for len(s.queue) == 0 && !s.closed {
			s.changed.Wait()
		}
		if len(s.queue) == 0 {
			s.done = true
			s.changed.Broadcast()
			return
		}
		out := s.queue
		s.queue = s.spare[:0]
		s.mu.Unlock()
		_, err := s.w.Write(out)
		s.mu.Lock()
		s.spare = out
		if err != nil && s.err == nil {
			s.err = fmt.Errorf("character device %s: %w", s.name, err)
			s.queue = s.queue[:0]
		}
		if f := s.room; s.full && f != nil {
			s.full = false
			s.mu.Unlock()
			f()
			s.mu.Lock()
		}
		s.changed.Broadcast()
	}
}

// Close implements Backend.
func (s *Stream) Close() error {
	s.mu.Lock()
	s.closed = true
	s.changed.Broadcast()
	for !s.done {
		s.changed.Wait()
	}
	err := s.err
	s.mu.Unlock()
	if s.closer != nil {
		if e := s.closer.Close(); err == nil && e != nil {
			err = fmt.Errorf("character device %s: %w", s.name, e)
		}
	}
	return err
}

// Null drops output.
type Null struct{}

// Offer implements Backend.
func (Null) Offer(p []byte) int { return len(p) }

// Write implements Backend.
func (Null) Write(p []byte) (int, error) { return len(p), nil }

// OnRoom implements Backend.
func (Null) OnRoom(func()) {}

// Close implements Backend.
func (Null) Close() error { return nil }

// Open makes a backend of a specification as -serial, -debugcon and -chardev
// give it: "stdio", "mon:stdio", "null", "none" (a nil Backend) or "file:PATH".
// console is called for the terminal.
func Open(spec string, console func() (Backend, error)) (Backend, error) {
	switch {
	case spec == "stdio", spec == "mon:stdio":
		return console()
	case spec == "null":
		return Null{}, nil
	case spec == "none":
		return nil, nil
	case strings.HasPrefix(spec, "file:"):
		o, err := File(strings.TrimPrefix(spec, "file:"))
		if err != nil {
			return nil, err // not a nil *Output in a Backend
		}
		return o, nil
	}
	return nil, fmt.Errorf("character device %q: want stdio, mon:stdio, null, none or file:PATH", spec)
}

// Output is a Backend over a file. Until Begin, the file's old contents are there, and Abandon leaves all as it was.
type Output struct {
	*Stream
	f       *os.File
	created bool
}

// File makes a backend that writes to a file, which is made if there is none.
func File(path string) (*Output, error) {
	if path == "" {
		return nil, errors.New("character device file: no path given")
	}
	created := true
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, os.ErrExist) {
		created = false
		f, err = os.OpenFile(path, os.O_WRONLY, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("character device: %w", err)
	}
	return &Output{NewStream(path, f, f), f, created}, nil
}

// Begin empties the file, if it is a file and not a device or pipe.
func (o *Output) Begin() error {
	if st, err := o.f.Stat(); err == nil && st.Mode().IsRegular() {
		if err := o.f.Truncate(0); err != nil {
			return fmt.Errorf("character device: %w", err)
		}
	}
	return nil
}

// Abandon closes the file, to which nothing has been written, and removes it if File made it.
func (o *Output) Abandon() error {
	err := o.Close()
	if o.created {
		err = errors.Join(err, os.Remove(o.f.Name()))
	}
	return err
}
