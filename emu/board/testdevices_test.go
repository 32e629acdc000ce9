package board

import (
	"strings"
	"testing"

	"goemu/mmu"
)

// config reads a doubleword of configuration space.
func (b *bench) config(slot, fn, reg uint32) uint32 {
	b.pc.Ports.Out(0xcf8, 4, 1<<31|slot<<11|fn<<8|reg)
	return b.pc.Ports.In(0xcfc, 4)
}

func TestTestDevices(t *testing.T) {
	for _, machine := range []Machine{I440FX, Q35} {
		panics := 0
		change := func(c *Config) {
			c.Machine = machine
			c.OnPanic = func() { panics++ }
			c.Devices = []string{"edu,addr=5", "pci-testdev,membar=0x1000,addr=6.0", "pvpanic-pci,addr=7.1,id=x", "pc-testdev", "pvpanic", "edu"}
		}
		b := newBench(t, change)
		for _, c := range []struct{ slot, fn, want uint32 }{{5, 0, 0x11e81234}, {6, 0, 0x00051b36}, {7, 1, 0x00111b36}, {3, 0, 0x11e81234}} {
			if machine == Q35 && c.slot == 3 {
				c.slot = 2
			}
			if got := b.config(c.slot, c.fn, 0); got != c.want {
				t.Errorf("slot %d.%d is %#x, want %#x", c.slot, c.fn, got, c.want)
			}
		}
		// Interrupt lines of pc-testdev reach both controllers.
		b.pin(9, 0x39)
		b.pin(20, 0x44)
		b.out(0x2009, 1)
		b.ack("line 9", 0x39)
		b.w4(0xfee000b0, 0)
		b.out(0x2009, 0)
		b.out(0x2000+20, 1)
		b.ack("line 20", 0x44)
		remaps := 0
		b.pc.Space.OnRemap = func(base, size uint64) {
			if base == 0x5000 && size == 0x1000 {
				remaps++
			}
		}
		b.pc.Ports.Out(0xe4, 4, 0x5123)
		if remaps != 1 {
			t.Error("the page is not flushed")
		}
		if b.in(0x505) != 3 {
			t.Error("pvpanic")
		}
		b.out(0x505, 2)
		b.out(0x505, 1)
		if panics != 1 {
			t.Errorf("%d panics", panics)
		}
		b.w4(0xff000010, 0x12345678)
		s := b.pc.SaveState()
		o := newBench(t, change)
		if err := o.pc.RestoreState(s); err != nil || o.r4(0xff000010) != 0x12345678 {
			t.Errorf("saved state: %v", err)
		}
		if err := newBench(t, func(c *Config) { c.Machine = machine }).pc.RestoreState(s); err == nil {
			t.Error("the state of another configuration is taken")
		}
	}
}

func TestBadTestDevices(t *testing.T) {
	for opts, want := range map[string]string{
		"edu,addr=32":             "addr=32",
		"edu,addr=1.8":            "addr=1.8",
		"edu,addr=0":              "not free",
		"edu,mask=1":              `no property "mask"`,
		"pci-testdev,membar=1000": "power of two",
		"pvpanic,events=4":        "events=4",
		"pvpanic,ioport=0x10000":  "ioport",
	} {
		c := newBench(t, nil).pc.cfg
		c.Devices = []string{opts}
		c.Space, c.Ports = mmu.NewSpace(40), nil
		if _, err := NewPC(c); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), opts) {
			t.Errorf("-device %s: %v, want an error that says %q", opts, err, want)
		}
	}
}
