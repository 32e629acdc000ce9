; A boot sector that writes to its disk without end, and says so after the first time.
        bits 16
        org 7c00h
        xor ax, ax
        mov ss, ax
        mov sp, 7c00h
        mov es, ax
        mov ds, ax
        mov di, 8000h
        mov cx, 16*512
        mov al, 5ah
        cld
        rep stosb
again:  mov ax, 0310h           ; 16 sectors
        mov bx, 8000h
        mov cx, 0002h           ; from sector 2
        mov dx, 0080h
        int 13h
        mov al, '.'
        out 0e9h, al
        jmp again
        times 510-($-$$) db 0
        dw 0aa55h
