package system

import "testing"

// Far transfers in long mode. Bochs puts the old SS in the error code of a stack that is not canonical; SDM vol. 2A, INT, has EXT alone.

func TestTransfers64(t *testing.T) {
	t.Parallel()
	checkBochs(t, `
		gate: rsp below the TSS's ffffffffffffffe0
		gate: cs 0000000000000008
		gate: ss 0000000000000000
		gate: return address 0000000000000000
		gate: return cs 000000000000001b
		gate: old rsp 0000000000000000
		gate: old ss 0000000000000023
		back: cs 000000000000001b
		back: ss 0000000000000023
		back: rsp 0000000000000000
		call in ring 0 none
		jmp in ring 0: cs 0000000000000008
		jmp in ring 3 #0d 0008 +00 1b
		type in the upper half #0d 0068 +00 1b
		target not canonical #0d 0000 +00 1b
		target is 32-bit code #0d 0050 +00 1b
		target is data #0d 0010 +00 1b
		target is null #0d 0000 +00 1b
		target is beyond the GDT #0d 0200 +00 1b
		16-bit gate #0d 0068 +00 1b
		task gate #0d 0068 +00 1b
		TSS #0d 0088 +00 08
		gate not present #0b 0078 +00 1b
		gate of ring 0 #0d 00b0 +00 1b
		upper half beyond the GDT #0d 00b0 +00 08
		code with L and D #0d 00b0 +00 08
		compatibility: rax 0000000000000001
		compatibility: cs 0000000000000050
		retf to compatibility mode: cs 000000000000005b
		retf to compatibility mode: ss 0000000000000023
		retf to compatibility mode: rsp fffffffffffffffc
		gate from compatibility mode: cs 000000000000005b
		gate from compatibility mode: rsp fffffffffffffffc
		IST: old rsp 0000000000000000
		IST: ss 0000000000000010
		IST: aligned, ss below it 0000000000000010
		IST not canonical #0c 0000 +00 08
		misaligned rsp is pushed fffffffffffffffb
		iret in ring 0 to null ss 0000000000000000
	`, map[string]string{
		"IST not canonical #0c 0000 +00 08": "IST not canonical #0c 0010 +00 08",
	}, "transfers64.asm")
}
