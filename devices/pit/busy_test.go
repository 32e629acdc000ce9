package pit

import (
	"testing"

	"goemu/devices"
	"goemu/devices/devtest"
)

// busyClock is a host that runs something else for 10 ms whenever a timer is armed.
type busyClock struct{ devtest.Clock }

type busyTimer struct {
	devices.Timer
	c *busyClock
}

func (c *busyClock) NewTimer(fn func()) devices.Timer { return busyTimer{c.Clock.NewTimer(fn), c} }

func (t busyTimer) At(ns int64) {
	t.Timer.At(ns)
	t.c.Jump(10_000_000)
}

// TestCalibration loads counter 2 as kernels do to measure their TSC: the guest goes on right after that, whatever counter 0 does.
func TestCalibration(t *testing.T) {
	var clock busyClock
	var irq devtest.Line
	p := New(&clock, &irq)
	for _, w := range []struct {
		port uint16
		v    uint32
	}{
		{0x43, 0x34}, {0x40, 0xff}, {0x40, 0xff}, // counter 0 ticks
		{0x61, 1}, {0x43, 0xb0}, {0x42, 0x9c}, {0x42, 0x2e}, // 11932 ticks: 10 ms
	} {
		p.Out(w.port, 1, w.v)
	}
	clock.Jump(9_900_000)
	if p.In(0x61, 1)&0x20 != 0 {
		t.Error("counter 2 has ended 0.1 ms too soon")
	}
	clock.Jump(200_000)
	if p.In(0x61, 1)&0x20 == 0 {
		t.Error("counter 2 has not ended after 10.1 ms")
	}
}
