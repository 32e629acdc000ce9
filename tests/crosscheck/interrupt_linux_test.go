package crosscheck

import (
	"bufio"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"goemu/tests/guest"
)

// On a terminal it shows how far it is, and Ctrl-C ends it.
func TestInterrupt(t *testing.T) {
	needTCG(t)
	cmd := exec.Command(guest.Goemu(t), "crosscheck", "--json", "-m", "256", "-kernel", guest.File(t, "vmlinuz"), "-initrd", guest.File(t, "initrd.gz"), "-append", "console=ttyS0")
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	late := time.AfterFunc(guest.Patience, func() { cmd.Process.Kill() })
	defer late.Stop()
	var out strings.Builder
	in := bufio.NewReader(tty)
	for sent := false; ; {
		c, err := in.ReadByte()
		if err != nil {
			break
		}
		out.WriteByte(c)
		if !sent && strings.HasSuffix(out.String(), "million instructions are equal") {
			sent = true
			if _, err := tty.Write([]byte{3}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if cmd.Wait(); cmd.ProcessState.ExitCode() != 130 || !strings.Contains(out.String(), "interrupted after") || !strings.Contains(out.String(), `"result": "interrupted"`) {
		t.Errorf("exit status %d\n%s", cmd.ProcessState.ExitCode(), out.String())
	}
}

// A signal ends the comparison of snippets between two of them.
func TestInterruptSnippets(t *testing.T) {
	needTCG(t)
	cmd := exec.Command(guest.Goemu(t), "crosscheck", "--snippet", "-")
	cmd.Stdin = strings.NewReader(strings.Repeat("90\n", 20_000)) // more than a pipe holds of what is said of them
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(guest.Patience, func() { cmd.Process.Kill() })
	defer late.Stop()
	in := bufio.NewReader(out)
	if _, err := in.ReadByte(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		t.Error(err)
	}
	cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 143 || !strings.Contains(errs.String(), "of 20000 cases, of which 0 differ") {
		t.Errorf("exit status %d\n%s", status, errs.String())
	}
}

// What is typed comes to both machines at the same instruction.
func TestTyped(t *testing.T) {
	needTCG(t)
	s := guest.Start(t, "crosscheck", "--console")
	for _, x := range []struct{ typed, want string }{{"walk 2abcde\r", "physical address 00000000002abcde"}, {"fault br\r", "vector 5 #BR"}} {
		s.Expect("\n> ")
		s.Send(x.typed)
		s.Expect(x.want)
	}
	s.Expect("\n> ")
	s.Send("off\r")
	if status := s.Wait(); status != 0 || !strings.Contains(s.Output(), "do the same") {
		t.Errorf("exit status %d\n%s", status, s.Output())
	}
}
