; Double faults (SDM vol. 3A 6.15, interrupt 8, tables 6-4 and 6-5) by gates that cannot be used; the double fault is taken through a
; task gate when TASK is defined.
%define LONG 0
%include "lib.inc"
%macro break_gate 1
        mov byte [idt+8*%1+5], 0x0e     ; not present
%endmacro
%macro mend_gate 1
        mov byte [idt+8*%1+5], 0x8e
%endmacro
main:   break_gate 0
        xor ecx, ecx
        try "#DE then #NP is #DF", div ecx
        mend_gate 0
        break_gate 6
        try "#UD then #NP is #NP", ud2
        mend_gate 6
        break_gate 13
        try "#GP then #NP is #DF", mov cr4, esp
        mend_gate 13
        break_gate 3
        try "int3 then #NP is #NP", int3
        mend_gate 3
        mov word [idt+8*6+2], 0x200
        try "#UD by a gate to nowhere is #GP with EXT", ud2
        mov word [idt+8*6+2], 0
        try "#UD by a gate to null is #GP with EXT", ud2
        mov word [idt+8*6+2], DATA
        try "#UD by a gate to data is #GP with EXT", ud2
        mov word [idt+8*6+2], CODE
        mov word [idt+8*3+2], 0x200
        try "int3 by a gate to nowhere has no EXT", int3
        mov word [idt+8*3+2], CODE
        mov byte [idt+8*6+5], 0x80
        try "#UD by no gate is #GP of the IDT", ud2
        mov byte [idt+8*6+5], 0x8e
        ; A task gate: the task of the handler links back to ours, the error code is on its stack.
        mov dword [tss2+0x20], in_task
        mov dword [tss2+0x24], 2
        mov dword [tss2+0x38], stack0
        mov word [tss2+0x48], DATA
        mov word [tss2+0x4c], CODE
        mov word [tss2+0x50], DATA
        mov word [tss2+0x54], DATA
        mov word [idt+8*8+2], TSSDESC
        mov byte [idt+8*8+5], 0x85
        break_gate 13
        xor eax, eax
        mov [scratch], esp
        mov ax, 0x200
at_fault: mov ds, ax
in_task: pop eax
        call hex8                       ; error code of #DF
        call newline
        str ax
        call hex4
        call space
        mov ax, [tss2]                  ; the link to the task before
        call hex4
        call space
        mov eax, [tss+0x20]
        sub eax, at_fault
        call hex8                       ; its EIP
        call space
        mov eax, [tss+0x38]
        sub eax, [scratch]
        call hex8                       ; its ESP
        call space
        pushfd
        pop eax
        and eax, 0x4000                 ; NT
        call hex4
        call space
        mov al, [gdt+TSS+5]
        call hex2                       ; both are busy
        call space
        mov al, [gdt+TSSDESC+5]
        call hex2
        call space
        mov eax, cr0
        and eax, 8                      ; TS
        call hex2
        call newline
        jmp finish
