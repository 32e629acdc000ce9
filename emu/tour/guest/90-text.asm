; 90-text: printing in 64-bit mode, and the texts. The routines keep all registers.

; puts prints the text at RSI.
puts:
        push rax
        push rsi
.next:
        mov al, [rsi]
        inc rsi
        test al, al
        jz .done
        call putc
        jmp .next
.done:
        pop rsi
        pop rax
        ret

newline:
        push rax
        mov al, 13
        call putc
        mov al, 10
        call putc
        pop rax
        ret

; putc prints the character AL.
putc:
        push rdx
        push rax
        mov dx, COM1 + 5
.wait:
        in al, dx
        test al, 0x20           ; transmitter holding register empty
        jz .wait
        pop rax
        mov dx, COM1
        out dx, al
        pop rdx
        ret

; print_hex prints RAX in 16 digits, print_hex16 AX in 4, print_hex8 AL in 2.
print_hex:
        push rcx
        mov ecx, 16
        jmp hex_digits
print_hex16:
        push rcx
        mov ecx, 4
        jmp hex_digits
print_hex8:
        push rcx
        mov ecx, 2
hex_digits:
        push rax
        push rbx
        push rcx
        mov rbx, rax
        shl ecx, 2
        ror rbx, cl             ; the first digit to print is now the highest
        pop rcx
.digit:
        rol rbx, 4
        mov eax, ebx
        and eax, 15
        mov al, [digits + rax]
        call putc
        loop .digit
        pop rbx
        pop rax
        pop rcx
        ret
digits:
        db "0123456789abcdef"

; print_decimal prints RAX.
print_decimal:
        push rax
        push rbx
        push rcx
        push rdx
        xor ecx, ecx
        mov ebx, 10
.divide:
        xor edx, edx
        div rbx
        push rdx
        inc ecx
        test rax, rax
        jnz .divide
.print:
        pop rax
        add al, '0'
        call putc
        loop .print
        pop rdx
        pop rcx
        pop rbx
        pop rax
        ret

text_real:          db "goemu's built-in guest", 13, 10
                    db "real mode: came from FFFFFFF0, serial port set up", 13, 10, 0
text_a20_open:      db "real mode: A20 is open, 100500 and 000500 are different words", 13, 10, 0
text_a20_shut:      db "real mode: A20 is shut, 100500 and 000500 are the same word", 13, 10, 0
text_gdt:           db "real mode: GDT loaded, setting CR0.PE", 13, 10, 0
text_protected:     db "protected mode: flat 32-bit segments", 13, 10, 0
text_no_long_mode:  db "protected mode: this processor has no long mode with NX, stopping", 13, 10, 0
text_tables:        db "protected mode: page tables built, setting CR4.PAE, EFER.LME, CR0.PG", 13, 10, 0
text_long:          db "long mode: 64-bit code segment", 13, 10, 0
text_idt:           db "long mode: IDT with 32 exceptions, TSS loaded", 13, 10, 0
text_devices:       db "long mode: PIC on vectors 20-2F, timer at 100 Hz, interrupts on", 13, 10, 0
text_tour:          db "long mode: SYSCALL and power management set up, the tour begins", 13, 10, 0
text_monitor:       db "long mode: SYSCALL and power management set up, type help", 13, 10, 0
text_ticking:       db "timer: three interrupts have come", 13, 10, 0
text_tasks:         db "tasks: three in user mode, switched by the timer", 13, 10, 0
text_tasks_done:    db "tasks: all have ended, after ", 0
text_times:         db " switches", 13, 10, 0
text_fault:         db "fault ", 0
text_colon:         db ": ", 0
text_no_fault:      db "  no exception came", 13, 10, 0
text_unexpected:    db "stopped by an exception", 13, 10, 0
text_vector:        db "  vector ", 0
text_hash:          db " #", 0
text_error:         db " error ", 0
text_cr2:           db " CR2 ", 0
text_cs:            db 13, 10, "    CS:RIP ", 0
text_rip:           db ":", 0
text_rflags:        db " RFLAGS ", 0
text_ss:            db " SS:RSP ", 0
text_rsp:           db ":", 0
text_walk:          db "walk ", 0
text_not_canonical: db "  not canonical: bits 63 to 47 differ", 13, 10, 0
text_at:            db " at ", 0
text_is:            db " is ", 0
text_absent:        db " not present", 13, 10, 0
text_physical:      db "  physical address ", 0
text_user_flag:     db " user", 0
text_kernel_flag:   db " kernel", 0
text_write_flag:    db " write", 0
text_read_flag:     db " read", 0
text_execute_flag:  db " execute", 0
text_nx_flag:       db " no-execute", 0
text_time:          db "time: 10000000 rounds of DEC and JNZ took ", 0
text_cycles:        db " cycles of the TSC, ", 0
text_time_ticks:    db " ticks of 10 ms", 13, 10, 0
text_ticks:         db " timer interrupts, ", 0
text_keys:          db " keyboard interrupts", 13, 10, 0
text_off:           db "power off", 13, 10, 0
text_prompt:        db "> ", 0
text_rub:           db 8, " ", 8, 0
text_unknown:       db "unknown command, type help", 13, 10, 0
text_usage:         db "wrong or missing argument, type help", 13, 10, 0
text_help:
        db "help           this", 13, 10
        db "regs           registers", 13, 10
        db "walk ADDR      the page tables' entries for a linear address (hexadecimal)", 13, 10
        db "mem ADDR       64 bytes of memory", 13, 10
        db "time           time a loop", 13, 10
        db "ticks          interrupts so far", 13, 10
        db "tasks          run three tasks in user mode", 13, 10
        db "off            switch the machine off", 13, 10
        db "fault NAME     provoke an exception and show its frame; NAME is all or one of", 13, 10, 0
