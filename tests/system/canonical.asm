; Addresses at the edges of 48 and 57 bits, in data accesses, branches, tables and MSRs (SDM vol. 1 3.3.7.1, vol. 3A 4.5), with four
; levels of page tables or, with LA57, five. Nothing is mapped there: what is canonical is #PF.
%define LONG 1
%include "lib.inc"

%macro each 2+
        mov dword [index], 0
%%next: mov eax, [index]
        add al, '0'
        call putc
        call space
        mov eax, [index]
        mov rbx, [edges+rax*8]
        mov rbp, rbx
        mov rsi, rbx
        mov rdi, rbx
        xor eax, eax
        try %1, %2
        inc dword [index]
        cmp dword [index], 4
        jb %%next
%endmacro

; through NAME, INSTRUCTION: a transfer to RBX. Prints the vector, and whether it was raised there or by the transfer (*).
%macro through 2+
        jmp %%go
%%name: db %1, 0
%%go:   mov dword [index], 0
%%next: mov eax, [index]
        add al, '0'
        call putc
        call space
        mov eax, [index]
        mov rbx, [edges+rax*8]
        mov qword [recover], %%after
        push rbx
        %2
%%after:
        mov rsi, %%name
        call puts
        call space
        mov eax, [f_vector]
        call hex2
        cmp [f_ip], rbx
        je %%there
        mov al, '*'
        call putc
%%there:
        call newline
        inc dword [index]
        cmp dword [index], 4
        jb %%next
%endmacro

; table NAME, INSTRUCTION, RESTORE: loads a base of RBX.
%macro table 3
        jmp %%go
%%name: db %1, 0
%%go:   mov dword [index], 0
%%next: mov eax, [index]
        add al, '0'
        call putc
        call space
        mov eax, [index]
        mov rbx, [edges+rax*8]
        mov [scratch+2], rbx
        mov qword [recover], %%after
        mov qword [f_name], %%name
        mov qword [f_at], %%at
        mov rdx, rbx
        shr rdx, 32
        mov eax, ebx
        cli
%%at:   %2
        %3
        int NONE
%%after:
        call report
        inc dword [index]
        cmp dword [index], 4
        jb %%next
%endmacro

main:   mov word [scratch], 0xffff
        each "load", mov al, [rbx]
        each "load of 8 bytes, 4 before", mov rax, [rbx-4]
        each "store", mov [rbx], al
        each "add to memory", add [rbx], al
        each "movups", movups xmm0, [rbx]
        each "by rbp", mov al, [rbp]
        each "lodsb", lodsb
        each "stosb", stosb
        each "movsb", movsb
        each "xlatb", xlatb
        each "push of memory", push qword [rbx]
        each "pop to memory", pop qword [rbx]
        each "call of memory", call qword [rbx]
        each "clflush", clflush [rbx]
        each "prefetch", prefetcht0 [rbx]
        each "invlpg", invlpg [rbx]
        through "jmp", jmp rbx
        through "call", call rbx
        through "ret", ret
        table "lgdt", lgdt [scratch], lgdt [gdtr]
        table "lidt", lidt [scratch], lidt [idtr]
        mov ecx, 0xc0000101
        table "GS base", wrmsr, nop
        mov ecx, 0xc0000102
        table "kernel GS base", wrmsr, nop
        mov ecx, 0xc0000082
        table "LSTAR", wrmsr, nop
        mov ecx, 0x175
        table "SYSENTER_ESP", wrmsr, nop
        jmp finish
        align 8
edges:  dq 1<<47, 1<<56, ~(1<<47), ~(1<<56)
index:  dd 0
