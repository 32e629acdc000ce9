; Which accesses page tables permit (SDM vol. 3A 4.6, 4.7): reads, writes and fetches in ring 0 and ring 3 of a page, for all
; settings of W, U and NX in its two lowest entries, under WP, SMEP, SMAP, AC and NXE. MODE: 32, 36 (PAE) or 64. Prints a line
; for each: controls, entries, and for the six accesses the error code of the page fault, or --.
%if MODE == 64
%define LONG 1
%else
%define LONG 0
%endif
%include "lib.inc"
WP      equ 1
SMEP    equ 2
SMAP    equ 4
AC      equ 8
NXE     equ 16
TARGET  equ 0x800000
USER    equ 0x400000
ptables equ tables+0x8000
pd      equ ptables+0x2000
pt      equ ptables+0x4000

main:   mov edi, ptables
        mov ecx, 0x8000/4
        xor eax, eax
        cld
        rep stosd
%if MODE == 32
        mov dword [ptables], 0x83
        mov dword [ptables+4], 0x400087
PDE     equ ptables+8
        mov dword [pt], 0
%else
        mov dword [pd], 0x83
        mov dword [pd+8], 0x200083
        mov dword [pd+16], 0x400087
        mov dword [pd+24], 0x600087
PDE     equ pd+32
%if MODE == 36
        mov dword [ptables], pd+1
%else
        mov dword [ptables], ptables+0x1000+7
        mov dword [ptables+0x1000], pd+7
%endif
%endif
        mov byte [0x600000], 0xc3
        mov esi, user
        mov edi, USER
        mov ecx, user_end-user
        rep movsb
        mov eax, ptables
        mov cr3, xAX
        mov xAX, cr4
%if MODE == 32
        or eax, 0x10
%else
        or eax, 0x20
%endif
        mov cr4, xAX
        mov xAX, cr0
        or eax, 0x80000000
        mov cr0, xAX

each_control:
        mov eax, [controls]
        movzx eax, byte [eax]
        cmp al, 0xff
        je finish
        mov [control], al
        mov xDX, cr0
        and edx, ~0x10000
        test al, WP
        jz .wp
        or edx, 0x10000
.wp:    mov cr0, xDX
        mov xDX, cr4
        and edx, ~0x300000
        test al, SMEP
        jz .smep
        or edx, 0x100000
.smep:  test al, SMAP
        jz .smap
        or edx, 0x200000
.smap:  mov cr4, xDX
%if MODE != 32
        mov ecx, 0xc0000080
        rdmsr
        and eax, ~0x800
        test byte [control], NXE
        jz .nxe
        or eax, 0x800
.nxe:   wrmsr
%endif
        mov dword [entries], 0

each_entry:
        mov al, [control]
        call hex2
        call space
        mov al, [entries]
        call hex2
        mov eax, [entries]
        mov edx, eax                    ; bits 0, 1: W and U of the directory's entry
        and edx, 3
        lea edx, [pt+1+edx*2]
        mov [PDE], edx
        mov edx, eax                    ; bits 2, 3: of the page
        shr edx, 2
        and edx, 3
        lea edx, [0x600001+edx*2]
%if MODE != 32
        mov ecx, eax                    ; bits 4, 5: NX
        shl ecx, 27
        and ecx, 0x80000000
        mov [PDE+4], ecx
        mov ecx, eax
        shl ecx, 26
        and ecx, 0x80000000
        mov [pt+4], ecx
%endif
        cmp eax, LAST
        jb .present
        xor edx, edx
.present:
        mov [pt], edx
        mov dword [access], 0

each_access:
        call space
        mov word_ [recover], next
        mov edi, TARGET
        invlpg [xDI]
        mov ebx, [access]
        cmp ebx, 3
        jae ring3
        test byte [control], AC
        jz .ac
%if LONG
        pushfq
        or dword [rsp], 0x40000
        popfq
%else
        pushfd
        or dword [esp], 0x40000
        popfd
%endif
.ac:    cmp ebx, 1
        je .write
        ja .fetch
        mov al, [xDI]
        int NONE
.write: mov [xDI+8], al
        int NONE
.fetch: call xDI
        int NONE
ring3:
%if !LONG
        mov eax, UDATA
        mov ds, eax
%endif
        sub ebx, 3
        shl ebx, 4
        add ebx, USER
        push word_ UDATA
        push word_ USER+0x1000
        push word_ 2
        push word_ UCODE
        push xBX
        iretx
next:   mov eax, [f_vector]
        cmp eax, NONE
        je .none
        cmp eax, NONE3
        je .none
        cmp eax, 14
        jne .other
        mov xAX, [f_cr2]
        and eax, ~8
        cmp eax, TARGET
        jne .other
        mov eax, [f_code]
        call hex2
        jmp .done
.other: mov al, '?'
        call putc
        jmp .done
.none:  mov al, '-'
        call putc
        call putc
.done:  inc dword [access]
        cmp dword [access], 6
        jb each_access
        call newline
        inc dword [entries]
        cmp dword [entries], LAST
        jbe each_entry
        inc dword [controls]
        jmp each_control

user:   mov al, [xDI]
        int NONE3
        times 16-($-user) nop
        mov [xDI+8], al
        int NONE3
        times 32-($-user) nop
        call xDI
        int NONE3
user_end:
%if MODE == 32
LAST    equ 16
N       equ 0
%else
LAST    equ 64
N       equ NXE
%endif
        align 4
controls: dd .list
.list:  db N, N|WP, N|WP|SMEP, N|WP|SMAP, N|WP|SMAP|AC, N|WP|SMEP|SMAP, N|SMAP, WP, WP|SMEP, 0xff
control: db 0
        align 4
entries: dd 0
access: dd 0
