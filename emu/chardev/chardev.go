// Package chardev connects a guest's character devices, monitors and debuggers to the host: the terminal, files, sockets, pipes,
// pseudo terminals, memory, or nothing.
//
// Parse and ParseOption read what -serial and -chardev say, Spec.Open makes the Source. Output is queued, a megabyte at most, and written by a goroutine of its own: a
// slow reader does not stop the vCPU, a client that takes nothing loses what does not fit, and without a client output is dropped. Several front
// ends share a Source by a Mux. Not done: UDP, WebSocket, TLS, descriptors of the caller's.
package chardev

import (
	"fmt"
	"io"
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

// Event is what a Source tells of its client.
type Event uint8

// Events. A Source that has no clients that come and go, like a file, tells Opened once.
const (
	Opened Event = iota // a client has come
	Closed              // it has gone
	Focus               // of a Mux: what is typed comes here from now on
	Blur                // of a Mux: it goes elsewhere
	Break               // the client sends a break condition
)

// Source is a Backend that also delivers input.
type Source interface {
	Backend
	// Start begins to deliver input to recv and events to event, one call at a time, from another goroutine. recv takes ownership
	// of nothing: it copies. It may block; the client has to wait then, but Close does not. Either may be nil: what comes is dropped. It is called once.
	Start(recv func(p []byte), event func(e Event))
	// Filename says what this is connected to, in the form of QEMU's `info chardev`.
	Filename() string
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

// Start implements Source.
func (Null) Start(_ func(p []byte), event func(e Event)) { tell(event, Opened) }

// Filename implements Source.
func (Null) Filename() string { return "null" }

func tell(event func(e Event), e Event) {
	if event != nil {
		event(e)
	}
}
