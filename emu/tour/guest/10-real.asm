; 10-real: real mode. The processor came from FFFFFFF0 by the jump at the end of the ROM.
;
; Addresses are segment * 16 + offset here. CS is F000, so an offset is a label minus ROM.

        bits 16
real_start:
        cli
        cld
        mov ax, cs
        mov ds, ax              ; our texts are in the ROM
        xor ax, ax
        mov ss, ax              ; the stack is in RAM
        mov sp, 0x7c00

        mov si, serial_setup - ROM
.serial:
        lodsw                   ; pairs of register and value
        cmp al, 0xff
        je .ready
        xor dx, dx
        mov dl, al
        add dx, COM1
        mov al, ah
        out dx, al
        jmp .serial
.ready:
        mov si, text_real - ROM
        call puts16

; Address line 20. With it shut, as for the 8086's sake it may be, addresses wrap at 1 MiB.
        in al, 0x92
        or al, 2                ; bit 1 opens the gate
        and al, ~1 & 0xff       ; bit 0 would reset the processor
        out 0x92, al
        xor ax, ax
        mov es, ax
        mov ax, 0xffff
        mov fs, ax
        mov word [es:A20_PROBE], 0x1234
        mov word [fs:A20_PROBE + 16], 0x5678    ; FFFF0 + 510 = 100500
        mov si, text_a20_shut - ROM
        cmp word [es:A20_PROBE], 0x1234
        jne .a20
        mov si, text_a20_open - ROM
.a20:
        call puts16

; A global descriptor table, copied to RAM.
        mov si, gdt_image - ROM
        mov di, GDT
        mov cx, gdt_end - gdt_image
        rep movsb
        lgdt [gdt_pointer - ROM]
        mov si, text_gdt - ROM
        call puts16

; Protected mode begins with the jump that loads CS: only then is its hidden part new.
        mov eax, cr0
        or al, CR0_PE
        mov cr0, eax
        jmp dword CODE32:protected_start

; puts16 prints the text at SI, up to a zero byte.
puts16:
        lodsb
        test al, al
        jz .done
        mov ah, al
        mov dx, COM1 + 5
.wait:
        in al, dx
        test al, 0x20           ; transmitter holding register empty
        jz .wait
        mov dx, COM1
        mov al, ah
        out dx, al
        jmp puts16
.done:
        ret

serial_setup:                   ; 115200 bits/s, 8 bits, no parity, 1 stop bit
        db 1, 0                 ; no interrupts yet
        db 3, 0x80              ; divisor latch open
        db 0, 1
        db 1, 0
        db 3, 3                 ; 8N1, latch shut
        db 2, 7                 ; FIFOs on and empty
        db 4, 0x0b              ; DTR, RTS, OUT2 (which lets the interrupt through)
        db 0xff, 0xff

; The table that lgdt loads. SDM vol. 3A 3.4.5 has the layout of a descriptor.
        align 8, db 0
gdt_image:
        dq 0
        dq 0x00cf9b000000ffff   ; 08 code, 32 bits, flat
        dq 0x00cf93000000ffff   ; 10 data, flat
        dq 0x00af9b000000ffff   ; 18 code, 64 bits
        dq 0x00cf93000000ffff   ; 20 data
        dq 0x00cffb000000ffff   ; 28 code, 32 bits, user
        dq 0x00cff3000000ffff   ; 30 data, user
        dq 0x00affb000000ffff   ; 38 code, 64 bits, user
        dq 0x00cf13000000ffff   ; 40 data, not present
        dw 0x67, TSS            ; 48 the TSS; 16 bytes in long mode
        db 0, 0x89, 0, 0
        dq 0
        dw 0x23, TSS_SHORT      ; 58 a TSS that ends before its IST1
        db 0, 0x89, 0, 0
        dq 0
gdt_end:
gdt_pointer:
        dw gdt_end - gdt_image - 1
        dd GDT
