; A multiboot kernel, loaded at 1 MiB.
bits 32
org 0x100000
header: dd 0x1BADB002, 1<<16, -(0x1BADB002 + (1<<16))
        dd header, header, 0, 0, start
start:  cld
%include "guest.inc"
text:   db "hello from the multiboot kernel", 10, 0
