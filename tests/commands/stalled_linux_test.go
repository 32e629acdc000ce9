package commands

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"goemu/tests/guest"
)

// A terminal that takes nothing any more does not hold up the guest, and goemu ends all the same, with the terminal's modes as they were.
func TestStalledTerminal(t *testing.T) {
	kernel := filepath.Join(t.TempDir(), "flood")
	if out, err := exec.Command("nasm", "-f", "bin", "-o", kernel, "flood.asm").CombinedOutput(); err != nil {
		t.Fatalf("nasm: %v\n%s", err, out)
	}
	for name, c := range map[string]struct {
		options []string
		until   string // what is read of the terminal before it stalls
	}{
		"plain": {[]string{"-nographic"}, "xxx"}, "display": {[]string{"-display", "tui"}, "Ctrl-A: h help"},
	} {
		t.Run(name, func(t *testing.T) {
			ptm, tty, err := pty.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer ptm.Close()
			defer tty.Close()
			if err := pty.Setsize(ptm, &pty.Winsize{Rows: 40, Cols: 132}); err != nil {
				t.Fatal(err)
			}
			modes := func() *unix.Termios {
				s, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			before := modes()
			said := filepath.Join(t.TempDir(), "said")
			cmd := exec.Command(guest.Goemu(t), append(c.options, "-kernel", kernel, "-debugcon", "file:"+said)...)
			cmd.Env = append(os.Environ(), "TERM=xterm-256color", "LC_ALL=C.UTF-8")
			cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			late := time.AfterFunc(guest.Patience, func() { cmd.Process.Kill() })
			defer late.Stop()
			var seen bytes.Buffer
			for p := make([]byte, 1); !bytes.HasSuffix(seen.Bytes(), []byte(c.until)); seen.Write(p) {
				if _, err := ptm.Read(p); err != nil {
					t.Fatalf("no %q: %v\n%q", c.until, err, &seen)
				}
			}
			for end := time.Now().Add(guest.Patience); ; time.Sleep(10 * time.Millisecond) {
				if p, err := os.ReadFile(said); err == nil && len(p) > 0 {
					break
				}
				if time.Now().After(end) {
					t.Fatal("the guest does not get on")
				}
			}
			if cmp.Equal(before, modes()) {
				t.Error("the terminal is not raw while goemu runs")
			}
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			if status := cmd.ProcessState.ExitCode(); status != 128+int(syscall.SIGTERM) {
				t.Errorf("status %d", status)
			}
			if d := cmp.Diff(before, modes()); d != "" {
				t.Error(d)
			}
		})
	}
}
