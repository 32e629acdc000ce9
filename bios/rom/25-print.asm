; 25-print: INT 05h, print screen (IBM PC AT Technical Reference, section 5). 50:00 is 1 while it prints, FFh after an error.

        bits 16
int05:
        sti
        pusha
        push ds
        mov ax, BDA + 0x10
        mov ds, ax
        cmp byte [0], 1
        je .return              ; it is at it
        mov byte [0], 1
        mov ah, 0x0f            ; BH: page, AH: columns
        int 0x10
        mov cl, ah
        push ds
        mov ax, BDA
        mov ds, ax
        mov ch, [0x84]          ; rows less 1
        pop ds
        push cx
        call .newline
        mov ah, 3               ; where the cursor is
        int 0x10
        pop cx
        push dx
        xor dx, dx
.character:
        mov ah, 2
        int 0x10
        mov ah, 8
        int 0x10
        cmp al, 0
        jne .print
        mov al, ' '
.print:
        push dx
        xor dx, dx
        mov ah, 0
        int 0x17
        pop dx
        test ah, 0x29           ; time-out, error, no paper
        jnz .failed
        inc dl
        cmp dl, cl
        jb .character
        call .newline
        mov dl, 0
        inc dh
        cmp dh, ch
        jbe .character
        mov byte [0], 0
        jmp .restore
.failed:
        mov byte [0], 0xff
.restore:
        pop dx
        mov ah, 2
        int 0x10
.return:
        pop ds
        popa
        iret

.newline:
        push dx
        xor dx, dx
        mov ax, 0x000d
        int 0x17
        mov ax, 0x000a
        int 0x17
        pop dx
        ret
