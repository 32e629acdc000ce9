; 20-services: the stubs of software interrupts.

        bits 16

int10:
        out TRAP, al
        iret

int11:
        out TRAP, al
        iret

int12:
        out TRAP, al
        iret

int13:
        out TRAP, al
        iret
        sti
        hlt
        cli
        out TRAP, al
        iret

int14:
        out TRAP, al
        iret
        sti
        hlt
        cli
        out TRAP, al
        iret

int15:
        out TRAP, al
        iret
        sti
        hlt
        cli
        out TRAP, al
        iret

; Into protected mode, for INT 15h, 89h: ES:SI is the table of descriptors, and behind the caller's frame lies what to load into CS:IP.
protected:
        lgdt [es:si + 8]
        lidt [es:si + 0x10]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        retf
.in:
        mov ax, 0x18
        mov ds, ax
        mov ax, 0x20
        mov es, ax
        mov ax, 0x28
        mov ss, ax
        pop bp                  ; the caller's IP
        add sp, 4               ; CS and flags
        push 0x30
        push bp
        xor ax, ax              ; CF, too
        retf

int16:
        out TRAP, al
        iret
        sti
        hlt
        cli
        out TRAP, al
        iret

int17:
        out TRAP, al
        iret
        sti
        hlt
        cli
        out TRAP, al
        iret

int1a:
        out TRAP, al
        iret
