package kvmcpu

import (
	"time"

	"goemu/devices/lapic"
	"goemu/emu/kvm"
)

// nearEnd is how near to its end a one-shot timer is not given to KVM. Linux lets timers run out some microseconds early (lapic_timer_advance_ns), and before 6.7, where the processor delivers
// interrupts itself, loses one that runs out while it is set (kvm_apic_set_state).
const nearEnd = 20 * time.Microsecond

// lend gives KVM the local APIC, if it does not have it. The time-stamp counter is right before, as the deadline of the timer refers to it.
func (e *VCPU) lend() error {
	if e.apic == nil || e.apic.Lent() {
		return nil
	}
	if err := e.giveTSC(); err != nil {
		return err
	}
	m := &e.one
	if e.deadline {
		// One that KVM has from before would run out with the registers.
		m[0] = kvm.MSR{Index: msrTSCDeadline}
		if _, err := e.v.SetMSRs(m[:]); err != nil {
			return err
		}
	}
	m[0] = kvm.MSR{Index: msrAPICBase, Data: e.apic.Base()}
	if _, err := e.v.SetMSRs(m[:]); err != nil {
		return err
	}
	e.v.SetAPICBase(m[0].Data)
	if ns, ok := e.apic.Left(); ok && ns < int64(nearEnd) {
		time.Sleep(nearEnd) // it ends here
	}
	deadline := e.apic.Lend(e.keeper, &e.page)
	err := e.v.SetLAPIC((*kvm.LAPIC)(&e.page))
	if err == nil && e.deadline {
		m[0] = kvm.MSR{Index: msrTSCDeadline, Data: deadline}
		_, err = e.v.SetMSRs(m[:])
	}
	if err == nil {
		err = e.remind()
	}
	if err != nil {
		e.apic.Refused()
	}
	return err
}

// remind sends KVM an interrupt once more that it has been given as waiting. From Linux 5.17 to 6.12, where the processor does not deliver interrupts itself, KVM does not find what waits in the registers
// before another comes (irr_pending).
func (e *VCPU) remind() error {
	v, level, ok := e.page.Requested()
	if !ok {
		return nil
	}
	msi := &e.m.chips.msi
	msi.AddressLow, msi.Data = lapic.DefaultBase|uint32(e.page.ID())<<msiDest, uint32(v)|msiAssert
	if level {
		msi.Data |= msiLevel
	}
	_, err := e.m.vm.SignalMSI(msi)
	return err
}
