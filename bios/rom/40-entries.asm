; 40-entries: what programs find by a signature, and call.

        bits 16

; PCI BIOS, APM and the BIOS32 directory in 32-bit protected mode: far calls.
        bits 32
bios32:
        out TRAP, al
        retf
pcibios32:
        out TRAP, al
        retf
apm32:
        out TRAP, al
        retf
        sti
        hlt
        cli
        out TRAP, al
        retf
        bits 16
apm16:
        out TRAP, al
        retf
        sti
        hlt
        cli
        out TRAP, al
        retf

; Plug and Play BIOS: C calling convention, arguments on the stack, which may have 32-bit offsets in protected mode. There is one function: the version
; for the BIOS boot specification (1.01, appendix A).
PNP_VERSION     equ 0x60
UNSUPPORTED     equ 0x82
pnp_protected:
        push ebp
        mov ebp, esp
        mov ax, ss
        lar eax, ax
        test eax, 1 << 22       ; B
        jnz pnp_real.call
        movzx ebp, bp
        jmp pnp_real.call
pnp_real:
        push ebp
        movzx ebp, sp
.call:
        mov ax, UNSUPPORTED
        cmp word [ebp + 8], PNP_VERSION
        jne .end
        push es
        push bx
        mov bx, [ebp + 10]
        mov es, [ebp + 12]
        mov word [es:bx], 0x0101
        pop bx
        pop es
        xor ax, ax
.end:
        pop ebp
        retf

; Post memory manager, of use to option ROMs only.
pmm_entry:
        out TRAP, al
        retf

; BIOS32 service directory (PCI BIOS specification 2.1, chapter 3). Go makes the checksums of this and what follows.
        align 16, db 0
bios32_header:
        db '_32_'
        dd bios32
        db 0, 1, 0              ; revision, length in paragraphs, checksum
        times 5 db 0

; Plug and Play installation check (PnP BIOS specification 1.0a, 4.4).
        align 16, db 0
pnp_header:
        db '$PnP'
        db 0x10, 0x21           ; version 1.0, length
        dw 0                    ; no event notification
        db 0                    ; checksum
        dd 0
        dw pnp_real - ROM, 0xf000
        dw pnp_protected - ROM
        dd ROM
        dd 0                    ; OEM device identifier
        dw 0xf000               ; data segments of the entries
        dd ROM

; Post memory manager (PMM specification 1.01, 3.1.1).
        align 16, db 0
pmm_header:
        db '$PMM'
        db 1, 0x10, 0           ; revision, length, checksum
        dw pmm_entry - ROM, 0xf000
        times 5 db 0
