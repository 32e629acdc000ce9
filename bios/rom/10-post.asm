; 10-post: from the reset vector to the first instruction of the boot sector.

        bits 16

; post does everything; it calls option ROMs, which return to its beginning.
post:
        out TRAP, al
        nop
        sti
        hlt
        cli
        out TRAP, al
        nop

; int18 and int19 do not return.
int18:
        out TRAP, al
        nop
        sti
        hlt
        cli
        out TRAP, al
        nop
int19:
        out TRAP, al
        nop
        sti
        hlt
        cli
        out TRAP, al
        nop
