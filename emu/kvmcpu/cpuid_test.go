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
	if a, _, _, _ := kvm.Answer(cpuidOf(b.cpu), 0x8000_0008, 0); a != uint32(model.PhysBits) {
		t.Errorf("address sizes %#x, want %d bits, and no linear ones", a, model.PhysBits)
	}
}
