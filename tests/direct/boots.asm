; Counts its boots in a byte of CMOS that firmware leaves alone, prints the number and what the loader gave in EAX, and
; resets the machine in the way that METHOD says; at the third boot it powers off by ACPI.
%include "common.inc"
COUNT   equ 0x6f
start:  cld
        mov esp, stack
        mov edi, eax
        mov esi, text
        call puts
        mov al, COUNT
        out 0x70, al
        in al, 0x71
        inc eax
        mov bl, al
        mov al, COUNT
        out 0x70, al
        mov al, bl
        out 0x71, al
        add al, '0'
        call putc
        mov al, ' '
        call putc
        mov ecx, 8
.digit: rol edi, 4
        mov eax, edi
        and al, 15
        cmp al, 10
        sbb al, 0x69
        das
        call putc
        loop .digit
        mov al, 10
        call putc
        cmp bl, 3
        jb reset
        mov dx, 0x604
        mov ax, 0x2000
        out dx, ax
        jmp $
reset:
%if METHOD = 0                          ; the keyboard controller pulses the reset line
        mov al, 0xfe
        out 0x64, al
%elif METHOD = 1                        ; fast reset of system control port A
        in al, 0x92
        and al, 0xfe
        out 0x92, al
        or al, 1
        out 0x92, al
%elif METHOD = 2                        ; PIIX reset control
        mov dx, 0xcf9
        mov al, 2
        out dx, al
        mov al, 6
        out dx, al
%else                                   ; triple fault
        lidt [empty]
        int3
%endif
        jmp $
empty:  dw 0
        dd 0
puts:   lodsb
        test al, al
        jz .end
        call putc
        jmp puts
.end:   ret
putc:   push eax
        mov dx, 0x3fd
.wait:  in al, dx
        test al, 0x20
        jz .wait
        pop eax
        mov dx, 0x3f8
        out dx, al
        ret
text:   db "boot ", 0
        align 16
        times 256 db 0
stack:
bss_end:
