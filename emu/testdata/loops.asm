; Two processors that count, without an exit; the first waits for the other at the end.
%include "../../tests/direct/common.inc"
COUNT   equ 1000000
start:  mov esi, code16
        mov edi, 0x8000
        mov ecx, code_end - code16
        rep movsb
        mov dword [0x9000], 0
        mov dword [0xfee00300], 0xc4500 ; INIT and start-up interrupt at 8000h to all but this one
        mov dword [0xfee00300], 0xc4608
        mov ecx, COUNT
.loop:  dec ecx
        jnz .loop
.wait:  pause
        cmp dword [0x9000], 0
        je .wait
        out 0xf4, al
        jmp $

bits 16
code16: xor ax, ax
        mov ds, ax
        mov ecx, COUNT
.loop:  dec ecx
        jnz .loop
        inc byte [0x9000]
        cli
        hlt
code_end:
bss_end:
