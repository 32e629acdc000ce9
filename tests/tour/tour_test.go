// Package tour runs the built-in guest with the goemu command, on both engines: by itself, and with a person at the keyboard.
package tour

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"

	"goemu/emu/tour/tourtest"
	"goemu/tests/guest"
)

var engines = []string{"tcg", "interp"}

// Without a terminal the guest shows everything and powers off.
func TestAuto(t *testing.T) {
	for _, accel := range engines {
		t.Run(accel, func(t *testing.T) {
			cmd := exec.Command(guest.Goemu(t), "-accel", accel)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if d := cmp.Diff(tourtest.Auto, tourtest.Mask(string(out))); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// With counted time every run of an engine prints the same, measured times included.
func TestRepeats(t *testing.T) {
	for _, accel := range engines {
		var out [2]string
		for i := range out {
			p, err := exec.Command(guest.Goemu(t), "-accel", accel, "-icount", "shift=3,sleep=off").Output()
			if err != nil {
				t.Fatalf("-accel %s: %v\n%s", accel, err, p)
			}
			out[i] = string(p)
		}
		if d := cmp.Diff(tourtest.Auto, tourtest.Mask(out[0])); d != "" {
			t.Errorf("-accel %s: (-want +got)\n%s", accel, d)
		}
		if d := cmp.Diff(out[0], out[1]); d != "" {
			t.Errorf("-accel %s: (-first +second)\n%s", accel, d)
		}
	}
}

// On a terminal the guest ends in its monitor.
func TestMonitor(t *testing.T) {
	lines := []struct{ typed, want string }{
		{"help", "fault NAME     provoke"},
		{"regs", "EFER   0000000000000d01"},
		{"walk 2abcde", "physical address 00000000002abcde"},
		{"fault gp", "vector 13 #GP error 0000"},
		{"fault br", "vector 5 #BR"},
		{"time", "cycles of the TSC"},
		{"off", "power off"},
	}
	for _, accel := range engines {
		t.Run(accel, func(t *testing.T) {
			cmd := exec.Command(guest.Goemu(t), "-accel", accel, "-nographic")
			tty, err := pty.Start(cmd)
			if err != nil {
				t.Fatal(err)
			}
			defer tty.Close()
			late := time.AfterFunc(guest.Patience, func() { cmd.Process.Kill() })
			defer late.Stop()
			answers := talk(tty, func(n int) string { return lines[min(n, len(lines)-1)].typed })
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v\n%s", err, answers)
			}
			if len(answers) != len(lines)+1 {
				t.Fatalf("%d prompts, want %d\n%s", len(answers)-1, len(lines), answers)
			}
			for i, l := range lines {
				if !strings.Contains(answers[i+1], l.want) {
					t.Errorf("%q answered %q, lacks %q", l.typed, answers[i+1], l.want)
				}
			}
		})
	}
}

// talk types line n at prompt n until the terminal is closed, and returns what was printed between the prompts.
func talk(tty *os.File, line func(n int) string) []string {
	answers := []string{""}
	b := make([]byte, 1)
	for {
		if n, err := tty.Read(b); n == 0 || err != nil {
			return answers
		}
		last := len(answers) - 1
		answers[last] += string(b)
		if strings.HasSuffix(answers[last], "\n> ") {
			if _, err := tty.WriteString(line(last) + "\r"); err != nil {
				return answers
			}
			answers = append(answers, "")
		}
	}
}
