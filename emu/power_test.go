package emu_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"goemu/emu"
	"goemu/emu/kvm"
)

// Button, sleep and what ends it, on both boards: the guest says what it sees and the test answers.
func TestPower(t *testing.T) {
	machineEngines := kvmAnd(t, kvm.ProbeReal, kvm.Probe32)
	kernel := assemble(t, "power.asm")
	for _, board := range []string{"pc", "q35"} {
		for name, accel := range machineEngines {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			m, err := emu.New(emu.Config{Machine: board, Kernel: kernel, Accel: accel, Debugcon: "stdio", ConsoleOut: w, Serial: []string{"null"}})
			if err != nil {
				t.Fatal(err)
			}
			said := make(chan string)
			go func() {
				var text []byte
				p := make([]byte, 64)
				for {
					n, err := r.Read(p)
					for _, b := range p[:n] {
						switch text = append(text, b); string(text) {
						case "b", "bs": // the event; the end of sleep
							time.Sleep(10 * time.Millisecond) // so that the guest is asleep, most often
							m.PowerButton()
						case "bsWps":
							for !m.Asleep() { // a key is no event for one that is awake
								time.Sleep(time.Millisecond)
							}
							if err := m.SendKey("a", 0); err != nil {
								t.Error(err)
							}
						}
					}
					if err != nil {
						said <- string(text)
						return
					}
				}
			}()
			timeout := time.AfterFunc(patience, func() { m.Stop(99) })
			status, err := m.Run()
			timeout.Stop()
			w.Close()
			if got := <-said; status != 0 || err != nil || got != "bsWpsWkWr" {
				t.Errorf("%s, %s: status %d, %v: %q", board, name, status, err, got)
			}
		}
	}
}

// A reset of the processor alone, by each way there is: with a shutdown code the program goes on on a board that has kept its state, without one
// the machine boots again.
func TestReturnFromReset(t *testing.T) {
	machineEngines := kvmAnd(t, kvm.ProbeReal)
	for _, way := range []string{"KBC", "FAST", "CF9", "TRIPLE"} {
		disk := filepath.Join(t.TempDir(), way+".img")
		if msg, err := exec.Command("nasm", "-f", "bin", "-D"+way, "-o", disk, "testdata/return.asm").CombinedOutput(); err != nil {
			t.Fatalf("nasm: %v\n%s", err, msg)
		}
		for _, board := range []string{"pc", "q35"} {
			for name, accel := range machineEngines {
				if name == "kvm" && way == "TRIPLE" {
					continue // KVM's emulator takes INT3 in real mode whatever the IDT's limit
				}
				var out bytes.Buffer
				m, err := emu.New(emu.Config{Machine: board, Accel: accel, Drives: []string{"file=" + disk + ",format=raw"}, Debugcon: "stdio",
					ConsoleOut: &out, ConsoleIn: io.LimitReader(strings.NewReader(""), 0), Serial: []string{"null"},
					Devices: []string{"isa-debug-exit,iobase=0xf4"}})
				if err != nil {
					t.Fatal(err)
				}
				timeout := time.AfterFunc(patience, func() { m.Stop(99) })
				status, err := m.Run()
				timeout.Stop()
				if err != nil || status == 99 || out.String() != "KR" {
					t.Errorf("%s, %s, %s: status %d, %v: %q", way, board, name, status, err, &out)
				}
			}
		}
	}
}
