; Exceptions in 32-bit protected mode: vectors, error codes and saved EIP (SDM vol. 3A 6.15), and which comes first (6.9).
%define LONG 0
%include "lib.inc"
main:   xor ecx, ecx
        try "divide by 0", div ecx
        mov edx, 5
        mov ecx, 1
        try "quotient too big", div ecx
        try "int3", int3
        mov al, 0x7f
        inc al
        try "into", into
        mov eax, 9
        mov dword [scratch], 1
        mov dword [scratch+4], 8
        try "bound", bound eax, [scratch]
        mov eax, 8
        try "within bounds", bound eax, [scratch]
        try "ud2", ud2
        try "lock nop", db 0xf0, 0x90
        try "int1", db 0xf1
        mov eax, cr0
        or al, 8
        mov cr0, eax
        try "x87 with TS", fnop
        try "sse with TS", xorps xmm0, xmm0
        clts
        mov eax, cr4
        and eax, ~0x200
        mov cr4, eax
        try "sse without OSFXSR", xorps xmm0, xmm0
        or eax, 0x200
        mov cr4, eax
        mov ax, NPDATA
        try "ds not present", mov ds, ax
        try "ss not present", mov ss, ax
        xor ax, ax
        try "ss null", mov ss, ax
        try "ds null", mov es, ax
        mov es, ax
        try "use of a null segment", mov al, [es:0]
        mov ax, ROATA
        try "ss read-only", mov ss, ax
        mov es, ax
        try "write to read-only", mov [es:scratch], al
        mov ax, XONLY
        try "ds execute-only", mov ds, ax
        mov ax, DATA|3
        try "ss with RPL 3", mov ss, ax
        mov ax, 0x200
        try "selector beyond the GDT", mov ds, ax
        mov ax, 0x200|3
        try "RPL is not in the error code", mov ds, ax
        mov ax, 0x0c
        try "selector of no LDT", mov ds, ax
        mov ax, TSS
        try "ds of a system segment", mov ds, ax
        mov ax, SMALL
        mov es, ax
        try "within the limit", mov al, [es:0x1fffff]
        try "beyond the limit", mov al, [es:0x200000]
        try "across the limit", mov ax, [es:0x1fffff]
        mov ebp, 0x200000
        mov ax, SMALL
        mov ss, ax
        try "beyond the stack's limit", mov al, [ebp]
        try "int of a gate that is absent", int ABSENT
        try "int beyond the IDT", int 0xff
        try "jump to data", jmp DATA:0
        try "jump to null", jmp 0:0
        try "jump to absent data", jmp NPDATA:0
        try "call of a TSS that is busy", call TSS:0
        mov ax, TSS
        try "ltr of a busy TSS", ltr ax
        mov ax, DATA
        try "ltr of data", ltr ax
        try "lldt of data", lldt ax
        mov ax, 0x200
        try "lldt beyond the GDT", lldt ax
        mov eax, 0x80000010
%ifndef QEMU
        try "PG without PE", mov cr0, eax
%endif
        mov eax, 0x20000011
%ifndef QEMU
        try "NW without CD", mov cr0, eax
%endif
        mov eax, cr4
        or eax, 0x80000000
%ifndef QEMU
        try "reserved bit of CR4", mov cr4, eax
%endif
        try "15 bytes", long15
        try "16 bytes", long16
        mov eax, 0x200
        push eax
        push eax
        try "far return to nowhere", retf
        push dword 2
        push dword DATA
        push dword 0
        try "iret to data", iret
        fninit
        mov word [scratch], 0x37b
        fldcw [scratch]
        fld1
        fldz
        fdivp
        try "x87 error at the next instruction", fwait
        fninit
        mov dword [scratch], 0x1d80
        ldmxcsr [scratch]
        xorps xmm0, xmm0
        mov eax, 0x3f800000
        movd xmm1, eax
        try "sse divide by 0", divss xmm1, xmm0
        mov dword [scratch], 0x1f80
        ldmxcsr [scratch]
        mov dword [scratch], 0x10000
        try "reserved bit of MXCSR", ldmxcsr [scratch]
        try "movaps of a misaligned operand", movaps xmm0, [scratch+1]

        mov eax, cr0
        or eax, 0x40000
        mov cr0, eax
        try "misaligned in ring 0", mov eax, [scratch+1]
        try3 "misaligned with AC clear", mov eax, [scratch+1]
%assign FLAGS3 0x40002
        try3 "misaligned with AC", mov eax, [scratch+1]
        try3 "misaligned push", mov [ustack-7], eax
        try3 "aligned with AC", mov eax, [scratch+4]
%assign FLAGS3 2
        try3 "hlt in ring 3", hlt
        try3 "cli in ring 3", cli
        try3 "sti in ring 3", sti
        try3 "in in ring 3", in al, 0x80
        try3 "out in ring 3", out 0x80, al
        try3 "mov cr0 in ring 3", mov eax, cr0
        try3 "mov dr7 in ring 3", mov eax, dr7
        try3 "lgdt in ring 3", lgdt [gdtr]
        try3 "ltr in ring 3", ltr ax
        try3 "clts in ring 3", clts
        try3 "invlpg in ring 3", invlpg [0]
        try3 "rdmsr in ring 3", rdmsr
        try3 "wbinvd in ring 3", wbinvd
        try3 "privilege before the operand", lidt [cs:0xfffffffe]
        try3 "rdtsc in ring 3", rdtsc
        try3 "smsw in ring 3", smsw ax
        try3 "sgdt in ring 3", sgdt [scratch]
        try3 "popf in ring 3", popf
        try3 "int of a gate of ring 0", int DPL0
        try3 "int of an absent gate", int ABSENT
        try3 "int3 in ring 3", int3
        try3 "int1 in ring 3", db 0xf1
        try3 "ds of ring 0", mov ds, [data_selector]
        try3 "ss of ring 0", mov ss, [data_selector]
        try3 "far jump to code of ring 0", jmp CODE:0
        try3 "far jump to conforming code", jmp CONF:$+7
%assign FLAGS3 0x3002
        try3 "cli with IOPL 3", cli
        try3 "in with IOPL 3", in al, 0x80
        try3 "hlt with IOPL 3", hlt
%assign FLAGS3 0x102
        try3 "single step", nop
        jmp finish
data_selector: dw DATA
