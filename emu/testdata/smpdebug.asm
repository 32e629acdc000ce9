; Two application processors count in real mode, each in a place of its own: 9000h + 4*APIC ID. The first one halts.
%include "../../tests/direct/common.inc"
start:  mov esi, code16
        mov edi, 0x8000
        mov ecx, code_end - code16
        rep movsb
        mov dword [0xfee00300], 0xc4500 ; INIT and start-up interrupt at 8000h to all but this one
        mov dword [0xfee00300], 0xc4608
        jmp $

bits 16
code16: mov ax, 0
        mov ds, ax
        mov eax, 1
        cpuid
        shr ebx, 24
        shl bx, 2
        add bx, 0x9000
        jmp 0:0x8040
        times 0x40-($-code16) db 0x90
.loop:  inc byte [bx]
        nop
        jmp .loop
code_end:
bss_end:
