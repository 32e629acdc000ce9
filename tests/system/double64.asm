; Double faults in 64-bit mode: a page fault while one is delivered, a stack that cannot be used, and the stacks of the IST (SDM vol. 3A 6.14.5).
%define LONG 1
%include "lib.inc"
main:   mov byte [idt+16*8+4], 1
        mov rsp, 0x40000800
        try "#PF on a bad stack is #DF", mov al, [rsp]
        mov rsp, 0x40000800
        try "push on a bad stack is #DF", push rax
        mov rsp, 0x40000800
        try "#UD on a bad stack is #PF on it: #DF", ud2
        mov rsp, 0x40000800
        mov byte [idt+16*14+4], 1
        try "#UD on a bad stack, #PF has a stack of its own", ud2
        mov rsp, 0x40000800
        try "int on a bad stack, #PF has a stack of its own", int 0x29
        mov byte [idt+16*14+4], 0
        mov byte [idt+16*6+5], 0x0e
        mov rsp, stack
        try "#UD then #NP is #NP", ud2
        mov byte [idt+16*13+5], 0x0e
        mov rdi, 0x800000000000
        try "#GP then #NP is #DF", mov al, [rdi]
        mov byte [idt+16*14+5], 0x0e
        mov edi, 0x40000000
        try "#PF then #NP is #DF", mov al, [rdi]
        mov byte [idt+16*6+5], 0x8e
        mov byte [idt+16*14+5], 0x8e
        mov qword [tss+0x24], 0x40000000 ; IST 1 is bad: triple fault
        mov al, 'T'
        call putc
        call newline
        mov word_ [recover], .alive
        mov rsp, rdi
        ud2
.alive: mov al, 'X'
        call putc
