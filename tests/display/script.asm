; Does what the multiboot module says, a byte an operation with its operands behind it, little-endian:
;   0 end    1 OUT port16, byte    2 OUT port16, word    3 IN byte of port16, printed    4 IN word of port16, printed
;   5 copy: address32, length32, bytes    6 fill: address32, length32, byte    7 read the byte at address32, printed
;   8 addresses count from the display's frame buffer from now on    9 from 0
;   10 copy within memory: to32, from32, length32, by bytes    11 scroll: times32, to32, from32, words32, of 16 bits
;   12 IN byte of port16, not printed
; At the end it prints "DONE", a line, and waits for a byte on COM1 before it powers off.
%include "../direct/common.inc"
start:  mov esp, stack
        mov eax, [ebx+24]               ; multiboot information: the first module
        mov esi, [eax]
        xor ebp, ebp                    ; what addresses count from
        cld
next:   lodsb
        movzx eax, al
        cmp eax, 12
        ja finish
        jmp [table+4*eax]
outb:   call port
        lodsb
        out dx, al
        jmp next
outw:   call port
        lodsw
        out dx, ax
        jmp next
inb:    call port
        in al, dx
        call hex8
        jmp next
drop:   call port
        in al, dx
        jmp next
inw:    call port
        in ax, dx
        push eax
        mov al, ah
        call hex8
        pop eax
        call hex8
        jmp next
port:   movzx edx, word [esi]
        add esi, 2
        ret
copy:   call range
        rep movsb
        jmp next
fill:   call range
        lodsb
        rep stosb
        jmp next
range:  lodsd
        lea edi, [eax+ebp]
        lodsd
        mov ecx, eax
        ret
peek:   lodsd
        mov al, [eax+ebp]
        call hex8
        jmp next
frame:  mov edx, 0xcf8
        mov eax, 0x80001010             ; BAR 0 of 00:02.0
        out dx, eax
        mov edx, 0xcfc
        in eax, dx
        and eax, ~15
        mov ebp, eax
        jmp next
zero:   xor ebp, ebp
        jmp next
move:   lodsd
        lea edi, [eax+ebp]
        lodsd
        lea ebx, [eax+ebp]
        lodsd
        mov ecx, eax
        push esi
        mov esi, ebx
        rep movsb
        pop esi
        jmp next
scroll: lodsd
        mov edx, eax
.again: push esi
        mov edi, [esi]
        mov ecx, [esi+8]
        mov esi, [esi+4]
        rep movsw
        pop esi
        dec edx
        jnz .again
        add esi, 12
        jmp next
finish: mov esi, done
.char:  lodsb
        test al, al
        jz .wait
        out 0xe9, al
        jmp .char
.wait:  mov dx, 0x3fd
        in al, dx
        test al, 1
        jz .wait
        mov dx, 0x604
        mov ax, 0x2000
        out dx, ax
        hlt
hex8:   mov ah, al
        shr al, 4
        call digit
        mov al, ah
        and al, 15
        call digit
        mov al, 10
        out 0xe9, al
        ret
digit:  cmp al, 10
        sbb al, 0x69
        das
        out 0xe9, al
        ret
align 4
table:  dd finish, outb, outw, inb, inw, copy, fill, peek, frame, zero, move, scroll, drop
done:   db "DONE", 10, 0
section .bss
alignb 16
        resb 4096
stack:
bss_end:
