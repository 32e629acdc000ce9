package cpumodel

import "testing"

// What a KVM offers that has processors of the x86-64 baseline alone, as some hosts' do.
func baseline(leaf, _ uint32) (a, b, c, d uint32) {
	switch leaf {
	case 0:
		return 0xd, 0, 0, 0
	case 1:
		return 0, 0, 0x8120_2000, 0x078b_fbff
	case 0x8000_0000:
		return 0x8000_0008, 0, 0, 0
	case 0x8000_0001:
		return 0, 0, 0x0040_0393, 0x23d3_fbff
	}
	return 0, 0, 0, 0
}

func TestCut(t *testing.T) {
	have := FeaturesOf(baseline)
	m, _, err := Parse("max", nil)
	if err != nil {
		t.Fatal(err)
	}
	before := *m
	for _, name := range []string{"avx", "sse4.1", "pni", "xsave", "pcid", "rdrand"} {
		if f, _ := Lookup(name); !m.Lacking(have).Has(f) {
			t.Errorf("%s is not lacking", name)
		}
	}
	for _, name := range []string{"sse2", "lm", "nx", "hypervisor"} {
		if f, _ := Lookup(name); m.Lacking(have).Has(f) {
			t.Errorf("%s is lacking", name)
		}
	}
	cut, lost := m.Cut(have)
	if *m != before {
		t.Error("the model itself changed")
	}
	if left := cut.Lacking(have); left != (Set{}) {
		t.Errorf("the cut model still lacks %v", left)
	}
	if cut.Features.or(lost) != m.Features || cut.Features.and(lost) != (Set{}) {
		t.Errorf("%v and %v are not %v", cut.Features, lost, m.Features)
	}
	if cut.Features != cut.Features.closed() {
		t.Errorf("%v: something lacks what it needs", cut.Features)
	}
	if _, _, c, _ := cut.CPUID(1, 0, &State{}); c>>28&1 != 0 {
		t.Error("CPUID still has AVX")
	}
	if _, lost := cut.Cut(have); lost != (Set{}) {
		t.Errorf("cut again: %v", lost)
	}
}

// TestCutTakesDependants: without SSE2 there is no AVX either, though AVX itself is offered.
func TestCutTakesDependants(t *testing.T) {
	m, _, err := Parse("max", nil)
	if err != nil {
		t.Fatal(err)
	}
	have := m.Features
	xsave, _ := Lookup("xsave")
	avx, _ := Lookup("avx")
	have.Put(xsave, false)
	if cut, lost := m.Cut(have); cut.Has(avx) || !lost.Has(avx) || m.Lacking(have).Has(avx) {
		t.Errorf("lost %v", lost)
	}
	m, _, err = Parse("max,phys-bits=37", nil)
	if err != nil {
		t.Fatal(err)
	}
	if cut, _ := m.Cut(m.Features); cut.PhysBits != 37 {
		t.Errorf("%d physical address bits, not the 37 that were asked for", cut.PhysBits)
	}
}
