; Cases of AVX-512 instructions: each sets all registers from a pool, runs one instruction and prints a checksum of what it left in registers, opmasks, flags,
; MXCSR and memory, with the vector of an exception if it raised one. "cases" has 32 bytes for each: its code with RET, at 29 exception flags that do not
; count, at 30 MXCSR; "pool" the data.
; With DETAIL the state after that case is dumped instead.
%define LONG 1
%include "lib.inc"
CASE    equ 32
MEM     equ 0x300000                    ; memory operands, from MEM+256 on; beyond the program, so that its size shows nowhere
main:
        mov rax, cr4
        or eax, 0x40000                 ; OSXSAVE
        mov cr4, rax
        xor ecx, ecx
        xor edx, edx
        mov eax, 0xe7
        xsetbv
        xor ebp, ebp
.next:  call setup
        mov qword [recover], .back
        mov [case_at], rbp
        mov [sp_at], rsp
        mov dword [f_vector], 0
        imul ebx, ebp, CASE
        add ebx, cases
        mov [code_at], rbx
        mov rbx, 0xfedcba9876543210
        mov rax, 0x0123456789abcdef
        mov rcx, 0xffffffff80000001
        mov rdx, 0x3ff8000000000000
        mov rdi, 0x40490fdb
        mov r8, 0x8000000000000000
        mov r9, 0x7fffffffffffffff
        mov r10, 0xfffffffffffffff0
        mov r11, 3
        mov r12, 0x00000000fffffffe
        mov r13, 0x8080808080808080
        mov r14, 0x00000001_00000001
        mov r15, 0xc0f0000000000000
        mov esi, MEM+256
        push qword 0x8d7                ; all arithmetic flags and IF clear, DF clear: as good as any
        popfq
        call [code_at]
        mov [f_ax], rax
.back:  call collect
        mov rsp, [sp_at]
        mov rbp, [case_at]
%ifdef DETAIL
        cmp ebp, DETAIL
        jne .go
        mov esi, out_area
        mov ebx, (out_end-out_area)/8
.dump:  mov rax, [rsi]
        push rsi
        call hexw
        call newline
        pop rsi
        add esi, 8
        dec ebx
        jnz .dump
        jmp finish
%else
        mov rsi, out_area
        mov ecx, (out_end-out_area)/8
        mov rax, 0xcbf29ce484222325
        mov rdx, 0x100000001b3
.sum:   xor rax, [rsi]
        imul rax, rdx
        mov rbx, rax
        shr rbx, 29
        xor rax, rbx
        add rsi, 8
        dec ecx
        jnz .sum
        call hexw
        call space
        mov eax, [f_vector]
        call hex2
        call newline
%endif
.go:    inc ebp
        cmp ebp, COUNT
        jb .next
        jmp finish

; setup loads vector registers, opmasks, memory and MXCSR for case EBP.
setup:  imul esi, ebp, 1216
        and esi, 0x7fc0
        add esi, pool
%assign i 0
%rep 32
        vmovdqu64 zmm %+ i, [rsi+i*64]
%assign i i+1
%endrep
        vmovdqu64 zmm14, [indices]
        vmovdqu64 zmm13, [indices+64]
        imul ebx, ebp, 88
        and ebx, 0x3ff8
        add ebx, pool
%assign i 0
%rep 8
        kmovq k %+ i, [rbx+i*8]
%assign i i+1
%endrep
        mov edi, MEM
        mov ecx, 128
        rep movsq
        imul ebx, ebp, CASE
        movzx eax, word [cases+rbx+30]
        mov [mxcsr], eax
        ldmxcsr [mxcsr]
        ret

; collect stores everything.
collect:
        mov [g_area+8], rcx
        mov [g_area+16], rdx
        mov [g_area+24], rbx
        mov [g_area+32], rbp
        mov [g_area+40], rsi
        mov [g_area+48], rdi
        mov rax, [f_ax]
        mov [g_area], rax
%assign i 8
%rep 8
        mov [g_area+8*i], r %+ i
%assign i i+1
%endrep
        cmp dword [f_vector], 0
        jne .fault
        pushfq
        pop rax
        jmp .flags
.fault: mov rax, [f_flags]
.flags: and eax, 0x8d5
        mov [flags_at], rax
        stmxcsr [mxcsr]
        imul ebx, [case_at], CASE
        movzx ecx, byte [cases+rbx+29]  ; flags that are not compared
        not ecx
        mov eax, [mxcsr]
        and eax, ecx
        mov [mxcsr_at], rax
        mov eax, [f_vector]
        mov [vector_at], rax
%assign i 0
%rep 32
        vmovdqu64 [out_area+i*64], zmm %+ i
%assign i i+1
%endrep
%assign i 0
%rep 8
        kmovq [k_area+8*i], k %+ i
%assign i i+1
%endrep
        mov esi, MEM
        mov edi, mem_area
        mov ecx, 128
        rep movsq
        ret

        align 64
indices: dd 0, 9, -3, 17, 4, 30, -20, 2, 8, 12, 40, -31, 5, 1, 22, -7
         dq 3, -9, 21, 0, 14, -30, 7, 11
case_at: dq 0
sp_at:  dq 0
code_at: dq 0
mxcsr:  dd 0
        align 64
out_area: times 2048 db 0
k_area: times 64 db 0
g_area: times 128 db 0
flags_at: dq 0
mxcsr_at: dq 0
vector_at: dq 0
mem_area: times 1024 db 0
out_end:
        align 64
pool:   incbin POOL
        align 64
cases:  incbin CASES
