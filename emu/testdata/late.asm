; Lets the timer tick at 250 Hz while it waits for 100 ms of the time-stamp counter, and ends with the number of ticks as the status.
%include "../../tests/direct/common.inc"

%macro to 2
        mov al, %2
        out %1, al
%endmacro

start:  mov esp, stack
        mov eax, tick
        mov [gate], ax
        mov [gate + 2], cs
        mov word [gate + 4], 0x8e00
        shr eax, 16
        mov [gate + 6], ax
        lidt [idtr]
        to 0x20, 0x11                   ; the 8259A: vectors from 20h, IRQ 0 alone
        to 0x21, 0x20
        to 0x21, 4
        to 0x21, 1
        to 0x21, 0xfe
        to 0x43, 0x34                   ; the 8254: 4773 ticks in mode 2
        to 0x40, 4773 & 255
        to 0x40, 4773 >> 8
        rdtsc
        mov ebx, eax
        sti
        to 0xe9, 'a'                    ; the host is late
.wait:  pause
        rdtsc
        sub eax, ebx
        cmp eax, 100_000_000
        jb .wait
        cli
        mov eax, [ticks]
        mov dx, 0xf4
        out dx, al
.stay:  jmp .stay

tick:   push eax
        inc dword [ticks]
        to 0x20, 0x20
        pop eax
        iretd

        align 8
idtr:   dw 0x21 * 8 - 1
        dd idt

        align 8
idt:    times 0x20 * 8 db 0
gate:   times 8 db 0
ticks:  dd 0
        times 1024 db 0
stack:
bss_end:
