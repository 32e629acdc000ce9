; 20-protected: 32-bit protected mode, used only to build page tables and go on to long mode.

        bits 32
protected_start:
        mov ax, DATA32
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov fs, ax
        mov gs, ax
        mov esp, KERNEL_STACK
        mov esi, text_protected
        call puts32

        pushfd                  ; there is CPUID if EFLAGS.ID can be changed
        pop eax
        mov ebx, eax
        xor eax, 0x200000
        push eax
        popfd
        pushfd
        pop eax
        push ebx
        popfd
        cmp eax, ebx
        je .no_long_mode
        mov eax, 0x80000001
        cpuid
        bt edx, 20              ; NX
        jnc .no_long_mode
        bt edx, 29              ; LM
        jc .long_mode_exists
.no_long_mode:
        mov esi, text_no_long_mode
        call puts32
.stop:
        hlt
        jmp .stop
.long_mode_exists:

; Variables start at zero.
        mov edi, VARS
        mov ecx, 0x2000 / 4
        xor eax, eax
        rep stosd

; Five page tables, empty at first.
        mov edi, PML4
        mov ecx, 5 * 4096 / 4
        rep stosd

; The first and the 256th entry of the PML4 lead to the same tables: what is at
; 0 is also at FFFF800000000000.
        mov dword [PML4], PDPT + PAGE_P + PAGE_W + PAGE_U
        mov dword [PML4 + 256 * 8], PDPT + PAGE_P + PAGE_W + PAGE_U
        mov dword [PDPT], PD_LOW + PAGE_P + PAGE_W + PAGE_U
        mov dword [PDPT + 3 * 8], PD_HIGH + PAGE_P + PAGE_W

; The first 2 MiB in pages of 4 KiB, each for itself. The ROM may be executed but
; not written, the rest is the other way round.
        mov dword [PD_LOW], PT_LOW + PAGE_P + PAGE_W + PAGE_U
        mov edi, PT_LOW
        mov eax, PAGE_P + PAGE_W
        mov ecx, 512
.fill:
        mov [edi], eax
        mov dword [edi + 4], PAGE_NX_HIGH
        cmp eax, ROM
        jb .next
        cmp eax, ROM + 0x10000
        jae .next
        mov dword [edi + 4], 0
        and byte [edi], ~PAGE_W & 0xff
.next:
        add eax, 4096
        add edi, 8
        loop .fill
        or byte [PT_LOW + (SHARED >> 12) * 8], PAGE_U
        or byte [PT_LOW + (USER_STACKS >> 12) * 8], PAGE_U
        or byte [PT_LOW + ((user_code - $$) / 4096 + (ROM >> 12)) * 8], PAGE_U
        and byte [PT_LOW + (READ_ONLY >> 12) * 8], ~PAGE_W & 0xff
        mov dword [PT_LOW + (HOLE >> 12) * 8], 0

; One large page of RAM, one with a reserved bit, and two of devices.
        mov dword [PD_LOW + 1 * 8], 0x200000 + PAGE_P + PAGE_W + PAGE_PS
        mov dword [PD_LOW + 1 * 8 + 4], PAGE_NX_HIGH
        mov dword [PD_LOW + (RESERVED_BIT >> 21) * 8], RESERVED_BIT + 0x2000 + PAGE_P + PAGE_PS
        mov dword [PD_HIGH + 0x1f6 * 8], 0xfec00000 + PAGE_P + PAGE_W + PAGE_CD + PAGE_PS
        mov dword [PD_HIGH + 0x1f6 * 8 + 4], PAGE_NX_HIGH
        mov dword [PD_HIGH + 0x1f7 * 8], 0xfee00000 + PAGE_P + PAGE_W + PAGE_CD + PAGE_PS
        mov dword [PD_HIGH + 0x1f7 * 8 + 4], PAGE_NX_HIGH
        mov esi, text_tables
        call puts32

; The order of SDM vol. 3A 9.8.5: PAE, CR3, EFER.LME, and paging last.
        mov eax, CR4_PAE + CR4_OSFXSR + CR4_OSXMMEXCPT
        mov cr4, eax
        mov eax, PML4
        mov cr3, eax
        mov ecx, EFER
        rdmsr
        or eax, EFER_LME + EFER_NXE + EFER_SCE
        wrmsr
        mov eax, cr0
        and eax, ~(1 << 2) & 0xffffffff         ; no emulation of the FPU
        and eax, ~(3 << 29) & 0xffffffff        ; caches on
        or eax, CR0_PG + CR0_WP + CR0_NE + CR0_MP
        mov cr0, eax
        jmp CODE64:long_start

; puts32 prints the text at ESI.
puts32:
        lodsb
        test al, al
        jz .done
        mov ah, al
        mov dx, COM1 + 5
.wait:
        in al, dx
        test al, 0x20
        jz .wait
        mov dx, COM1
        mov al, ah
        out dx, al
        jmp puts32
.done:
        ret
