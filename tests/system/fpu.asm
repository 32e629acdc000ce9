; x87 instruction and data pointers and the last opcode (SDM vol. 1 8.1.8, 8.1.9), as FNSTENV and in 64-bit mode FXSAVE64 store them.
%include "lib.inc"
; fp NAME, INSTRUCTION, INSTRUCTION: prints by how much FIP differs from the first one's address and FDP from the operand's at scratch,
; FOP, and the selectors.
%macro fp 2-3
        jmp %%go
%%name: db %1, 0
%%go:   fninit
        fld1
        fld1
        fld1
        mov xBX, scratch
        mov xCX, 8
        fadd dword [xBX]
%%at:   %2
        %3
        mov xSI, %%name
        mov xDI, %%at
        call show
%endmacro
show:
%if LONG
        fxsave64 [area]
        call puts
        mov rax, [area+8]
        sub rax, rdi
        call print
        mov rax, [area+16]
        sub rax, rbx
        call print
        mov ax, [area+6]
        call print
        fnstenv [env]
%else
        fnstenv [env]
        call puts
%endif
        mov eax, [env+12]
        sub eax, edi
        call print
        mov eax, [env+20]
        sub eax, ebx
        call print
        mov ax, [env+18]
        call print
%ifndef QEMU                            ; it has selectors
        mov eax, [env+16]
        call print
        mov eax, [env+24]
        call print
%endif
        fnclex
        jmp newline
print:  push xAX
        call space
        pop xAX
        jmp hex4

main:   fp "fadd memory", fadd dword [xBX+16]
        fp "fadd memory, indexed", fadd qword [xBX+xCX*4]
        fp "fld memory", fld tword [xBX+0x40]
        fp "fist memory", fist word [xBX+0x50]
        fp "fstp memory", fstp qword [xBX+0x58]
        fp "two registers", fadd st1, fxch
        fp "memory and register", fmul dword [xBX+0x60], fchs
        fp "register and memory", fchs, fmul dword [xBX+0x64]
        fp "fincstp", fincstp
        fp "ffree", ffree st5
        fp "fnop", fnop
        fp "fnclex", fnclex
        fp "fnstcw, fldcw", fnstcw [xBX+8], fldcw [xBX+8]
        fp "fnstsw", fnstsw ax, fnstsw [xBX+8]
        fp "fwait", fwait
        fp "emms", emms
        mov word [scratch+0x80], 0x37b  ; ZM clear
        fp "unmasked", fldcw [xBX+0x80], fdiv dword [xBX+0x30]
        fp "unmasked, pending", fldcw [xBX+0x80], fidiv word [xBX+0x34]
        fp "restored", fldenv [saved], fnop
        fninit
        xor edi, edi
        xor ebx, ebx
        mov xSI, s_fninit
        call show
%if LONG
        mov rax, 0x123456789abcdef0
        mov [area+8], rax
        mov [area+16], rax
        fxrstor64 [area]
        fxsave64 [area]
        mov rax, [area+8]
        call hexw
        call space
        mov rax, [area+16]
        call hexw
        call newline
%endif
        jmp finish
s_fninit: db "fninit", 0
        align 64
area:   times 512 db 0
env:    times 28 db 0
saved:  dd 0xffff037f, 0xffff0000, 0xffffffff, 0x12345678, 0x05550023, scratch+0x77, 0xffff002b
