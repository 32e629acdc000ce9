package cpumodel

import "testing"

// The time-stamp counter's rate is the core crystal's times EBX/EAX of leaf 15h (SDM vol. 2A, CPUID), within a millionth; no rate is no ratio. The crystal's rate is the local APIC timer's, which Linux
// takes from there, in 32 bits of kHz.
func TestTSCLeaves(t *testing.T) {
	m, _, _ := New(Default)
	for _, hz := range []uint64{0, 1_000_000, 1_000_000_000, 2_800_000_000, 2_899_999_000, 1<<32 - 1, 1 << 32, 5_712_345_678, 8_500_000_000} {
		s := State{Processors: 1, Threads: 1, TSCFrequency: hz}
		a, b, c, d := m.CPUID(0x15, 0, &s)
		const apic = 1_000_000_000
		near := func(x, y uint64, parts uint64) bool { return max(x, y)-min(x, y) <= y/parts+1 }
		switch {
		case hz == 0 && a|b|c|d == 0:
		case hz == 0, a == 0, !near(uint64(c)*uint64(b)/uint64(a), hz, 1_000_000), !near(uint64(c/1000*b/a), hz/1000, 500_000), d != 0:
			t.Errorf("%d Hz: %d, %d, %d, %d", hz, a, b, c, d)
		case hz >= apic && !near(uint64(c), apic, 1000):
			t.Errorf("%d Hz: the crystal is at %d Hz", hz, c)
		}
		if mhz, _, _, _ := m.CPUID(0x16, 0, &s); uint64(mhz) != hz/1_000_000 {
			t.Errorf("%d Hz: %d MHz", hz, mhz)
		}
	}
	if a, b, c, _ := m.CPUID(0x15, 0, &State{TSCFrequency: 1_000_000_000}); a != 1 || b != 1 || c != 1_000_000_000 {
		t.Errorf("1 GHz: %d, %d, %d", a, b, c)
	}
}
