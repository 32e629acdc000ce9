; The code segment's limit on fetches and branches, stacks at their ends and with 16-bit stack pointers, and null segments (SDM vol. 3A
; 5.3, 3.4.2). Lines about stacks have vector, error code and ESP; its upper half is what ring 0 had, as IRET to a 16-bit stack leaves it.
%define LONG 0
%include "lib.inc"
SMALLCS equ SPARE                       ; code with base CBASE and a limit of ff
SMALLSS equ SPARE+8                     ; stack of 16 bits, base SBASE
CBASE   equ 0x140000
SBASE   equ 0x150000
; fetch NAME, OFFSET, BYTES...: runs code in the small segment that ends at ff. Jumps into it.
%macro fetch 3
        jmp %%go
%%name: db %1, 0
%%code: db %3
%%end:
%%go:   mov dword [f_name], %%name
        mov dword [f_at], %2
        mov dword [recover], %%after
        mov edi, CBASE
        mov ecx, 0x80
        mov eax, 0x90909090
        rep stosd
        mov dword [CBASE+0x100], 0x90909090
        mov esi, %%code
        mov edi, CBASE+%2
        mov ecx, %%end-%%code
        rep movsb
        jmp SMALLCS:%2
%%after:
        call report
%endmacro
; pushes NAME, ESP, LIMIT, INSTRUCTIONS: with ESP in ring 3 on a 16-bit stack with a limit.
%macro pushes 4+
        jmp %%go
%%name: db %1, 0
%%go:   mov dword [f_name], %%name
        mov dword [f_at], %%at
        mov dword [recover], %%after
        mov word [gdt+SMALLSS], %3
        push dword SMALLSS|3
        push dword %2
        push dword 2
        push dword UCODE
        push dword %%at
        iretd
%%at:   %4
        int NONE3
%%after:
        call report_sp
%endmacro
%macro call_ 0
        call %%to
%%to:   nop
%endmacro
main:   mov dword [gdt+SMALLCS], (CBASE & 0xffff)<<16 | 0xff
        mov dword [gdt+SMALLCS+4], 0x00409b00 | CBASE>>16
        mov dword [gdt+SMALLSS], (SBASE & 0xffff)<<16 | 0xffff
        mov dword [gdt+SMALLSS+4], 0x0000f300 | SBASE>>16

        fetch "within the limit", 0xf9, {0xb8, 1, 2, 3, 4, 0xcd, NONE}
        fetch "the next beyond it", 0xfb, {0xb8, 1, 2, 3, 4, 0xcd, NONE}
        fetch "first byte within", 0xff, {0xb8, 1, 2, 3, 4, 0xcd, NONE}
        fetch "last byte beyond", 0xfc, {0xb8, 1, 2, 3, 4, 0xcd, NONE}
        fetch "after instructions within", 0xf0, {0x90, 0x31, 0xc0, 0x40, 0xe9, 6, 0, 0, 0, 0xcd, NONE, 0xcc, 0xcc, 0xcc, 0xcc, 0xb8}
        fetch "jmp to the limit", 0x80, {0xeb, 0x7d}
        fetch "jmp beyond it", 0x80, {0xeb, 0x7e}
        fetch "jmp below 0", 0x00, {0xeb, 0xf0}
        fetch "jz beyond it", 0x80, {0x31, 0xc0, 0x0f, 0x84, 0x00, 0x01, 0, 0}
        fetch "jnz beyond it", 0x80, {0x31, 0xc0, 0x0f, 0x85, 0x00, 0x01, 0, 0, 0xcd, NONE}
        fetch "loop beyond it", 0x80, {0xb1, 2, 0xe2, 0x7f}
        fetch "call beyond it", 0x80, {0xe8, 0x00, 0x01, 0, 0}
        fetch "call of a register beyond it", 0x80, {0xbb, 0x00, 0x01, 0, 0, 0xff, 0xd3}
        fetch "jmp to a register beyond it", 0x80, {0xbb, 0x00, 0x01, 0, 0, 0xff, 0xe3}
        fetch "ret beyond it", 0x80, {0x68, 0x00, 0x01, 0, 0, 0xc3}
        fetch "ret n beyond it", 0x80, {0x68, 0x00, 0x01, 0, 0, 0xc2, 8, 0}
        fetch "far jmp beyond it", 0x80, {0xea, 0x00, 0x01, 0, 0, SMALLCS, 0}
        fetch "far call beyond it", 0x80, {0x9a, 0x00, 0x01, 0, 0, SMALLCS, 0}
        fetch "retf beyond it", 0x80, {0x6a, SMALLCS-0x40, 0x83, 0x04, 0x24, 0x40, 0x68, 0x00, 0x01, 0, 0, 0xcb}
        fetch "iret beyond it", 0x80, {0x6a, 2, 0x0e, 0x68, 0x00, 0x01, 0, 0, 0xcf}
        fetch "16-bit jmp", 0x80, {0x66, 0xe9, 0x02, 0x00, 0xcc, 0xcc, 0xcd, NONE}
        fetch "write to a code segment", 0x80, {0x2e, 0xc6, 0x05, 0, 0, 0, 0, 1}
        fetch "read of it", 0x80, {0x2e, 0xa0, 0xff, 0, 0, 0, 0xcd, NONE}
        fetch "read beyond it", 0x80, {0x2e, 0x66, 0xa1, 0xff, 0, 0, 0}
        mov word [idt+GATE*0x2c+2], SMALLCS
        try "int beyond the limit", int 0x2c

        pushes "push at 2", 2, 0xffff, push ax
        pushes "push at 0", 0, 0xffff, push ax
        pushes "push at 1", 1, 0xffff, push ax
        pushes "push at 3", 3, 0xffff, push eax
        pushes "push at 0 under a limit", 0, 0xfffe, push ax
        pushes "push at the limit", 0x101, 0x100, push ax
        pushes "push above it", 0x102, 0x100, push ax
        pushes "pop at fffe", 0xfffe, 0xffff, pop ax
        pushes "pop at ffff", 0xffff, 0xffff, pop ax
        pushes "pop under a limit", 0xff, 0x100, pop ax
        pushes "pop at the limit", 0x100, 0x100, pop ax
        pushes "pusha that wraps", 16, 0xffff, pusha
        pushes "pusha across 0", 14, 0xffff, pushaw
        pushes "pusha across 0 by a byte", 13, 0xffff, pushaw
        pushes "popa across 0", 0xfffc, 0xffff, popaw
        pushes "call at 1", 1, 0xffff, call_
        pushes "enter", 8, 0xffff, {enter 4, 0}
        pushes "enter below 0", 8, 0xffff, {enter 6, 0}
        pushes "enter under the limit", 0x20, 0x1f, {enter 4, 0}
        pushes "enter under a lower limit", 0x20, 0x1e, {enter 4, 0}
        pushes "enter beyond a limit", 4, 0xfff, {enter 2, 0}

        mov dword [gdt+SMALLSS], (SBASE & 0xffff)<<16 | 0xffff
%macro null_read 1
        xor ebx, ebx
        mov %1, ebx
        mov al, [%1:ebx]
%endmacro
%macro null_write 1
        mov ebx, 3
        mov %1, ebx
        mov [%1:ebx], al
%endmacro
        try "read of null ds", null_read ds
        try "write to null ds", null_write ds
        try "read of null es", null_read es
        try "write to null es", null_write es
        try "read of null fs", null_read fs
        try "write to null fs", null_write fs
        try "read of null gs", null_read gs
        try "write to null gs", null_write gs
        try3 "ring 3: read of null fs", null_read fs
        try3 "ring 3: write to null gs", null_write gs
        xor eax, eax
        mov fs, eax
        try "lea of null", lea eax, [fs:0]
        try "prefetch of null", prefetcht0 [fs:0]
        try "invlpg of null", invlpg [fs:0]
        try "nop of null", db 0x64, 0x0f, 0x1f, 0
        try "clflush of null", clflush [fs:0]
        xor ecx, ecx
        try "rep movsb of none", fs rep movsb
        jmp finish

; report_sp prints vector, error code and ESP.
report_sp:
        mov esi, [f_name]
        call puts
        call space
        mov eax, [f_vector]
        call hex2
        call space
        mov eax, [f_code]
        call hex4
        call space
        mov eax, [f_sp]
        call hex8
        jmp newline
