; Interrupts of the PIT by the PIC and by the I/O APIC, of the local APIC's timer and of IPIs; priorities, TPR, masks and EOI (SDM vol. 3A 11,
; data sheets of 8259A, 8254 and 82093AA). Each line shows the vector that came, and where: after STI and the next instruction.
%define LONG 0
%include "lib.inc"
APIC    equ 0xfee00000
IOAPIC  equ 0xfec00000
%macro stihlt 0
        sti
        hlt
%endmacro
%macro stinop 0
        sti
        nop
        nop
        nop
        cli
%endmacro
%macro pit 0                            ; channel 0, mode 0: an edge soon
        mov al, 0x30
        out 0x43, al
        mov al, 0xe8
        out 0x40, al
        mov al, 3
        out 0x40, al
%endmacro
%macro apic_eoi 0
        mov dword [APIC+0xb0], 0
%endmacro
%macro ipi 1                            ; to itself
        mov dword [APIC+0x300], 0x40000|%1
%endmacro
%macro ioapic 2
        mov dword [IOAPIC], %1
        mov dword [IOAPIC+0x10], %2
%endmacro
%macro isr 2                            ; shows a bit of ISR or IRR
        mov eax, [APIC+%1+0x10]
        shr eax, %2-0x20
        and eax, 1
        call hex2
        call newline
%endmacro
main:   mov al, 0x11
        out 0x20, al
        out 0xa0, al
        mov al, 0x20
        out 0x21, al
        mov al, 0x28
        out 0xa1, al
        mov al, 4
        out 0x21, al
        mov al, 2
        out 0xa1, al
        mov al, 1
        out 0x21, al
        out 0xa1, al
        mov al, 0xfe
        out 0x21, al
        mov al, 0xff
        out 0xa1, al
        pit
        try "PIT by the PIC", stihlt
        call pit_fired
        try "the next waits for EOI", stinop
        mov al, 0x20
        out 0x20, al
        try "EOI lets it through", stinop
        mov al, 0x20
        out 0x20, al
        try "one edge, one interrupt", stinop
        mov al, 0xff
        out 0x21, al
        call pit_fired
        try "masked", stinop
        mov al, 0xfe
        out 0x21, al
        try "unmasked", stinop
        mov al, 0x20
        out 0x20, al
        mov al, 0xff
        out 0x21, al

        mov dword [APIC+0xf0], 0x12d
        mov dword [APIC+0x80], 0
        mov dword [APIC+0xe0], -1
        mov dword [APIC+0xd0], 0x01000000
        ipi 0x32
        isr 0x200, 0x32
        try "IPI to itself", stinop
        isr 0x200, 0x32
        isr 0x100, 0x32
        apic_eoi
        isr 0x100, 0x32
        mov dword [APIC+0x80], 0x30
        ipi 0x32
        try "TPR of the same class", stinop
        mov dword [APIC+0x80], 0x2f
        try "TPR of the class below", stinop
        mov dword [APIC+0x80], 0
        ipi 0x22
        ipi 0x32
        try "two of which one is in service", stinop
        apic_eoi
        try "the higher first", stinop
        apic_eoi
        try "then the lower", stinop
        ipi 0x32
        try "a higher class interrupts", stinop
        apic_eoi
        apic_eoi
        try "and all is done", stinop

        mov dword [APIC+0x3e0], 11      ; divide by 1
        mov dword [APIC+0x320], 0x33
        mov dword [APIC+0x380], 20000
        try "local timer", stihlt
        apic_eoi
        mov eax, [APIC+0x390]
        call hex8
        call newline
        mov dword [APIC+0x320], 0x20033
        mov dword [APIC+0x380], 20000
        try "periodic timer", stihlt
        apic_eoi
        try "periodic timer again", stihlt
        apic_eoi
        mov dword [APIC+0x320], 0x10033
        mov dword [recover], .drained   ; one more may have come before the mask
        stinop
        int NONE
.drained:
        apic_eoi
        mov dword [APIC+0x380], 20000
        try "masked timer", stinop

        ioapic 0x14, 0x26               ; line 2 is the PIT
        ioapic 0x15, 0
        pit
        try "PIT by the I/O APIC", stihlt
        apic_eoi
        ioapic 0x14, 0x10026
        call pit_fired
        try "masked in the I/O APIC", stinop
        jmp finish
; pit_fired waits until the PIC has the request.
pit_fired:
        pit
        mov al, 0x0a
        out 0x20, al
.wait:  in al, 0x20
        test al, 1
        jz .wait
        ret
