; Near branches beyond the limit of CS (SDM vol. 2, JMP, CALL, RET, Jcc, LOOP), from a 32-bit and from a 16-bit segment.
%define LONG 0
%include "lib.inc"
%include "branches.inc"
SMALL32 equ SPARE|3                     ; code, limit 0x2fffff
SMALL16 equ (SPARE+8)|3                 ; 16-bit code from code16 on, limit 0xfff
main:   mov dword [gdt+SPARE], 0x000002ff
        mov dword [gdt+SPARE+4], 0x00c0fb00
        mov eax, code16
        mov dword [gdt+SPARE+8], 0x00000fff
        mov dword [gdt+SPARE+12], 0x0000fb00
        mov [gdt+SPARE+10], ax
        shr eax, 16
        mov [gdt+SPARE+12], al

%define SEGMENT SMALL32
%define BASE 0
%define SIZE 32
%define OUT 0x300000
        away "jmp", jmp OUT
        away "jmp ebx", jmp ebx
        away "jmp [ebx]", jmp [ustack-32]
        away "jmp constant", {mov eax, OUT}, jmp eax
        away "call", call OUT
        away "call ebx", call ebx
        away "call [mem]", call [ustack-32]
        away "ret", ret
        away "ret 8", ret 8
        away "jz, taken", jz near OUT
        away "jnz, not taken", jnz near OUT
        away "call and another return", call other
        awayloop "call in a loop", call [table-4+ecx*4]
        ; LOOP and JECXZ reach 128 bytes only: near the limit
        mov esi, short32
        mov edi, 0x300000-16
        mov ecx, 16
        rep movsb
%define BASE (short32-(0x300000-16))
        jmp over32
bits 32
short32:
        loop short32+20
        jecxz short32+20
        jz short32+20
        int NONE3
        db 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90
        db 0xb8                         ; MOV that ends beyond
over32:
        awayto "loop", short32
        awayto "jecxz, not taken, and jz", short32+2
        awayto "instruction across the limit", short32+15
        awayto "instruction before the limit", short32+14

%define SEGMENT SMALL16
%define BASE code16
%define SIZE 16
%define OUT 0x1000
        jmp over
        align 16
code16:
bits 32
over:
        away "16: jmp", jmp word code16+OUT
        away "16: jmp, 32-bit operand", jmp dword code16+0x10000
        away "16: jmp bx", jmp bx
        away "16: jmp ebx", jmp ebx
        away "16: call", call word code16+OUT
        away "16: call bx", call bx
        away "16: call ebx", call ebx
        away "16: ret", ret
        away "16: ret 6", ret 6
        away "16: o32 ret", o32 ret
        away "16: jz, taken", jz near code16+OUT
        away "16: jnz, not taken", jnz near code16+OUT
        jmp finish
other:  mov dword [esp], 0x300000
        ret
        align 4
table:  dd 0x300000, plain, plain, plain, plain
plain:  ret
