package vnc

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Messages of viewers (RFC 6143 7.5).
const (
	msgSetPixelFormat = 0
	msgSetEncodings   = 2
	msgUpdateRequest  = 3
	msgKey            = 4
	msgPointer        = 5
	msgCutText        = 6
	msgSetDesktopSize = 251
	msgQEMU           = 255
	qemuExtendedKey   = 0
)

const (
	maxCutText = 1 << 20 // bytes of a clipboard, which are skipped
	burst      = 512     // messages that a viewer may send in one interval
)

// rect is a part of the picture.
type rect struct{ x, y, w, h int }

func (r rect) empty() bool { return r.w <= 0 || r.h <= 0 }

func (r rect) clip(w, h int) rect {
	x, y := min(r.x, w), min(r.y, h)
	return rect{x, y, min(r.w, w-x), min(r.h, h-y)}
}

// union is the smallest rectangle that has both.
func (r rect) union(o rect) rect {
	if r.empty() {
		return o
	}
	if o.empty() {
		return r
	}
	x, y := min(r.x, o.x), min(r.y, o.y)
	return rect{x, y, max(r.x+r.w, o.x+o.w) - x, max(r.y+r.h, o.y+o.h) - y}
}

// wishes is what a viewer has asked for.
type wishes struct {
	format   format
	accepts  accepts
	pending  bool // it wants an update
	full     rect // what it wants whatever it has
	changes  rect // what it wants as far as it has changed
	sizeless bool // it has asked for another size, and is to be told that it cannot have one
	news     bool // accepts has changed
}

// client is a viewer.
type client struct {
	s    *Server
	conn net.Conn
	in   *bufio.Reader
	out  *bufio.Writer
	done chan struct{} // its reader has ended
	wake chan struct{} // there may be something to send

	joined, exclusive bool // Server.mu

	mu sync.Mutex
	wishes
	busy    bool // an update is on its way
	input   input
	painter painter
	w, h    int // as the viewer knows them; the writer's after begin
}

// deadlined is a connection whose writes fail after a time.
type deadlined struct{ net.Conn }

func (d deadlined) Write(p []byte) (int, error) {
	if err := d.SetWriteDeadline(time.Now().Add(stall)); err != nil {
		return 0, err
	}
	return d.Conn.Write(p)
}

func newClient(s *Server, conn net.Conn) *client {
	c := &client{s: s, conn: conn, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	c.in, c.out = bufio.NewReader(conn), bufio.NewWriterSize(deadlined{conn}, 64<<10)
	c.input.m = s.m
	return c
}

// drop ends the connection; any goroutine may call it.
func (c *client) drop() { _ = c.conn.Close() } // what it had to say is lost anyway

// What is sent fails at the next Flush if it fails.

func (c *client) u8(v uint8)     { _ = c.out.WriteByte(v) }
func (c *client) u16(v uint16)   { c.u8(uint8(v >> 8)); c.u8(uint8(v)) }
func (c *client) u32(v uint32)   { c.u16(uint16(v >> 16)); c.u16(uint16(v)) }
func (c *client) bytes(p []byte) { _, _ = c.out.Write(p) }
func (c *client) print(s string) { _, _ = c.out.WriteString(s) }

// serve talks to the viewer until it goes or is dropped.
func (c *client) serve() {
	defer c.drop()
	if c.conn.SetReadDeadline(time.Now().Add(handshake)) != nil || c.begin() != nil || c.conn.SetReadDeadline(time.Time{}) != nil {
		return
	}
	var writer sync.WaitGroup
	writer.Add(1)
	go func() {
		defer writer.Done()
		defer c.drop()
		c.write()
	}()
	c.read()
	c.drop()
	close(c.done)
	writer.Wait()
	c.input.release()
}

// read takes the viewer's messages until one is wrong, and no more of them than a person can send.
func (c *client) read() {
	for {
		began := time.Now()
		for range burst {
			if c.message() != nil {
				return
			}
		}
		time.Sleep(interval - time.Since(began))
	}
}

// take reads n bytes, up to 20, which are there until the next call.
func (c *client) take(n int) ([]byte, error) {
	p, err := c.in.Peek(n)
	if err == nil {
		_, err = c.in.Discard(n)
	}
	return p, err
}

// message takes one message.
func (c *client) message() error {
	kind, err := c.in.ReadByte()
	if err != nil {
		return err
	}
	m, ok := messages[kind]
	if !ok {
		return fmt.Errorf("message of type %d", kind)
	}
	p, err := c.take(m.size)
	if err != nil {
		return err
	}
	return m.do(c, p)
}

// messages are those that viewers send, by type: bytes behind the type that each has, and what it does.
var messages = map[uint8]struct {
	size int
	do   func(c *client, p []byte) error
}{
	msgSetPixelFormat: {19, func(c *client, p []byte) error {
		f, err := parseFormat(p[3:])
		c.mu.Lock()
		defer c.mu.Unlock()
		c.format = f
		return err
	}},
	msgSetEncodings:  {3, (*client).setEncodings},
	msgUpdateRequest: {9, (*client).request},
	msgKey: {7, func(c *client, p []byte) error {
		c.input.symbol(binary.BigEndian.Uint32(p[3:]), p[0] != 0, c.s.lamps())
		return nil
	}},
	msgPointer: {5, func(c *client, p []byte) error {
		c.mu.Lock()
		relative := c.accepts.relative
		c.mu.Unlock()
		c.input.pointer(p[0], int(binary.BigEndian.Uint16(p[1:])), int(binary.BigEndian.Uint16(p[3:])), relative)
		return nil
	}},
	msgCutText: {7, func(c *client, p []byte) error {
		n := binary.BigEndian.Uint32(p[3:])
		if n > maxCutText {
			return fmt.Errorf("a clipboard of %d bytes", n)
		}
		_, err := io.CopyN(io.Discard, c.in, int64(n))
		return err
	}},
	msgSetDesktopSize: {7, func(c *client, p []byte) error {
		if _, err := io.CopyN(io.Discard, c.in, 16*int64(p[5])); err != nil {
			return err
		}
		c.mu.Lock()
		c.sizeless = true
		c.mu.Unlock()
		signal(c.s.kick)
		return nil
	}},
	msgQEMU: {1, func(c *client, p []byte) error {
		if p[0] != qemuExtendedKey {
			return errors.New("an unknown message of QEMU's")
		}
		p, err := c.take(10)
		if err != nil {
			return err
		}
		down, symbol, code := binary.BigEndian.Uint16(p) != 0, binary.BigEndian.Uint32(p[2:]), binary.BigEndian.Uint32(p[6:])
		if code == 0 {
			c.input.symbol(symbol, down, c.s.lamps())
		} else {
			c.input.code(code, down)
		}
		return nil
	}},
}

func (c *client) setEncodings(p []byte) error {
	var a accepts
	for range binary.BigEndian.Uint16(p[1:]) {
		e, err := c.take(4)
		if err != nil {
			return err
		}
		a.add(int32(binary.BigEndian.Uint32(e)))
	}
	c.mu.Lock()
	c.accepts, c.news = a, true
	c.mu.Unlock()
	signal(c.s.kick)
	return nil
}

func (c *client) request(p []byte) error {
	n := func(i int) int { return int(binary.BigEndian.Uint16(p[i:])) }
	r := rect{n(1), n(3), n(5), n(7)}
	c.mu.Lock()
	c.pending = true
	if p[0] == 0 {
		c.full = c.full.union(r)
	} else {
		c.changes = c.changes.union(r)
	}
	c.mu.Unlock()
	signal(c.s.kick)
	return nil
}

// waits tells whether the viewer can take something at once.
func (c *client) waits() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.busy && (c.pending || c.news || c.sizeless)
}

func (s *Server) lamps() uint8 {
	s.screen.RLock()
	defer s.screen.RUnlock()
	return s.screen.lamps
}
