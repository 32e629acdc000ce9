package system

import "testing"

// Near branches to where no code can be. QEMU is no oracle here: it knows no limit of CS, and loads RIP before it finds that it is not
// canonical. Processors do as the manual says (tests/difftest).

func TestBranches32(t *testing.T) {
	t.Parallel()
	checkOn(t, 2, `
		jmp #0d 0000 +00 00 00000005 5a5a
		jmp ebx #0d 0000 +00 00 00000005 5a5a
		jmp [ebx] #0d 0000 +00 00 00000005 5a5a
		jmp constant #0d 0000 +05 00 00000005 5a5a
		call #0d 0000 +00 00 00000005 5a5a
		call ebx #0d 0000 +00 00 00000005 5a5a
		call [mem] #0d 0000 +00 00 00000005 5a5a
		ret #0d 0000 +00 00 00000005 5a5a
		ret 8 #0d 0000 +00 00 00000005 5a5a
		jz, taken #0d 0000 +00 00 00000005 5a5a
		jnz, not taken #30 0000 +08 00 00000005 5a5a
		call and another return #0d 0000 +63 fc 00000005 0030
		call in a loop #0d 0000 +00 00 00000001 0010
		loop #0d 0000 +00 00 00000005 5a5a
		jecxz, not taken, and jz #0d 0000 +02 00 00000005 5a5a
		instruction across the limit #0d 0000 +00 00 00000005 5a5a
		instruction before the limit #0d 0000 +01 00 00000005 5a5a
		16: jmp #0d 0000 +00 00 00000005 5a5a
		16: jmp, 32-bit operand #0d 0000 +00 00 00000005 5a5a
		16: jmp bx #0d 0000 +00 00 00000005 5a5a
		16: jmp ebx #0d 0000 +00 00 00000005 5a5a
		16: call #0d 0000 +00 00 00000005 5a5a
		16: call bx #0d 0000 +00 00 00000005 5a5a
		16: call ebx #0d 0000 +00 00 00000005 5a5a
		16: ret #0d 0000 +00 00 00000005 5a5a
		16: ret 6 #0d 0000 +00 00 00000005 5a5a
		16: o32 ret #0d 0000 +00 00 00000005 5a5a
		16: jz, taken #0d 0000 +00 00 00000005 5a5a
		16: jnz, not taken #30 0000 +06 00 00000005 5a5a
	`, nil, "branches32.asm")
}

func TestBranches64(t *testing.T) {
	t.Parallel()
	checkOn(t, 2, `
		jmp rbx #0d 0000 +00 00 00000005 5a5a
		jmp [rbx] #0d 0000 +00 00 00000005 5a5a
		jmp constant #0d 0000 +0a 00 00000005 5a5a
		jmp far away #0d 0000 +0a 00 00000005 5a5a
		call rbx #0d 0000 +00 00 00000005 5a5a
		call [mem] #0d 0000 +00 00 00000005 5a5a
		call constant #0d 0000 +0a 00 00000005 5a5a
		ret #0d 0000 +00 00 00000005 5a5a
		ret 8 #0d 0000 +00 00 00000005 5a5a
		call and another return #0d 0000 +1b f8 00000005 0000
		call in a loop #0d 0000 +00 00 00000001 0000
		jmp in a loop #0d 0000 +00 00 00000001 5a5a
		ret in a loop #0d 0000 +4c f8 00000001 0000
		jmp across #0d 0000 +00 00 00000005 5a5a
		jmp short across #0d 0000 +00 00 00000005 5a5a
		call across #0d 0000 +00 00 00000005 5a5a
		jz across, taken #0d 0000 +00 00 00000005 5a5a
		jnz across, not taken #30 0000 +08 00 00000005 5a5a
		loop across #0d 0000 +00 00 00000005 5a5a
		loopne across, not taken #30 0000 +04 00 00000004 5a5a
		jrcxz across, not taken #30 0000 +04 00 00000005 5a5a
		call that cannot be returned from #0d 0000 +0f f8 00000005 0000
		instruction across #0d 0000 +00 00 00000005 5a5a
	`, nil, "branches64.asm")
}
