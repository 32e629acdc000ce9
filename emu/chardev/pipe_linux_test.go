//go:build linux

package chardev

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestPipe(t *testing.T) {
	base := filepath.Join(t.TempDir(), "p")
	for _, p := range []string{base + ".in", base + ".out"} {
		if err := syscall.Mkfifo(p, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, "pipe:"+base)
	h := listenTo(s)
	in, err := os.OpenFile(base+".in", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(base+".out", os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	in.WriteString("typed")
	h.until(t, "[opened]typed")
	s.Offer([]byte("printed"))
	readN(t, out, "printed")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Whoever opens a pseudo terminal is its client.
func TestPTY(t *testing.T) {
	s := open(t, "pty")
	h := listenTo(s)
	path := strings.TrimPrefix(s.Filename(), "pty:")
	s.Offer([]byte("nobody is there"))
	for range 2 {
		tty, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY, 0)
		if err != nil {
			t.Fatal(err)
		}
		h.until(t, "[opened]")
		tty.WriteString("a\x03\r")
		h.until(t, "a\x03\r")
		s.Offer([]byte("b\n"))
		readN(t, tty, "b\n")
		tty.Close()
		h.until(t, "[closed]")
	}
	line := open(t, path) // a line of the host's
	lh := listenTo(line)
	h.until(t, "[opened]")
	s.Offer([]byte("over"))
	lh.until(t, "[opened]over")
	line.Offer([]byte("and out"))
	h.until(t, "and out")
	if err := line.Close(); err != nil {
		t.Error(err)
	}
	h.until(t, "[closed]")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
