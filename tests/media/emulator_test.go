package media

import (
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"goemu/tests/guest"
	"goemu/tests/sockets"
)

// emulator is goemu or QEMU, run as a person does, with COM1 on its standard input and output and its monitor on a socket.
type emulator struct {
	prompt string // of the monitor
	cmd    *exec.Cmd
	in     io.WriteCloser
	dir    string
	done   chan struct{}
	err    error // of its end
}

// command is an emulator's command line.
func command(t testing.TB, c config, dir string) *exec.Cmd {
	args := []string{"-M", c.board, "-m", fmt.Sprint(c.memory), "-display", "none", "-serial", "stdio", "-no-reboot",
		"-monitor", "unix:" + filepath.Join(dir, "monitor") + ",server,nowait"}
	if c.icount != 0 {
		args = append(args, "-icount", fmt.Sprintf("shift=%d,sleep=off", c.icount))
	}
	for _, d := range c.drives {
		args = append(args, "-drive", d)
	}
	if c.boot != "" {
		args = append(args, "-boot", c.boot)
	}
	if onQEMU() {
		return exec.Command("qemu-system-x86_64", append(args, "-accel", "tcg", "-nic", "none")...)
	}
	if c.firmware == seabios {
		args = append(args, "-bios", "bios-256k.bin")
	}
	return exec.Command(guest.Goemu(t), append(args, "-accel", c.engine)...)
}

// launch runs an emulator until the end of the test.
func launch(t testing.TB, c config) *pc {
	t.Helper()
	p := newPC(t)
	p.brief = c.brief
	if c.engine == interp {
		p.patience *= 3
	}
	e := &emulator{dir: sockets.Dir(t), done: make(chan struct{}), prompt: "(goemu) "}
	if onQEMU() {
		e.prompt = "(qemu) "
	}
	e.cmd = command(t, c, e.dir)
	var err error
	if e.in, err = e.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	e.cmd.Stdout, e.cmd.Stderr = p, p
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.machine = e
	go func() {
		e.err = e.cmd.Wait()
		p.end()
		close(e.done)
	}()
	t.Cleanup(func() {
		e.kill()
		<-e.done
		t.Logf("%.1f s of CPU time", (e.cmd.ProcessState.UserTime() + e.cmd.ProcessState.SystemTime()).Seconds())
	})
	return p
}

// monitor has the monitor execute a command and returns what it says.
func (e *emulator) monitor(command string) (string, error) {
	var c net.Conn
	var err error
	for range 100 { // it listens a little after it started
		if c, err = net.Dial("unix", filepath.Join(e.dir, "monitor")); err == nil {
			break
		}
		select {
		case <-e.done:
			return "", err
		case <-time.After(50 * time.Millisecond):
		}
	}
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err := e.untilPrompt(c); err != nil {
		return "", err
	}
	if _, err := io.WriteString(c, command+"\n"); err != nil {
		return "", err
	}
	out, err := e.untilPrompt(c)
	if text, failed := strings.CutPrefix(out, "Error: "); failed && err == nil {
		err = fmt.Errorf("%s: %s", command, text)
	}
	return out, err
}

func (e *emulator) untilPrompt(c net.Conn) (string, error) {
	var all []byte
	b := make([]byte, 4096)
	for !strings.HasSuffix(string(all), e.prompt) {
		n, err := c.Read(b)
		if err != nil {
			return "", err
		}
		all = append(all, b[:n]...)
	}
	return strings.TrimSuffix(string(all), e.prompt), nil
}

func (e *emulator) send(text string) error {
	_, err := io.WriteString(e.in, text)
	return err
}

func (e *emulator) key(keys string) error {
	if onQEMU() {
		time.Sleep(150 * time.Millisecond) // each is held for 100 ms, and it does not queue them
	}
	_, err := e.monitor("sendkey " + keys)
	return err
}

func (e *emulator) screen() ([]string, error) {
	if onQEMU() {
		return e.qemuScreen()
	}
	out, err := e.monitor("info screen")
	return strings.Split(out, "\n"), err
}

// picture is what the display shows.
func (e *emulator) picture() (image.Image, error) {
	name := filepath.Join(e.dir, "picture.png")
	command := "screendump " + name
	if onQEMU() {
		command += " -f png"
	}
	if _, err := e.monitor(command); err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return png.Decode(f)
}

func (e *emulator) wait() (int, error) {
	<-e.done
	var exit *exec.ExitError
	if errors.As(e.err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, e.err
}

func (e *emulator) kill() { e.cmd.Process.Kill() }
