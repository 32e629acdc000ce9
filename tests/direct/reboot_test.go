package direct

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goemu/tests/guest"
)

// Every way to reset the machine enters the kernel again, and CMOS keeps its contents.
func TestReboot(t *testing.T) {
	boots := regexp.MustCompile(`boot \d [0-9A-F]{8}`)
	for method, name := range []string{"keyboard controller", "port 92h", "port CF9h", "triple fault"} {
		kernel := assemble(t, "boots.asm", fmt.Sprintf("-DMETHOD=%d", method))
		run := func(s *guest.Session, who string) []string {
			if status := s.Wait(); status != 0 {
				t.Fatalf("%s, %s: exit status %d\n%s", name, who, status, s.Output())
			}
			return boots.FindAllString(s.Console(), -1)
		}
		args := []string{"-kernel", kernel, "-display", "none", "-serial", "stdio"}
		want := []string{"boot 1 2BADB002", "boot 2 2BADB002", "boot 3 2BADB002"}
		if d := cmp.Diff(want, run(guest.StartCommand(t, "qemu-system-x86_64", append([]string{"-accel", "tcg"}, args...)...), "QEMU")); d != "" {
			t.Errorf("%s, QEMU: %s", name, d)
		}
		for _, accel := range engines {
			if d := cmp.Diff(want, run(guest.Start(t, append([]string{"-accel", accel}, args...)...), accel)); d != "" {
				t.Errorf("%s, -accel %s: %s", name, accel, d)
			}
			// With -no-reboot the first reset ends the machine.
			once := run(guest.Start(t, append([]string{"-accel", accel, "-no-reboot"}, args...)...), accel)
			if got := strings.Join(once, ","); got != want[0] {
				t.Errorf("%s, -accel %s -no-reboot: %s", name, accel, got)
			}
		}
	}
}
