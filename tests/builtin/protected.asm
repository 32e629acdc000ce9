; The firmware's entries for 32-bit protected mode: the BIOS32 directory, PCI and APM.
%include "lib.inc"
        begin
        ; find _32_
        push es
        mov ax, 0xe000
.seek:
        mov es, ax
        cmp dword [es:0], '_32_'
        je .found
        add ax, 1
        jnc .seek
        say "no BIOS32", 13, 10
        jmp off
.found:
        mov eax, [es:4]
        mov [entry], eax
        xor bl, bl              ; its sum
        mov cx, 16
        xor di, di
.sum:
        add bl, [es:di]
        inc di
        loop .sum
        pop es
        say "BIOS32 sum "
        mov al, bl
        call hex8
        call newline
        push es                 ; $PnP
        mov ax, 0xf000 - 1
.pnp:
        inc ax
        mov es, ax
        cmp dword [es:0], '$PnP'
        jne .pnp
        mov ax, [es:0x11]       ; the entry in protected mode
        mov [pnp_entry], ax
        pop es
        ; APM: connect by its 32-bit interface
        mov ax, 0x5303
        xor bx, bx
        int 0x15
        jc failed
        mov [apm_offset], ebx
        movzx eax, ax
        shl eax, 4
        mov [gdt_apm + 2], ax
        mov [gdt_apm + 10], ax
        mov [gdt_apm + 18], ax
        shr eax, 16
        mov [gdt_apm + 4], al
        mov [gdt_apm + 12], al
        mov [gdt_apm + 20], al
        cli
        lgdt [gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp 8:in32
        bits 32
in32:
        mov ax, 16
        mov ds, ax
        mov es, ax
        mov ss, ax
        movzx esp, sp
        mov eax, '$PCI'
        xor ebx, ebx
        push cs
        call call_entry
        mov [results], al
        mov [results + 4], ebx
        mov [results + 8], ecx
        add ebx, edx
        mov [entry], ebx
        mov ax, 0xb101
        push cs
        call call_entry
        mov [results + 12], eax
        mov [results + 16], edx
        mov [results + 20], bx
        mov ax, 0xb103          ; the host bridge
        mov ecx, 0x060000
        xor esi, esi
        push cs
        call call_entry
        mov [results + 24], ax
        mov [results + 26], bx
        mov ax, 0xb10a
        xor ebx, ebx
        xor edi, edi
        push cs
        call call_entry
        mov [results + 28], ecx
        ; APM
        mov ax, 0x530a
        mov bx, 1
        push dword 24
        push dword [apm_offset]
        call far [esp]
        lea esp, [esp + 8]
        setc [results + 32]
        mov [results + 34], bx
        mov eax, cr0
        jmp 48:in16
        bits 16
in16:
        mov bp, results + 36    ; Plug and Play: the version, and a function that is not there
        push word 0             ; the firmware's data
        push word 16
        push bp
        push word 0x60
        call far [pnp_entry]
        mov [results + 38], ax
        add sp, 8
        push dword 0
        push dword 0
        call far [pnp_entry]
        mov [results + 40], ax
        add sp, 8
        mov eax, cr0
        and al, 0xfe
        mov cr0, eax
        jmp 0:real
real:
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        sti
        mov si, results
        mov cx, 11
.print:
        lodsd
        push cx
        push si
        call hex32
        call newline
        pop si
        pop cx
        loop .print
        jmp off

        bits 32
; call_entry makes a far call to [entry] of it: the caller has pushed CS.
call_entry:
        jmp dword [entry]
        bits 16

entry:          dd 0
apm_offset:     dd 0
pnp_entry:      dw 0, 56
results:        times 44 db 0
gdt:
        dq 0
        dq 0x00cf9b000000ffff
        dq 0x00cf93000000ffff
gdt_apm:
        dq 0x00409b000000ffff   ; three in a row, as APM wants them: 32-bit code, 16-bit code, data
        dq 0x00009b000000ffff
        dq 0x004093000000ffff
        dq 0x00009b000000ffff   ; the way back
        dq 0x00009b0f0000ffff   ; Plug and Play: 16-bit code at F0000h
gdtr:
        dw gdtr - gdt - 1
        dd gdt
        finish
