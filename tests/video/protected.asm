; Sets VBE mode 143h (800x600, 32 bits), copies the functions for protected mode that 4F0Ah tells of, calls them in 32-bit protected mode and prints
; what they return and what the display interface and the DAC hold then.

	bits 16
	org 0x7c00
	xor ax, ax
	mov ds, ax
	mov ss, ax
	mov sp, 0x7c00
	cld
	mov ax, 0x4f02
	mov bx, 0x4143
	int 0x10
	mov ax, 0x4f0a
	mov bl, 0
	int 0x10
	cmp ax, 0x4f
	jne $
	push es
	pop ds
	xor ax, ax
	mov es, ax
	mov si, di
	mov di, CODE
	rep movsb
	mov ds, ax
	cli
	lgdt [gdtr]
	mov eax, cr0
	or al, 1
	mov cr0, eax
	jmp 8:protected

CODE	equ 0x9000
	align 8
gdt:	dq 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdtr:	dw $ - gdt - 1
	dd gdt

	bits 32
protected:
	mov ax, 16
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov esp, 0x7c00

	mov ebx, 0			; 05h: set
	mov edx, 5
	mov ecx, 0x1234
	mov edi, CODE
	call function
	mov ebx, 0x100			; 05h: get
	mov edx, 0
	mov edi, CODE
	call function
	mov ebx, 1			; 05h: no such window
	mov edi, CODE
	call function
	mov ebx, 0			; 07h: line 3, pixel 8: (3 * 800 + 8) * 4 bytes
	mov ecx, 3 * 800 + 8
	mov edx, 0
	mov edi, CODE + 2
	call function
	mov ebx, 0x80			; 07h: a start above 64 Ki
	mov ecx, (600 * 800) & 0xffff
	mov edx, (600 * 800) >> 16
	mov edi, CODE + 2
	call function
	mov ebx, 0			; 09h
	mov ecx, 2
	mov edx, 4
	mov esi, CODE + 4
	movzx eax, word [esi]
	add eax, CODE
	mov edi, colors
	call eax
	call print
	mov dx, 0x3c7
	mov al, 4
	out dx, al
	mov dx, 0x3c9
	mov ecx, 6
.dac:	in al, dx
	call hex2
	loop .dac
	call newline
	mov al, 0
	out 0xf4, al
	hlt

; function calls the function whose offset is at EDI and prints AX, DX, and the display interface's bank and offsets.
function:
	movzx eax, word [edi]
	add eax, CODE
	call eax
	call print
	mov ax, dx
	call hex4
	mov ebx, 5
	call dispi
	mov ebx, 8
	call dispi
	mov ebx, 9
	call dispi
newline:
	mov al, 10
	out 0xe9, al
	ret
dispi:	mov dx, 0x1ce
	mov ax, bx
	out dx, ax
	inc dx
	in ax, dx
	jmp hex4
print:
hex4:	push eax
	mov al, ah
	call hex2
	pop eax
	call hex2
	mov al, ' '
	out 0xe9, al
	ret
hex2:	push eax
	shr al, 4
	call digit
	pop eax
	and al, 15
digit:	add al, '0'
	cmp al, '9'
	jbe .ok
	add al, 'a' - '0' - 10
.ok:	out 0xe9, al
	ret
colors:	db 1, 2, 3, 0, 0x11, 0x12, 0x13, 0
	times 510 - ($ - $$) db 0
	dw 0xaa55
