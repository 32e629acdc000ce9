; 99-reset: the last 16 bytes of the ROM. After reset, CS has the base FFFF0000 and IP is FFF0.
; The far jump gives CS its real-mode base, F0000.

        times 0xfff0 - ($ - $$) db 0
        bits 16
reset_vector:
        jmp 0xf000:real_start - ROM
        times 0x10000 - ($ - $$) db 0
