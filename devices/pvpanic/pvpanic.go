// Package pvpanic is the device by which a guest says that it has panicked: one byte, at a port or in a PCI function's memory.
//
// It follows its specification in QEMU's documentation ("PVPANIC device"): reading tells which events are understood, writing is an event.
package pvpanic

import (
	"goemu/devices"
	"goemu/devices/pci"
)

// DefaultPort is the usual port.
const DefaultPort = 0x505

// Events.
const (
	Panicked    = 1 << 0 // the guest has panicked and does no more
	CrashLoaded = 1 << 1 // it has panicked, and a crash kernel takes over
	AllEvents   = Panicked | CrashLoaded
)

// barSize is the smallest that PCI allows for memory.
const barSize = 16

// Device is the register.
type Device struct {
	events  uint8
	onEvent func(event uint8)
}

// New returns a device that understands events and tells them.
func New(events uint8, onEvent func(event uint8)) *Device { return &Device{events, onEvent} }

// MapInto claims the port.
func (d *Device) MapInto(b devices.PortBus, port uint16) { b.MapPorts(port, 1, d) }

// MaxPortSize makes wider accesses come as bytes.
func (d *Device) MaxPortSize() int { return 1 }

// In implements devices.PortDevice.
func (d *Device) In(uint16, int) uint32 { return uint32(d.events) }

// Out implements devices.PortDevice. Events that are not understood are ignored.
func (d *Device) Out(_ uint16, _ int, v uint32) {
	if event := uint8(v) & d.events; event != 0 && d.onEvent != nil {
		d.onEvent(event)
	}
}

// ReadMMIO implements devices.MMIODevice.
func (d *Device) ReadMMIO(off uint64, _ int) uint64 {
	if off != 0 {
		return 0
	}
	return uint64(d.events)
}

// WriteMMIO implements devices.MMIODevice.
func (d *Device) WriteMMIO(off uint64, _ int, v uint64) {
	if off == 0 {
		d.Out(0, 1, uint32(v))
	}
}

// NewPCI returns a PCI function with the register in BAR 0.
func NewPCI(d *Device) *pci.Function {
	f := pci.NewFunction("pvpanic-pci", 0x1b36, 0x0011, 1, 0x088000)
	f.SetBAR(0, pci.BAR{Size: barSize, MMIO: d})
	return f
}
