package devices

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// Ticks and Nanoseconds are what big numbers give, and inverse: a counter has made n ticks at Nanoseconds(n), and not 1 ns before.
func TestRate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	big64 := func(v uint64) *big.Int { return new(big.Int).SetUint64(v) }
	for range 100_000 {
		hz := 1 + r.Uint64N(8*GHz-1)
		if r.IntN(4) == 0 {
			hz = GHz
		}
		ns := int64(r.Uint64() >> (1 + r.IntN(63)))
		want := new(big.Int).Mul(big64(uint64(ns)), big64(hz))
		want.Div(want, big64(GHz))
		if got := Ticks(ns, hz); want.IsUint64() && got != want.Uint64() {
			t.Fatalf("%d ns at %d Hz: %d ticks, want %v", ns, hz, got, want)
		}
		ticks := r.Uint64() >> r.IntN(64)
		at := Nanoseconds(ticks, hz)
		w := new(big.Int).Mul(big64(ticks), big64(GHz))
		w.Add(w, big64(hz-1)).Div(w, big64(hz))
		if !w.IsInt64() {
			w.SetInt64(math.MaxInt64)
		}
		if at != w.Int64() {
			t.Fatalf("%d ticks at %d Hz: %d ns, want %v", ticks, hz, at, w)
		}
		if at < math.MaxInt64 && at > 0 && (Ticks(at, hz) < ticks || Ticks(at-1, hz) >= ticks) {
			t.Fatalf("%d ticks at %d Hz: %d ns are %d, 1 ns before %d", ticks, hz, at, Ticks(at, hz), Ticks(at-1, hz))
		}
	}
}
