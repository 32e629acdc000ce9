; Says that it is there, then spins for ever.
%include "common.inc"
start:  mov dx, 0x3f8
        mov al, '!'
        out dx, al
        jmp $
bss_end:
