; Programs interrupt controllers and halts, for those who look.
%include "../../tests/direct/common.inc"

%macro to 2
        mov dx, %1
        mov al, %2
        out dx, al
%endmacro

start:  to 0x43, 0x30                   ; the timer waits for a count
        to 0x20, 0x11
        to 0x21, 0x90
        to 0x21, 4
        to 0x21, 1
        to 0xa0, 0x11
        to 0xa1, 0x98
        to 0xa1, 2
        to 0xa1, 1
        to 0x21, 0xa5
        to 0xa1, 0x5a
        to 0x4d0, 0x20
        to 0x4d1, 0x0c
        mov dword [0xfec00000], 0x1e
        mov dword [0xfec00010], 0x18057
        cli
.stay:  hlt
        jmp .stay
bss_end:
