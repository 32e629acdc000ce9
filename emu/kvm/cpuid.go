package kvm

import (
	"fmt"
	"unsafe"
)

// maxCPUID is the most entries that KVM takes, KVM_MAX_CPUID_ENTRIES.
const maxCPUID = 256

// CPUIDEntry is struct kvm_cpuid_entry2: what CPUID answers to a leaf, or a subleaf if Flags has SignificantIndex.
type CPUIDEntry struct {
	Leaf, Sub          uint32
	Flags              uint32
	EAX, EBX, ECX, EDX uint32
	_                  [3]uint32
}

// SignificantIndex is the flag of entries for a subleaf.
const SignificantIndex = 1 << 0

// cpuidList is struct kvm_cpuid2 with room.
type cpuidList struct {
	n, _    uint32
	entries [maxCPUID]CPUIDEntry
}

// SupportedCPUID is what CPUID may tell guests at most: the host's features that KVM does (KVM API 4.46).
func (h *Host) SupportedCPUID() ([]CPUIDEntry, error) {
	return h.cpuid(ReqGetSupportedCPUID, "asking for CPUID's supported leaves")
}

// EmulatedCPUID is what KVM emulates though the host does not have it (KVM API 4.88).
func (h *Host) EmulatedCPUID() ([]CPUIDEntry, error) {
	return h.cpuid(ReqGetEmulatedCPUID, "asking for CPUID's emulated leaves")
}

func (h *Host) cpuid(r Request, doing string) ([]CPUIDEntry, error) {
	l := &cpuidList{n: maxCPUID}
	if _, errno := h.sys.Ioctl(h.fd, r, 0, unsafe.Pointer(l)); errno != 0 {
		return nil, failed(doing, r, errno)
	}
	return l.entries[:min(l.n, maxCPUID)], nil
}

// SetCPUID sets what CPUID answers (KVM API 4.20). It must come before the first Run.
func (v *VCPU) SetCPUID(e []CPUIDEntry) error {
	if len(e) > maxCPUID {
		return &Error{"setting CPUID", fmt.Errorf("%d entries, not more than %d", len(e), maxCPUID), ""}
	}
	l := new(cpuidList)
	l.n = uint32(copy(l.entries[:], e))
	return v.ask(ReqSetCPUID2, unsafe.Pointer(l), "setting CPUID")
}

// CPUID is what CPUID answers now, with what follows from control registers.
func (v *VCPU) CPUID() ([]CPUIDEntry, error) {
	l := &cpuidList{n: maxCPUID}
	if err := v.ask(ReqGetCPUID2, unsafe.Pointer(l), "reading CPUID"); err != nil {
		return nil, err
	}
	return l.entries[:min(l.n, maxCPUID)], nil
}

// Answer is what CPUID answers by a list of entries to a leaf and subleaf; 0 for those that are not in it.
func Answer(list []CPUIDEntry, leaf, sub uint32) (a, b, c, d uint32) {
	for i := range list {
		e := &list[i]
		if e.Leaf == leaf && (e.Flags&SignificantIndex == 0 || e.Sub == sub) {
			return e.EAX, e.EBX, e.ECX, e.EDX
		}
	}
	return 0, 0, 0, 0
}
