package kvm

import "unsafe"

// Events is struct kvm_vcpu_events: what is pending or blocked (KVM API 4.31).
type Events struct {
	Exception struct {
		Injected, Vector, HasErrorCode, Pending uint8
		ErrorCode                               uint32
	}
	Interrupt struct {
		Injected, Vector, Soft, Shadow uint8
	}
	NMI struct {
		Injected, Pending, Masked, _ uint8
	}
	SIPIVector uint32
	Flags      uint32 // which of the fields below the first are meant
	SMI        struct {
		SMM, Pending, InsideNMI, LatchedINIT uint8
	}
	TripleFault         uint8
	_                   [26]uint8
	ExceptionHasPayload uint8
	ExceptionPayload    uint64
}

// Flags of Events.
const (
	ValidNMIPending  = 1 << 0
	ValidSIPIVector  = 1 << 1
	ValidShadow      = 1 << 2
	ValidSMM         = 1 << 3
	ValidPayload     = 1 << 4
	ValidTripleFault = 1 << 5
)

// Values of Events.Interrupt.Shadow.
const (
	ShadowMOVSS = 1 << 0
	ShadowSTI   = 1 << 1
)

// Events reads what is pending.
func (v *VCPU) Events(e *Events) error {
	return v.ask(ReqGetVCPUEvents, unsafe.Pointer(e), "reading pending events")
}

// SetEvents sets it (KVM API 4.32). Flags that this KVM does not know are refused: ValidSMM wants CapX86SMM.
func (v *VCPU) SetEvents(e *Events) error {
	return v.ask(ReqSetVCPUEvents, unsafe.Pointer(e), "setting pending events")
}
