package kvm

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"syscall"
	"unsafe"
)

// VM is a virtual machine: memory, in-kernel devices and processors. Its methods may be called by any goroutine.
type VM struct {
	host *Host
	sys  Sys
	fd   int

	mu     sync.Mutex
	pages  map[uint32]int // of each slot
	routes *routing       // as last set
	line   irqLevel       // of the request that is made, as is
	chip   irqChip
}

// Close gives the machine back once its processors are closed too.
func (m *VM) Close() error { return m.sys.Close(m.fd) }

// ask makes a request with a structure; doing tells what for.
func (m *VM) ask(r Request, p unsafe.Pointer, doing string) error {
	if _, errno := m.sys.Ioctl(m.fd, r, 0, p); errno != 0 {
		return failed(doing, r, errno)
	}
	return nil
}

// askNumber makes a request with a number.
func (m *VM) askNumber(r Request, n uintptr, doing string) error {
	if _, errno := m.sys.Ioctl(m.fd, r, n, nil); errno != 0 {
		return failed(doing, r, errno)
	}
	return nil
}

// Check is Host.Check for this machine, whose capabilities may be fewer (KVM API 4.4, KVM_CAP_CHECK_EXTENSION_VM).
func (m *VM) Check(c Cap) int {
	n, errno := m.sys.Ioctl(m.fd, ReqCheckExtension, uintptr(c), nil)
	if errno != 0 {
		return m.host.Check(c) // a kernel from before that capability
	}
	return n
}

// SetTSSAddr gives KVM three pages of physical address space below 4 GiB for real mode on Intel's processors (KVM API 4.36).
func (m *VM) SetTSSAddr(addr uint32) error {
	return m.askNumber(ReqSetTSSAddr, uintptr(addr), fmt.Sprintf("setting the address of the real mode TSS, %#x", addr))
}

// SetIdentityMapAddr gives KVM one page of physical address space for the same purpose (KVM API 4.40). It must come before any processor.
func (m *VM) SetIdentityMapAddr(addr uint64) error {
	return m.ask(ReqSetIdentityMapAddr, unsafe.Pointer(&addr), fmt.Sprintf("setting the address of the identity map, %#x", addr))
}

// SetBootCPUID chooses the bootstrap processor, before any is made (KVM API 4.41).
func (m *VM) SetBootCPUID(id int) error {
	return m.askNumber(ReqSetBootCPUID, uintptr(id), "making processor "+strconv.Itoa(id)+" the bootstrap processor")
}

// enableCap is struct kvm_enable_cap (KVM API 4.37).
type enableCap struct {
	cap, flags uint32
	args       [4]uint64
	_          [64]byte
}

// EnableCap switches a capability on (KVM API 4.37 and chapter 7).
func (m *VM) EnableCap(c Cap, args ...uint64) error {
	e := enableCap{cap: uint32(c)}
	copy(e.args[:], args)
	return m.ask(ReqEnableCap, unsafe.Pointer(&e), "switching on "+c.String())
}

// Clock is struct kvm_clock_data: the time that kvmclock tells guests (KVM API 4.29 and 4.30).
type Clock struct {
	Nanoseconds uint64
	Flags       uint32
	_           uint32
	RealTime    uint64
	HostTSC     uint64
	_           [4]uint32
}

// Clock reads kvmclock.
func (m *VM) Clock(c *Clock) error { return m.ask(ReqGetClock, unsafe.Pointer(c), "reading kvmclock") }

// SetClock sets kvmclock.
func (m *VM) SetClock(c *Clock) error {
	return m.ask(ReqSetClock, unsafe.Pointer(c), "setting kvmclock")
}

// CreateVCPU makes a processor; id is its APIC id (KVM API 4.7). CPUID, registers and memory come after.
func (m *VM) CreateVCPU(id int) (*VCPU, error) {
	doing := "making processor " + strconv.Itoa(id)
	fd, errno := m.sys.Ioctl(m.fd, ReqCreateVCPU, uintptr(id), nil)
	if errno != 0 {
		e := &Error{doing + " (" + ReqCreateVCPU.String() + ")", errno, advice[errno]}
		if errno == syscall.EINVAL {
			e.Advice = fmt.Sprintf("this KVM has up to %d processors and ids below %d: use a smaller -smp", m.Check(CapMaxVCPUs), m.Check(CapMaxVCPUID))
		}
		return nil, e
	}
	page, err := m.sys.Mmap(fd, m.host.run)
	if err != nil {
		return nil, errors.Join(&Error{doing + " (mmap)", err, advice[syscall.ENOMEM]}, m.sys.Close(fd))
	}
	v := &VCPU{vm: m, sys: m.sys, fd: fd, id: id, page: page, run: (*runPage)(unsafe.Pointer(&page[0]))}
	if n := m.Check(CapCoalescedMMIO); n > 0 && (n+1)*pageSize <= len(page) {
		v.ring = (*coalescedRing)(unsafe.Pointer(&page[n*pageSize]))
	}
	return v, nil
}
