// Package seed gives random tests their seed, so that what fails can be repeated.
package seed

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// Default is the seed of a run that does not ask for another: tests then do the same every time.
const Default = 20261121

// Of returns the seed for t, and logs it: Default, the number in GOEMU_SEED, or with GOEMU_SEED=random a new one.
func Of(t testing.TB) uint64 {
	t.Helper()
	s := uint64(Default)
	switch v := os.Getenv("GOEMU_SEED"); v {
	case "":
	case "random":
		s = uint64(time.Now().UnixNano())
	default:
		n, err := strconv.ParseUint(v, 0, 64)
		if err != nil {
			t.Fatalf("GOEMU_SEED: %v", err)
		}
		s = n
	}
	t.Logf("GOEMU_SEED=%d", s)
	return s
}
