; 60-tasks: three tasks in user mode, switched by the timer.
;
; Task 0 is the kernel's own flow; 1 to 3 are A, B and C. A task that waits
; for its turn spins: only the timer takes the processor from it.

command_tasks:
        mov esi, text_tasks
        call puts
        cli
        mov dword [TURN], 1
        mov qword [LIVE], 3
        mov ebx, 1
.make:
        mov eax, ebx            ; kernel stack of the task
        shl eax, 12
        lea edi, [rax + TASK_STACKS - FRAME_SIZE]
        push rdi
        xor eax, eax
        mov ecx, FRAME_SIZE / 8
        rep stosq
        pop rdi
        mov rax, [task_entries + rbx * 8 - 8]
        mov [rdi + FRAME_RIP], rax
        mov qword [rdi + FRAME_CS], USER_CODE
        mov qword [rdi + FRAME_RFLAGS], RFLAGS_IF + 2
        mov eax, ebx
        shl eax, 10
        add eax, USER_STACKS
        mov [rdi + FRAME_RSP], rax
        mov qword [rdi + FRAME_SS], USER_DATA
        mov eax, ebx
        shl eax, 5
        mov [TASKS + rax], rdi          ; saved RSP
        mov qword [TASKS + rax + 8], 1  ; runnable
        mov qword [TASKS + rax + 16], 0 ; times switched to
        inc ebx
        cmp ebx, 4
        jb .make
        mov qword [TASKS + 8], 1
        mov qword [CURRENT], 0
        mov qword [TASKING], 1
.wait:
        sti
        hlt
        cmp qword [LIVE], 0
        jne .wait
        mov qword [TASKING], 0
        mov qword [TSS + 4], TRAP_STACK
        mov esi, text_tasks_done
        call puts
        mov rax, [TASKS + 32 + 16]
        add rax, [TASKS + 64 + 16]
        add rax, [TASKS + 96 + 16]
        call print_decimal
        mov esi, text_times
        jmp puts

; switch_task saves the frame at RSP as the current task's and goes on with the next one that is runnable.
switch_task:
        mov eax, [CURRENT]
        mov ecx, eax
        shl ecx, 5
        mov [TASKS + rcx], rsp
.next:
        inc eax
        and eax, 3
        mov ecx, eax
        shl ecx, 5
        cmp qword [TASKS + rcx + 8], 0
        je .next
        mov [CURRENT], eax
        inc qword [TASKS + rcx + 16]
        mov rsp, [TASKS + rcx]
        mov edx, eax
        shl edx, 12
        add edx, TASK_STACKS    ; of task 0: TRAP_STACK
        mov [TSS + 4], rdx
        jmp isr_return

; system_call: RAX 1 prints the text at RSI and the number RDI; 2 ends the task;
; 3 says that a fault did not come.
system_call:
        mov eax, [rsp + FRAME_RAX]
        cmp eax, 1
        je .print
        cmp eax, 2
        je .exit
        cmp eax, 3
        je user_no_fault
        jmp isr_return
.print:
        mov rsi, [rsp + FRAME_RSI]
        call puts
        mov rax, [rsp + FRAME_RDI]
        call print_decimal
        call newline
        jmp isr_return
.exit:
        mov ecx, [CURRENT]
        shl ecx, 5
        mov qword [TASKS + rcx + 8], 0
        dec qword [LIVE]
        jmp switch_task

task_entries:
        dq task_a, task_b, task_c

; --- user mode ---------------------------------------------------------------
; One page that user mode may read and execute.
        align 4096, db 0
user_code:

task_a:
        mov r12d, 1             ; whose turn is ours
        mov r13d, 2             ; and whose is next
        mov r14d, user_text_a
        jmp by_syscall
task_b:
        mov r12d, 2
        mov r13d, 3
        mov r14d, user_text_b
        jmp by_syscall
task_c:
        mov ebx, 1
.round:
        pause
        cmp dword [TURN], 3
        jne .round
        mov eax, 1
        mov esi, user_text_c
        mov edi, ebx
        int 0x80                ; the old way into a kernel
        mov dword [TURN], 1
        inc ebx
        cmp ebx, 4
        jb .round
        jmp user_exit

by_syscall:
        mov ebx, 1
.round:
        pause
        cmp [TURN], r12d
        jne .round
        mov eax, 1
        mov rsi, r14
        mov edi, ebx
        syscall                 ; destroys RCX and R11
        mov [TURN], r13d
        inc ebx
        cmp ebx, 4
        jb .round
user_exit:
        mov eax, 2
        syscall
        jmp user_exit

user_text_a:
        db "  task A in ring 3, by SYSCALL: round ", 0
user_text_b:
        db "  task B in ring 3, by SYSCALL: round ", 0
user_text_c:
        db "  task C in ring 3, by INT 80h: round ", 0

; What faults do in user mode; see 70-faults.
user_misaligned:
        mov eax, [SHARED + 9]
        jmp user_survived
user_privileged:
        cli
        jmp user_survived
user_reads_kernel:
        mov eax, [VARS]
        jmp user_survived
user_gate:
        int 0x20
user_survived:
        mov eax, 3
        int 0x80
        align 4096, db 0
