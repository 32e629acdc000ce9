package system

import "testing"

// What QEMU does in its own way: it checks neither limits nor types of segments nor alignment, does not know INT1 (F1), and
// masks SSE exceptions always. Lines under %ifndef QEMU in the guests would end it.
// Exceptions in protected mode.
func TestExceptions32(t *testing.T) {
	t.Parallel()
	check(t, `
		divide by 0 #00 0000 +00 08
		quotient too big #00 0000 +00 08
		int3 #03 0000 +01 08
		into #04 0000 +01 08
		bound #05 0000 +00 08
		within bounds none
		ud2 #06 0000 +00 08
		lock nop #06 0000 +00 08
		int1 #01 0000 +01 08
		x87 with TS #07 0000 +00 08
		sse with TS #07 0000 +00 08
		sse without OSFXSR #06 0000 +00 08
		ds not present #0b 0038 +00 08
		ss not present #0c 0038 +00 08
		ss null #0d 0000 +00 08
		ds null none
		use of a null segment #0d 0000 +00 08
		ss read-only #0d 0040 +00 08
		write to read-only #0d 0000 +00 08
		ds execute-only #0d 0098 +00 08
		ss with RPL 3 #0d 0010 +00 08
		selector beyond the GDT #0d 0200 +00 08
		RPL is not in the error code #0d 0200 +00 08
		selector of no LDT #0d 000c +00 08
		ds of a system segment #0d 0028 +00 08
		within the limit none
		beyond the limit none
		across the limit none
		beyond the stack's limit #0c 0000 +00 08
		int of a gate that is absent #0b 018a +00 08
		int beyond the IDT #0d 07fa +00 08
		jump to data #0d 0010 +00 08
		jump to null #0d 0000 +00 08
		jump to absent data #0d 0038 +00 08
		call of a TSS that is busy #0d 0028 +00 08
		ltr of a busy TSS #0d 0028 +00 08
		ltr of data #0d 0010 +00 08
		lldt of data #0d 0010 +00 08
		lldt beyond the GDT #0d 0200 +00 08
		PG without PE #0d 0000 +00 08
		NW without CD #0d 0000 +00 08
		reserved bit of CR4 #0d 0000 +00 08
		15 bytes none
		16 bytes #0d 0000 +00 08
		far return to nowhere #0d 0200 +00 08
		iret to data #0d 0010 +00 08
		x87 error at the next instruction #10 0000 +00 08
		sse divide by 0 #13 0000 +00 08
		reserved bit of MXCSR #0d 0000 +00 08
		movaps of a misaligned operand #0d 0000 +00 08
		misaligned in ring 0 none
		misaligned with AC clear none
		misaligned with AC #11 0000 +00 1b
		misaligned push #11 0000 +00 1b
		aligned with AC none
		hlt in ring 3 #0d 0000 +00 1b
		cli in ring 3 #0d 0000 +00 1b
		sti in ring 3 #0d 0000 +00 1b
		in in ring 3 #0d 0000 +00 1b
		out in ring 3 #0d 0000 +00 1b
		mov cr0 in ring 3 #0d 0000 +00 1b
		mov dr7 in ring 3 #0d 0000 +00 1b
		lgdt in ring 3 #0d 0000 +00 1b
		ltr in ring 3 #0d 0000 +00 1b
		clts in ring 3 #0d 0000 +00 1b
		invlpg in ring 3 #0d 0000 +00 1b
		rdmsr in ring 3 #0d 0000 +00 1b
		wbinvd in ring 3 #0d 0000 +00 1b
		privilege before the operand #0d 0000 +00 1b
		rdtsc in ring 3 none
		smsw in ring 3 none
		sgdt in ring 3 none
		popf in ring 3 none
		int of a gate of ring 0 #0d 0172 +00 1b
		int of an absent gate #0b 018a +00 1b
		int3 in ring 3 #03 0000 +01 1b
		int1 in ring 3 #01 0000 +01 1b
		ds of ring 0 #0d 0010 +00 1b
		ss of ring 0 #0d 0010 +00 1b
		far jump to code of ring 0 #0d 0008 +00 1b
		far jump to conforming code none
		cli with IOPL 3 none
		in with IOPL 3 none
		hlt with IOPL 3 #0d 0000 +00 1b
		single step #01 0000 +01 1b
	`, map[string]string{
		"int1 #01 0000 +01 08":                     "int1 #06 0000 +00 08",
		"use of a null segment #0d 0000 +00 08":    "use of a null segment none",
		"write to read-only #0d 0000 +00 08":       "write to read-only none",
		"beyond the stack's limit #0c 0000 +00 08": "beyond the stack's limit none",
		"PG without PE #0d 0000 +00 08":            "",
		"NW without CD #0d 0000 +00 08":            "",
		"reserved bit of CR4 #0d 0000 +00 08":      "",
		"sse divide by 0 #13 0000 +00 08":          "sse divide by 0 none",
		"reserved bit of MXCSR #0d 0000 +00 08":    "reserved bit of MXCSR none",
		"misaligned with AC #11 0000 +00 1b":       "misaligned with AC none",
		"misaligned push #11 0000 +00 1b":          "misaligned push none",
		"int1 in ring 3 #01 0000 +01 1b":           "int1 in ring 3 #06 0000 +00 1b",
	}, "exceptions32.asm")
}

// Exceptions in 64-bit mode.
func TestExceptions64(t *testing.T) {
	t.Parallel()
	check(t, `
		divide by 0 #00 0000 +00 08
		int3 #03 0000 +01 08
		ud2 #06 0000 +00 08
		push es #06 0000 +00 08
		into #06 0000 +00 08
		daa #06 0000 +00 08
		pusha #06 0000 +00 08
		bound is EVEX #06 0000 +00 08
		salc #06 0000 +00 08
		far call with immediate #06 0000 +00 08
		lahf none
		read, not canonical #0d 0000 +00 08
		write, not canonical #0d 0000 +00 08
		read into the hole #0d 0000 +00 08
		last canonical byte is not mapped #0e 0000 +00 08 00007fffffffffff
		stack segment, not canonical #0c 0000 +00 08
		push, not canonical #0c 0000 +00 08
		pop, not canonical #0c 0000 +00 08
		ret, not canonical stack #0c 0000 +00 08
		rep stosb, not canonical #0d 0000 +00 08
		rep stosb of nothing none
		invlpg, not canonical none
		iret to data #0d 0010 +00 08
		iret, not canonical #0d 0000 +00 08
		iret, SS beyond the GDT #0d 0200 +00 08
		iret, SS of ring 3 #0d 0020 +00 08
		iret to ring 3, SS of ring 0 #0d 0010 +00 08
		iret to ring 3, null SS #0d 0000 +00 08
		retf to data #0d 0010 +00 08
		null SS in ring 0 none
		ds not present #0b 0038 +00 08
		ss not present #0c 0038 +00 08
		ltr of a busy TSS #0d 0028 +00 08
		int of a gate that is absent #0b 018a +00 08
		int beyond the IDT #0d 07fa +00 08
		syscall without SCE #06 0000 +00 08
		sysret without SCE #06 0000 +00 08
		LSTAR, not canonical #0d 0000 +00 08
		GS base, not canonical #0d 0000 +00 08
		rdmsr of no MSR #0d 0000 +00 08
		PAE off #0d 0000 +00 08
		CR0 bit 32 #0d 0000 +00 08
		PE off #0d 0000 +00 08
		CR8 above 15 #0d 0000 +00 08
		CR8 none
		DR7 bit 32 #0d 0000 +00 08
		DR6 bit 32 #0d 0000 +00 08
		CR5 #06 0000 +00 08
		cmpxchg16b misaligned #0d 0000 +00 08
		movaps misaligned #0d 0000 +00 08
		fxsave misaligned #0d 0000 +00 08
		lock of a register #06 0000 +00 08
		lock of a load #06 0000 +00 08
		16 bytes #0d 0000 +00 08
		page fault by a read #0e 0000 +00 08 0000000040000000
		page fault by a write #0e 0002 +00 08 0000000040000008
		page fault by a read-modify-write #0e 0002 +00 08 0000000040000000
		page fault in the second page #0e 0002 +00 08 0000000000800000
		page fault in ring 3 #0e 0004 +00 1b 0000000040000000
		page fault by a write in ring 3 #0e 0006 +00 1b 0000000040000000
		hlt in ring 3 #0d 0000 +00 1b
		in in ring 3 #0d 0000 +00 1b
		mov cr8 in ring 3 #0d 0000 +00 1b
		swapgs in ring 3 #0d 0000 +00 1b
		wrmsr in ring 3 #0d 0000 +00 1b
		sysret in ring 3 #06 0000 +00 1b
		privilege before the page fault #0d 0000 +00 1b
		int of a gate of ring 0 #0d 0172 +00 1b
		ds of ring 0 #0d 0010 +00 1b
		null SS in ring 3 #0d 0000 +00 1b
		rdtsc in ring 3 none
		invlpg in ring 3 #0d 0000 +00 1b
		misaligned with AC #11 0000 +00 1b
		misaligned quadword with AC #11 0000 +00 1b
		movups with AC #11 0000 +00 1b
	`, map[string]string{
		"read into the hole #0d 0000 +00 08":                                 "read into the hole #0e 0000 +00 08 00007ffffffffffc",
		"stack segment, not canonical #0c 0000 +00 08":                       "stack segment, not canonical #0d 0000 +00 08",
		"push, not canonical #0c 0000 +00 08":                                "push, not canonical #0d 0000 +00 08",
		"pop, not canonical #0c 0000 +00 08":                                 "pop, not canonical #0d 0000 +00 08",
		"ret, not canonical stack #0c 0000 +00 08":                           "ret, not canonical stack #0d 0000 +00 08",
		"iret, not canonical #0d 0000 +00 08":                                "iret, not canonical #0d 0000 +82 08",
		"int of a gate that is absent #0b 018a +00 08":                       "int of a gate that is absent #0b 0312 +00 08",
		"int beyond the IDT #0d 07fa +00 08":                                 "int beyond the IDT #0d 0ff2 +00 08",
		"LSTAR, not canonical #0d 0000 +00 08":                               "LSTAR, not canonical none",
		"GS base, not canonical #0d 0000 +00 08":                             "GS base, not canonical none",
		"rdmsr of no MSR #0d 0000 +00 08":                                    "rdmsr of no MSR none",
		"PAE off #0d 0000 +00 08":                                            "",
		"CR0 bit 32 #0d 0000 +00 08":                                         "",
		"PE off #0d 0000 +00 08":                                             "",
		"CR8 above 15 #0d 0000 +00 08":                                       "CR8 above 15 none",
		"lock of a load #06 0000 +00 08":                                     "lock of a load #0d 0000 +00 08",
		"page fault by a read-modify-write #0e 0002 +00 08 0000000040000000": "page fault by a read-modify-write #0e 0000 +00 08 0000000040000000",
		"int of a gate of ring 0 #0d 0172 +00 1b":                            "int of a gate of ring 0 #0d 02e2 +00 1b",
		"misaligned with AC #11 0000 +00 1b":                                 "misaligned with AC none",
		"misaligned quadword with AC #11 0000 +00 1b":                        "misaligned quadword with AC none",
		"movups with AC #11 0000 +00 1b":                                     "movups with AC none",
	}, "exceptions64.asm")
}
