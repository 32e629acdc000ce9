; Makes descriptors64.golden.gz with another emulator, as descriptors.asm does, in 64-bit mode. Descriptors are
; 16 bytes apart, and come with L and D in three combinations (flags nibble A, C, E). First the null selectors.
bits 32
org 0x100000
mb:
 dd 0x1badb002, 0x10000, -(0x1badb002+0x10000)
 dd mb, mb, end, bssend, start32

SEL0 equ 0x08 ; kernel code
SELD equ 0x10 ; kernel data
SELC3 equ 0x18|3
SELD3 equ 0x20|3
SELD1 equ 0x28|1
SELD2 equ 0x30|2
SELT equ 0x40 ; TSS
FIRST equ 16

start32:
 cld
 mov esp, stack0
 mov dword [pml4], pdpt+7
 mov dword [pdpt], pd+7
 mov edi, pd
 mov eax, 0x87
 mov ecx, 512
.pd:
 mov [edi], eax
 add edi, 8
 add eax, 0x200000
 loop .pd
 mov eax, 0x20
 mov cr4, eax
 mov eax, pml4
 mov cr3, eax
 mov ecx, 0xc0000080
 mov eax, 0x100
 xor edx, edx
 wrmsr
 mov eax, 0x80000011
 mov cr0, eax
 lgdt [gdtr]
 jmp SEL0:start
bits 64
default abs
start:
 mov qword [tss+4], stack0i
 call flat
 mov ax, SELT
 ltr ax
 xor eax, eax
 lldt ax
 xor ecx, ecx
.i:
 mov rax, [stubs+rcx*8]
 mov edx, ecx
 call setgate
 mov byte [idt+rdx+5], 0x8e
 inc ecx
 cmp ecx, 20
 jb .i
 mov rax, done
 mov edx, 0x40
 call setgate
 mov byte [idt+rdx+5], 0xee
 lidt [idtr]

 mov byte [nib], 0xa0
.nib:
 mov dword [cpl], 0
.cpl:
 mov dword [sel], 0
.sel:
 mov dword [op], 0
.op:
 call setdesc
 ; JMP and CALL to call gates are other tests
 mov eax, [op]
 cmp eax, 6
 jb .go
 cmp eax, 7
 ja .go
 and ecx, 0x1f
 cmp ecx, 0xc
 je .nextop
.go:
 mov byte [vec], 0xff
 mov word [err], 0
 mov dword [redx], 0
 mov word [rcs], 0
 mov byte [rzf], 0
 mov [saved], rsp
 mov eax, [op]
 mov rbx, [ops+rax*8]
 mov eax, [sel]
 mov [farptr+4], ax
 mov dword [farptr], landing
 xor edx, edx
 cmp dword [cpl], 3
 je .user
 push 2
 popfq
 jmp rbx
.user:
 push SELD3
 push stack3
 push 2
 push SELC3
 push rbx
 iretq
back:
 mov rsp, [saved]
 mov ecx, [sel]
 and ecx, ~7
 mov al, [gdt+rcx+5]
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
 mov eax, [sel]
 inc eax
 test eax, 4
 jz .same
 ; after the null selectors the first descriptor, then every second one
 add eax, 12
 cmp eax, 16
 jne .same
 mov eax, FIRST*8
.same:
 mov [sel], eax
 cmp eax, FIRST*8+256*16
 jb start.sel
 cmp dword [cpl], 3
 je .nextnib
 mov dword [cpl], 3
 jmp start.cpl
.nextnib:
 add byte [nib], 0x20
 cmp byte [nib], 0
 jne start.nib
 mov dx, 0x501
 mov al, 1
 out dx, al
 hlt

setgate:
 shl edx, 4
 mov [idt+rdx], ax
 mov word [idt+rdx+2], SEL0
 shr eax, 16
 mov [idt+rdx+6], ax
 ret

; setdesc makes the descriptor of [sel] and leaves its access byte in ecx, 10H for null selectors.
setdesc:
 mov ecx, [sel]
 shr ecx, 4
 mov eax, 0x10
 sub ecx, FIRST/2
 jb .null
 mov edi, ecx
 shl edi, 4
 add edi, gdt+FIRST*8
 mov dword [rdi], 0xffff
 mov [rdi+4], ch
 mov [rdi+5], cl
 mov al, [nib]
 or al, 0x0f
 mov [rdi+6], al
 mov byte [rdi+7], 0
 mov qword [rdi+8], 0
 ret
.null:
 mov ecx, eax
 ret

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
 push 0
 %endif
 push %1
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
align 8
stubs: dq s0,s1,s2,s3,s4,s5,s6,s7,s8,s9,s10,s11,s12,s13,s14,s15,s16,s17,s18,s19
fault:
 pop rax
 mov [vec], al
 pop rax
 mov [err], ax
 call flat
 jmp back
done:
 mov [redx], edx
 mov eax, [rsp+8]
 mov [rcs], ax
 mov eax, [rsp+16]
 shr eax, 6
 and al, 1
 mov [rzf], al
 call flat
 jmp back

oLAR: lar edx, ax
 int 0x40
oLSL: lsl edx, ax
 int 0x40
oVERR: verr ax
 int 0x40
oVERW: verw ax
 int 0x40
oFS: mov fs, ax
 int 0x40
oSS: mov ss, ax
 int 0x40
oJMP: jmp far dword [farptr]
oCALL: call far dword [farptr]
oIRET:
 mov ecx, eax
 and ecx, 3
 push qword [sstab+rcx*8]
 push stack3
 push 2
 push rax
 push landing
 iretq
oIRETN: ; null SS
 mov ecx, eax
 and ecx, 3
 push rcx
 push stack3
 push 2
 push rax
 push landing
 iretq
oRETF:
 mov ecx, eax
 and ecx, 3
 push qword [sstab+rcx*8]
 push stack3
 push rax
 push landing
 retfq
landing: int 0x40
align 8
sstab: dq SELD, SELD1, SELD2, SELD3
ops: dq oLAR, oLSL, oVERR, oVERW, oFS, oSS, oJMP, oCALL, oIRET, oIRETN, oRETF
NOPS equ ($-ops)/8
gdtr: dw FIRST*8+256*16-1
 dq gdt
idtr: dw 0x41*16-1
 dq idt
align 8
gdt:
 dq 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00affb000000ffff, 0x00cff3000000ffff, 0x00cfb3000000ffff, 0x00cfd3000000ffff, 0
 dw 0x67, tss-mb
 db 0x10, 0x89, 0, 0
 dq 0
 times FIRST*8-($-gdt) db 0
end:
absolute end
 resb 256*16
idt: resb 0x41*16
tss: resb 0x68
 resb 4
cpl: resd 1
sel: resd 1
op: resd 1
nib: resd 1
saved: resq 1
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
 alignb 4096
pml4: resb 4096
pdpt: resb 4096
pd: resb 4096
bssend:
