; Far transfers between rings in protected mode (SDM vol. 3A 5.8): what stands in the registers and on the stacks after each.
%define LONG 0
%include "lib.inc"
; show NAME, VALUE: prints a doubleword.
%macro show 2
        jmp %%go
%%name: db %1, " ", 0
%%go:   push eax
        push esi
        push ecx
        mov eax, %2
        mov esi, %%name
        call puts
        call hex8
        call newline
        pop ecx
        pop esi
        pop eax
%endmacro
; ring3 LABEL: goes to ring 3 by IRET.
%macro ring3 1
        push dword UDATA
        push dword ustack
        push dword 2
        push dword UCODE
        push dword %1
        iretd
%endmacro
main:   mov eax, gate_target            ; a gate with two parameters
        mov [gdt+CGATE], ax
        mov word [gdt+CGATE+2], CODE
        mov word [gdt+CGATE+4], 0xec02
        shr eax, 16
        mov [gdt+CGATE+6], ax
        mov word [gdt+NPGATE+2], CODE
        mov word [gdt+NPGATE+4], 0x6c00
        mov word [gdt+SPARE+2], CODE    ; a gate that ring 3 may not use
        mov word [gdt+SPARE+4], 0x8c00
        mov ax, UDATA
        mov ds, ax
        mov es, ax

        ring3 .call
.call:  push dword 0x11111111
        push dword 0x22222222
        call CGATE:0x12345678
.back:  mov [scratch], esp
        mov eax, cs
        mov [scratch+4], eax
        mov word [scratch+8], ss
        mov word [scratch+10], ds
        mov dword [recover], .shown
        int NONE3
gate_target:
        mov [scratch+16], esp
        mov eax, [esp]
        sub eax, main.back
        mov [scratch+20], eax
        mov eax, [esp+4]
        mov [scratch+24], eax
        mov eax, [esp+8]
        mov [scratch+28], eax
        mov eax, [esp+12]
        mov [scratch+32], eax
        mov eax, [esp+16]
        mov [scratch+36], eax
        mov eax, [esp+20]
        mov [scratch+40], eax
        mov eax, cs
        mov [scratch+44], eax
        mov eax, ss
        mov [scratch+48], eax
        retf 8
main.shown:
        show "gate: cs", [scratch+44]
        show "gate: ss", [scratch+48]
        sub dword [scratch+16], stack0
        show "gate: esp below the TSS's", [scratch+16]
        show "gate: return address", [scratch+20]
        show "gate: return cs", [scratch+24]
        show "gate: second parameter", [scratch+28]
        show "gate: first parameter", [scratch+32]
        sub dword [scratch+36], ustack
        show "gate: old esp", [scratch+36]
        show "gate: old ss", [scratch+40]
        sub dword [scratch], ustack
        show "back: esp", [scratch]
        show "back: cs", [scratch+4]
        show "back: ss and ds", [scratch+8]
        try3 "jump through a gate to ring 0", jmp CGATE:0
        try3 "gate not present", call NPGATE:0
        try3 "gate of ring 0", call SPARE:0
        try3 "gate of RPL above its DPL is fine", mov ax, cs
        try3 "retf to ring 0", db 0x68, CODE, 0, 0, 0, 0x6a, 0, 0xcb
        try3 "iret to ring 0", db 0x6a, 2, 0x6a, CODE, 0x6a, 0, 0xcf

        push dword UDATA                ; RETF to ring 3 drops parameters on both stacks, and segments of ring 0
        push dword ustack-16
        push dword 0
        push dword UCODE
        push dword .far
        mov ax, DATA
        mov fs, ax
        mov ax, UDATA
        mov gs, ax
        mov ds, ax
        mov ax, CONF
        mov es, ax
        retf 4
.far:   mov [scratch], esp
        mov word [scratch+4], fs
        mov word [scratch+6], gs
        mov word [scratch+8], es
        mov word [scratch+10], 0
        mov dword [recover], .far2
        int NONE3
.far2:  sub dword [scratch], ustack
        show "retf: esp", [scratch]
        show "retf: fs and gs", [scratch+4]
        show "retf: es", [scratch+8]
        show "interrupt: old cs", [f_cs]
        show "interrupt: old ss", [f_ss]
        jmp finish
