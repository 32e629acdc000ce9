package commands

import (
	"bytes"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"goemu/tests/guest"
)

// Whichever signal ends goemu, the terminal is as it was.
func TestTerminalAfterSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		t.Run(sig.String(), func(t *testing.T) {
			ptm, tty, err := pty.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer ptm.Close()
			defer tty.Close()
			state := func() *unix.Termios {
				s, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			before := state()
			cmd := exec.Command(guest.Goemu(t), "-nographic")
			cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			late := time.AfterFunc(guest.Patience, func() { cmd.Process.Kill() })
			defer late.Stop()
			var seen bytes.Buffer
			for p := make([]byte, 1); !bytes.HasSuffix(seen.Bytes(), []byte("\n> ")); seen.Write(p) {
				if _, err := ptm.Read(p); err != nil {
					t.Fatalf("no prompt: %v\n%s", err, &seen)
				}
			}
			if cmp.Equal(before, state()) {
				t.Error("the terminal is not raw while goemu runs")
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			if status := cmd.ProcessState.ExitCode(); status != 128+int(sig) {
				t.Errorf("status %d", status)
			}
			if d := cmp.Diff(before, state()); d != "" {
				t.Error(d)
			}
		})
	}
}
