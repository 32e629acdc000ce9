; Writes to a page above RAM through paging that maps nothing there, with an empty IDT: #PF, #DF, triple fault.
%include "common.inc"
start:  lidt [empty]
        mov edi, 0x200000               ; one 4 MiB page for the first 4 MiB
        mov dword [edi], 0x83
        mov eax, cr4
        or eax, 0x10
        mov cr4, eax
        mov cr3, edi
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        mov dword [0xdeadbeec], 1
        jmp $
empty:  dw 0
        dd 0
bss_end:
