; 50-devices: interrupt controllers, timer, keyboard, serial port, fw_cfg, power management.

; The PICs come up with interrupts 0-7 on vectors 08-0F, where exceptions are: move them to 20-2F.
setup_pic:
        mov al, 0x11            ; ICW1: edge triggered, cascade, ICW4 follows
        out PIC1, al
        out PIC2, al
        mov al, 0x20            ; ICW2: vectors
        out PIC1 + 1, al
        mov al, 0x28
        out PIC2 + 1, al
        mov al, 4               ; ICW3: the slave is on line 2
        out PIC1 + 1, al
        mov al, 2
        out PIC2 + 1, al
        mov al, 1               ; ICW4: 8086 mode
        out PIC1 + 1, al
        out PIC2 + 1, al
        mov al, 0xec            ; open: 0 timer, 1 keyboard, 4 COM1
        out PIC1 + 1, al
        mov al, 0xff
        out PIC2 + 1, al

; Between the PICs and the processor is its local APIC. "Virtual wire mode" lets them through:
; on, spurious interrupts on vector 2F, LINT0 for external interrupts, LINT1 for NMI.
        mov ebx, LOCAL_APIC
        mov dword [rbx + 0xf0], 0x12f
        mov dword [rbx + 0x350], 0x700
        mov dword [rbx + 0x360], 0x400
        ret

; The timer counts 1193182 Hz down; 11932 of them are 10 ms.
setup_pit:
        mov al, 0x34            ; counter 0, both bytes, mode 2 (rate generator)
        out 0x43, al
        mov al, 11932 & 0xff
        out 0x40, al
        mov al, 11932 >> 8
        out 0x40, al
        ret

; The keyboard controller: scan codes of set 1, interrupt 1 on, no mouse.
setup_keyboard:
        mov al, 0x60            ; "write command byte"
        out 0x64, al
        call keyboard_ready
        mov al, 0x65            ; translate, mouse off, self-test done, keyboard interrupt
        out 0x60, al
        call keyboard_ready
        mov al, 0xf4            ; to the keyboard: send key strokes
        out 0x60, al

; keyboard_ready waits until the controller has taken a byte; not for ever, as there may be none.
keyboard_ready:
        mov ecx, 10000
.wait:
        in al, 0x64
        test al, 2
        jz .done
        loop .wait
.done:
        ret

timer_interrupt:
        inc qword [TICKS]
        mov al, 0x20            ; end of interrupt
        out PIC1, al
        cmp qword [TASKING], 0
        je isr_return
        jmp switch_task

; Keys go to the same ring as serial characters.
keyboard_interrupt:
        in al, 0x60             ; scan code, set 1; bit 7: released
        inc qword [KEYS]
        movzx eax, al
        cmp eax, key_map_end - key_map
        jae .done
        mov al, [key_map + rax]
        test al, al
        jz .done
        call ring_put
.done:
        mov al, 0x20
        out PIC1, al
        jmp isr_return

serial_interrupt:
        mov dx, COM1 + 5
        in al, dx
        test al, 1              ; data ready
        jz .done
        mov dx, COM1
        in al, dx
        call ring_put
        jmp serial_interrupt
.done:
        mov al, 0x20
        out PIC1, al
        jmp isr_return

; ring_put stores AL; a full ring loses it.
ring_put:
        mov ecx, [RX_HEAD]
        lea edx, [rcx + 1]
        and edx, 0xff
        cmp edx, [RX_TAIL]
        je .full
        mov [RX_RING + rcx], al
        mov [RX_HEAD], edx
.full:
        ret

; getc waits for a character and returns it in AL.
getc:
        cli
        mov ecx, [RX_TAIL]
        cmp ecx, [RX_HEAD]
        jne .have
        sti                     ; takes effect after the next instruction,
        hlt                     ; so no interrupt comes between the two
        jmp getc
.have:
        mov al, [RX_RING + rcx]
        inc ecx
        and ecx, 0xff
        mov [RX_TAIL], ecx
        sti
        ret

key_map:
        db 0, 27, "1234567890-=", 8, 9, "qwertyuiop[]", 13, 0
        db "asdfghjkl;'`", 0, "\zxcvbnm,./", 0, "*", 0, " "
key_map_end:

; tour_wanted asks the firmware configuration device: carry is set if its file opt/goemu/tour is "auto".
tour_wanted:
        xor eax, eax            ; item 0 is the signature
        call fw_select
        call fw_read4
        cmp eax, 'QEMU'
        jne .no
        mov eax, 0x19           ; the file directory: a count, then entries of 64 bytes, big-endian
        call fw_select
        call fw_read4
        bswap eax
        mov ebx, eax
.entry:
        sub ebx, 1
        jb .no
        mov edi, BUFFER
        mov ecx, 64
        mov dx, FW_CFG + 1
.byte:
        in al, dx
        mov [rdi], al
        inc rdi
        loop .byte
        mov esi, fw_name
        mov edi, BUFFER + 8     ; size, selector and two unused bytes stand before the name
        mov ecx, fw_name_end - fw_name
        repe cmpsb
        jne .entry
        cmp dword [BUFFER], 0x04000000          ; "auto" has four bytes
        jne .no
        movzx eax, word [BUFFER + 4]
        xchg al, ah
        call fw_select
        call fw_read4
        cmp eax, 'auto'
        jne .no
        stc
        ret
.no:
        clc
        ret

fw_select:
        mov dx, FW_CFG
        out dx, ax
        ret

fw_read4:
        mov dx, FW_CFG + 1
        mov ecx, 4
.byte:
        in al, dx
        ror eax, 8
        loop .byte
        ret

fw_name:
        db "opt/goemu/tour", 0
fw_name_end:

; setup_pm gives the PIIX4's power management its ports, which is firmware's duty.
setup_pm:
        mov eax, 0x80000b40     ; bus 0, device 1, function 3, register 40: base address
        mov ecx, PM_BASE + 1
        call pci_write
        mov eax, 0x80000b80     ; register 80, bit 0: ports on
        mov ecx, 1
        jmp pci_write

pci_write:
        mov dx, 0xcf8
        out dx, eax
        mov dx, 0xcfc
        mov eax, ecx
        out dx, eax
        ret

; command_off switches the machine off: sleep type 0 is S5, bit 13 goes to sleep.
command_off:
        mov esi, text_off
        call puts
.wait:
        mov dx, COM1 + 5        ; until the last character is out
        in al, dx
        test al, 0x40
        jz .wait
        mov dx, PM1_CONTROL
        mov ax, 1 << 13
        out dx, ax
.stop:
        cli
        hlt
        jmp .stop
