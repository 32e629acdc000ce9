; 80-fixed: entries and tables at the addresses of the IBM PC AT (Technical Reference, March 1986, section 5).

        bits 16
        times 0xe05b - ($ - $$) db 0
entry_post:
        cli
        jmp post

        times 0xe2c3 - ($ - $$) db 0
int02:
        iret

        times 0xe3fe - ($ - $$) db 0
        jmp int13

        times 0xe401 - ($ - $$) db 0
fixed_disk_table:               ; parameters of old disk types: none, disks tell theirs
        times 16 db 0

        times 0xe6f2 - ($ - $$) db 0
        jmp int19

        times 0xe6f5 - ($ - $$) db 0
config_table:                   ; INT 15h, C0h
        dw 8                    ; bytes that follow
        db 0xfc, 0, 1           ; model, submodel, revision
        db 0x74                 ; second 8259A, real-time clock, INT 15h/4Fh is called, EBDA
        db 0x40, 0, 0, 0        ; INT 16h/09h is there
        times 0xe729 - ($ - $$) db 0
baud_rates:                     ; divisors for INT 14h, 00h
        dw 1047, 768, 384, 192, 96, 48, 24, 12

        times 0xe739 - ($ - $$) db 0
        jmp int14

        times 0xe82e - ($ - $$) db 0
        jmp int16

        times 0xe987 - ($ - $$) db 0
        jmp int09

        times 0xec59 - ($ - $$) db 0
        jmp int13

        times 0xef57 - ($ - $$) db 0
        jmp int0e

        times 0xefc7 - ($ - $$) db 0
diskette_table:                 ; INT 1Eh: a 1.44 MB diskette
        db 0xaf, 0x02, 0x25, 2, 18, 0x1b, 0xff, 0x6c, 0xf6, 15, 8

        times 0xefd2 - ($ - $$) db 0
        jmp int17

        times 0xf045 - ($ - $$) db 0
        iret

        times 0xf065 - ($ - $$) db 0
        jmp int10

        times 0xf0a4 - ($ - $$) db 0
video_parameters:               ; INT 1Dh
        times 88 db 0

        times 0xf841 - ($ - $$) db 0
        jmp int12

        times 0xf84d - ($ - $$) db 0
        jmp int11

        times 0xf859 - ($ - $$) db 0
        jmp int15

        times 0xfa6e - ($ - $$) db 0
font8x8:                        ; the first 128 characters; Go fills it in
        times 1024 db 0

        times 0xfe6e - ($ - $$) db 0
        jmp int1a

        times 0xfea5 - ($ - $$) db 0
        jmp int08

        times 0xfef3 - ($ - $$) db 0
vectors:                        ; 08h to 1Fh, offsets in this segment
        dw 0xfea5, 0xe987, unused1 - ROM, unused1 - ROM, unused1 - ROM, unused1 - ROM, 0xef57, unused1 - ROM
        dw 0xf065, 0xf84d, 0xf841, 0xec59, 0xe739, 0xf859, 0xe82e, 0xefd2
        dw int18 - ROM, 0xe6f2, 0xfe6e, 0xff53, 0xff53, 0xf0a4, 0xefc7, 0

        times 0xff53 - ($ - $$) db 0
dummy:
        iret
        jmp int05               ; FF54

        times 0xfff0 - ($ - $$) db 0
        jmp 0xf000:entry_post - ROM
        db '11/21/26'           ; FFF5
        db 0                    ; FFFD
        db 0xfc                 ; FFFE: model, PC AT
        db 0                    ; Go makes the ROM's sum 0
