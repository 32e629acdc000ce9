; Lab 3: a kernel in ring 0 and a program in ring 3: system calls, what the program may not do, and the timer that interrupts it.
%include "../lab.inc"

CODE    equ 0x08
DATA    equ 0x10
U_CODE  equ 0x18 | 3
U_DATA  equ 0x20 | 3
TSS     equ 0x28

IF      equ 1 << 9

start:  mov esp, kernel_stack
        lgdt [gdtr]
        jmp CODE:.go
.go:    mov ax, DATA
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov ax, TSS             ; where the stack for ring 0 is
        ltr ax
        lidt [idtr]

        mov al, 0x11            ; 8259A: IRQ 0 to 7 at vectors 20h to 27h, the timer alone enabled
        out 0x20, al
        mov al, 0x20
        out 0x21, al
        mov al, 4
        out 0x21, al
        mov al, 1
        out 0x21, al
        mov al, 0xfe
        out 0x21, al
        mov al, 0xff
        out 0xa1, al
        mov al, 0x34            ; 8254: channel 0 counts down from 1193, about 1 ms
        out 0x43, al
        mov al, 1193 & 0xff
        out 0x40, al
        mov al, 1193 >> 8
        out 0x40, al

        push U_DATA             ; to ring 3: SS, ESP, EFLAGS, CS, EIP (SDM vol. 3A 6.12.1)
        push user_stack
        push IF | 2
        push U_CODE
        push user
        mov ax, U_DATA
        mov ds, ax
        mov es, ax
        iretd

; ---- The kernel's handlers -----------------------------------------------------------------------------------------------------

; INT 80h: the service in EAX. 0: end; 1: print the text at ESI; 2: how often has the timer ticked?
service:
        cmp dword [calls], 0
        jne .again
        push eax
        show "the first system call comes with CS", [esp + 4 + 4]
        show "its stack segment is", [esp + 16 + 4]
        show "the kernel now runs with SS", ss
        pop eax
.again: inc dword [calls]
        cmp eax, 1
        je .print
        cmp eax, 2
        je .ticks
        print "the program has ended", 10
        exit 0
.print: call puts
        iretd
.ticks: mov eax, [ticks]
        iretd

; Vector 20h: the timer, IRQ 0.
timer:  push eax
        inc dword [ticks]
        mov al, 0x20            ; end of interrupt
        out 0x20, al
        pop eax
        iretd

; Vector 13: the program has done what it may not. Say so, and go on behind the instruction.
protection:
        push eax
        push ebx
        show "  #GP with error code", [esp + 8]
        mov ebx, [esp + 12]     ; EIP
        mov al, [ebx]
        cmp al, 0xfa            ; CLI: one byte
        je .one
        cmp al, 0xcd            ; INT n: two
        je .two
        cmp al, 0xe6            ; OUT imm8, AL: two
        je .two
        print "  the kernel does not know what to do", 10
        exit 1
.two:   inc dword [esp + 12]
.one:   inc dword [esp + 12]
        pop ebx
        pop eax
        add esp, 4              ; the error code
        iretd

; Vector 0.
divide: print "  #DE", 10
        mov eax, 0xffffffff
        add dword [esp], 2
        iretd

; ---- The program: ring 3 -------------------------------------------------------------------------------------------------------

%macro say 1+
        mov esi, %%text
        mov eax, 1
        int 0x80
        jmp %%over
%%text: db %1, 0
%%over:
%endmacro

user:   say "hello from ring 3", 10
        say "CLI", 10
        cli
        say "OUT", 10
        out 0xe9, al
        say "INT 20h", 10
        int 0x20
%ifdef TASK
        say "DIV", 10
        mov eax, 5
        xor edx, edx
        mov ebx, edx
        div ebx
        cmp eax, 0xffffffff
        jne .end
        say "the program goes on", 10
%endif
        say "waiting for the timer", 10
.wait:  mov eax, 2
        int 0x80
        cmp eax, 3
        jb .wait
        say "it has ticked", 10
.end:   mov eax, 0
        int 0x80

; ---- Tables --------------------------------------------------------------------------------------------------------------------

%define at(label) (label - header + 0x100000)

; gate LABEL, DPL: an interrupt gate (SDM vol. 3A 6.11).
%macro gate 2
        dw at(%1) & 0xffff, CODE, 0x8e00 | %2 << 13, at(%1) >> 16
%endmacro

align 8
gdt:    dq 0
        dw 0xffff, 0, 0x9b00, 0x00cf    ; CODE: DPL 0
        dw 0xffff, 0, 0x9300, 0x00cf    ; DATA: DPL 0
        dw 0xffff, 0, 0xfb00, 0x00cf    ; U_CODE: DPL 3
        dw 0xffff, 0, 0xf300, 0x00cf    ; U_DATA: DPL 3
        dw 103, at(tss) & 0xffff, 0x8900 | at(tss) >> 16, 0
.end:
idt:    gate divide, 0
        times 12 dq 0
        gate protection, 0              ; 13
        times 0x20 - 14 dq 0
        gate timer, 0                   ; 20h: DPL 0, the program may not call it by INT
        times 0x80 - 0x21 dq 0
        gate service, 3                 ; 80h: DPL 3, it may
.end:
tss:    dd 0, kernel_stack, DATA
        times 22 dd 0
        dd 104 << 16                    ; no I/O bitmap: it would begin behind the segment's end
gdtr:   dw gdt.end - gdt - 1
        dd gdt
idtr:   dw idt.end - idt - 1
        dd idt

section .bss
alignb 4
calls:  resd 1
ticks:  resd 1
        resb 1024
user_stack:
        resb 1024
kernel_stack:
memory_end:
