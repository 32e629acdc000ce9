package kvm

import (
	"errors"
	"fmt"
	"strconv"
	"syscall"
	"unsafe"
)

// CreateIRQChip makes in-kernel interrupt controllers: two 8259A, an I/O APIC, and a local APIC in each processor made later (KVM API 4.24).
func (m *VM) CreateIRQChip() error {
	return m.askNumber(ReqCreateIRQChip, 0, "making the in-kernel interrupt controllers")
}

// SplitIRQChip makes in-kernel local APICs alone, for an I/O APIC of the caller's with that many pins (KVM API 7.5, KVM_CAP_SPLIT_IRQCHIP).
func (m *VM) SplitIRQChip(pins int) error { return m.EnableCap(CapSplitIRQChip, uint64(pins)) }

// irqLevel is struct kvm_irq_level.
type irqLevel struct{ irq, level uint32 }

// IRQLine sets the level of a line into the in-kernel interrupt controllers (KVM API 4.25).
func (m *VM) IRQLine(gsi uint32, high bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.line = irqLevel{irq: gsi}
	if high {
		m.line.level = 1
	}
	if _, errno := m.sys.Ioctl(m.fd, ReqIRQLine, 0, unsafe.Pointer(&m.line)); errno != 0 {
		return failed("setting interrupt line "+strconv.Itoa(int(gsi)), ReqIRQLine, errno)
	}
	return nil
}

// Chip is one of the in-kernel controllers.
type Chip uint32

// The controllers.
const (
	ChipMaster Chip = iota
	ChipSlave
	ChipIOAPIC
)

// irqChip is struct kvm_irqchip.
type irqChip struct {
	chip Chip
	_    uint32
	data [512]byte
}

// PIC is struct kvm_pic_state: an 8259A and its half of the ELCR.
type PIC struct {
	LastIRR, IRR, IMR, ISR    uint8
	PriorityAdd, Base         uint8
	ReadISR, Poll             uint8
	SpecialMask, InitState    uint8
	AutoEOI, RotateOnAutoEOI  uint8
	SpecialFullyNested, Init4 uint8
	ELCR, ELCRMask            uint8
}

// IOAPIC is struct kvm_ioapic_state.
type IOAPIC struct {
	Base         uint64
	Select, ID   uint32
	IRR, _       uint32
	Redirections [24]uint64
}

// chipState reads or sets a controller whose structure is at p, with the machine's memory for it, so that nothing is allocated.
func (m *VM) chipState(r Request, c Chip, p []byte, doing string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &m.chip
	*s = irqChip{chip: c}
	if r == ReqSetIRQChip {
		copy(s.data[:], p)
	}
	err := m.ask(r, unsafe.Pointer(s), doing)
	if r == ReqGetIRQChip && err == nil {
		copy(p, s.data[:])
	}
	return err
}

func (p *PIC) bytes() []byte    { return (*[unsafe.Sizeof(PIC{})]byte)(unsafe.Pointer(p))[:] }
func (a *IOAPIC) bytes() []byte { return (*[unsafe.Sizeof(IOAPIC{})]byte)(unsafe.Pointer(a))[:] }

// PIC reads an 8259A (KVM API 4.26). With an error p stays as it was, as with IOAPIC.
func (m *VM) PIC(c Chip, p *PIC) error {
	return m.chipState(ReqGetIRQChip, c, p.bytes(), "reading an 8259A")
}

// SetPIC sets it (KVM API 4.27).
func (m *VM) SetPIC(c Chip, p *PIC) error {
	return m.chipState(ReqSetIRQChip, c, p.bytes(), "setting an 8259A")
}

// IOAPIC reads the I/O APIC (KVM API 4.26).
func (m *VM) IOAPIC(a *IOAPIC) error {
	return m.chipState(ReqGetIRQChip, ChipIOAPIC, a.bytes(), "reading the I/O APIC")
}

// SetIOAPIC sets it (KVM API 4.27).
func (m *VM) SetIOAPIC(a *IOAPIC) error {
	return m.chipState(ReqSetIRQChip, ChipIOAPIC, a.bytes(), "setting the I/O APIC")
}

// LAPIC is struct kvm_lapic_state: the registers of a local APIC as in its page.
type LAPIC [0x400]byte

// LAPIC reads the in-kernel local APIC (KVM API 4.57).
func (v *VCPU) LAPIC(a *LAPIC) error {
	return v.ask(ReqGetLAPIC, unsafe.Pointer(a), "reading the local APIC")
}

// SetLAPIC sets it (KVM API 4.58).
func (v *VCPU) SetLAPIC(a *LAPIC) error {
	return v.ask(ReqSetLAPIC, unsafe.Pointer(a), "setting the local APIC")
}

// pitConfig is struct kvm_pit_config.
type pitConfig struct {
	flags uint32
	_     [15]uint32
}

// PITSpeakerDummy is the flag of CreatePIT that makes port 0x61 part of it.
const PITSpeakerDummy = 1 << 0

// CreatePIT makes an in-kernel 8254, after CreateIRQChip (KVM API 4.71).
func (m *VM) CreatePIT(flags uint32) error {
	c := pitConfig{flags: flags}
	return m.ask(ReqCreatePIT2, unsafe.Pointer(&c), "making the in-kernel 8254")
}

// PITChannel is struct kvm_pit_channel_state.
type PITChannel struct {
	Count                               uint32 // up to 65536
	Latched                             uint16
	CountLatched, StatusLatched, Status uint8
	ReadState, WriteState, WriteLatch   uint8
	RWMode, Mode, BCD, Gate             uint8
	LoadTime                            int64 // ns
}

// PIT is struct kvm_pit_state2.
type PIT struct {
	Channels [3]PITChannel
	Flags    uint32
	_        [9]uint32
}

// PIT reads the in-kernel 8254 (KVM API 4.72).
func (m *VM) PIT(p *PIT) error { return m.ask(ReqGetPIT2, unsafe.Pointer(p), "reading the 8254") }

// SetPIT sets it (KVM API 4.73).
func (m *VM) SetPIT(p *PIT) error { return m.ask(ReqSetPIT2, unsafe.Pointer(p), "setting the 8254") }

// MSI is struct kvm_msi.
type MSI struct {
	AddressLow, AddressHigh uint32
	Data                    uint32
	Flags, DeviceID         uint32
	_                       [12]uint8
}

// SignalMSI sends a message to the in-kernel local APICs; delivered is false if the guest blocks it (KVM API 4.71).
func (m *VM) SignalMSI(s *MSI) (delivered bool, err error) {
	n, errno := m.sys.Ioctl(m.fd, ReqSignalMSI, 0, unsafe.Pointer(s))
	switch errno {
	case 0:
	case syscall.EPERM: // -1 in the kernel: it is nobody's
		return false, nil
	default:
		return false, failed(fmt.Sprintf("sending MSI %#x to %#x", s.Data, s.AddressLow), ReqSignalMSI, errno)
	}
	return n > 0, nil
}

// maxRoutes is KVM's own limit.
const maxRoutes = 4096

// Route is struct kvm_irq_routing_entry: where an interrupt line or eventfd leads. See ChipRoute and MSIRoute.
type Route struct {
	GSI   uint32
	Type  uint32
	Flags uint32
	_     uint32
	U     [8]uint32
}

// Types of routes.
const (
	routeChip = 1
	routeMSI  = 2
)

// ChipRoute leads to a pin of an in-kernel controller.
func ChipRoute(gsi uint32, c Chip, pin uint32) Route {
	return Route{GSI: gsi, Type: routeChip, U: [8]uint32{uint32(c), pin}}
}

// MSIRoute sends a message.
func MSIRoute(gsi uint32, address uint64, data uint32) Route {
	return Route{GSI: gsi, Type: routeMSI, U: [8]uint32{uint32(address), uint32(address >> 32), data}}
}

// routing is struct kvm_irq_routing with room.
type routing struct {
	n, flags uint32
	entries  [maxRoutes]Route
}

// SetGSIRouting replaces all routes (KVM API 4.52). Only the first call allocates.
func (m *VM) SetGSIRouting(routes []Route) error {
	if len(routes) > maxRoutes {
		return &Error{"setting interrupt routes", errors.New(strconv.Itoa(len(routes)) + " routes, not more than " + strconv.Itoa(maxRoutes)), ""}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.routes == nil {
		m.routes = new(routing)
	}
	r := m.routes
	r.n = uint32(copy(r.entries[:], routes))
	return m.ask(ReqSetGSIRouting, unsafe.Pointer(r), "setting interrupt routes")
}
