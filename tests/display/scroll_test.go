package display

import (
	"testing"

	"goemu/emu"
)

// TestScroll moves memory within the window by string instructions in all ways, and compares the picture: goemu does them in blocks.
func TestScroll(t *testing.T) {
	var s script
	text(&s, &mode3)
	s.attr(0x10, 0) // see text: any character may come to be where QEMU differs
	s.scroll(7, 0xb8000, 0xb80a0, 1920)
	s.scroll(1, 0xb8000+1003, 0xb8000+40, 77)
	s.move(0xb8000+2001, 0xb8000+2000, 333) // over itself
	s.move(0x200000, 0xb8000, 4000)
	s.move(0xb8000+500, 0x200000+900, 1001)
	s.fill(0xb8000+3200, 160, 0x5a)
	want, _ := onQEMU(t, s)
	for _, accel := range []emu.Accel{emu.AccelTCG, emu.AccelInterp} {
		got, _ := onGoemu(t, s, accel)
		compare(t, want, got, 6)
	}
}
