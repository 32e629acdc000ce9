package kvm

import "unsafe"

// DebugRegs is struct kvm_debugregs: the guest's own (KVM API 4.33).
type DebugRegs struct {
	DB       [4]uint64 // DR0 to DR3
	DR6, DR7 uint64
	Flags    uint64 // 0
	_        [9]uint64
}

// DebugRegs reads them.
func (v *VCPU) DebugRegs(d *DebugRegs) error {
	return v.ask(ReqGetDebugRegs, unsafe.Pointer(d), "reading debug registers")
}

// SetDebugRegs sets them (KVM API 4.34).
func (v *VCPU) SetDebugRegs(d *DebugRegs) error {
	return v.ask(ReqSetDebugRegs, unsafe.Pointer(d), "setting debug registers")
}

// GuestDebug is struct kvm_guest_debug: debugging by the caller (KVM API 4.87). DR has DR0 to DR3 and DR7 for DebugHardware.
type GuestDebug struct {
	Control uint32
	_       uint32
	DR      [8]uint64
}

// Bits of GuestDebug.Control.
const (
	DebugEnable     = 0x1
	DebugSingleStep = 0x2
	DebugSoftware   = 0x1_0000 // INT3 is an exit
	DebugHardware   = 0x2_0000 // DR, in place of the guest's registers
	DebugInjectDB   = 0x4_0000 // give the guest a #DB
	DebugInjectBP   = 0x8_0000 // give the guest a #BP
	DebugBlockIRQ   = 0x10_0000
)

// SetGuestDebug sets it; Control 0 ends it.
func (v *VCPU) SetGuestDebug(g *GuestDebug) error {
	return v.ask(ReqSetGuestDebug, unsafe.Pointer(g), "setting breakpoints and single steps")
}
