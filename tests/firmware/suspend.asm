; Sleeps in S3 until the clock's alarm and says how it was woken: the firmware has to start it again at the waking vector in the FACS. Text goes to
; port 402h. Ends by isa-debug-exit, status 33.
	bits 16
	org 0x7c00

text	equ 0x402
resume	equ 0x9000		; where the code runs that the firmware wakes
memory	equ 0x200000		; a mark that sleep must leave alone

start:	xor ax, ax
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov sp, 0x7c00
	mov ax, 0x0202		; the rest of this program
	mov cx, 0x0002
	xor dh, dh
	mov bx, 0x7e00
	int 0x13
	jc failed
	jmp main

failed:	mov si, bad
	call puts
	mov al, 1
	jmp exit
ended:	mov al, 16
exit:	mov dx, 0xf4
	out dx, al
stop:	cli
	hlt
	jmp stop

putc:	push dx
	mov dx, text
	out dx, al
	pop dx
	ret
puts:	lodsb
	test al, al
	jz .end
	call putc
	jmp puts
.end:	ret

; big gives DS a limit of 4 GiB.
big:	pushf
	cli
	push ds
	lgdt [cs:gdtr]
	mov eax, cr0
	or al, 1
	mov cr0, eax
	mov bx, 8
	mov ds, bx
	and al, 0xfe
	mov cr0, eax
	pop ds
	popf
	ret

gdtr:	dw 15
	dd gdt
	align 8, db 0
gdt:	dq 0
	dq 0x008f92000000ffff
bad:	db "failed", 10, 0

	times 510 - ($ - $$) db 0
	dw 0xaa55

main:	call big
	mov esi, 0xf0000	; RSDP
.rsdp:	cmp dword [esi], 'RSD '
	jne .next
	cmp dword [esi + 4], 'PTR '
	je .found
.next:	add esi, 16
	cmp esi, 0x100000
	jb .rsdp
	jmp failed
.found:	mov esi, [esi + 16]	; RSDT
	mov ecx, [esi + 4]
	add ecx, esi
.table:	mov edi, [esi + 36]
	cmp dword [edi], 'FACP'
	je .fadt
	add esi, 4
	cmp esi, ecx
	jb .table
	jmp failed
.fadt:	mov eax, [edi + 56]
	mov [event], ax
	mov eax, [edi + 64]
	mov [control], ax
	mov ebx, [edi + 36]	; FACS
	cmp dword [ebx], 'FACS'
	jne failed
	mov dword [ebx + 12], resume
	mov dword [dword memory], 0x5ee9ab1e

	mov si, wake		; the code that is woken
	mov di, resume
	mov cx, wakeend - wake
	rep movsb

	cli
	mov si, alarm
.clock:	lodsw
	cmp al, 0xff
	je .armed
	out 0x70, al
	mov al, ah
	out 0x71, al
	jmp .clock
.armed:	mov al, 0x0c
	out 0x70, al
	in al, 0x71
	mov dx, [event]
	mov ax, -1		; status: nothing
	out dx, ax
	inc dx
	inc dx
	mov ax, 1 << 10		; RTC_EN
	out dx, ax
	mov si, going
	call puts
	mov dx, [control]
	mov ax, (5 << 10) | (1 << 13) ; S3 has type 5 on ICH9 and 1 on PIIX4; QEMU has 1 on both
	out dx, ax
	mov ax, (1 << 10) | (1 << 13)
	out dx, ax
	sti
.wait:	hlt
	jmp .wait

; wake runs at resume, in real mode, with CS:IP for that address.
wake:	xor ax, ax
	mov ds, ax
	mov ss, ax
	mov sp, 0x7c00
	call far [bigptr]
	mov si, woken
	call puts2
	cmp dword [dword memory], 0x5ee9ab1e
	jne .lost
	mov si, kept
	call puts2
	mov dx, [event]
	in ax, dx
	test ah, 0x80		; WAK_STS
	jz .lost
	mov si, status
	call puts2
	jmp 0:ended
.lost:	jmp 0:failed
puts2:	lodsb
	test al, al
	jz .end
	mov dx, text
	out dx, al
	jmp puts2
.end:	ret
wakeend:

bigptr:	dw bigfar, 0
bigfar:	call big
	retf

event:	dw 0
control: dw 0
alarm:	db 0x01, 0xc0, 0x03, 0xc0, 0x05, 0xc0 ; each second
	db 0x0b, 0x22		; AIE, 24 hours
	db 0xff, 0
going:	db "sleeps", 10, 0
woken:	db "wakes", 10, 0
kept:	db "memory is kept", 10, 0
status:	db "WAK_STS is set", 10, 0
	times 1536 - ($ - $$) db 0
