; Lab 4: two levels of page tables, the TLB, and page faults.
%include "../lab.inc"

PRESENT equ 1
WRITE   equ 2

PLACE   equ 0x12345000          ; a linear address to play with

start:  mov esp, stack
        lgdt [gdtr]
        jmp 8:.go
.go:    mov ax, 16
        mov ds, ax
        mov es, ax
        mov ss, ax
        lidt [idtr]

        ; The first 4 MiB, where this program is, are mapped to themselves: one page table, the directory's entry 0.
        mov edi, table_0
        mov eax, PRESENT | WRITE
        mov ecx, 1024
.fill:  stosd
        add eax, 4096
        loop .fill
        mov dword [directory], table_0 + (PRESENT | WRITE)

        ; PLACE is mapped to page_a. Bits 31:22 of the address choose the directory's entry, bits 21:12 the table's.
        mov dword [directory + (PLACE >> 22) * 4], table_1 + (PRESENT | WRITE)
        mov dword [entry], page_a + (PRESENT | WRITE)
        mov dword [page_a + 0x678], 0xAAAAAAAA
        mov dword [page_b + 0x678], 0xBBBBBBBB

        mov eax, directory
        mov cr3, eax
        mov eax, cr0
        or eax, 1 << 31 | 1 << 16       ; PG, and WP: read-only pages are so for the kernel, too
        mov cr0, eax
        print "paging is on", 10

entry   equ table_1 + (PLACE >> 12 & 0x3ff) * 4

        mov eax, [entry]                ; 1. accessed and dirty
        and eax, 0xfff
        show "entry before any access", eax
        mov ebx, [PLACE + 0x678]
        mov eax, [entry]
        and eax, 0xfff
        show "entry after a read", eax
        mov byte [PLACE], 1
        mov eax, [entry]
        and eax, 0xfff
        show "entry after a write", eax

        show "through page_a", ebx      ; 2. the TLB remembers
        mov dword [entry], page_b + (PRESENT | WRITE)
        show "the entry says page_b", [PLACE + 0x678]
        invlpg [PLACE]
        show "after INVLPG", [PLACE + 0x678]

        mov dword [entry], page_b + PRESENT     ; 3. a page that is read-only
        invlpg [PLACE]
        mov dword [goes_on], .faulted_1
        mov dword [PLACE + 4], 1
.faulted_1:
        mov dword [goes_on], .faulted_2 ; 4. a page that is not there
        mov eax, [0x40000000]
.faulted_2:
        mov dword [goes_on], .faulted_3 ; 5. a jump to one
        jmp 8:0x40001000
.faulted_3:
%ifdef TASK
        mov dword [page_c + 0xabc], 0xCCCCCCCC
        mov eax, 0xC0DE5000
        mov ebx, page_c
        mov ecx, PRESENT
        call map
        mov eax, 0xC0DE6000             ; its neighbour: the table is there already
        mov ebx, page_a
        mov ecx, PRESENT | WRITE
        call map
        mov dword [goes_on], .lost
        show "mapped", [0xC0DE5ABC]
        show "its neighbour", [0xC0DE6678]
.lost:
%endif
        exit 0

; map maps the page at linear address EAX to the physical page EBX, with the bits ECX in the table's entry. A table that is missing
; is table_2 (which is all 0); its entry in the directory has PRESENT and WRITE.
map:
        push edx
        mov edx, eax
        shr edx, 22
        test dword [directory + edx * 4], PRESENT
        jnz .there
        mov dword [directory + edx * 4], table_2 + (PRESENT | WRITE)
.there: mov edx, [directory + edx * 4]
        and edx, ~0xfff
        shr eax, 12
        and eax, 0x3ff
        or ecx, ebx
        mov [edx + eax * 4], ecx
        pop edx
        ret

; Vector 14: a page fault. CR2 has the address, the stack the error code (SDM vol. 3A 4.7).
page_fault:
        show "page fault at", cr2
        show "  error code", [esp]
        mov eax, [goes_on]
        add esp, 4
        mov [esp], eax
        iretd

%define at(label) (label - header + 0x100000)

align 8
gdt:    dq 0
        dw 0xffff, 0, 0x9b00, 0x00cf
        dw 0xffff, 0, 0x9300, 0x00cf
.end:
idt:    times 14 dq 0
        dw at(page_fault) & 0xffff, 8, 0x8e00, at(page_fault) >> 16
.end:
gdtr:   dw gdt.end - gdt - 1
        dd gdt
idtr:   dw idt.end - idt - 1
        dd idt

section .bss
alignb 4096
directory: resb 4096
table_0: resb 4096
table_1: resb 4096
table_2: resb 4096
page_a: resb 4096
page_b: resb 4096
page_c: resb 4096
goes_on: resd 1
        resb 1024
stack:
memory_end:
