; Task switches in protected mode (SDM vol. 3A 7.3, table 7-1): how each ended. A line has vector and error code, EIP, CS, EFLAGS
; and EAX; TR and LDTR; the types of the descriptors of the first task, the 32-bit and the 16-bit one; the back link of these; CR0.TS; what
; the first task's TSS has as EIP (from the test's start) and EFLAGS; DR6 and DR7 when they are not as after reset.
%define LONG 0
%include "lib.inc"
GDT2    equ 0x140000
B32     equ 0x150000
C16     equ 0x151000
LDT     equ 0x152000
T32     equ 0xc0
T16     equ 0xc8
TGATE   equ 0xd0                        ; task gate to T32
LDTDESC equ 0xd8
NPCODE  equ 0xe0
TGATE16 equ 0xe8
TINYCS   equ 0xf0                        ; code with a limit of fff
%macro tbegin 1
%push
        jmp %%go
%%name: db %1, 0
%%go:   mov dword [f_name], %%name
        mov dword [f_at], %%at
        mov dword [recover], %$after
        call treset
%%at:
%endmacro
%macro tend 0
        int NONE3
%$after:
        call treport
%pop
%endmacro
%macro desc 3                           ; selector, low and high doubleword
        mov dword [GDT2+%1], %2
        mov dword [GDT2+%1+4], %3
%endmacro

main:   mov esi, gdt
        mov edi, GDT2
        mov ecx, (gdt_end-gdt)/4
        rep movsd
        mov ecx, 64
        xor eax, eax
        rep stosd
        mov word [scratch], 0x1ff
        mov dword [scratch+2], GDT2
        lgdt [scratch]

        tbegin "jmp to 32 bits"
        jmp T32:0
        tend
        tbegin "call to 32 bits"
        call T32:0
        tend
        tbegin "call to 32 bits and iret"
        mov dword [B32+32], t_iret
        call T32:0x12345678
        mov eax, 7
        tend
        tbegin "jmp to 16 bits"
        jmp T16:0
        tend
        tbegin "call to 16 bits"
        call T16:0
        tend
        tbegin "call to 16 bits and iret"
        mov word [C16+14], 0x8010
        call T16:0
        mov eax, 7
        tend
        tbegin "32 to 16 to 32 bits and back"
        mov dword [B32+32], t_call16
        mov word [C16+14], 0x8010
        call T32:0
        mov eax, 7
        tend
        tbegin "jmp by a task gate"
        jmp TGATE:0
        tend
        tbegin "call by a task gate"
        call TGATE:0
        tend
        tbegin "call of itself"
        call TSS:0
        tend
        tbegin "int by a task gate"
        int 0x2d
        tend
        tbegin "int by a task gate and iret"
        mov dword [B32+32], t_iret
        int 0x2d
        tend
        tbegin "exception with error code by a task gate"
        mov dword [B32+32], t_pop
        mov byte [idt+GATE*13+5], 0x85
        mov word [idt+GATE*13+2], T32
        mov eax, 0x1f8
        mov ds, eax
        tend
        tbegin "exception without error code by a task gate"
        mov dword [B32+32], t_pop
        mov byte [idt+GATE*6+5], 0x85
        mov word [idt+GATE*6+2], T32
        ud2
        tend
        tbegin "exception with error code, 16-bit task"
        mov word [C16+14], 0x8020
        mov byte [idt+GATE*13+5], 0x85
        mov word [idt+GATE*13+2], T16
        mov eax, 0x1f8
        mov ds, eax
        tend
        tbegin "jmp to a busy TSS"
        mov byte [GDT2+T32+5], 0x8b
        jmp T32:0
        tend
        tbegin "call of a busy TSS"
        mov byte [GDT2+T32+5], 0x8b
        call T32:0
        tend
        tbegin "call of a busy TSS by a task gate"
        mov byte [GDT2+T32+5], 0x8b
        call TGATE:0
        tend
        tbegin "int to a busy TSS"
        mov byte [GDT2+T32+5], 0x8b
        int 0x2d
        tend
        tbegin "TSS not present"
        mov byte [GDT2+T32+5], 9
        jmp T32:0
        tend
        tbegin "TSS not present and busy"
        mov byte [GDT2+T32+5], 11
        jmp T32:0
        tend
        tbegin "TSS not present, by a task gate"
        mov byte [GDT2+T32+5], 9
        call TGATE:0
        tend
        tbegin "task gate not present"
        mov byte [GDT2+TGATE+5], 5
        call TGATE:0
        tend
        tbegin "task gate to null"
        mov word [GDT2+TGATE+2], 0
        call TGATE:0
        tend
        tbegin "task gate to the LDT"
        mov word [GDT2+TGATE+2], T32|4
        call TGATE:0
        tend
        tbegin "task gate to data"
        mov word [GDT2+TGATE+2], DATA
        call TGATE:0
        tend
        tbegin "task gate beyond the GDT"
        mov word [GDT2+TGATE+2], 0x200
        call TGATE:0
        tend
        tbegin "int by a task gate to data"
        mov word [idt+GATE*0x2d+2], DATA
        int 0x2d
        tend
        tbegin "TSS too short"
        mov word [GDT2+T32], 0x66
        jmp T32:0
        tend
        tbegin "16-bit TSS too short"
        mov word [GDT2+T16], 0x2a
        jmp T16:0
        tend
        tbegin "16-bit TSS just long enough"
        mov word [GDT2+T16], 0x2b
        jmp T16:0
        tend
        tbegin "TSS of ring 0 from ring 3"
        call to_ring3
        jmp T32:0
        tend
        tbegin "TSS of ring 3 from ring 3"
        mov byte [GDT2+T32+5], 0xe9
        call to_ring3
        call T32:0
        tend
        tbegin "RPL above the DPL of the TSS"
        jmp T32|1:0
        tend
        tbegin "task gate of ring 3 to a TSS of ring 0"
        mov byte [GDT2+TGATE+5], 0xe5
        call to_ring3
        call TGATE:0
        tend
%macro nt 0
        push dword 0x4002
        popfd
        iretd
%endmacro
        tbegin "iret, link is null"
        nt
        tend
        tbegin "iret, link to a TSS that is not busy"
        mov word [tss], T32
        nt
        tend
        tbegin "iret, link to data"
        mov word [tss], DATA
        nt
        tend
        tbegin "iret, link to the LDT"
        mov word [tss], T32|4
        nt
        tend
        tbegin "iret, link beyond the GDT"
        mov word [tss], 0x200
        nt
        tend
        tbegin "iret, link to a TSS that is absent"
        mov byte [GDT2+T32+5], 11
        mov word [tss], T32
        nt
        tend
        tbegin "iret to a TSS that is busy"
        mov byte [GDT2+T32+5], 0x8b
        mov word [tss], T32
        nt
        tend
        tbegin "iret to a TSS with NT"
        mov byte [GDT2+T32+5], 0x8b
        mov word [tss], T32
        mov dword [B32+36], 0x4002
        nt
        tend
        tbegin "jmp with NT to a TSS with NT"
        mov dword [B32+36], 0x4002
        push dword 0x4002
        popfd
        jmp T32:0
        tend
        tbegin "flags"
        mov dword [B32+36], 0xffe40ad7
        jmp T32:0
        tend
        ; Faults in the new task, in ring 3 as its stack is then that of its TSS.
%macro new 4                            ; NAME, offset in the TSS, selector, [other]
        tbegin %1
        call task_ring3
        mov word [B32+%2], %3
        %4
        jmp T32:0
        tend
%endmacro
        new "ring 3", 72, UDATA, nop
        new "cs null", 76, 3, nop
        new "cs of data", 76, UDATA, nop
        new "cs beyond the GDT", 76, 0x203, nop
        new "cs of ring 0, RPL 3", 76, CODE|3, nop
        new "cs conforming of ring 0", 76, CONF|3, nop
        new "cs not present", 76, NPCODE|3, nop
        new "cs of a TSS", 76, T16|3, nop
        new "ss null", 80, 0, nop
        new "ss with RPL 0", 80, UDATA&~3, nop
        new "ss of ring 0", 80, DATA|3, nop
        new "ss of code", 80, UCODE, nop
        new "ss beyond the GDT", 80, 0x203, nop
        new "ss not present", 80, SPARE|3, nop
        new "ds of ring 0", 84, DATA, nop
        new "ds null", 84, 3, nop
        new "ds not present", 84, SPARE|3, nop
        new "es execute-only", 72, SPARE+8|3, nop
        new "fs of a TSS", 88, T16, nop
        new "gs beyond the GDT", 92, 0x203, nop
        new "gs conforming", 92, CONF|3, nop
        new "ldt of data", 96, DATA, nop
        new "ldt beyond the GDT", 96, 0x200, nop
        new "ldt in an LDT", 96, 4, nop
        new "ldt", 96, LDTDESC, nop
        new "ldt with RPL 3", 96, LDTDESC|3, nop
        new "ldt not present", 96, LDTDESC, {mov byte [GDT2+LDTDESC+5], 2}
        new "ldt, ds in it", 96, LDTDESC, {mov word [B32+84], 7}
        new "ds in no ldt", 84, 7, nop
        new "cs null and ds bad: cs", 76, 3, {mov word [B32+84], DATA}
        new "ldt bad and cs bad: ldt", 76, 3, {mov word [B32+96], DATA}
        new "cs not present and ss not present", 76, NPCODE|3, {mov word [B32+80], SPARE|3}
        new "cs of data and ss of code", 76, UDATA, {mov word [B32+80], UCODE}
        new "ss bad and ds bad: ss", 80, DATA, {mov word [B32+84], DATA}
        new "eip beyond the limit", 76, TINYCS|3, nop
        new "eip beyond the limit and ds bad", 76, TINYCS|3, {mov word [B32+84], DATA}
        new "debug trap", 100, 1, nop
        new "debug trap and ds bad", 100, 1, {mov word [B32+84], DATA}
        new "virtual-8086 mode", 38, 2, nop
        tbegin "call, and cs bad"
        call task_ring3
        mov word [B32+76], NPCODE|3
        call T32:0
        tend
        tbegin "int, and cs bad"
        call task_ring3
        mov word [B32+76], NPCODE|3
        int 0x2d
        tend
        tbegin "exception, and cs bad"
        call task_ring3
        mov word [B32+76], NPCODE|3
        mov byte [idt+GATE*6+5], 0x85
        mov word [idt+GATE*6+2], T32
        ud2
        tend
        tbegin "L0 is cleared, G1 stays"
        mov eax, 0x30b
        mov dr7, eax
        jmp T32:0
        tend
        tbegin "single step into a task"
        push dword 0x102
        popfd
        jmp T32:0
        tend
        tbegin "single step in the new task"
        mov dword [B32+36], 0x102
        jmp T32:0
        tend
        jmp finish

t_code: int NONE3
        nop
        int NONE3
t_iret: mov ebx, 5
        iretd
        int NONE3
t_pop:  pop eax
        int NONE3
t_call16:
        call T16:0
        iretd
        int NONE3
bits 16
        align 16
code16: int NONE3                       ; at 8000
        align 16
        iret                            ; at 8010
        int NONE3
        align 16
        pop ax                          ; at 8020
        int NONE3
code16_end:
bits 32
to_ring3:
        pop eax
        push dword UDATA
        push dword ustack
        push dword 2
        push dword UCODE
        push eax
        iretd
task_ring3:
        mov word [B32+76], UCODE
        mov word [B32+80], UDATA
        mov dword [B32+56], ustack
        mov word [B32+84], UDATA
        mov word [B32+72], UDATA
        ret

; treset puts all tables as they are at each test's start.
treset: pushad
        mov eax, cr0
        and al, ~8
        mov cr0, eax
        xor eax, eax
        mov dr6, eax
        mov dr7, eax
        lldt ax
        mov byte [GDT2+TSS+5], 0x89
        mov ax, TSS
        ltr ax
        mov edi, tss+32
        mov ecx, 18
        xor eax, eax
        rep stosd
        mov word [tss], 0
        desc T32, 0x00000067, 0x00008915
        desc T16, 0x10000067, 0x00008115
        desc TGATE, T32<<16, 0x8500
        desc TGATE16, T16<<16, 0x8500
        desc LDTDESC, 0x20000007, 0x00008215
        desc NPCODE, 0x0000ffff, 0x00cf7b00
        desc TINYCS, 0x00000fff, 0x0040fb00
        desc SPARE, 0x0000ffff, 0x00cf7300
        desc SPARE+8, 0x0000ffff, 0x00cff900
        mov dword [LDT], 0x0000ffff
        mov dword [LDT+4], 0x00cff300
        mov edi, B32
        mov ecx, 26
        xor eax, eax
        rep stosd
        mov dword [B32+4], stack0
        mov dword [B32+8], DATA
        mov dword [B32+32], t_code
        mov dword [B32+36], 2
        mov dword [B32+40], 0xb0b0b0b0
        mov dword [B32+56], ist1
        mov dword [B32+72], DATA
        mov dword [B32+76], CODE
        mov dword [B32+80], DATA
        mov dword [B32+84], DATA
        mov dword [B32+102], 0x68
        mov edi, C16
        mov ecx, 11
        rep stosd
        mov word [C16+14], 0x8000
        mov word [C16+16], 2
        mov word [C16+18], 0xc0c0
        mov word [C16+26], 0x9000
        mov word [C16+34], DATA
        mov word [C16+36], GDT16CODE
        mov word [C16+38], SS16
        mov word [C16+40], DATA
        desc SS16, 0x0000ffff, 0x00009300
        desc GDT16CODE, 0x0000ffff, 0x00009b00
        mov esi, code16
        mov edi, 0x8000
        mov ecx, code16_end-code16
        rep movsb
        mov dword [idt+GATE*0x2d], T32<<16
        mov dword [idt+GATE*0x2d+4], 0x8500
        mov eax, stubs+16*6
        mov [idt+GATE*6], ax
        mov word [idt+GATE*6+2], CODE
        mov byte [idt+GATE*6+5], 0x8e
        mov eax, stubs+16*13
        mov [idt+GATE*13], ax
        mov word [idt+GATE*13+2], CODE
        mov byte [idt+GATE*13+5], 0x8e
        popad
        ret
GDT16CODE equ 0xf8
SS16    equ 0x100

treport:
        str [r_tr]
        sldt [r_ldt]
        mov eax, cr0
        mov [r_cr0], eax
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
        mov ebx, [f_ip]                 ; t: from t_code, +: from the test's start, else as it is
        mov al, 't'
        sub ebx, t_code
        cmp ebx, code16-t_code
        jb .where
        mov al, '+'
        mov ebx, [f_ip]
        sub ebx, [f_at]
        jae .where
        mov ebx, [f_ip]
        mov al, '='
.where: call putc
        mov eax, ebx
        call hex4
        call space
        mov eax, [f_cs]
        call hex4
        call space
        mov eax, [f_flags]
        call hex8
        call space
        mov eax, [f_ax]
        call hex8
        mov al, ','
        call putc
        call space
        mov ax, [r_tr]
        call hex2
        call space
        mov ax, [r_ldt]
        call hex2
        call space
        mov al, [GDT2+TSS+5]
        call hex2
        mov al, [GDT2+T32+5]
        call hex2
        mov al, [GDT2+T16+5]
        call hex2
        call space
        mov ax, [B32]
        call hex2
        mov ax, [C16]
        call hex2
        call space
        mov eax, [r_cr0]
        shr eax, 3
        and eax, 1
        call hex2
        cmp dword [tss+32], 0
        je .saved
        mov al, ','
        call putc
        call space
        mov eax, [tss+32]
        sub eax, [f_at]
        call hex2
        call space
        mov eax, [tss+36]
        call hex8
.saved: mov eax, dr6
        cmp eax, 0xffff0ff0
        je .dr7
        call space
        mov eax, dr6
        call hex4
.dr7:   mov eax, dr7
        cmp eax, 0x400
        je .end
        call space
        mov eax, dr7
        call hex4
.end:   jmp newline
r_tr:   dw 0
r_ldt:  dw 0
r_cr0:  dd 0
