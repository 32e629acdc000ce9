; The first sector of a floppy for Bochs, which has no -kernel: loads the guest behind it at 1 MiB and enters it as a multiboot loader does.
org 0x7c00                              ; SECTORS is the size of the guest
bits 16
        cli
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        mov [drive], dl
        sti
        mov bx, 0x1000                  ; where the next sector goes
        mov si, 1                       ; its number
next:   mov es, bx
        mov ax, si
        xor dx, dx
        mov cx, 36                      ; two heads of 18 sectors
        div cx
        mov ch, al
        mov ax, dx
        mov cl, 18
        div cl
        mov dh, al
        mov cl, ah
        inc cl
        mov dl, [drive]
        push bx
        xor bx, bx
        mov ax, 0x0201
        int 0x13
        pop bx
        add bx, 0x20
        inc si
        cmp si, SECTORS
        jbe next
        cli
        in al, 0x92                     ; A20
        or al, 2
        and al, 0xfe
        out 0x92, al
        lgdt [gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword 8:protected
bits 32
protected:
        mov ax, 16
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov fs, ax
        mov gs, ax
        mov esi, 0x10000
        mov edi, 0x100000
        mov ecx, SECTORS*128
        rep movsd
        mov al, 0xff                    ; no interrupts of the BIOS's devices
        out 0x21, al
        out 0xa1, al
        mov eax, 0x2badb002
        jmp [0x10000+28]                ; the entry of the multiboot header
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:   dw 23
        dd gdt
drive:  db 0
        times 510-($-$$) db 0
        dw 0xaa55
