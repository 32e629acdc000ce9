package tui

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"
)

// guarded is the environment variable that tells a child of Guard so: the parent's process number.
const guarded = "GOEMU_GUARDED_BY"

// Guarded tells whether this process is a child of Guard.
func Guarded() bool { return os.Getenv(guarded) == strconv.Itoa(os.Getppid()) }

// Guard runs this program once more, with the same arguments, as a child that may take the terminal. Whatever becomes of the child, the terminal is then as it was. With
// a display what came on standard error is printed then, if that is a terminal. Signals are passed on. The status is that with which to exit, also where there is an error to tell of.
func Guard(display bool) (status int, err error) {
	tty := os.Stdin
	if display {
		if tty, err = os.OpenFile("/dev/tty", os.O_RDWR, 0); err != nil {
			return 1, fmt.Errorf("the display on the terminal: %w", err)
		}
		defer tty.Close()
	}
	fd := int(tty.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return 1, fmt.Errorf("the terminal: %w", err)
	}
	exe, err := os.Executable()
	if err != nil {
		return 1, fmt.Errorf("starting goemu for the terminal: %w", err)
	}
	cmd := exec.Command(exe, os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), guarded+"="+strconv.Itoa(os.Getpid()))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	said := &tail{}
	if display && term.IsTerminal(int(os.Stderr.Fd())) {
		cmd.Stderr = said
	}
	// The child ends with its parent, or rather with the thread that made it.
	runtime.LockOSThread()
	dieWithParent(cmd)
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	if err := cmd.Start(); err != nil {
		return 1, fmt.Errorf("starting goemu for the terminal: %w", err)
	}
	go func() {
		for s := range signals {
			// A child that has ended needs no signal.
			_ = cmd.Process.Signal(s)
		}
	}()
	err = cmd.Wait()
	if now, e := term.GetState(fd); e != nil || *now != *before {
		if display {
			restore(tty, before, leave)
		} else {
			restore(tty, before, leavePlain)
		}
	}
	said.print(os.Stderr)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 1, fmt.Errorf("waiting for goemu: %w", err)
	}
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return code, nil
	}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal()), fmt.Errorf("ended by a signal: %s", ws.Signal())
	}
	return 1, nil
}

// leave is what a terminal is told that a display has not left in order: no mouse, no paste brackets, no focus reports, cursor keys, keys and colours as always, the cursor
// shown, lines that wrap, and the screen that was there before.
const leave = "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1004l\x1b[?1l\x1b>\x1b[<u\x1b[>4;0m\x1b[0m\x1b[?25h\x1b[?7h\x1b[23;2t\x1b[?1049l"

// leavePlain is what a terminal is told on which a guest's console was: colours as always, the cursor shown, lines that wrap, a new line.
const leavePlain = "\x1b[0m\x1b[?25h\x1b[?7h\r\n"

func restore(tty *os.File, before *term.State, text string) {
	// A terminal that takes nothing gets its modes back all the same.
	_ = tty.SetWriteDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(tty, text)
	_ = term.Restore(int(tty.Fd()), before)
}

// tail keeps the beginning and the end of what is written.
type tail struct {
	mu    sync.Mutex
	first []byte
	last  []byte
	lost  int
}

const tailHalf = 256 << 10

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	k := min(n, tailHalf-len(t.first))
	t.first = append(t.first, p[:k]...)
	t.last = append(t.last, p[k:]...)
	if over := len(t.last) - 2*tailHalf; over > 0 {
		over += tailHalf // not each time
		t.last = append(t.last[:0], t.last[over:]...)
		t.lost += over
	}
	return n, nil
}

func (t *tail) print(w io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// There is nobody to tell if this fails.
	_, _ = w.Write(t.first)
	if t.lost > 0 {
		fmt.Fprintf(w, "\ngoemu: %d bytes of standard error are left out here; 2>FILE has all of it\n", t.lost)
	}
	_, _ = w.Write(t.last)
}
