; Calls services of the video BIOS with fixed arguments and prints what they return and leave: a boot sector and the sectors behind it.
; cases.inc has the calls. Output goes to the debug console (port E9h); the program ends by isa-debug-exit (port F4h).
;
; After each call there are lines, as the case asks:
;   call  registers before; registers, ES and carry after
;   bda   0040:0049-0066 and 0084-008A
;   vga   miscellaneous output, sequencer, CRTC, graphics controller, attribute controller
;   dac   the first 64 registers' sum, the sum of all
;   win   sum of the window on the memory, of each plane where there are planes
;   buf   the buffer at ES:DI, 256 bytes
;   vbe   the Bochs interface's registers 1 to 9

	bits 16
	org 0
HERE	equ 0x1000

start:
	cli
	xor ax, ax
	mov ss, ax
	mov sp, 0x7c00
	sti
	mov ax, HERE
	mov es, ax
	xor bx, bx
	mov si, 1			; sectors, one at a time: works on any geometry of a diskette
.load:	mov ax, si
	dec ax
	xor dx, dx
	mov cx, 18
	div cx				; AX: track, DX: sector
	inc dl
	mov cl, dl
	mov ch, al
	shr ch, 1
	mov dh, al
	and dh, 1
	mov dl, 0
	mov ax, 0x0201
	int 0x13
	jc .bad
	add bx, 512
	inc si
	cmp si, (end - start + 511) / 512
	jbe .load
	jmp HERE:main
.bad:	mov al, 'E'
	out 0xe9, al
	mov al, 1
	out 0xf4, al
	hlt
	times 510 - ($ - $$) db 0
	dw 0xaa55

BDA	equ 1
VGA	equ 2
DAC	equ 4
WIN	equ 8
BUF	equ 16
VBE	equ 32
BIG	equ 64				; the buffer's first 512 bytes
NOCLR	equ 128				; do not clear the buffer first
VBE2	equ 256				; it begins with 'VBE2'
ALL	equ BDA | VGA | DAC | WIN

; c AX, BX, CX, DX, what: a call of INT 10h with ES:BP and ES:DI the buffer.
%macro	c 5
	dw %1, %2, %3, %4
	dw %5
%endmacro
; s OFFSET, AX, BX, CX, DX, what: the same with ES:BP and ES:DI at OFFSET
%macro	s 6
	dw 0xfffe, %1, 0, 0
	dw 0
	c %2, %3, %4, %5, %6
%endmacro
; say "text": prints a line
%macro	say 1
	dw 0xfffd, 0, 0, 0
	dw 0
	db %1, 0
%endmacro

main:
	mov ax, cs
	mov ds, ax
	mov si, begin
	call puts
	mov si, cases
next:
	mov ax, [si]
	cmp ax, 0xffff
	je done
	cmp ax, 0xfffe
	jne .notes
	mov ax, [si+2]
	mov [theBP], ax
	add si, 10
	jmp next
.notes:	cmp ax, 0xfffd
	jne .call
	add si, 10
	call puts
	jmp next
.call:
	mov [case], si
	mov al, [si+8]
	test al, NOCLR
	jnz .keep
	push es
	mov ax, ds
	mov es, ax
	mov di, buffer
	mov cx, 0x400
	mov ax, 0xa5a5
	rep stosw
	pop es
	test word [si+8], VBE2
	jz .keep
	mov dword [buffer], 'VBE2'
.keep:
	; the call's registers before
	mov di, outbuf
	mov ax, [si]
	call word4
	mov ax, [si+2]
	call word4
	mov ax, [si+4]
	call word4
	mov ax, [si+6]
	call word4
	call flush
	mov si, [case]
	mov ax, ds
	mov es, ax
	mov ax, [si]
	mov bx, [si+2]
	mov cx, [si+4]
	mov dx, [si+6]
	mov bp, [theBP]
	mov di, bp
	mov si, 0x5151
	clc
	int 0x10
	cld
	push ds
	push cs
	pop ds
	mov [r.ax], ax
	mov [r.bx], bx
	mov [r.cx], cx
	mov [r.dx], dx
	mov [r.si], si
	mov [r.di], di
	mov [r.bp], bp
	mov [r.es], es
	pop ax
	mov [r.ds], ax
	mov ax, 0
	adc ax, 0
	mov [r.cf], ax
	mov di, outbuf
	mov bx, r
	mov cx, 10
.regs:	mov ax, [bx]
	call word4
	add bx, 2
	loop .regs
	push di
	mov si, arrow
	call putsn
	pop di
	call flush
	mov word [theBP], buffer

	mov bx, [case]
	mov bl, [bx+8]
	mov [what], bl
	test bl, BDA
	jz .n1
	mov si, tbda
	call putsn
	mov ax, 0x40
	mov es, ax
	mov si, 0x49
	mov cx, 0x67 - 0x49
	call hexes
	mov si, 0x84
	mov cx, 7
	call hexes
	call nl
.n1:	test byte [what], VGA
	jz .n2
	call vga
.n2:	test byte [what], DAC
	jz .n3
	call dac
.n3:	test byte [what], VBE
	jz .n4
	call vbe
.n4:	test byte [what], WIN
	jz .n5
	call win
.n5:	test byte [what], BUF
	jz .n6
	mov cx, 256
	test byte [what], BIG
	jz .buf
	mov cx, 512
.buf:	mov si, buffer
	push ds
	pop es
.rows:	push si
	mov si, tbuf
	call putsn
	pop si
	push cx
	mov cx, 32
	call hexes
	pop cx
	call nl
	sub cx, 32
	jnz .rows
.n6:	mov si, [case]
	add si, 10
	jmp next

done:	mov si, finish
	call puts
	mov al, 0
	out 0xf4, al
	hlt

; vga prints the registers.
vga:
	mov si, tvga
	call putsn
	mov dx, 0x3cc
	in al, dx
	mov di, outbuf
	call byte2
	mov al, ' '
	call store
	call flushn
	mov si, groups
.group:	mov dx, [si]
	or dx, dx
	jz .attr
	cmp dx, 0x3d4
	jne .color
	push dx
	mov dx, 0x3cc
	in al, dx
	pop dx
	test al, 1
	jnz .color
	mov dx, 0x3b4
.color:	mov bl, 0
	mov di, outbuf
.reg:	mov al, bl
	out dx, al
	inc dx
	in al, dx
	dec dx
	call byte2
	inc bl
	cmp bl, [si+2]
	jb .reg
	mov al, ' '
	call store
	push si
	call flushn
	pop si
	add si, 3
	jmp .group
.attr:	mov dx, 0x3cc
	in al, dx
	mov dx, 0x3da
	test al, 1
	jnz .c2
	mov dx, 0x3ba
.c2:	mov [status], dx
	mov bl, 0
	mov di, outbuf
.areg:	mov dx, [status]
	in al, dx
	mov dx, 0x3c0
	mov al, bl
	or al, 0x20
	out dx, al
	inc dx
	in al, dx
	call byte2
	inc bl
	cmp bl, 0x15
	jb .areg
	mov dx, [status]
	in al, dx
	jmp flush

groups:	dw 0x3c4
	db 5
	dw 0x3d4
	db 0x19
	dw 0x3ce
	db 9
	dw 0

; dac prints the colours' sums.
dac:
	mov si, tdac
	call putsn
	mov di, outbuf
	mov dx, 0x3c7
	mov al, 0
	out dx, al
	mov dx, 0x3c9
	xor ebx, ebx
	mov cx, 192
	call .sum
	mov cx, 576
	call .sum
	jmp flush
.sum:	in al, dx
	movzx eax, al
	rol ebx, 1
	add ebx, eax
	loop .sum
	mov eax, ebx
	jmp dword8

; vbe prints the Bochs interface.
vbe:
	mov si, tvbe
	call putsn
	mov di, outbuf
	mov bx, 1
.next:	mov dx, 0x1ce
	mov ax, bx
	out dx, ax
	inc dx
	in ax, dx
	call word4
	inc bx
	cmp bx, 10
	jb .next
	jmp flush

; win prints sums of the window, as the graphics controller maps it: by read mode 0, of each plane in turn where reading is planar.
win:
	mov si, twin
	call putsn
	mov di, outbuf
	mov al, 6
	call gfx
	shr al, 2
	and al, 3
	mov cx, 0x2000			; dwords
	mov si, 0xb000
	cmp al, 2
	je .one
	mov si, 0xb800
	ja .one
	mov si, 0xa000
	mov cx, 0x4000
	mov dx, 0x3c4
	mov al, 4
	out dx, al
	inc dx
	in al, dx
	test al, 8			; chain 4
	jnz .one
	mov al, 4
	call gfx
	mov [mapsel], al
	mov al, 5
	call gfx
	mov [gmode], al
	and al, 0xf7			; read mode 0
	out dx, al
	mov bl, 0
.plane:	mov dx, 0x3ce
	mov al, 4
	mov ah, bl
	out dx, ax
	call sum
	inc bl
	cmp bl, 4
	jb .plane
	mov dx, 0x3ce
	mov al, 4
	mov ah, [mapsel]
	out dx, ax
	mov al, 5
	mov ah, [gmode]
	out dx, ax
	jmp flush
.one:	call sum
	jmp flush

; gfx reads register AL of the graphics controller; DX is its data port then.
gfx:	mov dx, 0x3ce
	out dx, al
	inc dx
	in al, dx
	ret

; sum appends the sum of CX dwords of the segment SI.
sum:	push es
	push bx
	push cx
	push si
	mov es, si
	xor si, si
	xor ebx, ebx
.next:	mov eax, [es:si]
	add si, 4
	rol ebx, 1
	add ebx, eax
	loop .next
	mov eax, ebx
	call dword8
	pop si
	pop cx
	pop bx
	pop es
	ret

; hexes prints CX bytes from ES:SI.
hexes:
	mov di, outbuf
.next:	mov al, [es:si]
	inc si
	call byte2
	loop .next
	mov al, ' '
	call store
	jmp flushn

; To the output buffer at DI.
dword8:
	push eax
	shr eax, 16
	call word_
	pop eax
	call word_
	mov al, ' '
	call store
	ret
word4:	call word_
	mov al, ' '
	call store
	ret
word_:	push ax
	mov al, ah
	call byte2
	pop ax
byte2:	push ax
	shr al, 4
	call digit
	pop ax
	and al, 15
digit:	add al, '0'
	cmp al, '9'
	jbe .ok
	add al, 'a' - '0' - 10
.ok:	call store
	ret

store:	mov [di], al
	inc di
	ret

; Output.
flush:	call flushn
nl:	mov al, 10
	out 0xe9, al
	ret
flushn:	push cx
	push si
	mov si, outbuf
	mov cx, di
	sub cx, si
	jz .end
.next:	mov al, [si]
	inc si
	out 0xe9, al
	loop .next
.end:	mov di, outbuf
	pop si
	pop cx
	ret
puts:	call putsn
	jmp nl
putsn:	mov al, [si]
	inc si
	or al, al
	jz .end
	out 0xe9, al
	jmp putsn
.end:	ret

begin:	db 'BEGIN', 0
finish:	db 'END', 0
arrow:	db ' -> ', 0
tbda:	db ' bda ', 0
tvga:	db ' vga ', 0
tdac:	db ' dac ', 0
tvbe:	db ' vbe ', 0
twin:	db ' win ', 0
tbuf:	db ' buf ', 0

cases:
%include "cases.inc"
	dw 0xffff

str1:	db 'ABCDEFGHIJKLMNOPQRST'
str2:	db 'one', 13, 10, 'two', 8, 7, 'xyz'
str3:	db 2, 3, 13, 10, 4, 5
pal:	db 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17
pal4:	db 63, 1, 20, 0, 1, 2, 3, 0, 255, 128, 64, 0, 9, 8, 7, 6
	align 16
; A font of 256 characters of 8 rows: character n is n, n+1 ... but 0 is blank.
font8:	times 8 db 0
%assign n 1
%rep 255
%assign row 0
%rep 8
	db (n * 37 + row * 91 + (n >> 3)) & 0xff
%assign row row+1
%endrep
%assign n n+1
%endrep
	align 16
theBP:	dw buffer
case:	dw 0
status:	dw 0
what:	db 0
mapsel:	db 0
gmode:	db 0
	align 2
r:
.ax:	dw 0
.bx:	dw 0
.cx:	dw 0
.dx:	dw 0
.si:	dw 0
.di:	dw 0
.bp:	dw 0
.es:	dw 0
.ds:	dw 0
.cf:	dw 0
end:
outbuf	equ 0x9000
buffer	equ 0xa000
