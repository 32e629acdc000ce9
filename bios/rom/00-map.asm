; 00-map: the firmware's ROM, 64 KiB at F000:0000.
;
; It holds entries only: what a service does is Go (see services.go). An entry that calls one is a stub:
;
;       name:   out TRAP, al    ; the machine calls the service of this name, with the registers as they are now
;               iret            ; or whatever returns, in one byte
;               sti             ; a service that has to wait goes on here, until something has happened
;               hlt
;               cli
;               out TRAP, al    ; is it time?
;               iret
;
; Entries at fixed addresses, which programs have jumped to since the IBM PC AT, are in 80-fixed.
; Every label is a physical address; in segment F000h its offset is the label minus ROM.

ROM             equ 0xf0000
        org ROM

TRAP            equ 0xba
BDA             equ 0x40        ; segment of the BIOS data area

PIC1            equ 0x20
PIC2            equ 0xa0
EOI             equ 0x20
KBC_DATA        equ 0x60
KBC_STATUS      equ 0x64

; The tables that firmware leaves for operating systems are laid down here, in the RAM that shadows the ROM.
        times 0xd000 - ($ - $$) db 0
