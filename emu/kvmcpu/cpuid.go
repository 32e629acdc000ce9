package kvmcpu

import (
	"goemu/emu/cpumodel"
	"goemu/emu/kvm"
	"goemu/emu/x86"
)

// The number of linear address bits in CPUID, which processors without long mode give as 32 (APM vol. 3 E.4.7).
const (
	addressSizes = 0x8000_0008
	linearBits   = 0xff << 8
	noLinearBits = 32 << 8
)

// Lacks gives the features that vCPUs cannot have for who has the local APICs.
func Lacks(host *kvm.Host, kind IRQChip) (s cpumodel.Set) {
	s.Put(cpumodel.TSCDeadline, !HasDeadline(host, kind))
	s.Put(cpumodel.X2APIC, kind == UserIRQChip && host.Check(kvm.CapUserSpaceMSR) <= 0)
	return s
}

// cpuidOf lists what CPUID answers. A model has nothing of what is lacking, but where the local APICs were KVM's.
func cpuidOf(cpu *x86.CPU, lacking cpumodel.Set) (list []kvm.CPUIDEntry) {
	add := func(leaf, sub, flags uint32) (a uint32) {
		e := kvm.CPUIDEntry{Leaf: leaf, Sub: sub, Flags: flags}
		e.EAX, e.EBX, e.ECX, e.EDX = cpu.StaticCPUID(leaf, sub)
		if leaf == addressSizes && e.EAX&linearBits == noLinearBits {
			e.EAX &^= linearBits // Linux takes 48, 57 or none
		}
		for _, f := range [...]cpumodel.Feature{cpumodel.TSCDeadline, cpumodel.X2APIC} {
			if leaf == 1 && lacking.Has(f) {
				e.ECX &^= 1 << (f % 32)
			}
		}
		list = append(list, e)
		return e.EAX
	}
	for _, first := range [...]uint32{0, 0x4000_0000, 0x8000_0000} {
		top, _, _, _ := cpu.StaticCPUID(first, 0)
		if first != 0 && top < first || top-first > 0x100 {
			continue
		}
		for leaf := first; leaf <= top; leaf++ {
			switch leaf {
			case 4, 0x8000_001d:
				for sub := uint32(0); sub < 8; sub++ {
					if add(leaf, sub, kvm.SignificantIndex)&31 == 0 {
						break
					}
				}
			case 7:
				for sub, last := uint32(0), add(leaf, 0, kvm.SignificantIndex); sub < min(last, 4); sub++ {
					add(leaf, sub+1, kvm.SignificantIndex)
				}
			case 0xb:
				for sub := range uint32(3) {
					add(leaf, sub, kvm.SignificantIndex)
				}
			case 0xd:
				for sub := range uint32(20) {
					add(leaf, sub, kvm.SignificantIndex)
				}
			default:
				add(leaf, 0, 0)
			}
		}
	}
	return list
}

// setupMCE gives KVM's vCPU as many banks for machine checks as the CPU has: a guest that moves would miss others, and Linux, which reads them every few minutes, panics at the #GP.
func (e *VCPU) setupMCE() error {
	const mcgCap, banks = 0x179, 0xff
	v, ok := e.cpu.ReadMSR(mcgCap)
	if !ok || v&banks == 0 || uint64(max(e.m.vm.Check(kvm.CapMCE), 0)) < v&banks {
		return nil
	}
	return e.v.SetupMCE(v)
}
