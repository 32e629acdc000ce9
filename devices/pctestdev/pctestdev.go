// Package pctestdev is pc-testdev, the board's side of kvm-unit-tests: a register that keeps what ports of all widths write, interrupt
// lines by port, 64 KiB of memory-mapped registers, and a port that makes a page go and come back.
//
// It follows what those tests use of QEMU's device of that name. Its other parts are devices of their own: isa-debug-exit, isa-debugcon.
package pctestdev

import (
	"encoding/binary"
	"fmt"

	"goemu/devices"
)

// Places.
const (
	Port     = 0xe0 // to E3h: the register
	FlushAt  = 0xe4
	BytePort = 0xe8 // to EBh: the register in bytes
	LinePort = 0x2000
	NumLines = 24
	MMIOBase = 0xff00_0000
	MMIOSize = 64 << 10
)

const stateVersion = 1

// State is the saved state.
type State struct {
	Version  int
	Register uint32
	Memory   []byte // MMIOSize bytes
}

// Device is the device.
type Device struct {
	s     State
	line  func(n int, level bool)
	flush func(page uint64)
}

// New returns a device that drives the interrupt lines of the board (as the I/O APIC numbers them) and has flush called with the
// physical address of a page whose mapping is to be forgotten.
func New(line func(n int, level bool), flush func(page uint64)) *Device {
	d := &Device{line: line, flush: flush}
	d.Reset()
	return d
}

// MapInto claims ports and memory.
func (d *Device) MapInto(b devices.PortBus, m devices.MMIOBus) {
	b.MapPorts(Port, 4, d)
	b.MapPorts(FlushAt, 4, flusher{d})
	b.MapPorts(BytePort, 4, narrow{d})
	b.MapPorts(LinePort, NumLines, lines{d})
	m.MapMMIO(MMIOBase, MMIOSize, d)
}

// Name implements devices.Device.
func (d *Device) Name() string { return "pc-testdev" }

// Reset implements devices.Device.
func (d *Device) Reset() { d.s = State{Memory: make([]byte, MMIOSize)} }

// SaveState returns a copy of the state.
func (d *Device) SaveState() State {
	return State{stateVersion, d.s.Register, append([]byte(nil), d.s.Memory...)}
}

// RestoreState takes over a saved state.
func (d *Device) RestoreState(s State) error {
	if s.Version != stateVersion || len(s.Memory) != MMIOSize {
		return fmt.Errorf("pc-testdev state has version %d and %d bytes, want %d and %d", s.Version, len(s.Memory), stateVersion, MMIOSize)
	}
	d.s.Register = s.Register
	copy(d.s.Memory, s.Memory)
	return nil
}

// In implements devices.PortDevice: the register, from a byte on.
func (d *Device) In(port uint16, _ int) uint32 { return d.s.Register >> (8 * (port & 3)) }

// Out implements devices.PortDevice.
func (d *Device) Out(port uint16, size int, v uint32) {
	shift := 8 * (port & 3)
	mask := uint32(1<<(8*size) - 1)
	d.s.Register = d.s.Register&^(mask<<shift) | v&mask<<shift
}

// narrow is the register behind a bus of one byte.
type narrow struct{ *Device }

// MaxPortSize makes wider accesses come as bytes.
func (narrow) MaxPortSize() int { return 1 }

// flusher is the port that a page's address is written to.
type flusher struct{ d *Device }

func (flusher) In(uint16, int) uint32 { return 0 }

func (f flusher) Out(_ uint16, _ int, v uint32) { f.d.flush(uint64(v) &^ 0xfff) }

// lines are the ports of the interrupt lines. A byte that is not 0 raises one.
type lines struct{ d *Device }

func (lines) In(uint16, int) uint32 { return 0 }

func (lines) MaxPortSize() int { return 1 }

func (l lines) Out(port uint16, _ int, v uint32) { l.d.line(int(port-LinePort), v&0xff != 0) }

// ReadMMIO implements devices.MMIODevice.
func (d *Device) ReadMMIO(off uint64, size int) uint64 {
	var p [8]byte
	copy(p[:size], d.s.Memory[off:])
	return binary.LittleEndian.Uint64(p[:])
}

// WriteMMIO implements devices.MMIODevice.
func (d *Device) WriteMMIO(off uint64, size int, v uint64) {
	var p [8]byte
	binary.LittleEndian.PutUint64(p[:], v)
	copy(d.s.Memory[off:], p[:size])
}
