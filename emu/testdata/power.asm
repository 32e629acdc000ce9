; Sleeps twice in S3 and says on the debug console what woke it; then powers off. Between, the power button is an event. It wakes in real mode, at
; the vector in the FACS, as an operating system does.
%include "../../tests/direct/common.inc"
PM      equ 0x600
PWRBTN  equ 1<<8
RTC     equ 1<<10
WAK     equ 1<<15
SLEEP   equ 1<<13

start:  mov esp, stack
        mov esi, 0xe0000
facs:   cmp dword [esi], 'FACS'
        je .found
        add esi, 64
        jmp facs
.found: mov dword [esi+12], wake16
        mov esi, wake
        mov edi, wake16
        mov ecx, wake_end - wake
        rep movsb
        mov al, 'b'                     ; the test presses the button now
        out 0xe9, al
        mov dx, PM+2
        mov ax, PWRBTN | RTC
        out dx, ax
        mov dx, PM
.wait:  in ax, dx
        test ax, PWRBTN
        jz .wait
        mov ax, 0xffff
        out dx, ax
        mov al, 's'
        out 0xe9, al
        mov byte [count], 0
        mov dx, PM+4
        mov ax, 1<<10 | SLEEP           ; S3 on either board
        out dx, ax
        jmp $

wake16  equ 0x8000
count   equ 0x7000
bits 16
wake:   xor ax, ax
        mov ds, ax
        mov dx, PM
        in ax, dx
        mov bx, ax
        mov ax, 0xffff
        out dx, ax
        mov al, 'W'
        test bx, WAK
        jnz .flags
        mov al, '?'
.flags: out 0xe9, al
        mov al, 'p'
        test bx, PWRBTN
        jnz .say
        mov al, 'r'
        test bx, RTC
        jnz .say
        mov al, 'k'
.say:   out 0xe9, al
        inc byte [count]
        cmp byte [count], 2
        ja .off
        je .alarm
        mov al, 's'                     ; again: the test sends a key
        out 0xe9, al
.sleep: mov dx, PM+4
        mov ax, 1<<10 | SLEEP
        out dx, ax
        jmp $
.alarm: mov al, 0x0b                    ; once more: the clock, whose update interrupts are on
        out 0x70, al
        mov al, 0x12
        out 0x71, al
        mov al, 0x0c
        out 0x70, al
        in al, 0x71
        jmp .sleep
.off:   mov dx, PM+4
        mov ax, SLEEP                   ; S5
        out dx, ax
        jmp $
wake_end:
bits 32
align 4
code_end:
        times 256 db 0
stack:
bss_end:
