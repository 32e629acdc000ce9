package pctestdev

import (
	"fmt"
	"testing"

	"goemu/devices"
	"goemu/devices/devtest"
	"goemu/devices/portmap"
)

// memory takes the claim of the memory-mapped part.
type memory struct{ d devices.MMIODevice }

func (m *memory) MapMMIO(base, size uint64, d devices.MMIODevice) {
	if base == MMIOBase && size == MMIOSize {
		m.d = d
	}
}
func (*memory) MapRAM(uint64, []byte, bool) {}
func (*memory) UnmapMMIO(uint64, uint64)    {}

func newBench() (*Device, *portmap.Map, devices.MMIODevice, *[]string) {
	var events []string
	d := New(func(n int, level bool) { events = append(events, fmt.Sprint("line ", n, level)) },
		func(page uint64) { events = append(events, fmt.Sprintf("flush %#x", page)) })
	ports, m := portmap.New(), &memory{}
	d.MapInto(ports, m)
	return d, ports, m.d, &events
}

// The register keeps what is written at any width, as QEMU's does.
func TestRegister(t *testing.T) {
	_, p, _, _ := newBench()
	p.Out(0xe0, 4, 0x12345678)
	for _, c := range []struct {
		port uint16
		size int
		want uint32
	}{{0xe0, 4, 0x12345678}, {0xe0, 2, 0x5678}, {0xe2, 2, 0x1234}, {0xe1, 1, 0x56}, {0xe3, 1, 0x12}, {0xe8, 4, 0x12345678}, {0xea, 1, 0x34},
		{0xe4, 4, 0}, {0x2000, 1, 0}} {
		if got := p.In(c.port, c.size); got != c.want {
			t.Errorf("%d bytes at %#x: %#x, want %#x", c.size, c.port, got, c.want)
		}
	}
	p.Out(0xe1, 1, 0xaa)
	p.Out(0xe2, 2, 0xcccc)
	p.Out(0xe8, 1, 0xbb)
	if got := p.In(0xe0, 4); got != 0xccccaabb {
		t.Errorf("register %#x", got)
	}
}

func TestLinesAndFlush(t *testing.T) {
	_, p, _, events := newBench()
	p.Out(0x2001, 1, 1)
	p.Out(0x2001, 1, 0)
	p.Out(0x2017, 1, 0x80)
	p.Out(0xe4, 4, 0x12345678)
	if got := fmt.Sprint(*events); got != "[line 1 true line 1 false line 23 true flush 0x12345000]" {
		t.Error(got)
	}
}

func TestMemory(t *testing.T) {
	d, _, m, _ := newBench()
	m.WriteMMIO(0x10, 8, 0x1122334455667788)
	m.WriteMMIO(0xffff, 1, 0x55)
	if m.ReadMMIO(0x11, 2) != 0x6677 || m.ReadMMIO(0xffff, 1) != 0x55 || m.ReadMMIO(0x14, 4) != 0x11223344 {
		t.Error("wrong contents")
	}
	o, _, om, _ := newBench()
	if err := o.RestoreState(d.SaveState()); err != nil || om.ReadMMIO(0x10, 8) != 0x1122334455667788 {
		t.Errorf("saved state: %v", err)
	}
	if o.RestoreState(State{}) == nil {
		t.Error("a wrong version is taken")
	}
}

func FuzzDevice(f *testing.F) {
	f.Add([]byte{1, 0, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, in []byte) {
		_, p, m, _ := newBench()
		var c devtest.Clock
		devtest.FuzzPorts(in, &c, p, 0xe0, 0xe1, 0xe3, 0xe4, 0xe6, 0xe8, 0xeb, 0x2000, 0x2017)
		devtest.FuzzMMIO(in, &c, m, MMIOSize)
	})
}
