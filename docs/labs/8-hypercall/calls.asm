; Lab 8: a guest that asks its host for services. A hypercall is OUT to port 5EC0h: EAX is the service, EBX, ECX and EDX have its
; arguments, EAX the result.
%include "../lab.inc"

HYPERCALL equ 0x5ec0

PRINT   equ 0                   ; EBX: text, ECX: its length. Result: how many bytes were printed
SUM     equ 1                   ; EBX: bytes, ECX: how many. Result: their sum
REVERSE equ 2                   ; EBX: bytes, ECX: how many; they are put in reverse order. Result: 0

%macro hypercall 1
        mov eax, %1
        mov dx, HYPERCALL
        out dx, eax
%endmacro

start:  mov esp, stack
%ifdef VMCALL
        vmcall                  ; what a guest of VT-x would execute
%endif
        mov ebx, hello
        mov ecx, hello.end - hello
        hypercall PRINT
        show "printed", eax
        mov ebx, hello
        mov ecx, 5
        hypercall SUM
        show "sum", eax
%ifdef TASK
        mov ebx, word_
        mov ecx, word_.end - word_
        hypercall REVERSE
        show "reverse", eax
        mov ebx, word_
        mov ecx, word_.end - word_
        hypercall PRINT
        print 10
%endif
        hypercall 99            ; there is none: FFFFFFFFh
        show "none", eax
        exit 0

hello:  db "hello, host", 10
.end:
%ifdef TASK
%ifndef WORD
%define WORD "drawer"
%endif
word_:  db WORD
.end:
%endif

section .bss
        resb 1024
stack:
memory_end:
