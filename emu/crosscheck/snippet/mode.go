package snippet

import (
	"fmt"
	"strings"

	"goemu/emu/inspect"
)

// Variant tells modes with the same size of code apart.
type Variant uint8

// Variants of modes.
const (
	Usual     Variant = iota // with 16 bits real mode, with 32 protected mode, with 64 long mode
	Protected                // protected mode with 16 bits
	VM86                     // virtual-8086 mode
	Compat                   // compatibility mode, the part of long mode with 16 and 32 bits
)

var modes = [...]struct {
	name    string
	bits    int
	variant Variant
}{
	{"16", 16, Usual}, {"32", 32, Usual}, {"64", 64, Usual}, {"protected16", 16, Protected}, {"vm86", 16, VM86}, {"compat16", 16, Compat}, {"compat32", 32, Compat},
}

// ModeNames are all modes.
func ModeNames() (l []string) {
	for _, m := range modes {
		l = append(l, m.name)
	}
	return l
}

// SetMode changes the mode of a case, and its ring to the usual one: 3, but in real mode.
func (c *Case) SetMode(name string) error {
	for _, m := range modes {
		if m.name == name {
			c.Mode, c.Variant, c.Ring = m.bits, m.variant, 3
			if c.real() {
				c.Ring = 0
			}
			return nil
		}
	}
	return fmt.Errorf("mode %s: want one of %s", name, strings.Join(ModeNames(), ", "))
}

// ModeName is the mode's name.
func (c *Case) ModeName() string {
	for _, m := range modes {
		if m.bits == c.Mode && m.variant == c.Variant {
			return m.name
		}
	}
	return fmt.Sprint(c.Mode)
}

func (c *Case) real() bool { return c.Mode == 16 && c.Variant == Usual }
func (c *Case) long() bool { return c.Mode == 64 || c.Variant == Compat }

// checkRing tells whether the mode has the ring.
func (c *Case) checkRing() error {
	switch {
	case c.real() && c.Ring != 0:
		return fmt.Errorf("mode 16 is real mode: it has ring 0 only")
	case c.Variant == VM86 && c.Ring != 3:
		return fmt.Errorf("mode vm86 has ring 3 only")
	}
	return nil
}

// variantOf finds the mode of a state. An error says that cases have none such.
func variantOf(r *inspect.Registers) (bits int, variant Variant, err error) {
	bits = r.CodeBits()
	switch {
	case r.CR0&inspect.CR0PE == 0 && bits == 16, bits == 64:
	case r.CR0&inspect.CR0PE == 0:
		return 0, 0, fmt.Errorf("32-bit code in real mode: cases have no such mode")
	case r.RFLAGS&inspect.FlagVM != 0:
		variant = VM86
	case r.Long():
		variant = Compat
	case bits == 16:
		variant = Protected
	}
	return bits, variant, nil
}

// Selectors of the code that a case starts with, by ring: those of Linux for ring 3, where it has them.
func (c *Case) codeSelector() uint16 {
	ring := uint16(c.Ring)
	switch {
	case c.Mode == 16:
		return selCode16 + 8*ring + ring
	case c.Ring == 0 && c.Mode == 64:
		return selKernel64
	case c.Ring == 0:
		return selKernel32
	case c.Ring == 3 && c.Mode == 64:
		return selUser64
	case c.Ring == 3:
		return selUser32
	case c.Mode == 64:
		return selCode64 + 8*(ring-1) + ring
	}
	return selCode32 + 8*(ring-1) + ring
}

// dataSelector is that of its data.
func (c *Case) dataSelector() uint16 {
	ring := uint16(c.Ring)
	switch {
	case c.Mode == 16:
		return selData16 + 8*ring + ring
	case c.Ring == 0:
		return selKernelData
	case c.Ring == 3:
		return selUserData
	}
	return selData32 + 8*(ring-1) + ring
}

// described is the hidden part of a segment that a selector of the cases' GDT loads; ok is false where there is none.
func described(sel uint16) (s inspect.Segment, ok bool) {
	if int(sel>>3) >= len(gdt) || gdt[sel>>3] == 0 || sel&4 != 0 {
		return inspect.Segment{Selector: sel}, false
	}
	d := gdt[sel>>3]
	s = inspect.Segment{Selector: sel, Limit: uint32(d&0xffff | d>>32&0xf_0000), Attr: uint32(d>>40) & 0xf0ff}
	if s.Attr&inspect.AttrG != 0 {
		s.Limit = s.Limit<<12 | 0xfff
	}
	return s, true
}
