; A boot sector that goes from code16 mode through protected mode to 64-bit mode, with symbols for gdb.
; nasm -f elf64, ld -Ttext 0x7c00: the ELF file is for gdb, its code is the disk's first sector.

EXIT	equ 0x501		; isa-debug-exit
PML4	equ 0x10000		; page tables: 2 MiB are mapped to themselves, and again at ALIAS
ALIAS	equ 0x40000000

	section .text
	global _start
	bits 16
_start:	xor ax, ax
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov sp, 0x7c00
	jmp 0:code16

	global code16:function (code16.end - code16)
code16:	mov ebx, 0x16161616
	call func16
	lgdt [gdtr]
	cli
	mov eax, 0x11			; PE, ET, whatever the firmware has left there
	mov cr0, eax
	jmp 8:code32
.end:

	global func16:function (func16.end - func16)
func16:	inc dword [counter]
	ret
.end:

	bits 32
	global code32:function (code32.end - code32)
code32:	mov ax, 16
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov fs, ax
	mov gs, ax
	mov esp, 0x7c00
	mov eax, 0x32320001
	mov ecx, 0x32320002
	mov edx, 0x32320003
	mov ebx, 0x32320004
	mov ebp, 0x32320005
	mov esi, 0x32320006
	mov edi, 0x32320007
	cmp eax, eax
	call func32
	mov edi, PML4
	mov dword [edi], PML4 + 0x1003
	mov dword [edi+0x1000], PML4 + 0x2003
	mov dword [edi+0x1008], PML4 + 0x2003
	mov dword [edi+0x2000], 0x83	; a page of 2 MiB
	mov cr3, edi
	mov eax, 0x620			; PAE, OSFXSR, OSXMMEXCPT
	mov cr4, eax
	mov ecx, 0xc0000080
	rdmsr
	bts eax, 8
	wrmsr
	mov eax, cr0
	bts eax, 31
	mov cr0, eax
	jmp 24:code64
.end:

	global func32:function (func32.end - func32)
func32:	push ebp
	mov ebp, esp
	inc dword [counter]
	pop ebp
	ret
.end:

	bits 64
	global code64:function (code64.end - code64)
code64:	mov ecx, 0xc0000100		; FS.base, and behind it GS.base and KERNEL_GS_BASE
	mov eax, 0x1234
	xor edx, edx
	wrmsr
	inc ecx
	mov ah, 0x56
	wrmsr
	inc ecx
	mov ah, 0x78
	wrmsr
	fninit
	fldpi
	fld1
	mov rbx, 0x6464646464646464
	movq xmm3, rbx
	mov eax, upper + ALIAS
	jmp rax
upper:	mov eax, 0x64640001
	mov ecx, 0x64640002
	mov edx, 0x64640003
	mov rsi, -4
	mov edi, 0x64640005
	xor ebp, ebp
	mov r8d, 0x64640006
	mov r9d, 0x64640007
	mov r10d, 0x64640008
	mov r11d, 0x64640009
	mov r12d, 0x6464000a
	mov r13d, 0x6464000b
	mov r14d, 0x6464000c
	mov r15, 0x1515151515151515
	cmp eax, eax
	call func64
again:	mov rax, [word1]
	add qword [counter], 1
	cmp dword [go], 0
	je again
	mov al, 3
	mov dx, EXIT
	out dx, al
	jmp $
code64.end:

	global func64:function (func64.end - func64)
func64:	push rbp
	mov rbp, rsp
	mov [rel word2], ebx
	leave
	ret
.end:

	align 8
gdt:	dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
gdtr:	dw gdtr - gdt - 1
	dd gdt
	align 8
	global counter, go, word1, word2, again, upper
counter: dq 0
word1:	dq 0x1111
word2:	dd 0
go:	dd 0

	times 510 - ($ - $$) db 0
	dw 0xaa55
