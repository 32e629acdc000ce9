package system

import "testing"

// Limits of the code segment, 16-bit stacks at both ends, and null segments.
func TestSegments32(t *testing.T) {
	t.Parallel()
	withBochs(t, `
		within the limit none
		the next beyond it #0d 0000 +05 b0
		first byte within #0d 0000 +00 b0
		last byte beyond #0d 0000 +00 b0
		after instructions within #0d 0000 +0f b0
		jmp to the limit #0d 0000 +80 b0
		jmp beyond it #0d 0000 +00 b0
		jmp below 0 #0d 0000 +00 b0
		jz beyond it #0d 0000 +02 b0
		jnz beyond it none
		loop beyond it #0d 0000 +02 b0
		call beyond it #0d 0000 +00 b0
		call of a register beyond it #0d 0000 +05 b0
		jmp to a register beyond it #0d 0000 +05 b0
		ret beyond it #0d 0000 +05 b0
		ret n beyond it #0d 0000 +05 b0
		far jmp beyond it #0d 0000 +00 b0
		far call beyond it #0d 0000 +00 b0
		retf beyond it #0d 0000 +0b b0
		iret beyond it #0d 0000 +08 b0
		16-bit jmp none
		write to a code segment #0d 0000 +00 b0
		read of it none
		read beyond it #0d 0000 +00 b0
		int beyond the limit #0d 0000 +00 08
		push at 2 30 0000 00100000
		push at 0 30 0000 0010fffe
		push at 1 0c 0000 00100001
		push at 3 0c 0000 00100003
		push at 0 under a limit 0c 0000 00100000
		push at the limit 30 0000 001000ff
		push above it 0c 0000 00100102
		pop at fffe 30 0000 00100000
		pop at ffff 0c 0000 0010ffff
		pop under a limit 30 0000 00100101
		pop at the limit 0c 0000 00100100
		pusha that wraps 30 0000 0010fff0
		pusha across 0 30 0000 0010fffe
		pusha across 0 by a byte 0c 0000 0010000d
		popa across 0 30 0000 0010000c
		call at 1 0c 0000 00100001
		enter 30 0000 00100000
		enter below 0 0c 0000 00100008
		enter under the limit 30 0000 00100018
		enter under a lower limit 0c 0000 00100020
		enter beyond a limit 0c 0000 00100004
		read of null ds #0d 0000 +04 08
		write to null ds #0d 0000 +07 08
		read of null es #0d 0000 +04 08
		write to null es #0d 0000 +07 08
		read of null fs #0d 0000 +04 08
		write to null fs #0d 0000 +07 08
		read of null gs #0d 0000 +04 08
		write to null gs #0d 0000 +07 08
		ring 3: read of null fs #0d 0000 +04 1b
		ring 3: write to null gs #0d 0000 +07 1b
		lea of null none
		prefetch of null none
		invlpg of null none
		nop of null none
		clflush of null #0d 0000 +00 08
		rep movsb of none none
	`, nil, "segments32.asm")
}
