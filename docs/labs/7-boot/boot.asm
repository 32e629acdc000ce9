; Lab 7, second part: a boot sector. The firmware loads the disk's first 512 bytes to 7C00h and jumps there, with the drive's number in
; DL. Text goes out by the firmware's INT 10h.
bits 16
org 0x7c00

        xor ax, ax              ; nothing is known of the segments: set them
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        mov [drive], dl

        mov si, hello
        call puts
        mov al, [drive]
        shr al, 4
        call digit
        mov al, [drive]
        and al, 15
        call digit
        mov si, newline
        call puts

        ; YOUR WORK: read the disk's second sector (INT 13h; the first is number 1 of cylinder 0, head 0) to 7E00h, and print the
        ; text there, which ends with 0.

        mov al, 0               ; the end: isa-debug-exit
        out 0xf4, al
        jmp $

digit:  add al, 0x90
        daa
        adc al, 0x40
        daa
        mov ah, 0x0e
        mov bx, 7
        int 0x10
        ret

puts:   lodsb
        test al, al
        jz .end
        mov ah, 0x0e            ; INT 10h, 0Eh: print AL
        mov bx, 7
        int 0x10
        jmp puts
.end:   ret

hello:  db "boot sector runs, drive ", 0
newline: db 13, 10, 0
drive:  db 0

        times 510 - ($ - $$) db 0
        dw 0xaa55               ; the mark of a boot sector
