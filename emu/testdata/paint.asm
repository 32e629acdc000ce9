; Sets 640x480 with 32 bits and writes to the frame buffer for ever, in all the ways in which a processor stores, now and then through the banked
; window. eax is a random number.
bits 32
org 0x100000
header: dd 0x1BADB002, 1<<16, -(0x1BADB002 + (1<<16))
        dd header, header, 0, bss_end, start
start:  mov esp, stack
        mov esi, modes
.reg:   mov dx, 0x1ce
        lodsw
        out dx, ax
        inc edx
        lodsw
        out dx, ax
        cmp esi, modes_end
        jb .reg
        mov dx, 0x3c2
        mov al, 0x63
        out dx, al
        mov dx, 0x3da
        in al, dx
        mov dx, 0x3c0
        mov al, 0x20
        out dx, al
        mov edx, 0xcf8
        mov eax, 0x80001010             ; BAR 0 of 00:02.0
        out dx, eax
        mov edx, 0xcfc
        in eax, dx
        and eax, ~15
        mov ebp, eax
        mov eax, cr4
        or eax, 0x200                   ; SSE
        mov cr4, eax
        mov eax, 12345
%ifndef INTEGER                         ; for a KVM whose emulator lacks the rest
        movd xmm0, eax
        movd mm0, eax
%endif
again:  imul eax, 1664525
        add eax, 1013904223
        mov ebx, eax
        shr ebx, 12                     ; 0 to FFFFFh
        lea edi, [ebp+ebx]              ; at any byte, across pages too
        mov ecx, eax
        shr ecx, 5
        and ecx, 7
        jmp [ways+4*ecx]
.byte:  mov [edi], al
        jmp .next
.dword: mov [edi], eax
        jmp .next
.lock:  lock xadd [edi], edx
        jmp .next
%ifdef INTEGER
.sse:   mov [edi], ax
        jmp .next
.mmx:   add [edi], eax
        jmp .next
%else
.sse:   movups [edi], xmm0
        paddd xmm0, xmm0
        jmp .next
.mmx:   movq [edi], mm0
        jmp .next
%endif
.fill:  mov ecx, 300
        rep stosd
        jmp .next
.move:  mov ecx, 5000
        mov esi, header
        rep movsb
        jmp .next
.bank:  mov edx, 0x1ce
        push eax
        mov eax, 5
        out dx, ax
        inc edx
        mov eax, ebx
        shr eax, 16
        out dx, ax
        pop eax
        movzx edi, bx
        mov [0xa0000+edi], al
.next:  mov ecx, 500                    ; let others have the time to look
.wait:  dec ecx
        jnz .wait
        jmp again
align 4
ways:   dd again.byte, again.dword, again.lock, again.sse, again.mmx, again.fill, again.move, again.bank
modes:  dw 4, 0,  1, 640,  2, 480,  3, 32,  4, 0x41
modes_end:
section .bss
        resb 4096
stack:
bss_end:
