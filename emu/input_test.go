package emu_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"goemu/devices/i8042"
	"goemu/emu"
	"goemu/emu/kvm"
)

// patience bounds the wait for a guest. It decides no test.
const patience = 10 * time.Minute

func assemble(t testing.TB, source string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), source+".bin")
	cmd := exec.Command("nasm", "-f", "bin", "-o", out, source)
	cmd.Dir = "testdata"
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nasm %s: %v\n%s", source, err, msg)
	}
	return out
}

// What another goroutine types and moves, the guest reads, in order.
func TestInput(t *testing.T) {
	kernel := assemble(t, "keys.asm")
	for name, accel := range kvmAnd(t, kvm.Probe32) {
		var out bytes.Buffer
		m, err := emu.New(emu.Config{Kernel: kernel, Accel: accel, Debugcon: "stdio", ConsoleOut: &out, Serial: []string{"null"}})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			m.MouseMove(3, 2, 0)
			m.MouseButtons(i8042.ButtonLeft)
			m.MouseButtons(0)
			for _, s := range []string{"a", "shift-b", "ctrl-alt-delete", "0x39", "f10", "esc"} {
				if err := m.SendKey(s, 2*time.Millisecond); err != nil {
					t.Error(err)
				}
			}
		}()
		timeout := time.AfterFunc(patience, func() { m.Stop(99) })
		status, err := m.Run()
		timeout.Stop()
		if status != 0 || err != nil {
			t.Fatalf("%s: status %d, %v: %s", name, status, err, &out)
		}
		var keys []string
		for _, b := range strings.Fields(out.String()) {
			if !strings.HasPrefix(b, "m") && b != "FA" {
				keys = append(keys, b)
			}
		}
		want := "1E 9E 2A 30 B0 AA 1D 38 E0 53 E0 D3 B8 9D 39 B9 44 C4 01 81"
		if got := strings.Join(keys, " "); got != want {
			t.Errorf("%s: keys %s, want %s", name, got, want)
		}
	}
}

// The mouse's bytes: 3 to the right and 2 down, then a button, in whatever packets the guest was quick enough to read.
func TestMouseInput(t *testing.T) {
	kernel := assemble(t, "keys.asm")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	m, err := emu.New(emu.Config{Kernel: kernel, Debugcon: "stdio", ConsoleOut: w, Serial: []string{"null"}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan string)
	steps := []struct {
		seen string
		then func()
	}{
		{"mFA", func() { m.MouseMove(3, 2, 0) }}, // the guest has turned it on
		{"m28 m03 mFE", func() { m.MouseButtons(i8042.ButtonLeft) }},
		{"m09 m00 m00", func() {
			if err := m.SendKey("esc", time.Millisecond); err != nil {
				t.Error(err)
			}
		}},
	}
	go func() {
		step := 0
		var text []byte
		p := make([]byte, 256)
		for {
			n, err := r.Read(p)
			text = append(text, p[:n]...)
			if err != nil {
				done <- string(text)
				return
			}
			for step < len(steps) && strings.Contains(string(text), steps[step].seen) {
				steps[step].then()
				step++
			}
		}
	}()
	timeout := time.AfterFunc(patience, func() { m.Stop(99) })
	defer timeout.Stop()
	if status, err := m.Run(); status != 0 || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
	w.Close()
	text := <-done
	if !strings.Contains(text, "m28 m03 mFE m09 m00 m00") {
		t.Errorf("the guest read %s", text)
	}
}

func TestUnknownKeys(t *testing.T) {
	m, err := emu.New(emu.Config{Serial: []string{"null"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"", "frob", "ctrl-", "0x100", "0x80", "0xg"} {
		if err := m.SendKey(s, 0); err == nil || !strings.Contains(err.Error(), "not known") {
			t.Errorf("key %q: %v", s, err)
		}
	}
	if err := m.KeyState("frob", true); err == nil {
		t.Error("no error")
	}
	for range 5000 {
		err = m.SendKey("a", 0)
	}
	if err == nil || !strings.Contains(err.Error(), "wait already") {
		t.Errorf("no limit: %v", err)
	}
	m.Stop(0)
	if _, err := m.Run(); err != nil {
		t.Error(err)
	}
}
