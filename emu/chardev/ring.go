package chardev

import "sync"

// RingSize is how much a ring buffer keeps when nobody says otherwise, in bytes.
const RingSize = 64 << 10

// Ring is a Source that keeps the newest output in memory: -chardev ringbuf, and vc. It has no input.
type Ring struct {
	name  string
	mu    sync.Mutex
	buf   []byte // all of it
	start int    // the oldest byte
	n     int
}

// NewRing makes a ring buffer of size bytes.
func NewRing(name string, size int) *Ring { return &Ring{name: name, buf: make([]byte, size)} }

// Offer implements Backend.
func (r *Ring) Offer(p []byte) int {
	taken := len(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	if over := len(p) - len(r.buf); over > 0 {
		p = p[over:]
	}
	for len(p) > 0 {
		c := copy(r.buf[(r.start+r.n)%len(r.buf):], p)
		p = p[c:]
		if r.n += c; r.n > len(r.buf) {
			r.start = (r.start + r.n - len(r.buf)) % len(r.buf)
			r.n = len(r.buf)
		}
	}
	return taken
}

// Write implements Backend.
func (r *Ring) Write(p []byte) (int, error) { return r.Offer(p), nil }

// OnRoom implements Backend.
func (r *Ring) OnRoom(func()) {}

// Close implements Backend. What is kept can be read on.
func (r *Ring) Close() error { return nil }

// Start implements Source.
func (r *Ring) Start(_ func(p []byte), event func(e Event)) { tell(event, Opened) }

// Filename implements Source.
func (r *Ring) Filename() string { return r.name }

// Read takes the oldest bytes out, max at most.
func (r *Ring) Read(max int) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]byte, min(max, r.n))
	c := copy(out, r.buf[r.start:])
	copy(out[c:], r.buf)
	r.start = (r.start + len(out)) % len(r.buf)
	r.n -= len(out)
	return out
}
