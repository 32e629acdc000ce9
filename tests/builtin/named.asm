; A boot sector that says its name, which is at its end, and gives up.
        bits 16
        org 0x7c00
        jmp 0:.here
.here:
        xor ax, ax
        mov ds, ax
        mov si, name
        cld
.next:
        lodsb
        test al, al
        jz .end
        mov dx, 0x3f8
        out dx, al
        jmp .next
.end:
        mov al, dl
        int 0x18
        times 500 - ($ - $$) db 0
name:   db "disk ?", 10, 0
        times 510 - ($ - $$) db 0
        dw 0xaa55
