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

// AMD's processors have the state of PKU and AVX-512 at other places of the XSAVE area than Intel's, whose are goemu's: guests would be told wrong ones.
func TestElsewhere(t *testing.T) {
	m, _, err := Parse("max,+pku,+avx512f", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		places map[uint32]uint32
		want   string
	}{
		"Intel":              {nil, ""},
		"AMD with AVX-512":   {map[uint32]uint32{5: 832, 6: 896, 7: 1408, 9: 2432}, "avx512f pku"},
		"AMD without":        {map[uint32]uint32{5: 0, 6: 0, 7: 0, 9: 832}, "avx512f pku"},
		"one place is other": {map[uint32]uint32{9: 832}, "pku"},
	} {
		read := func(leaf, sub uint32) (uint32, uint32, uint32, uint32) {
			a, b, cx, d := m.CPUID(leaf, sub, &State{Processors: 1, Threads: 1, XCR0: 7})
			if at, ok := c.places[sub]; ok && leaf == 0xd {
				b = at
			}
			return a, b, cx, d
		}
		got := Elsewhere(read)
		if got != setOf(c.want) {
			t.Errorf("%s: %v, want %q", name, got, c.want)
		}
		have := FeaturesOf(read).Without(got)
		if cut, _ := m.Cut(have); cut.Has(AVX512F) != !got.Has(AVX512F) || cut.Has(PKU) != !got.Has(PKU) || !cut.Has(AVX) || got.Has(AVX512F) && have != have.closed() {
			t.Errorf("%s: %v is left", name, cut.Features)
		}
	}
}
