package kvm

import (
	"fmt"
	"unsafe"
)

// irqFD is struct kvm_irqfd.
type irqFD struct {
	fd, gsi, flags, resample uint32
	_                        [16]uint8
}

// Flags of irqFD.
const (
	irqFDDeassign = 1 << 0
	irqFDResample = 1 << 1
)

// IRQFD makes writes to an eventfd interrupts of a line (KVM API 4.75). With resample, another eventfd or -1, the line is level-triggered and
// falls at the guest's EOI, which signals resample.
func (m *VM) IRQFD(fd int, gsi uint32, resample int) error {
	f := irqFD{fd: uint32(fd), gsi: gsi}
	if resample >= 0 {
		f.flags, f.resample = irqFDResample, uint32(resample)
	}
	return m.ask(ReqIRQFD, unsafe.Pointer(&f), fmt.Sprintf("binding an eventfd to interrupt line %d", gsi))
}

// RemoveIRQFD ends it.
func (m *VM) RemoveIRQFD(fd int, gsi uint32) error {
	f := irqFD{fd: uint32(fd), gsi: gsi, flags: irqFDDeassign}
	return m.ask(ReqIRQFD, unsafe.Pointer(&f), fmt.Sprintf("taking an eventfd from interrupt line %d", gsi))
}

// ioEventFD is struct kvm_ioeventfd.
type ioEventFD struct {
	match, addr uint64
	length      uint32
	fd          int32
	flags       uint32
	_           [36]uint8
}

// Flags of ioEventFD.
const (
	ioEventMatch    = 1 << 0
	ioEventPIO      = 1 << 1
	ioEventDeassign = 1 << 2
)

// Doorbell is a guest's write that signals an eventfd in place of an exit (KVM API 4.59).
type Doorbell struct {
	FD     int
	Port   bool // Addr is a port
	Addr   uint64
	Length uint32 // bytes, 0: any
	Match  bool   // only writes of Value
	Value  uint64
}

// IOEventFD adds a doorbell.
func (m *VM) IOEventFD(d Doorbell) error { return m.doorbell(d, 0, "a doorbell") }

// RemoveIOEventFD takes it away again.
func (m *VM) RemoveIOEventFD(d Doorbell) error {
	return m.doorbell(d, ioEventDeassign, "removing the doorbell")
}

func (m *VM) doorbell(d Doorbell, flags uint32, doing string) error {
	e := ioEventFD{match: d.Value, addr: d.Addr, length: d.Length, fd: int32(d.FD), flags: flags}
	space := "memory"
	if d.Port {
		space = "port"
		e.flags |= ioEventPIO
	}
	if d.Match {
		e.flags |= ioEventMatch
	}
	return m.ask(ReqIOEventFD, unsafe.Pointer(&e), fmt.Sprintf("%s at %s %#x, %d bytes", doing, space, d.Addr, d.Length))
}
