; Makes bcd.golden on a real CPU: nasm -f bin bcd.asm -o bcd && chmod +x bcd && ./bcd > bcd.golden
; For DAA, DAS, AAA, AAS, and CF, AF and AL in all combinations (AH 0): AX, then the arithmetic flags.
bits 32
org 0x08048000
ehdr: db 0x7f,'ELF',1,1,1,0
 times 8 db 0
 dw 2,3
 dd 1,_start,phdr-$$,0,0
 dw 52,32,1,0,0,0
phdr: dd 1,0,$$,$$,filesz,filesz+0x20000,7,0x1000
_start:
 mov edi, buf
%macro run 1
 mov ebx,0
%%l:
 ; ebx: bits 0-15 AX, 16 CF, 17 AF
 mov eax,ebx
 shr eax,16
 mov ecx,eax
 and eax,1
 and ecx,2
 shl ecx,3
 or eax,ecx
 or eax,2
 push eax
 mov eax,ebx
 popfd
 %1
 pushfd
 stosw
 pop eax
 and eax,0x8d5
 stosw
 add ebx,%%step
 %%step equ 0x1
 inc bh
 dec bh
 test bl,bl
 jnz %%l
 add ebx,0x10000-0x100
 cmp ebx,0x40000
 jb %%l
%endmacro
 run daa
 run das
 run aaa
 run aas
 mov eax,4
 mov ebx,1
 mov ecx,buf
 mov edx,edi
 sub edx,ecx
 int 0x80
 mov eax,1
 xor ebx,ebx
 int 0x80
filesz equ $-$$
buf equ $$+filesz
