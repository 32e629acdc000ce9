; Lab 5: code that changes itself, and data that lies beside code.
%include "../lab.inc"

start:  mov esp, stack

        mov ecx, 3              ; 1. a function whose constant is changed: which one does it return?
        mov ebx, 0x11111111
.patch: mov [function + 1], ebx
        call function
        show "function returns", eax
        add ebx, 0x11111111
        loop .patch

        xor eax, eax
        xor ebx, ebx
        mov byte [next], 0x43   ; 2. the next instruction is changed: INC EAX (40h) becomes INC EBX (43h)
next:   inc eax
        show "EBX", ebx

        mov ecx, 10000          ; 3. a counter
count:  inc dword [counter]
        dec ecx
        jnz count
        show "counter", [counter]
        exit 0

function:
        mov eax, 0              ; B8 and the constant
        ret

        ; YOUR WORK: the counter lies in the page of the loop that counts. Let it lie elsewhere.
align 4
counter: dd 0

section .bss
        resb 1024
stack:
memory_end:
