package firmware

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goemu/tests/guest"
)

const (
	ovmfCode = "/usr/share/OVMF/OVMF_CODE_4M.fd"
	ovmfVars = "/usr/share/OVMF/OVMF_VARS_4M.fd"

	// readVariable prints a variable; with more after it, sets it.
	readVariable = "setvar goemutest -guid 6d2f1a7e-1f0b-4c58-9d6a-3b5a0c9e7f11"
)

// shell waits for the prompt of the EFI shell after power-on.
func shell(s *guest.Session) {
	s.Expect("any other key to continue")
	s.Send("\r")
	s.Expect("Shell> ")
}

// command types a command and returns what it prints.
func command(s *guest.Session, line string) string {
	s.Send(line + "\r")
	s.Expect(line[len(line)-1:]) // the echo
	return s.Expect("Shell> ")
}

// TestOVMFVariables sets a variable in the EFI shell, resets, finds it there, and powers off. It is still there in the next machine.
func TestOVMFVariables(t *testing.T) {
	for _, board := range boards {
		vars := filepath.Join(t.TempDir(), "vars.fd")
		fresh, err := os.ReadFile(ovmfVars)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vars, fresh, 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"-M", board, "-m", "256", "-nographic",
			"-drive", "if=pflash,format=raw,unit=0,readonly=on,file=" + ovmfCode, "-drive", "if=pflash,format=raw,unit=1,file=" + vars}
		s := guest.Start(t, args...)
		shell(s)
		command(s, readVariable+" -bs -rt -nv =H0123456789abcdef")
		s.Send("reset\r")
		shell(s)
		const value = "01 23 45 67 89 AB CD EF"
		if out := command(s, readVariable); !strings.Contains(strings.ToUpper(out), value) {
			t.Errorf("%s: after the reset the shell says %q", board, out)
		}
		s.Send("reset -s\r")
		if status := s.Wait(); status != 0 {
			t.Errorf("%s: power off gives exit status %d", board, status)
		}
		stored, err := os.ReadFile(vars)
		if err != nil || len(stored) != len(fresh) || bytes.Equal(stored, fresh) {
			t.Errorf("%s: the variables' file has %d bytes, changed: %v (%v)", board, len(stored), !bytes.Equal(stored, fresh), err)
		}
		s = guest.Start(t, args...)
		shell(s)
		if out := command(s, readVariable); !strings.Contains(strings.ToUpper(out), value) {
			t.Errorf("%s: after a new start the shell says %q", board, out)
		}
		s.Send("reset -s\r")
		s.Wait()
	}
}

// TestOVMFSecureBoot needs system management mode with TSEG: the variables' driver runs there. It refuses the shell, which nobody has signed.
func TestOVMFSecureBoot(t *testing.T) {
	s := guest.Start(t, "-M", "q35", "-m", "256", "-nographic",
		"-drive", "if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd",
		"-drive", "if=pflash,format=raw,unit=1,snapshot=on,file=/usr/share/OVMF/OVMF_VARS_4M.ms.fd")
	s.Expect("Security Violation")
	s.Expect("Press any key to enter the Boot Manager Menu")
}

// TestOVMFMuchMemory has RAM above 4 GiB and several processors.
func TestOVMFMuchMemory(t *testing.T) {
	s := guest.Start(t, "-M", "q35", "-m", "5G", "-smp", "4", "-nographic",
		"-drive", "if=pflash,format=raw,unit=0,readonly=on,file="+ovmfCode, "-drive", "if=pflash,format=raw,unit=1,snapshot=on,file="+ovmfVars)
	shell(s)
	if out := command(s, "memmap"); !strings.Contains(out, "100000000-00000001BFFFFFFF") && !strings.Contains(out, "0000000100000000-") {
		t.Errorf("memmap has no memory from 4 GiB on: %q", out)
	}
	s.Send("reset -s\r")
	s.Wait()
}
