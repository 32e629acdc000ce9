; x87 errors with CR0.NE clear (SDM vol. 1 appendix D.2): the next waiting instruction stops, the pin FERR raises interrupt 13 by the
; slave PIC, and a write to port F0h lets the CPU go on with IGNNE until the error is gone.
%define LONG 0
%include "lib.inc"
%macro divide 0                         ; 1/0, then an instruction that waits
        fld1
        fldz
        sti
        fdivp
        fwait
%endmacro
%macro goon 0                           ; waiting instructions that run
        sti
        fwait
        fld1
        fstp st0
        cli
%endmacro
eoi:    mov al, 0x20
        out 0xa0, al
        out 0x20, al
        ret

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
        mov al, 0xfb
        out 0x21, al
        mov al, 0xdf                    ; interrupt 13
        out 0xa1, al
        mov eax, cr0
        and eax, ~0x20
        mov cr0, eax
        fninit
        fldcw [cw]
        try "error", divide
        out 0xf0, al
        call eoi
        try "IGNNE", goon
        fnclex
        try "cleared", goon
        try "again", divide
        out 0xf0, al
        call eoi
        fninit
        fldcw [cw]
        try "after FNINIT", divide
        out 0xf0, al
        call eoi
        fnclex
        mov eax, cr0
        or eax, 0x20
        mov cr0, eax
        try "NE set", divide
        fnclex
        jmp finish

cw:     dw 0x37b                        ; zero divide is not masked
