package kvm

import (
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// coalescedZone is struct kvm_coalesced_mmio_zone.
type coalescedZone struct {
	addr      uint64
	size, pio uint32
}

// coalescedWrite is struct kvm_coalesced_mmio.
type coalescedWrite struct {
	addr        uint64
	length, pio uint32
	data        [8]byte
}

// coalescedRing is struct kvm_coalesced_mmio_ring, in its page: the kernel writes at last, the program reads from first.
type coalescedRing struct {
	first, last uint32
	writes      [ringSize]coalescedWrite
}

// ringSize is KVM_COALESCED_MMIO_MAX.
const ringSize = (pageSize - 8) / unsafe.Sizeof(coalescedWrite{})

// Coalesce lets KVM collect writes to a range of memory, or of ports, without exits (KVM API 4.116). They are taken with VCPU.Coalesced, in order,
// before anything that the guest's later accesses depend on.
func (m *VM) Coalesce(addr uint64, size uint32, ports bool) error {
	return m.zone(ReqRegisterCoalescedMMIO, addr, size, ports, "collecting writes to")
}

// StopCoalescing ends it for ranges within this one.
func (m *VM) StopCoalescing(addr uint64, size uint32, ports bool) error {
	return m.zone(ReqUnregisterCoalescedMMIO, addr, size, ports, "no longer collecting writes to")
}

func (m *VM) zone(r Request, addr uint64, size uint32, ports bool, doing string) error {
	z := coalescedZone{addr: addr, size: size}
	c, kind := CapCoalescedMMIO, "memory"
	if ports {
		z.pio, c, kind = 1, CapCoalescedPIO, "ports"
	}
	doing = fmt.Sprintf("%s %s %#x, %#x bytes", doing, kind, addr, size)
	if m.Check(c) <= 0 {
		return &Error{doing, errors.ErrUnsupported, "this host's KVM lacks " + c.String()}
	}
	return m.ask(r, unsafe.Pointer(&z), doing)
}

// Coalesced gives the writes that were collected, oldest first, and forgets them. The data is only good during the call.
func (v *VCPU) Coalesced(take func(addr uint64, data []byte, port bool)) {
	if v.ring == nil {
		return
	}
	for range ringSize {
		first := v.ring.first
		if first >= uint32(ringSize) || first == atomic.LoadUint32(&v.ring.last) {
			return
		}
		w := &v.ring.writes[first]
		take(w.addr, w.data[:min(w.length, 8)], w.pio != 0)
		atomic.StoreUint32(&v.ring.first, (first+1)%uint32(ringSize))
	}
}
