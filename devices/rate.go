package devices

import (
	"math"
	"math/bits"
)

// GHz is the rate of a counter of nanoseconds.
const GHz = 1_000_000_000

// Ticks is how many ticks a counter of hz, below 8 GHz, makes in ns.
func Ticks(ns int64, hz uint64) uint64 {
	if hz == GHz {
		return uint64(ns)
	}
	hi, lo := bits.Mul64(uint64(ns), hz)
	q, _ := bits.Div64(hi%GHz, lo, GHz) // a counter that runs over begins anew
	return q
}

// Nanoseconds is after how many ns a counter of hz has made as many ticks at least; what is beyond 292 years is that.
func Nanoseconds(ticks, hz uint64) int64 {
	if hz == GHz {
		return int64(min(ticks, math.MaxInt64))
	}
	hi, lo := bits.Mul64(ticks, GHz)
	lo, carry := bits.Add64(lo, hz-1, 0)
	if hi += carry; hi >= hz {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, hz)
	return int64(min(q, math.MaxInt64))
}
