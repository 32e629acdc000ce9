package pirq

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoute(t *testing.T) {
	regs := [Lines]uint8{10, 10, Off | 11, 11, 5, 0, 2, 13}
	var log []string
	r := Router{Register: func(n int) uint8 { return regs[n] }, SetIRQ: func(n int, level bool) { log = append(log, fmt.Sprint(n, level)) }}
	step := func(name string, want ...string) {
		t.Helper()
		if d := cmp.Diff(want, log); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		log = nil
	}
	r.Set(0, true)
	r.Set(1, true)
	step("shared", "10 true")
	r.Set(0, false)
	step("still asserted by the other")
	for n := range Lines {
		r.Set(n, true)
	}
	step("off, and interrupts that cannot be", "11 true", "5 true")
	s := r.SaveState()
	regs[4] = 6
	r.Update()
	step("moved", "5 false", "6 true")
	r.RestoreState(s)
	r.Update()
	step("restored", "5 false", "6 true")
	for n := range Lines {
		r.Set(n, false)
	}
	step("released", "10 false", "11 false", "6 false")
}
