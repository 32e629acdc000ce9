// Package devtest is what tests of devices share: a clock that is moved by
// hand, lines that remember, plain guest memory and a driver for fuzzing ports and MMIO.
package devtest

import (
	"fmt"

	"goemu/devices"
)

// Clock is a devices.Clock that moves only by Advance. The zero value is ready.
type Clock struct {
	now    int64
	timers []*timer
	Fired  int // timer calls so far
}

type timer struct {
	c     *Clock
	fn    func()
	at    int64
	armed bool
}

// Now is guest time in nanoseconds.
func (c *Clock) Now() int64 { return c.now }

// NewTimer makes a stopped timer.
func (c *Clock) NewTimer(fn func()) devices.Timer {
	t := &timer{c: c, fn: fn}
	c.timers = append(c.timers, t)
	return t
}

func (t *timer) At(ns int64) { t.at, t.armed = ns, true }
func (t *timer) Stop()       { t.armed = false }

// Advance moves time on by d nanoseconds; timers fire at exactly their times.
func (c *Clock) Advance(d int64) {
	end := c.now + d
	for {
		t := c.next()
		if t == nil || t.at > end {
			break
		}
		c.now = max(c.now, t.at)
		c.fire(t)
	}
	c.now = end
}

// Jump moves time on by d at once and then lets each timer that is due fire
// once: what happens when the host was late.
func (c *Clock) Jump(d int64) {
	c.now += d
	for _, t := range c.timers {
		if t.armed && t.at <= c.now {
			c.fire(t)
		}
	}
}

// Next is the time of the earliest armed timer; ok is false when there is none.
func (c *Clock) Next() (ns int64, ok bool) {
	if t := c.next(); t != nil {
		return t.at, true
	}
	return 0, false
}

func (c *Clock) next() *timer {
	var n *timer
	for _, t := range c.timers {
		if t.armed && (n == nil || t.at < n.at) {
			n = t
		}
	}
	return n
}

func (c *Clock) fire(t *timer) {
	t.armed = false
	c.Fired++
	t.fn()
}

// Line is a devices.Line that remembers its level and counts rising edges.
type Line struct {
	Level bool
	Rises int
}

// Set sets the level.
func (l *Line) Set(level bool) {
	if level && !l.Level {
		l.Rises++
	}
	l.Level = level
}

// Edges returns the rising edges since the last call.
func (l *Line) Edges() int {
	n := l.Rises
	l.Rises = 0
	return n
}

// Memory is RAM that starts at address 0.
type Memory []byte

// ReadPhys copies memory into p.
func (m Memory) ReadPhys(addr uint64, p []byte) error {
	if addr > uint64(len(m)) || uint64(len(p)) > uint64(len(m))-addr {
		return fmt.Errorf("physical address %#x is not RAM", addr)
	}
	copy(p, m[addr:])
	return nil
}

// WritePhys copies p into memory.
func (m Memory) WritePhys(addr uint64, p []byte) error {
	if addr > uint64(len(m)) || uint64(len(p)) > uint64(len(m))-addr {
		return fmt.Errorf("physical address %#x is not RAM", addr)
	}
	copy(m[addr:], p)
	return nil
}

// Bytes hands out the input of a fuzz target piece by piece.
type Bytes struct {
	p []byte
}

// NewBytes wraps fuzz input.
func NewBytes(p []byte) *Bytes { return &Bytes{p} }

// Len is how many bytes are left.
func (b *Bytes) Len() int { return len(b.p) }

// Byte takes one byte; 0 when there is none.
func (b *Bytes) Byte() byte {
	if len(b.p) == 0 {
		return 0
	}
	v := b.p[0]
	b.p = b.p[1:]
	return v
}

// U32 takes four bytes.
func (b *Bytes) U32() uint32 {
	return uint32(b.Byte()) | uint32(b.Byte())<<8 | uint32(b.Byte())<<16 | uint32(b.Byte())<<24
}

// FuzzPorts reads and writes ports of d at random widths as the input says,
// and moves the clock in between. At most 2,000 steps are made.
func FuzzPorts(in []byte, c *Clock, d devices.PortDevice, ports ...uint16) {
	b := NewBytes(in)
	for n := 0; b.Len() > 0 && n < 2000; n++ {
		op := b.Byte()
		port := ports[int(b.Byte())%len(ports)]
		size := 1 << (op >> 1 & 3)
		if size == 8 {
			size = 1
		}
		switch op & 1 {
		case 0:
			d.In(port, size)
		default:
			d.Out(port, size, b.U32())
		}
		if op&0x80 != 0 {
			step(c, op, b)
		}
	}
}

// FuzzMMIO does the same for a memory-mapped device of the given size.
func FuzzMMIO(in []byte, c *Clock, d devices.MMIODevice, size uint64) {
	b := NewBytes(in)
	for n := 0; b.Len() > 0 && n < 2000; n++ {
		op := b.Byte()
		off := (uint64(b.Byte()) | uint64(b.Byte())<<8) % size
		if op&0x20 != 0 {
			off &^= 0xf
		}
		w := 1 << (op >> 1 & 3)
		switch op & 1 {
		case 0:
			d.ReadMMIO(off, w)
		default:
			d.WriteMMIO(off, w, uint64(b.U32())|uint64(b.U32())<<32)
		}
		if op&0x80 != 0 {
			step(c, op, b)
		}
	}
}

// step moves the clock by up to a second; a device that keeps firing without
// end would hang here.
func step(c *Clock, op byte, b *Bytes) {
	d := int64(b.Byte()) << (op >> 4 & 3 * 7)
	if op&0x40 != 0 {
		c.Jump(d << 9)
		return
	}
	c.Advance(d)
}
