; System management mode (SDM vol. 3C 31; AMD APM vol. 2 10): relocation, SMIs by the APM port, local APIC and LINT0, the save area, RSM to
; 64-bit (LONG=1) or protected and real (LONG=0) code, HLT, NMI, SMRAM. The handler notes what it saw and goes to [h_hook], 16-bit code that
; ends with RSM.
%include "lib.inc"
APIC    equ 0xfee00000
SMBASE  equ 0xa8000
AREA    equ SMBASE+0xfe00
NMICODE equ 0x6000                      ; handler of vector 2 in SMM

%macro say 1
        jmp %%go
%%name: db %1, 0
%%go:   mov xSI, %%name
        call puts
%endmacro
; pci FUNCTION, REGISTER: selects a register in configuration space
%macro pci 2
        mov edx, 0xcf8
        mov eax, 0x80000000|(%1)<<8|(%2)&0xfc
        out dx, eax
        mov edx, 0xcfc|(%2)&3
%endmacro
; show NAME, SIZE, ADDRESS: prints a number
%macro show 3
        say %1
        mov eax, [%3]
        call hex%2
        call newline
%endmacro
; field NAME, OFFSET: prints a dword of the save area
%macro field 2
        show %1, 8, area+(%2)-0xfe00
%endmacro
; segm NAME, OFFSET: selector, attributes, limit, base
%macro segm 2
        say %1
        mov eax, [area+(%2)-0xfe00]
        call hex4
        call space
        mov eax, [area+(%2)-0xfe00+2]
        and eax, 0xf0ff
        call hex4
        call space
        mov eax, [area+(%2)-0xfe00+4]
        call hex8
        call space
        mov eax, [area+(%2)-0xfe00+8]
        call hex8
        call newline
%endmacro
%macro hook 1
        mov dword [h_hook], %1
        mov dword [h_count], 0
%endmacro
%macro smi 0
        out 0xb2, al
        jmp short $+2                   ; QEMU looks for interrupts at jumps
%endmacro
%macro count 1
        show %1, 8, h_count
%endmacro
; out8 PORT, VALUE...
%macro out8 2-*
%assign port %1
%rep %0-1
%rotate 1
        mov al, %1
        out port, al
%endrep
%endmacro
; start_timer: one interrupt of the 8254, by an 8259 that knows of none before
%macro start_timer 0
        out8 0x43, 0x30
        out8 0x20, 0x11
        out8 0x21, 0x20, 4, 1, 0xfe
        out8 0x40, 0x00, 0x20
%endmacro
; jne32 LABEL: in 16-bit code, whose own jumps clear the upper half of EIP
%macro jne32 1
        db 0x66
        bits 32
        jne near %1
        bits 16
%endmacro
; smram VALUE: the SMRAM register
%macro smram 1
        pci 0, 0x72
        mov al, %1
        out dx, al
%endmacro
; visible NAME: whether SMRAM is
%macro visible 1
        say %1
        mov eax, [SMBASE+0x8000]
        cmp eax, [handler]
        sete al
        movzx eax, al
        call hex2
        call newline
%endmacro

main:
%if LONG
        mov dword [tables+0x1000+24], tables+0x9000+7
        mov dword [tables+0x9000+8*0x1f7], 0xfee00000|0x9b
        mov rax, cr3
        mov cr3, rax
%endif
        pci 0x0b, 0x40                  ; power management: PMBASE, enable, APMC_EN
        mov eax, 0x601
        out dx, eax
        pci 0x0b, 0x80
        mov al, 1
        out dx, al
        pci 0x0b, 0x58
        in eax, dx
        or eax, 1<<25
        out dx, eax
        mov edx, 0x628                  ; SMI_EN
        mov eax, 1
        out dx, eax
        mov ebp, APIC
        mov dword [xBP+0xf0], 0x1ff

        ; The firmware may have its own handler at A0000h: ours lies at all three places.
        smram 0x4a
        mov edi, 0x38000
        call place
        mov edi, 0xa8000
        call place
        mov edi, SMBASE+0x8000
        call place
        visible "open "
        smram 0x0a
        visible "closed "
        hook relocate
        smi
        count "SMIs "
        hook plain
        smi
        count "at the new place "

        show "CS ", 4, h_cs
        show "DS ", 4, h_ds
        say "CR0 "
        mov eax, [h_cr0]
        and eax, 0x9fffffff
        call hex8
        call newline
        show "CR4 ", 8, h_cr4
        show "EFLAGS ", 8, h_flags
        show "DR7 ", 8, h_dr7
        show "EFER ", 8, h_efer

        ; The save area.
        mov eax, 0x700
        mov dr7, xAX
        mov eax, DATA
        mov fs, ax
%if LONG
        mov ecx, 0xc0000100             ; FS base
        mov eax, 0x11223344
        mov edx, 0x1234
        wrmsr
        mov r8, 0x1122334455667788
        mov r15, 0xffeeddccbbaa9988
%endif
        mov eax, SMALL
        mov es, ax
        mov ebx, 0xb0b0b0b0
        mov ecx, 0xc0c0c0c0
        mov edx, 0xd0d0d0d0
        mov esi, 0x51515151
        mov edi, 0xd1d1d1d1
        mov ebp, 0xbbbbbbbb
        mov eax, 0xa0a0a0a0
        stc
smi_at: smi
        mov [r_regs], xAX
        setc [r_carry]
        mov [r_regs+W], xBX
        mov [r_regs+2*W], xBP
        mov xAX, dr7
        mov [r_dr7], eax
        mov eax, es
        mov [r_es], eax
        mov eax, DATA
        mov es, ax
        field "revision ", 0xfefc
        field "SMBASE ", 0xff00
        say "RIP +"
        mov eax, [area+0xff78-0xfe00]
        sub eax, smi_at+2
        call hex2
        call newline
        say "RFLAGS "
        mov eax, [area+0xff70-0xfe00]
        and eax, 0x203
        call hex4
        call newline
        say "CR0 "
        mov eax, [area+0xff58-0xfe00]
        and eax, 0x9fffffff
        call hex8
        call newline
        field "CR3 ", 0xff50
        field "CR4 ", 0xff48
        field "EFER ", 0xfed0
        field "DR7 ", 0xff60
        field "RAX ", 0xfff8
        field "RCX ", 0xfff0
        field "RDX ", 0xffe8
        field "RBX ", 0xffe0
        field "RBP ", 0xffd0
        field "RSI ", 0xffc8
        field "RDI ", 0xffc0
%if LONG
        field "R8 ", 0xffb8
        field "R8, high ", 0xffbc
        field "R15 ", 0xff80
        field "FS base, high ", 0xfe4c
%endif
        segm "ES ", 0xfe00
        segm "CS ", 0xfe10
        segm "SS ", 0xfe20
        segm "FS ", 0xfe40
        say "TR "
        mov eax, [area+0x90]
        call hex4
        call newline
        say "GDT "
        mov eax, [area+0x64]
        call hex4
        call space
        mov eax, [area+0x68]
        sub eax, gdt
        call hex8
        call newline
        say "IDT "
        mov eax, [area+0x84]
        call hex4
        call newline
        show "after RSM: RAX ", 8, r_regs
        show "RBX ", 8, r_regs+W
        show "RBP ", 8, r_regs+2*W
        show "carry ", 2, r_carry
        show "DR7 ", 8, r_dr7
        show "ES ", 4, r_es
        mov ebp, APIC

        hook change
        smi
        mov [r_regs], xAX
        show "a changed save area ", 8, r_regs

        try "RSM outside", rsm
%assign FLAGS3 0x3002
        hook plain
        try3 "from ring 3", smi
        count "SMIs "
        show "CS ", 4, area+0x10
        hook plain
        mov dword [xBP+0x310], 0        ; SMI to itself
        mov dword [xBP+0x300], 0x4200
        times 8 nop
        count "by the local APIC "
        hook again
        smi
        count "one waits for RSM "

        hook nmi
        try "NMI waits for RSM", smi
        count "SMIs "
        hook plain
        mov dword [h_iret], 1
        try "NMI after IRET in SMM", smi
        mov dword [h_iret], 0
        show "NMIs in SMM ", 2, h_nmis

%ifndef BOCHS                           ; it has no SMI by LINT0
%ifndef QEMU                            ; nor this one auto-halt restart
        ; The 8254's interrupt comes to LINT0 as SMI. The handler makes another edge the first time.
        mov dword [xBP+0x350], 0x200
        hook halt
        start_timer
        hlt
at_hlt: count "SMIs during HLT "
        show "auto-halt ", 4, h_halts
        say "HLT: RIP +"
        mov eax, [area+0xff78-0xfe00]
        sub eax, at_hlt
        call hex2
        call newline
        mov dword [xBP+0x350], 0x10000
%endif
%endif
%if !LONG
        call from_real
        show "from real mode: CS ", 4, area+0x10
        show "CS base ", 8, area+0x18
        show "RIP ", 4, area+0xff78-0xfe00
        show "DS limit ", 8, area+0x34
        show "after it: BX ", 4, r_regs
        show "unreal DS ", 8, r_regs+4
%endif
%ifdef SMP
        ; Another processor looks at SMRAM while this one is in the handler, and takes an SMI at its own SMBASE.
        mov eax, [handler]
        mov [0x9000], eax
        mov esi, ap
        mov edi, 0x8000
        mov ecx, ap_end-ap
        rep movsb
        mov dword [xBP+0x310], 1<<24
        mov dword [xBP+0x300], 0xc4500
        mov ecx, 1000000
.init:  dec ecx
        jnz .init
        mov dword [xBP+0x300], 0x4608
.up:    pause
        cmp dword [0x9004], 10
        jb .up
        mov dword [r_regs], 0
        mov dword [0x9008], 0
        hook spin
        smi
        show "the handler sees another's memory ", 8, r_regs
        mov eax, [0x9008]
        cmp eax, 1
        sbb eax, eax
        inc eax
        mov [r_regs], eax
        show "another processor sees SMRAM ", 8, r_regs
        hook plain
        mov dword [xBP+0x310], 1<<24
        mov dword [xBP+0x300], 0x4200
.smi:   pause
        cmp dword [h_count], 1
        jne .smi
        show "its SMI: CS ", 4, h_cs
        mov eax, [0x9004]
        add eax, 10
.on:    pause
        cmp [0x9004], eax
        jb .on
        say "it goes on"
        call newline
%endif
        visible "SMRAM is closed "
        smram 0x1a
        smram 0x4a
        visible "and locked "
        pci 0, 0x72
        in al, dx
        mov [r_regs], al
        show "register ", 2, r_regs
        hook plain
        smi
        count "SMIs "
%ifdef SHUTDOWN
        hook bad
        smi
        say "survived"
        call newline
%endif
        jmp finish

place:  mov esi, handler
        mov ecx, handler_end-handler
        rep movsb
        ret

bits 16
handler:                                ; CS base is SMBASE
        mov [dword h_eax], eax
        mov eax, cr0
        mov [dword h_cr0], eax
        mov eax, cr4
        mov [dword h_cr4], eax
        mov eax, dr7
        mov [dword h_dr7], eax
        mov [dword h_cs], cs
        mov [dword h_ds], ds
        mov esp, 0x7000
        pushfd
        pop dword [dword h_flags]
        mov ecx, 0xc0000080
        rdmsr
        mov [dword h_efer], eax
        inc dword [dword h_count]
        mov ebx, cs
        movzx ebx, bx
        shl ebx, 4
        lea esi, [ebx+0xfe00]
        mov edi, area
        mov ecx, 0x200/4
        cld
        a32 rep movsd
        cmp dword [dword h_iret], 0
        je .hook
        lidt [dword ivt]                ; IRET ends the masking of NMIs
        mov dword [dword 8], SMBASE<<12|(.nmi-handler+0x8000)
        mov dword [dword APIC+0x310], 0
        mov dword [dword APIC+0x300], 0x4400
        times 8 nop
        cmp byte [dword h_nmis], 0      ; still masked
        jne .hook
        pushf
        push cs
        push .back-handler+0x8000
        iret
.nmi:   inc byte [dword h_nmis]
        iret
.back:  times 8 nop
.hook:  mov eax, [dword h_hook]
        sub eax, ebx
        jmp eax
handler_end:

relocate:
        mov dword [ebx+0xff00], SMBASE
plain:  rsm
change: mov dword [ebx+0xfff8], 0x600df00d
        rsm
again:  cmp dword [dword h_count], 1
        jne32 plain
        out 0xb2, al
        out 0xb2, al
        rsm
nmi:    mov dword [dword APIC+0x310], 0
        mov dword [dword APIC+0x300], 0x4400
        times 8 nop
        rsm
halt:   mov al, [ebx+0xfec9]
        cmp al, 0
        jne32 .halted
        start_timer                     ; it came before HLT
        dec dword [dword h_count]
        rsm
.halted:
        mov ecx, [dword h_count]
        mov [ecx+h_halts-1], al
        mov al, 0xff
        out 0x21, al
        cmp ecx, 1
        jne32 .on
        mov al, 0xfe
        out 0x21, al
        rsm
.on:    mov byte [ebx+0xfec9], 0
        rsm
%ifdef SMP
spin:   mov ecx, [dword 0x9004]
        add ecx, 200
.wait:  pause
        mov eax, [dword SMBASE+0x8000]
        cmp eax, [dword handler]
        setne al
        movzx eax, al
        add [dword r_regs], eax
        cmp [dword 0x9004], ecx
        setb al
        test al, al
        jne32 .wait
        rsm
ap:     mov ax, (SMBASE+0x8000)>>4
        mov ds, ax
        xor bx, bx
        mov es, bx
.look:  mov eax, [0]
        cmp eax, [es:0x9000]
        jne .no
        inc dword [es:0x9008]
.no:    inc dword [es:0x9004]
        pause
        jmp .look
ap_end:
%endif
bad:    mov dword [ebx+0xff58], 0x80000010 ; PG without PE
        rsm

%if !LONG
bits 32
from_real:
        mov esi, real                   ; real-mode code below 1 MiB
        mov edi, 0x5000
        mov ecx, real_end-real
        rep movsb
        mov dword [gdt+SPARE], 0x0000ffff
        mov dword [gdt+SPARE+4], 0x00009b00
        lidt [ivt]
        jmp SPARE:0x5000
bits 16
real:   mov eax, cr0
        and al, 0xfe
        mov cr0, eax
        jmp 0x4f0:.at-real+0x100
.at:    mov bx, 0x1234
        out 0xb2, al
        mov [dword r_regs], ebx
        mov ecx, [dword seen]
        mov [dword r_regs+4], ecx       ; DS is flat still
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword CODE:back
bits 32
real_end:
back:   lidt [idtr]
        ret
%endif
        align 8
ivt:    dw 0x3ff
        dd 0, 0
seen:   dd 0x13579bdf
h_eax:  dd 0
h_cr0:  dd 0
h_cr4:  dd 0
h_dr7:  dd 0
h_cs:   dd 0
h_ds:   dd 0
h_flags: dd 0
h_efer: dd 0
h_count: dd 0
h_hook: dd 0
h_iret: dd 0
h_nmis: dd 0
h_halts: dd 0
r_carry: dd 0
r_dr7:  dd 0
r_es:   dd 0
r_regs: times 4 dq 0
area:   times 512 db 0
