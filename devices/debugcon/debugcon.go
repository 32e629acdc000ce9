// Package debugcon is the debug console of emulators: a port to which guests
// write text, and which reads as E9h so that they can find it.
package debugcon

import (
	"io"

	"goemu/devices"
)

// DefaultBase is the usual port.
const DefaultBase = 0xe9

// ID is what the port reads as unless told otherwise.
const ID = 0xe9

// Console is a debug console.
type Console struct {
	w   io.Writer
	id  uint8
	buf [1]byte
}

// New returns a console that writes to w (nil discards) and reads as id.
func New(w io.Writer, id uint8) *Console { return &Console{w: w, id: id} }

// MapInto claims the port base.
func (c *Console) MapInto(b devices.PortBus, base uint16) { b.MapPorts(base, 1, c) }

// Name implements devices.Device.
func (c *Console) Name() string { return "isa-debugcon" }

// Reset implements devices.Device; there is no state.
func (c *Console) Reset() {}

// MaxPortSize makes wider accesses come as bytes.
func (c *Console) MaxPortSize() int { return 1 }

// In reads the ID.
func (c *Console) In(uint16, int) uint32 { return uint32(c.id) }

// Out writes one character. Errors of the writer are ignored: the guest cannot see them.
func (c *Console) Out(_ uint16, _ int, v uint32) {
	if c.w != nil {
		c.buf[0] = byte(v)
		_, _ = c.w.Write(c.buf[:])
	}
}
