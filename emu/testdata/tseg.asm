; Sets up TSEG on a q35, as firmware with system management mode does, and sends SMIs to itself and to the second processor by the local APIC. Before and after, interrupts.
; A line each on the debug console.
%include "../../tests/direct/common.inc"
%include "irq.inc"

HANDLER equ 0x38000                     ; of system management interrupts, after power-on
SMRAMC  equ 0x8000009c                  ; SMRAM is its byte 1, ESMRAMC its byte 2
TRAMP   equ 0x8000                      ; page of the start-up interrupt's vector
ALIVE   equ 0x7000                      ; the second processor counts there

; till ADDRESS, VALUE: waits until memory has it.
%macro till 2
%%wait: pause
        cmp dword [%1], %2
        jne %%wait
%endmacro

        begin
        mov esi, handler
        mov edi, HANDLER
        mov ecx, handler_end - handler
        rep movsb
        mov esi, tramp
        mov edi, TRAMP
        mov ecx, tramp_end - tramp
        rep movsb
        mov dword [ALIVE], 0
        mov al, 0xff                    ; the 8259As
        out 0x21, al
        out 0xa1, al

        apic 0xf0, 0x1ff
        apic 0x80, 0
        say "IPI to self"
        apic 0x300, 0x44045
        await 0x45, eoi
        mov al, 0x5f                    ; of the clock's memory: how many processors there are but this
        out 0x70, al
        in al, 0x71
        mov [others], al
        test al, al
        jz .alone
        apic 0x310, 1<<24
        apic 0x300, 0x4500              ; INIT
        apic 0x300, 0x4600|TRAMP>>12
        apic 0x300, 0x4600|TRAMP>>12
        say 10, "the second processor"
        till ALIVE, 1
.alone:

        mov edx, 0xcf8
        mov eax, SMRAMC
        out dx, eax
        mov edx, 0xcfd
        mov al, 8                       ; G_SMRAME
        out dx, al
        inc edx
        mov al, 3                       ; T_EN, of 2 MiB
        out dx, al

        say 10, "IPI to self"
        apic 0x300, 0x44046
        await 0x46, eoi
        say 10, "timer"
        apic 0x3e0, 0xb
        apic 0x320, 0x47
        apic 0x380, 100000
        await 0x47, eoi
        say 10, "SMI to self"
        apic 0x310, 0
        apic 0x300, 0x4200
        till smis, 1
        cmp byte [others], 0
        je .end
        say 10, "SMI to the other"
        apic 0x310, 1<<24
        apic 0x300, 0x4200
        till smis, 2
        say 10, "NMI to the other"
        apic 0x300, 0x4400
        till ALIVE, 2
.end:   ended

eoi:    apic 0xb0, 0
fault:
nmi:    jmp [resume]


bits 16
handler: lock inc dword [dword smis]
        rsm
handler_end:

; In real mode; an NMI ends the wait, and its vector leads behind it.
tramp:  cli
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7f00
        mov word [8], TRAMP+.nmi-tramp
        mov word [10], 0
        inc dword [ALIVE]
.halt:  hlt
        jmp .halt
.nmi:   inc dword [ALIVE]
        jmp .halt
tramp_end:
bits 32
smis:   dd 0
others: db 0

        finish
