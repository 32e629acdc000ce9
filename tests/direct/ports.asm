; Prints on the debug console what ports and memory that nobody claims read as, then powers off by ACPI.
%include "common.inc"
start:  mov esp, stack
        mov dx, 0x2e0
        in al, dx
        movzx eax, al
        call hex
        in ax, dx
        movzx eax, ax
        call hex
        in eax, dx
        call hex
        mov eax, [0xd0000000]           ; above RAM, below the PCI hole's devices
        call hex
        in al, 0xe9                     ; the debug console says that it is there
        movzx eax, al
        call hex
        mov dx, 0x604
        mov ax, 0x2000
        out dx, ax
        hlt
hex:    mov ecx, 8
.digit: rol eax, 4
        push eax
        and al, 15
        cmp al, 10
        sbb al, 0x69
        das
        out 0xe9, al
        pop eax
        loop .digit
        mov al, 10
        out 0xe9, al
        ret
        align 16
        times 256 db 0
stack:
bss_end:
