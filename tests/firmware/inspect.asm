; A boot sector that says what the firmware has left: the drive it came from, the memory map, and, as bytes on the second debug console, all memory
; that the firmware kept for itself with the address and length of each piece before it. Ends by isa-debug-exit, status 33.
	bits 16
	org 0x7c00

text	equ 0x402
dump	equ 0xe9
entry	equ 0x600		; E820: base, length, type

start:	xor ax, ax
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov sp, 0x7c00
	mov si, hello
	call puts
	mov al, dl
	call hex8
	call newline

	cli			; 4 GiB limits for DS
	lgdt [gdtr]
	mov eax, cr0
	or al, 1
	mov cr0, eax
	mov bx, 8
	mov ds, bx
	and al, 0xfe
	mov cr0, eax
	xor ax, ax
	mov ds, ax
	sti

	mov esi, 0xf0000
	mov ecx, 0x10000
	call piece
	xor ebx, ebx
next:	mov eax, 0xe820
	mov edx, 0x534d4150
	mov ecx, 20
	mov di, entry
	int 0x15
	jc done
	mov si, map
	call puts
	mov eax, [entry + 4]
	call hex32
	mov eax, [entry]
	call hex32
	call space
	mov eax, [entry + 12]
	call hex32
	mov eax, [entry + 8]
	call hex32
	call space
	mov al, [entry + 16]
	call hex8
	call newline
	cmp byte [entry + 16], 1
	je skip
	cmp dword [entry + 4], 0
	jne skip
	mov ecx, [entry + 8]
	cmp ecx, 0x100000
	ja skip
	mov esi, [entry]
	cmp esi, 0x100000
	jb skip
	call piece
skip:	test ebx, ebx
	jnz next
done:	mov si, bye
	call puts
	mov dx, 0xf4
	mov al, 16
	out dx, al
stop:	cli
	hlt
	jmp stop

; piece sends ECX bytes from ESI, with address and length before them.
piece:	mov [head], esi
	mov [head + 4], ecx
	push ecx
	push esi
	mov dx, dump
	mov esi, head
	mov ecx, 8
	a32 rep outsb
	pop esi
	pop ecx
	a32 rep outsb
	ret

hex32:	mov cx, 8
.digit:	rol eax, 4
	push ax
	call hex4
	pop ax
	loop .digit
	ret
hex8:	push ax
	shr al, 4
	call hex4
	pop ax
hex4:	and al, 15
	cmp al, 10
	sbb al, 0x69
	das
	jmp putc
newline: mov al, 13
	call putc
	mov al, 10
	jmp putc
space:	mov al, ' '
putc:	pusha			; on the screen and on the debug console
	mov dx, text
	out dx, al
	mov ah, 0x0e
	mov bx, 7
	int 0x10
	popa
	ret
puts:	lodsb
	test al, al
	jz .end
	call putc
	jmp puts
.end:	ret

hello:	db "boot drive ", 0
map:	db "map ", 0
bye:	db "end", 13, 10, 0
gdtr:	dw 15
	dd gdt
	align 8, db 0
gdt:	dq 0
	dq 0x008f92000000ffff
head	equ 0x700
	times 510 - ($ - $$) db 0
	dw 0xaa55
