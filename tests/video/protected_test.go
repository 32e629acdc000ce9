package video

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goemu/tests/guest"
)

// TestProtected runs VBE's functions for protected mode, which programs copy (VBE 3.0, function 0Ah).
func TestProtected(t *testing.T) {
	dir := t.TempDir()
	disk, console := filepath.Join(dir, "disk.img"), filepath.Join(dir, "console")
	if msg, err := exec.Command("nasm", "-f", "bin", "-o", disk, "protected.asm").CombinedOutput(); err != nil {
		t.Fatalf("nasm: %v\n%s", err, msg)
	}
	if err := os.Truncate(disk, 1440<<10); err != nil {
		t.Fatal(err)
	}
	s := guest.StartCommand(t, guest.Goemu(t), "-nodefaults", "-device", "VGA", "-m", "32", "-display", "none", "-debugcon", "file:"+console,
		"-drive", "if=floppy,format=raw,snapshot=on,file="+disk, "-device", "isa-debug-exit,iobase=0xf4,iosize=1")
	status := s.Wait()
	out, err := os.ReadFile(console)
	if err != nil || status != 1 {
		t.Fatalf("status %d, %v\n%s", status, err, s.Output())
	}
	// Status, DX; bank, column and line of the start.
	const want = `004f 0005 0005 0000 0000 
004f 0005 0005 0000 0000 
014f 01cf 0005 0000 0000 
004f 0000 0005 0008 0003 
004f 0007 0005 0000 0258 
004f 030201131211
`
	if d := cmp.Diff(want, string(out)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
