; SYSCALL, SYSRET, SYSENTER, SYSEXIT and SWAPGS (SDM vol. 3A 5.8.7, 5.8.8, vol. 2): registers and selectors after each.
%define LONG 1
%include "lib.inc"
%macro show 2
        jmp %%go
%%name: db %1, " ", 0
%%go:   push rax
        push rsi
        push rcx
        mov rax, %2
        mov esi, %%name
        call puts
        call hexw
        call newline
        pop rcx
        pop rsi
        pop rax
%endmacro
%macro msr 3                            ; number, high and low half
        mov ecx, %1
        mov edx, %2
        mov eax, %3
        wrmsr
%endmacro
main:   msr 0xc0000080, 0, 0x901        ; SCE
        ; The table has UDATA, UCODE2 at 0x20; SYSRET wants them at base+8 and base+16.
        mov rax, 0x00cff3000000ffff
        mov [gdt+UCODE2-3-8+0x10], rax
        mov rax, [gdt+0x20]
        mov [gdt+0xa8], rax             ; base 0xa0: a8 data, b0 64-bit code, a0 32-bit code
        mov rax, 0x00affb000000ffff
        mov [gdt+0xb0], rax
        mov rax, 0x00cffb000000ffff
        mov [gdt+0xa0], rax
        msr 0xc0000081, 0x00a30008, 0   ; STAR
        msr 0xc0000082, 0, .kernel      ; LSTAR
        msr 0xc0000084, 0, 0x40701      ; FMASK: AC NT? IF TF CF
        msr 0xc0000101, 0, 0x1111       ; GS base
        msr 0xc0000102, 0, 0x2222       ; its counterpart
        mov r11d, 0x203
        mov ecx, .user
        mov rsp, ustack
        o64 sysret
.user:  mov r8, rsp
        mov r9d, cs
        mov r10d, ss
        pushfq
        pop r12
        stc
        syscall
.next:  mov dword [recover], .done
        mov r15d, cs
        pushfq
        pop rbp
        int NONE3
.kernel:
        mov [scratch], r8
        mov [scratch+8], r9
        mov [scratch+16], r10
        mov [scratch+24], r12
        mov [scratch+32], rcx
        sub qword [scratch+32], .next
        mov [scratch+40], r11
        mov eax, cs
        mov [scratch+48], rax
        mov eax, ss
        mov [scratch+56], rax
        pushfq
        pop qword [scratch+64]
        swapgs
        mov r14, rcx
        mov ecx, 0xc0000101
        rdmsr
        mov [scratch+72], rax
        mov rcx, r14
        mov rax, ustack
        sub rax, rsp
        mov [scratch+80], rax
        o64 sysret
.done:  mov rax, ustack
        sub rax, [scratch]
        show "sysret: stack used", rax
        show "sysret: cs", [scratch+8]
        show "sysret: ss", [scratch+16]
        show "sysret: flags", [scratch+24]
        show "syscall: rcx", [scratch+32]
        show "syscall: r11", [scratch+40]
        show "syscall: cs", [scratch+48]
        show "syscall: ss", [scratch+56]
        show "syscall: flags", [scratch+64]
        show "swapgs: base", [scratch+72]
        show "syscall: stack used", [scratch+80]
        show "second sysret: cs", r15
        show "second sysret: flags", rbp
        ; SYSRET to compatibility mode.
        mov ecx, .user32
        mov r11d, 2
        mov rsp, ustack
        mov dword [recover], .done32
        o32 sysret
bits 32
.user32: mov eax, cs
        inc eax                         ; one byte here, a prefix in 64-bit mode
        mov [scratch], eax
        int NONE3
bits 64
.done32: mov eax, [scratch]
        show "sysret to 32-bit code: cs + 1", rax
        mov rcx, 0x800000000000
        try "sysret, not canonical", o64 sysret
        ; SYSENTER.
        msr 0x174, 0, 0
        try3 "sysenter without MSR", sysenter
        msr 0x174, 0, CODE
        msr 0x175, 0, stack0
        msr 0x176, 0, .entered
        push qword UDATA
        push qword ustack
        push qword 0x202
        push qword UCODE
        push qword .enter
        iretq
.enter: sysenter
.entered:
        mov rax, rsp
        sub rax, stack0
        mov ebx, cs
        mov ebp, ss
        pushfq
        pop r15
        mov rsp, stack
        show "sysenter: rsp from the MSR's", rax
        show "sysenter: cs", rbx
        show "sysenter: ss", rbp
        show "sysenter: flags", r15
        try3 "sysexit in ring 3", sysexit
        msr 0x174, 0, 0x80              ; SYSEXIT to 64-bit code is at base+32: a0|3, whose descriptor is made so
        mov rax, 0x00affb000000ffff
        mov [gdt+0xa0], rax
        mov edx, .exited
        mov ecx, ustack
        mov dword [recover], .last
        o64 sysexit
.exited: mov eax, cs
        mov ebx, ss
        int NONE3
.last:  show "sysexit: cs", rax
        show "sysexit: ss", rbx
        jmp finish
