; Lab 7, first part: the smallest firmware. It is the last 64 KiB below 4 GiB; the processor begins 16 bytes before their end, in
; real mode, with a CS base that no segment register value can give. goemu -bios rom.bin
bits 16
org 0

start:  mov ax, cs              ; what is CS now? The jump below has loaded it
        mov bx, ax
        mov si, text
.next:  cs lodsb
        test al, al
        jz .cs
        out 0xe9, al
        jmp .next
.cs:    mov cx, 4               ; print BX
.digit: rol bx, 4
        mov al, bl
        and al, 15
        add al, 0x90            ; 0 to 15 to a digit: the old way
        daa
        adc al, 0x40
        daa
        out 0xe9, al
        loop .digit
        mov al, 10
        out 0xe9, al
        mov al, 0
        out 0xf4, al
        jmp $

text:   db "firmware runs with CS ", 0

        times 0xfff0 - ($ - $$) db 0xff
reset:  jmp 0xf000:start        ; the reset vector
        times 0x10000 - ($ - $$) db 0xff
