; Stacks of inner levels (SDM vol. 3A 5.8.5, 6.12.1): what a TSS may hold as SS0 and ESP0 for calls by gates and interrupts, parameters that
; gates copy, and what returns to outer levels leave of data segments.
%define LONG 0
%include "lib.inc"
G       equ SPARE                       ; call gate
S       equ SPARE+8                     ; the inner stack
SBASE   equ 0x140000
STATES  equ 0x150000                    ; TSSs
; gate TYPE, COUNT, [TARGET]
%macro gate 2
        mov eax, g_target
        mov [gdt+G], ax
        mov word [gdt+G+2], CODE
        mov word [gdt+G+4], %1<<8 | %2
        shr eax, 16
        mov [gdt+G+6], ax
%endmacro
; inner NAME, SS0, ESP0, LIMIT, ACCESS: a call by a gate with two parameters, and an interrupt.
%macro inner 5
        mov word [gdt+S], %4
        mov word [gdt+S+2], SBASE & 0xffff
        mov dword [gdt+S+4], SBASE>>16 | %5
        mov dword [tss+4], %3
        mov word [tss+8], %2
        faulting {%1, ", call"}, call G:0
        faulting {%1, ", int"}, int NONE3
%endmacro
%macro faulting 2+
        jmp %%go
%%name: db %1, 0
%%go:   mov dword [f_name], %%name
        mov dword [f_at], %%at
        mov dword [recover], %%after
        push dword UDATA
        push dword ustack-8
        push dword 2
        push dword UCODE
        push dword %%at
        iretd
%%at:   %2
        int NONE3
%%after:
        cmp byte [f_cs], CODE           ; not where the inner level faulted
        jne %%report
        mov eax, [f_ip]
        mov [f_at], eax
%%report:
        call report
%endmacro
; outer NAME, ESP: a call by the gate with ESP on a stack of limit 7ff in ring 3.
%macro outer 2
        jmp %%go
%%name: db %1, 0
%%go:   mov dword [f_name], %%name
        mov dword [f_at], %%at
        mov dword [recover], %%after
        push dword S|3
        push dword %2
        push dword 2
        push dword UCODE
        push dword %%at
        iretd
%%at:   call G:0
        int NONE3
%%after:
        call report
%endmacro
main:
        mov edi, idt+8*8                ; faults of delivery go to tasks, as they need stacks
        mov esi, tasks
.task:  movzx eax, byte [esi]
        shl eax, 16
        mov [edi], eax
        mov dword [edi+4], 0x8500
        add edi, 8
        inc esi
        cmp esi, tasks.end
        jb .task
        call task_states
        gate 0xec, 2
        inner "good", S, 0x800, 0xffff, 0x409300
        inner "null", 0, 0x800, 0xffff, 0x409300
        inner "RPL 3", S|3, 0x800, 0xffff, 0x409300
        inner "DPL 3", S, 0x800, 0xffff, 0x40f300
        inner "read-only", S, 0x800, 0xffff, 0x409100
        inner "code", S, 0x800, 0xffff, 0x409b00
        inner "of the system", S, 0x800, 0xffff, 0x408200
        inner "not present", S, 0x800, 0xffff, 0x401300
        inner "not present and read-only", S, 0x800, 0xffff, 0x401100
        inner "beyond the GDT", 0x200, 0x800, 0xffff, 0x409300
        inner "in no LDT", S|4, 0x800, 0xffff, 0x409300
        inner "beyond its limit", S, 0x800, 0x7fe, 0x409300
        inner "at its limit", S, 0x800, 0x7ff, 0x409300
        inner "room for all", S, 24, 0xffff, 0x409300
        inner "room for an interrupt", S, 20, 0xffff, 0x409300
        inner "room for less", S, 16, 0xffff, 0x409300
        inner "wraps at 16 bits", S, 0, 0xffff, 0x009300
        inner "wraps across 0", S, 2, 0xffff, 0x009300
        inner "expand-down", S, 0x800, 0x7ff, 0x409700
        inner "expand-down with room", S, 0x818, 0x7ff, 0x409700

        ; Parameters: from a 32-bit and a 16-bit gate, 0 to 31 of them. What the inner stack holds, as a checksum.
        mov word [tss+8], DATA
        mov dword [tss+4], stack0
        mov dword [count], 0
.copy:  mov esi, s_copy
        call puts
        mov eax, [count]
        call hex2
        mov byte [size], 0x8c
        call copied
        mov byte [size], 0x84
        call copied
        call newline
        inc dword [count]
        cmp dword [count], 32
        jb .copy
        mov word [gdt+S], 0x7ff
        mov word [gdt+S+2], SBASE & 0xffff
        mov dword [gdt+S+4], SBASE>>16 | 0x40f300
        gate 0xec, 2
        outer "parameters at the limit", 0x7f8
        outer "parameters beyond the limit", 0x7f9
        outer "parameters far beyond the limit", 0x900

        ; Data segments after a return to level RPL, for each DPL of data, code and conforming code.
        mov dword [count], 1
.level: mov esi, s_level
        call puts
        mov eax, [count]
        call hex2
        mov dword [kind], 0
.kind:  mov dword [dpl], 0
.dpl:   mov eax, [kind]
        mov dl, [kinds+eax]
        mov eax, [dpl]
        shl eax, 5
        or dl, al
        mov dword [gdt+G], 0xffff
        mov dword [gdt+G+4], 0xcf0000
        mov [gdt+G+5], dl
        mov ecx, G                      ; RPL 0
        mov ds, ecx
        mov es, ecx
        mov fs, ecx
        mov gs, ecx
        mov eax, [cs:count]             ; code and stack of that level
        mov edx, eax
        shl edx, 13
        or edx, 0xcf9b00
        push edx
        and dh, 0xf7
        mov dword [ss:gdt+SMALL], 0xffff
        mov [ss:gdt+SMALL+4], edx
        mov dword [ss:gdt+CODE32], 0xffff
        pop dword [ss:gdt+CODE32+4]
        lea edx, [eax+SMALL]
        push edx
        push dword ustack
        lea edx, [eax+CODE32]
        push edx
        push dword .outer
        mov dword [ss:recover], .seen
        retf
.outer: mov eax, ds
        mov ebx, es
        mov ecx, fs
        mov edx, gs
        int NONE3
.seen:  xor edi, edi                    ; how many stay
        add eax, ebx
        add eax, ecx
        add eax, edx
        push eax
        call space
        pop eax
        call hex4
        inc dword [dpl]
        cmp dword [dpl], 4
        jb .dpl
        inc dword [kind]
        cmp dword [kind], 3
        jb .kind
        call newline
        inc dword [count]
        cmp dword [count], 4
        jb .level
        jmp finish

; copied prints the checksum of the inner stack above the return address.
copied: mov al, [size]
        or al, 0x60
        mov ah, al
        mov al, [count]
        mov [gdt+G+4], ax
        mov edx, g_copied
        mov word [gdt+G+2], CODE
        cmp byte [size], 0x84
        jne .wide
        mov edx, 0x8000
        mov byte [0x8000], 0x68         ; push g_copied; ret
        mov dword [0x8001], g_copied
        mov byte [0x8005], 0xc3
.wide:  mov [gdt+G], dx
        shr edx, 16
        mov [gdt+G+6], dx
        mov edi, stack0-256
        mov ecx, 64
        xor eax, eax
        rep stosd
        mov edi, ustack-256
        mov ecx, 256
.fill:  mov [edi], cl
        inc edi
        loop .fill
        pop dword [after]
        mov dword [recover], g_came
        push dword UDATA
        push dword ustack-200
        push dword 2
        push dword UCODE
        push dword .call
        iretd
.call:  call G:0
g_copied:
        mov eax, esp
        int NONE3
g_came: mov ecx, eax
        sub ecx, stack0
        neg ecx
        mov esi, eax
        mov edx, 0x811c9dc5
        mov word [esi], 0               ; but EIP and ESP
        cmp byte [size], 0x84
        je .short
        mov dword [esi], 0
        mov dword [stack0-8], 0
        jmp .next
.short: mov word [stack0-4], 0
.next:  movzx eax, byte [esi]
        xor edx, eax
        imul edx, edx, 16777619
        inc esi
        loop .next
        call space
        mov eax, edx
        call hex8
        jmp [after]

g_target:
        int NONE3
by_task:                                ; the state of the task that faulted is in tss
        pop dword [f_code]
        str ax
        mov ecx, tasks.end-tasks
        mov edi, tasks
        repne scasb
        sub edi, tasks-7
        mov [f_vector], edi
        mov eax, [tss+32]
        mov [f_ip], eax
        mov eax, [tss+76]
        mov [f_cs], eax
        clts
        pushfd
        and dword [esp], ~0x4000
        popfd
        mov byte [gdt+TSS+5], 0x89
        mov ax, TSS
        ltr ax
        mov esp, stack
        call task_states
        jmp [recover]

; task_states makes the TSSs of the handlers.
task_states:
        mov esi, tasks
.next:  movzx edi, byte [esi]
        mov eax, edi
        shl eax, 4
        mov word [gdt+edi], 0x67
        mov [gdt+edi+2], ax
        mov dword [gdt+edi+4], 0x8900 | STATES>>16
        lea edi, [eax+STATES]
        mov dword [edi+32], by_task
        mov dword [edi+36], 2
        mov dword [edi+56], task_stack
        mov dword [edi+72], DATA
        mov dword [edi+76], CODE
        mov dword [edi+80], DATA
        mov dword [edi+84], DATA
        inc esi
        cmp esi, tasks.end
        jb .next
        ret
tasks:  db NPGATE+8, XONLY, CGATE, CONF, CGATE+8, NPGATE ; entries of the GDT for vectors 8 to 13
.end:
        align 16
        times 256 db 0
task_stack:
s_copy: db "parameters ", 0
s_level: db "segments in ring ", 0
kinds:  db 0x93, 0x9b, 0x9f             ; data, code, conforming code
        align 4
size:   dd 0
count:  dd 0
kind:   dd 0
dpl:    dd 0
after:  dd 0
