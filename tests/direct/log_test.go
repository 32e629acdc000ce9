package direct

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"goemu/tests/guest"
)

// Each log item names what a guest did.
func TestLogs(t *testing.T) {
	kernel := assemble(t, "errors.asm")
	for _, accel := range engines {
		for _, c := range []struct {
			items string
			want  []string
			not   []string
		}{
			{"guest_errors", []string{
				`guest error at 0x10[0-9a-f]+: write to unclaimed port 0x2e0, 1 bytes, value 0x78\n`,
				`guest error at 0x10[0-9a-f]+: write to unclaimed port 0x2e0, 4 bytes, value 0x12345678\n`,
				`guest error at 0x10[0-9a-f]+: read of unclaimed port 0x2e0, 2 bytes, value 0xffff\n`,
				`guest error at 0x10[0-9a-f]+: write to unclaimed physical address 0xd0000010, 2 bytes, value 0xffff\n`,
				`guest error at 0x10[0-9a-f]+: read of unclaimed physical address 0xd0000020, 4 bytes, value 0xffffffff\n`,
				`(guest error at 0x10[0-9a-f]+: goemu lacks VADDPS \(62 f1 74 48 58 c2\)\n){3}`,
				`lacking instruction VADDPS: 3 times\n`,
			}, []string{"CR3", "engine:"}},
			{"mmu", []string{
				`0x10[0-9a-f]+: CR3 0x200000\n`,
				`0x10[0-9a-f]+: TLB flushed but for global pages\n`,
				`0x10[0-9a-f]+: TLB flushed\n`,
				`0x10[0-9a-f]+: TLB flushed of 0x123000\n`,
			}, []string{"unclaimed", "engine:"}},
			{"stats", []string{
				`engine: Blocks [1-9]`,
				`lacking instruction VADDPS: 3 times\n`,
				`vector 6: 3 times\n`,
			}, []string{"unclaimed", "CR3"}},
		} {
			log := filepath.Join(t.TempDir(), "log")
			s := guest.Start(t, "-accel", accel, "-kernel", kernel, "-display", "none", "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
				"-d", c.items, "-D", log)
			if status := s.Wait(); status != 33 {
				t.Fatalf("-accel %s: exit status %d\n%s", accel, status, s.Output())
			}
			text, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range c.want {
				if !regexp.MustCompile(w).Match(text) {
					t.Errorf("-accel %s -d %s lacks %s:\n%s", accel, c.items, w, text)
				}
			}
			for _, w := range c.not {
				if regexp.MustCompile(w).Match(text) {
					t.Errorf("-accel %s -d %s has %s:\n%s", accel, c.items, w, text)
				}
			}
		}
	}
}
