; A boot sector that raises exceptions in real mode, five times each. BX is where a handler goes on.
bits 16
org 0x7c00
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7000
    mov word [0*4], divide
    mov word [0*4+2], 0
    mov word [6*4], undefined
    mov word [6*4+2], 0
    mov word [13*4], protection
    mov word [13*4+2], 0
    mov dx, 5
again:
    mov ax, 1
    xor cx, cx
    mov bx, .1
    div cx
.1: mov bx, .2
    ud2
.2: mov bx, .3
    mov si, 0xffff
    mov ax, [si]                ; beyond the segment
.3: dec dx
    jnz again
    mov dx, 0x604               ; power off
    mov ax, 0x2000
    out dx, ax
    cli
    hlt
divide:
    inc di
undefined:
    inc di
protection:
    inc di
    mov bp, sp
    mov [bp], bx
    iret
    times 510-($-$$) db 0
    dw 0xaa55
