; A boot sector that reads sector 100 again and again and says its first byte, until that is X. What cannot be read is E.
        bits 16
        org 7c00h
        xor ax, ax
        mov ss, ax
        mov sp, 7c00h
        mov es, ax
again:  mov ax, 0201h
        mov bx, 8000h
        mov cx, 0126h           ; cylinder 1, head 5, sector 38 of 16 heads and 63 sectors: 1360
        mov dx, 0580h
        int 13h
        mov al, 'E'
        jc .say
        mov al, [es:8000h]
.say:   out 0e9h, al
        cmp al, 'X'
        jne again
        mov al, 0
        out 0f4h, al
        jmp $
        times 510-($-$$) db 0
        dw 0aa55h
