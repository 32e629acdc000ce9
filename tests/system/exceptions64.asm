; Exceptions in 64-bit mode (SDM vol. 3A 6.14, 6.15): what differs from protected mode.
%define LONG 1
%include "lib.inc"
main:   mov byte [idt+GATE*8+4], 1      ; a stack of their own, as RSP may be bad
        mov byte [idt+GATE*12+4], 1
        mov byte [idt+GATE*13+4], 1
        mov byte [idt+GATE*14+4], 1
        mov rbx, 0x800000000000
        xor ecx, ecx
        try "divide by 0", div ecx
        try "int3", int3
        try "ud2", ud2
        try "push es", db 0x06
        try "into", db 0xce
        try "daa", db 0x27
        try "pusha", db 0x60
        try "bound is EVEX", db 0x62, 0, 0, 0
        try "salc", db 0xd6
        try "far call with immediate", db 0x9a, 0, 0, 0, 0, 0, 0
        try "lahf", lahf
        try "read, not canonical", mov al, [rbx]
        try "write, not canonical", mov [rbx], rax
        try "read into the hole", mov rax, [rbx-4]
        try "last canonical byte is not mapped", mov al, [rbx-1]
        mov rbp, rbx
        try "stack segment, not canonical", mov al, [rbp]
        lea rsp, [rbx+0x100]
        try "push, not canonical", push rax
        lea rsp, [rbx+0x100]
        try "pop, not canonical", pop rax
        lea rsp, [rbx+0x100]
        try "ret, not canonical stack", ret
        mov rdi, rbx
        mov ecx, 1
        try "rep stosb, not canonical", rep stosb
        xor ecx, ecx
        try "rep stosb of nothing", rep stosb
        try "invlpg, not canonical", invlpg [rbx]
        push qword 2
        push qword DATA
        push qword 0
        try "iret to data", iretq
        push qword DATA
        push qword stack
        push qword 2
        push qword CODE
        push rbx
        try "iret, not canonical", iretq
        push qword 0x200
        push qword stack
        push qword 2
        push qword CODE
        push qword stubs
        try "iret, SS beyond the GDT", iretq
        push qword UDATA
        push qword stack
        push qword 2
        push qword CODE
        push qword stubs
        try "iret, SS of ring 3", iretq
        push qword DATA
        push qword stack
        push qword 2
        push qword UCODE
        push qword stubs
        try "iret to ring 3, SS of ring 0", iretq
        push qword 0
        push qword stack
        push qword 2
        push qword UCODE
        push qword stubs
        try "iret to ring 3, null SS", iretq
        push qword DATA
        push qword stubs
        try "retf to data", o64 retf
        xor eax, eax
        try "null SS in ring 0", mov ss, ax
        mov ax, DATA
        mov ss, ax
        mov ax, NPDATA
        try "ds not present", mov ds, ax
        try "ss not present", mov ss, ax
        mov ax, TSS
        try "ltr of a busy TSS", ltr ax
        try "int of a gate that is absent", int ABSENT
        try "int beyond the IDT", int 0xff
        try "syscall without SCE", syscall
        try "sysret without SCE", o64 sysret
        mov ecx, 0xc0000082
        mov edx, 0x8000
        xor eax, eax
        try "LSTAR, not canonical", wrmsr
        mov ecx, 0xc0000101
        try "GS base, not canonical", wrmsr
        mov ecx, 0x12345678
        try "rdmsr of no MSR", rdmsr
        mov rax, cr4
        and eax, ~0x20
%ifndef QEMU
        try "PAE off", mov cr4, rax
%endif
        mov rax, cr0
        bts rax, 32
%ifndef QEMU
        try "CR0 bit 32", mov cr0, rax
%endif
        mov rax, cr0
        and eax, ~1
%ifndef QEMU
        try "PE off", mov cr0, rax
%endif
        mov eax, 16
        try "CR8 above 15", mov cr8, rax
        mov eax, 3
        try "CR8", mov cr8, rax
        xor eax, eax
        mov cr8, rax
        bts rax, 32
        try "DR7 bit 32", mov dr7, rax
        try "DR6 bit 32", mov dr6, rax
        try "CR5", db 0x0f, 0x20, 0xe8
        try "cmpxchg16b misaligned", cmpxchg16b [scratch+8]
        try "movaps misaligned", movaps xmm0, [scratch+4]
        try "fxsave misaligned", fxsave [scratch+8]
        try "lock of a register", db 0xf0, 0x01, 0xc0
        try "lock of a load", db 0xf0, 0x8b, 0x03
        try "16 bytes", long16
        mov rdi, 0x40000000
        try "page fault by a read", mov al, [rdi]
        try "page fault by a write", mov [rdi+8], al
        try "page fault by a read-modify-write", inc byte [rdi]
        try "page fault in the second page", mov [0x7ffffe], eax
        try3 "page fault in ring 3", mov al, [rdi]
        try3 "page fault by a write in ring 3", mov [rdi], al
        try3 "hlt in ring 3", hlt
        try3 "in in ring 3", in al, 0x80
        try3 "mov cr8 in ring 3", mov rax, cr8
        try3 "swapgs in ring 3", swapgs
        try3 "wrmsr in ring 3", wrmsr
        try3 "sysret in ring 3", o64 sysret
        try3 "privilege before the page fault", lgdt [rdi]
        try3 "int of a gate of ring 0", int DPL0
        try3 "ds of ring 0", mov ds, [data_selector]
        try3 "null SS in ring 3", mov ss, [null_selector]
        try3 "rdtsc in ring 3", rdtsc
        try3 "invlpg in ring 3", db 0x0f, 0x01, 0x38
%assign FLAGS3 0x40002
        mov rax, cr0
        or eax, 0x40000
        mov cr0, rax
        try3 "misaligned with AC", mov eax, [scratch+1]
        try3 "misaligned quadword with AC", mov [scratch+4], rax
        try3 "movups with AC", movups xmm0, [scratch+4]
        jmp finish
data_selector: dw DATA
null_selector: dw 0
