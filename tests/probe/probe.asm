; probe: calls every service of a PC's firmware with fixed arguments and prints what comes back on the first serial port.
;
; It is a boot sector and what the boot sector loads. Each call is a line of calls.inc: a name, the interrupt and the
; registers. Printed are the registers and flags afterwards, and what has changed in a buffer that was full of CCh.
;
; Assemble with -d MEDIUM=0 for the hard disk, 1 for the diskette, 2 for the CD: the calls differ.

        bits 16
        org 0x7c00

STAGE           equ 0x8000
SECTORS         equ 60
BUFFER          equ 0x2000      ; segment
BUFFER_SIZE     equ 0x1000

start:
        jmp 0:.here
.here:
        mov [cs:boot_dl], dl
        mov [cs:boot_ax], ax
        mov [cs:boot_sp], sp
        mov [cs:boot_ss], ss
        mov [cs:boot_es], es
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        sti
        call serial
%if MEDIUM = 1
        ; one sector after the other
        mov cx, SECTORS
        mov di, STAGE
        mov bp, 1               ; the sector
.read:
        push cx
        mov ax, bp
        xor dx, dx
        mov bx, 18
        div bx                  ; AX track, DX sector
        mov cl, dl
        inc cl
        mov dh, al
        and dh, 1
        shr al, 1
        mov ch, al
        mov dl, [boot_dl]
        mov bx, di
        mov ax, 0x0201
        int 0x13
        pop cx
        jc .failed
        add di, 512
        inc bp
        loop .read
%elif MEDIUM = 0
        mov si, packet
        mov ah, 0x42
        mov dl, [boot_dl]
        int 0x13
        jc .failed
%endif
        jmp main
.failed:
        mov si, text_failed
        call puts
        cli
        hlt

packet: db 16, 0
        dw SECTORS, STAGE, 0
        dq 1

; serial sets the first serial port to 115200 bits/s.
serial:
        mov si, .table
.next:
        lodsw
        cmp al, 0xff
        je .end
        xor dx, dx
        mov dl, al
        add dx, 0x3f8
        mov al, ah
        out dx, al
        jmp .next
.end:   ret
.table: db 1, 0, 3, 0x80, 0, 1, 1, 0, 3, 3, 2, 7, 4, 0x0b, 0xff, 0xff

; putc sends AL, puts the text at SI.
putc:
        push dx
        push ax
        mov dx, 0x3fd
.wait:
        in al, dx
        test al, 0x20
        jz .wait
        pop ax
        mov dx, 0x3f8
        out dx, al
        pop dx
        ret
puts:
        lodsb
        test al, al
        jz .end
        call putc
        jmp puts
.end:   ret

; hex8 to hex32 print AL, AX, EAX.
hex32:
        push eax
        shr eax, 16
        call hex16
        pop eax
hex16:
        push ax
        mov al, ah
        call hex8
        pop ax
hex8:
        push ax
        shr al, 4
        call .digit
        pop ax
        push ax
        and al, 15
        call .digit
        pop ax
        ret
.digit:
        cmp al, 10
        jb .below
        add al, 'a' - '0' - 10
.below:
        add al, '0'
        jmp putc

text_failed:    db "the boot sector cannot read", 13, 10, 0
boot_dl:        db 0
boot_ax:        dw 0
boot_sp:        dw 0
boot_ss:        dw 0
boot_es:        dw 0

%if MEDIUM != 2
        times 510 - ($ - $$) db 0
        dw 0xaa55
%endif
        times STAGE - 0x7c00 - ($ - $$) db 0

main:
        mov si, text_start
        call puts
        push es
        xor ax, ax
        mov es, ax
        mov word [es:4 * 0x1b], on_break
        mov word [es:4 * 0x1b + 2], ax
        mov word [es:4 * 0x60], pnp
        mov word [es:4 * 0x60 + 2], ax
        pop es
        mov bx, calls
.next:
        cmp byte [bx], 0
        je done
        call one
        jmp .next

; pnp is INT 60h: a call of the Plug and Play BIOS in real mode, with the function in AX and a pointer to ES:BX. AX is FFFFh if there is none.
pnp:
        push bp
        mov bp, sp
        push es
        push ds
        push si
        push cx
        mov si, 0xefff
        mov cx, 0x1001
.seek:
        inc si
        mov ds, si
        cmp dword [0], '$PnP'
        loopne .seek
        jne .none
        mov ecx, [0x0d]         ; the entry
        mov [cs:pnp_entry], ecx
        mov cx, [0x1b]          ; its data segment
        mov si, [bp - 2]
        push cx
        push si
        push bx
        push ax
        call far [cs:pnp_entry]
.back:
        lea sp, [bp - 8]
        pop cx
        pop si
        pop ds
        pop es
        pop bp
        iret
.none:
        mov ax, 0xffff
        jmp .back
pnp_entry:      dd 0

done:
        mov si, text_done
        call puts
        mov ax, 0x5307          ; off
        mov bx, 1
        mov cx, 3
        int 0x15
        mov dx, 0x604
        mov ax, 0x2000
        out dx, ax
        mov dx, 0xb004
        out dx, ax
        cli
        hlt

; one does the call that is described at BX and moves BX on.
;   db name, 0; db kind; db interrupt, pad; dd EAX, EBX, ECX, EDX, ESI, EDI; dw DS, ES
KIND_CALL       equ 0           ; an interrupt
KIND_DUMP       equ 1           ; memory: EAX linear address below 1 MiB, EBX length
KIND_STORE      equ 2           ; writes: EAX offset in the buffer, EBX the doubleword; the buffer is not filled again
KIND_KEYS       equ 3           ; bytes of the keyboard, where EAX to EDI are, up to a 0
KIND_MOUSE      equ 4           ; bytes of the mouse
one:
        mov si, bx
        call puts
        mov bx, si
        mov al, ':'
        call putc
        mov al, [bx]
        inc bx
        cmp al, KIND_DUMP
        je .dump
        cmp al, KIND_STORE
        je .store
        cmp al, KIND_KEYS
        je keys
        cmp al, KIND_MOUSE
        je mouse
        mov al, [bx]
        mov [.int + 1], al
        cmp byte [keep], 0
        jne .kept
        call fill
.kept:
        mov byte [keep], 0
        mov [table], bx
        pusha
        push ds
        push es
        mov [stack], sp
        mov eax, [bx + 2]
        mov ecx, [bx + 10]
        mov edx, [bx + 14]
        mov esi, [bx + 18]
        mov edi, [bx + 22]
        mov ebp, 0xb9b9b9b9
        mov es, [bx + 28]
        push word [bx + 26]
        push dword [bx + 6]
        jmp .flush              ; the code has changed
.flush:
        pop ebx
        pop ds
        push word 0x0203        ; interrupts on, carry
        popf
.int:   int 0
        pushf
        push ds
        push word 0
        pop ds
        mov [r_eax], eax
        pop ax
        mov [r_ds], ax
        pop ax
        mov [r_flags], ax
        mov [r_ebx], ebx
        mov [r_ecx], ecx
        mov [r_edx], edx
        mov [r_esi], esi
        mov [r_edi], edi
        mov [r_ebp], ebp
        mov [r_es], es
        mov sp, [stack]
        pop es
        pop ds
        popa
        sti
        cld
        call show
        mov bx, [table]
        add bx, 30
        ret
.dump:
        mov eax, [bx + 2]
        mov ecx, [bx + 6]
        push bx
        push es
        mov edx, eax
        shr edx, 4
        mov es, dx
        and eax, 15
        mov di, ax
.byte:
        mov al, [es:di]
        call hex8
        inc di
        dec cx
        jnz .byte
        pop es
        call newline
        pop bx
        add bx, 30
        ret
.store:
        push es
        push word BUFFER
        pop es
        cmp byte [keep], 0
        jne .filled
        call fill
.filled:
        mov byte [keep], 1
        mov di, [bx + 2]
        mov eax, [bx + 6]
        mov [es:di], eax
        pop es
        mov al, '-'
        call putc
        call newline
        add bx, 30
        ret

; keys has the keyboard controller say that the keyboard has sent bytes, and prints what INT 09h has made of them.
keys:
        push bx
        mov di, bx
        add di, 2
        mov byte [breaks], 0
        mov byte [prints], 0
        push es
        xor ax, ax
        mov es, ax
        mov word [es:4 * 0x05], on_print
        mov word [es:4 * 0x05 + 2], ax
        pop es
.next:
        mov al, [di]
        test al, al
        jz .sent
        mov ah, 0xd2
        call inject
        inc di
        jmp .next
.sent:
        push es
        push word 0x40
        pop es
        mov si, text_flags
        call puts
        mov ax, [es:0x17]
        call hex16
        mov si, text_mode
        call puts
        mov al, [es:0x96]
        call hex8
        mov si, text_breaks
        call puts
        mov al, [breaks]
        call hex8
        mov si, text_prints
        call puts
        mov al, [prints]
        call hex8
        pop es
        mov si, text_keys
        call puts
.key:
        mov ah, 0x11
        int 0x16
        jz .end
        mov ah, 0x10
        int 0x16
        call hex16
        mov al, ','
        call putc
        jmp .key
.end:
        call newline
        pop bx
        add bx, 30
        ret

; mouse does so for the mouse, and prints how the handler was called.
mouse:
        push bx
        push es
        mov di, bx
        add di, 2
        xor ax, ax
        mov es, ax
        mov bx, on_mouse
        mov ax, 0xc207
        int 0x15
        mov ax, 0xc200
        mov bh, 1
        int 0x15
        mov word [mouse_calls], 0
        mov word [mouse_args], 0
        mov word [mouse_args + 2], 0
        mov word [mouse_args + 4], 0
        mov word [mouse_args + 6], 0
.next:
        mov al, [di]
        cmp al, 0xee
        je .sent
        mov ah, 0xd3
        call inject
        inc di
        jmp .next
.sent:
        mov ax, 0xc200
        mov bh, 0
        int 0x15
        mov si, text_calls
        call puts
        mov ax, [mouse_calls]
        call hex16
        mov si, text_args
        call puts
        mov ax, [mouse_args]
        call hex16
        mov ax, [mouse_args + 2]
        call hex16
        mov ax, [mouse_args + 4]
        call hex16
        mov ax, [mouse_args + 6]
        call hex16
        call newline
        pop es
        pop bx
        add bx, 30
        ret

; on_mouse is the handler: four words above its return address.
on_mouse:
        push bp
        mov bp, sp
        push ax
        inc word [cs:mouse_calls]
        mov ax, [bp + 6]
        mov [cs:mouse_args + 6], ax
        mov ax, [bp + 8]
        mov [cs:mouse_args + 4], ax
        mov ax, [bp + 10]
        mov [cs:mouse_args + 2], ax
        mov ax, [bp + 12]
        mov [cs:mouse_args], ax
        pop ax
        pop bp
        retf

; inject gives byte AL to the keyboard controller by command AH, and waits until the interrupt has taken it.
inject:
        push cx
        push ax
        call .ready
        mov al, ah
        out 0x64, al
        call .ready
        pop ax
        out 0x60, al
        mov cx, 0
.wait:
        in al, 0x61
        in al, 0x64
        test al, 1
        loopnz .wait
        mov cx, 2000            ; the handler comes to its end
.more:
        in al, 0x61
        loop .more
        pop cx
        ret
.ready:
        in al, 0x64
        test al, 2
        jnz .ready
        ret

on_break:
        inc byte [cs:breaks]
        iret
on_print:
        inc byte [cs:prints]
        iret

; fill fills the buffer with CCh.
fill:
        push es
        push word BUFFER
        pop es
        xor di, di
        mov cx, BUFFER_SIZE
        mov al, 0xcc
        rep stosb
        pop es
        ret

; show prints registers, flags and the buffer.
show:
        mov si, shown
.next:
        lodsb
        test al, al
        jz .flags
        push ax
        mov al, ' '
        call putc
        pop ax
        cmp al, 2
        je .segment
        call .name
        lodsw
        mov di, ax
        mov eax, [di]
        call hex32
        jmp .next
.segment:
        call .name
        lodsw
        mov di, ax
        mov ax, [di]
        call hex16
        jmp .next
.name:
        lodsb
        call putc
        lodsb
        call putc
        mov al, '='
        jmp putc
.flags:
        mov si, text_cf
        call puts
        mov al, [r_flags]
        and al, 1
        add al, '0'
        call putc
        mov si, text_zf
        call puts
        mov al, [r_flags]
        shr al, 6
        and al, 1
        add al, '0'
        call putc
        push es
        push word BUFFER
        pop es
        mov di, BUFFER_SIZE - 1 ; the last byte that is not CCh
        mov cx, BUFFER_SIZE
        mov al, 0xcc
        std
        repe scasb
        cld
        je .none
        mov cx, di
        add cx, 2
        cmp cx, 128
        jbe .whole
        mov cx, 128
.whole:
        mov si, text_buffer
        call puts
        xor di, di
.byte:
        mov al, [es:di]
        call hex8
        inc di
        loop .byte
.none:
        pop es
newline:
        mov al, 13
        call putc
        mov al, 10
        jmp putc

shown:
        db 1, "ax"
        dw r_eax
        db 1, "bx"
        dw r_ebx
        db 1, "cx"
        dw r_ecx
        db 1, "dx"
        dw r_edx
        db 1, "si"
        dw r_esi
        db 1, "di"
        dw r_edi
        db 1, "bp"
        dw r_ebp
        db 2, "ds"
        dw r_ds
        db 2, "es"
        dw r_es
        db 0

text_start:     db 13, 10, "probe begins", 13, 10, 0
text_done:      db "probe ends", 13, 10, 0
text_flags:     db " flags=", 0
text_mode:      db " mode=", 0
text_breaks:    db " breaks=", 0
text_prints:    db " prints=", 0
text_keys:      db " keys=", 0
text_calls:     db " calls=", 0
text_args:      db " args=", 0
text_cf:        db " cf=", 0
text_zf:        db " zf=", 0
text_buffer:    db " buffer=", 0

r_eax:          dd 0
r_ebx:          dd 0
r_ecx:          dd 0
r_edx:          dd 0
r_esi:          dd 0
r_edi:          dd 0
r_ebp:          dd 0
r_ds:           dw 0
r_es:           dw 0
r_flags:        dw 0
stack:          dw 0
table:          dw 0
keep:           db 0
breaks:         db 0
prints:         db 0
mouse_calls:    dw 0
mouse_args:     dw 0, 0, 0, 0

; What registers hold that do not matter.
A       equ 0xa1a20000
B       equ 0xb1b20000
C       equ 0xc1c20000
D       equ 0xd1d20000
S       equ 0x51520000
I       equ 0xe1e20000

; int: name, number, AX, BX, CX, DX (16 bits); SI and DI are 0 in the buffer.
%macro probe 6
        db %1, 0, KIND_CALL, %2, 0
        dd A | (%3), B | (%4), C | (%5), D | (%6), S, I
        dw BUFFER, BUFFER
%endmacro
; long: the same with 32 bits, and SI and DI.
%macro probe32 8
        db %1, 0, KIND_CALL, %2, 0
        dd %3, %4, %5, %6, %7, %8
        dw BUFFER, BUFFER
%endmacro
%macro dump 3
        db %1, 0, KIND_DUMP, 0, 0
        dd %2, %3, 0, 0, 0, 0
        dw 0, 0
%endmacro
%macro store 3
        db %1, 0, KIND_STORE, 0, 0
        dd %2, %3, 0, 0, 0, 0
        dw 0, 0
%endmacro

; keys and mice: name, bytes.
%macro typed 2+
        db %1, 0, KIND_KEYS, 0, 0
%%from:
        db %2
        times 28 - ($ - %%from) db 0
%endmacro
%macro moved 2+
        db %1, 0, KIND_MOUSE, 0, 0
%%from:
        db %2
        times 28 - ($ - %%from) db 0xee
%endmacro

calls:
%include "calls.inc"
        db 0
        times STAGE + SECTORS * 512 - ($ - $$) - 0x7c00 db 0 ; negative: SECTORS is too small
