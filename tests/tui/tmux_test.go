// Package tui drives the terminal display on a terminal, which is tmux.
package tui

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"goemu/tests/guest"
	"goemu/tests/sockets"
)

// terminal is a terminal of 120 by 40 characters on which a shell runs goemu.
type terminal struct {
	t     *testing.T
	dir   string // of files that the shell writes
	env   []string
	modes string // before goemu
}

// script is what the shell does. It stays when goemu has ended, so that the terminal can be looked at.
const script = `stty -a >before
read -r go
sh -c 'echo $$ >guard; exec "$GOEMU" "$@"' sh "$@"
echo "goemu has ended: $?."
stty -a >after
echo 'the shell goes on'
exec cat
`

// modes are what tmux tells of the terminal beside its stty: the screen, the cursor, the keys, the mouse, wrapping.
const modes = "alternate #{alternate_on} cursor #{cursor_flag} keys #{keypad_cursor_flag}#{keypad_flag} mouse #{mouse_any_flag}#{mouse_sgr_flag} wrap #{wrap_flag} insert #{insert_flag}"

// open runs goemu on a new terminal.
func open(t *testing.T, args ...string) *terminal {
	t.Helper()
	tm := &terminal{t: t, dir: sockets.Dir(t)}
	tm.env = append(os.Environ(), "LC_ALL=C.UTF-8", "TMUX_TMPDIR="+tm.dir, "TMUX=", "GOEMU="+guest.Goemu(t))
	if err := os.WriteFile(filepath.Join(tm.dir, "script"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if out, err := tm.command("kill-server").CombinedOutput(); err != nil {
			t.Errorf("tmux kill-server: %v\n%s", err, out)
		}
	})
	tm.tmux(append([]string{"new-session", "-d", "-x", "120", "-y", "40", "-c", tm.dir, "sh", "script", "-pidfile", "machine"}, args...)...)
	tm.modes = tm.tmux("display-message", "-p", modes)
	tm.keys("Enter")
	return tm
}

func (tm *terminal) command(args ...string) *exec.Cmd {
	cmd := exec.Command("tmux", append([]string{"-u", "-L", "goemu", "-f", "/dev/null"}, args...)...)
	cmd.Env, cmd.Dir = tm.env, tm.dir
	return cmd
}

func (tm *terminal) tmux(args ...string) string {
	tm.t.Helper()
	out, err := tm.command(args...).CombinedOutput()
	if err != nil {
		tm.t.Fatalf("tmux %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// keys types; tmux knows keys by names.
func (tm *terminal) keys(keys ...string) {
	tm.t.Helper()
	tm.tmux(append([]string{"send-keys"}, keys...)...)
}

// until waits until the terminal shows what is wanted. The time decides nothing: a goemu that works is far quicker.
func (tm *terminal) until(what string, ok func(shown string) bool) {
	tm.t.Helper()
	var shown string
	for end := time.Now().Add(guest.Patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if shown = tm.tmux("capture-pane", "-p"); ok(shown) {
			return
		}
	}
	tm.t.Fatalf("never: %s\n%s", what, shown)
}

// sees waits for texts.
func (tm *terminal) sees(texts ...string) {
	tm.t.Helper()
	for _, want := range texts {
		tm.until(want, func(shown string) bool { return strings.Contains(shown, want) })
	}
}

func (tm *terminal) read(name string) string {
	tm.t.Helper()
	p, err := os.ReadFile(filepath.Join(tm.dir, name))
	if err != nil {
		tm.t.Fatal(err)
	}
	return string(p)
}

// kill sends a signal to the process whose number is in a file.
func (tm *terminal) kill(name string, sig syscall.Signal) {
	tm.t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(tm.read(name)))
	if err != nil || pid < 2 {
		tm.t.Fatalf("process number %d: %v", pid, err)
	}
	if err := syscall.Kill(pid, sig); err != nil {
		tm.t.Fatal(err)
	}
}

// ended waits for the end of goemu and looks whether the terminal is as it was.
func (tm *terminal) ended(status int) {
	tm.t.Helper()
	tm.sees(fmt.Sprintf("goemu has ended: %d.", status), "the shell goes on")
	if before, after := tm.read("before"), tm.read("after"); before != after || !strings.Contains(before, "icanon") {
		tm.t.Errorf("stty says\n%sand before\n%s", after, before)
	}
	if after := tm.tmux("display-message", "-p", modes); after != tm.modes {
		tm.t.Errorf("the terminal has %sand before %s", after, tm.modes)
	}
	tm.keys("echo-me", "Enter")
	tm.until("what is typed, by the terminal and by cat", func(shown string) bool { return strings.Count(shown, "echo-me\n") == 2 })
}

const (
	prompt = "type help\n>" // the end of what the built-in guest says before it is used
	bar    = "Ctrl-A: h help"
)

var rip = regexp.MustCompile(`rip ([0-9a-f]+)`)

// A machine that begins stopped is stepped, runs the built-in guest, which is typed to, and is ended by the keys for that.
func TestInside(t *testing.T) {
	tm := open(t, "-S")
	tm.sees(bar)
	tm.keys("C-a", "i")
	tm.sees("── registers", "rip 0000fff0")
	tm.keys("s")
	tm.until("another RIP", func(shown string) bool {
		m := rip.FindStringSubmatch(shown)
		return m != nil && m[1] != "0000fff0" && strings.Contains(shown, "stopped: step")
	})
	tm.keys("c")
	tm.sees(prompt)
	tm.keys("q")
	tm.until("the guest alone", func(shown string) bool {
		return !strings.Contains(shown, "── registers") && strings.Contains(shown, bar)
	})
	tm.keys("help", "Enter")
	tm.sees("> help\n")
	if now := tm.tmux("display-message", "-p", modes); now == tm.modes {
		t.Error("the terminal's modes are not told: ", now)
	}
	tm.keys("C-a", "x")
	tm.ended(0)
}

func TestSignal(t *testing.T) {
	tm := open(t)
	tm.sees(prompt, bar)
	tm.kill("guard", syscall.SIGTERM)
	tm.ended(128 + int(syscall.SIGTERM))
}

// The process that has the terminal cannot give it back; the other does, and says why.
func TestKill(t *testing.T) {
	tm := open(t)
	tm.sees(prompt, bar)
	tm.kill("machine", syscall.SIGKILL)
	tm.ended(128 + int(syscall.SIGKILL))
	tm.sees("goemu: ended by a signal: killed")
}

// So it is with a guest's console on the plain terminal.
func TestKillPlain(t *testing.T) {
	tm := open(t, "-nographic")
	tm.sees(prompt)
	tm.keys("help", "Enter")
	tm.sees("> help\n")
	tm.kill("machine", syscall.SIGKILL)
	tm.ended(128 + int(syscall.SIGKILL))
	tm.sees("goemu: ended by a signal: killed")
}

func TestSignalPlain(t *testing.T) {
	tm := open(t, "-nographic")
	tm.sees(prompt)
	tm.kill("guard", syscall.SIGTERM)
	tm.ended(128 + int(syscall.SIGTERM))
}
