package cpumodel

import "testing"

// The time-stamp counter's rate is the core crystal's times EBX/EAX of leaf 15h (SDM vol. 2A, CPUID); no rate is no ratio.
func TestTSCLeaves(t *testing.T) {
	m, _, _ := New(Default)
	for _, hz := range []uint64{0, 1_000_000_000, 2_899_999_000, 1<<32 - 1, 1 << 32, 5_700_000_000} {
		s := State{Processors: 1, Threads: 1, TSCFrequency: hz}
		a, b, c, d := m.CPUID(0x15, 0, &s)
		switch {
		case hz == 0 && a|b|c|d == 0:
		case hz == 0, a == 0, uint64(c)*uint64(b)/uint64(a) != hz, d != 0:
			t.Errorf("%d Hz: %d, %d, %d, %d", hz, a, b, c, d)
		}
		if mhz, _, _, _ := m.CPUID(0x16, 0, &s); uint64(mhz) != hz/1_000_000 {
			t.Errorf("%d Hz: %d MHz", hz, mhz)
		}
	}
}
