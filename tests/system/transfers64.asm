; Far transfers in long mode (SDM vol. 2A, CALL, JMP, RET, IRET; vol. 3A 5.8.3.1, 6.14): call gates of 16 bytes, stacks, compatibility mode.
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
%macro gate 3                           ; selector of the gate, offset, type and target
        mov eax, %2
        mov [gdt+%1], ax
        mov dword [gdt+%1+2], %3
        shr eax, 16
        mov [gdt+%1+6], ax
        mov qword [gdt+%1+8], 0
%endmacro
%macro user 1                           ; goes to ring 3
        push qword UDATA
        push qword ustack
        push qword 2
        push qword UCODE
        push qword %1
        iretq
%endmacro
main:   gate CGATE, target, 0xec000008
        gate NPGATE, target, 0x6c000008
        gate SPARE, target, 0x8c000008
        mov dword [far_gate], 0
        mov word [far_gate+4], CGATE
        user .u1
.u1:    call dword far [far_gate]
.back:  mov rax, cs
        mov [scratch+64], rax
        mov rax, ss
        mov [scratch+72], rax
        mov [scratch+80], rsp
        mov qword [recover], target.shown
        int NONE3
target: mov [scratch], rsp
        mov rax, cs
        mov [scratch+8], rax
        mov rax, ss
        mov [scratch+16], rax
        mov rax, [rsp]
        mov [scratch+24], rax
        mov rax, [rsp+8]
        mov [scratch+32], rax
        mov rax, [rsp+16]
        mov [scratch+40], rax
        mov rax, [rsp+24]
        mov [scratch+48], rax
        o64 retf
.shown:
        mov rax, [scratch]
        sub rax, stack0
        show "gate: rsp below the TSS's", rax
        show "gate: cs", [scratch+8]
        show "gate: ss", [scratch+16]
        mov rax, [scratch+24]
        sub rax, main.back
        show "gate: return address", rax
        show "gate: return cs", [scratch+32]
        mov rax, [scratch+40]
        sub rax, ustack
        show "gate: old rsp", rax
        show "gate: old ss", [scratch+48]
        show "back: cs", [scratch+64]
        show "back: ss", [scratch+72]
        mov rax, [scratch+80]
        sub rax, ustack
        show "back: rsp", rax
        mov dword [fp], 0
        mov word [fp+4], CGATE
        try "call in ring 0", call dword far [fp]
        push qword CODE
        push qword .jumped
        jmp dword far [fp]
.jumped: show "jmp in ring 0: cs", [scratch+8]
        try3 "jmp in ring 3", jmp dword far [fp]
        mov byte [gdt+CGATE+13], 1
        try3 "type in the upper half", call dword far [fp]
        mov byte [gdt+CGATE+13], 0
        mov dword [gdt+CGATE+8], 0x8000
        try3 "target not canonical", call dword far [fp]
        mov dword [gdt+CGATE+8], 0
        mov word [gdt+CGATE+2], CODE32
        try3 "target is 32-bit code", call dword far [fp]
        mov word [gdt+CGATE+2], DATA
        try3 "target is data", call dword far [fp]
        mov word [gdt+CGATE+2], 0
        try3 "target is null", call dword far [fp]
        mov word [gdt+CGATE+2], 0x200
        try3 "target is beyond the GDT", call dword far [fp]
        mov word [gdt+CGATE+2], CODE
        mov byte [gdt+CGATE+5], 0xe4
        try3 "16-bit gate", call dword far [fp]
        mov byte [gdt+CGATE+5], 0xe5
        try3 "task gate", call dword far [fp]
        mov byte [gdt+CGATE+5], 0xec
        mov word [fp+4], TSSDESC
        try "TSS", jmp dword far [fp]
        mov word [fp+4], NPGATE
        try3 "gate not present", call dword far [fp]
        mov word [fp+4], SPARE
        try3 "gate of ring 0", call dword far [fp]
        mov word [gdtr2], SPARE+7
        mov dword [gdtr2+2], gdt
        mov dword [gdtr2+6], 0
        lgdt [gdtr2]
        mov word [fp+4], SPARE
        try "upper half beyond the GDT", jmp dword far [fp]
        lgdt [gdtr]
        mov rax, 0x006f9b000000ffff     ; L and D
        mov [gdt+SPARE], rax
        or byte [gdt+SPARE+6], 0x40
        try "code with L and D", jmp dword far [fp]
        ; Compatibility mode.
        mov dword [fp], compat
        mov word [fp+4], CODE32
        mov qword [recover], compat.c1
        mov rax, 0x1234567800000001
        jmp dword far [fp]
bits 32
compat: mov ecx, eax
        dec eax
        inc eax                         ; in 64-bit code these two bytes are one REX.W prefix each
        int NONE
bits 64
.c1:    show "compatibility: rax", [f_ax]
        show "compatibility: cs", [f_cs]
        mov qword [recover], compat3.c2
        push qword UDATA
        push qword ustack
        push qword UCODE32
        push qword compat3
        o64 retf
bits 32
compat3: push eax
        mov ax, ss
        call CGATE:0
        int NONE3
bits 64
.c2:
        show "retf to compatibility mode: cs", [f_cs]
        show "retf to compatibility mode: ss", [f_ss]
        mov rax, [f_sp]
        sub rax, ustack
        show "retf to compatibility mode: rsp", rax
        mov rax, [scratch+32]
        show "gate from compatibility mode: cs", rax
        mov rax, [scratch+40]
        sub rax, ustack
        show "gate from compatibility mode: rsp", rax
        ; Interrupt stacks.
        mov byte [idt+GATE*0x2f+4], 1
        lea rax, [ist1-3]
        mov [tss+36], rax
        mov qword [recover], .i1
        mov rbx, rsp
        int NONE
.i1:    mov rax, [f_sp]
        sub rax, rbx
        show "IST: old rsp", rax
        show "IST: ss", [f_ss]
        mov rax, [ist1-16-8]
        show "IST: aligned, ss below it", rax
        mov rax, 0x800000000000
        mov [tss+36], rax
        try "IST not canonical", int 0x2f
        mov byte [idt+GATE*0x2f+4], 0
        mov rsp, stack-5
        mov qword [recover], .i2
        int NONE
.i2:    mov rax, [f_sp]
        sub rax, stack
        show "misaligned rsp is pushed", rax
        xor eax, eax
        mov ss, ax
        push rax
        push rsp
        push qword 2
        push qword CODE
        push qword .i3
        iretq
.i3:    mov rax, ss
        show "iret in ring 0 to null ss", rax
        mov eax, DATA
        mov ss, ax
        jmp finish
fp:     dd 0
        dw 0
far_gate: dq 0
gdtr2:  dw 0
        dq 0
