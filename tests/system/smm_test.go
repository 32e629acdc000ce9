package system

import (
	"strings"
	"testing"
)

// QEMU without a display shows the RAM under A0000h when SMRAM is closed, has no lock, and looks for an SMI only at the next jump.
var smmQEMU = map[string]string{
	"closed 00":                             "closed 01",
	"RIP +00":                               "RIP +02",
	"NMI waits for RSM #02 0000 +02 08":     "NMI waits for RSM #02 0000 +04 08",
	"SMIs during HLT 00000002":              "", // it knows no auto-halt restart
	"auto-halt 0101":                        "",
	"HLT: RIP +00":                          "",
	"RIP 0112":                              "RIP 0132",
	"SMRAM is closed 00":                    "SMRAM is closed 01",
	"and locked 00":                         "and locked 01",
	"another processor sees SMRAM 00000000": "another processor sees SMRAM 00000001",
	"register 1a":                           "register 4a",
}

// Bochs has no SMI by LINT0, with which this one is tested.
var smmBochs = map[string]string{"SMIs during HLT 00000002": "", "auto-halt 0101": "", "HLT: RIP +00": ""}

const smm64 = `
		open 01
		closed 00
		SMIs 00000001
		at the new place 00000001
		CS a800
		DS 0000
		CR0 00000032
		CR4 00000000
		EFLAGS 00000002
		DR7 00000400
		EFER 00000000
		revision 00020064
		SMBASE 000a8000
		RIP +00
		RFLAGS 0003
		CR0 80000033
		CR3 00200000
		CR4 00000620
		EFER 00000d00
		DR7 00000700
		RAX a0a0a0a0
		RCX c0c0c0c0
		RDX d0d0d0d0
		RBX b0b0b0b0
		RBP bbbbbbbb
		RSI 51515151
		RDI d1d1d1d1
		R8 55667788
		R8, high 11223344
		R15 bbaa9988
		FS base, high 00001234
		ES 0048 c093 001fffff 00000000
		CS 0008 a09b ffffffff 00000000
		SS 0010 c093 ffffffff 00000000
		FS 0010 c093 ffffffff 11223344
		TR 0028
		GDT 00bf 00000000
		IDT 033f
		after RSM: RAX a0a0a0a0
		RBX b0b0b0b0
		RBP bbbbbbbb
		carry 01
		DR7 00000700
		ES 0048
		a changed save area 600df00d
		RSM outside #06 0000 +00 08
		from ring 3 none
		SMIs 00000001
		CS 001b
		by the local APIC 00000001
		one waits for RSM 00000002
		NMI waits for RSM #02 0000 +02 08
		SMIs 00000001
		NMI after IRET in SMM none
		NMIs in SMM 01
		SMIs during HLT 00000002
		auto-halt 0101
		HLT: RIP +00
		SMRAM is closed 00
		and locked 00
		register 1a
		SMIs 00000001
`

const smm32 = `
		open 01
		closed 00
		SMIs 00000001
		at the new place 00000001
		CS a800
		DS 0000
		CR0 00000032
		CR4 00000000
		EFLAGS 00000002
		DR7 00000400
		EFER 00000000
		revision 00020064
		SMBASE 000a8000
		RIP +00
		RFLAGS 0003
		CR0 00000033
		CR3 00000000
		CR4 00000600
		EFER 00000000
		DR7 00000700
		RAX a0a0a0a0
		RCX c0c0c0c0
		RDX d0d0d0d0
		RBX b0b0b0b0
		RBP bbbbbbbb
		RSI 51515151
		RDI d1d1d1d1
		ES 0048 c093 001fffff 00000000
		CS 0008 c09b ffffffff 00000000
		SS 0010 c093 ffffffff 00000000
		FS 0010 c093 ffffffff 00000000
		TR 0028
		GDT 00bf 00000000
		IDT 019f
		after RSM: RAX a0a0a0a0
		RBX b0b0b0b0
		RBP bbbbbbbb
		carry 01
		DR7 00000700
		ES 0048
		a changed save area 600df00d
		RSM outside #06 0000 +00 08
		from ring 3 none
		SMIs 00000001
		CS 001b
		by the local APIC 00000001
		one waits for RSM 00000002
		NMI waits for RSM #02 0000 +02 08
		SMIs 00000001
		NMI after IRET in SMM none
		NMIs in SMM 01
		SMIs during HLT 00000002
		auto-halt 0101
		HLT: RIP +00
		from real mode: CS 04f0
		CS base 00004f00
		RIP 0112
		DS limit ffffffff
		after it: BX 1234
		unreal DS 13579bdf
		SMRAM is closed 00
		and locked 00
		register 1a
		SMIs 00000001
`

// SMIs from 64-bit code.
func TestSMM64(t *testing.T) {
	t.Parallel()
	checkOn(t, len(emulators), smm64, smmQEMU, "smm.asm", "LONG=1")
	onBochs(t, smm64, smmBochs, "smm.asm", "LONG=1")
}

// From protected and real mode.
func TestSMM32(t *testing.T) {
	t.Parallel()
	checkOn(t, len(emulators), smm32, smmQEMU, "smm.asm", "LONG=0")
	onBochs(t, smm32, smmBochs, "smm.asm", "LONG=0")
}

// RSM to CR0 with PG and without PE shuts down, which ends the machine. QEMU does not look, and Bochs gives up.
func TestSMMShutdown(t *testing.T) {
	t.Parallel()
	checkOn(t, 2, strings.TrimSpace(smm64)+"\nended without its last line", nil, "smm.asm", "LONG=1", "SHUTDOWN")
}

// Each processor sees memory by its own mode, and has its own SMBASE.
func TestSMMOfSeveral(t *testing.T) {
	t.Parallel()
	const closed = "\n\t\tSMRAM is closed 00\n"
	want := strings.Replace(smm64, closed, `
		the handler sees another's memory 00000000
		another processor sees SMRAM 00000000
		its SMI: CS 3000
		it goes on`+closed, 1)
	checkWith(t, len(emulators), []string{"-smp", "2"}, want, smmQEMU, "smm.asm", "LONG=1", "SMP")
}
