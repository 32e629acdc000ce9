package emu

import (
	"errors"
	"fmt"
	"slices"

	"goemu/devices/pic"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
	"goemu/emu/kvmcpu"
)

// IRQChip is what KVM is to have of the interrupt controllers.
type IRQChip int

// What there is. IRQChipAuto is IRQChipSplit where the host's KVM does it well, and else IRQChipOff.
const (
	IRQChipAuto  IRQChip = iota
	IRQChipOff           // nothing
	IRQChipSplit         // the local APICs
	IRQChipOn            // the local APICs, the I/O APIC and the 8259As
)

// irqChipNames are the names for the option kernel-irqchip, which has none for IRQChipAuto.
var irqChipNames = [...]string{IRQChipOff: "off", IRQChipSplit: "split", IRQChipOn: "on"}

// irqChipHelp is what AccelHelp tells of them.
const irqChipHelp = "With kvm, kernel-irqchip= says which interrupt controllers are KVM's: on (all), split (local APICs), off (none). Default: split where it works.\n"

// ParseIRQChip reads the value of the option kernel-irqchip.
func ParseIRQChip(s string) (IRQChip, error) {
	if c := slices.Index(irqChipNames[:], s); c > 0 && s != "" {
		return IRQChip(c), nil
	}
	return 0, errors.New("want on, split or off")
}

// chip finds what a host's KVM is to have of a machine's interrupt controllers. What is IRQChipAuto is then decided.
func (c *Config) chip(h *kvm.Host) (kvmcpu.IRQChip, error) {
	var why error
	switch {
	case c.IRQChip == IRQChipOff:
		return kvmcpu.UserIRQChip, nil
	case c.Icount:
		why = errors.New("KVM's local APIC does not count time by instructions: leave -icount away")
	case c.IRQChip == IRQChipOn:
		why = kvmcpu.CheckInKernel(h)
	default:
		why = kvmcpu.CheckSplit(h)
	}
	auto := c.IRQChip == IRQChipAuto
	if auto && why == nil {
		if why = h.ProbeLocalAPIC(); why == nil && c.CPUs > 1 {
			why = h.ProbeStartUp()
		}
	}
	switch {
	case why == nil && c.IRQChip == IRQChipOn:
		return kvmcpu.InKernelIRQChip, nil
	case why == nil:
		c.IRQChip = IRQChipSplit
		return kvmcpu.SplitIRQChip, nil
	case auto:
		c.IRQChip = IRQChipOff
		return kvmcpu.UserIRQChip, nil
	}
	return 0, fmt.Errorf("kernel-irqchip=%s: %w, or kernel-irqchip=off", irqChipNames[c.IRQChip], why)
}

// irqChipText tells who has the interrupt controllers while KVM runs the guest.
func (m *Machine) irqChipText() string {
	kind := kvmcpu.UserIRQChip
	if m.kvm != nil {
		kind = m.kvm.IRQChip()
	}
	text := irqChipTexts[kind]
	if kind == kvmcpu.UserIRQChip && m.cfg.IRQChip != IRQChipOff && m.needsChips() {
		text += ", as the guest has set up system management mode in TSEG"
	}
	return text
}

var irqChipTexts = [...]string{
	kvmcpu.UserIRQChip:     "off: local APICs, I/O APIC, 8259As and 8254 are goemu's",
	kvmcpu.SplitIRQChip:    "split: local APICs are KVM's, I/O APIC, 8259As and 8254 goemu's",
	kvmcpu.InKernelIRQChip: "on: local APICs, I/O APIC and 8259As are KVM's, the 8254 goemu's",
}

// recallAPICs takes the interrupt controllers back from KVM, for a time in which the machine stands still.
func (m *Machine) recallAPICs() {
	for _, v := range m.vcpus {
		if k := v.kvm.Load(); k != nil {
			k.Recall()
		}
	}
}

// kernelPorts tells why breakpoints on ports cannot be: they are those of KVM's 8259As, whose accesses nobody here sees.
func (m *Machine) kernelPorts(points []inspect.Breakpoint) error {
	if m.kvm.IRQChip() != kvmcpu.InKernelIRQChip {
		return nil
	}
	for _, b := range points {
		for _, first := range [...]uint64{pic.MasterBase, pic.SlaveBase, pic.ELCRBase} {
			if b.Kind == inspect.BreakPort && b.Addr < first+2 && b.Addr+uint64(b.Len) > first {
				return fmt.Errorf("breakpoint on port %#x: KVM has the 8259As (kernel-irqchip=on), and does not tell of their ports; use kernel-irqchip=split, or accel tcg", b.Addr)
			}
		}
	}
	return nil
}
