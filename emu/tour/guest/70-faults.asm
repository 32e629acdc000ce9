; 70-faults: provoke exceptions, and show what the processor reports.
;
; Each entry sets something up and runs into its fault; "exception" prints
; the frame and comes back to fault_over, which puts everything right again.

; every_fault runs through the whole table.
every_fault:
        mov r15d, fault_table
.next:
        cmp qword [r15], 0
        je .done
        call run_fault
        add r15, 24
        jmp .next
.done:
        ret

; run_fault runs the table's entry at R15.
run_fault:
        mov esi, text_fault
        call puts
        mov rsi, r15
        call puts
        mov esi, text_colon
        call puts
        mov rsi, [r15 + 16]
        call puts
        call newline
        cli
        mov [RESUME_RSP], rsp
        mov qword [RESUME], fault_over
        mov rax, [r15 + 8]
        jmp rax

; Faults that do not come end here.
user_no_fault:
        mov rsp, [RESUME_RSP]
no_fault:
        mov qword [RESUME], 0
        mov esi, text_no_fault
        call puts
fault_over:
        clts
        mov rax, cr0
        and eax, ~CR0_AM & 0xffffffff
        mov cr0, rax
        mov byte [IDT + 13 * 16 + 5], 0x8e
        mov byte [IDT + 0x2f * 16 + 4], 0
        mov byte [GDT + TSS_SEL + 5], 0x89      ; not busy, or ltr would refuse it
        mov byte [GDT + TSS_SHORT_SEL + 5], 0x89
        mov eax, TSS_SEL
        ltr ax
        mov eax, DATA64         ; the way from user mode into the kernel has made SS null
        mov ss, eax
        fninit
        ldmxcsr [mxcsr_default]
        xor eax, eax
        mov fs, eax
        mov gs, eax
        sti
        ret

; to_user goes to RSI in user mode, with RFLAGS of RDX.
to_user:
        push USER_DATA
        push USER_STACKS + 0x400
        push rdx
        push USER_CODE
        push rsi
        iretq

; to_compatibility goes to RSI in a 32-bit segment: some instructions exist only there. DS counts there too,
; and the returns to user mode have left it null (SDM vol. 2A, IRET: segments of inner levels).
to_compatibility:
        mov eax, DATA64
        mov ds, eax
        push CODE32
        push rsi
        retfq

fault_de:
        xor edx, edx
        mov eax, 1
        xor ecx, ecx
        div ecx
        jmp no_fault

fault_db:
        pushfq
        or dword [rsp], RFLAGS_TF
        popfq
        nop                     ; the trap comes after this one
        jmp no_fault

fault_bp:
        int3
        jmp no_fault

fault_of:
        mov esi, compatibility_into
        jmp to_compatibility

fault_br:
        mov esi, compatibility_bound
        jmp to_compatibility

        bits 32
compatibility_into:
        mov eax, 0x7fffffff
        add eax, 1
        into
        jmp CODE64:no_fault
compatibility_bound:
        mov eax, 5
        bound eax, [bounds]
        jmp CODE64:no_fault
        bits 64

fault_ud:
        ud2
        jmp no_fault

fault_nm:
        mov rax, cr0
        or eax, CR0_TS
        mov cr0, rax
        fld1
        jmp no_fault

; A general protection fault whose gate is not present: the second fault comes while the first is delivered.
fault_df:
        mov byte [IDT + 13 * 16 + 5], 0x0e
        jmp fault_gp

; In long mode a bad TSS is found when a gate asks for a stack that lies beyond its limit.
fault_ts:
        mov eax, TSS_SHORT_SEL
        ltr ax
        mov byte [IDT + 0x2f * 16 + 4], 1
        int 0x2f
        jmp no_fault

fault_np:
        mov eax, ABSENT
        mov fs, eax
        jmp no_fault

; A stack access to an address that is not canonical.
fault_ss:
        mov rbp, 0x0000800000000000
        mov rax, [rbp]
        jmp no_fault

fault_gp:
        mov rbx, 0x0000800000000000
        mov rax, [rbx]
        jmp no_fault

fault_sel:
        mov eax, 0xfff8
        mov gs, eax
        jmp no_fault

fault_priv:
        mov esi, user_privileged
        jmp user_plain

fault_gate:
        mov esi, user_gate
        jmp user_plain

fault_pf:
        mov al, [HOLE]
        jmp no_fault

fault_wp:
        mov byte [READ_ONLY], 1
        jmp no_fault

fault_user:
        mov esi, user_reads_kernel
user_plain:
        mov edx, 2
        jmp to_user

fault_nx:
        mov eax, SHARED
        jmp rax

fault_rsv:
        mov al, [RESERVED_BIT]
        jmp no_fault

fault_mf:
        fldcw [x87_unmasked]
        fld1
        fldz
        fdivp                   ; the exception waits
.next:
        wait                    ; for the next x87 instruction
        jmp no_fault

fault_ac:
        mov rax, cr0
        or eax, CR0_AM
        mov cr0, rax
        mov esi, user_misaligned
        mov edx, RFLAGS_AC + 2
        jmp to_user

fault_xm:
        ldmxcsr [mxcsr_unmasked]
        xorps xmm1, xmm1
        movaps xmm0, [one]
.divide:
        divps xmm0, xmm1
        jmp no_fault

        align 16, db 0
one:
        dd 0x3f800000, 0x3f800000, 0x3f800000, 0x3f800000
bounds:
        dd 0, 3
mxcsr_default:
        dd 0x1f80
mxcsr_unmasked:
        dd 0x1d80               ; division by zero unmasked
x87_unmasked:
        dw 0x037b               ; the same

; Name (up to 8 characters, ended by 0), code, text.
        align 8, db 0
fault_table:
        dq 'de', fault_de, text_de
        dq 'db', fault_db, text_db
        dq 'bp', fault_bp, text_bp
        dq 'of', fault_of, text_of
        dq 'br', fault_br, text_br
        dq 'ud', fault_ud, text_ud
        dq 'nm', fault_nm, text_nm
        dq 'df', fault_df, text_df
        dq 'ts', fault_ts, text_ts
        dq 'np', fault_np, text_np
        dq 'ss', fault_ss, text_stack
        dq 'gp', fault_gp, text_gp
        dq 'sel', fault_sel, text_sel
        dq 'priv', fault_priv, text_priv
        dq 'gate', fault_gate, text_gate
        dq 'pf', fault_pf, text_pf
        dq 'wp', fault_wp, text_wp
        dq 'user', fault_user, text_user
        dq 'nx', fault_nx, text_nx
        dq 'rsv', fault_rsv, text_rsv
        dq 'mf', fault_mf, text_mf
        dq 'ac', fault_ac, text_ac
        dq 'xm', fault_xm, text_xm
        dq 0

text_de:    db "divide by zero", 0
text_db:    db "single step", 0
text_bp:    db "INT3", 0
text_of:    db "INTO after an overflow, in compatibility mode", 0
text_br:    db "BOUND out of range, in compatibility mode", 0
text_ud:    db "UD2", 0
text_nm:    db "x87 instruction with CR0.TS set", 0
text_df:    db "general protection fault whose gate is not present", 0
text_ts:    db "interrupt stack beyond the TSS's limit", 0
text_np:    db "load FS with a segment that is not present", 0
text_stack: db "stack access to a non-canonical address", 0
text_gp:    db "access to a non-canonical address", 0
text_sel:   db "load GS with a selector beyond the GDT", 0
text_priv:  db "CLI in user mode", 0
text_gate:  db "INT 20h in user mode, whose gate has DPL 0", 0
text_pf:    db "read from a page that is not present", 0
text_wp:    db "write to a read-only page, with CR0.WP set", 0
text_user:  db "read from the kernel's page in user mode", 0
text_nx:    db "execute from a no-execute page", 0
text_rsv:   db "access through an entry with a reserved bit set", 0
text_mf:    db "x87 division by zero, unmasked", 0
text_ac:    db "misaligned access in user mode, with CR0.AM and RFLAGS.AC set", 0
text_xm:    db "SSE division by zero, unmasked", 0
