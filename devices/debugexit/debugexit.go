// Package debugexit is the debug exit of emulators: a write to its ports ends the machine with a
// status that the guest chooses, for tests.
package debugexit

import (
	"fmt"

	"goemu/devices"
)

// Where the device is unless told otherwise.
const (
	DefaultBase = 0x501
	DefaultSize = 2
)

// Exit is a debug exit device.
type Exit struct {
	base   uint16
	size   int
	onExit func(status int)
}

// New returns a device of size (1 to 4) ports at base that calls onExit with the process status
// for each value v written: v<<1 | 1.
func New(base uint16, size int, onExit func(status int)) (*Exit, error) {
	if size < 1 || size > 4 || int(base)+size > 1<<16 {
		return nil, fmt.Errorf("isa-debug-exit: iobase %#x iosize %d: want 1 to 4 ports below 65536", base, size)
	}
	return &Exit{base, size, onExit}, nil
}

// MapInto claims the ports.
func (e *Exit) MapInto(b devices.PortBus) { b.MapPorts(e.base, e.size, e) }

// Name implements devices.Device.
func (e *Exit) Name() string { return "isa-debug-exit" }

// Reset implements devices.Device; there is no state.
func (e *Exit) Reset() {}

// In reads 0.
func (e *Exit) In(uint16, int) uint32 { return 0 }

// Out ends the machine.
func (e *Exit) Out(_ uint16, _ int, v uint32) {
	if e.onExit != nil {
		e.onExit(int(v)<<1 | 1)
	}
}
