package system

import (
	"fmt"
	"strings"
	"testing"
)

// Every access byte of a descriptor for each instruction that loads one, from 32-bit, compatibility and 64-bit code.
// The manual's rules stand here a second time, as few as they are when all that does not matter is left out.

// descriptor is what one case loads, and from where.
type descriptor struct {
	long, code64 bool // long mode; the instruction stands in 64-bit code
	cpl, rpl     int
	acc          int
	l, d         bool
}

func (c descriptor) present() bool    { return c.acc&0x80 != 0 }
func (c descriptor) dpl() int         { return c.acc >> 5 & 3 }
func (c descriptor) system() bool     { return c.acc&0x10 == 0 }
func (c descriptor) kind() int        { return c.acc & 0xf }
func (c descriptor) code() bool       { return c.acc&0x18 == 0x18 }
func (c descriptor) conforming() bool { return c.acc&0x1c == 0x1c }
func (c descriptor) writable() bool   { return c.acc&0x1a == 0x12 }
func (c descriptor) readable() bool   { return !c.system() && (!c.code() || c.acc&2 != 0) }

// jump is JMP and CALL (SDM vol. 2A).
func (c descriptor) jump() string {
	gate := c.system() && (c.kind() == 0xc || c.kind() == 4 && !c.long)
	switch {
	case gate && (c.dpl() < c.cpl || c.rpl > c.dpl()):
		return "g"
	case gate && !c.present():
		return "n"
	case gate: // what it leads to is null
		return "G"
	case c.system() && !c.long && (c.kind()&5 == 1 || c.kind() == 5):
		return "-"
	case !c.code() || c.long && c.l && c.d,
		c.conforming() && c.dpl() > c.cpl,
		!c.conforming() && (c.rpl > c.cpl || c.dpl() != c.cpl):
		return "g"
	case !c.present():
		return "n"
	}
	return fmt.Sprint(c.cpl)
}

// back is RET and IRET to the descriptor (SDM vol. 2B, 2A).
func (c descriptor) back() string {
	switch {
	case !c.code() || c.long && c.l && c.d, c.rpl < c.cpl,
		c.conforming() && c.dpl() > c.rpl,
		!c.conforming() && c.dpl() != c.rpl:
		return "g"
	case !c.present():
		return "n"
	}
	return fmt.Sprint(c.rpl)
}

// backStack is RET and IRET to ring with the descriptor for the stack.
func (c descriptor) backStack(ring int) string {
	switch {
	case c.rpl != ring || !c.writable() || c.dpl() != ring:
		return "h"
	case !c.present():
		return "u"
	}
	return fmt.Sprint(ring)
}

// gate is INT n through a gate with the access byte.
func (c descriptor) gate() string {
	k := c.acc & 0x1f
	switch {
	case !c.long && (k&0x15 == 1 || k == 5):
		return "-"
	case k != 0xe && k != 0xf && (c.long || k != 6 && k != 7), c.dpl() < c.cpl:
		return "i"
	case !c.present():
		return "j"
	}
	return "0"
}

// handler is INT n to the descriptor.
func (c descriptor) handler() string {
	switch {
	case !c.code() || c.dpl() > c.cpl || c.long && (!c.l || c.d):
		return "g"
	case !c.present():
		return "n"
	case c.conforming():
		return fmt.Sprint(c.cpl)
	case c.dpl() != 0 && c.dpl() < c.cpl && !c.long: // these stacks are null
		return "T"
	}
	return fmt.Sprint(c.dpl())
}

// reaches is the check of privilege of data segments.
func (c descriptor) reaches() bool {
	return c.conforming() || c.rpl <= c.dpl() && c.cpl <= c.dpl()
}

// data is MOV to DS.
func (c descriptor) data() string {
	switch {
	case !c.readable() || !c.reaches():
		return "g"
	case !c.present():
		return "n"
	}
	return fmt.Sprint(c.cpl)
}

// stack is MOV to SS.
func (c descriptor) stack() string {
	switch {
	case c.rpl != c.cpl || !c.writable() || c.dpl() != c.cpl:
		return "g"
	case !c.present():
		return "s"
	}
	return fmt.Sprint(c.cpl)
}

// looks is ZF after LAR, LSL, VERR, VERW: bits 0 to 3.
func (c descriptor) looks() string {
	lar, lsl := 1<<1|1<<2|1<<3|1<<4|1<<5|1<<9|1<<0xb|1<<0xc, 1<<1|1<<2|1<<3|1<<9|1<<0xb
	if c.long {
		lar, lsl = 1<<2|1<<9|1<<0xb|1<<0xc, 1<<2|1<<9|1<<0xb
	}
	v := 0
	if c.reaches() {
		if !c.system() || lar>>c.kind()&1 != 0 {
			v |= 1
		}
		if !c.system() || lsl>>c.kind()&1 != 0 {
			v |= 2
		}
		if c.readable() {
			v |= 4
		}
		if c.writable() {
			v |= 8
		}
	}
	return fmt.Sprintf("%x", v)
}

// wantDescriptors gives the lines of descriptors.asm.
func wantDescriptors(long, code64 bool) string {
	kinds := []struct {
		name               string
		rings, rpls, flags int
		want               func(descriptor) string
	}{
		{"jmp", 2, 4, 4, descriptor.jump},
		{"call", 2, 4, 4, descriptor.jump},
		{"retf", 2, 4, 4, descriptor.back},
		{"iret", 2, 4, 4, descriptor.back},
		{"retf-ss", 1, 4, 1, func(c descriptor) string { return c.backStack(3) }},
		{"iret-ss", 1, 4, 1, func(c descriptor) string { return c.backStack(3) }},
		{"iret-ss0", 1, 4, 1, func(c descriptor) string { return c.backStack(0) }},
		{"int-gate", 2, 1, 1, descriptor.gate},
		{"int-cs", 2, 4, 4, descriptor.handler},
		{"mov-ds", 2, 4, 1, descriptor.data},
		{"mov-ss", 2, 4, 1, descriptor.stack},
		{"lar", 2, 4, 1, descriptor.looks},
	}
	var b strings.Builder
	for _, k := range kinds {
		if k.name == "iret-ss0" && !code64 {
			continue // the stack stays
		}
		for ring := range k.rings {
			for rpl := range k.rpls {
				for flags := range k.flags {
					fmt.Fprintf(&b, "%s %d%d%d ", k.name, 3*ring, rpl, flags)
					for acc := range 256 {
						b.WriteString(k.want(descriptor{long, code64, 3 * ring, rpl, acc, flags&1 != 0, flags&2 != 0}))
					}
					b.WriteByte('\n')
				}
			}
		}
	}
	return b.String()
}

// absentStacks gives the lines of kinds as emulators have them that raise #NP for a stack which is not present; the manual has #SS.
func absentStacks(want string, kinds ...string) map[string]string {
	deviant := map[string]string{}
	for line := range strings.Lines(want) {
		line = strings.TrimSpace(line)
		for _, k := range kinds {
			if strings.HasPrefix(line, k) {
				deviant[line] = line[:len(k)] + strings.ReplaceAll(line[len(k):], "u", "m")
			}
		}
	}
	return deviant
}

// TestDescriptors compares with Bochs, and in 32-bit mode with QEMU, which in long mode takes code segments with L and D, has other error codes for gates in
// the IDT, and lets LAR and LSL find 16-bit system descriptors.
func TestDescriptors(t *testing.T) {
	t.Parallel()
	for _, m := range []struct {
		name         string
		long, code64 bool
		defines      []string
	}{
		{"64", true, true, []string{"LONG=1", "ORIGIN=64"}},
		{"Compatibility", true, false, []string{"LONG=1", "ORIGIN=32"}},
		{"32", false, false, []string{"LONG=0", "ORIGIN=32"}},
	} {
		t.Run(m.name, func(t *testing.T) {
			want := wantDescriptors(m.long, m.code64)
			if m.long {
				checkOn(t, 2, want, nil, "descriptors.asm", m.defines...)
			} else {
				check(t, want, absentStacks(want, "retf-ss", "iret-ss"), "descriptors.asm", m.defines...)
			}
			onBochs(t, want, absentStacks(want, "iret-ss"), "descriptors.asm", m.defines...)
		})
	}
}
