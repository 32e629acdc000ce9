; A ROM for QEMU that enters a kernel as an Entry says. Before this text stand
; the constants STAGE, ENTRY, LONG, START_RAX, START_RBX, START_RSI, START_CR3.
; The kernel's first MiB waits at STAGE, the rest is in its place.

        org 0xffff0000
        bits 32
protected:
        mov ax, 0x18
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esi, STAGE + 0x1000         ; all that the loader may have put below the EBDA
        mov edi, 0x1000
        mov ecx, 0x9e000 / 4
        rep movsd
        mov dx, 0xcf8                   ; power management ports at 600, for the way out
        mov eax, 0x80000b40
        out dx, eax
        mov dx, 0xcfc
        mov eax, 0x601
        out dx, eax
        mov dx, 0xcf8
        mov eax, 0x80000b80
        out dx, eax
        mov dx, 0xcfc
        mov al, 1
        out dx, al
        lgdt [kernel_gdt]
        mov eax, LONG
        test eax, eax
        jz .enter
        mov eax, 1 << 5                 ; PAE
        mov cr4, eax
        mov eax, START_CR3
        mov cr3, eax
        mov ecx, 0xc0000080
        xor edx, edx
        mov eax, 1 << 8                 ; LME
        wrmsr
        mov eax, 0x80000011
        mov cr0, eax
.enter:
        mov ax, 0x18
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov fs, ax
        mov gs, ax
        mov eax, START_RAX
        mov ebx, START_RBX
        mov esi, START_RSI
        jmp 0x10:ENTRY

kernel_gdt:
        dw 31
        dd 0x1000
gdt:    dq 0, 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
own_gdt:
        dw 31
        dd gdt

        times 0xff00 - ($ - $$) db 0
        bits 16
start:
        cli
        db 0x66                         ; all 32 bits of the base
        lgdt [cs:own_gdt - $$]
        mov eax, 0x11
        mov cr0, eax
        jmp dword 0x10:protected
        times 0xfff0 - ($ - $$) db 0
        jmp near start
        times 0x10000 - ($ - $$) db 0
