; Four processors: start by INIT and SIPI, interprocessor interrupts in xAPIC mode and, with X2 defined, in x2APIC mode, LOCK, TLB
; shootdown, code changed by another processor (SDM vol. 3A 9.1, 9.3, 9.4, 11.6, 11.12). The bootstrap processor gives commands;
; the others do them and count. Each line shows a count for each processor, by APIC ID.
%define LONG 1
%include "lib.inc"
default abs
APIC    equ 0xfee00000
TRAMP   equ 0x8000                      ; page of the start-up interrupt's vector
PT      equ tables+0x8000
PD3     equ tables+0x9000
WINDOW  equ 0x600000                    ; what the page table maps
CPUS    equ 4

; Commands of the application processors.
C_PING  equ 1
C_INC   equ 2                           ; LOCK INC and others
C_SPIN  equ 3                           ; count under a spin lock
C_LDR   equ 4                           ; take LDR and DFR from [c_ldr+4*ID] and [c_dfr]
C_TPR   equ 5                           ; take TPR from [c_tpr+4*ID]
C_READ  equ 6                           ; read the window into [c_seen+4*ID]
C_CALL  equ 7                           ; call [changed] and keep EAX
C_X2    equ 8                           ; to x2APIC mode
C_MASK  equ 9                           ; clear IF for this command only, and halt

%macro say 1
        jmp %%go
%%name: db %1, 0
%%go:   mov rsi, %%name
        call puts
%endmacro

; counts NAME, ARRAY: prints the dwords of ARRAY, and clears them.
%macro counts 2
        say %1
        mov rdi, %2
        call show_counts
%endmacro

; settle COUNT waits until so many interrupts were taken; for 0 it waits a moment.
%macro settle 1
        mov edx, %1
        call wait_taken
%endmacro
; ipi DEST, LOW, COUNT: in xAPIC mode.
%macro ipi 3
        mov dword [r15+0x310], (%1)<<24
        mov dword [r15+0x300], %2
        settle %3
%endmacro
%macro command 1
        mov eax, %1
        call do_command
%endmacro
%macro stihlt 0
        sti
        hlt
%endmacro
%macro stinop 0
        sti
        nop
        nop
        nop
        cli
%endmacro
; disarmed NAME, CODE: sets the deadline, disarms it by CODE, and looks when it has passed. A host that is so late that it has passed before
; is given twice the time.
%macro disarmed 2+
        mov dword [ahead], 100000
%%set:  shl dword [ahead], 1
        mov dword [r15+0x320], 0x40033
        call soon
        %2
        call passed
        jb %%wait
        mov word_ [recover], %%late
        stinop                          ; it may have come
        int NONE
%%late: mov dword [r15+0xb0], 0
        jmp %%set
%%wait: call passed
        jb %%wait
        try %1, stinop
%endmacro
; msr_set NUMBER, HIGH, LOW and msr_get NUMBER
%macro msr_set 3
        mov ecx, %1
        mov edx, %2
        mov eax, %3
        wrmsr
%endmacro
%macro msr_get 1
        mov ecx, %1
        rdmsr
%endmacro

main:   mov r15d, APIC
        mov dword [tables+0x1000+24], PD3+7
        mov dword [PD3+8*0x1f7], 0xfee00000|0x9b ; PCD, PWT
        mov dword [tables+0x2000+24], PT+7
        mov dword [PT], 0x300000|7
        mov dword [PT+8], 0x302000|7
        mov rax, cr3
        mov cr3, rax
        mov dword [0x300000], 'old'
        mov dword [0x301000], 'new'
        mov esi, tramp
        mov edi, TRAMP
        mov ecx, tramp_end-tramp
        rep movsb
        mov esi, tramp2
        mov edi, TRAMP+0x1000
        mov ecx, tramp2_end-tramp2
        rep movsb
        mov ecx, 256                    ; interrupts of the application processors
        mov edi, apidt
        mov edx, ap_stubs
.gate:  mov eax, edx
        mov [rdi], ax
        mov word [rdi+2], CODE
        mov word [rdi+4], 0x8e00
        shr eax, 16
        mov [rdi+6], ax
        add edi, 16
        add edx, 16
        dec ecx
        jnz .gate
        mov al, 0xff                    ; the 8259s
        out 0x21, al
        out 0xa1, al
        mov dword [r15+0xf0], 0x1ff
        mov dword [r15+0xe0], -1
        mov dword [r15+0xd0], 1<<24

        msr_get 0x1b
        shr eax, 8
        and eax, 1
        mov r14, rax
        say "bootstrap processor "
        mov eax, r14d
        call hex2
        call newline

        ; Start.
        ipi 0, 0xc4500, 0
        ipi 0, 0xc4600|TRAMP>>12, 0
        call wait_up
        say "started"
        call newline
        mov rdi, s_cr0                  ; it depends on the firmware
        call clear_counts
        counts "CS ", s_cs
        counts "EFLAGS ", s_flags
        counts "BSP bit ", s_bsp
        counts "APIC ID ", s_id
        command C_PING
        counts "answers ", c_answers

        ipi 0, 0xc4600|(TRAMP>>12)+1, 0
        command C_PING
        counts "a start-up interrupt while running ", c_answers
        counts "is ignored ", s_wrong

        ; Destinations.
        ipi 2, 0x4032, 1
        counts "physical ", n_fixed
        ipi 0xff, 0x4032, 3
        counts "physical, broadcast ", n_fixed
        try "and to the sender", stinop
        mov dword [r15+0xb0], 0
        ipi 9, 0x4032, 0
        command C_PING
        counts "to nobody ", n_fixed
        mov dword [c_ldr+4], 0x02000000
        mov dword [c_ldr+8], 0x04000000
        mov dword [c_ldr+12], 0x08000000
        mov dword [c_dfr], -1
        command C_LDR
        ipi 0x0a, 0x4832, 2
        counts "logical, flat ", n_fixed
        mov dword [c_ldr+4], 0x12000000
        mov dword [c_ldr+8], 0x21000000
        mov dword [c_ldr+12], 0x22000000
        mov dword [c_dfr], 0x0fffffff
        command C_LDR
        mov dword [r15+0xd0], 0x11000000
        mov dword [r15+0xe0], 0x0fffffff
        ipi 0x12, 0x4832, 1
        counts "logical, cluster 1 ", n_fixed
        ipi 0x23, 0x4832, 2
        counts "logical, cluster 2 ", n_fixed
%ifndef QEMU
        ipi 0xf2, 0x4832, 2
        counts "logical, all clusters ", n_fixed
%endif
        ipi 0, 0xc4032, 3
        counts "all but self ", n_fixed
        ipi 0, 0x84032, 3
        counts "all with self ", n_fixed
        try "and self", stinop
        mov dword [r15+0xb0], 0
        ipi 0, 0x44032, 0
        try "self", stinop
        mov dword [r15+0xb0], 0

        ; Lowest priority.
        mov dword [r15+0xe0], -1
        mov dword [r15+0xd0], 0x01000000
        mov dword [c_ldr+4], 0x02000000
        mov dword [c_ldr+8], 0x04000000
        mov dword [c_ldr+12], 0x08000000
        mov dword [c_dfr], -1
        command C_LDR
        mov dword [c_tpr+4], 0x20
        mov dword [c_tpr+8], 0x10
        mov dword [c_tpr+12], 0x28
        command C_TPR
        ipi 0x0e, 0x4932, 1
        counts "lowest priority ", n_fixed
        mov dword [c_tpr+4], 0x40
        mov dword [c_tpr+8], 0
        mov dword [c_tpr+12], 0
        command C_TPR
        ipi 0, 0xc4032, 2
        counts "TPR holds it ", n_fixed
        mov dword [c_tpr+4], 0
        command C_TPR
        settle 1
        counts "until it falls ", n_fixed

        ; NMI, with IF clear and in HLT too.
        ipi 0, 0xc4400, 3
        counts "NMI ", n_nmi
        mov eax, C_MASK
        call send_command
        call wait_masked
        ipi 0, 0xc4032, 0
        counts "IF clear ", n_fixed
        ipi 2, 0x4400, 2
        counts "NMI ends HLT ", n_nmi
        ipi 1, 0x4400, 2
        ipi 3, 0x4400, 2
        call wait_done
        counts "of the others ", n_nmi
        counts "then the other comes ", n_fixed

        mov dword [r15+0x280], 0
        mov dword [r15+0x300], 0x44005
        mov dword [r15+0x280], 0
        mov r14d, [r15+0x280]
        say "vector 5 ESR "
        mov eax, r14d
        call hex8
        call newline
        mov eax, [r15+0x300]
        shr eax, 12
        and eax, 1
        mov r14d, eax
        say "delivery status "
        mov eax, r14d
        call hex2
        call newline

        ; INIT stops a processor, and it can start again.
        mov rdi, c_answers
        call clear_counts
        ipi 3, 0xc500, 0
        ipi 3, 0x8500, 0
        mov dword [expect], 2
        mov eax, C_PING
        call send_command
        call wait_done
        counts "INIT stops one ", c_answers
        mov dword [expect], 3
        mov dword [up], 2
        ipi 3, 0x4600|TRAMP>>12, 0
        call wait_up
        command C_PING
        counts "and SIPI starts it ", c_answers
        counts "CR0 ", s_cr0
        counts "EFLAGS ", s_flags

        ; Locked operations of all four.
        mov eax, C_INC
        call send_command
        call work_inc
        call wait_done
        say "LOCK INC "
        mov eax, [k_inc]
        call hex8
        say " XADD "
        mov eax, [k_xadd]
        call hex8
        say " CMPXCHG "
        mov eax, [k_cmpxchg]
        call hex8
        say " CMPXCHG8B "
        mov eax, [k_cx8]
        call hex8
        say " CMPXCHG16B "
        mov eax, [k_cx16]
        call hex8
        call newline
        mov eax, C_SPIN
        call send_command
        call work_spin
        call wait_done
        say "spin lock "
        mov eax, [k_spin]
        call hex8
        call newline

        ; TLB shootdown: vector 33h invalidates the page and says so.
        command C_READ
        counts "before ", c_seen
        mov dword [PT], 0x301000|7
        invlpg [WINDOW]
        mov dword [n_shot], 0
        ipi 0, 0xc4033, 0
.shot:  pause
        cmp dword [n_shot], 3
        jne .shot
        command C_READ
        counts "after shootdown ", c_seen

        ; Code that this processor changes, on a page that it does not run itself.
        command C_CALL
        counts "code ", c_seen
        mov dword [changed+1], 0x22
        command C_CALL
        counts "changed ", c_seen
        mov ecx, 100
        xor ebx, ebx
.again: push rcx
        inc dword [changed+1]
        command C_CALL
        pop rcx
        mov eax, [c_seen+4]
        add eax, [c_seen+8]
        add eax, [c_seen+12]
        add ebx, eax
        loop .again
        say "a hundred times "
        mov eax, ebx
        call hex8
        call newline
        mov rdi, c_seen
        call clear_counts
%ifdef COUNT
        rdtsc                           ; with -icount: the instructions executed, of all
        mov r14d, eax
        say "time "
        mov eax, r14d
        call hex8
        call newline
%endif
%ifndef X2
        jmp finish
%endif

; x2APIC mode, and the timer's TSC-deadline mode.
%ifdef X2
        mov dword [r15+0xf0], 0x12d
        mov dword [r15+0x320], 0x40033
        try "reserved bit of IA32_APIC_BASE", {msr_set 0x1b, 0, 0xfee00901}
        try "x2APIC without enable", {msr_set 0x1b, 0, 0xfee00500}
        try "x2APIC register in xAPIC mode", msr_get 0x802
        ; TSC deadline
        msr_set 0x6e0, 0, 1
        try "TSC deadline in the past", stinop
        mov dword [r15+0xb0], 0
        call soon
        try "TSC deadline", stihlt
        mov dword [r15+0xb0], 0
        msr_get 0x6e0
        or eax, edx
        mov r14d, eax
        say "reads "
        mov eax, r14d
        call hex8
        call newline
        mov dword [r15+0x380], 1000
        mov r14d, [r15+0x390]
        say "initial count "
        mov eax, r14d
        call hex8
        call newline
        disarmed "disarmed", {msr_set 0x6e0, 0, 0}
        disarmed "another mode disarms", {mov dword [r15+0x320], 0x33} ; one-shot
        msr_set 0x6e0, 0, 1
        msr_get 0x6e0
        or eax, edx
        mov r14d, eax
        say "ignored in another mode "
        mov eax, r14d
        call hex8
        call newline
        mov dword [r15+0x320], 0x10000

        command C_X2
        msr_set 0x1b, 0, 0xfee00d00
        try "back to xAPIC mode", {msr_set 0x1b, 0, 0xfee00900}
        msr_get 0x802
        mov [s_id], eax
        msr_get 0x80d
        mov [s_ldr], eax
        counts "x2APIC ID ", s_id
        counts "LDR ", s_ldr
        try "write to ID", {msr_set 0x802, 0, 1}
        try "write to LDR", {msr_set 0x80d, 0, 1}
        try "DFR", msr_get 0x80e
        try "ICR high", msr_get 0x831
        try "arbitration priority", msr_get 0x809
        try "read of EOI", msr_get 0x80b
        try "EOI of 1", {msr_set 0x80b, 0, 1}
        try "EOI of 0", {msr_set 0x80b, 0, 0}
        try "write to ISR", {msr_set 0x810, 0, 0}
        try "write to PPR", {msr_set 0x80a, 0, 0}
        try "reserved bits of TPR", {msr_set 0x808, 0, 0x100}
        try "high half of TPR", {msr_set 0x808, 1, 0}
        try "ESR of 1", {msr_set 0x828, 0, 1}
        try "ESR of 0", {msr_set 0x828, 0, 0}
        try "reserved bits of the divider", {msr_set 0x83e, 0, 4}
        try "reserved bits of ICR", {msr_set 0x830, 0, 0x10000}
        try "read of self IPI", msr_get 0x83f
        try "reserved bits of self IPI", {msr_set 0x83f, 0, 0x132}
        try "beyond", msr_get 0x8ff
        msr_set 0x830, 2, 0x4032
        settle 1
        counts "physical ", n_fixed
        msr_set 0x830, -1, 0x4032
        settle 3
        counts "broadcast ", n_fixed
        try "and self", stinop
        msr_set 0x80b, 0, 0
        msr_set 0x830, 0xa, 0x4832
        settle 2
        counts "logical ", n_fixed
        msr_set 0x830, 0x1000a, 0x4832
        command C_PING
        counts "another cluster ", n_fixed
        msr_set 0x830, -1, 0x4832
        settle 3
        counts "logical, broadcast ", n_fixed
        try "and self", stinop
        msr_set 0x80b, 0, 0
        msr_set 0x830, 0, 0xc4032
        settle 3
        counts "all but self ", n_fixed
        msr_set 0x83f, 0, 0x32
        try "self IPI", stinop
        msr_set 0x80b, 0, 0
        msr_set 0x830, 0, 0xc4400
        settle 3
        counts "NMI ", n_nmi
        msr_get 0x803
        shr eax, 16
        mov r14d, eax
        say "last LVT entry at least 5: "
        xor eax, eax
        cmp r14d, 5
        setae al
        call hex2
        call newline
        try "off", {msr_set 0x1b, 0, 0xfee00100}
        try "straight to x2APIC mode", {msr_set 0x1b, 0, 0xfee00d00}
        try "on", {msr_set 0x1b, 0, 0xfee00900}
        mov r14d, [r15+0xf0]
        say "SVR "
        mov eax, r14d
        call hex8
        call newline
        jmp finish

; soon sets the deadline to [ahead] ticks from now.
soon:   rdtsc
        shl rdx, 32
        or rax, rdx
        mov ecx, [ahead]
        add rax, rcx
        mov [deadline], rax
        mov rdx, rax
        shr rdx, 32
        mov ecx, 0x6e0
        wrmsr
        ret

; passed compares the time with the deadline: "below" before it.
passed: pause
        rdtsc
        shl rdx, 32
        or rax, rdx
        cmp rax, [deadline]
        ret
%endif

wait_taken:
        mov ecx, 5000000
        test edx, edx
        jnz .wait
        mov ecx, 2000
.wait:  pause
        test edx, edx
        jz .next
        cmp [taken], edx
        je .end
.next:  loop .wait
.end:   mov dword [taken], 0
        ret

wait_up:
        pause
        cmp dword [up], CPUS-1
        jne wait_up
        ret
wait_masked:
        pause
        cmp dword [masked], CPUS-1
        jne wait_masked
        ret

send_command:
        mov dword [done], 0
        mov [cmd], eax
        lock inc dword [cmd_number]
        ret
wait_done:
        pause
        mov eax, [expect]
        cmp [done], eax
        jb wait_done
        ret
do_command:
        call send_command
        jmp wait_done

show_counts:
        xor ebx, ebx
.next:  mov eax, [rdi+rbx*4]
        call hex8
        inc ebx
        cmp ebx, CPUS
        je .end
        call space
        jmp .next
.end:   call newline
clear_counts:
        xor eax, eax
        mov [rdi], rax
        mov [rdi+8], rax
        ret

; What all processors do at once.
work_inc:
        mov ecx, 20000
.next:  lock inc dword [k_inc]
        mov eax, 3
        lock xadd [k_xadd], eax
        mov eax, [k_cmpxchg]
.try:   lea edx, [rax+1]
        lock cmpxchg [k_cmpxchg], edx
        jnz .try
        loop .next
        mov r8d, 5000
.wide:  mov eax, [k_cx8]
        mov edx, [k_cx8+4]
.try8:  mov ebx, eax
        mov ecx, edx
        inc ebx
        inc ecx
        lock cmpxchg8b [k_cx8]
        jnz .try8
        mov rax, [k_cx16]
        mov rdx, [k_cx16+8]
.try16: mov rbx, rax
        mov rcx, rdx
        inc rbx
        inc rcx
        lock cmpxchg16b [k_cx16]
        jnz .try16
        dec r8d
        jnz .wide
        ret
work_spin:
        mov ecx, 2000
.next:  mov eax, 1
.lock:  xchg [lock_word], eax
        test eax, eax
        jz .mine
        pause
        jmp .lock
.mine:  inc dword [k_spin]
        mov dword [lock_word], 0
        loop .next
        ret

; An application processor in long mode. R15 and R14: APIC and ID.
ap_long:
        mov ax, DATA
        mov ds, eax
        mov es, eax
        mov ss, eax
        mov r15d, APIC
        mov eax, 1
        cpuid
        shr ebx, 24
        mov r14d, ebx
        mov eax, ebx
        shl eax, 12
        lea rsp, [rax+ap_stacks]
        lidt [apidtr]
        mov eax, [TRAMP+0xff0]
        mov [s_cs+r14*4], eax
        mov eax, [TRAMP+0xff4]
        mov [s_cr0+r14*4], eax
        mov eax, [TRAMP+0xff8]
        and eax, ~0x8d5                 ; the code before has changed the arithmetic flags
        mov [s_flags+r14*4], eax
        msr_get 0x1b
        shr eax, 8
        and eax, 1
        mov [s_bsp+r14*4], eax
        mov eax, [r15+0x20]
        shr eax, 24
        mov [s_id+r14*4], eax
        mov dword [r15+0xf0], 0x1ff
        mov eax, [cmd_number]
        mov r13d, eax
        mov dword [TRAMP+0xffc], 0      ; the next may come
        lock inc dword [up]
        sti
ap_loop:
        pause
        mov eax, [cmd_number]
        cmp eax, r13d
        je ap_loop
        mov r13d, eax
        mov eax, [cmd]
        call [ap_do+rax*8]
        lock inc dword [c_answers+r14*4]
        lock inc dword [done]
        jmp ap_loop
ap_ping:
        ret
ap_ldr: mov eax, [c_dfr]
        mov [r15+0xe0], eax
        mov eax, [c_ldr+r14*4]
        mov [r15+0xd0], eax
        ret
ap_tpr: mov eax, [c_tpr+r14*4]
        mov [r15+0x80], eax
        ret
ap_read:
        mov eax, [WINDOW]
        mov [c_seen+r14*4], eax
        ret
ap_call:
        mov eax, changed
        call rax
        mov [c_seen+r14*4], eax
        ret
ap_mask:
        cli
        lock inc dword [masked]
        hlt
        sti
        ret
ap_x2:  msr_set 0x1b, 0, 0xfee00c00
        msr_get 0x802
        mov [s_id+r14*4], eax
        msr_get 0x80d
        mov [s_ldr+r14*4], eax
        mov byte [x2_mode], 1
        ret

; Vectors of the application processors: 2, 32h and 33h, and what should not come.
ap_other:
        lock inc dword [s_wrong+r14*4]
        cli
        hlt
ap_nmi: lock inc dword [n_nmi+r14*4]
        lock inc dword [taken]
        iretq
ap_fixed:
        lock inc dword [n_fixed+r14*4]
        lock inc dword [taken]
        jmp ap_eoi
ap_shoot:
        invlpg [WINDOW]
        lock inc dword [n_shot]
ap_eoi: cmp byte [x2_mode], 0
        jne .x2
        mov dword [r15+0xb0], 0
        iretq
.x2:    push rax
        push rcx
        push rdx
        msr_set 0x80b, 0, 0
        pop rdx
        pop rcx
        pop rax
        iretq

        align 16
ap_stubs:
%assign i 0
%rep 256
        align 16
%if i == 2
        jmp near ap_nmi
%elif i == 0x32
        jmp near ap_fixed
%elif i == 0x33
        jmp near ap_shoot
%else
        jmp near ap_other
%endif
%assign i i+1
%endrep

        align 8
ap_do:  dq 0, ap_ping, work_inc, work_spin, ap_ldr, ap_tpr, ap_read, ap_call, ap_x2, ap_mask
apidtr: dw 256*16-1
        dq apidt

; Start-up code, copied to TRAMP. One processor at a time comes through.
bits 16
tramp:  cli
        mov ax, cs
        mov ds, ax
.enter: mov al, 1
        xchg [0xffc], al
        test al, al
        jnz .enter
        xor eax, eax
        mov ax, cs
        mov [0xff0], eax
        mov eax, cr0
        mov [0xff4], eax
        mov ss, [zero-tramp]
        mov sp, 0x8ff0
        mov dword [0xff8], 0
        pushfd
        pop dword [0xff8]
        lgdt [tramp_gdtr-tramp]
        mov eax, cr4
        or eax, 0x620                   ; PAE, OSFXSR, OSXMMEXCPT
        mov cr4, eax
        mov eax, tables
        mov cr3, eax
        mov ecx, 0xc0000080
        mov eax, 0x900
        xor edx, edx
        wrmsr
        mov eax, cr0
        and eax, 0x9fffffff             ; CD, NW
        or eax, 0x80000021
        mov cr0, eax
        jmp dword CODE:ap_long
zero:   dw 0
tramp_gdtr:
        dw gdt_end-gdt-1
        dd gdt
tramp_end:
; What a start-up interrupt would run that is not ignored.
tramp2: xor ax, ax
        mov ds, ax
        mov byte [0x7000], 1
        lock inc dword [cs:0]
        hlt
tramp2_end:
bits 64

        align 64
changed:
        db 0xb8                         ; MOV EAX, imm32
        dd 0x11
        ret
        align 64
cmd:        dd 0
cmd_number: dd 0
done:       dd 0
expect:     dd CPUS-1
taken:      dd 0
up:         dd 0
masked:     dd 0
n_shot:     dd 0
x2_mode:    dd 0
lock_word:  dd 0
k_inc:      dd 0
k_xadd:     dd 0
k_cmpxchg:  dd 0
k_spin:     dd 0
            align 16
k_cx8:      dq 0, 0
k_cx16:     dq 0, 0
s_cs:       times 4 dd 0
s_cr0:      times 4 dd 0
s_flags:    times 4 dd 0
s_bsp:      times 4 dd 0
s_id:       times 4 dd 0
s_ldr:      times 4 dd 0
s_wrong:    times 4 dd 0
c_answers:  times 4 dd 0
c_ldr:      times 4 dd 0
c_dfr:      dd 0
ahead:      dd 200000
deadline:   dq 0
c_tpr:      times 4 dd 0
c_seen:     times 4 dd 0
n_fixed:    times 4 dd 0
n_nmi:      times 4 dd 0
            align 4096
            times 4096 db 0
ap_stacks:  times 4*4096 db 0           ; each grows down from its ID's
apidt:      times 256*16 db 0
