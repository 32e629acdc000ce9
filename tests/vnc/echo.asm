; Boot sector: shows what is typed, and then tells it on the debug console too.
org 0x7c00
        xor ax, ax
        mov ds, ax
        mov al, '>'
        out 0xe9, al
next:   mov ah, 0
        int 0x16
        push ax
        mov ah, 0x0e
        mov bx, 7
        int 0x10
        pop ax
        out 0xe9, al
        jmp next
        times 510-($-$$) db 0
        dw 0xaa55
