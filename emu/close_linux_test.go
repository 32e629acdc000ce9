package emu

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// mapped is the size of this process's address space in bytes, but for the Go heap, which stays, and how many arenas of code are in it.
func mapped(t *testing.T) (size uint64, arenas int) {
	t.Helper()
	p, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(p)) {
		lo, rest, _ := strings.Cut(l, "-")
		hi, _, _ := strings.Cut(rest, " ")
		from, err := strconv.ParseUint(lo, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		to, err := strconv.ParseUint(hi, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		if from>>32 != 0xc0 { // where the Go heap is
			size += to - from
		}
		if strings.Contains(l, "goemu-code") {
			arenas++
		}
	}
	return size, arenas
}

// TestClose makes and ends many machines in all ways: what they had is given back, also with requests of drives on their way, and those
// that are closed can still be asked.
func TestClose(t *testing.T) {
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk.img")
	if msg, err := exec.Command("nasm", "-f", "bin", "-o", disk, "testdata/writes.asm").CombinedOutput(); err != nil {
		t.Fatalf("nasm: %v\n%s", err, msg)
	}
	if err := os.Truncate(disk, 1<<20); err != nil {
		t.Fatal(err)
	}
	newMachine := func(cpus int, out io.Writer) *Machine {
		m, err := New(Config{Memory: 64 << 20, CPUs: cpus, Drives: []string{"format=raw,file=" + disk}, Debugcon: "stdio", ConsoleOut: out, Serial: []string{"none"}})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	closeAll := func(m *Machine) {
		for range 2 {
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		}
		m.Stop(1)
		m.PowerButton()
		if _, err := m.ScreenText(); err == nil {
			t.Error("a closed machine has a screen")
		}
		if _, err := m.Run(); err == nil {
			t.Error("a closed machine runs")
		}
	}
	var size uint64
	var arenas int
	for n := range 208 {
		if n == 8 {
			size, arenas = mapped(t) // the runtime has made its own by now
		}
		started := make(begun)
		wait := started
		m := newMachine(1+n&1, &started)
		if n%4 == 0 { // never runs
			closeAll(m)
			continue
		}
		ended := make(chan error)
		go func() {
			_, err := m.Run()
			ended <- err
		}()
		if n%4 != 1 { // it writes
			<-wait
		}
		if n%4 == 3 {
			m.Stop(0)
		} else {
			go m.Close()
			closeAll(m)
		}
		if err := <-ended; err != nil && !(n%4 == 1 && err == errEnded) { // Close may have come before Run
			t.Error(err)
		}
		closeAll(m)
	}
	// A test binary has other machines than these: those of other tests, which do not run now.
	size2, arenas2 := mapped(t)
	if arenas2 != arenas {
		t.Errorf("%d mappings of code, then %d", arenas, arenas2)
	}
	if size2 > size+10*64<<20 {
		t.Errorf("%d MiB were mapped, then %d", size>>20, size2>>20)
	}
	p, err := os.ReadFile(disk)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(p[512:1024], []byte{0x5a}) != 512 {
		t.Error("what was written is not on the disk")
	}
}

// begun is closed by the guest's first output.
type begun chan struct{}

func (b *begun) Write(p []byte) (int, error) {
	if *b != nil {
		close(*b)
		*b = nil
	}
	return len(p), nil
}
