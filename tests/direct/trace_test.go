package direct

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"goemu/emu/monitor"
	"goemu/tests/guest"
)

// -trace writes a line for each event that is asked for, in the form that package trace describes, and nothing of others.
func TestTrace(t *testing.T) {
	kernel := assemble(t, "errors.asm")
	number := `(0|0x[0-9a-f]+)`
	line := regexp.MustCompile(`^[a-z_]+ time=\d+\.\d{9} (cpu=\d+ rip=` + number + ` ([a-z0-9]+=("[^"]*"|\S+) ?)+|text="[^"]+")$`)
	for _, accel := range engines {
		t.Run(accel, func(t *testing.T) {
			run := func(options ...string) (trace string, s *guest.Session) {
				file := filepath.Join(t.TempDir(), "trace")
				s = guest.Start(t, append([]string{"-accel", accel, "-kernel", kernel, "-display", "none", "-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-trace", "file=" + file}, options...)...)
				if status := s.Wait(); status != 33 {
					t.Fatalf("exit status %d\n%s", status, s.Output())
				}
				p, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				for _, l := range strings.Split(strings.TrimSpace(string(p)), "\n") {
					if l != "" && !line.MatchString(l) {
						t.Errorf("%q has not the form of a line", l)
					}
				}
				return string(p), s
			}
			events := write(t, "events", "# what is not answered\n\nguest_*\n-exception\nmemory_region_ops_*\n-memory_region_ops_read\n")
			for _, c := range []struct {
				options   []string
				want, not []string
			}{
				{[]string{"-trace", "cpu_out", "-trace", "exception"}, []string{
					`(?m)^cpu_out time=\S+ cpu=0 rip=0x10\w+ addr=0x2e0 size=4 val=0x12345678$`,
					`(?m)^cpu_out .* addr=0xf4 size=1 val=0x10$`,
					`(?m)^exception .* rip=0x10\w+ vector=0x06 code=0x0 soft=false name=#UD$`,
				}, []string{"cpu_in", "interrupt", "guest_unclaimed", "memory_region"}},
				{[]string{"-trace", "enable=*", "-trace", "-cpu_out", "-trace", "-guest_*"}, []string{
					`(?m)^cpu_in .* addr=0x2e0 size=2 val=0xffff$`, `(?m)^cpu_mode .* text="protected mode, 32-bit code, paging"$`,
					`(?m)^machine_shutdown time=\S+ text="shutdown: guest-shutdown"$`,
				}, []string{"cpu_out", "unclaimed"}},
				{[]string{"-trace", "exception", "-trace", "events=" + events}, []string{
					`(?m)^guest_unclaimed .* kind=write of="port" addr=0x2e0 size=1 val=0x78$`,
					`(?m)^guest_unclaimed .* kind=read of="physical address" addr=0xd0000020 size=4 val=0xffffffff$`,
				}, []string{"exception", "cpu_", "memory_region_ops_read"}},
				{nil, []string{`^$`}, nil},
			} {
				got, s := run(c.options...)
				for _, w := range c.want {
					if !regexp.MustCompile(w).MatchString(got) {
						t.Errorf("%q lacks %s:\n%s", c.options, w, got)
					}
				}
				for _, w := range c.not {
					if strings.Contains(got, w) {
						t.Errorf("%q has %s:\n%s", c.options, w, got)
					}
				}
				if s.Output() != "" {
					t.Errorf("%q says %s", c.options, s.Output())
				}
			}
			if _, s := run("-trace", "nosuch", "-trace", "nosuch*"); strings.Count(s.Output(), "\n") != 1 || !strings.Contains(s.Output(), "warning: trace event 'nosuch' does not exist") {
				t.Error(s.Output())
			}
		})
	}
}

// Without file= lines go to standard error; events are switched on and off while the guest runs.
func TestTraceMonitor(t *testing.T) {
	s := guest.Start(t, "-kernel", assemble(t, "rounds.asm"), "-display", "none", "-serial", "mon:stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-trace", "cpu_out")
	s.Expect("cpu_out time=")
	s.Expect("addr=0x3f8 size=1 val=0x31")
	say := func(line string) string {
		s.Send(line)
		out := s.Expect(monitor.Prompt)
		return out
	}
	say("\x01c")
	say("trace-event cpu_out off\n")
	say("trace-event cpu_in on\n")
	s.Expect("addr=0x3fd size=1 val=")
	say("trace-event cpu_* off\n")
	if out := say("info trace-events cpu_*\n"); !strings.Contains(out, "cpu_in : state 0") || !strings.Contains(out, "cpu_out : state 0") || strings.Contains(out, "exception") {
		t.Error(out)
	}
	say("trace-event cpu_out on\n")
	s.Send("\x01cx")
	if status := s.Wait(); status != 33 {
		t.Fatalf("exit status %d\n%s", status, s.Output())
	}
	if out := s.Errors(); !regexp.MustCompile(`^(cpu_out .*\n)+(cpu_in .*\n)+(cpu_out .*\n)*cpu_out .* addr=0xf4 size=1 val=0x10\n$`).MatchString(out) {
		t.Error(out)
	}
}

func TestTraceHelp(t *testing.T) {
	for _, word := range []string{"help", "?"} {
		out, err := exec.Command(guest.Goemu(t), "-trace", word).Output()
		if err != nil || !strings.Contains(string(out), "cpu_out ") {
			t.Errorf("%v: %s", err, out)
		}
	}
	for _, c := range []struct{ option, want string }{
		{"events=/nonexistent/x", "-trace events=/nonexistent/x: open /nonexistent/x: no such file"}, {"file=/nonexistent/x", "-trace file=/nonexistent/x: "}, {"frob=1", "-trace frob=1: frob=1 is not known"},
	} {
		out, err := exec.Command(guest.Goemu(t), "-display", "none", "-trace", c.option).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%v: %s", err, out)
		}
	}
}
