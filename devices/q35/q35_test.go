package q35

import (
	"testing"

	"goemu/devices/devtest"
	"goemu/devices/pci"
)

// newBridge returns a bridge on a bus.
func newBridge(t *testing.T) *HostBridge {
	h := New()
	if err := pci.NewBus(nil, nil).Add(0, 0, h.Function); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestIdentity(t *testing.T) {
	h := newBridge(t)
	for reg, want := range map[uint8]uint32{pci.VendorID: 0x29c0_8086, pci.Revision: 0x0600_0000, 0xe0: 0x010b0009, PCIEXBAR: 0xe0000000} {
		if got := h.ReadConfig(reg, 4); got != want {
			t.Errorf("register %#x reads %#x, want %#x", reg, got, want)
		}
	}
}

// PCIEXBAR: base, length and enable (5.1.16).
func TestMMConfig(t *testing.T) {
	h := newBridge(t)
	var calls int
	h.OnMMConfig = func() { calls++ }
	for _, c := range []struct {
		low, high  uint32
		base, size uint64
	}{
		{0xb0000000, 0, 0, 0},
		{0xb0000001, 0, 0xb0000000, 256 << 20},
		{0xf8000003, 0, 0xf8000000, 128 << 20},
		{0xfc000005, 0, 0xfc000000, 64 << 20},
		{0xfc000007, 0, 0, 0}, // reserved
		{0xffffffff, 0, 0, 0},
		{0xfc000001, 0, 0xf0000000, 256 << 20}, // bits below the length are 0
		{0xe0000001, 0xffffffff, 0xfe0000000, 256 << 20},
	} {
		calls = 0
		h.WriteConfig(PCIEXBAR, 4, c.low)
		h.WriteConfig(PCIEXBAR+4, 4, c.high)
		if base, size := h.MMConfig(); base != c.base || size != c.size || calls != 2 {
			t.Errorf("%#x, %#x: %#x of %#x bytes, %d calls", c.low, c.high, base, size, calls)
		}
	}
	h.Reset()
	if _, size := h.MMConfig(); size != 0 {
		t.Error("on after reset")
	}
}

func TestPAM(t *testing.T) {
	h := newBridge(t)
	var calls int
	h.OnPAM = func() { calls++ }
	h.WriteConfig(PAM0, 4, 0xffffffff)
	h.WriteConfig(PAM0+4, 4, 0x0012_3012) // PAM6 is the byte at 96h; 97h is another register
	want := [13]uint8{3, 3, 3, 3, 3, 3, 2, 1, 0, 3, 2, 1, 3}
	for i := range want {
		if got := h.Shadow(i); got != want[i] {
			t.Errorf("area %d: %d, want %d", i, got, want[i])
		}
	}
	if got := h.ReadConfig(PAM0, 4); calls != 2 || got != 0x33333330 {
		t.Errorf("%d calls, PAM0 to PAM3 read %#x", calls, got)
	}
}

// SMRAM and ESMRAMC (5.1.28, 5.1.29): who sees what, and the lock.
func TestSMRAM(t *testing.T) {
	for _, c := range []struct {
		name             string
		smram, esmramc   uint32
		low, high        bool // outside of SMM
		smmLow, smmHigh  bool
		tseg             uint64
		smramIs, extIs   uint32
		unlocked, opened bool
	}{
		{name: "off", smram: 0x02, esmramc: 0x83, smramIs: 0x02, extIs: 0xbb},
		{name: "on", smram: 0x0a, smmLow: true, smramIs: 0x0a, extIs: 0x38},
		{name: "open", smram: 0x4a, low: true, smmLow: true, smramIs: 0x4a, extIs: 0x38},
		{name: "high", smram: 0x4a, esmramc: 0x80, high: true, smmHigh: true, smramIs: 0x4a, extIs: 0xb8},
		{name: "TSEG of 1 MiB", smram: 0x0a, esmramc: 0x01, smmLow: true, tseg: 1 << 20, smramIs: 0x0a, extIs: 0x39},
		{name: "TSEG of 8 MiB", smram: 0x0a, esmramc: 0x05, smmLow: true, tseg: 8 << 20, smramIs: 0x0a, extIs: 0x3d},
		{name: "no such size", smram: 0x0a, esmramc: 0x07, smmLow: true, smramIs: 0x0a, extIs: 0x3f},
		{name: "locked", smram: 0x5a, esmramc: 0x03, smmLow: true, tseg: 2 << 20, smramIs: 0x1a, extIs: 0x3b},
	} {
		h := newBridge(t)
		h.WriteConfig(ESMRAMC, 1, c.esmramc)
		h.WriteConfig(SMRAM, 1, c.smram)
		low, high := h.SMRAM(false)
		smmLow, smmHigh := h.SMRAM(true)
		if low != c.low || high != c.high || smmLow != c.smmLow || smmHigh != c.smmHigh || h.TSEG() != c.tseg {
			t.Errorf("%s: %v %v, in SMM %v %v, TSEG %#x", c.name, low, high, smmLow, smmHigh, h.TSEG())
		}
		if s, e := h.ReadConfig(SMRAM, 1), h.ReadConfig(ESMRAMC, 1); s != c.smramIs || e != c.extIs {
			t.Errorf("%s: SMRAM %#x, ESMRAMC %#x", c.name, s, e)
		}
	}
	h := newBridge(t)
	h.WriteConfig(EXTTSEG, 2, 0xffff)
	h.WriteConfig(ESMRAMC, 1, 0x07)
	h.WriteConfig(SMRAM, 1, 0x0a)
	if got := h.ReadConfig(EXTTSEG, 2); got != 16 || h.TSEG() != 16<<20 {
		t.Errorf("EXTTSEG is %d, TSEG %#x", got, h.TSEG())
	}
	h = newBridge(t)
	h.WriteConfig(SMRAM, 1, 0x5a)
	h.WriteConfig(SMRAM, 2, 0xff4a)
	if got := h.ReadConfig(SMRAM, 2); got != 0x381a {
		t.Errorf("a locked register can be written: %#x", got)
	}
	state := h.SaveState()
	h.Reset()
	h.WriteConfig(SMRAM, 1, 0x4a)
	if got := h.ReadConfig(SMRAM, 1); got != 0x4a {
		t.Errorf("still locked after reset: %#x", got)
	}
	if err := h.RestoreState(state); err != nil {
		t.Fatal(err)
	}
	h.WriteConfig(SMRAM, 1, 0x4a)
	if got := h.ReadConfig(SMRAM, 1); got != 0x1a {
		t.Errorf("the restored state is not locked: %#x", got)
	}
	state.Version++
	if h.RestoreState(state) == nil {
		t.Error("a state of another version was taken")
	}
}

func FuzzHostBridge(f *testing.F) {
	f.Add([]byte{0x60, 1, 0, 0, 0xb0, 0x9d, 0x5a, 0x9e, 3})
	f.Fuzz(func(t *testing.T, in []byte) {
		h := newBridge(t)
		b := devtest.NewBytes(in)
		for n := 0; b.Len() > 0 && n < 2000; n++ {
			h.WriteConfig(b.Byte(), 1<<(b.Byte()%3), b.U32())
			if _, size := h.MMConfig(); size&(size-1) != 0 || size > 256<<20 {
				t.Fatalf("configuration space of %#x bytes", size)
			}
			h.SMRAM(true)
			h.TSEG()
			h.Shadow(n % 13)
		}
		if err := h.RestoreState(h.SaveState()); err != nil {
			t.Error(err)
		}
	})
}
