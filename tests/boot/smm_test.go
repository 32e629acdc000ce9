package boot

import (
	"os"
	"path/filepath"
	"testing"

	"goemu/tests/guest"
)

// TestSecureBoot runs the OVMF that keeps its variables by code in system management mode, in TSEG: with Microsoft's keys enrolled it must refuse
// to start its own shell, which nobody has signed.
func TestSecureBoot(t *testing.T) {
	t.Parallel()
	const dir = "/usr/share/OVMF/"
	vars, err := os.ReadFile(dir + "OVMF_VARS_4M.ms.fd")
	if err != nil {
		t.Fatalf("%v: Debian's package ovmf is not installed", err)
	}
	file := filepath.Join(t.TempDir(), "vars.fd")
	if err := os.WriteFile(file, vars, 0o600); err != nil {
		t.Fatal(err)
	}
	s := guest.Start(t, "-M", "q35", "-m", "512", "-nographic", "-nodefaults", "-serial", "stdio",
		"-drive", "if=pflash,format=raw,readonly=on,file="+dir+"OVMF_CODE_4M.secboot.fd", "-drive", "if=pflash,format=raw,file="+file)
	s.Expect("starting Boot")
	s.Expect("EFI Internal Shell")
	s.Expect("Security Violation")
}
