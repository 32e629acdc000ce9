; A boot sector that resets the processor and returns to itself by the AT's shutdown code 0Ah, as programs for the 80286 left protected mode. The
; interrupt controller keeps its mask, as the board is not reset. Then the same without the code: the sector is booted again.
bits 16
org 0x7c00
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7000
        cmp word [0x600], 0x55aa        ; RAM stays
        je again
        mov al, 0xa5
        out 0x21, al
        mov word [0x467], back
        mov word [0x469], 0
        mov al, 0x0f
        out 0x70, al
        mov al, 0x0a
        out 0x71, al
        call reset
back:   xor ax, ax
        mov ds, ax
        in al, 0x21
        cmp al, 0xa5
        mov al, 'K'
        je .say
        mov al, 'L'
.say:   out 0xe9, al
        mov word [0x600], 0x55aa
        call reset
again:  in al, 0x21
        cmp al, 0xa5
        mov al, 'R'
        jne .say
        mov al, '?'
.say:   out 0xe9, al
        mov dx, 0xf4
        out dx, al
        hlt

%ifdef TRIPLE
reset:  lidt [none]
        int3
none:   dw 0
        dd 0
%elifdef FAST
reset:  mov al, 2
        out 0x92, al
        mov al, 3
        out 0x92, al
        hlt
%elifdef CF9
reset:  mov dx, 0xcf9
        mov al, 0
        out dx, al
        mov al, 4
        out dx, al
        hlt
%else
reset:  mov al, 0xfe
        out 0x64, al
        hlt
%endif
        times 510-($-$$) db 0
        dw 0xaa55
        times 63*512 db 0
