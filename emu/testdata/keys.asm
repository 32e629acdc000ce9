; Prints every byte of the keyboard and mouse on the debug console, as two digits ("m" before the mouse's), until Esc goes up.
%include "../../tests/direct/common.inc"
start:  mov esp, stack
        mov al, 0x60                    ; no interrupts, no translation off: set 1 is what is read
        call command
        mov al, 0x40
        call data
        mov al, 0xd4                    ; the mouse reports
        call command
        mov al, 0xf4
        call data
next:   in al, 0x64
        test al, 1
        jz next
        mov bl, al
        in al, 0x60
        mov bh, al
        mov al, 'm'
        test bl, 0x20
        jz .keyboard
        out 0xe9, al
.keyboard:
        mov al, bh
        shr al, 4
        call digit
        mov al, bh
        and al, 15
        call digit
        mov al, ' '
        out 0xe9, al
        cmp bh, 0x81
        jne next
        mov dx, 0x604
        mov ax, 0x2000
        out dx, ax
        hlt
command: call room
        out 0x64, al
        ret
data:   call room
        out 0x60, al
        ret
room:   push eax
.wait:  in al, 0x64
        test al, 2
        jnz .wait
        pop eax
        ret
digit:  cmp al, 10
        sbb al, 0x69
        das
        out 0xe9, al
        ret
        align 16
        times 256 db 0
stack:
bss_end:
