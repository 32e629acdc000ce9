package kvmcpu

import (
	"errors"

	"goemu/emu/kvm"
)

// setRate gives KVM's time-stamp counter the rate of the CPU's, where KVM can. Where not, it has the host's.
func (e *VCPU) setRate() {
	const kHz = 1000
	want := e.cpu.TSCFrequency()
	if e.m.vm.Check(kvm.CapTSCControl) > 0 && e.v.SetTSCKHz(uint32(want/kHz)) == nil {
		return
	}
	rate := uint64(0)
	if e.m.vm.Check(kvm.CapGetTSCKHz) > 0 {
		n, _ := e.v.TSCKHz() // 0 with an error
		rate = uint64(n) * kHz
	}
	if rate != want {
		e.world.TSCRate(rate)
	}
}

// giveTSC is loadTSC, if KVM does not have the counter yet.
func (e *VCPU) giveTSC() error {
	if !e.setTSC {
		return nil
	}
	e.setTSC = false
	return e.loadTSC()
}

// farTSC is further than what Linux takes for a write that is to synchronize vCPUs: one second.
const farTSC = 1 << 40

// loadTSC makes KVM's time-stamp counter the CPU's. Linux takes a write near what the counter would be for one that is to synchronize vCPUs, and has it go on as before, which
// may be behind what the guest has seen. A write of something else goes before, then, but for vCPUs behind the first: theirs are to be synchronized. A KVM without the register
// keeps what it has.
func (e *VCPU) loadTSC() error {
	first := e.m.setTSC
	e.m.setTSC = false
	for _, far := range [...]uint64{0, farTSC, 0} {
		v := e.cpu.TSC()
		e.one[0] = kvm.MSR{Index: msrTSC, Data: v + far}
		if n, err := e.v.SetMSRs(e.one[:]); err != nil {
			if n == 0 && errors.Is(err, kvm.ErrMSR) {
				return nil
			}
			return err
		}
		if far != 0 {
			continue
		}
		e.one[0] = kvm.MSR{Index: msrTSC}
		if n, err := e.v.MSRs(e.one[:]); n == 0 || err != nil || e.one[0].Data >= v || !first {
			return nil // it may not be read
		}
	}
	return nil
}
