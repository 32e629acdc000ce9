package system

import "testing"

// QEMU goes on with the waiting instruction, and does not come through.
func TestFERR32(t *testing.T) {
	t.Parallel()
	checkOn(t, 2, `
		error #2d 0000 +07 08
		IGNNE none
		cleared none
		again #2d 0000 +07 08
		after FNINIT #2d 0000 +07 08
		NE set #10 0000 +07 08
	`, nil, "ferr32.asm")
}
