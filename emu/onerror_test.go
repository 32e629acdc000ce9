package emu

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"goemu/emu/inspect"
)

// spoken collects what a guest says.
type spoken struct {
	mu   sync.Mutex
	text []byte
}

func (s *spoken) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, p...)
	return len(p), nil
}

func (s *spoken) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.text)
}

// TestStopOnError cuts the file of a disk short while the guest reads it: the machine pauses, and when the file is whole again and the machine continues, the
// guest has noticed nothing.
func TestStopOnError(t *testing.T) {
	for _, counted := range []bool{false, true} {
		disk := filepath.Join(t.TempDir(), "disk.img")
		if msg, err := exec.Command("nasm", "-f", "bin", "-o", disk, "testdata/rereads.asm").CombinedOutput(); err != nil {
			t.Fatalf("nasm: %v\n%s", err, msg)
		}
		put := func(text string) {
			f, err := os.OpenFile(disk, os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteAt([]byte(text), 1360*512)
			}
			if err == nil {
				err = f.Truncate(1 << 20)
			}
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
		put("o")
		var out spoken
		m, err := New(Config{
			Drives: []string{"format=raw,rerror=stop,file=" + disk}, Devices: []string{"isa-debug-exit,iobase=0xf4"},
			Debugcon: "stdio", ConsoleOut: &out, Serial: []string{"none"}, Icount: counted, NoSleep: counted, Shift: 3,
		})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan int)
		go func() {
			status, err := m.Run()
			if err != nil {
				t.Error(err)
			}
			ended <- status
		}()
		until := func(ok func() bool) {
			for !ok() {
				time.Sleep(time.Millisecond)
			}
		}
		stopped := func() bool { return m.Status() == inspect.StatusIOError }
		until(func() bool { return strings.Contains(out.String(), "o") })
		if err := os.Truncate(disk, 512); err != nil {
			t.Fatal(err)
		}
		until(stopped)
		if err := m.Continue(); err != nil { // too early
			t.Error(err)
		}
		until(stopped)
		put("X")
		if err := m.Continue(); err != nil {
			t.Error(err)
		}
		if status := <-ended; status != 1 || strings.Trim(out.String(), "o") != "X" {
			t.Errorf("counted %v: exit status %d, the guest says %q", counted, status, strings.Trim(out.String(), "o"))
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}
