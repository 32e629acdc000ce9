; Resets of the processor that come back by shutdown codes, and boots again: INT 19h, Ctrl-Alt-Del.
%include "lib.inc"
        begin
        ; how far we are is in memory that firmware leaves alone
        cmp word [0x5000], 0x1234
        je .again
        mov word [0x5000], 0x1234
        mov word [0x5002], 0
.again:
        inc word [0x5002]
        say "boot "
        mov al, [0x5002]
        call hex8
        say " warm "
        mov ax, [0x472]
        call hex16
        call newline
        cmp word [0x5002], 1
        jne .second
        ; code 0Ah: a far jump
        mov word [0x467], after_jump
        mov word [0x469], 0
        mov bl, 0x0a
        jmp reset
.second:
        cmp word [0x5002], 2
        jne .third
        int 0x19
.third:
        cmp word [0x5002], 3
        jne .fourth
        mov word [0x5004], 0    ; Ctrl-Alt-Del
        mov al, 0x1d
        call key
        mov al, 0x38
        call key
        mov al, 0x53
        call key
.wait:  hlt
        jmp .wait
.fourth:
        jmp off

; key has the keyboard send AL.
key:
        push ax
.ready:
        in al, 0x64
        test al, 3
        jnz .ready
        mov al, 0xd2
        out 0x64, al
.ready2:
        in al, 0x64
        test al, 2
        jnz .ready2
        pop ax
        out 0x60, al
        ret

; reset resets the processor with shutdown code BL.
reset:
        cli
        mov al, 0x8f
        out 0x70, al
        mov al, bl
        out 0x71, al
        mov [0x5010], sp
        mov al, 0xfe
        out 0x64, al
.wait:  hlt
        jmp .wait

after_jump:
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        say "code 0a", 13, 10
        mov word [0x467], after_eoi
        mov bl, 0x05
        jmp reset
after_eoi:
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        say "code 05", 13, 10
        ; code 0Bh: IRET from a stack
        pushf
        push word 0
        push word after_iret
        mov [0x467], sp
        mov word [0x469], 0
        mov bl, 0x0b
        jmp reset
after_iret:
        xor ax, ax
        mov ds, ax
        mov es, ax
        say "code 0b", 13, 10
        push word 0
        push word after_retf
        mov [0x467], sp
        mov bl, 0x0c
        jmp reset
after_retf:
        xor ax, ax
        mov ds, ax
        mov es, ax
        sti
        say "code 0c", 13, 10
        ; the firmware still knows its drives
        mov ah, 0x15
        mov dl, [boot_drive]
        int 0x13
        mov al, ah
        call hex8
        call newline
        mov bl, 0x04            ; boot
        jmp reset
        finish
