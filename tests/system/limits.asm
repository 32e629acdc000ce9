; The limits and types of segments (SDM vol. 3A 5.3, 5.5): accesses of 1 to 16 bytes in ring 3 around the limit, around 64 KiB and at
; the end of 4 GiB, by FS and by EBP's stack segment, under every type, granularity and B flag. A line for each descriptor:
;   type, B, G and B flags, limit as in the descriptor, how many accesses faulted, checksum of what was seen.
; With DETAIL the values of the descriptor of that number instead. A value is the vector (30: none) and the error code at 8 and up.
%define LONG 0
%include "lib.inc"
BASE    equ 0x400000
main:   mov byte [type], 0
each_type:
        mov byte [flags], 0             ; 1: B, 2: G
each_flags:
        mov dword [which], limits
each_limit:
        mov esi, [which]
        mov eax, [esi]
        mov [gdt+SPARE], ax
        mov word [gdt+SPARE+2], BASE & 0xffff
        mov byte [gdt+SPARE+4], BASE >> 16
        mov dl, [type]
        or dl, 0xf1                     ; present, DPL 3, accessed
        mov [gdt+SPARE+5], dl
        mov edx, eax
        shr edx, 16
        mov dh, [flags]
        shl dh, 6
        or dl, dh
        mov [gdt+SPARE+6], dl
        mov byte [gdt+SPARE+7], BASE >> 24
        test byte [flags], 2
        jz .bytes
        shl eax, 12
        or eax, 0xfff
.bytes: mov [edges], eax
        mov dword [sum], 0x811c9dc5
        mov dword [faults], 0
        mov dword [kind], kinds
each_kind:
        mov esi, [kind]
        cmp esi, kinds.ss
        jb .edges
        mov al, [type]                  ; stacks are writable data
        cmp al, 2
        je .edges
        cmp al, 6
        jne done
.edges: mov dword [edge], edges
each_edge:
        mov dword [delta], deltas
each_delta:
        mov esi, [delta]
        movsx eax, byte [esi]
        mov esi, [edge]
        add eax, [esi]
        mov ebx, eax
        mov esi, [kind]
        movzx ecx, byte [esi+4]
        dec ecx
        add eax, ecx
        jc next                         ; from the last byte to the first: processors differ
        mov ebp, ebx
        mov dword [recover], came
        mov eax, SPARE|3
        mov fs, eax
        mov edx, UDATA
        cmp dword [kind], kinds.ss
        jb .flat
        mov edx, eax
.flat:  push edx
        push dword 0
        push dword 2
        push dword UCODE
        push dword [esi]
        xor eax, eax
        iretd
came:   mov eax, [f_code]
        shl eax, 8
        mov al, [f_vector]
        cmp al, NONE3
        je .add
        inc dword [faults]
.add:
%ifdef DETAIL
        cmp dword [group], DETAIL
        jne .sum
        call hex8
        call newline
.sum:
%endif
        xor eax, [sum]
        imul eax, eax, 16777619
        mov [sum], eax
next:   inc dword [delta]
        cmp dword [delta], deltas.end
        jb each_delta
        add dword [edge], 4
        cmp dword [edge], edges+12
        jb each_edge
        add dword [kind], 5
        cmp dword [kind], kinds.end
        jb each_kind
done:
%ifdef DETAIL
        inc dword [group]
%else
        mov al, [type]
        call hex2
        call space
        mov al, [flags]
        call hex2
        call space
        mov esi, [which]
        mov eax, [esi]
        call hex8
        call space
        mov eax, [faults]
        call hex4
        call space
        mov eax, [sum]
        call hex8
        call newline
%endif
        add dword [which], 4
        cmp dword [which], limits.end
        jb each_limit
        inc byte [flags]
        cmp byte [flags], 4
        jb each_flags
        add byte [type], 2
        cmp byte [type], 16
        jb each_type
        jmp finish

%macro access 2                         ; for FS and for EBP
%1_r1:  mov al, [%2]
        int NONE3
%1_r2:  mov ax, [%2]
        int NONE3
%1_r4:  cmp eax, [%2]
        int NONE3
%1_r8:  movq mm0, [%2]
        int NONE3
%1_r16: movups xmm0, [%2]
        int NONE3
%1_w1:  mov [%2], al
        int NONE3
%1_w2:  mov [%2], ax
        int NONE3
%1_w4:  add [%2], eax
        int NONE3
%1_w8:  movq [%2], mm0
        int NONE3
%1_w16: movups [%2], xmm0
        int NONE3
%endmacro
access by_fs, fs:ebx
access by_bp, ebp
%macro rows 1                           ; address and size
%assign n 1
%rep 5
        dd %1_r%[n]
        db n
%assign n n*2
%endrep
%assign n 1
%rep 5
        dd %1_w%[n]
        db n
%assign n n*2
%endrep
%endmacro
kinds:  rows by_fs
.ss:    rows by_bp
.end:
deltas: db -17, -16, -15, -9, -8, -7, -4, -3, -2, -1, 0, 1, 2
.end:
limits: dd 0, 0xe, 0xfffe, 0xffff, 0x10000, 0xfffff
.end:
edges:  dd 0, 0xffff, 0xffffffff
edge:   dd 0
which:  dd 0
kind:   dd 0
delta:  dd 0
sum:    dd 0
faults: dd 0
group:  dd 0
type:   db 0
flags:  db 0
