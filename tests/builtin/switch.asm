; INT 15h, 89h: the program goes on in protected mode, where the interrupt controllers' interrupts come by its own gates.
%include "lib.inc"
        begin
        cli
        mov ah, 0x89
        mov bx, 0x5058          ; interrupts 0 and 8
        mov si, gdt
        int 0x15
        jc failed
        mov [results], cs
        mov [results + 2], ds
        mov [results + 4], es
        mov [results + 6], ss
        mov [results + 8], ax
        mov [results + 10], sp
        in al, 0xa1
        mov ah, al
        in al, 0x21
        mov [results + 12], ax
        mov al, 0xfe            ; the timer
        out 0x21, al
        sti
.wait:
        cmp byte [ticked], 0
        je .wait
        cli
        mov eax, cr0
        and al, 0xfe
        mov cr0, eax
        jmp 0:real
real:
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        lidt [vectors]
        mov si, results
        mov cx, 7
.print:
        lodsw
        push cx
        push si
        call hex16
        call newline
        pop si
        pop cx
        loop .print
        say "ticks", 13, 10
        jmp off

tick:
        push ax
        mov byte [ticked], 1
        mov al, 0x20
        out 0x20, al
        pop ax
        iret

ticked:         db 0
results:        times 7 dw 0
vectors:
        dw 0x3ff
        dd 0
idt:
        times 0x50 dq 0
        dw tick, 0x30, 0x8600, 0
idt_end:
gdt:
        dq 0
        dw 8 * 8 - 1, gdt, 0x9300, 0
        dw idt_end - idt - 1, idt, 0x9300, 0
        dq 0x000093000000ffff   ; DS, ES, SS
        dq 0x000093000000ffff
        dq 0x000093000000ffff
        dq 0x00009b000000ffff   ; CS
        dq 0                    ; the firmware's
        finish
