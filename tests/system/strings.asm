; Repeated string instructions with a page fault at each of their elements, aligned or across the page's end, upwards and downwards, with
; 64-, 32- and 16-bit addresses; and single-stepped (SDM vol. 2B, REP; vol. 3B 17.3.1.1). A line for each instruction and mode:
;   mode, instruction, checksum of what was seen of page faults and of single steps.
; With DETAIL the values of that line instead. A page fault folds in its error code and RIP's distance from the instruction at 8, CR2,
; ECX, ESI, EDI, EFLAGS and then lets the page be present; a debug trap RIP's distance and RF at 8 and ECX; the end ECX, ESI, EDI and EFLAGS.
%define LONG 1
%include "lib.inc"
PT      equ tables+0x8000
SOURCE  equ 0x611000                    ; page boundaries in the middle of what is read
DEST    equ 0x621000                    ; and written
COUNT   equ 5
FLAGS   equ 0x891                       ; not as equal operands make them
FILL    equ 0x5a5a5a5a
; Modes: 0: 64-bit code, 1: with 32-bit addresses, 2: 32-bit code, 3: with 16-bit addresses
main:   mov edi, PT                     ; the window in pages of 4 KiB
        mov eax, 0x600003
.map:   mov [rdi], rax
        add eax, 0x1000
        add edi, 8
        cmp eax, 0x800003
        jb .map
        mov dword [tables+0x2018], PT+7
        mov rax, cr3
        mov cr3, rax
        mov eax, page_fault
        mov [idt+GATE*14], ax
        shr eax, 16
        mov [idt+GATE*14+6], ax
        mov eax, debug_trap
        mov [idt+GATE*1], ax
        shr eax, 16
        mov [idt+GATE*1+6], ax
        mov dword [gdt+SPARE], ((SOURCE-0x8000)&0xffff)<<16 | 0xffff
        mov dword [gdt+SPARE+4], (SOURCE-0x8000)>>16 | 0x9300
        mov dword [gdt+SPARE+8], ((DEST-0x8000)&0xffff)<<16 | 0xffff
        mov dword [gdt+SPARE+12], (DEST-0x8000)>>16 | 0x9300

each_op:
        mov eax, FILL
        mov edi, SOURCE-0x1000
        mov ecx, 0x800
        rep stosd
        mov edi, DEST-0x1000
        mov ecx, 0x800
        rep stosd
        mov dword [sum], 0x811c9dc5
        mov dword [size], 0
each_size:
        cmp dword [size], 3             ; 8 bytes in 64-bit code, and there is no I/O of 8
        jb .sized
        cmp dword [mode], 2
        jae next_op
        cmp dword [op], 5
        jae next_op
.sized: mov dword [down], 0
each_direction:
        mov dword [side], 0             ; 0: source, 1: destination
each_side:
        mov eax, [op]
        movzx eax, byte [sides+rax]
        mov ecx, [side]
        bt eax, ecx
        jnc next_side
        mov dword [before], 0           ; elements before the boundary
each_position:
        mov dword [shift], 0
each_shift:
        mov ecx, [size]
        mov eax, [before]
        cmp dword [down], 0
        je .up
        dec eax
        jmp .scale
.up:    neg eax
.scale: shl eax, cl
        add eax, [shift]
        mov [offset], eax
        mov ebx, SOURCE
        cmp dword [side], 0
        je .page
        mov ebx, DEST
.page:  cmp dword [down], 0
        je .absent
        sub ebx, 0x1000
.absent:
        mov edi, ebx
        shr edi, 12
        and edi, 0x1ff
        mov [missing], edi
        and byte [PT+rdi*8], ~1
        invlpg [rbx]
        mov dword [recover], came
        mov edx, FLAGS
        mov ecx, [down]
        shl ecx, 10
        or edx, ecx
        call run
came:   call fold_registers
        mov eax, [missing]
        or byte [PT+rax*8], 1
        inc dword [shift]
        mov eax, 1
        mov ecx, [size]
        shl eax, cl
        cmp [shift], eax
        jb each_shift
        inc dword [before]
        cmp dword [before], COUNT
        jbe each_position
next_side:
        inc dword [side]
        cmp dword [side], 2
        jb each_side
        inc dword [down]
        cmp dword [down], 2
        jb each_direction
        inc dword [size]
        cmp dword [size], 4
        jb each_size
next_op:
        mov eax, [sum]
        mov [faults], eax
        mov dword [sum], 0x811c9dc5
        mov dword [size], 0             ; single-stepped
        mov dword [offset], 0
        mov dword [recover], stepped
        mov edx, FLAGS|0x100
        call run
stepped:
        call fold_registers
%ifndef DETAIL
        mov eax, [mode]
        call hex2
        call space
        mov eax, [op]
        call hex2
        call space
        mov eax, [faults]
        call hex8
        call space
        mov eax, [sum]
        call hex8
        call newline
%endif
        inc dword [group]
        inc dword [op]
        cmp dword [op], 7
        jb each_op
        mov dword [op], 0
        inc dword [mode]
        cmp dword [mode], 4
        jb each_op
        jmp finish

; run executes the instruction with EFLAGS from EDX.
run:    mov ecx, COUNT
        mov esi, SOURCE
        mov edi, DEST
        mov r8d, DATA
        mov r9d, DATA
        mov ebx, CODE
        cmp dword [mode], 2
        jb .set
        mov ebx, CODE32
        je .set
        mov ecx, 0x12340000|COUNT
        mov esi, 0xabcd8000
        mov edi, 0x43218000
        mov r8d, SPARE
        mov r9d, SPARE+8
.set:   mov eax, [offset]
        cmp dword [mode], 0
        jne .narrow
        cdqe
        add rsi, rax
        add rdi, rax
        jmp .go
.narrow:
        add esi, eax
        add edi, eax
.go:    mov ds, r8d
        mov es, r9d
        mov eax, [mode]
        imul eax, eax, 7
        add eax, [op]
        shl eax, 2
        add eax, [size]
        lea eax, [strings+rax*8]
        mov [insn], eax
        push rbx
        push rax
        mov eax, FILL
        movd mm0, eax
        punpckldq mm0, mm0
        movq rax, mm0
        push rdx
        mov edx, 0x80
        popfq
        o64 retf

fold_registers:
        mov eax, ecx
        call fold
        mov eax, esi
        call fold
        mov eax, edi
        call fold
        mov eax, [f_flags]
        and eax, 0xcd5
fold:
%ifdef DETAIL
        push rcx
        push rax
        mov ecx, [group]
        cmp ecx, DETAIL
        jne .quiet
        call hex8
        call newline
.quiet: pop rax
        pop rcx
%endif
        xor eax, [sum]
        imul eax, eax, 16777619
        mov [sum], eax
        ret

page_fault:
        push rax
        mov eax, [rsp+16]               ; RIP
        sub eax, [insn]
        shl eax, 8
        or eax, [rsp+8]
        call fold
        mov rax, cr2
        call fold
        mov eax, ecx
        call fold
        mov eax, esi
        call fold
        mov eax, edi
        call fold
        mov eax, [rsp+32]               ; RFLAGS
        and eax, 0x10cd5
        call fold
        mov rax, cr2
        push rbx
        mov ebx, eax
        shr ebx, 12
        and ebx, 0x1ff
        or byte [PT+rbx*8], 1
        pop rbx
        pop rax
        add rsp, 8
        iretq
debug_trap:
        push rax
        mov eax, [rsp+24]               ; RFLAGS
        and eax, 0x10000
        shr eax, 8
        add eax, [rsp+8]
        sub eax, [insn]
        call fold
        mov eax, ecx
        call fold
        pop rax
        iretq

; The instructions, 8 bytes each: by mode, operation and size.
%macro rows 1                           ; opcode
%assign z 0
%rep 4
        align 8
        db 0xf3
%if m & 1
        db 0x67
%endif
%if z == 1
        db 0x66
%elif z == 3
        db 0x48
%endif
        db %1 + (z > 0)
        int NONE
%assign z z+1
%endrep
%endmacro
        align 8
strings:
%assign m 0
%rep 4
        rows 0xa4                       ; MOVS
        rows 0xaa                       ; STOS
        rows 0xac                       ; LODS
        rows 0xa6                       ; CMPS
        rows 0xae                       ; SCAS
        rows 0x6e                       ; OUTS
        rows 0x6c                       ; INS
%assign m m+1
%endrep
sides:  db 3, 2, 1, 3, 2, 1, 2          ; 1: they read memory at RSI, 2: they have an operand at RDI
        align 4
mode:   dd 0
op:     dd 0
size:   dd 0
down:   dd 0
side:   dd 0
before: dd 0
shift:  dd 0
offset: dd 0
missing: dd 0
insn:     dd 0
sum:    dd 0
faults: dd 0
group:  dd 0
