package accel_test

import "testing"

// Two code segments that take turns have different code at the same offset: indirect jumps must not mix them up.
func TestSameOffsetInTwoSegments(t *testing.T) {
	for _, native := range engines() {
		w := newWorld(t, native, 110)
		copy(w.ram[codeAt:], []byte{
			0xb8, 0x00, 0x01, // mov ax, 0x100
			0xff, 0xd0, // call ax
			0xff, 0xd0, // call ax
			0xea, 0x10, 0x00, 0x00, 0x20, // jmp 0x2000:0x10
		})
		copy(w.ram[codeAt+0x100:], []byte{0x43, 0xc3})                    // inc bx; ret
		copy(w.ram[0x20010:], []byte{0xff, 0xe0})                         // jmp ax
		copy(w.ram[0x20100:], []byte{0x41, 0xea, 0x00, 0x00, 0x00, 0x10}) // inc cx; jmp 0x1000:0
		w.enter(16, [16]uint64{})
		w.execute(t)
		// Each round has 11 instructions, of which two count BX and one CX.
		if bx, cx := w.env.GPR[3], w.env.GPR[1]; bx != 20 || cx != 10 {
			t.Errorf("native %v: BX = %d, CX = %d, want 20 and 10", native, bx, cx)
		}
		w.close()
	}
}
