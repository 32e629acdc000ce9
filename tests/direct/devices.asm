; Drives the test devices and the floppy controller by a table of accesses and prints on the debug console what it reads.
; edu is PCI device 5, pci-testdev 6; a disk of 1.44 MB is in the first floppy drive.
%include "common.inc"

; The table's entries: kind, address, value.
%macro access 3
        dd %1, %2, %3
%endmacro
%define INB 0
%define INW 1
%define INL 2
%define OUTB 3
%define OUTW 4
%define OUTL 5
%define READ 6                          ; a doubleword of memory
%define READB 7
%define WRITE 8
%define WRITEB 9
%define POLL 10                         ; wait until the port reads the value
%define POLLM 11                        ; the same with a doubleword of memory
%define DELAY 12                        ; for a seek: so many reads of a port
%define END 13

%macro config 4                         ; device, register, size of the write, value
        access OUTL, 0xcf8, 0x80000000 | %1<<11 | (%2 & 0xfc)
        access OUT%3, 0xcfc | (%2 & 3), %4
%endmacro
%macro fifo 1-*                         ; a command for the floppy controller
    %rep %0
        access POLL, 0x3f4, -1
        access OUTB, 0x3f5, %1
    %rotate 1
    %endrep
%endmacro
%macro result 1                         ; bytes of its result
    %rep %1
        access POLL, 0x3f4, -2
        access INB, 0x3f5, 0
    %endrep
%endmacro
%macro sense 0
        fifo 0x08
        result 2
%endmacro

start:  mov esp, stack
        mov al, '!'                     ; what firmware printed ends here
        out 0xe9, al
        mov esi, table
next:   mov eax, [esi]
        mov edx, [esi+4]
        mov ebx, [esi+8]
        add esi, 12
        jmp [eax*4+kinds]
kinds:  dd inb_, inw_, inl_, outb_, outw_, outl_, read_, readb_, write_, writeb_, poll_, pollm_, delay_, end_

inb_:   in al, dx
        movzx eax, al
        jmp print
inw_:   in ax, dx
        movzx eax, ax
        jmp print
inl_:   in eax, dx
        jmp print
outb_:  mov al, bl
        out dx, al
        jmp next
outw_:  mov ax, bx
        out dx, ax
        jmp next
outl_:  mov eax, ebx
        out dx, eax
        jmp next
read_:  mov eax, [edx]
        jmp print
readb_: movzx eax, byte [edx]
        jmp print
write_: mov [edx], ebx
        jmp next
writeb_: mov [edx], bl
        jmp next
poll_:  in al, dx
        cmp ebx, -1                     ; MSR: a byte is wanted
        je .command
        cmp ebx, -2                     ; MSR: a byte is there
        je .result
        cmp al, bl
        jne poll_
        jmp next
.command: and al, 0xc0
        cmp al, 0x80
        jne poll_
        jmp next
.result: and al, 0xc0
        cmp al, 0xc0
        jne poll_
        jmp next
pollm_: cmp [edx], ebx
        jne pollm_
        jmp next
delay_: in al, dx
        dec ebx
        jnz delay_
        jmp next
end_:   mov dx, 0xf4
        mov al, 0
        out dx, al
        hlt
print:  mov ecx, 8
.digit: rol eax, 4
        push eax
        and al, 15
        cmp al, 10
        sbb al, 0x69
        das
        out 0xe9, al
        pop eax
        loop .digit
        mov al, 10
        out 0xe9, al
        jmp next

        align 16
buffer  equ 0x90000
%define edu 0xe0000000
%define tests 0xe0200000
table:
        config 5, 0x10, L, edu
        config 5, 0x04, W, 6
        config 6, 0x10, L, tests
        config 6, 0x14, L, 0xc100
        config 6, 0x04, W, 3
        ; edu
        access READ, edu, 0
        access WRITE, edu+4, 0x12345678
        access READ, edu+4, 0
        access WRITE, edu+0x20, 0x80
        access WRITE, edu+8, 10
        access POLLM, edu+0x24, 1
        access READ, edu+8, 0
        access READ, edu+0x20, 0
        access WRITE, edu+0x64, 1
        access READ, edu+0x24, 0
        access WRITE, edu+0x60, 0xff
        access WRITE, edu+0x64, 0x0f
        access READ, edu+0x24, 0
        access WRITE, edu+0x64, -1
        access WRITE, buffer, 0xcafebabe
        access WRITE, buffer+0x10, 0
        access WRITE, edu+0x80, buffer          ; RAM to device
        access WRITE, edu+0x88, 0x40010
        access WRITE, edu+0x90, 4
        access WRITE, edu+0x98, 5
        access POLLM, edu+0x24, 0x100
        access READ, edu+0x98, 0
        access WRITE, edu+0x64, 0x100
        access WRITE, edu+0x80, 0x40010         ; and back
        access WRITE, edu+0x88, buffer+0x10
        access WRITE, edu+0x98, 7
        access POLLM, edu+0x24, 0x100
        access READ, buffer+0x10, 0
        access READ, edu+0x84, 0
        ; pci-testdev
        access WRITEB, tests, 0
        access READ, tests, 0
        access READ, tests+4, 0
        access READ, tests+8, 0
        access READ, tests+16, 0
        access WRITEB, tests+0x800, 0xfa
        access WRITEB, tests+0x800, 0xfa
        access READ, tests+12, 0
        access WRITEB, tests, 3
        access READ, tests, 0
        access OUTB, 0xc100, 0
        access INL, 0xc100, 0
        access INL, 0xc104, 0
        access INL, 0xc108, 0
        access OUTB, 0xc183, 0xfa
        access INL, 0xc10c, 0
        ; pc-testdev
        access OUTL, 0xe0, 0x12345678
        access INW, 0xe2, 0
        access OUTB, 0xe1, 0xaa
        access INL, 0xe0, 0
        access INB, 0xea, 0
        access WRITE, 0xff000020, 0x89abcdef
        access READB, 0xff000022, 0
        ; floppy: reset, seek, read by DMA channel 2
        access OUTB, 0x3f2, 0x00
        access OUTB, 0x3f2, 0x1c
        access POLL, 0x3f4, 0x80
        sense
        sense
        sense
        sense
        access OUTB, 0x3f7, 0
        fifo 0x10
        result 1
        fifo 0x18
        result 1
        fifo 0x1f
        result 1
        fifo 0x03, 0xaf, 0x02
        fifo 0x13, 0, 0x57, 0x12
        fifo 0x94
        result 1
        fifo 0x0e
        result 10
        fifo 0x14
        result 1
        fifo 0x0f, 0, 40
        access DELAY, 0x3f4, 100000
        sense
        fifo 0x04, 0
        result 1
        access OUTB, 0x0a, 6
        access OUTB, 0x0c, 0
        access OUTB, 0x0b, 0x46
        access OUTB, 0x04, 0
        access OUTB, 0x04, 0
        access OUTB, 0x05, 0xff
        access OUTB, 0x05, 0x03
        access OUTB, 0x81, 9
        access OUTB, 0x0d4, 0
        access OUTB, 0x0a, 2
        fifo 0xe6, 0, 40, 0, 18, 2, 18, 27, 0xff
        result 7
        access READ, buffer, 0
        access READ, buffer+508, 0
        access READ, buffer+512, 0
        access READ, buffer+1020, 0
        access OUTB, 0x0c, 0
        access INB, 0x04, 0
        access INB, 0x04, 0
        access INB, 0x05, 0
        access INB, 0x05, 0
        access INB, 0x08, 0
        access INB, 0x3f7, 0
        access END, 0, 0
        align 16
        times 256 db 0
stack:
bss_end:
