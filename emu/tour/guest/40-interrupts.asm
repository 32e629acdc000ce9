; 40-interrupts: the way into the kernel and out of it.
;
; Every way in ends with the same frame on the kernel stack, so one way out
; serves for all, and a task is switched by exchanging RSP:
;
;       R15 ... RBX RDX RCX RAX  vector  error code  RIP CS RFLAGS RSP SS
;       \__ pushed by us _______________/ \__ pushed by the processor __/

FRAME_RAX       equ 14 * 8
FRAME_VECTOR    equ 15 * 8
FRAME_ERROR     equ 16 * 8
FRAME_RIP       equ 17 * 8
FRAME_CS        equ 18 * 8
FRAME_RFLAGS    equ 19 * 8
FRAME_RSP       equ 20 * 8
FRAME_SS        equ 21 * 8
FRAME_SIZE      equ 22 * 8
FRAME_RDI       equ 8 * 8
FRAME_RSI       equ 9 * 8

; Exceptions that push an error code: 8, 10-14, 17, 21.
HAS_ERROR       equ (1 << 8) + (0x1f << 10) + (1 << 17) + (1 << 21)

; One call for each vector. The return address, which it pushes, tells the vector.
isr_stubs:
        times 48 call isr_entry

isr_entry:
        xchg rax, [rsp]         ; RAX is saved; it holds the return address
        sub eax, isr_stubs + 5
        imul eax, eax, 0x3334   ; divided by 5:
        shr eax, 16             ; (n * 13108) / 65536
        cmp eax, 32
        jae .no_error
        push rcx
        mov ecx, HAS_ERROR
        bt ecx, eax
        pop rcx
        jc .error
.no_error:
        push rax                ; vector
        mov rax, [rsp + 8]
        mov qword [rsp + 8], 0  ; for the error code
        push rax
        jmp isr_saved
.error:
        xchg rax, [rsp]         ; vector below the error code
        push rax

isr_saved:
        push rcx
        push rdx
        push rbx
        push rbp
        push rsi
        push rdi
        push r8
        push r9
        push r10
        push r11
        push r12
        push r13
        push r14
        push r15
        cld
        mov eax, [rsp + FRAME_VECTOR]
        cmp eax, 32
        jb exception
        cmp eax, 0x20
        je timer_interrupt
        cmp eax, 0x21
        je keyboard_interrupt
        cmp eax, 0x24
        je serial_interrupt
        cmp eax, 0x80
        je system_call
        jmp isr_return          ; 27 and 2F: the PIC's "spurious" interrupts want no answer

isr_return:
        pop r15
        pop r14
        pop r13
        pop r12
        pop r11
        pop r10
        pop r9
        pop r8
        pop rdi
        pop rsi
        pop rbp
        pop rbx
        pop rdx
        pop rcx
        pop rax
        add rsp, 16             ; vector and error code
        iretq

; INT 80h: the processor has changed to the stack in the TSS.
int80_entry:
        push 0
        push 0x80
        push rax
        jmp isr_saved

; SYSCALL leaves RSP alone, puts RIP into RCX and RFLAGS into R11: we make the frame.
syscall_entry:
        mov [USER_RSP], rsp
        mov rsp, [TSS + 4]
        push USER_DATA
        push qword [USER_RSP]
        push r11
        push USER_CODE
        push rcx
        push 0
        push 0x80
        push rax
        jmp isr_saved

; exception: if one is expected, print its frame and go on at RESUME. Else stop.
exception:
        mov rbx, rsp
        cmp qword [RESUME], 0
        jne .expected
        mov esi, text_unexpected
        call puts
        call print_frame
.stop:
        cli
        hlt
        jmp .stop
.expected:
        call print_frame
        mov rsp, [RESUME_RSP]
        mov rax, [RESUME]
        mov qword [RESUME], 0
        push 2                  ; no trap flag, no alignment check
        popfq
        jmp rax

; print_frame prints the frame at RBX.
print_frame:
        mov eax, [rbx + FRAME_VECTOR]
        mov esi, text_vector
        call puts
        mov eax, [rbx + FRAME_VECTOR]
        call print_decimal
        mov esi, text_hash
        call puts
        mov eax, [rbx + FRAME_VECTOR]
        lea esi, [exception_names + rax * 4]
        call puts
        mov ecx, [rbx + FRAME_VECTOR]
        mov eax, HAS_ERROR
        bt eax, ecx
        jnc .no_error
        mov esi, text_error
        call puts
        mov eax, [rbx + FRAME_ERROR]
        call print_hex16
.no_error:
        cmp dword [rbx + FRAME_VECTOR], 14
        jne .no_cr2
        mov esi, text_cr2
        call puts
        mov rax, cr2
        call print_hex
.no_cr2:
        mov esi, text_cs
        call puts
        mov eax, [rbx + FRAME_CS]
        call print_hex16
        mov esi, text_rip
        call puts
        mov rax, [rbx + FRAME_RIP]
        call print_hex
        mov esi, text_rflags
        call puts
        mov rax, [rbx + FRAME_RFLAGS]
        call print_hex
        mov esi, text_ss
        call puts
        mov eax, [rbx + FRAME_SS]
        call print_hex16
        mov esi, text_rsp
        call puts
        mov rax, [rbx + FRAME_RSP]
        call print_hex
        jmp newline

exception_names:                ; four bytes each
        db "DE", 0, 0, "DB", 0, 0, "NMI", 0, "BP", 0, 0
        db "OF", 0, 0, "BR", 0, 0, "UD", 0, 0, "NM", 0, 0
        db "DF", 0, 0, "?", 0, 0, 0, "TS", 0, 0, "NP", 0, 0
        db "SS", 0, 0, "GP", 0, 0, "PF", 0, 0, "?", 0, 0, 0
        db "MF", 0, 0, "AC", 0, 0, "MC", 0, 0, "XM", 0, 0
        times 12 db "?", 0, 0, 0
