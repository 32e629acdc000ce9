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
