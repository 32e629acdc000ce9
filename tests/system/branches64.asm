; Near branches to addresses that are not canonical (SDM vol. 2, JMP, CALL, RET, Jcc, LOOP; vol. 1, 3.3.7.1).
%define LONG 1
%include "lib.inc"
%define SEGMENT UCODE
%define BASE 0
%define SIZE 64
%define OUT 0x800000000000
%include "branches.inc"
HIGH_   equ 0x7fffffffff00              ; the last code of the lower half
main:   mov dword [tables+255*8], tables+0x1000+7
        mov dword [tables+0x1000+511*8], tables+0x2000+7
        mov dword [tables+0x2000+511*8], 0x600087
        mov esi, high_code
        mov edi, 0x7fff00
        mov ecx, 256
        rep movsb

        away "jmp rbx", jmp rbx
        away "jmp [rbx]", jmp [ustack-32]
        away "jmp constant", {mov rax, OUT}, jmp rax
        away "jmp far away", {mov rax, 0x5a5a000000000001}, jmp rax
        away "call rbx", call rbx
        away "call [mem]", call [ustack-32]
        away "call constant", {mov rax, OUT}, call rax
        away "ret", ret
        away "ret 8", ret 8
        away "call and another return", call other
        awayloop "call in a loop", call [table-8+rcx*8]
        awayto "jmp in a loop", jumps_go
        awayloop "ret in a loop", call [rets-8+rcx*8]
%define BASE (high_code-HIGH_)
        awayto "jmp across", h_jmp
        awayto "jmp short across", h_short
        awayto "call across", h_call
        awayto "jz across, taken", h_jz
        awayto "jnz across, not taken", h_jnz
        awayto "loop across", h_loop
        awayto "loopne across, not taken", h_loopne
        awayto "jrcxz across, not taken", h_jrcxz
        awayto "call that cannot be returned from", h_last
        awayto "instruction across", h_end
        jmp finish

other:  mov rax, OUT
        mov [rsp], rax
        ret
same:   mov [rsp], rbx
plain:  ret
jumps_go:
        jmp [jumps-8+rcx*8]
again:  loop jumps_go
        align 8
table:  dq OUT, plain, plain, plain, plain
jumps:  dq OUT, again, again, again, again
rets:   dq same, plain, plain, plain, plain

        align 256
high_code:
h_jmp:  jmp near high_code+0x1000
h_call: call high_code+0x1000
h_ret:  ret
h_jz:   jz near high_code+0x1000
        int NONE3
h_jnz:  jnz near high_code+0x1000
        int NONE3
        times 0xc0-($-high_code) nop
h_short:
        jmp short high_code+0x100
h_loop: loop high_code+0x100
h_loopne:
        loopne high_code+0x100          ; ZF is set
        int NONE3
h_jrcxz:
        jrcxz high_code+0x100
        int NONE3
        times 0xfb-($-high_code) nop
h_last: call h_ret                      ; pushes an address that is not canonical
h_end   equ h_last+4
