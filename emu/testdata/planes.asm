; Fills the display's planar memory with bytes, each a write of its own, reads it back, and ends with a sum of it as the status.
%include "../../tests/direct/common.inc"

%macro put 3                    ; port, register, value
        mov dx, %1
        mov ax, %3 << 8 | %2
        out dx, ax
%endmacro

start:  put 0x3c4, 4, 6         ; sequencer: all of the memory, no chains
        put 0x3c4, 2, 15        ; writes go to all planes
        put 0x3ce, 5, 0         ; graphics controller: write mode 0, read mode 0
        put 0x3ce, 6, 5         ; window of 64 KiB at A0000
        put 0x3ce, 8, 255       ; all bits
        mov edi, 0xa0000
        mov ecx, WRITES
        xor eax, eax
fill:   mov [edi], al
        add al, 7
        inc edi
        dec ecx
        jnz fill
        put 0x3ce, 4, 2         ; reads are of plane 2
        mov esi, 0xa0000
        mov ecx, WRITES
        xor ebx, ebx
sum:    rol bl, 1
        add bl, [esi]
        inc esi
        dec ecx
        jnz sum
        mov al, bl
        mov dx, 0xf4
        out dx, al
stay:   jmp stay

WRITES  equ 3000
bss_end equ $
