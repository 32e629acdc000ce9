; The guest of docs/journey.md: a multiboot kernel whose ADD to memory runs in a loop, then hits a page that is not present.
; It ends by isa-debug-exit: status 33 if the handler of the page fault has seen what it should.
bits 32
org 0x100000
header: dd 0x1BADB002, 1<<16, -(0x1BADB002 + (1<<16))
        dd header, header, 0, 0, start

start:  cld
        lgdt [gdtr]
        jmp 8:.cs
.cs:    mov ax, 16
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, 0x9000
        mov edi, 0x200000       ; the page directory: 1 MiB to 4 MiB map themselves, by 4 KiB; the rest is not present
        mov ecx, 2048
        xor eax, eax
        rep stosd
        mov dword [0x200000], 0x201003
        mov edi, 0x201000
        mov eax, 3
.map:   stosd
        add eax, 0x1000
        cmp eax, 0x300003       ; up to 3 MiB
        jb .map
        lidt [idtr]
        mov eax, 0x200000
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax

        mov ebx, 0x210000
        mov eax, 3
        mov ecx, 1000
again:  add [ebx+8], eax        ; the instruction of the journey
        dec ecx
        jnz again
        cmp dword [0x210008], 3000
        jne failed
        mov ebx, 0x2ffff8       ; its next operand lies in a page that is not present
        call once
failed: mov al, 1
        out 0xf4, al
once:   add [ebx+8], eax
        ret

fault:  mov edx, cr2
        cmp edx, 0x300000
        jne failed
        cmp dword [esp], 2      ; error code: not present, write, supervisor
        jne failed
        mov al, 0x10
        out 0xf4, al
        jmp $

        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:   dw 23
        dd gdt
idt:    times 14 dq 0
        dw fault - $$, 8, 0x8e00, 0x10
idtr:   dw idtr - idt - 1
        dd idt
        dd 0
