package snippet

import (
	"testing"

	"goemu/emu/crosscheck/undefined"
)

// Snippets that end in another mode than they begin in, by far transfers, end on the host's CPU as elsewhere.
func TestNativeChangesMode(t *testing.T) {
	r := Runner{A: "native", B: "interp", Table: undefined.Default()}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, c := range []struct{ text, end, rax string }{
		{"code 6a 23 68 09 00 00 10 48 cb 48", "end", "0xffffffff"},                                                    // retfq to dec eax
		{"mode compat32\ncode ea 07 00 00 10 33 00 48 ff c0", "end", "0x1"},                                            // jmp far to inc rax
		{"reg rflags 0xa02\ncode 6a 23 68 09 00 00 10 48 cb ce", "#OF", "0x0"},                                         // retfq to into
		{"mode compat32\nreg rax 7\ncode ea 07 00 00 10 33 00 48 b8 01 00 00 00 01 00 00 00 f4", "#GP", "0x100000001"}, // jmp far to mov rax, and hlt
	} {
		k := parse(t, c.text)[0]
		k.Expect = append(k.Expect, Setting{"rax", c.rax})
		if v := r.Run(k); v.Status != Equal || !v.Expected || v.EndA != c.end {
			t.Errorf("%q: %v", c.text, v)
		}
	}
}
