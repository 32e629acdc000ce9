package system

import "testing"

// PIC, I/O APIC and local APIC.
func TestInterrupts32(t *testing.T) {
	t.Parallel()
	check(t, `
		PIT by the PIC #20 0000 +02 08
		the next waits for EOI none
		EOI lets it through #20 0000 +02 08
		one edge, one interrupt none
		masked none
		unmasked #20 0000 +02 08
		01
		IPI to itself #32 0000 +02 08
		00
		01
		00
		TPR of the same class none
		TPR of the class below #32 0000 +02 08
		two of which one is in service none
		the higher first #32 0000 +02 08
		then the lower #22 0000 +02 08
		a higher class interrupts #32 0000 +02 08
		and all is done none
		local timer #33 0000 +02 08
		00000000
		periodic timer #33 0000 +02 08
		periodic timer again #33 0000 +02 08
		masked timer none
		PIT by the I/O APIC #26 0000 +02 08
		masked in the I/O APIC none
	`, nil, "interrupts32.asm")
}
