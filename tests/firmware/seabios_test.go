package firmware

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goemu/tests/guest"
)

// TestSeaBIOS lets SeaBIOS start a boot sector and looks at what it has left in memory.
func TestSeaBIOS(t *testing.T) {
	floppy := bootable(t, "inspect.asm", floppySize)
	for _, board := range boards {
		args := []string{"-M", board, "-bios", "bios-256k.bin", "-fda", floppy, "-snapshot"}
		want := inspect(t, onQEMU(t), args...)
		acpiTables(t, want.memory) // the dump is right
		for _, accel := range engines {
			got := inspect(t, onGoemu(t, "-accel", accel), args...)
			if d := cmp.Diff(lines(want.text, "boot drive", "end"), lines(got.text, "boot drive", "end")); d != "" {
				t.Errorf("%s, %s: %s\n%s", board, accel, d, got.text)
			}
			tables := acpiTables(t, got.memory)
			for _, name := range []string{"FACP", "FACS", "APIC", "HPET", "DSDT"} {
				if tables[name] == nil {
					t.Errorf("%s, %s: no %s", board, accel, name)
				}
			}
			disassemble(t, tables)
			if n := strings.Count(got.text, "Boot failed"); n > 0 {
				t.Errorf("%s, %s: %s", board, accel, got.text)
			}
		}
	}
}

// boards are the values of -M.
var boards = []string{"pc", "q35"}

// TestBootMenu chooses the floppy in SeaBIOS's menu on the serial port; the hard disk comes first without it.
func TestBootMenu(t *testing.T) {
	floppy := bootable(t, "inspect.asm", floppySize)
	for _, board := range boards {
		s := guest.Start(t, "-M", board, "-bios", "bios-256k.bin", "-fda", floppy, "-snapshot", "-nographic",
			"-boot", "order=d,menu=on,splash-time=60000", "-device", "isa-debug-exit,iobase=0xf4,iosize=4")
		s.Expect("Press ESC for boot menu")
		s.Send("\x1b")
		list := s.Expect("Floppy")
		s.Send(string(list[strings.LastIndex(list, ". ")-1]))
		s.Expect("boot drive 00")
		if status := s.Wait(); status != 33 {
			t.Errorf("%s: exit status %d, want 33", board, status)
		}
	}
}
