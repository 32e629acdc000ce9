; The I/O permission bitmap (SDM vol. 1 19.5.2): IN of 1, 2 and 4 bytes in ring 3 from ports whose bits are set in a pattern, under TSS limits
; around the bitmap's end, and with a base beyond the limit; OUT, INS and OUTS of some. A line for each limit and kind of TSS:
;   limit, kind, how many were denied, checksum of what was seen.
; With DETAIL the values of that line instead. A value is the vector (30: none) and the error code at 8 and up.
%define LONG 0
%include "lib.inc"
NEWTSS  equ 0x140000
BITMAP  equ 0x68                        ; in the TSS
FIRST   equ 0x300                       ; ports
LAST    equ 0x370
END     equ BITMAP+LAST/8               ; of their bits
; Kinds: 0: bitmap, 1: its base is ffff, 2: IOPL 3
main:
each_kind:
        mov dword [limit], END-2
each_limit:
        mov edi, NEWTSS
        mov ecx, 0x800
        xor eax, eax
        rep stosd
        mov dword [NEWTSS+4], stack0
        mov dword [NEWTSS+8], DATA
        mov word [NEWTSS+102], BITMAP
        mov ecx, [kind]
        cmp ecx, 1
        jne .base
        mov word [NEWTSS+102], 0xffff
.base:  mov esi, pattern
        mov edi, NEWTSS+BITMAP+FIRST/8
        mov ecx, 16
        rep movsb
        mov eax, [limit]
        mov [gdt+SPARE], ax
        mov word [gdt+SPARE+2], NEWTSS & 0xffff
        mov dword [gdt+SPARE+4], 0x8900 | NEWTSS>>16
.load:  mov ax, SPARE
        ltr ax
        mov dword [sum], 0x811c9dc5
        mov dword [faults], 0
        mov dword [way], 0
each_way:
        mov dword [port], FIRST
each_port:
        mov dword [recover], came
        mov edx, [port]
        mov edi, scratch
        mov esi, scratch
        push dword UDATA
        push dword ustack
        mov eax, 2
        cmp dword [kind], 2
        jne .iopl
        or eax, 0x3000
.iopl:  push eax
        push dword UCODE
        mov eax, [way]
        push dword [ways+eax*4]
        mov eax, UDATA
        mov ds, eax
        mov es, eax
        iretd
came:   mov eax, [f_code]
        shl eax, 8
        mov al, [f_vector]
        cmp al, NONE3
        je .add
        inc dword [faults]
.add:
%ifdef DETAIL
        mov ecx, [group]
        cmp ecx, DETAIL
        jne .sum
        call hex8
        call newline
.sum:
%endif
        xor eax, [sum]
        imul eax, eax, 16777619
        mov [sum], eax
        inc dword [port]
        cmp dword [port], LAST
        jb each_port
        inc dword [way]
        cmp dword [way], 6
        jb each_way
%ifndef DETAIL
        mov eax, [limit]
        call hex4
        call space
        mov eax, [kind]
        call hex2
        call space
        mov eax, [faults]
        call hex4
        call space
        mov eax, [sum]
        call hex8
        call newline
%endif
        inc dword [group]
        inc dword [limit]
        cmp dword [limit], END+2
        jb each_limit
        inc dword [kind]
        cmp dword [kind], 3
        jb each_kind
        jmp finish

w_1:    in al, dx
        int NONE3
w_2:    in ax, dx
        int NONE3
w_4:    in eax, dx
        int NONE3
w_out:  out dx, ax
        int NONE3
w_ins:  insd
        int NONE3
w_outs: outsb
        int NONE3
ways:   dd w_1, w_2, w_4, w_out, w_ins, w_outs
; Every pair and quadruple of bits in and across bytes.
pattern: db 0x01, 0x80, 0x00, 0xff, 0x7f, 0xfe, 0xa5, 0x00, 0x18, 0x00, 0x81, 0x10, 0xf0, 0x00
        db 0xff, 0xff                   ; after the last port
kind:   dd 0
limit:  dd 0
way:    dd 0
port:   dd 0
sum:    dd 0
faults: dd 0
group:  dd 0
