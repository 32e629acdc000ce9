; Far calls, jumps, returns and interrupts between privilege levels (SDM vol. 3A 5.8, 6.12.1): every CPL, RPL and DPL of the target,
; conforming or not, directly or through a gate of every DPL and size. A line for each way and CPL:
;   way, CPL, how many faulted, checksum of what was seen.
; With DETAIL the values of that line instead. A value has the vector (30: the target was reached), the low word of the error code at 8 and
; up, and where the target was reached its CPL at 24.
%define LONG 0
%include "lib.inc"
GDT2    equ 0x140000
T       equ 0xc0                        ; targets: code + DPL*8, conforming code, and two that are none:
S       equ T+0x40                      ; stacks
ABSENT2 equ T+0x60                      ; and code that is not present
G       equ 0x140
DATA2   equ 0x148                       ; data, DPL 3
BYVECTOR equ 0x2d
; Ways: 0 call, 1 jmp, 2 call by a gate of 32 bits, 3 jmp by it, 4 call by a gate of 16 bits, 5 int by a 32-bit gate, 6 int by a 16-bit gate,
; 7 retf, 8 iret.
WAYS    equ 9
main:   mov esi, gdt
        mov edi, GDT2
        mov ecx, (gdt_end-gdt)/4
        rep movsd
        mov ecx, 64
        xor eax, eax
        rep stosd
        mov esi, 0
.code:  mov edx, esi                    ; DPL
        shl edx, 13
        lea eax, [edx+0x00cf9b00]
        mov dword [GDT2+T+esi*8], 0xffff
        mov [GDT2+T+esi*8+4], eax
        lea eax, [edx+0x00cf9f00]
        mov dword [GDT2+T+esi*8+32], 0xffff
        mov [GDT2+T+esi*8+36], eax
        lea eax, [edx+0x00cf9300]
        mov dword [GDT2+S+esi*8], 0xffff
        mov [GDT2+S+esi*8+4], eax
        lea eax, [edx+0x00cf1b00]
        mov dword [GDT2+ABSENT2+esi*8], 0xffff
        mov [GDT2+ABSENT2+esi*8+4], eax
        inc esi
        cmp esi, 4
        jb .code
        mov dword [GDT2+DATA2], 0xffff
        mov dword [GDT2+DATA2+4], 0x00cff300
        mov word [scratch], 0x1ff
        mov dword [scratch+2], GDT2
        lgdt [scratch]
        mov dword [tss+12], stack1
        mov dword [tss+16], S+8|1
        mov dword [tss+20], stack2
        mov dword [tss+24], S+16|2
        mov edi, 0x8000                 ; offsets of 16-bit gates lead to the target as well
        mov byte [edi], 0x68            ; push target; ret
        mov dword [edi+1], target
        mov byte [edi+5], 0xc3

each_way:
        mov dword [cpl_], 0
each_cpl:
        mov dword [sum], 0x811c9dc5
        mov dword [faults], 0
        mov dword [gdpl], 0
each_gate:                              ; DPL of the gate and RPL of its selector
        mov dword [rpl_], 0
each_rpl:
        mov dword [goal], 0
each_target:
        mov esi, [goal]
        lea esi, [T+esi*8]
        or esi, [rpl_]
        mov [selector], esi
        mov eax, [way]
        cmp eax, 2
        jb .go                          ; without a gate
        cmp eax, 7
        jae .go
        mov edx, target
        mov ecx, 0x8c00
        cmp eax, 4
        jb .build
        mov edx, 0x8000
        mov ch, 0x84
        je .build
        mov ch, 0x86
        cmp eax, 6
        je .build
        mov edx, target
        mov ch, 0x8e
.build: mov ebx, [gdpl]
        shl ebx, 13
        or ecx, ebx
        mov ebx, G+GDT2
        cmp eax, 5
        jb .store
        mov ebx, idt+GATE*BYVECTOR
.store: mov [ebx], dx
        mov [ebx+2], si
        mov [ebx+4], cx
        shr edx, 16
        mov [ebx+6], dx
        mov eax, [rpl_]
        or eax, G
        mov [selector], eax
.go:    mov dword [recover], came
        mov dword [reached], 0
        mov eax, DATA2|3
        mov ds, eax
        mov es, eax
        mov eax, [cpl_]
        lea ebx, [S+eax*9]              ; its stack, and code of that level
        lea ecx, [T+eax*9]
        mov edx, [way]
        test eax, eax
        jz .zero
        push ebx
        push dword ustack
        push dword 2
        push ecx
        push dword [ways+edx*4]
        iretd
.zero:  push ecx
        push dword [ways+edx*4]
        retf

w_call: call far [pointer]
w_jmp:  jmp far [pointer]
w_int:  int BYVECTOR
w_retf: mov eax, [rpl_]
        lea ebx, [S+eax*9]
        push ebx
        push dword ustack
        push dword [selector]
        push dword target
        retf
w_iret: mov eax, [rpl_]
        lea ebx, [S+eax*9]
        push ebx
        push dword ustack
        push dword 2
        push dword [selector]
        push dword target
        iretd

target: mov dword [ss:reached], 1
        int NONE3
came:   mov eax, [f_code]
        and eax, 0xffff
        shl eax, 8
        mov al, [f_vector]
        inc dword [faults]
        cmp dword [reached], 0
        je .add
        dec dword [faults]
        mov edx, [f_cs]
        shl edx, 24
        and edx, 0x3000000
        or eax, edx
.add:
%ifdef DETAIL
        cmp dword [group], DETAIL
        jne .sum
        call hex8
        call newline
.sum:
%endif
        xor eax, [sum]
        imul eax, eax, 16777619
        mov [sum], eax
        inc dword [goal]
        cmp dword [goal], 16
        jb each_target
        inc dword [rpl_]
        cmp dword [rpl_], 4
        jb each_rpl
        cmp dword [way], 2
        jb .shown
        cmp dword [way], 7
        jae .shown
        inc dword [gdpl]
        cmp dword [gdpl], 4
        jb each_gate
.shown:
%ifndef DETAIL
        mov eax, [way]
        call hex2
        call space
        mov eax, [cpl_]
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
        inc dword [cpl_]
        cmp dword [cpl_], 4
        jb each_cpl
        inc dword [way]
        cmp dword [way], WAYS
        jb each_way
        jmp finish

ways:   dd w_call, w_jmp, w_call, w_jmp, w_call, w_int, w_int, w_retf, w_iret
pointer:  dd target
selector: dd 0
way:    dd 0
cpl_:   dd 0
rpl_:   dd 0
gdpl:   dd 0
goal:     dd 0
sum:    dd 0
faults: dd 0
group:  dd 0
reached: dd 0
        align 16
        times 256 db 0
stack1: times 256 db 0
stack2:
