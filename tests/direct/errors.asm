; Does what hardware does not answer: ports and memory that nobody claims, and an instruction that the CPU model lacks.
%include "common.inc"
start:  mov esp, stack
        mov edi, handler
        mov [idt + 6 * 8], di           ; #UD skips the instruction
        mov [idt + 6 * 8 + 2], cs
        shr edi, 16
        mov [idt + 6 * 8 + 6], di
        mov byte [idt + 6 * 8 + 5], 0x8e
        lidt [pidt]
        mov dx, 0x2e0
        mov eax, 0x12345678
        out dx, al
        out dx, eax
        in ax, dx
        mov [0xd0000010], ax
        mov eax, [0xd0000020]
        mov ecx, 3
.again: vaddps zmm0, zmm1, zmm2
        loop .again
        mov edi, 0x200000               ; 4 MiB pages
        mov dword [edi], 0x83
        mov eax, cr4
        or eax, 0x10
        mov cr4, eax
        mov cr3, edi
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        invlpg [0x123000]
        mov al, 0x10
        out 0xf4, al
handler: add dword [esp], 6
        iret
pidt:   dw 7 * 8 - 1
        dd idt
        align 8
idt:    times 7 dq 0
        times 256 db 0
stack:
bss_end:
