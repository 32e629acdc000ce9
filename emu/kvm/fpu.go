package kvm

import (
	"errors"
	"strconv"
	"unsafe"
)

// FPU is struct kvm_fpu (KVM API 4.22).
type FPU struct {
	FPR        [8][16]byte
	FCW, FSW   uint16
	FTWX       uint8 // as FXSAVE has it
	_          uint8
	LastOpcode uint16
	LastIP     uint64
	LastDP     uint64
	XMM        [16][16]byte
	MXCSR      uint32
	_          uint32
}

// FPU reads the x87 and SSE registers (KVM API 4.22).
func (v *VCPU) FPU(f *FPU) error { return v.ask(ReqGetFPU, unsafe.Pointer(f), "reading the FPU") }

// SetFPU sets them (KVM API 4.23) but for MXCSR, which kernels do not take, and does not mark them as in use in the XSAVE area. Where there is CapXSAVE, SetXSAVE
// sets all of it.
func (v *VCPU) SetFPU(f *FPU) error { return v.ask(ReqSetFPU, unsafe.Pointer(f), "setting the FPU") }

// XSAVE is struct kvm_xsave: an XSAVE area in the standard format (KVM API 4.42).
type XSAVE [4096]byte

// XSAVE reads the area.
func (v *VCPU) XSAVE(x *XSAVE) error {
	return v.ask(ReqGetXSAVE, unsafe.Pointer(x), "reading the XSAVE state")
}

// SetXSAVE sets it (KVM API 4.43). XSTATE_BV in the header, which must not have more than the guest's CPUID allows, says which components are taken; those not in it
// become as initialised.
func (v *VCPU) SetXSAVE(x *XSAVE) error {
	return v.ask(ReqSetXSAVE, unsafe.Pointer(x), "setting the XSAVE state")
}

// xcrs is struct kvm_xcrs.
type xcrs struct {
	n, flags uint32
	xcr      [16]struct {
		xcr, _ uint32
		value  uint64
	}
	_ [16]uint64
}

// XCR0 reads XCR0 (KVM API 4.44).
func (v *VCPU) XCR0() (uint64, error) {
	if err := v.ask(ReqGetXCRs, unsafe.Pointer(&v.xcrs), "reading XCR0"); err != nil {
		return 0, err
	}
	for i := range v.xcrs.xcr[:min(v.xcrs.n, 16)] {
		if x := &v.xcrs.xcr[i]; x.xcr == 0 {
			return x.value, nil
		}
	}
	return 0, &Error{"processor " + strconv.Itoa(v.id) + ": reading XCR0", errors.New("KVM has none"), ""}
}

// SetXCR0 sets XCR0 (KVM API 4.45).
func (v *VCPU) SetXCR0(x uint64) error {
	v.xcrs = xcrs{n: 1}
	v.xcrs.xcr[0].value = x
	return v.ask(ReqSetXCRs, unsafe.Pointer(&v.xcrs), "setting XCR0 to "+strconv.FormatUint(x, 2)+"b")
}
