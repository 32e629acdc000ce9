package system

import "testing"

// QEMU raises the #GP of SYSRET to an address that is not canonical in ring 3, as AMD processors do.

// Call gates, far returns and interrupts between rings.
func TestTransfers32(t *testing.T) {
	t.Parallel()
	check(t, `
		gate: cs 00000008
		gate: ss 00000010
		gate: esp below the TSS's ffffffe8
		gate: return address 00000000
		gate: return cs 0000001b
		gate: second parameter 22222222
		gate: first parameter 11111111
		gate: old esp fffffff8
		gate: old ss 00000023
		back: esp 00000000
		back: cs 0000001b
		back: ss and ds 00230023
		jump through a gate to ring 0 #0d 0008 +00 1b
		gate not present #0b 0078 +00 1b
		gate of ring 0 #0d 00b0 +00 1b
		gate of RPL above its DPL is fine none
		retf to ring 0 #0d 0008 +07 1b
		iret to ring 0 #0d 0008 +06 1b
		retf: esp fffffff4
		retf: fs and gs 00230000
		retf: es 00000060
		interrupt: old cs 0000001b
		interrupt: old ss 00000023
	`, nil, "transfers32.asm")
}

// SYSCALL, SYSENTER and their returns.
func TestSyscall64(t *testing.T) {
	t.Parallel()
	check(t, `
		sysret: stack used 0000000000000000
		sysret: cs 00000000000000b3
		sysret: ss 00000000000000ab
		sysret: flags 0000000000000203
		syscall: rcx 0000000000000000
		syscall: r11 0000000000000203
		syscall: cs 0000000000000008
		syscall: ss 0000000000000010
		syscall: flags 0000000000000046
		swapgs: base 0000000000002222
		syscall: stack used 0000000000000000
		second sysret: cs 00000000000000b3
		second sysret: flags 0000000000000203
		sysret to 32-bit code: cs + 1 00000000000000a4
		sysret, not canonical #0d 0000 +00 08
		sysenter without MSR #0d 0000 +00 1b
		sysenter: rsp from the MSR's 0000000000000000
		sysenter: cs 0000000000000008
		sysenter: ss 0000000000000010
		sysenter: flags 0000000000000046
		sysexit in ring 3 #0d 0000 +00 1b
		sysexit: cs 00000000000000a3
		sysexit: ss 00000000000000ab
	`, map[string]string{
		"sysret, not canonical #0d 0000 +00 08": "sysret, not canonical #0d 0000 +f8 b3",
	}, "syscall64.asm")
}
