; 30-long: long mode. Sets up interrupts, system calls and power management, then goes on
; to the tour or to the monitor.

        bits 64
long_start:
        mov eax, DATA64
        mov ds, eax
        mov es, eax
        mov ss, eax
        mov fs, eax
        mov gs, eax
        mov esp, KERNEL_STACK
        mov esi, text_long
        call puts

        call setup_idt
        call setup_tss
        mov esi, text_idt
        call puts
        call setup_pic
        call setup_pit
        call setup_keyboard
        mov dx, COM1 + 1
        mov al, 1               ; interrupt when a character has been received
        out dx, al
        sti
        mov esi, text_devices
        call puts
        call setup_syscall
        call setup_pm
        fninit
        call tour_wanted
        jc tour
        mov esi, text_monitor
        call puts
        jmp monitor

; tour shows everything once and switches the machine off.
tour:
        mov esi, text_tour
        call puts
        mov rbx, [TICKS]
        add rbx, 3
.wait:
        hlt
        cmp [TICKS], rbx
        jb .wait
        mov esi, text_ticking
        call puts
        xor ebx, ebx
        call command_regs
        mov rax, 0xffff8000000f0000
        call walk
        mov eax, 0x200000
        call walk
        mov eax, 0xfec00000
        call walk
        mov eax, HOLE
        call walk
        mov rax, 0x0000800000000000
        call walk
        call command_tasks
        call every_fault
        call command_time
        jmp command_off

; setup_idt fills in gates for the 32 exceptions, the 16 interrupts of the PICs and
; system calls (SDM vol. 3A 6.14.1).
setup_idt:
        mov edi, IDT
        mov eax, isr_stubs
        mov ecx, 48
.gate:
        call set_gate
        add eax, 5              ; each stub is one call
        loop .gate
        mov byte [IDT + 8 * 16 + 4], 1          ; double fault: a stack of its own, IST1
        mov edi, IDT + 0x80 * 16
        mov eax, int80_entry
        call set_gate
        mov byte [IDT + 0x80 * 16 + 5], 0xee    ; user mode may use this one
        lidt [idt_pointer]
        ret

; set_gate writes an interrupt gate to EAX at RDI, and moves RDI on.
set_gate:
        mov [rdi], ax
        mov word [rdi + 2], CODE64
        mov word [rdi + 4], 0x8e00              ; present, DPL 0, interrupt gate, no IST
        mov edx, eax
        shr edx, 16
        mov [rdi + 6], edx
        mov dword [rdi + 10], 0
        mov word [rdi + 14], 0
        add rdi, 16
        ret

idt_pointer:
        dw 0x81 * 16 - 1
        dq IDT

; setup_tss tells which stacks interrupts take (SDM vol. 3A 7.7).
setup_tss:
        mov edi, TSS
        mov ecx, 0x200 / 8
        xor eax, eax
        rep stosq
        mov qword [TSS + 4], TRAP_STACK         ; RSP0
        mov qword [TSS + 0x24], DF_STACK        ; IST1
        mov word [TSS + 0x66], 0x68             ; no I/O permission bitmap
        mov eax, TSS_SEL
        ltr ax
        ret

; setup_syscall: SYSCALL takes CS and SS from STAR, RIP from LSTAR, and clears the flags in SFMASK.
setup_syscall:
        mov ecx, 0xc0000081
        xor eax, eax
        mov edx, ((USER32 + 3) << 16) + CODE64
        wrmsr
        mov ecx, 0xc0000082
        mov eax, syscall_entry
        xor edx, edx
        wrmsr
        mov ecx, 0xc0000084
        mov eax, RFLAGS_TF + RFLAGS_IF + 0x400 + RFLAGS_AC
        wrmsr
        ret
