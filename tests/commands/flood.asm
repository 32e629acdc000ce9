; Fills screen and COM1 with text, says so on the debug console, and goes on for ever.
bits 32
org 0x100000
header: dd 0x1BADB002, 1<<16, -(0x1BADB002 + (1<<16))
        dd header, header, 0, end, start
start:  xor esi, esi
again:  mov eax, esi            ; another letter and colour everywhere, so that each picture is new
        shr eax, 11
        add eax, esi
        and eax, 0x3f
        or eax, 0x40
        mov ah, al
        mov ecx, esi
        and ecx, 2047
        mov [0xb8000 + 2*ecx], ax
        mov dx, 0x3fd
wait_until_empty:
        in al, dx
        test al, 0x20
        jz wait_until_empty
        mov dx, 0x3f8
        mov al, 'x'
        out dx, al
        inc esi
        cmp esi, 1500000
        jne again
        mov al, '!'
        out 0xe9, al
        jmp again
end:
