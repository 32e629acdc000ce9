; 80-monitor: commands typed on the serial line or the keyboard.

monitor:
        mov esi, text_prompt
        call puts
        call get_line
        mov esi, LINE
        call next_word          ; RAX: the command's first 8 characters
        test rax, rax
        jz monitor
        mov ebx, command_table
.search:
        mov rcx, [rbx]
        test rcx, rcx
        jz .unknown
        cmp rax, rcx
        je .found
        add rbx, 16
        jmp .search
.found:
        call [rbx + 8]
        jmp monitor
.unknown:
        mov esi, text_unknown
        call puts
        jmp monitor

        align 8, db 0
command_table:
        dq 'help', command_help
        dq 'regs', command_regs
        dq 'walk', command_walk
        dq 'fault', command_fault
        dq 'time', command_time
        dq 'tasks', command_tasks
        dq 'mem', command_mem
        dq 'ticks', command_ticks
        dq 'off', command_off
        dq 0

; get_line reads a line to LINE, ended by 0, and echoes it.
get_line:
        mov edi, LINE
.next:
        call getc
        cmp al, 13
        je .end
        cmp al, 10
        je .end
        cmp al, 8
        je .rub
        cmp al, 127
        je .rub
        cmp al, ' '
        jb .next
        cmp edi, LINE + 250
        jae .next
        mov [rdi], al
        inc rdi
        call putc
        jmp .next
.rub:
        cmp edi, LINE
        je .next
        dec rdi
        mov esi, text_rub
        call puts
        jmp .next
.end:
        mov byte [rdi], 0
        jmp newline

; next_word packs the word at RSI into RAX, first character lowest, and moves RSI on; 0 if there is none.
next_word:
        xor eax, eax
        xor ecx, ecx
.skip:
        cmp byte [rsi], ' '
        jne .char
        inc rsi
        jmp .skip
.char:
        movzx edx, byte [rsi]
        cmp edx, ' '
        jbe .end
        inc rsi
        cmp ecx, 64
        jae .char
        shl rdx, cl
        or rax, rdx
        add ecx, 8
        jmp .char
.end:
        ret

; next_number reads a hexadecimal number at RSI into RAX; carry is set if there is none.
next_number:
        xor eax, eax
        xor ecx, ecx
.skip:
        cmp byte [rsi], ' '
        jne .prefix
        inc rsi
        jmp .skip
.prefix:
        cmp word [rsi], '0x'
        jne .digit
        add rsi, 2
.digit:
        movzx edx, byte [rsi]
        sub edx, '0'
        cmp edx, 9
        jbe .have
        or edx, 0x20            ; lower case
        sub edx, 'a' - '0'
        cmp edx, 5
        ja .end
        add edx, 10
.have:
        shl rax, 4
        or rax, rdx
        inc ecx
        inc rsi
        jmp .digit
.end:
        cmp ecx, 1              ; carry if 0
        ret

command_help:
        mov esi, text_help
        call puts
        mov ebx, fault_table
.name:
        cmp qword [rbx], 0
        je .done
        mov al, ' '
        call putc
        mov rsi, rbx
        call puts
        add rbx, 24
        jmp .name
.done:
        jmp newline

command_regs:
        pushfq
        push r15
        push r14
        push r13
        push r12
        push r11
        push r10
        push r9
        push r8
        push rdi
        push rsi
        push rbp
        push rsp
        push rbx
        push rdx
        push rcx
        push rax
        mov r8d, register_names
        xor r9d, r9d
.register:
        mov rsi, r8
        call puts
        mov rax, [rsp + r9 * 8]
        call print_hex
        add r8, 8
        inc r9d
        mov al, ' '
        test r9d, 3
        jnz .space
        call newline
        jmp .more
.space:
        call putc
.more:
        cmp r9d, 17
        jb .register
        add rsp, 17 * 8
        mov rax, cr0
        call named_value
        mov rax, cr2
        call named_value
        mov rax, cr3
        call named_value
        call newline
        mov rax, cr4
        call named_value
        mov ecx, EFER
        rdmsr
        shl rdx, 32
        or rax, rdx
        call named_value
        jmp newline

; named_value prints the name at R8 and RAX, and moves R8 on.
named_value:
        push rax
        mov rsi, r8
        call puts
        pop rax
        call print_hex
        mov al, ' '
        call putc
        add r8, 8
        ret

register_names:                 ; eight bytes each
        db "RAX    ", 0, "RCX    ", 0, "RDX    ", 0, "RBX    ", 0
        db "RSP    ", 0, "RBP    ", 0, "RSI    ", 0, "RDI    ", 0
        db "R8     ", 0, "R9     ", 0, "R10    ", 0, "R11    ", 0
        db "R12    ", 0, "R13    ", 0, "R14    ", 0, "R15    ", 0
        db "RFLAGS ", 0, "CR0    ", 0, "CR2    ", 0, "CR3    ", 0
        db "CR4    ", 0, "EFER   ", 0

command_walk:
        call next_number
        jc usage
        jmp walk

usage:
        mov esi, text_usage
        jmp puts

; walk shows how the processor finds the physical address of linear address RAX (SDM vol. 3A 4.5).
walk:
        mov r12, rax
        mov esi, text_walk
        call puts
        call print_hex
        call newline
        mov rax, r12            ; bits 63 to 47 must be equal
        sar rax, 47
        inc rax
        cmp rax, 1
        jbe .canonical
        mov esi, text_not_canonical
        jmp puts
.canonical:
        mov r13d, PML4          ; table
        mov r14d, 39            ; lowest address bit of this level's index
        mov r15d, level_names
.level:
        mov rsi, r15
        call puts
        mov ecx, r14d
        mov rbx, r12
        shr rbx, cl
        and ebx, 511
        mov eax, ebx
        call print_decimal
        mov esi, text_at
        call puts
        lea rax, [r13 + rbx * 8]
        call print_hex
        mov esi, text_is
        call puts
        mov rbx, [r13 + rbx * 8]
        mov rax, rbx
        call print_hex
        test bl, PAGE_P
        jz .absent
        call print_flags
        cmp r14d, 12
        je .page
        test bl, PAGE_PS
        jnz .page
        mov r13, 0x000ffffffffff000
        and r13, rbx
        sub r14d, 9
        add r15, 16
        jmp .level
.absent:
        mov esi, text_absent
        jmp puts
.page:
        mov ecx, r14d           ; the low bits come from the linear address
        mov eax, 1
        shl rax, cl
        dec rax
        mov rdx, 0x000ffffffffff000
        and rbx, rdx
        mov rdx, rax
        not rdx
        and rbx, rdx
        and rax, r12
        or rbx, rax
        mov esi, text_physical
        call puts
        mov rax, rbx
        call print_hex
        jmp newline

; print_flags names the attributes in the paging entry RBX.
print_flags:
        mov esi, text_user_flag
        test bl, PAGE_U
        jnz .user
        mov esi, text_kernel_flag
.user:
        call puts
        mov esi, text_write_flag
        test bl, PAGE_W
        jnz .write
        mov esi, text_read_flag
.write:
        call puts
        bt rbx, 63
        mov esi, text_execute_flag
        jnc .execute
        mov esi, text_nx_flag
.execute:
        call puts
        jmp newline

level_names:                    ; sixteen bytes each
        db "  PML4 entry   ", 0, "  PDPT entry   ", 0, "  PD entry     ", 0, "  PT entry     ", 0

command_fault:
        call next_word
        mov r15d, fault_table
        cmp eax, 'all'
        je every_fault
.search:
        cmp qword [r15], 0
        je usage
        cmp rax, [r15]
        je run_fault
        add r15, 24
        jmp .search

; command_time runs a loop and measures it with the time-stamp counter and the timer.
ROUNDS          equ 10000000
command_time:
        mov r12, [TICKS]
.edge:                          ; begin at a tick
        hlt
        cmp [TICKS], r12
        je .edge
        mov r12, [TICKS]
        rdtsc
        shl rdx, 32
        lea r13, [rax + rdx]
        mov ecx, ROUNDS
.loop:
        dec ecx
        jnz .loop
        rdtsc
        shl rdx, 32
        add rax, rdx
        sub rax, r13
        mov r13, rax
        mov r14, [TICKS]
        sub r14, r12
        mov esi, text_time
        call puts
        mov rax, r13
        call print_decimal
        mov esi, text_cycles
        call puts
        mov rax, r14
        call print_decimal
        mov esi, text_time_ticks
        jmp puts

; command_mem shows 64 bytes. An address that is not mapped is an exception like any other.
command_mem:
        call next_number
        jc usage
        mov r12, rax
        mov [RESUME_RSP], rsp
        mov qword [RESUME], .over
        mov r13d, 4
.line:
        mov rbx, [r12]          ; first, so that a fault comes before the line
        mov rax, r12
        call print_hex
        mov r14d, 16
.byte:
        mov al, ' '
        call putc
        movzx eax, byte [r12]
        call print_hex8
        inc r12
        dec r14d
        jnz .byte
        call newline
        dec r13d
        jnz .line
        mov qword [RESUME], 0
.over:
        sti
        ret

command_ticks:
        mov rax, [TICKS]
        call print_decimal
        mov esi, text_ticks
        call puts
        mov rax, [KEYS]
        call print_decimal
        mov esi, text_keys
        jmp puts
