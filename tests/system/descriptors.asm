; Every access byte of a descriptor, with L and D, all RPLs and rings, for each instruction that loads it (SDM vol. 2, JMP, CALL, RET, IRET, INT n, MOV,
; LAR, LSL, VERR, VERW). LONG and ORIGIN (64 or 32) say where the instruction stands. A line for each group: instruction, ring, RPL,
; L and D, and a letter for each access byte from 0 to FFh:
;   0-3: it came through, to that ring. A fault's vector and error code: g n s t: #GP #NP #SS #TS of the descriptor; h m u v: of the SS beside it;
;   i j: #GP #NP of the gate; G S T: 0; e: a hexadecimal digit of ZF after LAR, LSL, VERR, VERW; -: left out
%include "lib.inc"
%if LONG
%define QUAD dq
%else
%define QUAD dd
%endif
LANDING equ 0x8000                      ; where 16-bit code can run too
SSDESC  equ SPARE+8
VECTOR  equ 0x32

; What a line of the table below has.
struc kind
.shot   resd 1
.name   resd 1
.frame  resd 1                          ; what is on the stack: see prepare
.vary   resd 1                          ; what takes the access byte
.rings  resd 1
.rpls   resd 1
.flags  resd 1
.skip   resd 1                          ; 1: no TSS and task gate in 32-bit mode
endstruc
FRAME_NONE equ 0
FRAME_RETF equ 1
FRAME_IRET equ 2
VARY_CS  equ 0                          ; SPARE, as code
VARY_SS  equ 1                          ; SSDESC, of a return to ring 3
VARY_SS0 equ 2                          ; the same, to ring 0
VARY_GATE equ 3                         ; gate VECTOR
VARY_TARGET equ 4                       ; SPARE, which gate VECTOR leads to
VARY_DATA equ 5                         ; SPARE, as data

main:
%if LONG
        mov eax, stack0
        mov [tss+12], eax               ; RSP1, RSP2
        mov [tss+20], eax
%endif
        mov word [LANDING], 0xcd|NONE3<<8
        mov ebx, kinds
each_kind:
        mov dword [ring], 0
each_ring:
        mov dword [rpl], 0
each_rpl:
        mov dword [flags], 0
each_flags:
        mov esi, [ebx+kind.name]
        call puts
        call space
        mov eax, [ring]
        call hex1
        mov eax, [rpl]
        call hex1
        mov eax, [flags]
        call hex1
        call space
        mov dword [acc], 0
each_acc:
        cmp dword [ebx+kind.skip], 0
        je .go
        mov al, [acc]
        and al, 0x15
        cmp al, 1                       ; TSS
        je .skip
        mov al, [acc]
        and al, 0x1f
        cmp al, 5
        jne .go
.skip:  mov al, '-'
        jmp .put
.go:    mov [at_kind], ebx
        mov [at_kind+4], ebp
        call prepare
        mov word_ [recover], .seen
        jmp fire
.seen:  mov [digit], ebx
        mov ebx, [at_kind]
        call outcome
.put:   call putc
        inc dword [acc]
        cmp dword [acc], 256
        jb each_acc
        call newline
        inc dword [flags]
        mov eax, [flags]
        cmp eax, [ebx+kind.flags]
        jb each_flags
        inc dword [rpl]
        mov eax, [rpl]
        cmp eax, [ebx+kind.rpls]
        jb each_rpl
        add dword [ring], 3
        mov eax, [ring]
        cmp eax, [ebx+kind.rings]
        jb each_ring
        add ebx, kind_size
        cmp dword [ebx], 0
        jne each_kind
        jmp finish

hex1:   push xCX
        mov ecx, 1
        call low
        pop xCX
        ret

; prepare makes descriptors, gate, far pointer and the stack of the shot.
prepare:
        mov dword [gdt+SPARE], 0xffff
        mov dword [gdt+SPARE+4], 0x008f0000
        mov dword [gdt+SSDESC], 0
        mov dword [gdt+SSDESC+4], 0
        mov al, [acc]
        mov ecx, [ebx+kind.vary]
        cmp ecx, VARY_GATE
        je .gate
        cmp ecx, VARY_SS
        je .ss
        cmp ecx, VARY_SS0
        je .ss
        mov [gdt+SPARE+5], al
        mov eax, [flags]
        shl eax, 5
        or [gdt+SPARE+6], al
        cmp dword [ebx+kind.frame], FRAME_NONE
        je .gates
        mov eax, [rpl]                  ; a data segment of that level
        shl eax, 5
        or al, 0x93
.ss:    mov dword [gdt+SSDESC], 0xffff
        mov dword [gdt+SSDESC+4], 0x00cf0000
        mov [gdt+SSDESC+5], al
.gates: mov eax, SPARE                  ; gate VECTOR
        mov edx, 0xee00
        jmp .set
.gate:  mov dh, al
        mov eax, CODE
.set:   mov edi, idt+VECTOR*GATE
        mov word [edi], LANDING
        mov [edi+2], ax
        mov dl, 0
        mov [edi+4], dx
        mov word [edi+6], 0
        ; selectors
        mov ecx, SPARE
        or ecx, [rpl]
        mov edx, SSDESC
        or edx, [rpl]
        mov eax, [ebx+kind.vary]
        cmp eax, VARY_SS
        jne .ss0
        mov ecx, UCODE
.ss0:   cmp eax, VARY_SS0
        jne .cs
        mov ecx, CODE
.cs:    mov [cs_sel], ecx
        mov dword [fp], LANDING
        mov [fp+4], cx
        ; frame of RETF and IRET
        mov edi, frame
        mov eax, LANDING
        call .word
        mov eax, ecx
        call .word
        cmp dword [ebx+kind.frame], FRAME_IRET
        jne .sp
        mov eax, 2
        call .word
.sp:    mov eax, ustack
        call .word
        mov eax, edx
.word:
%if LONG
        cmp byte [origin], 64
        je .long
%endif
        mov [edi], eax
        add edi, 4
        ret
%if LONG
.long:  mov [edi], eax
        mov dword [edi+4], 0
        add edi, 8
        ret
%endif

; fire goes to the shot in its ring and mode.
fire:   mov eax, UDATA
        mov ds, eax
        mov es, eax
        mov esi, [ebx+kind.shot]
        mov eax, [cs_sel]
        xor ebx, ebx
        mov edx, DATA
        mov ecx, [cs0]
        cmp dword [ring], 0
        je .ring
        mov edx, UDATA
        mov ecx, [cs3]
.ring:
%if !LONG
        cmp dword [ring], 0
        je .same
%endif
        push xDX
        push word_ frame
        push word_ 2
        push xCX
        push xSI
        iretx
%if !LONG
.same:  mov esp, frame
        push word_ 2
        push xCX
        push xSI
        iretx
%endif

; outcome gives the letter in AL.
outcome:
        mov edx, [f_code]
        mov eax, [f_vector]
        cmp eax, NONE3
        je .through
        mov esi, letters
.next:  mov cl, [esi]
        cmp cl, 0
        je .unknown
        cmp cl, al
        jne .on
        cmp [esi+1], dx
        je .found
.on:    add esi, 4
        jmp .next
.unknown:
        mov al, '?'
        ret
.found: mov al, [esi+3]
        ret
.through:
        mov eax, [f_cs]
        and eax, 3
        cmp dword [ebx+kind.shot], shot_lar
        jne .dec
        mov eax, [digit]
.dec:   cmp al, 10
        jb .put
        add al, 'a'-'0'-10
.put:   add al, '0'
        ret

%macro letter 3
        db %1
        dw %2
        db %3
%endmacro
letters:
        letter 13, SPARE, 'g'
        letter 11, SPARE, 'n'
        letter 12, SPARE, 's'
        letter 10, SPARE, 't'
        letter 13, SSDESC, 'h'
        letter 11, SSDESC, 'm'
        letter 12, SSDESC, 'u'
        letter 10, SSDESC, 'v'
        letter 13, VECTOR*8+2, 'i'
        letter 11, VECTOR*8+2, 'j'
        letter 13, 0, 'G'
        letter 12, 0, 'S'
        letter 10, 0, 'T'
        db 0

%if ORIGIN == 32
bits 32
%endif
shot_jmp:  jmp dword far [fp]
shot_call: call dword far [fp]
%if ORIGIN == 64
shot_retf: o64 retf
shot_iret: iretq
%else
shot_retf: retf
shot_iret: iretd
%endif
shot_int:  int VECTOR
shot_ds:   mov ds, eax
        int NONE3
shot_ss:   mov ss, eax
        mov ss, edx
        int NONE3
shot_lar:  lar ecx, eax
        setz bl
        lsl ecx, eax
        setz bh
        shl bh, 1
        or bl, bh
        verr ax
        setz bh
        shl bh, 2
        or bl, bh
        verw ax
        setz bh
        shl bh, 3
        or bl, bh
        movzx ebx, bl
        int NONE3
%if LONG
bits 64
%endif

%macro entry 8
        dd %1, %%name, %3, %4, %5, %6, %7, %8
        [section .names]
%%name: db %2, 0
        __SECT__
%endmacro
section .names follows=.text align=1
section .text
        align 4
kinds:
        entry shot_jmp, "jmp", FRAME_NONE, VARY_CS, 4, 4, 4, !LONG
        entry shot_call, "call", FRAME_NONE, VARY_CS, 4, 4, 4, !LONG
        entry shot_retf, "retf", FRAME_RETF, VARY_CS, 4, 4, 4, 0
        entry shot_iret, "iret", FRAME_IRET, VARY_CS, 4, 4, 4, 0
        entry shot_retf, "retf-ss", FRAME_RETF, VARY_SS, 1, 4, 1, 0
        entry shot_iret, "iret-ss", FRAME_IRET, VARY_SS, 1, 4, 1, 0
%if ORIGIN == 64
        entry shot_iret, "iret-ss0", FRAME_IRET, VARY_SS0, 1, 4, 1, 0
%endif
        entry shot_int, "int-gate", FRAME_NONE, VARY_GATE, 4, 1, 1, !LONG
        entry shot_int, "int-cs", FRAME_NONE, VARY_TARGET, 4, 4, 4, 0
        entry shot_ds, "mov-ds", FRAME_NONE, VARY_DATA, 4, 4, 1, 0
        entry shot_ss, "mov-ss", FRAME_NONE, VARY_DATA, 4, 4, 1, 0
        entry shot_lar, "lar", FRAME_NONE, VARY_DATA, 4, 4, 1, 0
        dd 0

%if ORIGIN == 64 || !LONG
cs0:    dd CODE
cs3:    dd UCODE
%else
cs0:    dd CODE32
cs3:    dd UCODE32
%endif
origin: dd ORIGIN
ring:   dd 0
rpl:    dd 0
flags:  dd 0
acc:    dd 0
cs_sel: dd 0
digit:  dd 0
fp:     dd 0, 0
at_kind: dq 0
        align 16
        times 256 db 0                  ; for exceptions in ring 0
frame:  times 8 dq 0
