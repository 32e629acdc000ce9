package emu_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"goemu/emu"
	"goemu/emu/kvm"
	"goemu/emu/tour/tourtest"

	"github.com/google/go-cmp/cmp"
)

var engines = map[string]emu.Accel{"auto": emu.AccelAuto, "interp": emu.AccelInterp}

// A failing New names what is at fault and leaves files as they were.
func TestNewFails(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  emu.Config
		want string
	}{
		{"no such kernel", emu.Config{Kernel: "none"}, "none"},
		{"little RAM", emu.Config{Memory: 4096}, "RAM of 4096 bytes"},
		{"bad serial port", emu.Config{Serial: []string{"file:new", "frob"}}, "frob"},
		{"third serial port", emu.Config{Serial: []string{"null", "null", "null"}}, "3 times"},
		{"no such chardev", emu.Config{Devices: []string{"isa-debugcon,chardev=x"}}, "id=x"},
		{"no such device", emu.Config{Devices: []string{"frob"}}, "frob"},
		{"bad debug console", emu.Config{Debugcon: "file:" + filepath.Join("none", "x")}, "-debugcon"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile("old", []byte("old contents"), 0o644); err != nil {
				t.Fatal(err)
			}
			if c.cfg.Serial == nil {
				c.cfg.Serial = []string{"file:new", "file:old"}
			}
			m, err := emu.New(c.cfg)
			if err == nil || m != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that says %q", err, c.want)
			}
			left, err := os.ReadDir(".")
			if err != nil {
				t.Fatal(err)
			}
			if len(left) != 1 || left[0].Name() != "old" {
				t.Errorf("files left: %v", left)
			}
			if p, err := os.ReadFile("old"); err != nil || string(p) != "old contents" {
				t.Errorf("a file has changed: %q, %v", p, err)
			}
		})
	}
}

// A serial port's file holds what the guest has written and nothing older.
func TestSerialFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(path, []byte(strings.Repeat("old contents\n", 10000)), 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := emu.New(emu.Config{Serial: []string{"file:" + path}})
	if err != nil {
		t.Fatal(err)
	}
	if status, err := m.Run(); status != 0 || err != nil {
		t.Fatal(status, err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(tourtest.Auto, tourtest.Mask(string(got))); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// typist types a line at each prompt of the built-in guest's monitor.
type typist struct {
	lines []string
	keys  *io.PipeWriter
	out   bytes.Buffer
}

func (y *typist) Write(p []byte) (int, error) {
	y.out.Write(p)
	if bytes.HasSuffix(y.out.Bytes(), []byte("\n> ")) && len(y.lines) > 0 {
		if _, err := io.WriteString(y.keys, y.lines[0]+"\r"); err != nil {
			return 0, err
		}
		y.lines = y.lines[1:]
	}
	return len(p), nil
}

// The console's reader is the guest's keyboard.
func TestConsoleIn(t *testing.T) {
	for name, accel := range engines {
		in, keys := io.Pipe()
		y := &typist{lines: []string{"walk 2abcde", "off"}, keys: keys}
		m, err := emu.New(emu.Config{Accel: accel, Interactive: true, ConsoleIn: in, ConsoleOut: y})
		if err != nil {
			t.Fatal(err)
		}
		if status, err := m.Run(); status != 0 || err != nil {
			t.Errorf("%s: %d, %v", name, status, err)
		}
		if !strings.Contains(y.out.String(), "physical address 00000000002abcde") {
			t.Errorf("%s: %s", name, y.out.String())
		}
		keys.Close()
	}
}

// looped is a writer that reports the first output of a guest.
type looped chan struct{}

func (l looped) Write(p []byte) (int, error) {
	select {
	case l <- struct{}{}:
	default:
	}
	return len(p), nil
}

// Stop ends a guest that does nothing but jump to itself, with the status given, also when called before Run.
func TestStop(t *testing.T) {
	engines := kvmAnd(t, kvm.Probe32)
	kernel := filepath.Join(t.TempDir(), "loop.bin")
	if msg, err := exec.Command("nasm", "-f", "bin", "-I", "../tests/direct/", "-o", kernel, "../tests/direct/loop.asm").CombinedOutput(); err != nil {
		t.Fatalf("nasm: %v\n%s", err, msg)
	}
	for name, accel := range engines {
		for _, early := range []bool{false, true} {
			started := make(looped, 1)
			m, err := emu.New(emu.Config{Accel: accel, Kernel: kernel, ConsoleOut: started})
			if err != nil {
				t.Fatal(err)
			}
			if early {
				m.Stop(42)
			} else {
				go func() {
					<-started
					m.Stop(42)
				}()
			}
			if status, err := m.Run(); status != 42 || err != nil {
				t.Errorf("%s, before Run %v: status %d, %v", name, early, status, err)
			}
		}
	}
}

// Machines do not disturb each other.
func TestTwoMachines(t *testing.T) {
	var outs [2]bytes.Buffer
	errs := make(chan error)
	for i := range outs {
		go func() {
			m, err := emu.New(emu.Config{ConsoleOut: &outs[i]})
			if err == nil {
				_, err = m.Run()
			}
			errs <- err
		}()
	}
	for range outs {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	for i := range outs {
		if d := cmp.Diff(tourtest.Auto, tourtest.Mask(outs[i].String())); d != "" {
			t.Errorf("machine %d: (-want +got)\n%s", i, d)
		}
	}
}
