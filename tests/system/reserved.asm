; Reserved bits of paging-structure entries (SDM vol. 3A tables 4-4 to 4-20). Each bit in turn is changed in the entry of each level,
; for pages of all sizes, and the page is read. Prints for each the bits that make the read fault with RSVD, highest first:
;   NXE, levels, level, bits. Bits of addresses of tables, and PS where it would make a page, stay as they are.
; In PAE mode then the bits of a PDPTE with which MOV to CR3 is #GP. MODE: see pages.inc.
%include "pages.inc"
PHYS    equ 40                          ; MAXPHYADDR

main:   call map_guest
each_control:
%if MODE != 32
        mov ecx, 0xc0000080
        rdmsr
        and eax, ~0x800
        cmp byte [control], 0
        je .off
        or eax, 0x800
.off:   wrmsr
%endif
        mov dword [depth], LEVELS
each_depth:
        mov dword [level], 0
each_level:
        mov al, [control]
        call hex2
        call space
        mov al, [depth]
        call hex2
        call space
        mov al, [level]
        call hex2
        call space
        mov dword [bit], WIDTH-1
each_bit:
        call build
        mov ecx, [level]
        mov edi, [slots+xCX*4]
        mov eax, [bit]
        inc ecx
        cmp ecx, [depth]
        je .change
        cmp eax, 12                     ; the address of a table
        jb .change
        cmp eax, PHYS
        jb .none
.change:
        cmp eax, 7                      ; PS, where it makes a page of a table
        jne .bit
        mov edx, LEVELS
        sub edx, ecx
        dec edx
        cmp edx, 1
        jbe .none
.bit:   btc [xDI], eax
        mov word_ [recover], .next
        mov xDI, TARGET
        invlpg [xDI]
        mov al, [xDI]
        int NONE
.next:  mov al, '0'
        cmp dword [f_vector], 14
        jne .print
        test byte [f_code], 8
        jz .print
        inc eax
        jmp .print
.none:  mov al, '-'
.print: call putc
        dec dword [bit]
        jns each_bit
        call newline
        inc dword [level]
        mov eax, [level]
        cmp eax, [depth]
        jb each_level
        dec dword [depth]
        cmp dword [depth], LEVELS-LARGE
        jae each_depth
        inc dword [control]
        cmp dword [control], 2
        jb each_control
%if MODE == 36
        mov dword [bit], 63
.pdpte: mov dword [tables+24], 1        ; an entry that maps nothing which is used
        mov dword [tables+28], 0
        mov eax, [bit]
        test eax, eax
        jz .present
        bts [tables+24], eax
.present:
        mov word_ [recover], .loaded
        mov eax, cr3
        mov cr3, eax
        int NONE
.loaded:
        mov al, '0'
        cmp dword [f_vector], 13
        jne .quiet
        inc eax
.quiet: call putc
        dec dword [bit]
        jns .pdpte
        call newline
%endif
        jmp finish
%if MODE == 32
WIDTH    equ 32
%else
WIDTH    equ 64
%endif
        align 4
%if MODE == 32
control: dd 1                           ; there is no NXE
%else
control: dd 0
%endif
level:  dd 0
bit:    dd 0
