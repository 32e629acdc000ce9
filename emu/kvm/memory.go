package kvm

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"
)

// pageSize is that of x86 and of slots.
const pageSize = 4096

// Flags of a slot (KVM API 4.35).
const (
	LogDirty = 1 << 0 // keep a log of pages written, for DirtyLog
	ReadOnly = 1 << 1 // writes are MMIO exits
)

// memoryRegion is struct kvm_userspace_memory_region.
type memoryRegion struct {
	slot, flags uint32
	guest, size uint64
	user        uint64
}

// Slot is a range of guest physical memory.
type Slot struct {
	Number uint32
	Flags  uint32
	Guest  uint64 // physical address, a multiple of a page
	Memory []byte // whole pages outside the Go heap; nil removes the slot
}

// SetMemory makes, changes or removes a slot (KVM API 4.35). Of a slot that is there, its flags and its place can be changed, but its size
// cannot: it must be removed first.
func (m *VM) SetMemory(s Slot) error {
	r := memoryRegion{slot: s.Number, flags: s.Flags, guest: s.Guest, size: uint64(len(s.Memory))}
	if len(s.Memory) == 0 {
		r.flags = 0
	} else {
		r.user = uint64(uintptr(unsafe.Pointer(&s.Memory[0])))
	}
	if (r.guest|r.size|r.user)%pageSize != 0 {
		return &Error{s.doing(), errors.New("address, size and place must be whole pages"), ""}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, errno := m.sys.Ioctl(m.fd, ReqSetUserMemoryRegion, 0, unsafe.Pointer(&r))
	if errno == 0 {
		m.pages[s.Number] = len(s.Memory) / pageSize
		return nil
	}
	e := &Error{s.doing() + " (" + ReqSetUserMemoryRegion.String() + ")", errno, advice[errno]}
	switch {
	case errno == syscall.EEXIST:
		e.Advice = "another slot has some of these addresses"
	case errno == syscall.EINVAL && int(s.Number&0xffff) >= m.Check(CapNrMemSlots):
		e.Advice = fmt.Sprintf("this KVM has %d slots", m.Check(CapNrMemSlots))
	case errno == syscall.EINVAL && s.Flags&ReadOnly != 0 && m.Check(CapReadonlyMem) <= 0:
		e.Advice = "this KVM has no slots that are read only"
	}
	return e
}

// doing is what SetMemory does, for errors.
func (s Slot) doing() string {
	if len(s.Memory) == 0 {
		return fmt.Sprintf("removing memory slot %d", s.Number)
	}
	kind := ""
	if s.Flags&ReadOnly != 0 {
		kind = " read only"
	}
	return fmt.Sprintf("memory slot %d,%s %#x bytes at %#x", s.Number, kind, len(s.Memory), s.Guest)
}

// dirtyLog is struct kvm_dirty_log.
type dirtyLog struct {
	slot, _ uint32
	bitmap  unsafe.Pointer
}

// DirtyLog reads and clears the log of a slot: a bit a page, the first in bit 0 of bitmap[0] (KVM API 4.8). The bitmap has a word for each
// 64 pages of the slot or part of that.
func (m *VM) DirtyLog(slot uint32, bitmap []uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if want := (m.pages[slot] + 63) / 64; len(bitmap) < max(want, 1) {
		return &Error{fmt.Sprintf("the dirty log of memory slot %d", slot), fmt.Errorf("a bitmap of %d words, not %d", len(bitmap), want), ""}
	}
	d := dirtyLog{slot: slot, bitmap: unsafe.Pointer(&bitmap[0])}
	if _, errno := m.sys.Ioctl(m.fd, ReqGetDirtyLog, 0, unsafe.Pointer(&d)); errno != 0 {
		e := &Error{fmt.Sprintf("the dirty log of memory slot %d (%s)", slot, ReqGetDirtyLog), errno, advice[errno]}
		if errno == syscall.ENOENT {
			e.Advice = "there is no such slot, or it keeps no log"
		}
		return e
	}
	return nil
}
