; Loads registers of a processor that has no 64-bit mode: general, x87, SSE, and with -DAVX those.
bits 32
org 0x100000
header: dd 0x1BADB002, 1<<16, -(0x1BADB002 + (1<<16))
        dd header, header, 0, end, start
start:  mov eax, cr4
        or eax, 0x600           ; OSFXSR, OSXMMEXCPT
%ifdef AVX
        or eax, 0x40000         ; OSXSAVE
%endif
        mov cr4, eax
%ifdef AVX
        xor ecx, ecx
        xor edx, edx
        mov eax, 7
        xsetbv
        vbroadcastss ymm7, [one]
        vmovaps ymm1, ymm7
%endif
        fninit
        fldpi
        movups xmm3, [numbers]
        mov eax, 0x11223344
        mov ebx, 0x55667788
        mov esp, 0x180000
        mov ebp, 0x190000
        mov esi, -1
        stc
here:   nop
        inc edi
        jmp here
one:    dd 1.0
numbers: dd 1, 2, 3, 4
        dd here                 ; for the test
end:
