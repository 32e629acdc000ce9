package snippet

import (
	"fmt"
	"strings"
	"testing"

	"goemu/emu/crosscheck/undefined"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
)

// TestModes runs snippets in all modes and rings on each engine that has them: they can be seen by the selectors, and by what is not allowed.
func TestModes(t *testing.T) {
	type test struct{ code, want string }
	at := map[int]string{16: "0x7c0", 32: "0x1000000", 64: "0x1000000"}
	ran := map[string]int{}
	odd := false // this host's KVM is no processor's
	if h, err := kvm.Open(); err == nil {
		_, whole := h.Weakness()
		odd = !whole
		_ = h.Close()
	}
	for _, name := range have(t) {
		r := Runner{A: "interp", B: name, Table: undefined.Default()}
		for _, mode := range ModeNames() {
			for ring := range 4 {
				c := new(Case)
				if err := c.SetMode(mode); err != nil {
					t.Fatal(err)
				}
				c.Ring = ring
				if c.checkRing() != nil {
					continue
				}
				tests := []test{
					{"89 d8", "expect end end\nexpect rip " + at[c.Mode] + "2"},
					{"0f 0b", "expect end #UD\nexpect rip " + at[c.Mode] + "0"},
					{"31 c9 f7 f1", "expect end #DE\nexpect rip " + at[c.Mode] + "2"},
					{"8c c8", fmt.Sprintf("expect rax %#x", map[bool]uint16{false: c.codeSelector()}[c.real() || c.Variant == VM86])},
					{"fb", map[bool]string{true: "expect end end", false: "expect end #GP(0x0)\nexpect rip " + at[c.Mode] + "0"}[ring == 0]},
					{"50 5b", "expect end end"},
				}
				if c.Mode == 16 {
					tests = append(tests, test{"66 b8 78 56 34 12", "expect rax 0x12345678"}, test{"8b 04", "reg rsi 0x18000\nmemory 0x8000 34 12\nexpect rax 0x1234"})
				}
				if c.Variant == VM86 {
					tests = append(tests, test{"b8 00 08 8e d8 a1 10 00", "memory 0x8010 34 12\nexpect rax 0x1234\nexpect ds 0x800\nexpect ds.base 0x8000"}, test{"cd 20", "expect end #GP(0x0)"},
						test{"9c", "expect end #GP(0x0)"}, test{"8e d8 0f 0b", "reg rax 0x900\nexpect ds 0x900\nexpect ds.base 0x9000\nexpect end #UD\nexpect rsp 0x9800"})
				}
				if c.long() && c.Mode != 64 {
					tests = append(tests, test{"48", "expect rax 0xffff" + map[int]string{32: "ffff"}[c.Mode]})
				}
				for _, x := range tests {
					text := fmt.Sprintf("mode %s\nring %d\ncode %s\n%s", mode, ring, x.code, x.want)
					if stuck && name == "kvm" {
						continue
					}
					v := r.Run(parse(t, text)[0])
					switch {
					case cannot(name, v):
						t.Logf("THIS HOST'S KVM CANNOT: %q: %s", text, v)
					case v.Status == Failed && (name == "native" || name == "kvm"):
					case name == "native" && v.Status == Equal: // it knows no error codes
						ran[name]++
					case !v.Expected && name == "kvm" && odd:
						t.Logf("DIFFERENT ON THIS HOST'S KVM: %q: %s", text, v)
					case !v.Expected:
						t.Errorf("%s: %q: %s", name, text, v)
					default:
						ran[name]++
					}
				}
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("snippets run, by engine: %v", ran)
}

// The segments that a case starts with are those that its selectors load.
func TestSegments(t *testing.T) {
	for _, mode := range ModeNames() {
		for ring := range 4 {
			c := new(Case)
			if err := c.SetMode(mode); err != nil {
				t.Fatal(err)
			}
			if c.Ring = ring; c.checkRing() != nil {
				continue
			}
			r := c.reset()
			if v := r.Mode(); r.CodeBits() != c.Mode || r.Long() != c.long() {
				t.Errorf("mode %s: %s", mode, v)
			}
			var again Case
			if err := again.SetState(&r); err != nil || again.ModeName() != mode || len(again.Regs) != 0 {
				r.CPL = ring
				t.Errorf("mode %s, ring %d: %v, %s, %v", mode, ring, err, again.ModeName(), again.Regs)
			}
			if cs := r.Seg[inspect.CS]; !c.real() && c.Variant != VM86 && (int(cs.Selector&3) != ring || cs.DPL() != ring) {
				t.Errorf("mode %s, ring %d: CS is %+v", mode, ring, cs)
			}
		}
	}
	if err := new(Case).SetMode("36"); err == nil || !strings.Contains(err.Error(), "want one of 16, 32, 64, ") {
		t.Error(err)
	}
}
