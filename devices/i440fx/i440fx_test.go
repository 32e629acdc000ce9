package i440fx

import (
	"testing"

	"goemu/devices/pci"
)

func TestIdentity(t *testing.T) {
	h := New()
	for reg, want := range map[uint8]uint32{0x00: 0x12378086, 0x08: 0x06000002, 0x04: 0x02000006} {
		if got := h.ReadConfig(reg, 4); got != want {
			t.Errorf("register %#x: %#x, want %#x", reg, got, want)
		}
	}
}

func TestShadow(t *testing.T) {
	h := New()
	calls := 0
	h.OnPAM = func() { calls++ }
	h.WriteConfig(PAM0, 4, 0x32211030)
	for i, want := range map[int]uint8{12: 3, 0: 0, 1: 1, 2: 1, 3: 2, 4: 2, 5: 3, 6: 0} {
		if got := h.Shadow(i); got != want {
			t.Errorf("area %d: %d, want %d", i, got, want)
		}
	}
	h.WriteConfig(0x50, 2, 0)
	if calls != 1 {
		t.Errorf("%d calls of OnPAM, want 1", calls)
	}
}

func TestSMRAMLock(t *testing.T) {
	h := New()
	if err := pci.NewBus(nil, nil).Add(0, 0, h.Function); err != nil {
		t.Fatal(err)
	}
	h.WriteConfig(SMRAM, 1, 0x4a)
	if got := h.ReadConfig(SMRAM, 1); got != 0x4a {
		t.Errorf("SMRAM %#x", got)
	}
	h.WriteConfig(SMRAM, 1, 0x5a)
	h.WriteConfig(SMRAM, 1, 0x4a)
	if got := h.ReadConfig(SMRAM, 1); got != 0x1a {
		t.Errorf("locked SMRAM %#x, want 1Ah", got)
	}
	s := h.SaveState()
	o := New()
	if err := o.RestoreState(s); err != nil {
		t.Fatal(err)
	}
	o.WriteConfig(SMRAM, 1, 0x4a)
	if got := o.ReadConfig(SMRAM, 1); got != 0x1a {
		t.Errorf("the lock is lost by saving: %#x", got)
	}
	h.Reset()
	h.WriteConfig(SMRAM, 1, 0x4a)
	if got := h.ReadConfig(SMRAM, 1); got != 0x4a {
		t.Errorf("SMRAM after reset %#x", got)
	}
}
