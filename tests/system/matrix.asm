; The permission matrix of paging (SDM vol. 3A 4.6, 4.7): reads, writes and fetches of one page in ring 0 and ring 3, for all
; settings of P, W, U and NX at each level of its tables, of pages of all sizes, under all settings of WP, SMEP, SMAP, AC and NXE, and
; with protection keys (KEYS: 5, else 1). MODE: 32, 36 (PAE), 64 or 57 (5-level, with LA57). A line for each group of settings:
;   controls, key, levels, the level that varies (f: the two lowest), checksum of what was seen.
; With DETAIL the values of the group of that number instead. A value has the error code (ff: no fault), the accessed bits of
; the levels at 8 and up, root first, their dirty bits at 16 and up, bit 31 if CR2 or the vector is wrong.
%ifdef QEMU
%if MODE == 64
%undef KEYS
%define KEYS 1
%endif
%endif
%include "pages.inc"
WP      equ 1
SMEP    equ 2
SMAP    equ 4
AC      equ 8
NXE     equ 16
%if MODE == 32
COMBOS  equ 8                           ; settings of an entry's rights
CONTROLS equ 16
%else
COMBOS  equ 16
CONTROLS equ 32
%endif

main:   call map_guest
        mov esi, user
        mov edi, USER
        mov ecx, user_end-user
        rep movsb

each_control:
        mov al, [control]
%ifdef QEMU                             ; as it is slow at this
%if MODE != 32
        test al, NXE
        jz next_control
%endif
        and al, SMAP|AC
        cmp al, AC
        je next_control
        mov al, [control]
%endif
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
        mov dword [key], 0

each_key:                               ; 0: CR4.PKE is clear; else AD and WD of key 1 are bits 0 and 1 of key-1
%if LONG
        cmp dword [key], 1
        jne .set
        mov rdx, cr4
        or edx, 0x400000
        mov cr4, rdx
.set:   jb .keyed
        mov eax, [key]
        dec eax
        shl eax, 2
        xor ecx, ecx
        xor edx, edx
        wrpkru
.keyed:
%endif
        mov dword [depth], LEVELS
        mov dword [vary], 15            ; the two lowest first
%ifdef QEMU
%if MODE == 57
        jmp each_depth
%endif
%endif
        jmp each_group
each_depth:
        mov dword [vary], 0
each_group:
        mov dword [sum], 0x811c9dc5
        mov dword [combo], 0
each_combo:
        mov dword [rights], 0x07070707
        mov byte [rights+4], 7
        mov eax, [combo]
        mov ebx, [vary]
        cmp ebx, 15
        je .pair
        mov [rights+xBX], al
        jmp .set
.pair:  xor edx, edx
        mov ecx, COMBOS
        div ecx
        mov [rights+LEVELS-2], al
        mov [rights+LEVELS-1], dl
.set:   mov dword [access], 0

each_access:
        call build
        mov word_ [recover], next
        mov xDI, TARGET
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

next:   mov ebx, 0xff
        cmp dword [f_vector], NONE
        je .seen
        cmp dword [f_vector], NONE3
        je .seen
        mov ebx, [f_code]
        cmp dword [f_vector], 14
        jne .bad
        mov xAX, TARGET
        mov ecx, [access]
        cmp ecx, 1
        je .write
        cmp ecx, 4
        jne .cr2
.write: or al, 8
.cr2:   cmp xAX, [f_cr2]
        je .seen
.bad:   or ebx, 0x80000000
.seen:  mov ecx, [depth]
.bits:  mov eax, [slots+xCX*4-4]
        mov eax, [xAX]
        shr eax, 5
        and eax, 3                      ; A, D
        mov edx, eax
        and edx, 1
        shr eax, 1
        shl eax, 8
        or eax, edx
        shl eax, 7
        shl eax, cl
        or ebx, eax
        loop .bits
%ifdef QEMU
        cmp bl, 0xff                    ; QEMU marks upper levels as accessed when a lower one faults
        je .same
        and ebx, 0xffff00ff
        test bl, 8                      ; and clears P when a reserved bit is set
        jz .same
        or bl, 1
.same:
%endif
%ifdef DETAIL
        cmp dword [group], DETAIL
        jne .quiet
        mov eax, ebx
        call hex8
        call newline
.quiet:
%endif
        xor ebx, [sum]
        imul ebx, ebx, 16777619
        mov [sum], ebx
        inc dword [access]
        cmp dword [access], 6
        jb each_access
        inc dword [combo]
        mov eax, COMBOS
        cmp dword [vary], 15
        jne .combos
        mov eax, COMBOS*COMBOS
.combos:
        cmp [combo], eax
        jb each_combo

%ifndef DETAIL
        mov al, [control]
        call hex2
        call space
        mov eax, [key]
        call hex1
        call space
        mov eax, [depth]
        call hex1
        call space
        mov eax, [vary]
        call hex1
        call space
        mov eax, [sum]
        call hex8
        call newline
%endif
        inc dword [group]
        cmp dword [vary], 15
        je each_depth
        inc dword [vary]
        mov eax, [vary]
        cmp eax, [depth]
        jb each_group
        dec dword [depth]
        cmp dword [depth], LEVELS-LARGE
        jae each_depth
        inc dword [key]
        test byte [control], NXE        ; keys have nothing to do with it
        jz .last_key
        cmp dword [key], KEYS
        jb each_key
.last_key:
%if LONG && KEYS > 1
        mov rdx, cr4
        and edx, ~0x400000
        mov cr4, rdx
%endif
next_control:
        inc dword [control]
        cmp dword [control], CONTROLS
        jb each_control
        jmp finish

hex1:   mov ecx, 1
        jmp low

user:   mov al, [xDI]
        int NONE3
        times 16-($-user) nop
        mov [xDI+8], al
        int NONE3
        times 32-($-user) nop
        call xDI
        int NONE3
user_end:
        align 4
control: dd 0
vary:   dd 0
combo:  dd 0
access: dd 0
sum:    dd 0
group:  dd 0
