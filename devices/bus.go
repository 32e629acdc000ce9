// Package devices holds what all devices share: the buses they sit on, their
// interrupt lines and their clock. Devices know these, never a CPU.
//
// All methods are called with the machine's lock held (one goroutine at a time), unless they say otherwise.
package devices

// Line is an interrupt (or reset, or NMI) line.
type Line interface {
	Set(level bool)
}

// LineFunc makes a Line of a function.
type LineFunc func(level bool)

// Set calls f.
func (f LineFunc) Set(level bool) { f(level) }

// PortDevice answers port I/O. size is 1, 2 or 4 bytes; values are little-endian in the low bytes.
type PortDevice interface {
	In(port uint16, size int) uint32
	Out(port uint16, size int, v uint32)
}

// MMIODevice answers memory-mapped I/O. off counts from the start of the region; size is 1, 2, 4 or 8 bytes.
type MMIODevice interface {
	ReadMMIO(off uint64, size int) uint64
	WriteMMIO(off uint64, size int, v uint64)
}

// PortBus is where devices claim ports. A port claimed twice goes to the newest claim.
type PortBus interface {
	MapPorts(first uint16, count int, d PortDevice)
	UnmapPorts(first uint16, count int)
}

// MMIOBus is where devices claim physical memory.
type MMIOBus interface {
	MapMMIO(base, size uint64, d MMIODevice)
	// MapRAM claims it for memory that the processor reaches directly: whole pages, page-aligned. UnmapMMIO takes it back.
	MapRAM(base uint64, p []byte, readOnly bool)
	UnmapMMIO(base, size uint64)
}

// Memory is guest-physical memory as a bus master sees it. Errors name the address that is not RAM.
type Memory interface {
	ReadPhys(addr uint64, p []byte) error
	WritePhys(addr uint64, p []byte) error
}

// Clock is guest time: nanoseconds since the machine was made. It stands still while the machine is stopped.
type Clock interface {
	Now() int64
	// NewTimer makes a stopped timer; fn runs with the machine's lock held.
	NewTimer(fn func()) Timer
}

// Timer calls its function once when guest time reaches At.
type Timer interface {
	At(ns int64) // arms, or moves; a time that has passed fires soon
	Stop()
}

// Device is what every device offers its board.
type Device interface {
	Name() string
	Reset() // to the state after power-on
}
