; What looks like Linux to a boot loader: a bzImage of boot protocol 2.12 with one setup sector. It says its command line too.
bits 32
org 0
        times 0x1f1-($-$$) db 0
        db 1                    ; setup_sects
        dw 0
        dd (end-code+15)/16     ; syssize
        dw 0, 0, 0, 0xaa55
        db 0xeb, 0x66           ; jump over the header
        db "HdrS"
        dw 0x20c
        dd 0
        dw 0, 0
        db 0, 1                 ; loadflags: LOADED_HIGH
        dw 0
        dd 0x100000             ; code32_start
        dd 0, 0, 0
        dw 0
        db 0, 0
        dd 0                    ; cmd_line_ptr
        dd 0x7fffffff           ; initrd_addr_max
        dd 0x1000               ; kernel_alignment
        db 1, 12                ; relocatable, min_alignment
        dw 0
        dd 2047, 0              ; cmdline_size
        dq 0, 0, 0
        dq 0x100000             ; pref_address
        dd 0x10000              ; init_size
        dd 0
        times 0x400-($-$$) db 0
code:   cld
        mov esp, 0x9000
        call .here
.here:  pop ebp
        mov edi, esi            ; boot_params
        lea esi, [ebp+hello-.here]
        call puts
        mov esi, [edi+0x228]
        call puts
        lea esi, [ebp+newline-.here]
        call puts
        mov al, 0x10
        out 0xf4, al
        mov dx, 0x604
        mov ax, 0x2000
        out dx, ax
        hlt
        jmp $-1
puts:   lodsb
        test al, al
        jz .end
        mov bl, al
        mov dx, 0x3fd
.busy:  in al, dx
        test al, 0x20
        jz .busy
        mov al, bl
        mov dx, 0x3f8
        out dx, al
        jmp puts
.end:   ret
hello:  db "hello from Linux: ", 0
newline: db 10, 0
        times 0x1000 db 0
end:
