; Halts with interrupts off; an NMI ends the guest.
%include "../../tests/direct/common.inc"
start:  mov esp, stack
        mov eax, nmi
        mov edi, idt + 2 * 8
        mov [edi], ax
        mov [edi+2], cs
        mov word [edi+4], 0x8e00
        shr eax, 16
        mov [edi+6], ax
        lidt [idtr]
        cli
halt:   hlt
        jmp halt
nmi:    mov al, 3
        out 0xf4, al
        jmp nmi
idtr:   dw 3 * 8 - 1
        dd idt
        align 16
idt:    times 3 dq 0
        times 64 dd 0
stack:
bss_end:
