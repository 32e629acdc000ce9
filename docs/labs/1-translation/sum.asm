; Lab 1: adds 10 + 9 + ... + 1, stores the sum, prints it, ends. How does goemu run this?
%include "../lab.inc"

start:  mov esp, stack
        mov ecx, 10
        xor eax, eax
again:  add eax, ecx            ; the loop: three instructions
        dec ecx
        jnz again

store:  mov [sum], eax
        call puthex
        print 10
        exit 0

section .bss
sum:    resd 1
        resb 256
stack:
memory_end:
