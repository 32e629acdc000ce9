; A multiboot kernel that goes to 64-bit user code, which executes what processors do differently: results that the manuals leave undefined, or that tell
; about the processor. It ends by an exception that nobody handles.
bits 32
org 0x100000
header: dd 0x1BADB002, 1<<16, -(0x1BADB002 + (1<<16))
        dd header, header, 0, bss_end, start
start:  mov esp, stack
        mov dword [pml4], pdpt + 7
        mov dword [pdpt], pd + 7
        xor ecx, ecx
.map:   mov eax, ecx            ; 1 GiB in pages of 2 MiB, for all
        shl eax, 21
        or eax, 0x87
        mov [pd+ecx*8], eax
        inc ecx
        cmp ecx, 512
        jne .map
        mov eax, pml4
        mov cr3, eax
        mov eax, cr4
        or eax, 1<<5 | 1<<9 | 1<<10     ; PAE, OSFXSR, OSXMMEXCPT
        mov cr4, eax
        mov ecx, 0xc0000080
        rdmsr
        or eax, 1<<8            ; LME
        wrmsr
        mov eax, cr0
        and eax, ~(1<<2)
        or eax, 1<<31 | 1<<5 | 1<<1     ; PG, NE, MP
        mov cr0, eax
        lgdt [gdtr]
        jmp 8:wide
bits 64
wide:   mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        fninit
        push qword 0x1b
        push qword stack
        push qword 0x2
        push qword 0x23
        push qword user
        iretq
user:   mov esi, area
        fld1
        fnstenv [rsi]
        fldpi
        fadd qword [rsi+64]
        fsin
        fpatan
        fptan
        f2xm1
        fnstenv [rsi+0x40]
        fxsave [rsi+0x100]
        fxsave64 [rsi+0x300]
        fxrstor [rsi+0x100]
        fldl2e
        fyl2x
        fxrstor64 [rsi+0x300]
        fnsave [rsi+0x80]
        frstor [rsi+0x80]
        fldcw [rsi+0x80]
        fldenv [rsi]
        fld1
        fnop
        fnclex
        fnstsw ax
        fldz
        fdivp                   ; division by zero, masked
        fstenv [rsi]
        fninit
        mov word [rsi], 0x37b   ; unmasked: the pointers stay
        fldcw [rsi]
        fld1
        fldz
        fdivp
        fnstenv [rsi]
        fninit
        ; undefined flags, and registers
        mov eax, 100
        mov ecx, 7
        xor edx, edx
        div ecx
        imul eax, ecx
        bsf edx, eax
        shl eax, 3
        ldmxcsr [mxcsr]
        stmxcsr [rsi]
        cpuid
        rdtsc
        bsr ecx, eax
        mul ecx
        and eax, ecx
        or ecx, eax
        ud2
mxcsr:  dd 0x1f80
align 8
gdt:    dq 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff
gdtr:   dw $-gdt-1
        dd gdt
align 4096
pml4:   times 512 dq 0
pdpt:   times 512 dq 0
pd:     times 512 dq 0
area:   times 512 dq 0
        times 512 dq 0
stack:
bss_end:
