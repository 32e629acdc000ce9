// Package chardev connects a guest's character devices, monitors and debuggers to the host: the terminal, files, sockets, pipes,
// pseudo terminals, memory, or nothing.
//
// Parse and ParseOption read what -serial and -chardev say, Spec.Open makes the Source. Output is queued, a megabyte at most, and written by a goroutine of its own: a
// slow reader does not stop the vCPU, a client or terminal that takes nothing loses what does not fit, and without a client output is dropped. Several front
// ends share a Source by a Mux. Not done: UDP, WebSocket, TLS, descriptors of the caller's.
package chardev

import (
	"fmt"
	"io"
	"sync"
	"time"
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

	watch   *time.Timer // of a terminal: rings when it has taken nothing for stallTime; nil: this is none
	since   time.Time   // of the write under way; zero: there is none
	stalled bool        // the terminal takes nothing: what has no room is dropped, and Close does not wait for it
}

// NewStream makes a Backend that writes to w; closer may be nil.
func NewStream(name string, w io.Writer, closer io.Closer) *Stream {
	s := &Stream{name: name, w: w, closer: closer}
	s.changed = sync.NewCond(&s.mu)
	go s.drain()
	return s
}

// newTerminal makes a Stream to a terminal, which a person may stop: it holds up nothing for longer than stallTime.
func newTerminal(name string, w io.Writer) *Stream {
	s := &Stream{name: name, w: w}
	s.changed = sync.NewCond(&s.mu)
	s.watch = time.AfterFunc(time.Hour, s.stall)
	s.watch.Stop()
	go s.drain()
	return s
}

// stall is called when a piece should have been taken long ago.
func (s *Stream) stall() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() || time.Since(s.since) < stallTime {
		return // it was, meanwhile
	}
	s.stalled = true
	s.changed.Broadcast()
	s.tellRoom()
}

// tellRoom tells that Offer takes bytes again, if it has refused some.
func (s *Stream) tellRoom() {
	if f := s.room; s.full && f != nil {
		s.full = false
		s.mu.Unlock()
		f()
		s.mu.Lock()
	}
}

// put writes to the host, to a terminal in pieces that show whether it takes something. It is called without the lock.
func (s *Stream) put(p []byte) error {
	if s.watch == nil {
		_, err := s.w.Write(p)
		return err
	}
	const piece = 256
	for len(p) > 0 {
		n := min(piece, len(p))
		s.mu.Lock()
		s.since = time.Now()
		s.mu.Unlock()
		s.watch.Reset(stallTime)
		_, err := s.w.Write(p[:n])
		s.watch.Stop()
		s.mu.Lock()
		s.since, s.stalled = time.Time{}, false
		s.mu.Unlock()
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// Offer implements Backend. After a failed write to the host, output is dropped and Close reports the error.
func (s *Stream) Offer(p []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil, s.stalled && len(s.queue) >= queueLimit:
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
	for len(s.queue) >= queueLimit && s.err == nil && !s.stalled {
		s.changed.Wait()
	}
	if s.err == nil && len(s.queue) < queueLimit {
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
		err := s.put(out)
		s.mu.Lock()
		s.spare = out
		if err != nil && s.err == nil {
			s.err = fmt.Errorf("character device %s: %w", s.name, err)
			s.queue = s.queue[:0]
		}
		s.tellRoom()
		s.changed.Broadcast()
	}
}

// Close implements Backend. What a terminal does not take is its own loss.
func (s *Stream) Close() error {
	s.mu.Lock()
	s.closed = true
	s.changed.Broadcast()
	for !s.done && !s.stalled {
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

// taken tells whether all has been taken, after Close.
func (s *Stream) taken() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done
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
