; Lab 6: the same 64 KiB come from the same device (fw_cfg) in three ways. -dWAY=1: a byte an instruction. -dWAY=2: one string
; instruction. -dWAY=3: the device is asked to put them into memory itself.
%include "../lab.inc"

%ifndef WAY
%define WAY 1
%endif

SELECTOR equ 0x510              ; which file, 16 bits
DATA    equ 0x511               ; its next byte
DMA     equ 0x514               ; address of a request, big-endian: upper half here, lower half at 518h, which starts it

FILES   equ 0x19                ; the file that lists the files
LENGTH  equ 65536

start:  mov esp, stack
        mov ax, FILES           ; find opt/lab/data: entries of 64 bytes, size (4), key (2), 0 (2), name (56), all big-endian
        mov dx, SELECTOR
        out dx, ax
        mov edi, entry
        mov ecx, 4              ; how many
        call read_bytes
        mov ebx, [entry]
        bswap ebx
.search:
        test ebx, ebx
        jz .missing
        dec ebx
        mov edi, entry
        mov ecx, 64
        call read_bytes
        mov esi, entry + 8
        mov edi, name
        mov ecx, name.end - name
        repe cmpsb
        jne .search

        mov ax, [entry + 4]
        xchg al, ah
        mov [key], ax
        call transfer

        mov esi, buffer         ; did all come? A checksum
        mov ecx, LENGTH
        xor eax, eax
        xor ebx, ebx
.sum:   lodsb
        rol ebx, 1
        add ebx, eax
        loop .sum
        show "checksum", ebx
        exit 0
.missing:
        print "no file opt/lab/data: want -fw_cfg name=opt/lab/data,file=...", 10
        exit 1

; read_bytes reads ECX bytes of the selected file to EDI.
read_bytes:
        mov dx, DATA
        rep insb
        ret

; transfer reads LENGTH bytes of the file [key] to buffer.
transfer:
%if WAY < 3
        mov ax, [key]
        mov dx, SELECTOR
        out dx, ax
        mov edi, buffer
        mov ecx, LENGTH
        mov dx, DATA
%if WAY == 1
.byte:  in al, dx
        stosb
        loop .byte
%else
        rep insb
%endif
        ret
%else
        ; YOUR WORK. The request is at request: 4 bytes control, 4 bytes length, 8 bytes address, each BIG-endian. Control: bits
        ; 31:16 are the key, bit 3 selects it, bit 1 reads; the device clears it when it is done, and sets bit 0 at an error.
        ret

align 8
request: dd 0, 0, 0, 0
%endif

name:   db "opt/lab/data", 0
.end:

section .bss
alignb 16
entry:  resb 64
key:    resd 1
buffer: resb LENGTH
        resb 1024
stack:
memory_end:
