; Lab 2: a small kernel runs twice: in ring 0, where it belongs, and in ring 3 under a monitor that works by trap and emulate.
;
; The monitor emulates each privileged instruction of the kernel, as it traps (#GP). The kernel's sensitive instructions that do NOT
; trap show it the monitor's machine instead of its own. Each line of the output is an instruction, what the kernel got in ring 0,
; and what it got in ring 3.
%include "../lab.inc"

; Selectors of the kernel's tables. The monitor's table has the same entries with DPL 3, and its own behind them.
K_CODE  equ 0x08
K_DATA  equ 0x10
U_CODE  equ 0x18 | 3
U_DATA  equ 0x20 | 3
K_WIN   equ 0x28                ; a window on memory that the kernel moves
K_LDT   equ 0x30
K_TSS   equ 0x38
M_CODE  equ 0x40
M_DATA  equ 0x48
M_TSS   equ 0x50

CR0_TS  equ 1 << 3
IF      equ 1 << 9

; ---- The monitor -------------------------------------------------------------------------------------------------------------

start:  cli
        mov al, 0xff            ; no interrupts from devices: both 8259A are masked
        out 0x21, al
        out 0xa1, al
        mov esp, monitor_stack

        ; First run: the kernel has the machine for itself.
        mov edi, native
        mov dword [back], compare_setup
        lgdt [kgdtr]
        jmp K_CODE:.go
.go:    mov ax, K_DATA
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, kernel_stack
        jmp kernel

        ; Second run: in ring 3. The kernel's tables and registers are the monitor's to keep.
compare_setup:
        cli
        mov eax, cr0            ; as at power-on: clear TS
        and eax, ~CR0_TS
        mov cr0, eax
        mov word [kgdt + K_WIN + 2], before - header     ; the kernel's window is where it was
        lgdt [mgdtr]
        lidt [midtr]
        xor ax, ax
        lldt ax
        jmp M_CODE:.go
.go:    mov ax, M_DATA
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, monitor_stack
        mov ax, M_TSS
        ltr ax
%ifdef UMIP
        mov eax, cr4            ; SGDT, SIDT, SLDT, SMSW and STR are #GP in ring 3
        or eax, 1 << 11
        mov cr4, eax
%endif
        mov dword [back], report
        mov edi, virtual
        push K_DATA | 3         ; SS, ESP, EFLAGS, CS, EIP of the kernel in ring 3
        push kernel_stack
        push IF | 2             ; the real IF is set: a kernel must not stop the monitor
        push K_CODE | 3
        push kernel
        mov ax, K_DATA | 3
        mov ds, ax
        mov es, ax
        iretd

; The kernel's instruction has trapped: #GP. Emulate it and go on behind it.
general_protection:
        add esp, 4              ; error code
        pushad
        push ds
        push es
        mov ax, M_DATA
        mov ds, ax
        mov es, ax
        mov ebp, esp            ; [ebp+8]: EDI ESI EBP ESP EBX EDX ECX EAX; [ebp+40]: EIP CS EFLAGS ESP SS
        mov esi, [ebp + 40]
        inc dword [traps]
        mov eax, [esi]
        mov ebx, table
.find:  mov ecx, [ebx]          ; its mask, its bytes, its length, what to do
        test ecx, ecx
        jz .unknown
        and ecx, eax
        cmp ecx, [ebx + 4]
        je .found
        add ebx, 16
        jmp .find
.found: mov ecx, [ebx + 8]
        add [ebp + 40], ecx
        call [ebx + 12]
        pop es
        pop ds
        popad
        iretd
.unknown:
        mov eax, [esi]
        bswap eax
        print "the monitor does not know the instruction with the bytes "
        call puthex
        print 10
        exit 1

; What the monitor emulates. The kernel's state is in the v... variables.
align 4
table:  dd 0x0000ff, 0x0000fa, 1, emulate_cli           ; FA        CLI
        dd 0x0000ff, 0x0000fb, 1, emulate_sti           ; FB        STI
        dd 0xffffff, 0x15010f, 7, emulate_lgdt          ; 0F 01 15  LGDT [address]
        dd 0xffffff, 0x1d010f, 7, emulate_lidt          ; 0F 01 1D  LIDT [address]
        dd 0xffffff, 0xd0000f, 3, emulate_lldt          ; 0F 00 D0  LLDT AX
        dd 0xffffff, 0xd8000f, 3, emulate_ltr           ; 0F 00 D8  LTR AX
        dd 0xffffff, 0xc0220f, 3, emulate_write_cr0     ; 0F 22 C0  MOV CR0, EAX
%ifdef UMIP
        dd 0xffffff, 0x05010f, 7, emulate_sgdt          ; 0F 01 05  SGDT [address]
        dd 0xffffff, 0x0d010f, 7, emulate_sidt          ; 0F 01 0D  SIDT [address]
        dd 0xffffff, 0xc0000f, 3, emulate_sldt          ; 0F 00 C0  SLDT EAX
        dd 0xffffff, 0xe0010f, 3, emulate_smsw          ; 0F 01 E0  SMSW EAX
        dd 0xffffff, 0xc8000f, 3, emulate_str           ; 0F 00 C8  STR EAX
%endif
        dd 0xffffff, 0xc0200f, 3, emulate_read_cr0      ; 0F 20 C0  MOV EAX, CR0
        dd 0

saved_eax equ 8 + 28            ; EAX of the kernel, from EBP

emulate_cli:
        mov dword [vif], 0
        ret
emulate_sti:
        mov dword [vif], IF
        ret
emulate_lgdt:
        mov esi, [esi + 3]
        mov eax, [esi + 2]
        mov [vgdt], eax
        ret
emulate_lidt:
        mov esi, [esi + 3]
        mov eax, [esi + 2]
        mov [vidt], eax
        ret
emulate_lldt:
        mov eax, [ebp + saved_eax]
        mov [vldt], ax
        ret
emulate_ltr:
        mov eax, [ebp + saved_eax]
        mov [vtr], ax
        ret
emulate_write_cr0:
        mov eax, [ebp + saved_eax]
        mov [vcr0], eax
        ret
emulate_read_cr0:
        mov eax, [vcr0]
        mov [ebp + saved_eax], eax
        ret
%ifdef UMIP
emulate_sgdt:
        mov esi, [esi + 3]
        mov eax, [vgdt]
        mov [esi + 2], eax
        ret
emulate_sidt:
        mov esi, [esi + 3]
        mov eax, [vidt]
        mov [esi + 2], eax
        ret
emulate_sldt:
        movzx eax, word [vldt]
        mov [ebp + saved_eax], eax
        ret
emulate_smsw:
        mov eax, [vcr0]
        mov [ebp + saved_eax], eax
        ret
emulate_str:
        movzx eax, word [vtr]
        mov [ebp + saved_eax], eax
        ret
%endif

; INT 80h of the kernel: in ring 0 the kernel's service answers, in ring 3 the monitor's.
kernel_service:
        mov eax, 1
        iretd
monitor_service:
        mov eax, 2
        iretd

; INT 82h: the kernel's user program is done. The kernel goes on at kernel_goes_on, in the ring in which it runs. EAX stays.
from_user:
        mov ecx, ss
        mov ds, ecx
        mov es, ecx
        mov esp, kernel_stack
        jmp kernel_goes_on
from_user_in_monitor:
        mov dword [esp], kernel_goes_on
        mov dword [esp + 4], K_CODE | 3
        mov dword [esp + 12], kernel_stack
        mov dword [esp + 16], K_DATA | 3
        mov ecx, K_DATA | 3
        mov ds, ecx
        mov es, ecx
        iretd

; INT 81h: the kernel has done all its steps.
done:   jmp [cs:back]

; ---- The kernel: the same bytes run in ring 0 and in ring 3 --------------------------------------------------------------------

; Each step stores what it saw: EAX to the next place of the list at EDI.
%macro saw 0
        stosd
%endmacro

kernel: cld
        lgdt [kgdtr]            ; privileged: these trap, and the monitor remembers
        lidt [kidtr]
        mov ax, K_LDT
        lldt ax
        mov ax, K_TSS
        ltr ax
        mov eax, 0x00000019 | CR0_TS
        mov cr0, eax
        cli

        sgdt [room]             ; 1 SGDT: where is my GDT?
        mov eax, [room + 2]
        saw
        sidt [room]             ; 2 SIDT: where is my IDT?
        mov eax, [room + 2]
        saw
        sldt eax                ; 3 SLDT: which LDT have I loaded?
        movzx eax, ax
        saw
        smsw eax                ; 4 SMSW: have I set TS?
        and eax, CR0_TS
        saw
        pushfd                  ; 5 PUSHF: are my interrupts off, as I said?
        pop eax
        and eax, IF
        saw
        sti
        pushfd                  ; 6 POPF: turn them off by POPF. Are they?
        and dword [esp], ~IF
        popfd
        pushfd
        pop eax
        and eax, IF
        saw
        cli
        xor eax, eax            ; 7 LAR: the rights of my data segment
        mov ecx, K_DATA
        lar eax, ecx
        and eax, 0x6000         ; its DPL
        saw
        xor eax, eax            ; 8 LSL: has a user's program (RPL 3) a right to know how long it is?
        mov ecx, K_DATA | 3
        lsl eax, ecx
        saw
        xor eax, eax            ; 9 VERR: may a user's program read it?
        mov ecx, K_DATA | 3
        verr cx
        setz al
        saw
        xor eax, eax            ; 10 VERW: may it write to it?
        mov ecx, K_DATA | 3
        verw cx
        setz al
        saw
        mov word [kgdt + K_WIN + 2], after - header     ; 11 POP: I move my window. What does it show?
        push K_WIN
        pop es
        mov eax, [es:0]
        push ds
        pop es
        saw
        push cs                 ; 12 PUSH: in which ring do I run?
        pop eax
        and eax, 3
        saw
        call K_CODE:.callee     ; 13 CALL: which CS do I come from?
        jmp .called
.callee:
        mov eax, [esp + 4]
        and eax, 0xffff
        retf
.called:
        saw
        jmp K_CODE:.jumped      ; 14 JMP: I jump to my code segment in ring 0. Where am I?
.jumped:
        mov eax, cs
        saw
        int 0x80                ; 15 INT: who answers my interrupt? 1: I, 2: the monitor
        saw
        push U_DATA             ; 16 RET: I return to my user program, with its stack. On which is it?
        push user_stack
        push U_CODE
        push user
        retf
kernel_goes_on:
        saw
        str eax                 ; 17 STR: which TSS have I loaded?
        movzx eax, ax
        saw
        mov eax, ss             ; 18 MOV: which stack segment is mine?
        saw
%ifdef TASK
        mov eax, cr0            ; your work: privileged, traps
        and eax, CR0_TS
        saw
%endif
        int 0x81

user:   mov eax, ss             ; the user's stack segment, or still the kernel's?
        int 0x82

; ---- The report ----------------------------------------------------------------------------------------------------------------

report: mov ax, M_DATA
        mov ds, ax
        mov es, ax
        mov esp, monitor_stack
        print "             ring 0   ring 3", 10
        mov esi, names
        xor ecx, ecx
.next:  call puts
        push esi
        mov eax, [native + ecx * 4]
        mov ebx, [virtual + ecx * 4]
        call puthex
        print " "
        xchg eax, ebx
        call puthex
        cmp eax, ebx
        je .same
        inc dword [wrong]
        print " wrong"
.same:  print 10
        pop esi
.skip:  lodsb                   ; the next name
        test al, al
        jnz .skip
        inc ecx
        cmp byte [esi], 0
        jne .next
        show "wrong", [wrong]
        show "traps", [traps]
        exit 0

names:  db "1 SGDT       ", 0, "2 SIDT       ", 0, "3 SLDT       ", 0, "4 SMSW       ", 0, "5 PUSHF      ", 0, "6 POPF       ", 0
        db "7 LAR        ", 0, "8 LSL        ", 0, "9 VERR       ", 0, "10 VERW      ", 0, "11 POP seg   ", 0, "12 PUSH seg  ", 0
        db "13 CALL far  ", 0, "14 JMP far   ", 0, "15 INT n     ", 0, "16 RET far   ", 0, "17 STR       ", 0, "18 MOV seg   ", 0
%ifdef TASK
        db "MOV EAX,CR0  ", 0
%endif
        db 0

; ---- Tables --------------------------------------------------------------------------------------------------------------------

%define at(label) (label - header + 0x100000)

; segment BASE, LIMIT, ACCESS, FLAGS: a descriptor (SDM vol. 3A 3.4.5).
%macro segment_at 4
        dw (%2) & 0xffff, (%1) & 0xffff
        db (%1) >> 16 & 0xff, %3, %4 << 4 | (%2) >> 16, (%1) >> 24
%endmacro

; gate SELECTOR, LABEL, DPL: an interrupt gate (SDM vol. 3A 6.11).
%macro gate 3
        dw at(%2) & 0xffff, %1, 0x8e00 | %3 << 13, at(%2) >> 16
%endmacro

align 8
kgdt:   dq 0                                    ; the kernel's GDT, as the kernel wants it
        segment_at 0, 0xfffff, 0x9b, 0xc        ; K_CODE: DPL 0
        segment_at 0, 0xfffff, 0x93, 0xc        ; K_DATA: DPL 0
        segment_at 0, 0xfffff, 0xfb, 0xc        ; U_CODE: DPL 3
        segment_at 0, 0xfffff, 0xf3, 0xc        ; U_DATA: DPL 3
        segment_at at(before), 3, 0x93, 4       ; K_WIN
        segment_at at(before), 7, 0x82, 0       ; K_LDT
        segment_at at(ktss), 103, 0x89, 0       ; K_TSS
.end:
mgdt:   dq 0                                    ; the monitor's: what the processor uses while the kernel runs in ring 3
        segment_at 0, 0xfffff, 0xfb, 0xc        ; K_CODE, but DPL 3
        segment_at 0, 0xfffff, 0xf3, 0xc        ; K_DATA, but DPL 3
        segment_at 0, 0xfffff, 0xfb, 0xc        ; U_CODE
        segment_at 0, 0xfffff, 0xf3, 0xc        ; U_DATA
        segment_at at(before), 3, 0xf3, 4       ; K_WIN, as it was when the monitor copied the table
        dq 0, 0
        segment_at 0, 0xfffff, 0x9b, 0xc        ; M_CODE
        segment_at 0, 0xfffff, 0x93, 0xc        ; M_DATA
        segment_at at(mtss), 103, 0x89, 0       ; M_TSS
.end:
kidt:   times 0x80 dq 0
        gate K_CODE, kernel_service, 0
        gate K_CODE, done, 0
        gate K_CODE, from_user, 3
.end:
midt:   times 13 dq 0
        gate M_CODE, general_protection, 0
        times 0x80 - 14 dq 0
        gate M_CODE, monitor_service, 3
        gate M_CODE, done, 3
        gate M_CODE, from_user_in_monitor, 3
.end:
ktss:   dd 0, kernel_trap_stack, K_DATA         ; a TSS: only the stack for ring 0
        times 23 dd 0
mtss:   dd 0, monitor_stack, M_DATA
        times 23 dd 0

kgdtr:  dw kgdt.end - kgdt - 1
        dd kgdt
mgdtr:  dw mgdt.end - mgdt - 1
        dd mgdt
kidtr:  dw kidt.end - kidt - 1
        dd kidt
midtr:  dw midt.end - midt - 1
        dd midt

align 4
before: dd 0x11111111                           ; what K_WIN shows before the kernel moves it
after:  dd 0x22222222                           ; and after

section .bss
alignb 4
back:    resd 1                                 ; where INT 81h goes
traps:   resd 1                                 ; instructions that the monitor has emulated
wrong:   resd 1
vif:     resd 1                                 ; the virtual machine: what the kernel believes that its registers hold
vgdt:    resd 1
vidt:    resd 1
vldt:    resd 1
vtr:     resd 1
vcr0:    resd 1
room:    resd 2
native:  resd 32                                ; what the kernel saw in ring 0
virtual: resd 32                                ; and in ring 3
        resd 256
user_stack:
        resd 256
kernel_stack:
        resd 256
kernel_trap_stack:
        resd 256
monitor_stack:
memory_end:
