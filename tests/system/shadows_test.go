package system

import "testing"

// Which instruction an interrupt that waits comes after, who may change IF, and the blocking of NMIs.
func TestShadows(t *testing.T) {
	t.Parallel()
	bochs := map[string]string{} // its RF is clear there
	for _, name := range []string{"rep stosb", "rep lodsb", "rep movsb", "repe scasb", "repe cmpsb", "rep outsb"} {
		bochs[name+" +00 00000000 01"] = name + " +00 00000000 00"
	}
	withBochs(t, `
		sti #32 0000 +02 08
		sti, cli none
		sti, sti #32 0000 +02 08
		sti, mov ss #32 0000 +04 08
		sti, pop ss #32 0000 +04 08
		mov ss, sti #32 0000 +04 08
		sti, jmp #32 0000 +04 08
		sti, hlt #32 0000 +02 08
		sti, ud2 #06 0000 +01 08
		sti, mov ss, ud2 #06 0000 +03 08
		sti, bad load of ds #0d 01f8 +01 08
		sti, int 3 #03 0000 +03 08
		popfd #32 0000 +06 08
		popfw #32 0000 +06 08
		iret #32 0000 +0d 08
		cli none
		ring 3, IOPL 3: sti #32 0000 +02 1b
		ring 3, IOPL 3: popfd #32 0000 +06 1b
		ring 3, IOPL 3: cli none
		ring 3: popfd none
		ring 3: sti #0d 0000 +00 1b
		iret to ring 3 #32 0000 +00 1b
		popfd of 0 00000202
		popfd of all 00244ed7
		popfw of 0 00000202
		IOPL 3: popfd of 0 00003002
		IOPL 3: popfd of IF and IOPL 0 00003202
		IOPL 3: popfw of 0 00003002
		IOPL 1: popfd of all 00245cd7
		rep stosb +00 00000000 01
		rep lodsb +00 00000000 01
		rep movsb +00 00000000 01
		repe scasb +00 00000000 01
		repe cmpsb +00 00000000 01
		rep outsb +00 00000000 01
		NMI: 01 01 00
		NMI in its handler: 02 01 01
		NMI after an IRET in its handler: 02 02 02
		NMI after an IRET that faults: 02 02 01
		NMI: 01 01 00
		NMI ends HLT: 01 01 00
	`, bochs, "shadows.asm")
}
