package accel_test

import "testing"

// Two code segments have different code at the same offset: indirect jumps must not mix them up.
func TestSameOffsetInTwoSegments(t *testing.T) {
	for _, native := range engines() {
		w := newWorld(t, native, 100)
		copy(w.ram[codeAt:], []byte{
			0xb8, 0x00, 0x01, // mov ax, 0x100
			0xff, 0xd0, // call ax
			0xff, 0xd0, // call ax
			0xea, 0x10, 0x00, 0x00, 0x20, // jmp 0x2000:0x10
		})
		copy(w.ram[codeAt+0x100:], []byte{0x43, 0xc3})        // inc bx; ret
		copy(w.ram[0x20010:], []byte{0xff, 0xe0})             // jmp ax
		copy(w.ram[0x20100:], []byte{0x41, 0xf4, 0xeb, 0xfd}) // inc cx; hlt
		w.enter(16, [16]uint64{})
		w.execute(t)
		if bx, cx := w.env.GPR[3], w.env.GPR[1]; bx != 2 || cx != 1 {
			t.Errorf("native %v: BX = %d, CX = %d, want 2 and 1", native, bx, cx)
		}
		w.close()
	}
}
