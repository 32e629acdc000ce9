// Package guest runs goemu as a person does, for tests that need a whole
// machine: it builds the command once, talks to a guest over its console, and
// finds the guests that tests/guests/prepare made.
package guest

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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
		dir, err := os.MkdirTemp("", "goemu-test")
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
	t    testing.TB
	cmd  *exec.Cmd
	in   io.WriteCloser
	mu   sync.Mutex
	news *sync.Cond
	out  bytes.Buffer // standard output and error, as they came: two pipes, so the order between them means nothing
	cons bytes.Buffer // standard output alone
	errs bytes.Buffer // standard error alone
	seen int
	eof  bool
}

// Start runs goemu with args.
func Start(t testing.TB, args ...string) *Session {
	t.Helper()
	return StartCommand(t, Goemu(t), args...)
}

// StartCommand runs another emulator with args.
func StartCommand(t testing.TB, name string, args ...string) *Session {
	t.Helper()
	s := &Session{t: t, cmd: exec.Command(name, args...)}
	s.news = sync.NewCond(&s.mu)
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.in = in
	s.cmd.Stdout, s.cmd.Stderr = stream{s, &s.cons}, stream{s, &s.errs}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.cmd.Process.Kill() })
	return s
}

// stream takes standard output or standard error.
type stream struct {
	s     *Session
	alone *bytes.Buffer
}

func (w stream) Write(p []byte) (int, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.alone.Write(p)
	w.s.out.Write(p)
	w.s.news.Broadcast()
	return len(p), nil
}

// Console is all that was printed on standard output so far: what the guest said.
func (s *Session) Console() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cons.String()
}

// Errors is all that was printed on standard error so far: what goemu itself said.
func (s *Session) Errors() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.errs.String()
}

// Send types text at the guest.
func (s *Session) Send(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.in, text); err != nil {
		s.t.Fatalf("send: %v; output so far:\n%s", err, s.tail())
	}
}

// Expect waits for text and returns the output before it, from where the last Expect ended.
func (s *Session) Expect(text string) string {
	s.t.Helper()
	late := time.AfterFunc(Patience, func() {
		s.mu.Lock()
		s.eof = true
		s.mu.Unlock()
		s.news.Broadcast()
	})
	defer late.Stop()
	s.mu.Lock()
	for {
		fresh := s.out.Bytes()[s.seen:]
		if i := bytes.Index(fresh, []byte(text)); i >= 0 {
			s.seen += i + len(text)
			s.mu.Unlock()
			return string(fresh[:i])
		}
		if s.eof {
			s.mu.Unlock()
			s.t.Fatalf("no %q; output ends:\n%s", text, s.tail())
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
	late := time.AfterFunc(Patience, func() { s.cmd.Process.Kill() })
	defer late.Stop()
	s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode()
}

// Output is all that was printed so far, the streams as they came.
func (s *Session) Output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// Pid is the process id of the emulator.
func (s *Session) Pid() int { return s.cmd.Process.Pid }

func (s *Session) tail() string {
	o := s.Output()
	return o[max(0, len(o)-3000):]
}
