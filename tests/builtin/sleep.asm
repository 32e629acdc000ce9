; S3: the program sleeps until the clock's alarm, and goes on at its waking vector.
%include "lib.inc"
        begin
        ; find the FACS: RSDP, RSDT, FADT
        mov ax, 0xe000
.seek:
        mov es, ax
        cmp dword [es:0], 'RSD '
        je .rsdp
.next:
        inc ax
        jnz .seek
        say "no RSDP", 13, 10
        jmp off
.rsdp:
        cmp dword [es:4], 'PTR '
        jne .next
        mov eax, [es:16]
        call point
        mov ecx, [fs:4]
        sub ecx, 36
        shr ecx, 2
        mov di, bx
        add di, 36
        push fs
        pop gs
.table:
        mov eax, [gs:di]
        push cx
        call point
        pop cx
        cmp dword [fs:bx], 'FACP'
        je .fadt
        add di, 4
        loop .table
        say "no FADT", 13, 10
        jmp off
.fadt:
        mov eax, [fs:bx + 64]   ; PM1a control block
        mov [pm1], ax
        mov eax, [fs:bx + 36]   ; FACS
        call point
%ifdef WIDE
        mov dword [fs:bx + 24], wide    ; the waking vector of protected mode
        mov dword [fs:bx + 28], 0
%else
        mov dword [fs:bx + 12], awake
%endif
        mov word [0x5000], 0xbeef
        ; the alarm: any hour, minute and second
        mov ax, 0xc001
        call cmos
        mov ax, 0xc003
        call cmos
        mov ax, 0xc005
        call cmos
        mov ax, 0x220b
        call cmos
        mov dx, [pm1]
        sub dx, 2
        mov ax, 0x0400          ; RTC_EN
        out dx, ax
        say "asleep", 13, 10
        cli
        mov dx, [pm1]
        mov ax, 1 << 10 | 1 << 13
        out dx, ax
.wait:
        hlt
        jmp .wait

; point makes FS:BX of the address EAX, which is below 1 MiB.
point:
        mov ebx, eax
        shr eax, 4
        mov fs, ax
        and bx, 15
        ret
cmos:
        out 0x70, al
        mov al, ah
        out 0x71, al
        ret
pm1:    dw 0

        times 0x400 - ($ - $$) db 0x90
awake:                          ; the segment is the vector's
        cli
        jmp 0:.here
.here:
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        sti
        say "awake "
        mov ax, [0x5000]
        call hex16
        call newline
        mov ah, 0x15            ; services work
        mov dl, [boot_drive]
        int 0x13
        mov al, ah
        call hex8
        call newline
        jmp off

; wide is entered in flat 32-bit protected mode. DS is a data segment of 4 GiB, and says where we are.
        bits 32
wide:
        mov dx, 0x3f8
        mov al, 'w'
        out dx, al
        mov dword [0x5000], 0xbeefcafe
        mov al, [0x5003]
        cmp al, 0xbe
        jne .off
        mov al, 10
        out dx, al
.off:
        mov dx, [pm1]
        mov ax, 1 << 13         ; S5
        out dx, ax
        hlt
        bits 16
        finish
