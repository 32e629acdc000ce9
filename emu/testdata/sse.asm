; Counts on the debug console, adds with SSE in ring 0 in between, reads ports before and after, and ends with the sum as the status. Some KVMs cannot emulate its SSE.
%include "../../tests/direct/common.inc"

start:  mov al, 'a'
        out 0xe9, al
        mov eax, cr4
        or eax, 1 << 9          ; OSFXSR
        mov cr4, eax
        mov ecx, 3
        in al, 0x61             ; an access right before
        mov eax, 20
        movd xmm0, eax
        movd xmm1, ecx
        paddd xmm0, xmm1
        movd ebx, xmm0
        mov al, 'b'
        out 0xe9, al
        mov eax, ebx
        mov dx, 0xf4
        out dx, al
stay:   jmp stay

bss_end equ $
