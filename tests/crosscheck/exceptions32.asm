; A boot sector that raises exceptions in protected mode without paging, three times each. EBX is where the handlers go on. Some instructions access a device before.
bits 16
org 0x7c00
    cli
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    lgdt [gdtr]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp 8:protected
bits 32
protected:
    mov ax, 16
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, 0x7000
    mov edi, 0x1000             ; the IDT: 32 handlers, one byte apart
    xor ecx, ecx
gate:
    lea eax, [ecx+handlers]
    mov [edi], ax
    mov dword [edi+2], 8
    mov dword [edi+4], 0x8e00
    add edi, 8
    inc ecx
    cmp ecx, 32
    jne gate
    lidt [idtr]
    mov ebp, 3
again:
    mov ebx, .1
    xor ecx, ecx
    div ecx
.1: mov ebx, .2
    ud2
.2: mov ebx, .3
    mov ax, 0x53                ; beyond the GDT
    mov fs, ax
.3: mov ebx, .4
    mov eax, 0x20               ; not present
    mov gs, ax
.4: mov ebx, .5
    mov eax, cr4                ; a reserved bit
    or eax, 0x80000000
    mov cr4, eax
.5: mov ebx, .6
    bound eax, [bounds]
.6: push dword [0xb8000]        ; the display's memory
    pop dword [0xb8004]
    mov dx, 0x1f0
    mov edi, 0x2000
    mov ecx, 4
    rep insd
    mov ebx, .7
    mov eax, 0x28               ; a segment of 8 bytes
    mov es, ax
    mov ecx, 4
    xor edi, edi
    rep insd
.7: mov ebx, .8
    mov esi, 0xb8000
    xor edi, edi
    mov ecx, 4
    rep movsd                   ; two fit
.8: mov ax, 16
    mov es, ax
    mov ebx, .9
    mov eax, 0x28
    mov fs, ax
    mov edi, 5
    push dword [fs:edi]
.9: dec ebp
    jnz again
    mov dx, 0x604               ; power off
    mov ax, 0x2000
    out dx, ax
    cli
    hlt
handlers:
    times 32 nop
    inc dword [count]
    mov esp, 0x7000
    jmp ebx
    align 8
gdt:
    dq 0
    dq 0x00cf9b000000ffff
    dq 0x00cf93000000ffff
    dq 0x00cf93000000ffff
    dq 0x00cf13000000ffff
    dq 0x0040930000000007
gdtr:
    dw 47
    dd gdt
idtr:
    dw 255
    dd 0x1000
bounds:
    dd 1, 2
count:
    dd 0
    times 510-($-$$) db 0
    dw 0xaa55
