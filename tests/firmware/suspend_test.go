package firmware

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSuspend sleeps in S3 under SeaBIOS, which has to find the waking vector after the clock has woken the machine.
func TestSuspend(t *testing.T) {
	floppy := bootable(t, "suspend.asm", floppySize)
	want := []string{"sleeps", "wakes", "memory is kept", "WAK_STS is set"}
	for _, board := range boards {
		args := []string{"-M", board, "-bios", "bios-256k.bin", "-fda", floppy, "-snapshot"}
		qemu := inspect(t, onQEMU(t), args...)
		if d := cmp.Diff(want, lines(qemu.text, want...)); d != "" {
			t.Errorf("%s: QEMU: %s", board, d)
		}
		for _, accel := range engines {
			got := inspect(t, onGoemu(t, "-accel", accel), args...)
			if d := cmp.Diff(want, lines(got.text, want...)); d != "" {
				t.Errorf("%s, %s: %s\n%s", board, accel, d, got.text)
			}
		}
	}
}
