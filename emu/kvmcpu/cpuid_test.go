package kvmcpu

import (
	"testing"

	"goemu/emu/cpumodel"
	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
	"goemu/emu/x86"
)

// Linux takes the CPUID of every model, with many processors too: those without long mode have no 48 or 57 linear address bits, and old kernels take 80 leaves.
func TestCPUIDTaken(t *testing.T) {
	for _, name := range append(cpumodel.Names(), "athlon,phys-bits=40") {
		model, _, err := cpumodel.Parse(name, nil)
		if err != nil {
			t.Fatal(name, err)
		}
		newBenchWith(t, kvmtest.NewFake(), nil, UserIRQChip, Controllers{}, x86.Options{Model: model, Cores: 8, Threads: 2})
	}
	model, _, _ := cpumodel.Parse("athlon", nil)
	b := newBenchWith(t, kvmtest.NewFake(), nil, UserIRQChip, Controllers{}, x86.Options{Model: model})
	if a, _, _, _ := kvm.Answer(cpuidOf(b.cpu, cpumodel.Set{}), 0x8000_0008, 0); a != uint32(model.PhysBits) {
		t.Errorf("address sizes %#x, want %d bits, and no linear ones", a, model.PhysBits)
	}
}

// What a machine whose local APICs are not KVM's any more cannot have is not in CPUID.
func TestCPUIDLacks(t *testing.T) {
	const x2apic, deadline = 1 << 21, 1 << 24
	model, _, _ := cpumodel.Parse("pentium2,+tsc-deadline,+x2apic", nil)
	fake := kvmtest.NewFake()
	b := newBenchWith(t, fake, nil, UserIRQChip, Controllers{}, x86.Options{Model: model})
	h, err := kvm.OpenSys(fake)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	for _, c := range []struct {
		kind        IRQChip
		lapic, msrs int
		lacks       uint32
	}{
		{UserIRQChip, 1, 0, x2apic | deadline},
		{UserIRQChip, 1, 1, deadline}, // its exits are found by a guest, which the fake KVM does not run
		{SplitIRQChip, 1, 0, 0},
		{SplitIRQChip, 0, 0, deadline},
	} {
		fake.Caps[kvm.CapTSCDeadlineTimer], fake.Caps[kvm.CapUserSpaceMSR] = c.lapic, c.msrs
		_, _, ecx, _ := kvm.Answer(cpuidOf(b.cpu, Lacks(h, c.kind)), 1, 0)
		if got := ^ecx & (x2apic | deadline); got != c.lacks {
			t.Errorf("%v: CPUID lacks %#x, want %#x", c, got, c.lacks)
		}
	}
}
