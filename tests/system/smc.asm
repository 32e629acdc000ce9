; Code that changes itself just ahead, in its own block, instruction and page, by every kind of write (SDM vol. 3A 8.1.3: on one processor the
; next instruction fetched sees the write once a jump has been taken; processors see it even without). A line: EAX at the end.
; Each test has "mov al, 11" a few bytes ahead, whose operand the write changes to 22.
%define LONG 0
%include "lib.inc"
ALIAS   equ 0x160000                    ; where code is copied to
; ahead NAME, WRITE...: the write finds EDI at the operand's byte.
%macro ahead 2+
        jmp %%go
%%name: db %1, " ", 0
%%go:   mov byte [%%b+1], 0x11
        mov edi, %%b+1
        xor eax, eax
        call sync
        %2
        jmp short %%b
%%b:    mov al, 0x11
        call al_of
        mov esi, %%name
        call print
%endmacro
; straight is ahead without the jump.
%macro straight 2+
        jmp %%go
%%name: db %1, ", straight ", 0
%%go:   mov byte [%%b+1], 0x11
        mov edi, %%b+1
        xor eax, eax
        call sync
        %2
%%b:    mov al, 0x11
        call al_of
        mov esi, %%name
        call print
%endmacro
%macro both 2+
        ahead %1, %2
        straight %1, %2
%endmacro
%macro by_movs 0
        mov esi, byte22
        movsb
%endmacro
%macro by_stos 0
        mov al, 0x22
        stosb
%endmacro
%macro by_rep 0
        mov al, 0x22
        mov ecx, 1
        rep stosb
%endmacro
%macro by_push 0                        ; b0 22 and what follows it
        mov esp, edi
        inc esp
        mov ah, 0x22
        mov al, 0xb0
        push ax
        mov esp, stack
%endmacro
%macro by_xchg 0
        mov cl, 0x22
        xchg [edi], cl
%endmacro
%macro by_cmpxchg 0
        mov al, 0x11
        mov cl, 0x22
        lock cmpxchg [edi], cl
%endmacro
%macro by_xadd 0
        mov cl, 0x11
        lock xadd [edi], cl
%endmacro
%macro by_movd 0                        ; with the three bytes behind it
        mov ecx, [edi]
        mov cl, 0x22
        movd xmm0, ecx
        movd [edi], xmm0
%endmacro
%macro by_movnti 0
        mov ecx, [edi]
        mov cl, 0x22
        movnti [edi], ecx
%endmacro
%macro by_movups 0
        movups xmm0, [edi]
        movups [scratch], xmm0
        mov byte [scratch], 0x22
        movups xmm0, [scratch]
        movups [edi], xmm0
%endmacro
%macro by_fist 0
        mov ecx, [edi]
        mov cl, 0x22
        mov [scratch], ecx
        fild dword [scratch]
        fistp dword [edi]
%endmacro
%macro by_bts 0                         ; 11 to 22 a bit at a time
        mov ecx, 1
        lock bts [edi], ecx
        mov ecx, 5
        lock bts [edi], ecx
        lock btr dword [edi], 0
        lock btr dword [edi], 4
%endmacro
%macro by_setcc 0                       ; 1, 20, 22
        xor ecx, ecx
        setz [edi]
        shl byte [edi], 5
        or byte [edi], 2
%endmacro
%macro by_cmpxchg8b 0
        mov eax, [edi]
        mov edx, [edi+4]
        mov ebx, eax
        mov bl, 0x22
        mov ecx, edx
        lock cmpxchg8b [edi]
%endmacro
main:   both "mov", mov byte [edi], 0x22
        both "movs", by_movs
        both "stos", by_stos
        both "rep stos", by_rep
        both "push", by_push
        both "xchg", by_xchg
        both "lock cmpxchg", by_cmpxchg
        both "lock xadd", by_xadd
        both "add", add byte [edi], 0x11
        both "lock xor", lock xor byte [edi], 0x33
        both "shl", shl byte [edi], 1
        both "movd", by_movd
        both "movnti", by_movnti
        both "movups", by_movups
        both "fistp", by_fist
        both "bts and btr", by_bts
        both "setcc", by_setcc
        both "lock cmpxchg8b", by_cmpxchg8b

        ; A loop that changes its own body each time round: 1+2+...+100.
        mov ecx, 100
        xor eax, eax
        mov byte [.body+2], 1
.loop:
.body:  add eax, byte 1
        inc byte [.body+2]
        loop .loop
        mov esi, s_loop
        call print
        ; A call whose target changes each time.
        mov ecx, 10
        xor eax, eax
.again: call callee
        inc dword [callee+1]
        loop .again
        mov esi, s_call
        call print
        ; REP MOVSB over itself: what has begun goes on, as it does on processors.
        mov esi, over
        mov edi, ALIAS
        mov ecx, over_end-over
        rep movsb
        mov eax, ALIAS
        call eax
        mov esi, s_over
        call print
        ; An instruction across two pages, its second half changed.
        mov edi, ALIAS+0xffd
        mov byte [edi], 0xb8            ; mov eax, imm32; ret
        mov dword [edi+1], 0x44332211
        mov byte [edi+5], 0xc3
        call edi
        mov esi, s_page
        call print
        mov byte [ALIAS+0x1001], 0x55
        call edi
        mov esi, s_page
        call print
        mov byte [edi+1], 0x66
        call edi
        mov esi, s_page
        call print
        ; Pages with code and data: writes beside the code do not disturb it.
        mov ecx, 1000
        xor eax, eax
.beside:
        inc dword [beside_data]
        add eax, [beside_data]
        loop .beside
        mov esi, s_beside
        call print
        ; A branch target that becomes another instruction.
        mov ecx, 7
        xor eax, eax
.turn:  call turning
        xor byte [turning], 0x40^0x48   ; inc eax, dec eax
        loop .turn
        mov esi, s_turn
        call print
        jmp finish

callee: db 5                           ; add eax, 1
        dd 1
        ret
turning: inc eax
        ret
over:   mov edi, ALIAS+over_rep-over
        mov esi, over_new
        mov ecx, 8
        xor eax, eax
over_rep:
        rep movsb                       ; becomes two INC EAX, and so do the NOPs
        times 6 nop
        ret
over_end:
over_new: times 8 inc eax
al_of:  movzx eax, al
        ret
sync:   push eax
        push ebx
        push ecx
        push edx
        xor eax, eax
        cpuid
        pop edx
        pop ecx
        pop ebx
        pop eax
        ret
print:  call puts
        call hex8
        jmp newline
byte22: db 0x22
s_loop: db "loop ", 0
s_call: db "call ", 0
s_over: db "rep movsb over itself ", 0
s_page: db "across pages ", 0
s_beside: db "beside data ", 0
s_turn: db "turning ", 0
        align 4
beside_data: dd 0
