package chardev

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// Times that a client is given, of the host's clock.
const (
	stallTime = 2 * time.Second // to take something before output that has no room is dropped
	flushTime = time.Second     // to take what is queued when it or goemu ends
)

// conn is a connection to one client.
type conn interface {
	io.ReadWriteCloser
	SetWriteDeadline(t time.Time) error
}

// transport is where the clients of a Link come from.
type transport interface {
	// next waits for a client. An error says that none will come any more; Close makes it return one.
	next() (conn, error)
	// filename says where the client is, or with a nil one where it is awaited.
	filename(c conn) string
	io.Closer
}

// codec is what is between a client's bytes and the guest's. A nil codec changes nothing.
type codec interface {
	hello() []byte                                   // what a client is told first
	encode(dst, p []byte) []byte                     // appends p
	decode(p []byte) (out, reply []byte, breaks int) // in place
}

// Link is a Source whose clients come and go, one at a time.
type Link struct {
	t        transport
	newCodec func() codec
	terminal bool // see IsTerminal

	started chan struct{} // closed by Start
	first   chan struct{} // closed when a client has come
	done    chan struct{} // closed by Close
	recv    func(p []byte)
	event   func(e Event)

	mu      sync.Mutex
	changed *sync.Cond
	conn    conn // nil: there is no client
	codec   codec
	queue   []byte
	spare   []byte
	full    bool      // Offer has refused bytes
	stalled bool      // the client takes nothing: what has no room is dropped
	writing bool      // the client may yet take something
	flushBy time.Time // the client is to be left at that time, or when the queue is empty; zero: it is not
	closed  bool
	room    func() // see OnRoom
}

func newLink(t transport, newCodec func() codec, terminal bool) *Link {
	l := &Link{t: t, newCodec: newCodec, terminal: terminal, started: make(chan struct{}), first: make(chan struct{}), done: make(chan struct{})}
	l.changed = sync.NewCond(&l.mu)
	go l.run()
	return l
}

// run serves the clients.
func (l *Link) run() {
	known := false
	for {
		c, err := l.t.next()
		if err != nil {
			return
		}
		if !l.attach(c) {
			c.Close()
			return
		}
		if !known {
			known = true
			close(l.first)
		}
		select {
		case <-l.started:
		case <-l.done: // Close sees to the client
			l.leave(c, true)
			return
		}
		tell(l.event, Opened)
		l.leave(c, l.read(c))
		tell(l.event, Closed)
	}
}

// attach makes c the client. It fails after Close.
func (l *Link) attach(c conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.conn, l.codec, l.queue = c, nil, l.queue[:0]
	l.stalled, l.flushBy, l.writing = false, time.Time{}, true
	if l.newCodec != nil {
		l.codec = l.newCodec()
		l.queue = append(l.queue, l.codec.hello()...)
	}
	go l.write(c)
	return true
}

// read delivers what the client sends and tells whether that ended in order, as when a program has said all it wants to.
func (l *Link) read(c conn) (ended bool) {
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		p, breaks := buf[:n], 0
		if l.codec != nil {
			var reply []byte
			p, reply, breaks = l.codec.decode(p)
			l.raw(reply)
		}
		if len(p) > 0 && l.recv != nil {
			l.recv(p)
		}
		for range breaks {
			tell(l.event, Break)
		}
		if err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

// leave ends the connection to the client, who may first take what is queued.
func (l *Link) leave(c conn, flush bool) {
	l.mu.Lock()
	if flush && !l.closed {
		l.flush(c)
	}
	if !flush {
		l.queue = l.queue[:0]
		l.flushBy = time.Now()
		l.changed.Broadcast()
		c.Close()
	}
	for l.writing {
		l.changed.Wait()
	}
	l.conn, l.queue = nil, l.queue[:0]
	room := l.makeRoom()
	l.changed.Broadcast()
	l.mu.Unlock()
	c.Close()
	if room != nil {
		room()
	}
}

// flush has the writer end when the queue is empty, soon. It is called under the lock.
func (l *Link) flush(c conn) {
	if l.flushBy.IsZero() {
		l.flushBy = time.Now().Add(flushTime)
		// A connection without deadlines fails when it is used.
		_ = c.SetWriteDeadline(l.flushBy)
	}
	l.changed.Broadcast()
}

// write gives c what is queued until it is to be left.
func (l *Link) write(c conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for len(l.queue) == 0 && l.flushBy.IsZero() {
			l.changed.Wait()
		}
		if len(l.queue) == 0 {
			break
		}
		out := l.queue
		l.queue = l.spare[:0]
		ok := l.send(c, out)
		l.spare = out
		if !ok {
			break
		}
		room := l.makeRoom()
		l.changed.Broadcast()
		if room != nil {
			l.mu.Unlock()
			room()
			l.mu.Lock()
		}
	}
	// Nobody takes what is left of the queue, nor what would come.
	l.writing, l.queue = false, l.queue[:0]
	room := l.makeRoom()
	l.changed.Broadcast()
	if room != nil {
		l.mu.Unlock()
		room()
		l.mu.Lock()
	}
}

// send writes out, however long it takes the client, unless it is to be left. It is called under the lock, which it gives up meanwhile.
func (l *Link) send(c conn, out []byte) bool {
	for len(out) > 0 {
		deadline := l.flushBy
		if deadline.IsZero() {
			deadline = time.Now().Add(stallTime)
		}
		err := c.SetWriteDeadline(deadline)
		if err != nil {
			c.Close() // the reader sees it
			return false
		}
		l.mu.Unlock()
		n, err := c.Write(out)
		l.mu.Lock()
		out = out[max(n, 0):]
		if n > 0 {
			l.stalled = false
		}
		switch {
		case err == nil:
		case !errors.Is(err, os.ErrDeadlineExceeded):
			c.Close() // the reader sees it
			return false
		case !l.flushBy.IsZero() && !time.Now().Before(l.flushBy):
			return false
		case n == 0:
			l.stalled = true
			room := l.makeRoom()
			l.changed.Broadcast()
			if room != nil {
				l.mu.Unlock()
				room()
				l.mu.Lock()
			}
		}
	}
	return true
}

// makeRoom returns the function that is to be called as Offer takes bytes again, if it has refused some.
func (l *Link) makeRoom() func() {
	if !l.full {
		return nil
	}
	l.full = false
	return l.room
}

// put queues p. It is called under the lock.
func (l *Link) put(p []byte) {
	if l.codec != nil {
		l.queue = l.codec.encode(l.queue, p)
	} else {
		l.queue = append(l.queue, p...)
	}
	l.changed.Broadcast()
}

// raw queues what the codec has to say.
func (l *Link) raw(p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(p) > 0 && len(l.queue) < queueLimit {
		l.queue = append(l.queue, p...)
		l.changed.Broadcast()
	}
}

// Offer implements Backend.
func (l *Link) Offer(p []byte) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.conn == nil || !l.writing || !l.flushBy.IsZero():
	case len(l.queue) < queueLimit:
		l.put(p)
	case !l.stalled:
		l.full = true
		return 0
	}
	return len(p)
}

// Write implements Backend.
func (l *Link) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.conn
	for len(l.queue) >= queueLimit && l.conn == c && l.writing && !l.stalled && l.flushBy.IsZero() {
		l.changed.Wait()
	}
	if c != nil && l.conn == c && l.writing && len(l.queue) < queueLimit && l.flushBy.IsZero() {
		l.put(p)
	}
	return len(p), nil
}

// OnRoom implements Backend.
func (l *Link) OnRoom(f func()) {
	l.mu.Lock()
	l.room = f
	l.mu.Unlock()
}

// Start implements Source.
func (l *Link) Start(recv func(p []byte), event func(e Event)) {
	l.recv, l.event = recv, event
	close(l.started)
}

// Connected is closed when the first client has come.
func (l *Link) Connected() <-chan struct{} { return l.first }

// Filename implements Source.
func (l *Link) Filename() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.t.filename(l.conn)
}

// Close implements Backend. It gives the client a second to take what is queued; what it does not take is its own loss.
func (l *Link) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	c := l.conn
	if c != nil {
		l.flush(c)
		for l.writing {
			l.changed.Wait()
		}
	}
	l.mu.Unlock()
	close(l.done)
	if c != nil {
		c.Close()
	}
	return l.t.Close()
}
