package bios

import "testing"

// TestROM holds the ROM to what it must be.
func TestROM(t *testing.T) {
	r, err := theROM()
	if err != nil {
		t.Fatal(err)
	}
	if s := sum(r.image); s != 0 {
		t.Errorf("sum %#x", s)
	}
}
