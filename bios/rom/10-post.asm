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

; Option ROMs return to this.
back:
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

; wake32 enters the 32-bit waking vector of the FACS, in EAX, from S3: flat segments, no paging (ACPI 6.3, 16.3.1).
wake32:
        cli
        mov bx, cs
        mov ds, bx
        lgdt [wake_gdtr - ROM]
        mov ebx, cr0
        or bl, 1
        mov cr0, ebx
        jmp dword 8:wake_flat
        bits 32
wake_flat:
        mov cx, 16
        mov ds, cx
        mov es, cx
        mov ss, cx
        mov fs, cx
        mov gs, cx
        jmp eax
        bits 16
        align 8, db 0
wake_gdt:
        dq 0
        dq 0x00cf9b000000ffff
        dq 0x00cf93000000ffff
wake_gdtr:
        dw wake_gdtr - wake_gdt - 1
        dd wake_gdt
