package emu

import (
	"fmt"

	"goemu/emu/cpumodel"
	"goemu/emu/kvmcpu"
)

// Firmware with system management mode in TSEG, as UEFI has for Secure Boot, sends SMIs by the local APIC's ICR. KVM's local APICs would not tell of them: they are lost, or put the
// vCPU into a system management mode of KVM's own. So KVM's are given up when the guest sets TSEG up, for a virtual machine without: its handlers come later.

// needsChips tells whether the local APICs must be goemu's.
func (m *Machine) needsChips() bool { return !m.cfg.NoSMM && m.board.HasTSEG() }

// wantsChips tells whether KVM's virtual machine has local APICs that must be goemu's.
func (m *Machine) wantsChips() bool {
	return m.kvm != nil && m.kvm.IRQChip() != kvmcpu.UserIRQChip && m.needsChips()
}

// chipsLack tells why a guest that another engine runs cannot go on in a virtual machine without local APICs. One that leaves KVM's is at the beginning of its firmware, and can: what
// its CPU has no more, CPUID does not tell any more.
func (m *Machine) chipsLack() error {
	have, err := offered(m.kvmHost, kvmcpu.UserIRQChip)
	if lacking := m.model.Lacking(have); err == nil && !m.ownChips && lacking != (cpumodel.Set{}) {
		err = fmt.Errorf("the guest, which has set up TSEG, would lose of its CPU: %v; start with -accel kvm, or a smaller -cpu", lacking)
	}
	return err
}

// takeChips is called when the guest sets up TSEG.
func (m *Machine) takeChips() {
	if m.inKVM() && m.wantsChips() {
		m.ownChips = true
		m.kick()
	}
}

// leaveChips has the guest go on in a virtual machine without local APICs, between two instructions.
func (m *Machine) leaveChips() {
	defer func() { m.ownChips = false }()
	if !m.inKVM() { // somebody has moved it meanwhile
		return
	}
	m.leaveKVM()
	if err := m.enterKVM(); err != nil {
		m.goOn(fmt.Errorf("the guest cannot go on in KVM without KVM's local APICs, for system management mode in TSEG: %w", err))
	}
}
