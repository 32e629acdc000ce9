; What debuggers are tested on: loops, calls, jumps of all kinds, code that changes itself, a page mapped twice, string instructions, ports, interrupts. The test finds
; labels by the table at their head.
%include "../../tests/direct/common.inc"

start:  jmp begin
        align 16
labels: db "LABELS: "
        dd begin, loop1, loop1.mid, func, func.ret, cross, aliased, patched, patch.next, strings, strings.next, port, port.next, store, store.next, load, load.next
        dd ticks, ticks.next, over, over.next, indirect, data, handler, again, quiet, slide

alias   equ 0x40000000                  ; the second mapping of the page of aliased
dirs    equ 0x10000
table   equ 0x11000
table2  equ 0x12000

begin:  mov esp, stack
        lgdt [gdtr]
        jmp 0x10:.own
.own:   mov eax, 0x18
        mov ds, eax
        mov es, eax
        mov ss, eax
        mov fs, eax
        mov gs, eax
        cld
        mov edi, dirs                   ; linear is physical below 4 MiB
        mov ecx, 3*1024
        xor eax, eax
        rep stosd
        mov dword [dirs], table + 7
        mov dword [dirs + (alias>>22)*4], table2 + 7
        mov edi, table
        mov eax, 7
        mov ecx, 1024
.map:   stosd
        add eax, 0x1000
        loop .map
        mov eax, aliased
        and eax, 0xfffff000
        or eax, 7
        mov [table2], eax
        mov [table2+4], eax             ; it may cross into the next
        add dword [table2+4], 0x1000
        mov eax, dirs
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        lidt [idtr]
        mov eax, handler
        mov [idt+0x80*8], ax
        mov [idt+0x80*8+2], cs
        mov word [idt+0x80*8+4], 0xee00
        shr eax, 16
        mov [idt+0x80*8+6], ax

again:  mov ecx, 10
        xor ebx, ebx
loop1:  inc ebx
        nop
.mid:   add edx, ebx
        nop
        dec ecx
        jnz loop1

        mov ecx, 5
.calls: call func
        dec ecx
        jnz .calls

        mov esi, func
        mov ecx, 3
indirect:
        call esi
        loop indirect

        call cross
        call aliased
        mov eax, aliased                ; and by its other address
        and eax, 0xfff
        add eax, alias
        call eax

        mov byte [patched+1], 0x11      ; MOV AL, 11h
        call patched
        mov byte [patched+1], 0x22
patch.next:
        call patched

        mov esi, data
        mov edi, data + 64
        mov ecx, 8
strings: rep movsb
.next:  nop

        mov al, 'x'
port:   out 0xe9, al
.next:  nop
        mov eax, 0x12345678
store:  mov [data+4], eax
.next:  mov edx, [data+16]
load:   mov edx, [data+4]
.next:  nop
over:   int 0x80
.next:  nop
        mov ecx, 100000
ticks:  dec ecx
        jnz ticks
.next:  nop
slide:  times 200 nop                   ; more than one block, reached by falling through
quiet:  inc dword [rounds]
%ifdef SPIN
        jmp $
%endif
        jmp again

func:   inc eax
        push ecx
        pop ecx
.ret:   ret

patched: mov al, 0
        ret

handler: inc dword [data+32]
        iret

        align 4096, db 0x90
        times 4096-3 db 0x90
cross:  mov eax, 0x55aa55aa             ; over the end of the page
        ret
aliased: inc dword [data+40]
        ret

        align 64
data:   times 128 db 0xd0
rounds: dd 0
        align 8, db 0
gdt:    dq 0, 0, 0xcf9b000000ffff, 0xcf93000000ffff
gdtr:   dw 4*8-1
        dd gdt
idtr:   dw 0x81*8-1
        dd idt
idt:    times 0x81*8 db 0
        align 16, db 0
stack   equ $ + 4096
bss_end equ stack
