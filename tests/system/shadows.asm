; When interrupts that wait are taken: after STI, MOV SS, POPF, IRET and HLT (SDM vol. 2: STI, MOV; vol. 3A 6.8); who may change IF; and
; when NMIs are blocked (6.7.1).
%define LONG 0
%include "lib.inc"
APIC    equ 0xfee00000
SELF    equ 0x32
BUFFER  equ 0x800000
BYTES   equ 0x400000
%macro waiting 2+                       ; an interrupt waits with IF clear
        call request
        try %1, %2
        call drain
%endmacro
%macro waiting3 2+
        call request
        try3 %1, %2
        call drain
%endmacro
%macro flags 2+                         ; EFLAGS after instructions in ring 3
        mov dword [recover], %%after
        push dword UDATA
        push dword ustack
        push dword FLAGS3
        push dword UCODE
        push dword %%go
        iretd
%%go:   %2
        int NONE3
%%name: db %1, " ", 0
%%after:
        mov esi, %%name
        call puts
        mov eax, [f_flags]
        call hex8
        call newline
%endmacro
%macro sti_nop 0
        sti
        nop
        nop
%endmacro
%macro sti_cli 0
        sti
        cli
        nop
        nop
%endmacro
%macro sti_sti 0
        sti
        sti
        nop
        nop
%endmacro
%macro sti_ss 0
        sti
        mov ss, eax
        nop
        nop
%endmacro
%macro sti_popss 0
        push ss
        sti
        pop ss
        nop
        nop
%endmacro
%macro ss_sti 0
        mov ss, eax
        sti
        nop
        nop
%endmacro
%macro sti_jmp 0
        sti
        jmp short %%to
        nop
%%to:   nop
        nop
%endmacro
%macro sti_hlt 0
        sti
        hlt
        nop
%endmacro
%macro sti_ud 0
        sti
        ud2
%endmacro
%macro sti_ss_ud 0
        sti
        mov ss, eax
        ud2
%endmacro
%macro sti_fault 0                      ; the handler's IRET brings the interrupt
        sti
        mov ds, ebx
%endmacro
%macro sti_int 0
        sti
        int 3
%endmacro
%macro popfd_nop 0
        push dword 0x202
        popfd
        nop
        nop
%endmacro
%macro popfw_nop 0
        push word 0x202
        popfw
        nop
        nop
%endmacro
%macro iret_nop 0
        push dword 0x202
        push cs
        push dword %%to
        iretd
        nop
%%to:   nop
        nop
%endmacro
%macro cli_nop 0
        cli
        nop
        nop
%endmacro
%macro popf_ 1
        push dword %1
        popfd
%endmacro
%macro popfw_ 1
        push word %1
        popfw
%endmacro

main:   mov dword [APIC+0xf0], 0x12d
        mov dword [APIC+0x80], 0
        mov dword [APIC+0xe0], -1
        mov dword [APIC+0xd0], 0x01000000
        mov eax, DATA
        waiting "sti", sti_nop
        waiting "sti, cli", sti_cli
        waiting "sti, sti", sti_sti
        mov eax, DATA
        waiting "sti, mov ss", sti_ss
        waiting "sti, pop ss", sti_popss
        mov eax, DATA
        waiting "mov ss, sti", ss_sti
        waiting "sti, jmp", sti_jmp
        waiting "sti, hlt", sti_hlt
        waiting "sti, ud2", sti_ud
        mov eax, DATA
        waiting "sti, mov ss, ud2", sti_ss_ud
        mov ebx, 0x1f8
        waiting "sti, bad load of ds", sti_fault
        waiting "sti, int 3", sti_int
        waiting "popfd", popfd_nop
        waiting "popfw", popfw_nop
        waiting "iret", iret_nop
        waiting "cli", cli_nop
%assign FLAGS3 0x3002
        waiting3 "ring 3, IOPL 3: sti", sti_nop
        waiting3 "ring 3, IOPL 3: popfd", popfd_nop
        waiting3 "ring 3, IOPL 3: cli", cli_nop
%assign FLAGS3 2
        waiting3 "ring 3: popfd", popfd_nop
        waiting3 "ring 3: sti", sti_nop
%assign FLAGS3 0x202
        waiting3 "iret to ring 3", nop
%assign FLAGS3 0x0202
        flags "popfd of 0", popf_ 0
        flags "popfd of all", popf_ 0x003f7ed7
        flags "popfw of 0", popfw_ 0
%assign FLAGS3 0x3202
        flags "IOPL 3: popfd of 0", popf_ 0
        flags "IOPL 3: popfd of IF and IOPL 0", popf_ 0x202
        flags "IOPL 3: popfw of 0", popfw_ 0
%assign FLAGS3 0x1002
        flags "IOPL 1: popfd of all", popf_ 0x003f7ed7

        ; The local timer interrupts repeated instructions: how far RIP is from them, what is wrong with ECX and EDI or ESI, RF.
        mov dword [APIC+0x3e0], 11
        mov dword [APIC+0x320], 0x33
%macro middle 3+                        ; NAME, ESI or EDI, INSTRUCTION
        jmp %%go
%%name: db %1, " +", 0
%%go:   mov dword [tries], 1000
%%try:  mov dword [recover], %%came
        mov ecx, BYTES
        mov esi, BUFFER
        mov edi, BUFFER
        mov dword [APIC+0x380], 5000
        sti
%%at:   %3
        hlt
%%came: mov dword [APIC+0xb0], 0
        lea ebx, [%2+ecx-BUFFER-BYTES]
        dec dword [tries]
        jz %%show
        cmp ecx, 0                      ; in the middle?
        je %%try
        cmp ecx, BYTES
        je %%try
%%show: mov esi, %%name
        call puts
        mov eax, [f_ip]
        sub eax, %%at
        call hex2
        call space
        mov eax, ebx
        call hex8
        call space
        mov eax, [f_flags]
        shr eax, 16
        and eax, 1
        call hex2
        call newline
%endmacro
        middle "rep stosb", edi, rep stosb
        middle "rep lodsb", esi, rep lodsb
        middle "rep movsb", edi, rep movsb
        xor eax, eax
        mov ecx, BYTES
        mov edi, BUFFER
        rep stosb
        middle "repe scasb", edi, repe scasb
        middle "repe cmpsb", esi, repe cmpsb
        mov dx, 0x80
        middle "rep outsb", esi, rep outsb
        mov dword [APIC+0x320], 0x10033

        ; NMIs. nmi notes how deep it is nested.
        mov eax, nmi
        mov [idt+GATE*2], ax
        shr eax, 16
        mov [idt+GATE*2+6], ax
        mov dword [in_nmi], quiet
        call send
        call pause_
        mov esi, s_nmi
        call shown
        mov dword [in_nmi], again       ; another in the handler
        call send
        call pause_
        mov esi, s_nested
        call shown
        mov dword [in_nmi], inner_iret
        call send
        call pause_
        mov esi, s_iret
        call shown
        mov dword [in_nmi], bad_iret
        mov dword [recover], .bad
        call send
        call pause_
.bad:   call pause_
        mov esi, s_bad
        call shown
        mov dword [in_nmi], quiet       ; the one after the others
        mov dword [depth], 0
        call send
        call pause_
        mov esi, s_nmi
        call shown
        mov dword [in_nmi], quiet
        mov esi, s_hlt
        call halted
        jmp finish

halted: call send
        cmp dword [count], 0            ; it may have come before HLT
        jne .shown
        hlt
.shown: jmp shown

request:
        push eax
        mov dword [APIC+0x300], 0x40000|SELF
.wait:  mov eax, [APIC+0x210]           ; IRR
        test eax, 1<<(SELF-0x20)
        jz .wait
        pop eax
        ret
drain:  ; takes what still waits
        push eax
        mov eax, [APIC+0x210]
        test eax, 1<<(SELF-0x20)
        jz .none
        pop eax
        pop dword [scratch+512]
        mov dword [recover], .taken
        sti
        nop
        nop
.taken: mov dword [APIC+0xb0], 0
        jmp [scratch+512]
.none:  mov dword [APIC+0xb0], 0
        pop eax
        ret

send:   mov dword [APIC+0x310], 0
        mov dword [APIC+0x300], 0x4400
        ret
pause_: mov ecx, 2000
.loop:  pause
        loop .loop
        ret
nmi:    pushad
        inc dword [count]
        inc dword [depth]
        mov eax, [depth]
        cmp eax, [deepest]
        jbe .call
        mov [deepest], eax
.call:  call [in_nmi]
        dec dword [depth]
        popad
        iretd
quiet:  ret
again:  cmp dword [count], 1
        jne quiet
        call send
        call pause_
        mov eax, [count]
        mov [early], eax
        ret
inner_iret:
        cmp dword [count], 1
        jne quiet
        call send
        call pause_
        pushfd                          ; IRET of anything unblocks
        push cs
        push dword .after
        iretd
.after: call pause_
        mov eax, [count]
        mov [early], eax
        ret
bad_iret:
        cmp dword [count], 1
        jne quiet
        call send
        call pause_
        mov eax, [count]
        mov [early], eax
        pushfd
        push dword DATA
        push dword 0
        iretd
; shown prints how many NMIs came, how deep they nested, and how many there were when the first one's handler looked.
shown:  call puts
        mov eax, [count]
        call hex2
        call space
        mov eax, [deepest]
        call hex2
        call space
        mov eax, [early]
        call hex2
        xor eax, eax
        mov [count], eax
        mov [deepest], eax
        mov [early], eax
        jmp newline

s_nmi:    db "NMI: ", 0
s_nested: db "NMI in its handler: ", 0
s_iret:   db "NMI after an IRET in its handler: ", 0
s_bad:    db "NMI after an IRET that faults: ", 0
s_hlt:    db "NMI ends HLT: ", 0
        align 4
tries:  dd 0
in_nmi: dd 0
count:  dd 0
depth:  dd 0
deepest: dd 0
early:  dd 0
