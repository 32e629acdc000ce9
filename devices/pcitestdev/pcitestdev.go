// Package pcitestdev is pci-testdev, a PCI function for tests of low-level I/O: registers in memory and in ports that count writes.
//
// It follows its specification in QEMU's documentation ("QEMU PCI test device"). A test is chosen by number; the header then says where to write what,
// and counts. The three tests of each BAR differ in how a host may be told of the write, which here is always at once. BAR 2 can be a 64-bit memory BAR of any size
// with nothing behind it, for tests of allocation.
package pcitestdev

import (
	"encoding/binary"
	"fmt"

	"goemu/devices/pci"
)

const (
	stateVersion = 1
	memSize      = 4096
	portSize     = 256
	numTests     = 3 // of each BAR
)

// Header, by offset.
const (
	hdrTest   = 0
	hdrWidth  = 1
	hdrOffset = 4
	hdrData   = 8
	hdrCount  = 12
	hdrName   = 16
)

// tests say what to write and whether other values do not count.
var tests = [numTests]struct {
	name  string
	data  uint8
	match bool
}{
	{"no-eventfd", 0xfa, false},
	{"wildcard-eventfd", 0xce, false},
	{"datamatch-eventfd", 0xfa, true},
}

// State is the saved state.
type State struct {
	Version  int
	Function pci.FunctionState
	Test     [2]int // the test that runs in each BAR; -1: none
	Count    [2]uint32
}

// Device is the device.
type Device struct {
	*pci.Function
	bars [2]bar
}

// bar is one of the two BARs with tests.
type bar struct {
	kind  string
	first int    // number of its first test
	at    uint64 // where its tests write, less their number
	test  int
	count uint32
}

// New returns a device. membar is the size of BAR 2, a power of two of at least 16 bytes; 0: it is not there.
func New(membar uint64) (*Device, error) {
	d := &Device{Function: pci.NewFunction("pci-testdev", 0x1b36, 0x0005, 0, 0x00ff00)}
	d.bars = [2]bar{{kind: "mmio", at: memSize / 2}, {kind: "portio", first: numTests, at: portSize / 2}}
	d.SetBAR(0, pci.BAR{Size: memSize, MMIO: &d.bars[0]})
	d.SetBAR(1, pci.BAR{Size: portSize, Ports: &d.bars[1]})
	if membar != 0 {
		if membar < 16 || membar&(membar-1) != 0 {
			return nil, fmt.Errorf("a BAR of %d bytes: want a power of two, at least 16", membar)
		}
		d.SetBAR(2, pci.BAR{Size: membar, MMIO: nothing{}, Mem64: true, Prefetch: true})
	}
	return d, nil
}

// Reset implements devices.Device.
func (d *Device) Reset() {
	for i := range d.bars {
		d.bars[i].test, d.bars[i].count = -1, 0
	}
	d.Function.Reset()
}

// SaveState returns a copy of the state.
func (d *Device) SaveState() State {
	return State{stateVersion, d.Function.SaveState(), [2]int{d.bars[0].test, d.bars[1].test}, [2]uint32{d.bars[0].count, d.bars[1].count}}
}

// RestoreState takes over a saved state.
func (d *Device) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("pci-testdev state has version %d, want %d", s.Version, stateVersion)
	}
	for _, t := range s.Test {
		if t < -1 || t >= numTests {
			return fmt.Errorf("pci-testdev state has test %d", t)
		}
	}
	for i := range d.bars {
		d.bars[i].test, d.bars[i].count = s.Test[i], s.Count[i]
	}
	return d.Function.RestoreState(s.Function)
}

// header is a byte of the header.
func (b *bar) header(off uint64) uint8 {
	if b.test < 0 {
		return 0
	}
	var h [64]byte
	number := b.first + b.test
	h[hdrTest], h[hdrWidth] = uint8(number), 1
	binary.LittleEndian.PutUint32(h[hdrOffset:], uint32(b.at)+uint32(number))
	h[hdrData] = tests[b.test].data
	binary.LittleEndian.PutUint32(h[hdrCount:], b.count)
	n := hdrName + copy(h[hdrName:], b.kind)
	n += copy(h[n:], "-")
	copy(h[n:], tests[b.test].name)
	if off >= uint64(len(h)) {
		return 0
	}
	return h[off]
}

// ReadMMIO implements devices.MMIODevice.
func (b *bar) ReadMMIO(off uint64, size int) uint64 {
	var v uint64
	for i := range uint64(size) {
		v |= uint64(b.header(off+i)) << (8 * i)
	}
	return v
}

// WriteMMIO implements devices.MMIODevice.
func (b *bar) WriteMMIO(off uint64, _ int, v uint64) {
	switch {
	case off == hdrTest:
		b.test, b.count = -1, 0
		if t := uint8(v); t < numTests {
			b.test = int(t)
		}
	case b.test < 0 || off != b.at+uint64(b.first+b.test):
	case !tests[b.test].match || uint8(v) == tests[b.test].data:
		b.count++
	}
}

// In implements devices.PortDevice.
func (b *bar) In(port uint16, size int) uint32 {
	return uint32(b.ReadMMIO(uint64(port)&(portSize-1), size))
}

// Out implements devices.PortDevice.
func (b *bar) Out(port uint16, size int, v uint32) {
	b.WriteMMIO(uint64(port)&(portSize-1), size, uint64(v))
}

// nothing is behind BAR 2.
type nothing struct{}

func (nothing) ReadMMIO(uint64, int) uint64   { return 0 }
func (nothing) WriteMMIO(uint64, int, uint64) {}
