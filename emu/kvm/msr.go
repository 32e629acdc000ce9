package kvm

import (
	"errors"
	"fmt"
	"unsafe"
)

// maxMSRs is more than KVM has in a list, and what one request can take.
const maxMSRs = 512

// MSR is struct kvm_msr_entry.
type MSR struct {
	Index uint32
	_     uint32
	Data  uint64
}

// msrs is struct kvm_msrs with room.
type msrs struct {
	n, _    uint32
	entries [maxMSRs]MSR
}

// msrList is struct kvm_msr_list with room.
type msrList struct {
	n       uint32
	indices [maxMSRs]uint32
}

// maxMSRRanges is how many ranges a filter has.
const maxMSRRanges = 16

// msrRange is struct kvm_msr_filter_range: MSRs, with a bit each that is set if KVM answers accesses.
type msrRange struct {
	flags, n, base uint32
	_              uint32
	bitmap         unsafe.Pointer
}

// msrFilter is struct kvm_msr_filter.
type msrFilter struct {
	flags, _ uint32
	ranges   [maxMSRRanges]msrRange
}

// FilterMSRs has accesses of all processors to these MSRs be exits, 16 of them at most, and no others (KVM API 4.97). Exits of the reason MSRFiltered must be on. KVM has no
// filter for x2APIC registers.
func (m *VM) FilterMSRs(list ...uint32) error {
	const doing, reads, writes = "choosing MSRs", 1 << 0, 1 << 1
	if len(list) > maxMSRRanges {
		return &Error{doing, fmt.Errorf("%d are too many", len(list)), ""}
	}
	var none uint64
	f := &msrFilter{}
	for i, n := range list {
		f.ranges[i] = msrRange{flags: reads | writes, n: 1, base: n, bitmap: unsafe.Pointer(&none)}
	}
	return m.ask(ReqSetMSRFilter, unsafe.Pointer(f), doing)
}

// MSRs lists the MSRs of a guest that have state which can be read and set (KVM API 4.3).
func (h *Host) MSRs() ([]uint32, error) { return h.list(ReqGetMSRIndexList, "listing MSRs") }

// FeatureMSRs lists those that tell of KVM's features (KVM API 4.3).
func (h *Host) FeatureMSRs() ([]uint32, error) {
	return h.list(ReqGetMSRFeatureIndexList, "listing MSRs that tell of features")
}

func (h *Host) list(r Request, doing string) ([]uint32, error) {
	l := &msrList{n: maxMSRs}
	if _, errno := h.sys.Ioctl(h.fd, r, 0, unsafe.Pointer(l)); errno != 0 {
		return nil, failed(doing, r, errno)
	}
	if l.n > maxMSRs {
		return nil, &Error{doing, fmt.Errorf("there are %d", l.n), ""}
	}
	return l.indices[:l.n], nil
}

// MSRs reads MSRs, all or as far as the first that KVM refuses; n is how many it read (KVM API 4.18).
func (v *VCPU) MSRs(m []MSR) (n int, err error) {
	n, err = v.transfer(ReqGetMSRs, m, "reading")
	copy(m[:n], v.msrs.entries[:])
	return n, err
}

// SetMSRs sets MSRs in order, all or as far as the first that KVM refuses; n is how many it set (KVM API 4.19).
func (v *VCPU) SetMSRs(m []MSR) (n int, err error) { return v.transfer(ReqSetMSRs, m, "setting") }

// ErrMSR is the reason when KVM stops at an MSR.
var ErrMSR = errors.New("KVM refuses this MSR or its value")

func (v *VCPU) transfer(r Request, m []MSR, doing string) (int, error) {
	if len(m) > maxMSRs {
		return 0, &Error{fmt.Sprintf("%s %d MSRs", doing, len(m)), fmt.Errorf("not more than %d at once", maxMSRs), ""}
	}
	v.msrs.n = uint32(copy(v.msrs.entries[:], m))
	n, errno := v.sys.Ioctl(v.fd, r, 0, unsafe.Pointer(&v.msrs))
	if errno != 0 {
		return 0, v.failed(r, errno, doing+" MSRs")
	}
	if n < len(m) {
		return n, &Error{fmt.Sprintf("processor %d: %s MSR %#x, value %#x (%s)", v.id, doing, m[n].Index, m[n].Data, r), ErrMSR, ""}
	}
	return len(m), nil
}
