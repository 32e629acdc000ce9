// Package guest runs goemu as a person does, for tests that need a whole
// machine: it builds the command once, talks to a guest over its console, and
// finds the guests that tests/guests/prepare made.
package guest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience bounds every wait for a guest. It decides no test: a guest that works is far quicker.
const Patience = 8 * time.Minute

var build struct {
	once sync.Once
	path string
	err  error
}

// Goemu builds the command and returns its path. Where no option names an engine it has the translator, whatever KVM the host has.
func Goemu(t testing.TB) string {
	t.Helper()
	build.once.Do(func() {
		sweep()
		dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", prefix, os.Getpid()))
		if err != nil {
			build.err = err
			return
		}
		if build.err = noteSources(); build.err != nil {
			return
		}
		build.path = filepath.Join(dir, "goemu")
		cmd := exec.Command("go", "build", "-ldflags", "-X main.defaultAccel=tcg", "-o", build.path, "goemu/cmd/goemu")
		if out, err := cmd.CombinedOutput(); err != nil {
			build.err = fmt.Errorf("build: %w\n%s", err, out)
		}
	})
	if build.err != nil {
		t.Fatal(build.err)
	}
	return build.path
}

// prefix begins the names of the folders for the command that tests leave behind: they have no common end. Their process's ID follows.
const prefix = "goemu-test-"

// sweep removes the folders of processes that are no more.
func sweep() {
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*-*"))
	for _, dir := range left {
		id, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), prefix), "-")
		n, err := strconv.Atoi(id)
		if err != nil {
			continue
		}
		if p, err := os.FindProcess(n); err == nil && errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone) {
			_ = os.RemoveAll(dir) // another user's stays
		}
	}
}

// noteSources looks at each file that the command may be made of, so that go test does not take results for still true when one has changed.
func noteSources() error {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return err
	}
	root := filepath.Dir(strings.TrimSpace(string(mod)))
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (name == ".git" || name == "testdata" || path == filepath.Join(root, "tests")):
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		_, err = os.Stat(path)
		return err
	})
}

// File returns the path of a prepared guest file. Where it is missing the test fails, as `make test` prepares it.
func File(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("GOEMU_GUESTS")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(cache, "goemu", "guests")
	}
	p := filepath.Join(dir, name)
	if _, err := os.Stat(p); err != nil {
		t.Fatalf("%v: run make guests", err)
	}
	return p
}

// Session is a running goemu.
type Session struct {
	t         testing.TB
	cmd       *exec.Cmd
	in        io.WriteCloser
	mu        sync.Mutex
	news      *sync.Cond
	out, errs stream        // standard output and standard error: two pipes, between which there is no order
	over      chan struct{} // closed when goemu has ended and all that it has printed is here
	late      bool
}

// stream is what has been printed on one of them.
type stream struct {
	s    *Session
	text bytes.Buffer
	seen int // how far Expect has come
}

// Start runs goemu with args.
func Start(t testing.TB, args ...string) *Session {
	t.Helper()
	return StartCommand(t, Goemu(t), args...)
}

// StartCommand runs another emulator with args. It ends with the test.
func StartCommand(t testing.TB, name string, args ...string) *Session {
	t.Helper()
	s := &Session{t: t, cmd: exec.Command(name, args...), over: make(chan struct{})}
	s.news = sync.NewCond(&s.mu)
	s.out.s, s.errs.s = s, s
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.in = in
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.errs
	s.cmd.WaitDelay = Patience // a process that it has begun and left may hold the pipes
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait() // ProcessState tells
		s.mu.Lock()
		close(s.over)
		s.mu.Unlock()
		s.news.Broadcast()
	}()
	t.Cleanup(func() { // what it writes is written when the test's folders go
		_ = s.cmd.Process.Kill()
		<-s.over
	})
	return s
}

// Write takes what is printed.
func (w *stream) Write(p []byte) (int, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.text.Write(p)
	w.s.news.Broadcast()
	return len(p), nil
}

// Console is all that was printed on standard output so far: what the guest said.
func (s *Session) Console() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.text.String()
}

// Errors is all that was printed on standard error so far: what goemu itself said.
func (s *Session) Errors() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.errs.text.String()
}

// Output is all that was printed so far, on standard output and then on standard error.
func (s *Session) Output() string { return s.Console() + s.Errors() }

// Send types text at the guest.
func (s *Session) Send(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.in, text); err != nil {
		s.t.Fatalf("send: %v; output so far:\n%s", err, s.tail())
	}
}

// Expect waits for text on standard output or standard error, from where the last Expect ended there, and returns what came before it on the same.
func (s *Session) Expect(text string) string {
	s.t.Helper()
	late := time.AfterFunc(Patience, func() {
		s.mu.Lock()
		s.late = true
		s.mu.Unlock()
		s.news.Broadcast()
	})
	defer late.Stop()
	s.mu.Lock()
	for {
		for _, from := range []*stream{&s.out, &s.errs} {
			fresh := from.text.Bytes()[from.seen:]
			if i := bytes.Index(fresh, []byte(text)); i >= 0 {
				from.seen += i + len(text)
				s.mu.Unlock()
				return string(fresh[:i])
			}
		}
		why := ""
		select {
		case <-s.over:
			why = s.cmd.ProcessState.String()
		default:
			if s.late {
				why = "it was waited for long enough"
			}
		}
		if why != "" {
			s.mu.Unlock()
			s.t.Fatalf("no %q: %s; output ends:\n%s", text, why, s.tail())
		}
		s.news.Wait()
	}
}

// Run types a command at the shell's prompt and returns the echo, which the shell may wrap, and what it printed, when the next prompt has come.
func (s *Session) Run(command string) string {
	s.t.Helper()
	s.Send(command + "; echo end-$((40+2))\n")
	out := s.Expect("end-42")
	s.Expect("guest# ") // the shell forgets what is typed before
	return strings.TrimSpace(strings.ReplaceAll(out, "\r", ""))
}

// Wait waits for goemu to end and returns its exit status.
func (s *Session) Wait() int {
	s.t.Helper()
	late := time.AfterFunc(Patience, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	<-s.over
	return s.cmd.ProcessState.ExitCode()
}

// Signal sends goemu a signal.
func (s *Session) Signal(sig os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// tail is the end of what was printed.
func (s *Session) tail() string {
	end := func(o string) string { return o[max(0, len(o)-3000):] }
	return end(s.Console()) + "\nstandard error:\n" + end(s.Errors())
}
