; A multiboot 1 kernel that prints what the loader told it, on COM1, and ends
; with status 33 through isa-debug-exit at 0xf4.
bits 32
org 0x100000
FLAGS equ 1<<16 | 1<<1                  ; address fields below; wants memory sizes
header: dd 0x1BADB002, FLAGS, -(0x1BADB002 + FLAGS)
        dd header, header, 0, bss_end, start

start:  mov esp, stack
        push ebx
        mov edx, eax
        mov esi, s_magic
        call field
        mov esi, s_cs                   ; the entry state: flat segments, no paging, interrupts off
        call puts
        mov eax, cr0
        and eax, 0x80000001
        call hex
        call newline
        pushfd
        pop edx
        and edx, 0x20200
        mov esi, s_flags
        call field
        pop ebx
        mov edx, [ebx]
        and edx, 0x4d                   ; memory, command line, modules, map
        mov esi, s_info
        call field
        mov edx, [ebx+4]
        mov esi, s_lower
        call field
        mov esi, s_cmd                  ; the command line, from its last blank on: loaders differ in the path before it
        call puts
        mov esi, [ebx+16]
        call last_word
        call newline
        mov edx, [ebx+20]
        mov esi, s_mods
        call field
        mov ecx, [ebx+20]
        mov edi, [ebx+24]
.mod:   jecxz .done
        push ecx
        mov edx, [edi+4]
        sub edx, [edi]
        mov esi, s_size
        call field
        mov eax, [edi]                  ; a checksum of the module
        mov ecx, edx
        xor edx, edx
.sum:   jecxz .sum_done
        rol edx, 1
        add dl, [eax]
        inc eax
        dec ecx
        jmp .sum
.sum_done:
        mov esi, s_sum
        call field
        mov esi, s_args
        call puts
        mov esi, [edi+8]
        call last_word
        call newline
        add edi, 16
        pop ecx
        dec ecx
        jmp .mod
.done:  mov al, 16
        out 0xf4, al
        hlt

; field: prints the text at ESI, EDX in hexadecimal, and a new line.
field:  call puts
        mov eax, edx
        call hex
newline:
        mov al, 10
putc:   push edx
        mov ah, al
        mov dx, 0x3fd
.wait:  in al, dx
        test al, 0x20
        jz .wait
        mov dx, 0x3f8
        mov al, ah
        out dx, al
        pop edx
        ret
puts:   lodsb
        test al, al
        jz .end
        call putc
        jmp puts
.end:   ret
; last_word: prints the string at ESI from behind its last blank.
last_word:
        mov eax, esi
.scan:  cmp byte [eax], 0
        je puts
        inc eax
        cmp byte [eax-1], ' '
        jne .scan
        mov esi, eax
        jmp .scan
hex:    push ecx
        mov ecx, 8
.digit: rol eax, 4
        push eax
        and al, 15
        cmp al, 10
        sbb al, 0x69
        das
        call putc
        pop eax
        loop .digit
        pop ecx
        ret
s_magic: db 'magic ', 0
s_cs:    db 'cr0 ', 0
s_flags: db 'eflags ', 0
s_info:  db 'info ', 0
s_lower: db 'lower ', 0
s_cmd:   db 'args ', 0
s_mods:  db 'modules ', 0
s_size:  db 'size ', 0
s_sum:   db 'sum ', 0
s_args:  db 'string ', 0
        align 16
        times 1024 db 0
stack:
bss_end:
