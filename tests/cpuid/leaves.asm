; Prints all CPUID leaves, a line each: leaf, subleaf, EAX, EBX, ECX, EDX; or "none" where EFLAGS.ID cannot be changed.
%include "../direct/common.inc"
start:  mov esp, stack
        pushfd
        pop eax
        mov ebx, eax
        xor eax, 1<<21
        push eax
        popfd
        pushfd
        pop eax
        xor eax, ebx
        test eax, 1<<21
        jnz .has
        mov esi, none
.text:  lodsb
        out 0xe9, al
        cmp al, 10
        jne .text
        jmp end
.has:   mov esi, 0
        mov edi, 0x21
        call range
        mov esi, 0x40000000
        mov edi, 0x40000001
        call range
        mov esi, 0x80000000
        mov edi, 0x80000021
        call range
end:    mov al, 0
        out 0xf4, al
        hlt
none:   db "none", 10

; range prints the leaves from esi to edi-1 with the subleaves 0 to 9.
range:  xor ebp, ebp
.sub:   mov eax, esi
        call hex
        mov eax, ebp
        call hex
        mov eax, esi
        mov ecx, ebp
        cpuid
        push edx
        push ecx
        push ebx
        call hex
        pop eax
        call hex
        pop eax
        call hex
        pop eax
        call hex
        mov al, 10
        out 0xe9, al
        inc ebp
        cmp ebp, 10
        jb .sub
        inc esi
        cmp esi, edi
        jb range
        ret

; hex prints eax and a space.
hex:    mov ecx, 8
.digit: rol eax, 4
        push eax
        and al, 15
        cmp al, 10
        sbb al, 0x69
        das
        out 0xe9, al
        pop eax
        loop .digit
        mov al, ' '
        out 0xe9, al
        ret
        align 16
        times 256 db 0
stack:
bss_end:
