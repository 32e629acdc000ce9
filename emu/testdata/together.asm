; Four processors that work at the same time: what they count in memory, with LOCK and under a spin lock, what they do to devices' ports, and interrupts from one to the next,
; which halted processors wake for; meanwhile the first is in system management mode now and then. A line each on the debug console. Handlers do not use IRET, which some KVMs cannot in kernel mode: they go on where the wait ends.
%include "../../tests/direct/common.inc"

APIC    equ 0xfee00000
IOAPIC  equ 0xfec00000
CPUS    equ 4
HANDLER equ 0x38000                     ; of system management interrupts, after power-on
DEVACTB equ 0x80000b58                  ; of the PIIX4's power management, with APMC_EN
GLBCTL  equ 0x628
TRAMP   equ 0x8000                      ; page of the start-up interrupt's vector
TURNS   equ 2000
ROUNDS  equ 50
CODE    equ 8
DATA    equ 16

%macro say 1+
        mov esi, %%text
        jmp %%go
%%text: db %1, 0
%%go:   call print
%endmacro

; await VECTOR: halts until the interrupt comes.
%macro await 1
        mov dword [resume+4*ebp], %%next
        mov dword [expect+4*ebp], %1
        sti
%%halt: hlt
        jmp %%halt
%%next: cli
        mov dword [APIC+0xb0], 0
%endmacro

; meet: waits until all processors are here.
%macro meet 0
        lock inc dword [here]
        inc dword [gate+4*ebp]
        mov eax, [gate+4*ebp]
        shl eax, 2                      ; CPUS of them for each time
%%wait: pause
        cmp [here], eax
        jb %%wait
%endmacro

start:  mov esp, stacks+0x1000
        lgdt [gdtr]
        jmp CODE:.flat
.flat:  mov ax, DATA
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esi, tramp
        mov edi, TRAMP
        mov ecx, tramp_end - tramp
        rep movsb
        mov esi, handler
        mov edi, HANDLER
        mov ecx, handler_end - handler
        rep movsb
        mov edx, 0xcf8
        mov eax, DEVACTB
        out dx, eax
        mov edx, 0xcfc
        in eax, dx
        or eax, 1<<25
        out dx, eax
        mov edx, GLBCTL
        in eax, dx
        or al, 1                        ; SMI_EN
        out dx, eax
        ; An IDT whose gates lead to entries of 16 bytes.
        mov edi, idt
        mov eax, entries
        mov ecx, 256
.gate:  mov [edi], ax
        mov word [edi+2], CODE
        mov word [edi+4], 0x8e00
        mov edx, eax
        shr edx, 16
        mov [edi+6], dx
        add edi, 8
        add eax, 16
        dec ecx
        jnz .gate
        mov al, 0xff                    ; the 8259As
        out 0x21, al
        out 0xa1, al
        xor ebp, ebp
        mov dword [APIC+0x300], 0xc4500 ; INIT to all but this one
        mov dword [APIC+0x300], 0xc4600|TRAMP>>12
        mov dword [APIC+0x300], 0xc4600|TRAMP>>12 ; once more, as manuals want it: who runs drops it

; All processors; EBP is the APIC ID.
work:   lidt [idtr]
        mov dword [APIC+0xf0], 0x1ff
        mov dword [APIC+0x80], 0
        meet
        mov ecx, TURNS
.count: lock inc dword [locked]
        mov eax, 3
        lock xadd [added], eax
.spin:  mov al, 1
        xchg [spin], al
        test al, al
        jz .mine
        pause
        jmp .spin
.mine:  mov eax, [shared]               ; as slow as it can be
        pause
        inc eax
        mov [shared], eax
        mov byte [spin], 0
        test ebp, ebp
        jnz .no
        test cl, 63
        jnz .no
        out 0xb2, al
.no:    dec ecx
        jnz .count
        meet
        mov ecx, 200                    ; ports and registers of devices: a byte of the clock's memory each
.ports: mov al, cl
        xor al, 0x5a
.lock:  mov ah, 1
        xchg [spin], ah
        test ah, ah
        jnz .lock
        mov ah, al
        lea eax, [eax]
        mov dl, al
        lea eax, [ebp+0x40]
        out 0x70, al
        mov al, dl
        out 0x71, al
        lea eax, [ebp+0x40]
        out 0x70, al
        in al, 0x71
        mov byte [spin], 0
        cmp al, dl
        je .right
        lock inc dword [wrong]
.right: in al, 0x61                     ; without a lock
        out 0x80, al
        mov eax, [APIC+0x20]            ; its own
        shr eax, 24
        cmp eax, ebp
        je .own
        lock inc dword [wrong]
.own:   mov eax, [IOAPIC+0x10]
        dec ecx
        jnz .ports
        meet

        ; Interrupts go round: who gets one sends the next.
        mov ebx, ROUNDS
        test ebp, ebp
        jz .first
.round: await 0x41
        lock inc dword [taken]
        call next
        dec ebx
        jnz .round
        jmp .done
.first: call next
        await 0x41
        lock inc dword [taken]
        dec ebx
        jnz .first
.done:  meet

        ; A timer of its own, for each.
        mov dword [APIC+0x3e0], 0xb
        mov dword [APIC+0x320], 0x42
        mov dword [APIC+0x380], 100000
        await 0x42
        lock inc dword [timers]
        meet

        ; The last processor gets a device's interrupt by the I/O APIC, and then an NMI of the first.
        cmp ebp, CPUS-1
        jne .others
        mov dword [IOAPIC], 0x15        ; pin 2, the 8254
        mov dword [IOAPIC+0x10], (CPUS-1)<<24
        mov dword [IOAPIC], 0x14
        mov dword [IOAPIC+0x10], 0x43
        mov al, 0x30
        out 0x43, al
        mov al, 0x00
        out 0x40, al
        mov al, 0x02
        out 0x40, al
        await 0x43
        lock inc dword [devices]
        mov dword [resume+4*ebp], .nmi
        mov dword [expect+4*ebp], 2
        mov dword [ready], 1
.halt:  hlt
        jmp .halt
.nmi:   lock inc dword [nmis]
        jmp .last
.others:
        test ebp, ebp
        jnz .last
.wait:  pause
        cmp dword [ready], 0
        je .wait
        mov dword [APIC+0x310], (CPUS-1)<<24
        mov dword [APIC+0x300], 0x4400
.last:  meet
        test ebp, ebp
        jz report
.end:   cli
        hlt
        jmp .end

; next sends the interrupt to the next processor.
next:   lea eax, [ebp+1]
        and eax, CPUS-1
        shl eax, 24
        mov [APIC+0x310], eax
        mov dword [APIC+0x300], 0x4041
        ret

report: say "locked "
        mov eax, [locked]
        call hex
        say 10, "added "
        mov eax, [added]
        call hex
        say 10, "under a spin lock "
        mov eax, [shared]
        call hex
        say 10, "wrong values of devices "
        mov eax, [wrong]
        call hex
        say 10, "interrupts that went round "
        mov eax, [taken]
        call hex
        say 10, "timers "
        mov eax, [timers]
        call hex
        say 10, "of a device "
        mov eax, [devices]
        call hex
        say 10, "NMIs "
        mov eax, [nmis]
        call hex
        say 10, "SMIs "
        mov eax, [smis]
        call hex
        say 10, "unexpected "
        mov eax, [unexpected]
        call hex
        say 10, "end"
        xor eax, eax
        out 0xf4, al
        jmp $

; print a text at ESI, hex EAX.
print:  lodsb
        test al, al
        jz .end
        out 0xe9, al
        jmp print
.end:   ret
hex:    mov ecx, 8
.digit: rol eax, 4
        mov edx, eax
        and edx, 15
        mov dl, [digits+edx]
        xchg eax, edx
        out 0xe9, al
        xchg eax, edx
        dec ecx
        jnz .digit
        ret
digits: db "0123456789abcdef"

; Entries of interrupts: EBP is the APIC ID in all code that can be interrupted.
entries:
%assign i 0
%rep 256
        align 16
        push dword i
        jmp taken1
%assign i i+1
%endrep
taken1: pop eax
        cmp eax, [expect+4*ebp]
        je .right
        lock inc dword [unexpected]
.right: add esp, 12                     ; what the interrupt has pushed
        jmp [resume+4*ebp]

bits 16
handler: inc dword [dword smis]
        rsm
handler_end:

; In real mode at first.
tramp:
        cli
        xor ax, ax
        mov ds, ax
        lgdt [TRAMP+gdtr16-tramp]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword CODE:TRAMP+.flat-tramp
bits 32
.flat:  mov ax, DATA
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov ebp, [APIC+0x20]
        shr ebp, 24
        mov esp, ebp
        inc esp
        shl esp, 12
        add esp, stacks
        mov eax, work
        jmp eax
gdtr16: dw 23
        dd gdt
tramp_end:

align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:   dw 23
        dd gdt
idtr:   dw 256*8-1
        dd idt
align 4
here:   dd 0
locked: dd 0
added:  dd 0
shared: dd 0
wrong:  dd 0
taken:  dd 0
timers: dd 0
devices: dd 0
nmis:   dd 0
smis:   dd 0
ready:  dd 0
unexpected: dd 0
spin:   dd 0
gate:   times CPUS dd 0
resume: times CPUS dd 0
expect: times CPUS dd 0
align 4096
idt     equ $
stacks  equ idt+4096
bss_end equ stacks+CPUS*4096
