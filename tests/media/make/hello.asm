; A boot program for the emulations of El Torito. It says on screen and COM1 what drive it came from, what the firmware says of
; that drive, and what it reads from there.
;   nasm -DNONE: loaded without emulation; -DFLOPPY: a floppy's boot sector; -DDISK: an MBR
	bits 16
	org 0x7c00
	jmp 0:start
start:	xor ax, ax
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov sp, 0x7c00
	cld
	sti
	mov [drive], dl
	mov si, hello
	call text
	mov al, [drive]
	call hex

	; El Torito's own service: terminate with AL=1 only reads the specification packet.
	mov si, emulation
	call text
	mov ax, 0x4b01
	mov dl, [drive]
	mov si, packet
	int 0x13
	jc failed
	mov al, [packet+1]
	call hex
	mov al, [packet+2]
	call hex

%ifndef NONE
	mov si, geometry
	call text
	mov ah, 8
	mov dl, [drive]
	xor di, di
	int 0x13
	push ds
	pop es
	jc failed
	push cx
	mov al, dh
	call hex
	pop cx
	push cx
	mov al, ch
	call hex
	pop cx
	mov al, cl
	call hex
%endif
	mov si, reads
	call text
%ifdef NONE
	mov si, dap
	mov ah, 0x42
%else
	mov ax, 0x0201
	mov bx, buffer
	mov cx, LAST
	mov dh, LASTHEAD
%endif
	mov dl, [drive]
	int 0x13
	jc failed
	mov byte [mark+5], 0
	mov si, mark
	call text
	mov si, finish
	call text
stop:	hlt
	jmp stop

failed:	mov al, ah
	mov si, error
	push ax
	call text
	pop ax
	call hex
	jmp stop

hex:	push ax
	shr al, 4
	call digit
	pop ax
	and al, 15
digit:	add al, '0'
	cmp al, '9'
	jbe putc
	add al, 'a'-'9'-1
putc:	push ax
	mov dx, 0x3f8+5
.wait:	in al, dx
	test al, 0x20
	jz .wait
	pop ax
	mov dx, 0x3f8
	out dx, al
	mov ah, 0xe
	mov bx, 7
	int 0x10
	ret
text:	lodsb
	test al, al
	jz .end
	call putc
	jmp text
.end:	ret

hello:	db 'hello from drive ', 0
emulation: db ' emulation ', 0
geometry: db ' geometry ', 0
reads:	db ' reads ', 0
error:	db ' error ', 0
finish:	db ' done', 13, 10, 0
drive:	db 0

%ifdef NONE
dap:	db 16, 0
	dw 1, buffer, 0
	dq 16                  ; the primary volume descriptor
packet:	times 19 db 0
mark	equ buffer+1           ; "CD001"
	times 2048-($-$$) db 0
%elifdef FLOPPY
packet	equ 0x8000
mark	equ buffer
LAST	equ 79<<8 | 18
LASTHEAD equ 1
	times 510-($-$$) db 0
	dw 0xaa55
	times (2880-1)*512-($-$$) db 0
	db 'FD144'
	times 2880*512-($-$$) db 0
%elifdef DISK
packet	equ 0x8000
mark	equ buffer
LAST	equ 3<<8 | 63
LASTHEAD equ 15
	times 446-($-$$) db 0
	db 0x80, 1, 1, 0, 0x0e, 15, 63, 3 ; the one partition: cylinder 0 head 1 sector 1 to cylinder 3 head 15 sector 63
	dd 63, 4*16*63-63
	times 510-($-$$) db 0
	dw 0xaa55
	times (4*16*63-1)*512-($-$$) db 0
	db 'HD001'
	times 4*16*63*512-($-$$) db 0
%endif
buffer	equ 0x9000
