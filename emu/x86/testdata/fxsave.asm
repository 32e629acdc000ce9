; Makes fxsave.golden on a real CPU: nasm -f bin fxsave.asm -o fxsave && chmod +x fxsave && ./fxsave > fxsave.golden
; For 32 pseudo-random FNSAVE images: the image as FRSTOR and FNSAVE give it back (108 bytes), then what FXSAVE64
; stores after FRSTOR (512), then what FNSAVE stores after FXRSTOR64 of that (108).
bits 64
org 0x400000
ehdr: db 0x7f,'ELF',2,1,1,0
 times 8 db 0
 dw 2,62
 dd 1
 dq _start,phdr-$$,0
 dd 0
 dw 64,56,1,0,0,0
phdr: dd 1,7
 dq 0,$$,$$,filesz,filesz+0x20000,0x1000
_start:
 mov edi, out
 mov ebp, 32
 mov r8, 0x123456789abcdef
next:
 mov rsi, rdi
 mov ecx, 27
fillit:
 mov rax, 6364136223846793005
 imul r8, rax
 add r8, 12345677
 mov rax, r8
 shr rax, 32
 stosd
 loop fillit
 ; control word masked, status without errors, tags as they come
 mov dword [rsi], 0xffff037f
 and dword [rsi+4], 0x00007f00
 or dword [rsi+4], 0xffff0000
 or dword [rsi+8], 0xffff0000
 ; registers 0 to 3: zero, infinity, denormal, unnormal
 mov qword [rsi+28], 0
 mov word [rsi+36], 0x8000
 mov rax, 0x8000000000000000
 mov [rsi+38], rax
 mov word [rsi+46], 0x7fff
 and word [rsi+56], 0x8000
 btr qword [rsi+58], 63
 frstor [rsi]
 fnsave [rsi]
 frstor [rsi]
 fxsave64 [area]
 fxrstor64 [area]
 mov rcx, 512/8
 push rsi
 mov rsi, area
 rep movsq
 pop rsi
 fnsave [rdi]
 add rdi, 108
 dec ebp
 jnz next
 mov eax, 1
 mov edx, edi
 sub edx, out
 mov esi, out
 mov edi, 1
 syscall
 mov eax, 60
 xor edi, edi
 syscall
filesz equ $-$$
absolute $$+((filesz+63)&~63)
area: resb 512
out:
