; Real mode with the limits that protected mode left in the segment registers (SDM vol. 3A 9.9.2, 20.1.1): a line has the vector, or 30.
%define LONG 0
%include "lib.inc"
RCODE   equ SPARE                       ; code of 16 bits where real mode has segment ffff
RDATA   equ SPARE+8                     ; data of 16 bits
PAGEDATA equ CODE32                     ; data with a limit of fff
REAL    equ 0xffff0                     ; base of segment ffff
main:   mov dword [gdt+RCODE], (REAL & 0xffff)<<16 | 0xffff
        mov dword [gdt+RCODE+4], 0x00009b00 | REAL>>16
        mov dword [gdt+RDATA], 0x0000ffff
        mov dword [gdt+RDATA+4], 0x00009300
        mov dword [gdt+PAGEDATA], 0x00000fff
        mov dword [gdt+PAGEDATA+4], 0x00009300
        xor edi, edi                    ; vectors 0 to 31: a stub of 4 bytes each
        mov eax, 0xffff<<16 | (vectors-header+0x100000-REAL)
.vector:
        mov [edi*4], eax
        add eax, 4
        inc edi
        cmp edi, 32
        jb .vector
        mov eax, RDATA
        mov es, eax
        mov eax, PAGEDATA
        mov fs, eax
        lidt [real_idtr]
        mov edi, results
        mov eax, RDATA
        mov ss, eax
        mov esp, 0x7000
        jmp RCODE:leave_pe-REAL
bits 16
leave_pe:
        mov eax, cr0
        and al, 0xfe
        mov cr0, eax
        jmp 0xffff:in_real-REAL
; real INSTRUCTION: stores its vector. DS is flat until a test loads it.
%macro real 1+
        mov word [dword resume], %%after-REAL
        mov byte [dword vector], 0x30
        %1
%%after:
        mov dl, [dword vector]
        mov [edi], dl
        inc edi
%endmacro
in_real:
        real mov al, [dword 0x200000]
        real mov ax, [0xffff]
        xor ax, ax
        mov ds, ax
        real mov al, [dword 0x200000]
        real mov al, [es:dword 0x10000]
        real mov ax, [es:0xffff]
        real mov al, [es:0xffff]
        mov ax, 0x1000
        mov es, ax
        real mov al, [es:dword 0x10000]
        real mov al, [fs:0xfff]
        real mov [fs:0x1000], al
        real mov eax, [fs:0xffd]
        mov bp, 0xffff
        real mov ax, [bp]
        real mov al, [bp]
        mov esi, 0x10000
        mov cx, 1
        real es lodsb
        mov ecx, 1
        real a32 es lodsb
        mov bx, 0xfffd
        real les ax, [es:bx]
        real jmp dword 0x10000
        real ud2
        real int3
        mov ax, 0x4000                  ; NT means nothing here
        push ax
        popf
        real mov cx, 7
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword CODE:back
        align 4
vectors:
%assign i 0
%rep 32
        push byte i
        jmp short came                  ; in reach: 32 stubs are 128 bytes
%assign i i+1
%endrep
came:   pop dx
        mov [dword vector], dl
        add sp, 6                       ; IP, CS, FLAGS
        jmp [dword resume]
bits 32
back:   mov eax, DATA
        mov ds, eax
        mov es, eax
        mov ss, eax
        mov esp, stack
        mov ebx, results
        mov edx, edi
        mov esi, names
.next:  call puts
        call space
        mov al, [ebx]
        call hex2
        call newline
        inc ebx
        cmp ebx, edx
        jb .next
        jmp finish
names:  db "beyond 1 MiB by a flat segment", 0, "across 64 KiB", 0, "its base changed", 0, "beyond 64 KiB by another", 0
        db "across its end", 0, "at its end", 0, "its base changed, beyond 64 KiB", 0, "within 4 KiB", 0, "write beyond 4 KiB", 0, "across 4 KiB", 0
        db "stack across 64 KiB", 0, "stack at its end", 0, "lods with SI", 0, "lods with ESI", 0, "far pointer across 64 KiB", 0
        db "jump beyond 64 KiB", 0, "ud2", 0, "int3", 0, "NT", 0
        align 4
real_idtr: dw 0x3ff
        dd 0
resume: dw 0
vector: db 0
results: times 32 db 0
