package pcitestdev

import (
	"strings"
	"testing"

	"goemu/devices/devtest"
)

func newDevice(t *testing.T) *Device {
	d, err := New(0)
	if err != nil {
		t.Fatal(err)
	}
	d.Reset()
	return d
}

// The headers are those that QEMU's device shows.
func TestHeaders(t *testing.T) {
	d := newDevice(t)
	for _, c := range []struct {
		bar                 int
		test                uint64
		width, offset, data uint64
		name                string
	}{
		{0, 0, 0x100, 0x800, 0xfa, "mmio-no-eventfd"},
		{0, 1, 0x101, 0x801, 0xce, "mmio-wildcard-eventfd"},
		{0, 2, 0x102, 0x802, 0xfa, "mmio-datamatch-eventfd"},
		{0, 3, 0, 0, 0, ""},
		{1, 0, 0x103, 0x83, 0xfa, "portio-no-eventfd"},
		{1, 1, 0x104, 0x84, 0xce, "portio-wildcard-eventfd"},
		{1, 2, 0x105, 0x85, 0xfa, "portio-datamatch-eventfd"},
		{1, 255, 0, 0, 0, ""},
	} {
		b := &d.bars[c.bar]
		b.WriteMMIO(0, 1, c.test)
		if b.ReadMMIO(0, 4) != c.width || b.ReadMMIO(4, 4) != c.offset || b.ReadMMIO(8, 4) != c.data {
			t.Errorf("%s: %#x %#x %#x", c.name, b.ReadMMIO(0, 4), b.ReadMMIO(4, 4), b.ReadMMIO(8, 4))
		}
		var name []byte
		for off := uint64(hdrName); b.ReadMMIO(off, 1) != 0; off++ {
			name = append(name, byte(b.ReadMMIO(off, 1)))
		}
		if string(name) != c.name {
			t.Errorf("name %q, want %q", name, c.name)
		}
	}
}

func TestCounts(t *testing.T) {
	d := newDevice(t)
	for i := range d.bars {
		b := &d.bars[i]
		for test := range uint64(numTests) {
			b.WriteMMIO(0, 1, test)
			at, data := b.ReadMMIO(hdrOffset, 4), b.ReadMMIO(hdrData, 4)
			for range 5 {
				b.WriteMMIO(at, 1, data)
			}
			b.WriteMMIO(at+8, 1, data)
			b.WriteMMIO(at, 1, data^1)
			want := uint64(6)
			if test == 2 {
				want = 5
			}
			if got := b.ReadMMIO(hdrCount, 4); got != want {
				t.Errorf("BAR %d, test %d: %d writes, want %d", i, test, got, want)
			}
		}
	}
	o := newDevice(t)
	if err := o.RestoreState(d.SaveState()); err != nil || o.bars[1].In(0xc00c, 4) != 5 {
		t.Errorf("saved state: %v", err)
	}
	if o.RestoreState(State{}) == nil || o.RestoreState(State{Version: stateVersion, Test: [2]int{9, 0}}) == nil {
		t.Error("a bad state is taken")
	}
}

func TestMembar(t *testing.T) {
	d, err := New(1 << 33)
	if err != nil {
		t.Fatal(err)
	}
	d.WriteConfig(0x18, 4, 0xffffffff)
	d.WriteConfig(0x1c, 4, 0xffffffff)
	if d.ReadConfig(0x18, 4) != 0x0c || d.ReadConfig(0x1c, 4) != 0xfffffffe {
		t.Errorf("BAR 2: %#x %#x", d.ReadConfig(0x18, 4), d.ReadConfig(0x1c, 4))
	}
	if _, err := New(1000); err == nil || !strings.Contains(err.Error(), "power of two") {
		t.Error(err)
	}
}

func FuzzDevice(f *testing.F) {
	f.Add([]byte{1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		d := newDevice(t)
		var c devtest.Clock
		devtest.FuzzMMIO(in, &c, &d.bars[0], memSize)
		devtest.FuzzPorts(in, &c, &d.bars[1], 0xc000, 0xc004, 0xc00c, 0xc010, 0xc083, 0xc084, 0xc0fd)
	})
}
