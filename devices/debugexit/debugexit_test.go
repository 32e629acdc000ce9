package debugexit

import (
	"testing"

	"goemu/devices/portmap"
)

func TestExitStatus(t *testing.T) {
	status := -1
	e, err := New(0xf4, 4, func(s int) { status = s })
	if err != nil {
		t.Fatal(err)
	}
	m := portmap.New()
	e.MapInto(m)
	for _, c := range []struct {
		size int
		v    uint32
		want int
	}{{1, 0, 1}, {1, 0x10, 0x21}, {4, 0x10, 0x21}, {2, 0x1234, 0x2469}} {
		m.Out(0xf4, c.size, c.v)
		if status != c.want {
			t.Errorf("writing %#x: status %#x, want %#x", c.v, status, c.want)
		}
	}
	if m.In(0xf4, 1) != 0 {
		t.Error("reads must give 0")
	}
}

func TestBadSizes(t *testing.T) {
	for _, c := range []struct {
		base uint16
		size int
	}{{0xf4, 0}, {0xf4, 5}, {0xffff, 2}} {
		if _, err := New(c.base, c.size, nil); err == nil {
			t.Errorf("New(%#x, %d) succeeded", c.base, c.size)
		}
	}
}
