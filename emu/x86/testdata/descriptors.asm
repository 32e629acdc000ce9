; Makes descriptors.golden.gz with another emulator:
;   nasm -f bin descriptors.asm -o descriptors
;   qemu-system-x86_64 -display none -kernel descriptors -debugcon file:descriptors.golden -device isa-debug-exit
;   gzip -9n descriptors.golden
; At CPL 0 and 3, for descriptors of all 256 access bytes, all RPLs, and TI 0 and 1 (there is no LDT), each operation of the table below: a record
; of operation, vector (FF: none), error code (2 bytes), EDX (4), CS (2), ZF, access byte afterwards.
bits 32
org 0x100000
mb:
 dd 0x1badb002, 0x10000, -(0x1badb002+0x10000)
 dd mb, mb, end, bssend, start

SEL0 equ 0x08 ; kernel code
SELD equ 0x10 ; kernel data
SELC3 equ 0x18|3
SELD3 equ 0x20|3
SELD1 equ 0x28|1
SELD2 equ 0x30|2
SELT equ 0x38 ; TSS
FIRST equ 16

start:
 cld
 mov esp, stack0
 ; TSS
 mov dword [tss+4], stack0i
 mov dword [tss+8], SELD
 mov word [tss+0x66], 0x68
 ; GDT: entries of the tests
 xor ecx, ecx
.g:
 call setdesc
 inc ecx
 cmp ecx, 256
 jb .g
 lgdt [gdtr]
 jmp SEL0:.cs
.cs:
 call flat
 mov ax, SELT
 ltr ax
 xor eax, eax
 lldt ax
 ; IDT
 xor ecx, ecx
.i:
 mov eax, [stubs+ecx*4]
 mov edx, ecx
 shl edx, 3
 mov [idt+edx], ax
 mov word [idt+edx+2], SEL0
 mov word [idt+edx+4], 0x8e00
 shr eax, 16
 mov [idt+edx+6], ax
 inc ecx
 cmp ecx, 20
 jb .i
 mov eax, done
 mov [idt+0x40*8], ax
 mov word [idt+0x40*8+2], SEL0
 mov word [idt+0x40*8+4], 0xee00
 shr eax, 16
 mov [idt+0x40*8+6], ax
 lidt [idtr]

 mov dword [cpl], 0
.cpl:
 mov dword [sel], FIRST*8
.sel:
 mov dword [op], 0
.op:
 mov ecx, [sel]
 shr ecx, 3
 sub ecx, FIRST
 call setdesc
 ; JMP and CALL to TSSs and gates are other tests
 mov eax, [op]
 cmp eax, 6
 jb .go
 cmp eax, 7
 ja .go
 test ecx, 0x10
 jnz .go
 and ecx, 15
 bt dword [skip], ecx
 jc .nextop
.go:
 mov byte [vec], 0xff
 mov word [err], 0
 mov dword [redx], 0
 mov word [rcs], 0
 mov byte [rzf], 0
 mov [saved], esp
 mov eax, [op]
 mov ebx, [ops+eax*4]
 mov eax, [sel]
 mov [farptr+4], ax
 mov dword [farptr], landing
 xor edx, edx
 cmp dword [cpl], 3
 je .user
 push dword 2
 popfd
 jmp ebx
.user:
 mov cx, SELD3
 mov ds, cx
 mov es, cx
 push dword SELD3
 push dword stack3
 push dword 2
 push dword SELC3
 push ebx
 iret
back:
 mov esp, [saved]
 mov ecx, [sel]
 shr ecx, 3
 mov al, [gdt+ecx*8+5]
 mov [racc], al
 mov al, [op]
 mov [rop], al
 mov esi, record
 mov ecx, 12
 mov dx, 0xe9
 rep outsb
start.nextop:
 inc dword [op]
 cmp dword [op], NOPS
 jb start.op
 inc dword [sel]
 cmp dword [sel], (FIRST+256)*8
 jb start.sel
 cmp dword [cpl], 3
 je .end
 mov dword [cpl], 3
 jmp start.cpl
.end:
 mov dx, 0x501
 mov al, 1
 out dx, al
 hlt

; setdesc makes descriptor ecx: base 0, 4 GiB; expand-down data begins at 4 KiB.
setdesc:
 lea edi, [gdt+(FIRST)*8+ecx*8]
 mov dword [edi], 0xffff
 mov byte [edi+5], cl
 mov word [edi+6], 0x00cf
 mov byte [edi+4], 0
 mov al, cl
 and al, 0x1c
 cmp al, 0x14
 jne .r
 mov word [edi], 0
 mov byte [edi+6], 0xc0
.r: ret

flat:
 mov ax, SELD
 mov ds, ax
 mov es, ax
 mov ss, ax
 xor eax, eax
 mov fs, ax
 mov gs, ax
 ret

%macro stub 2
s%1:
 %if %2 == 0
 push dword 0
 %endif
 push dword %1
 jmp fault
%endmacro
 stub 0,0
 stub 1,0
 stub 2,0
 stub 3,0
 stub 4,0
 stub 5,0
 stub 6,0
 stub 7,0
 stub 8,1
 stub 9,0
 stub 10,1
 stub 11,1
 stub 12,1
 stub 13,1
 stub 14,1
 stub 15,0
 stub 16,0
 stub 17,1
 stub 18,0
 stub 19,0
stubs: dd s0,s1,s2,s3,s4,s5,s6,s7,s8,s9,s10,s11,s12,s13,s14,s15,s16,s17,s18,s19
fault:
 mov ax, SELD
 mov ds, ax
 pop eax
 mov [vec], al
 pop eax
 mov [err], ax
 call flat2
 jmp back
done:
 push eax
 mov ax, SELD
 mov ds, ax
 pop eax
 mov [redx], edx
 mov eax, [esp+4]
 mov [rcs], ax
 mov eax, [esp+8]
 shr eax, 6
 and al, 1
 mov [rzf], al
 call flat2
 jmp back
flat2:
 pop ebx
 mov ax, SELD
 mov ss, ax
 mov esp, stack0
 mov es, ax
 xor eax, eax
 mov fs, ax
 mov gs, ax
 jmp ebx

oLAR: lar edx, ax
 int 0x40
oLSL: lsl edx, ax
 int 0x40
oVERR: verr ax
 int 0x40
oVERW: verw ax
 int 0x40
oDS: mov ds, ax
 int 0x40
oSS: mov ss, ax
 int 0x40
oJMP: jmp far [farptr]
oCALL: call far [farptr]
oIRET:
 call pushss
 push dword 2
 push eax
 push dword landing
 iret
oRETF:
 call pushss
 push eax
 push dword landing
 retf
landing: int 0x40
pushss:
 pop ebx
 mov ecx, eax
 and ecx, 3
 push dword [sstab+ecx*4]
 mov ecx, [spare]
 push ecx
 jmp ebx
sstab: dd SELD, SELD1, SELD2, SELD3
ops: dd oLAR, oLSL, oVERR, oVERW, oDS, oSS, oJMP, oCALL, oIRET, oRETF
NOPS equ ($-ops)/4
skip: dd 1<<1|1<<4|1<<5|1<<9|1<<12
spare: dd stack3
gdtr: dw (FIRST+256)*8-1
 dd gdt
idtr: dw 0x41*8-1
 dd idt
align 8
gdt:
 dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00cfb3000000ffff, 0x00cfd3000000ffff
 dw 0x67, tss-mb
 db 0x10, 0x89, 0, 0
 times FIRST*8-($-gdt) db 0
end:
absolute end
 resb 256*8
idt: resb 0x41*8
tss: resb 0x68
 resb 4
cpl: resd 1
sel: resd 1
op: resd 1
saved: resd 1
farptr: resb 8
record:
rop: resb 1
vec: resb 1
err: resw 1
redx: resd 1
rcs: resw 1
rzf: resb 1
racc: resb 1
 resb 4096
stack0: resb 4096
stack0i: resb 4096
stack3: resb 16
bssend:
