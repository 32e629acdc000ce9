package system

import (
	"fmt"
	"strings"
	"testing"
)

// copiedParameters is what stands on the inner stack after a call by a gate with n parameters of size bytes, as stacks32.asm shows it: EIP and ESP as 0.
func copiedParameters(n, size int) (v []uint32) {
	word := func(b uint32) {
		v = append(v, b)
		v = append(v, make([]uint32, size-1)...)
	}
	word(0)
	word(0x1b)
	for i := range n * size {
		v = append(v, uint32(200-i))
	}
	word(0)
	word(0x23)
	return v
}

// keptSegments adds up the selectors of the four data segments after a return from level 0 to level rpl: kind is data, code or conforming code
// (SDM vol. 2B, RET).
func keptSegments(rpl, kind, dpl int) int {
	if kind != 2 && dpl < rpl {
		return 0
	}
	return 4 * 0xb0
}

// Stacks that a TSS may hold, parameters of call gates, and data segments after returns.
func TestStacks32(t *testing.T) {
	t.Parallel()
	want := `
		good, call none
		good, int none
		null, call #0a 0000 +00 1b
		null, int #0a 0000 +00 1b
		RPL 3, call #0a 00b8 +00 1b
		RPL 3, int #0a 00b8 +00 1b
		DPL 3, call #0a 00b8 +00 1b
		DPL 3, int #0a 00b8 +00 1b
		read-only, call #0a 00b8 +00 1b
		read-only, int #0a 00b8 +00 1b
		code, call #0a 00b8 +00 1b
		code, int #0a 00b8 +00 1b
		of the system, call #0a 00b8 +00 1b
		of the system, int #0a 00b8 +00 1b
		not present, call #0c 00b8 +00 1b
		not present, int #0c 00b8 +00 1b
		not present and read-only, call #0a 00b8 +00 1b
		not present and read-only, int #0a 00b8 +00 1b
		beyond the GDT, call #0a 0200 +00 1b
		beyond the GDT, int #0a 0200 +00 1b
		in no LDT, call #0a 00bc +00 1b
		in no LDT, int #0a 00bc +00 1b
		beyond its limit, call #0c 00b8 +00 1b
		beyond its limit, int #0c 00b8 +00 1b
		at its limit, call none
		at its limit, int none
		room for all, call #0c 0000 +00 08
		room for all, int #0c 0000 +00 08
		room for an interrupt, call #0c 00b8 +00 1b
		room for an interrupt, int #0c 0000 +00 08
		room for less, call #0c 00b8 +00 1b
		room for less, int #0c 00b8 +00 1b
		wraps at 16 bits, call none
		wraps at 16 bits, int none
		wraps across 0, call #0c 00b8 +00 1b
		wraps across 0, int #0c 00b8 +00 1b
		expand-down, call #0c 00b8 +00 1b
		expand-down, int #0c 00b8 +00 1b
		expand-down with room, call #0c 0000 +00 08
		expand-down with room, int #0c 0000 +00 08
	`
	want = strings.TrimSpace(want) + "\n"
	for n := range 32 {
		want += fmt.Sprintf("parameters %02x %08x %08x\n", n, checksum(copiedParameters(n, 4)), checksum(copiedParameters(n, 2)))
	}
	want += `		parameters at the limit none
		parameters beyond the limit #0c 0000 +00 1b
		parameters far beyond the limit #0c 0000 +00 1b
	`
	want = strings.TrimSpace(want) + "\n"
	for rpl := 1; rpl < 4; rpl++ {
		var b strings.Builder
		fmt.Fprintf(&b, "segments in ring %02x", rpl)
		for kind := range 3 {
			for dpl := range 4 {
				fmt.Fprintf(&b, " %04x", keptSegments(rpl, kind, dpl))
			}
		}
		want += b.String() + "\n"
	}
	withBochs(t, want, nil, "stacks32.asm")
}
