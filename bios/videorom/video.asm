; The display adapter's ROM: entries that call services, as in rom/. Go adds tables and fonts behind them (videorom.go).
; In the adapter's ROM BAR it serves other firmware too, which copies it to C0000h and calls its initialization.

TRAP            equ 0xba
        org 0xc0000

        bits 16
        db 0x55, 0xaa
        db 64                   ; length in units of 512 bytes
        jmp video_init
        times 0x18 - ($ - $$) db 0
        dw pcir - $$
        dw 0                    ; no Plug and Play header
        dw 0
        db 'IBM VGA BIOS compatible', 0

        align 4, db 0
pcir:                           ; PCI Firmware Specification 3.0, 5.1.2
        db 'PCIR'
        dw 0x1234, 0x1111
        dw 0                    ; no list of other devices
        dw 0x18                 ; length
        db 0                    ; revision
        db 0, 0, 3              ; class: VGA
        dw 64
        dw 0
        db 0                    ; code for PC AT
        db 0x80                 ; the last image
        dw 0

; video_init is called by firmware, in AX the adapter's place on the PCI bus.
video_init:
        out TRAP, al
        retf

; video10 is the handler of INT 10h.
video10:
        out TRAP, al
        iret

; vbe_window is called far, in place of function 05h of VBE.
vbe_window:
        out TRAP, al
        retf

; vbe_code is what function 0Ah of VBE tells: functions 05h, 07h and 09h for callers in 32-bit protected mode. Programs copy it, so it
; works by ports alone and does not depend on where it is. EBX, ECX and EDX are as in real mode, but for 07h.
        bits 32
vbe_code:
        dw vbe_window32 - vbe_code, vbe_start32 - vbe_code, vbe_colors32 - vbe_code
        dw 0                    ; no list of ports and memory: the user may use all

DISPI           equ 0x1ce
BPP             equ 3
BANK            equ 5
VIRT_WIDTH      equ 6
X_OFFSET        equ 8
Y_OFFSET        equ 9

; BL 0, BH 0: window A begins at 64 KiB times DX. BH 1: DX tells where it begins.
vbe_window32:
        cmp bl, 0
        jne vbe_bad
        cmp bh, 1
        ja vbe_bad
        mov eax, BANK
        je .get
        push edx
        xchg eax, edx
        call vbe_write
        pop edx
        jmp vbe_good
.get:   call vbe_read
        mov edx, eax
vbe_good:
        mov ax, 0x4f
        ret
vbe_bad:
        mov ax, 0x14f
        ret

; BL 0 or 80h: the picture begins at 4 times DX:CX bytes.
vbe_start32:
        test bl, 0x7f
        jne vbe_bad
        push ebx
        push ecx
        push edx
        push esi
        movzx esi, cx
        shl edx, 16
        or esi, edx             ; in units of 4 bytes
        mov eax, BPP
        call vbe_read
        add eax, 7
        shr eax, 3
        mov ecx, eax            ; bytes of a pixel
        mov eax, VIRT_WIDTH
        call vbe_read
        imul eax, ecx
        mov ebx, eax            ; bytes of a line
        cmp ebx, 0
        je .end
        mov eax, esi
        shl eax, 2
        xor edx, edx
        div ebx                 ; EAX: line, EDX: byte
        push eax
        mov eax, edx
        xor edx, edx
        div ecx
        mov edx, X_OFFSET
        call vbe_write
        pop eax
        mov edx, Y_OFFSET
        call vbe_write
.end:   pop esi
        pop edx
        pop ecx
        pop ebx
        jmp vbe_good

; BL 0 or 80h: CX colours from DX on, at ES:EDI: blue, green, red, 0.
vbe_colors32:
        test bl, 0x7f
        jne vbe_bad
        push ecx
        push edx
        push edi
        movzx ecx, cx
        mov al, dl
        mov dx, 0x3c8
        out dx, al
        inc edx
        cmp ecx, 0
        je .end
.next:  mov al, [es:edi+2]
        out dx, al
        mov al, [es:edi+1]
        out dx, al
        mov al, [es:edi]
        out dx, al
        add edi, 4
        loop .next
.end:   pop edi
        pop edx
        pop ecx
        jmp vbe_good

; vbe_read reads register AX of the display interface to EAX.
vbe_read:
        push edx
        mov dx, DISPI
        out dx, ax
        inc edx
        in ax, dx
        movzx eax, ax
        pop edx
        ret

; vbe_write writes AX to register DX.
vbe_write:
        push edx
        xchg eax, edx
        push edx
        mov dx, DISPI
        out dx, ax
        pop eax
        inc edx
        out dx, ax
        pop edx
        ret
vbe_code_end:
