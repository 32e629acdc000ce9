; A boot sector for disks, floppies and CDs.
bits 16
org 0x7c00
        cli
        xor ax, ax
        mov ds, ax
        cld
%include "guest.inc"
text:   db "hello from the boot sector", 10, 0
        times 510-($-$$) db 0
        dw 0xaa55
