package display

import (
	"fmt"
	"strings"
	"testing"

	"goemu/emu"
)

// reading is a script that prints values, with what each is.
type reading struct {
	script
	what []string
}

func (r *reading) in(what string, port uint16) {
	r.script.in(port)
	r.what = append(r.what, what)
}

func (r *reading) peek(what string, at uint32) {
	r.script.peek(at)
	r.what = append(r.what, what)
}

// indexed writes values to a register and reads each back.
func (r *reading) indexed(what string, port uint16, i uint8) {
	for _, v := range []uint8{0xff, 0x00, 0x5a} {
		r.set(port, i, v)
		r.in(fmt.Sprintf("%s %02x after %02x", what, i, v), port+1)
	}
}

func (r *reading) dispi(what string, i uint16) {
	r.outw(0x1ce, i)
	r.inw(0x1cf)
	r.what = append(r.what, what+" high", what+" low")
}

// deviant are the lines that differ from QEMU's, with the reason.
var deviant = map[string]string{
	"seq 07 after ff": "the register exists on no VGA",
	"seq 07 after 5a": "the register exists on no VGA",
	"DAC mask":        "QEMU has no DAC mask",

	"dispi 7 of [0 0 9 65 0 0 0 0 0] high": "2,097,152 lines, which 16 bits do not hold",
	"dispi 7 of [0 0 9 65 0 0 0 0 0] low":  "2,097,152 lines, which 16 bits do not hold",
}

func TestRegisters(t *testing.T) {
	var r reading
	r.mode(&mode12)
	r.in("miscellaneous output", 0x3cc)
	for i := range uint8(8) {
		r.indexed("seq", 0x3c4, i)
	}
	for i := range uint8(16) {
		r.indexed("gfx", 0x3ce, i)
	}
	r.crtc(0x11, 0)
	for i := range uint8(25) {
		if i != 0x11 {
			r.indexed("crtc", 0x3d4, i)
		}
	}
	r.crtc(7, 0)
	r.crtc(0x11, 0x80)
	for i := range uint8(9) {
		r.indexed("crtc, protected", 0x3d4, i)
	}
	for i := range uint8(0x16) {
		for _, v := range []uint8{0xff, 0, 0x5a} {
			r.attr(i&31, v)
			r.reset()
			r.out(0x3c0, i)
			r.in(fmt.Sprintf("attr %02x after %02x", i, v), 0x3c1)
			r.in("attr, data next", 0x3c0)
			r.reset()
			r.in("attr, index next", 0x3c0)
		}
	}
	r.palette()
	r.out(0x3c7, 0x20)
	r.in("DAC state", 0x3c7)
	for i := range 7 {
		r.in(fmt.Sprintf("DAC data %d", i), 0x3c9)
	}
	r.in("DAC write index", 0x3c8)
	r.out(0x3c8, 0x11)
	r.in("DAC state", 0x3c7)
	r.in("DAC write index", 0x3c8)
	r.in("DAC mask", 0x3c6)
	r.in("status 0", 0x3c2)
	r.in("monochrome CRTC", 0x3b5)
	r.out(0x3da, 0xff)
	r.in("feature control", 0x3ca)

	r.mode(&mode12)
	r.planes(4096, 40)
	for i := range uint8(4) {
		r.gfx(4, i)
		r.peek("read mode 0", 0xa0000+77)
	}
	r.gfx(5, 8)
	r.gfx(7, 5)
	for i := range uint8(16) {
		r.gfx(2, i)
		r.peek("read mode 1", 0xa0000+78)
	}

	r.script.dispi(4, 0)
	for i := range uint16(12) {
		r.dispi(fmt.Sprintf("dispi %d", i), i)
	}
	for _, m := range [][9]uint16{ // registers 1 to 9
		{1024, 768, 32, 0x41, 0, 0, 0, 0, 0},
		{1027, 769, 24, 0x41, 0, 2000, 0, 10, 10},
		{0, 0, 9, 0x41, 0, 0, 0, 0, 0},
		{1600, 1200, 8, 0x41, 999, 0, 0, 0, 0},
		{1280, 1024, 16, 0x41, 3, 0, 0, 0, 9999},
		{60000, 60000, 15, 0x41, 3, 0, 0, 60000, 9999},
	} {
		r.script.dispi(4, 0)
		for _, i := range []uint16{1, 2, 3, 4, 5, 6, 8, 9} {
			if i < 5 || m[i-1] != 0 {
				r.script.dispi(i, m[i-1])
			}
		}
		for i := range uint16(11) {
			if i != 5 {
				r.dispi(fmt.Sprintf("dispi %d of %v", i, m), i)
			}
		}
		r.script.dispi(4, 3)
		for i := range uint16(4) {
			r.dispi(fmt.Sprintf("dispi limit %d", i), i)
		}
	}
	_, want := onQEMU(t, r.script)
	_, got := onGoemu(t, r.script, emu.AccelAuto)
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	if len(w) != len(g) || len(w) != len(r.what)+2 { // DONE, and the end
		t.Fatalf("%d lines, on QEMU %d, want %d", len(g), len(w), len(r.what)+2)
	}
	for i, what := range r.what {
		if _, differs := deviant[what]; w[i] != g[i] && !differs {
			t.Errorf("%s: %s, on QEMU %s", what, g[i], w[i])
		}
	}
}
