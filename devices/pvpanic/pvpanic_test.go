package pvpanic

import (
	"testing"

	"goemu/devices/devtest"
	"goemu/devices/portmap"
)

func TestEvents(t *testing.T) {
	for _, c := range []struct {
		events uint8
		write  uint32
		want   uint8
	}{{3, 1, 1}, {3, 2, 2}, {3, 3, 3}, {3, 4, 0}, {1, 2, 0}, {3, 0, 0}} {
		var got uint8
		d := New(c.events, func(e uint8) { got = e })
		m := portmap.New()
		d.MapInto(m, DefaultPort)
		if v := m.In(DefaultPort, 1); v != uint32(c.events) {
			t.Errorf("port reads %#x, want %#x", v, c.events)
		}
		m.Out(DefaultPort, 1, c.write)
		if got != c.want {
			t.Errorf("writing %d is event %d, want %d", c.write, got, c.want)
		}
		got = 0
		d.WriteMMIO(1, 1, uint64(c.write))
		if got != 0 {
			t.Error("an event at offset 1")
		}
		d.WriteMMIO(0, 1, uint64(c.write))
		if got != c.want {
			t.Errorf("writing %d to memory is event %d, want %d", c.write, got, c.want)
		}
	}
	f := NewPCI(New(AllEvents, nil))
	f.WriteConfig(0x10, 4, 0xffffffff)
	if f.ReadConfig(0, 4) != 0x00111b36 || f.ReadConfig(8, 4) != 0x08800001 || f.ReadConfig(0x10, 4) != 0xfffffff0 {
		t.Errorf("configuration space %#x", f.Config[:0x14])
	}
}

func FuzzPvpanic(f *testing.F) {
	f.Add([]byte{1, 0, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		d := New(AllEvents, nil)
		var c devtest.Clock
		devtest.FuzzPorts(in, &c, d, DefaultPort)
		devtest.FuzzMMIO(in, &c, d, barSize)
	})
}
