package emu

import (
	"bufio"
	"fmt"
	"image/png"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goemu/emu/monitor"
	"goemu/tests/sockets"
)

// TestMonitor has a dialogue with a machine over a socket.
func TestMonitor(t *testing.T) {
	dir := sockets.Dir(t)
	socket, file := filepath.Join(dir, "m"), filepath.Join(dir, "screen.png")
	m, err := New(Config{Firmware: "bios-256k.bin", Monitor: []string{"unix:" + socket + ",server,nowait"}, Serial: []string{"none"}, ConsoleOut: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		m.Run()
		close(ended)
	}()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	answer := func() string {
		t.Helper()
		var s string
		for !strings.HasSuffix(s, monitor.Prompt) {
			b, err := r.ReadByte()
			if err != nil {
				t.Fatalf("%q, then %v", s, err)
			}
			s += string(b)
		}
		return strings.TrimSuffix(s, monitor.Prompt)
	}
	say := func(line string) string {
		t.Helper()
		fmt.Fprintln(c, line)
		return answer()
	}
	answer()
	for _, d := range []struct{ line, want string }{
		{"info status", "VM status: running\n"},
		{"stop", ""},
		{"info status", "VM status: paused\n"},
		{"screendump " + file, ""},
		{"system_reset", ""},
		{"cont", ""},
		{"info status", "VM status: running\n"},
		{"sendkey ret", ""},
		{"info version", Version + "\n"},
	} {
		if got := say(d.line); got != d.want {
			t.Errorf("%s: %q, want %q", d.line, got, d.want)
		}
	}
	if got := say("eject nothing"); !strings.HasPrefix(got, "Error: eject nothing") {
		t.Errorf("%q", got)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := png.Decode(f); err != nil {
		t.Error(err)
	}
	fmt.Fprintln(c, "quit")
	<-ended
	if _, err := os.Stat(socket); err == nil {
		t.Error("the socket is left")
	}
}

// Time stands still while the machine is stopped.
func TestPause(t *testing.T) {
	m, err := New(Config{Firmware: "bios-256k.bin", Serial: []string{"none"}, ConsoleOut: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		m.Run()
		close(ended)
	}()
	now := func() (ns int64) {
		if err := m.do(func() error { ns = m.clock.Now(); return nil }); err != nil {
			t.Fatal(err)
		}
		return ns
	}
	if err := m.Pause(); err != nil {
		t.Fatal(err)
	}
	first := now()
	for range 100 {
		if n := now(); n != first {
			t.Fatalf("time went on by %d ns", n-first)
		}
	}
	if err := m.Continue(); err != nil {
		t.Fatal(err)
	}
	for now() <= first {
	}
	m.Stop(0)
	<-ended
}

func TestMonitorOptions(t *testing.T) {
	for spec, want := range map[string]string{
		"tcp:1":                      "-monitor tcp:1",
		"unix:/no/dir,server,nowait": "-monitor unix:/no/dir",
		"stdio":                      "terminal is taken",
		"chardev:x":                  "no -chardev with id=x",
	} {
		_, err := New(Config{Monitor: []string{spec}, Serial: []string{"stdio"}, ConsoleOut: io.Discard})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", spec, err)
		}
	}
}
