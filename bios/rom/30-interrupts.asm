; 30-interrupts: handlers of hardware interrupts. What programs hook, these call by INT.

        bits 16

; IRQ 0, 18.2 times a second.
int08:
        push ax
        push dx
        push ds
.tick:
        out TRAP, al            ; counts, and stops the diskettes' motors
        mov ax, BDA
        mov ds, ax
        int 0x1c                ; the user's timer interrupt
        mov al, EOI
        out PIC1, al
        pop ds
        pop dx
        pop ax
        iret

; IRQ 1, the keyboard.
int09:
        push ax
        mov ah, 0
        in al, KBC_STATUS
        and al, 0x21
        cmp al, 1               ; there is a byte, and it is the keyboard's
        jne .end
        in al, KBC_DATA
        mov ah, 0x4f            ; a program may change the scan code, or keep it (carry clear)
        stc
        int 0x15
        mov ah, 0
        jnc .end
.key:
        out TRAP, al            ; returns in AH what else is to be done
.end:
        push ax
        mov al, EOI
        out PIC1, al
        pop ax
        cmp ah, 1
        jb .return
        je .break
        cmp ah, 3
        jb .print
        je .sysreq
.pause:                         ; until another key is hit
        out TRAP, al
        nop
        sti
        hlt
        cli
        out TRAP, al
        nop
.return:
        pop ax
        iret
.break: int 0x1b
        pop ax
        iret
.print: int 0x05
        pop ax
        iret
.sysreq:
        mov ah, 0x85            ; AL: 0 pressed, 1 released
        int 0x15
        pop ax
        iret

; IRQ 12, the mouse. Packets that are complete go to the handler that INT 15h, C207h has set.
int74:
        pusha
        push ds
        push es
        in al, KBC_STATUS
        and al, 0x21
        cmp al, 0x21            ; there is a byte, and it is the mouse's
        jne .end
        in al, KBC_DATA
.byte:
        out TRAP, al            ; carry: call the handler at DS:SI
        jnc .end
        push ax                 ; status
        push bx                 ; X
        push cx                 ; Y
        push dx                 ; Z
        call far [si]
        add sp, 8
.end:
        cli
        mov al, EOI
        out PIC2, al
        out PIC1, al
        pop es
        pop ds
        popa
        iret

; IRQ 8, the real-time clock: waits and the alarm.
int70:
        push ax
.tick:
        out TRAP, al            ; carry: the alarm goes off
        jnc .end
        int 0x4a
        cli
.end:
        mov al, EOI
        out PIC2, al
        out PIC1, al
        pop ax
        iret

; IRQ 6, the diskette controller.
int0e:
        push ax
        push ds
        mov ax, BDA
        mov ds, ax
        or byte [0x3e], 0x80
        mov al, EOI
        out PIC1, al
        mov ax, 0x9101          ; the diskette is ready
        int 0x15
        pop ds
        pop ax
        iret

; IRQ 14 and 15, the disks.
int76:
        push ax
        push ds
        mov ax, BDA
        mov ds, ax
        mov byte [0x8e], 0xff
        mov al, EOI
        out PIC2, al
        out PIC1, al
        mov ax, 0x9100          ; the disk is ready
        int 0x15
        pop ds
        pop ax
        iret

; IRQ 13, the coprocessor: what programs expect is NMI.
int75:
        push ax
        mov al, 0
        out 0xf0, al
        mov al, EOI
        out PIC2, al
        out PIC1, al
        pop ax
        int 0x02
        iret

; IRQ 9 was IRQ 2 once.
int71:
        push ax
        mov al, EOI
        out PIC2, al
        pop ax
        int 0x0a
        iret

; Interrupts that nobody has asked for.
unused1:
        push ax
        mov al, EOI
        out PIC1, al
        pop ax
        iret
unused2:
        push ax
        mov al, EOI
        out PIC2, al
        out PIC1, al
        pop ax
        iret
