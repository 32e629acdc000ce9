; Single-stepping through the firmware's ROM: a service that is called as a subroutine does the same, and a trap comes after each
; instruction, the OUT of its stub among them.
%include "lib.inc"
        begin
        mov word [4 * 1], step
        mov word [4 * 1 + 2], 0
        mov ax, 0xffff
        int 0x11
        mov [want], ax
        mov ax, 0xffff
        mov bx, [want]
        pushf                   ; for the service's IRET
        push cs
        push word back
        pushf
        pop cx
        or cx, 0x100
        push cx
        popf                    ; steps begin behind the next instruction
        jmp 0xf000:0xf84d
back:
        pushf
        pop cx
        and cx, 0xfeff
        push cx
        popf
        cmp ax, bx
        jne .wrong
        say "same, steps "
        mov ax, [steps]
        call hex16
        call newline
        jmp off
.wrong:
        say "other: "
        call hex16
        call newline
        jmp off

step:
        push bp
        mov bp, sp
        inc word [cs:steps]
        pop bp
        iret
steps:          dw 0
want:           dw 0
        finish
