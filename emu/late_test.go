package emu_test

import (
	"math"
	"testing"
	"time"

	"goemu/emu"
)

// A host that is late, busy with something else while the guest waits for its timer, does not have it find that the timer has stood still: ticks come before the guest is told that time has passed.
// Linux gives up where fewer than five ticks come in the time of ten to forty.
func TestLateHost(t *testing.T) {
	for name, accel := range engines {
		t.Run(name, func(t *testing.T) {
			const late = 300 * time.Millisecond // more than the guest waits
			w := &emu.Watch{}
			w.Point = func() { w.SetPoint(math.MaxInt64) }
			w.Access = func(mmio bool, addr uint64, write bool) {
				if addr == 0xe9 && !mmio {
					time.Sleep(late)
				}
			}
			m := start(t, emu.Config{Accel: accel, Kernel: assemble(t, "late.asm"), Debugcon: "null", Devices: []string{"isa-debug-exit,iobase=0xf4,iosize=1"}, Watch: w})
			<-m.ended
			if ticks := m.status >> 1; m.err != nil || ticks < 5 {
				t.Errorf("%v, %d ticks in 100 ms and more, want 25", m.err, ticks)
			}
		})
	}
}
