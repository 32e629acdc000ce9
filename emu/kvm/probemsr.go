package kvm

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
)

// ProbeMSR is the name of ProbeMSRExits' guest.
const ProbeMSR = "an exit for IA32_TSC_DEADLINE"

const tscDeadline = 0x6e0

// msrExits writes to IA32_TSC_DEADLINE.
var msrExits = guest{ProbeMSR, kind{32, 0}, []byte{
	0xb9, 0xe0, 0x06, 0, 0, // mov ecx, 0x6e0
	0x31, 0xc0, // xor eax, eax
	0x31, 0xd2, // xor edx, edx
	0x0f, 0x30, // wrmsr
	0x39, 0xc0, // cmp eax, eax
}, 0, false}

// msrProbe is what ProbeMSRExits has found.
type msrProbe struct {
	once sync.Once
	err  error
}

// ProbeMSRExits runs a small guest, once, that writes to IA32_TSC_DEADLINE where exits for it are wanted (VM.FilterMSRs) and KVM has no local APIC, and tells why there is none. Linux
// looks at what is written to this register right behind the guest's exit, before it looks at what is filtered (handle_fastpath_set_msr_irqoff): with Intel's processors from 5.10 on, where
// the processor can time it, and with all of them in later kernels. The write is lost then.
func (h *Host) ProbeMSRExits() error {
	h.msr.once.Do(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if h.msr.err = h.Require(CapUserSpaceMSR, CapMSRFilter); h.msr.err == nil {
			_, h.msr.err = h.try(&msrExits)
		}
	})
	return h.msr.err
}

// writesMSR runs the guest.
func (p *probe) writesMSR() error {
	if err := errors.Join(p.vm.EnableCap(CapUserSpaceMSR, MSRFiltered), p.vm.FilterMSRs(tscDeadline)); err != nil {
		return err
	}
	switch r, err := p.runFor(p.hangs); {
	case err != nil:
		return err
	case r != ExitWRMSR || p.cpu.MSR().Index != tscDeadline:
		return fmt.Errorf("%v in place of one for WRMSR", r)
	}
	p.cpu.AnswerMSR(0, false)
	return p.result()
}
