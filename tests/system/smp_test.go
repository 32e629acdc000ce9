package system

import (
	"strings"
	"testing"
)

// smp are the lines of smp64.asm up to x2APIC mode: a count for each of the four processors.
const smp = `
	bootstrap processor 01
	started
	CS 00000000 00000800 00000800 00000800
	EFLAGS 00000000 00000002 00000002 00000002
	BSP bit 00000000 00000000 00000000 00000000
	APIC ID 00000000 00000001 00000002 00000003
	answers 00000000 00000001 00000001 00000001
	a start-up interrupt while running 00000000 00000001 00000001 00000001
	is ignored 00000000 00000000 00000000 00000000
	physical 00000000 00000000 00000001 00000000
	physical, broadcast 00000000 00000001 00000001 00000001
	and to the sender #32 0000 +02 08
	to nobody 00000000 00000000 00000000 00000000
	logical, flat 00000000 00000001 00000000 00000001
	logical, cluster 1 00000000 00000001 00000000 00000000
	logical, cluster 2 00000000 00000000 00000001 00000001
	logical, all clusters 00000000 00000001 00000000 00000001
	all but self 00000000 00000001 00000001 00000001
	all with self 00000000 00000001 00000001 00000001
	and self #32 0000 +02 08
	self #32 0000 +02 08
	lowest priority 00000000 00000000 00000001 00000000
	TPR holds it 00000000 00000000 00000001 00000001
	until it falls 00000000 00000001 00000000 00000000
	NMI 00000000 00000001 00000001 00000001
	IF clear 00000000 00000000 00000000 00000000
	NMI ends HLT 00000000 00000000 00000001 00000000
	of the others 00000000 00000001 00000000 00000001
	then the other comes 00000000 00000001 00000001 00000001
	vector 5 ESR 00000020
	delivery status 00
	INIT stops one 00000000 00000001 00000001 00000000
	and SIPI starts it 00000000 00000001 00000001 00000001
	CR0 00000000 00000000 00000000 00000010
	EFLAGS 00000000 00000000 00000000 00000002
	LOCK INC 00013880 XADD 0003a980 CMPXCHG 00013880 CMPXCHG8B 00004e20 CMPXCHG16B 00004e20
	spin lock 00001f40
	before 00000000 00646c6f 00646c6f 00646c6f
	after shootdown 00000000 0077656e 0077656e 0077656e
	code 00000000 00000011 00000011 00000011
	changed 00000000 00000022 00000022 00000022
	a hundred times 00006306
`

// fourCPUs are the options of a machine with four processors.
var fourCPUs = []string{"-smp", "4"}

// Start of processors, interprocessor interrupts, LOCK, TLB shootdown and changed code.
func TestSMP(t *testing.T) {
	t.Parallel()
	checkWith(t, len(emulators), fourCPUs, smp, map[string]string{
		// QEMU matches the cluster's number only, not 15, which means all (SDM vol. 3A 11.6.2.2).
		"logical, all clusters 00000000 00000001 00000000 00000001": "",
		// QEMU takes the first processor of several for the one with the lowest priority.
		"lowest priority 00000000 00000000 00000001 00000000": "lowest priority 00000000 00000001 00000000 00000000",
		// QEMU's local APIC has no send errors.
		"vector 5 ESR 00000020": "vector 5 ESR 00000000",
		// QEMU sets CR0.CD and NW at INIT, which leaves them (SDM vol. 3A table 10-1).
		"CR0 00000000 00000000 00000000 00000010": "CR0 00000000 00000000 00000000 60000010",
	}, "smp64.asm")
}

// TSC-deadline and x2APIC mode, which QEMU's TCG of Debian 12 does not have.
func TestX2APIC(t *testing.T) {
	t.Parallel()
	checkWith(t, 2, fourCPUs, strings.TrimSpace(smp)+`
		reserved bit of IA32_APIC_BASE #0d 0000 +0f 08
		x2APIC without enable #0d 0000 +0f 08
		x2APIC register in xAPIC mode #0d 0000 +05 08
		TSC deadline in the past #33 0000 +02 08
		TSC deadline #33 0000 +02 08
		reads 00000000
		initial count 00000000
		disarmed none
		another mode disarms none
		ignored in another mode 00000000
		back to xAPIC mode #0d 0000 +0f 08
		x2APIC ID 00000000 00000001 00000002 00000003
		LDR 00000001 00000002 00000004 00000008
		write to ID #0d 0000 +0f 08
		write to LDR #0d 0000 +0f 08
		DFR #0d 0000 +05 08
		ICR high #0d 0000 +05 08
		arbitration priority #0d 0000 +05 08
		read of EOI #0d 0000 +05 08
		EOI of 1 #0d 0000 +0f 08
		EOI of 0 none
		write to ISR #0d 0000 +0f 08
		write to PPR #0d 0000 +0f 08
		reserved bits of TPR #0d 0000 +0f 08
		high half of TPR #0d 0000 +0f 08
		ESR of 1 #0d 0000 +0f 08
		ESR of 0 none
		reserved bits of the divider #0d 0000 +0f 08
		reserved bits of ICR #0d 0000 +0f 08
		read of self IPI #0d 0000 +05 08
		reserved bits of self IPI #0d 0000 +0f 08
		beyond #0d 0000 +05 08
		physical 00000000 00000000 00000001 00000000
		broadcast 00000000 00000001 00000001 00000001
		and self #32 0000 +02 08
		logical 00000000 00000001 00000000 00000001
		another cluster 00000000 00000000 00000000 00000000
		logical, broadcast 00000000 00000001 00000001 00000001
		and self #32 0000 +02 08
		all but self 00000000 00000001 00000001 00000001
		self IPI #32 0000 +02 08
		NMI 00000000 00000001 00000001 00000001
		last LVT entry at least 5: 01
		off none
		straight to x2APIC mode #0d 0000 +0f 08
		on none
		SVR 000000ff
	`, nil, "smp64.asm", "X2")
}

// With -icount the same happens at the same instructions every time.
func TestSMPRepeats(t *testing.T) {
	t.Parallel()
	for i, e := range emulators[:2] {
		t.Run(e.name, func(t *testing.T) {
			count := func() string {
				lines := runWith(t, i, append([]string{"-icount", "shift=3,sleep=off"}, fourCPUs...), "smp64.asm", "COUNT")
				return lines[len(lines)-1]
			}
			if a, b := count(), count(); a != b {
				t.Errorf("%q, then %q", a, b)
			}
		})
	}
}
