; Sets mode MODE and fills the screen by services of the video BIOS, with a font of its own. Then it says so on the debug
; console and halts: its picture is what is of interest.

	bits 16
	org 0x7c00
	xor ax, ax
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov sp, 0x7c00
	cld
	; the font: 256 characters of 16 rows at 1000:0000
	mov ax, 0x1000
	mov es, ax
	xor di, di
	mov bx, 0x1234
.font:	imul bx, bx, 0x6255
	inc bx
	mov al, bh
	stosb
	cmp di, 4096
	jb .font

	mov ax, MODE
	int 0x10
%if MODE <= 3 || MODE == 7
	mov ax, 0x1100			; load it
	mov bx, 0x1000
	mov cx, 256
	xor dx, dx
	xor bp, bp
	int 0x10
	mov ah, 1			; no cursor
	mov cx, 0x2000
	int 0x10
	mov ax, 0x1003			; no blinking
	mov bx, 0
	int 0x10
%else
	mov ax, 0x1121
	mov bx, 2
	mov cx, HEIGHT
	xor bp, bp
	int 0x10
	mov ax, 0x1120			; 80h and above, where characters have 8 rows
	mov bp, 1024
	int 0x10
%endif
	; all characters in all colours
	xor bx, bx
	mov si, 0
.chars:	push bx
	mov ah, 2
	mov dx, si
	shl dx, 3
	shr dl, 3
	mov bx, 0
	int 0x10			; row SI / 32, column SI % 32
	mov ax, si
	mov ah, al			; QEMU repeats the eighth dot of B0h-BFh, too
	and ah, 0xf0
	cmp ah, 0xb0
	jne .other
	xor al, 0x80
.other:	mov ah, 9
	mov bx, si
	and bx, COLORS
	mov cx, 1
	int 0x10
	pop bx
	inc si
	cmp si, 512
	jb .chars
	; a line of points
%if MODE > 7 || MODE >= 4 && MODE < 7
	mov cx, 0
.points:
	mov dx, cx
	shr dx, 1
	mov al, cl
	and al, COLORS
	mov ah, 0x0c
	mov bx, 0
	int 0x10
	inc cx
	cmp cx, 320
	jb .points
%endif
	mov ax, 0x0601			; scroll a part of it
	mov bh, 0x12 & COLORS
	mov cx, 0x0204
	mov dx, 0x0a14
	int 0x10
	mov ax, 0x0702
	mov bh, 0x25 & COLORS
	mov cx, 0x0610
	mov dx, 0x0e1f
	int 0x10
	mov ax, 0x1010			; a colour of its own
	mov bx, 1
	mov cx, 0x3f20
	mov dx, 0x1000
	int 0x10
	mov al, '.'
	out 0xe9, al
	cli
.halt:	hlt
	jmp .halt

	times 510 - ($ - $$) db 0
	dw 0xaa55
