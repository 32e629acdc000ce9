; Virtual-8086 mode, with and without its extensions, and protected-mode virtual interrupts (SDM vol. 3B 20). A line shows how a snippet
; ended: vector, error code, IP, EFLAGS, AX, SP and the word on top of the stack. Snippets run at 1000:0 with SS:SP 2000:100; int3 ends them.
%define LONG 0
%include "lib.inc"
V86     equ 0x10000
VSTACK  equ 0x20000
NEWTSS  equ 0x150000                    ; with the redirection bitmap at 68, the I/O bitmap at 88
VM      equ 0x20000
VIF     equ 0x80000
VIP     equ 0x100000
IOPL3   equ 0x3000
%macro vbegin 2                         ; NAME, EFLAGS
%push
        jmp %%go
%%name: db %1, 0
%%go:   mov dword [f_name], %%name
        mov dword [recover], %$after
        mov dword [vflags], (%2)|VM|2
        mov esi, %$code
        mov ecx, %$after-%$code
        call enter_v86
%$code:
bits 16
%endmacro
%macro vend 0
        int3
bits 32
%$after:
        call vreport
%pop
%endmacro
%macro gate 3                           ; vector, offset, type and selector
        mov eax, %2
        mov [idt+GATE*%1], ax
        mov dword [idt+GATE*%1+2], %3
        shr eax, 16
        mov [idt+GATE*%1+6], ax
%endmacro
%macro vme 1                            ; CR4.VME and PVI
        mov eax, cr4
        and al, ~3
        or al, %1
        mov cr4, eax
%endmacro

main:   mov esi, tss
        mov edi, NEWTSS
        mov ecx, 26
        rep movsd
        mov word [NEWTSS+102], 0x88
        mov edi, NEWTSS+0x68
        mov ecx, 32
        mov al, 0
        rep stosb
        mov byte [NEWTSS+0x68+0x40/8], 1        ; INT 40h goes through the IDT
        mov byte [NEWTSS+0x68+0x2c/8], 0x50     ; as do 2ch and 2eh
        mov ecx, 18
        rep stosb
        mov byte [NEWTSS+0x88+0x80/8], 0xfe     ; port 80h is allowed, 81h is not
        mov byte [NEWTSS+0x88+17], 0xff
        mov dword [gdt+TSSDESC], 0x99
        mov dword [gdt+TSSDESC+4], 0x8915
        mov ax, TSSDESC
        ltr ax
        mov dword [0x21*4], 0x12340010          ; the program's own table
        mov dword [0x40*4], 0x12340020
        mov byte [0x12340+0x10], 0xcc
        mov byte [0x12340+0x20], 0xcc
        mov byte [idt+GATE*DPL0+5], 0x8e
        gate 0x2c, on_gate, 0xee000008

        vbegin "IOPL 3: cli", IOPL3|0x200
        cli
        vend
        vbegin "IOPL 3: sti", IOPL3
        sti
        nop
        vend
        vbegin "IOPL 3: pushf", IOPL3|0x201
        pushf
        vend
        vbegin "IOPL 3: pushfd", IOPL3|0x201
        pushfd
        pop ax
        vend
        vbegin "IOPL 3: popf", IOPL3
        push word 0x4ad5
        popf
        vend
        vbegin "IOPL 3: popfd", IOPL3
        push dword 0x3f4ad5
        popfd
        vend
        vbegin "IOPL 3: iret", IOPL3
        push word 0x0ad5
        push word 0x1001
        push word 8
        iret
        times 20 nop
        vend
        vbegin "IOPL 3: iretd", IOPL3
        push dword 0x3f0ad5
        push dword 0x1001
        push dword 8
        iretd
        times 20 nop
        vend
        vbegin "IOPL 3: int n", IOPL3|0x201
        int NONE3
        vend
        vbegin "IOPL 3: int n of a gate of ring 0", IOPL3
        int DPL0
        vend
        vbegin "IOPL 3: hlt", IOPL3
        hlt
        vend
        vbegin "IOPL 3: in, allowed", IOPL3
        in al, 0x80
        mov ax, 5
        vend
        vbegin "IOPL 3: in, not allowed", IOPL3
        in al, 0x81
        vend
        vbegin "IOPL 3: in of a word, half allowed", IOPL3
        in ax, 0x80
        vend
        vbegin "IOPL 3: out beyond the bitmap", IOPL3
        mov dx, 0x100
        out dx, al
        vend
        vbegin "IOPL 3: out at the end of the bitmap", IOPL3
        mov dx, 0x87
        out dx, ax
        vend
%assign i 0
%rep 2
%if i
        vme 1
%define P "VME: "
%else
%define P "IOPL 0: "
%endif
%strcat N P, "cli"
        vbegin N, VIF|0x200
        cli
        vend
%strcat N P, "sti"
        vbegin N, 0x200
        sti
        vend
%strcat N P, "sti with VIP"
        vbegin N, VIP
        sti
        vend
%strcat N P, "pushf"
        vbegin N, 1
        pushf
        vend
%strcat N P, "pushf with VIF"
        vbegin N, VIF
        pushf
        vend
%strcat N P, "pushfd"
        vbegin N, VIF
        pushfd
        vend
%strcat N P, "popf"
        vbegin N, 0x200
        push word 0x7cd5
        popf
        vend
%strcat N P, "popf with IF"
        vbegin N, 0
        push word 0x0ed5
        popf
        vend
%strcat N P, "popf with IF and VIP"
        vbegin N, VIP
        push word 0x0ed5
        popf
        vend
%strcat N P, "popf without IF, with VIP"
        vbegin N, VIP
        push word 0x0cd5
        popf
        vend
%strcat N P, "popf with TF"
        vbegin N, 0
        push word 0x0cd5|0x100
        popf
        vend
%strcat N P, "popfd"
        vbegin N, 0
        push dword 0
        popfd
        vend
%strcat N P, "iret"
        vbegin N, 0x200
        push word 0x3cd5
        push word 0x1001
        push word 8
        iret
        times 20 nop
        vend
%strcat N P, "iret with IF"
        vbegin N, 0
        push word 0x0ed5
        push word 0x1001
        push word 8
        iret
        times 20 nop
        vend
%strcat N P, "iret with IF and VIP"
        vbegin N, VIP
        push word 0x0ed5
        push word 0x1001
        push word 8
        iret
        times 20 nop
        vend
%strcat N P, "iret with TF"
        vbegin N, 0
        push word 0x01d5
        push word 0x1001
        push word 8
        iret
        times 20 nop
        vend
%strcat N P, "iretd"
        vbegin N, 0
        push dword 2
        push dword 0x1001
        push dword 8
        iretd
        vend
%strcat N P, "int n"
        vbegin N, 0x201
        int 0x21
        vend
%strcat N P, "int n with VIF"
        vbegin N, VIF|0x4001
        int 0x21
        vend
%strcat N P, "int n of the IDT"
        vbegin N, 0
        int 0x40
        vend
%strcat N P, "into"
        vbegin N, 0x800
        into
        vend
%assign i i+1
%endrep
        vbegin "VME: VIF and VIP", VIF|VIP
        nop
        vend
        vbegin "VME, IOPL 3: VIF and VIP", IOPL3|VIF|VIP
        nop
        vend
        vbegin "VME, IOPL 3: cli", IOPL3|VIF|0x200
        cli
        vend
        vbegin "VME, IOPL 3: pushf", IOPL3|VIF
        pushf
        vend
        vbegin "VME, IOPL 3: popf with TF", IOPL3
        push word 0x3302
        popf
        nop
        vend
        vbegin "VME, IOPL 3: popf with IF and VIP", IOPL3|VIP
        push word 0x3202
        popf
        vend
        vbegin "VME, IOPL 3: int n", IOPL3|0x4201
        int 0x21
        vend
        vbegin "VME, IOPL 3: int n of the IDT", IOPL3|0x201
        int 0x2e
        vend
        mov word [NEWTSS+102], 0xc0
        vbegin "VME: int n beyond the TSS", IOPL3|0x201
        int 0x21
        vend
        mov word [NEWTSS+102], 0x88
        vme 0

        vbegin "mov from cr0", 0
        mov eax, cr0
        vend
        vbegin "lgdt", 0
        lgdt [0]
        vend
        vbegin "sldt", 0
        sldt ax
        vend
        vbegin "arpl", 0
        arpl ax, ax
        vend
        vbegin "lar", 0
        lar ax, ax
        vend
        vbegin "clts", 0
        clts
        vend
        vbegin "wrmsr", 0
        wrmsr
        vend
        vbegin "invlpg", 0
        invlpg [0]
        vend
        vbegin "word at ffff", 0
        mov ax, [0xffff]
        vend
        vbegin "word at ffff of SS", 0
        mov bp, 0xffff
        mov ax, [bp]
        vend
        vbegin "offset above ffff", 0
        mov eax, [dword 0x10000]
        vend
        vbegin "push at 1", 0
        mov sp, 1
        push ax
        vend
        vbegin "push at 0 wraps", 0
        mov sp, 0
        push ax
        mov ax, sp
        mov sp, 0xf0
        vend
        vbegin "jump above ffff", 0
        jmp dword 0x10000
        vend
        vbegin "far jump above ffff", 0
        jmp dword 0x1000:0x10000
        vend
        vbegin "retf", 0
        push word 0x1001
        push word 8
        retf
        times 20 nop
        vend
        vbegin "divide by 0", 0
        xor cx, cx
        div cx
        vend
        vbegin "bound", 0
        mov word [0x80], 6
        mov word [0x82], 9
        mov ax, 5
        bound ax, [0x80]
        vend
        vbegin "ud2", 0
        ud2
        vend
        vbegin "single step", 0x100
        nop
        nop
        vend
        vbegin "int3", 1
        vend
        ; Gates.
        vbegin "gate: data segments are null", IOPL3
        int 0x2c
        vend
        mov eax, [scratch]
        call hex8
        call space
        mov eax, [scratch+4]
        call hex8
        call newline
        gate 0x2c, on_gate, 0xee000060
        vbegin "gate to conforming code", IOPL3
        int 0x2c
        vend
        gate 0x2c, on_gate, 0xee000018
        vbegin "gate to code of ring 3", IOPL3
        int 0x2c
        vend
        gate 0x2c, on_gate, 0x6e000008
        vbegin "gate not present", IOPL3
        int 0x2c
        vend
        mov eax, on_gate16                     ; 16-bit code below 64 KiB
        mov esi, on_gate16
        mov edi, 0x8000
        mov ecx, 64
        rep movsb
        gate 0x2c, 0x8000, 0xe6000008
        vbegin "16-bit gate", IOPL3|0x201
        int 0x2c
        vend
        mov esi, stack0-18
        mov ecx, 9
        mov al, '='
        call putc
.word:  call space
        lodsw
        push ecx
        call hex4
        pop ecx
        loop .word
        call newline
        ; IRETD to virtual-8086 mode.
%macro vframe 2                         ; EIP, operand of the last push
        push dword 0
        push dword 0
        push dword 0
        push dword 0
        push dword 0x2000
        push dword 0x100
        push dword 0x20002
        push dword 0x1000
        push dword %1
        iretd
%endmacro
        try "iret to above ffff", vframe 0x10000, 0
        ; Protected-mode virtual interrupts.
%macro pvi 3+
%assign FLAGS3 %2
        try3 %1, %3
        mov eax, [f_flags]
        call hex8
        call newline
%endmacro
        pvi "cli without PVI", VIF|2, cli
        pvi "sti without PVI", 2, sti
        vme 2
        pvi "PVI: cli", VIF|0x202, cli
        pvi "PVI: sti", 2, sti
        pvi "PVI: sti with VIP", VIP|2, sti
        pvi "PVI, IOPL 3: sti", IOPL3|VIP|2, sti
        pvi "PVI, IOPL 3: cli", IOPL3|VIF|0x202, cli
        pvi "PVI: popf", VIF|VIP|2, db 0x68, 0x02, 0x42, 0x20, 0, 0x9d
        pvi "PVI: pushf", VIF|2, db 0x9c, 0x58, 0xcc
        vme 1
        pvi "VME is not PVI", VIF|2, cli
        push dword VIF|VIP|2
        popfd
        pushfd
        pop eax
        call hex8
        call newline
        push dword VIF|VIP|2
        push dword CODE
        push dword .loaded
        iretd
.loaded:
        push word 2
        popfw
        pushfd
        pop eax
        call hex8
        call newline
        push dword 2
        popfd
        pushfd
        pop eax
        call hex8
        call newline
        jmp finish

; enter_v86 copies ECX bytes of ESI to the snippet's place and goes there.
enter_v86:
        mov edi, V86
        rep movsb
        mov dword [VSTACK+0xfc], 0
        mov edi, stack0-48
        mov ecx, 12
        xor eax, eax
        rep stosd
        xor eax, eax
        push dword 0x6666
        push dword 0x5555
        push dword 0x1000
        push dword 0x3333
        push dword 0x2000
        push dword 0x100
        push dword [vflags]
        push dword 0x1000
        push dword 0
        iretd

on_gate:                                ; notes the data segments that the handler finds
        mov ax, ds
        mov [ss:scratch], ax
        mov ax, es
        mov [ss:scratch+2], ax
        mov ax, fs
        mov [ss:scratch+4], ax
        mov ax, gs
        mov [ss:scratch+6], ax
        mov eax, DATA
        mov ds, eax
        mov es, eax
        mov dword [f_vector], 0x2c
        mov dword [f_code], 0
        mov ss, eax
        mov esp, stack
        mov eax, 0
        jmp dword [recover]
on_gate16:
        mov eax, DATA
        mov ds, eax
        mov es, eax
        mov dword [f_vector], 0x2c
        mov dword [f_code], 0
        mov esp, stack
        mov eax, 0
        jmp dword [recover]

vreport:
        push eax
        mov esi, [f_name]
        call puts
        mov esi, s_vector
        call puts
        mov eax, [f_vector]
        call hex2
        call space
        mov eax, [f_code]
        call hex4
        call space
        mov eax, [stack0-36]
        call hex4
        call space
        mov eax, [stack0-28]
        call hex8
        call space
        mov eax, [esp]
        call hex4
        call space
        mov eax, [stack0-24]
        call hex4
        call space
        movzx eax, word [stack0-24]
        mov eax, [VSTACK+eax]
        call hex4
        pop eax
        jmp newline
        align 4
vflags: dd 0
