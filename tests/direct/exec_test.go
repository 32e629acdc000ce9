package direct

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goemu/emu/monitor"
	"goemu/tests/guest"
)

// -d exec has each run of a block, on both engines, from the start or from when the monitor says so, though the loops have been translated before.
func TestExecLog(t *testing.T) {
	kernel := assemble(t, "rounds.asm")
	image, err := os.ReadFile(kernel)
	if err != nil {
		t.Fatal(err)
	}
	at := func(i int) uint32 { return binary.LittleEndian.Uint32(image[len(image)-20+4*i:]) } // work, alone, called, turn, leaf
	// The first round of a loop is in the block before it, but leaf, which is called, and turn, which is jumped to, are always blocks of their own.
	want := map[string]int{}
	for i, n := range []int{999, 99, 50, 100} {
		want[fmt.Sprintf("%#x", at(i+1))] = n
	}
	for _, accel := range engines {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s late %v", accel, late), func(t *testing.T) {
				log := filepath.Join(t.TempDir(), "log")
				// Not the loop in which it waits: that would be logged without an end.
				args := []string{"-dfilter", fmt.Sprintf("%#x..%#x", at(0), at(4)+100), "-accel", accel, "-kernel", kernel, "-display", "none", "-serial", "mon:stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=1"}
				times, items := 2, "exec,cpu"
				if late {
					times, items = 1, "none"
				}
				args = append(args, "-d", items, "-D", log)
				s := guest.Start(t, args...)
				s.Expect("1")
				if late {
					s.Send("\x01c")
					s.Expect(monitor.Prompt)
					s.Send("logfile " + log + "\nlog exec,cpu\n")
					s.Expect(monitor.Prompt)
					s.Expect(monitor.Prompt)
					s.Send("\x01c")
				}
				s.Send("x")
				if status := s.Wait(); status != 33 {
					t.Fatalf("exit status %d\n%s", status, s.Output())
				}
				text, err := os.ReadFile(log)
				if err != nil {
					t.Fatal(err)
				}
				got, registers := map[string]int{}, 0
				for _, l := range strings.Split(string(text), "\n") {
					if _, after, ok := strings.Cut(l, " at "); ok && strings.Contains(l, "Trace: block ") {
						rip, _, _ := strings.Cut(after, ",")
						if want[rip] > 0 {
							got[rip]++
						}
					}
					if strings.HasPrefix(l, "EAX=") {
						registers++
					}
				}
				for rip, n := range got {
					got[rip] = n / times
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Error(d)
				}
				if runs := strings.Count(string(text), "Trace: block "); registers != runs {
					t.Errorf("registers of %d blocks, and %d blocks", registers, runs)
				}
			})
		}
	}
}
