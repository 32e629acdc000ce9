; What debuggers do on the host's processor: a loop, a call, stores, loads and a port, in 32-bit code without paging. The test finds labels by the table at their head.
%include "../../tests/direct/common.inc"

start:  jmp begin
        align 16
labels: db "LABELS: "
        dd begin, loop1, loop1.mid, func, port
        dd store, load, data

begin:  mov esp, stack
        xor ebx, ebx
        xor edx, edx
        cld
again:  mov ecx, 10
loop1:  inc ebx
        nop
.mid:   add edx, ebx
        dec ecx
        jnz loop1
        call func
        mov al, 'x'
port:   out 0xe9, al
        mov eax, 0x12345678
store:  mov [data+4], eax
        mov edx, [data+16]
load:   mov edx, [data+4]
        jmp again

func:   inc eax
        push ecx
        pop ecx
        ret

        align 16
data:   times 128 db 0x5a
        align 16, db 0
stack   equ $ + 4096
bss_end equ stack
