package snippet

import (
	"testing"

	"goemu/emu/crosscheck/undefined"
	"goemu/tcg/amd64"
)

// What the host's CPU stores of its own, as pointers of the x87 and the mask of MXCSR, is no difference; what else is stored is.
func TestNativeStores(t *testing.T) {
	r := Runner{A: "native", B: "tcg", Table: undefined.Default()}
	if !amd64.Supported() {
		r.B = "interp"
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, code := range []string{
		"d9 eb d9 36",                      // fldpi, fnstenv [rsi]
		"d9 eb 66 d9 36",                   // with 16-bit operands
		"d9 eb dd 36",                      // fnsave
		"d9 eb 66 dd 36",                   //
		"d9 eb 66 0f 76 c9 0f ae 06",       // pcmpeqd xmm1, xmm1; fxsave
		"d9 eb 66 0f 76 c9 48 0f ae 46 10", // fxsave64 [rsi+16]
		"d9 eb 66 0f 76 c9 48 0f ae 06 d9 e8 66 0f ef c9 48 0f ae 0e d9 36", // and fxrstor64, fnstenv
		"d9 e8 d9 ee de f9 dd 36 dd 26",                                     // a division by zero; fnsave, frstor
	} {
		c := parse(t, "code "+code)[0]
		if v := r.Run(c); v.Status != Equal || v.Excused {
			t.Errorf("%s: %v", code, v)
		}
	}
	r.open["native"] = stray{at: []uint64{0x20000000 + 32}}
	if v := r.Run(parse(t, "code d9 eb 0f ae 06")[0]); v.Status != Different {
		t.Errorf("another ST(0) is stored: %v", v)
	}
}

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
