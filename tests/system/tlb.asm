; What the TLB must not hold any more (SDM vol. 3A 4.10.4), and code that is changed through another address (8.1.3, 11.6). Each line has the number of
; the frame that is seen at V. What a stale entry would show is never waited for: processors may show either.
%define LONG 1
%include "lib.inc"
V       equ 0x40000000                  ; the page that tests map to one frame and then to another
V2      equ 0x40001000                  ; its alias
FRAMES  equ 0x600000                    ; frame n has n at its start and a function that returns n at FUNC
FUNC    equ 16
pd      equ tables+0x8000
pt      equ tables+0x9000
pt2     equ tables+0xa000
P       equ 3

; map N, FLAGS: V is frame N.
%macro map 1-2 P
        mov qword [pt], FRAMES+%1*0x1000+%2
%endmacro
; touch: V is in the TLB for reading and execution.
%macro touch 0
        mov al, [V]
        call func
%endmacro
; see NAME: prints what is read at V and what the function there returns.
%macro see 1
        jmp %%go
%%name: db %1, 0
%%go:   mov rsi, %%name
        call puts
        call space
        mov al, [V]
        call hex2
        call space
        xor eax, eax
        call func
        call hex2
        call newline
%endmacro
; faults INSTRUCTION: sets CF unless it is a page fault.
%macro faults 1+
        mov qword [recover], %%after
        %1
        int NONE
%%after:
        cmp dword [f_vector], 14
        je %%yes
        stc
        jmp %%end
%%yes:  clc
%%end:
%endmacro
%macro fresh 0-1 P                      ; V is frame 1, and nothing else was
        map 1, %1
        invlpg [V]
        touch
%endmacro

func:   mov ebx, V+FUNC
        jmp rbx

main:   mov eax, pd+3
        mov [tables+0x1008], rax
        mov eax, pt+3
        mov [pd], rax
        mov edi, FRAMES
        mov ecx, 1
.frame: add edi, 0x1000
        mov [rdi], cl
        mov byte [rdi+FUNC], 0xb0       ; mov al, n; ret
        mov [rdi+FUNC+1], cl
        mov byte [rdi+FUNC+2], 0xc3
        inc ecx
        cmp ecx, 8
        jb .frame
        mov edi, tables+0x2000          ; the guest is the supervisor's
        mov ecx, 4
.guest: and byte [rdi], ~4
        add edi, 8
        loop .guest
        mov rax, cr3
        mov cr3, rax
        mov rax, cr0
        or eax, 0x10000
        mov cr0, rax

        fresh
        map 2
        invlpg [V]
        see "invlpg"
        fresh
        map 2
        invlpg [V+0xfff]
        see "invlpg of its last byte"
        fresh
        map 2
        mov rax, cr3
        mov cr3, rax
        see "load of CR3"
        mov rax, cr4
        or eax, 0x80
        mov cr4, rax
        fresh P|0x100
        map 2, P|0x100
        invlpg [V]
        see "global: invlpg"
        fresh P|0x100
        map 2, P|0x100
        mov rax, cr4
        and eax, ~0x80
        mov cr4, rax
        see "global: CR4.PGE"
        mov qword [pt], 0
        invlpg [V]
        faults mov al, [V]
        map 2
        see "not present is not cached"
        fresh P&~2
        map 2
        faults mov byte [V+64], 1
        mov byte [V+64], 1              ; no fault, or one only
        mov al, [FRAMES+0x2000+64]
        call hex2
        call newline
        fresh
        map 2, P&~2
        faults mov byte [V+64], 1
        jc .written
        see "a page fault drops the entry"
.written:
        fresh
        mov rax, pt2+3
        mov [pd], rax
        mov qword [pt2], FRAMES+0x3000+P
        invlpg [V]
        see "another table"
        mov rax, pt+3
        mov [pd], rax
        invlpg [V]
        fresh
        mov qword [pd], 0x600083
        invlpg [V]
        mov al, [V]
        mov al, [V+0x5000]
        mov rax, pt+3
        mov [pd], rax
        map 4
        invlpg [V+0x1ff000]
        see "large page: invlpg of any address"

        ; Accessed and dirty bits are set again.
        fresh
        mov byte [V+64], 1
        and byte [pt], ~0x60
        invlpg [V]
        mov al, [V]
        mov al, [pt]
        and al, 0x60
        call hex2
        mov byte [V+64], 1
        mov al, [pt]
        and al, 0x60
        call hex2
        call newline

        ; Rights that control registers give and take apply at once.
        fresh P&~2
        mov rax, cr0
        and eax, ~0x10000
        mov cr0, rax
        mov byte [V+64], 1
        or eax, 0x10000
        mov cr0, rax
        faults mov byte [V+64], 1
        mov rsi, s_wp
        call verdict
        or byte [tables], 4
        or byte [tables+0x1008], 4
        or byte [pd], 4
        fresh P|4
        mov rax, cr4
        or eax, 0x100000
        mov cr4, rax
        faults call func
        mov rsi, s_smep
        call verdict
        mov rax, cr4
        xor eax, 0x300000
        mov cr4, rax
        stac
        mov al, [V]
        clac
        faults mov al, [V]
        mov rsi, s_smap
        call verdict
        mov rax, cr4
        and eax, ~0x200000
        mov cr4, rax
        and byte [pd], ~4

        ; Code: changed at its own address, at an alias, at its frame's address, by all kinds of stores.
        fresh
        mov qword [pt+8], FRAMES+0x1000+P
        mov byte [V+FUNC+1], 0x11
        cpuid
        see "code changed in place"
        mov byte [V2+FUNC+1], 0x12
        cpuid
        see "code changed at an alias"
        mov byte [FRAMES+0x1000+FUNC+1], 0x13
        cpuid
        see "code changed at its frame"
        mov rsi, bytes
        mov rdi, V2+FUNC
        mov ecx, 3
        rep movsb
        cpuid
        see "code changed by rep movsb"
        lock inc byte [V2+FUNC+1]
        cpuid
        see "code changed by lock inc"
        mov rbx, rsp
        mov rsp, V2+FUNC+8
        push qword [bytes+3]
        mov rsp, rbx
        cpuid
        see "code changed by push"
        movups xmm0, [bytes+11]
        movups [V2+FUNC], xmm0
        cpuid
        see "code changed by movups"
        mov qword [pt+8], FRAMES+0x2000+P
        invlpg [V2]
        mov byte [V2+FUNC+1], 0x22
        cpuid
        see "another frame's code changed"
        map 2
        invlpg [V]
        see "and mapped"
        ; Code that changes the instruction after it, through the alias of its page.
        mov dword [FRAMES+0x5000+32], 0x002504c6        ; mov byte [V2+41], 0x55; mov al, 0; ret
        mov dword [FRAMES+0x5000+35], V2+41
        mov byte [FRAMES+0x5000+39], 0x55
        mov dword [FRAMES+0x5000+40], 0xc300b0
        map 5
        mov qword [pt+8], FRAMES+0x5000+P
        invlpg [V]
        invlpg [V2]
        mov eax, V2+32                  ; at the address that it writes to: seen at once
        call rax
        call hex2
        call newline

%ifndef QEMU                            ; which has no PCIDs
        mov rax, cr4
        or eax, 0x20000
        mov cr4, rax
        mov r12, cr3
        mov r13, r12
        inc r13
        mov r14, r12
        bts r12, 63
        bts r13, 63
        fresh
        map 2
        mov cr3, r13
        see "PCID 1 sees its own"
        mov cr3, r14
        see "PCID 0 loaded without bit 63"
        fresh
        map 2
        mov cr3, r13
        mov qword [desc], 0
        mov qword [desc+8], V
        xor eax, eax
        invpcid rax, [desc]
        mov cr3, r12
        see "INVPCID of an address"
        fresh
        map 2
        mov cr3, r13
        mov eax, 1
        invpcid rax, [desc]
        mov cr3, r12
        see "INVPCID of a PCID"
        fresh
        map 2
        mov cr3, r13
        mov eax, 3
        invpcid rax, [desc]
        mov cr3, r12
        see "INVPCID of all but global"
        mov rax, cr4
        or eax, 0x80
        mov cr4, rax
        fresh P|0x100
        map 2, P|0x100
        mov cr3, r13
        mov eax, 2
        invpcid rax, [desc]
        mov cr3, r12
        see "INVPCID of all"
        fresh P|0x100
        mov cr3, r13
        map 2, P|0x100
        invlpg [V]
        mov cr3, r12
        see "global: invlpg under another PCID"
        fresh
        mov rax, cr4
        map 2
        mov cr3, r13
        and eax, ~0x80
        mov cr4, rax
        mov cr3, r12
        see "CR4.PGE under another PCID"
%endif
        jmp finish

verdict:
        lahf
        push rax
        call puts
        pop rax
        shr eax, 8
        and al, 1
        call hex2
        jmp newline

s_wp:   db "write with WP ", 0
s_smep: db "fetch with SMEP ", 0
s_smap: db "read with SMAP ", 0
        align 16
bytes:  db 0xb0, 0x14, 0xc3
        db 0xb0, 0x16, 0xc3, 0, 0, 0, 0, 0
        db 0xb0, 0x17, 0xc3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        align 16
desc:   dq 0, 0
