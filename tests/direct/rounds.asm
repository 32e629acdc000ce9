; Runs a loop that is one block, calls and computed jumps, waits for a byte of COM1, and runs the same again.
%include "common.inc"
start:  mov esp, stack
        call work
        mov dx, 0x3f8
        mov al, '1'
        out dx, al
        mov dx, 0x3fd
wait_for_byte:
        in al, dx
        test al, 1
        jz wait_for_byte
        mov dx, 0x3f8
        in al, dx
        call work
        mov al, 0x10
        out 0xf4, al
        jmp $

work:   mov ecx, 1000
        xor eax, eax
alone:  add eax, ecx
        dec ecx
        jnz alone
        mov ecx, 100
called: call leaf
        loop called
        mov ecx, 50
        mov ebx, turn
        jmp ebx
turn:   dec ecx
        jz done
        jmp ebx
done:   ret

        align 4096      ; an edge to another page
leaf:   add eax, 3
        ret

        dd work, alone, called, turn, leaf    ; where they are, for the test
section .bss
        resb 8192       ; no code on the stack's page
stack:
bss_end:
