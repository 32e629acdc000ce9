package system

import "testing"

// QEMU leaves EXT out of the error codes of faults during delivery, and counts 16 bytes a gate in those of the IDT in long mode.

// Faults while a fault is delivered.
func TestDouble32(t *testing.T) {
	t.Parallel()
	check(t, `
		#DE then #NP is #DF #08 0000 +00 08
		#UD then #NP is #NP #0b 0033 +00 08
		#GP then #NP is #DF #08 0000 +00 08
		int3 then #NP is #NP #0b 001a +00 08
		#UD by a gate to nowhere is #GP with EXT #0d 0201 +00 08
		#UD by a gate to null is #GP with EXT #0d 0001 +00 08
		#UD by a gate to data is #GP with EXT #0d 0011 +00 08
		int3 by a gate to nowhere has no EXT #0d 0200 +00 08
		#UD by no gate is #GP of the IDT #0d 0033 +00 08
		00000000
		0088 0028 00000000 00000000 4000 8b 8b 08
	`, map[string]string{
		"#UD then #NP is #NP #0b 0033 +00 08":                      "#UD then #NP is #NP #0b 0032 +00 08",
		"#GP then #NP is #DF #08 0000 +00 08":                      "#GP then #NP is #DF none",
		"#UD by a gate to nowhere is #GP with EXT #0d 0201 +00 08": "#UD by a gate to nowhere is #GP with EXT #0d 0200 +00 08",
		"#UD by a gate to null is #GP with EXT #0d 0001 +00 08":    "#UD by a gate to null is #GP with EXT #0d 0000 +00 08",
		"#UD by a gate to data is #GP with EXT #0d 0011 +00 08":    "#UD by a gate to data is #GP with EXT #0d 0010 +00 08",
		"#UD by no gate is #GP of the IDT #0d 0033 +00 08":         "#UD by no gate is #GP of the IDT #0d 0032 +00 08",
	}, "double32.asm")
}

// The same in 64-bit mode; it ends in a triple fault.
func TestDouble64(t *testing.T) {
	t.Parallel()
	check(t, `
		#PF on a bad stack is #DF #08 0000 +00 08
		push on a bad stack is #DF #08 0000 +00 08
		#UD on a bad stack is #PF on it: #DF #08 0000 +00 08
		#UD on a bad stack, #PF has a stack of its own #0e 0002 +00 08 00000000400007f8
		int on a bad stack, #PF has a stack of its own #0e 0002 +00 08 00000000400007f8
		#UD then #NP is #NP #0b 0033 +00 08
		#GP then #NP is #DF #08 0000 +00 08
		#PF then #NP is #DF #08 0000 +00 08
		T
		ended without its last line
	`, map[string]string{
		"#UD then #NP is #NP #0b 0033 +00 08": "#UD then #NP is #NP #0b 0062 +00 08",
	}, "double64.asm")
}
