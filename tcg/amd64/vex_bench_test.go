//go:build linux && amd64

package amd64

import (
	"testing"

	"goemu/tcg"
)

// What a run of one block costs by the vector state that it loads and stores.
func BenchmarkVectorState(b *testing.B) {
	if host&avx2 != avx2 {
		b.Skip("the host has no AVX2")
	}
	for _, bm := range []struct {
		name string
		used uint8
		op   tcg.Op
	}{
		{"none", tcg.YMMZero, incRCX},
		{"SSE", tcg.YMMZero, paddq},
		{"SSE, upper halves in use", tcg.YMMInUse, paddq},
		{"VEX.128", tcg.YMMZero, vpaddq128},
		{"VEX.256", tcg.YMMInUse, vpaddq256},
		{"VZEROUPPER", tcg.YMMZero, vzeroupper},
	} {
		b.Run(bm.name, func(b *testing.B) {
			m := newMachine(b, Options{})
			m.env.YMMUsed = bm.used
			at := m.compile(m.block(bm.op)).Entry
			m.e.Prepare(m.env)
			for b.Loop() {
				m.e.Again(m.env, at)
			}
		})
	}
}
