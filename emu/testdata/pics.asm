; Has the 8259As do what they can and tells of it on the debug console: priorities, nesting, the cascade, rotation, automatic ends, levels, and initialisations with words between.
; Inputs: 4 and 3 are the serial ports', whose transmitters are empty; 1 and 12 the keyboard controller's, which can be told to answer.
%include "../../tests/direct/common.inc"
%include "irq.inc"

COM1    equ 0x3f8                       ; interrupt 4
COM2    equ 0x2f8                       ; interrupt 3

; to PORT, VALUE
%macro to 2
        mov al, %2
        out %1, al
%endmacro

; set PORT, VALUE: a port above 0xff
%macro set 2
        mov dx, %1
        mov al, %2
        out dx, al
%endmacro

; raise and lower a serial port's interrupt
%macro raise 1
        set %1 + 1, 0
        set %1 + 1, 2
%endmacro
%macro lower 1
        set %1 + 1, 0
%endmacro

; answer COMMAND, BYTE: of the keyboard controller, from the keyboard (D2h) or the mouse (D3h)
%macro answer 2
        to 0x64, %1
        to 0x60, %2
%endmacro

; init ICW4: vectors from 0x50. The guest speaks between the words
%macro init 1
        to 0x20, 0x11
        say "i"
        to 0x21, 0x50
        say "n"
        to 0xa0, 0x11
        to 0x21, 4
        say "i"
        to 0xa1, 0x58
        to 0x21, %1
        say "t"
        to 0xa1, 2
        say " "
        to 0xa1, 1
        to 0xa1, 0xff
        to 0x21, 0xff
%endmacro

; quiet: interrupts are let in for a while, and none comes
%macro quiet 0
        mov dword [part], unexpected
        mov ecx, 3000
        sti
%%loop: dec ecx
        jnz %%loop
        cli
%endmacro

        begin
        to 0x43, 0x30                   ; the timer waits for a count
        set COM1 + 4, 8                 ; OUT2 lets their interrupts out
        set COM2 + 4, 8
        to 0x64, 0x60                   ; the controller's interrupts
        to 0x60, 0x03
        say "begins "
        init 1
        call chips

        say 10, "masked, and let in"
        raise COM1
        call chips
        quiet
        to 0x21, 0xef
        await 0x54, service
        lower COM1
        to 0x20, 0x20
        call chips

        say 10, "two, the first of them first"
        to 0x21, 0xe5
        raise COM1
        raise COM2
        await 0x53, service
        say " 4 waits"
        quiet
        lower COM2
        to 0x20, 0x63
        await 0x54, service
        say 10, "one in another"
        answer 0xd2, 0x1e
        await 0x51, service
        in al, 0x60
        lower COM1
        to 0x20, 0x20
        call chips
        to 0x20, 0x20
        call chips

        say 10, "the slave's"
        to 0x21, 0xe3
        to 0xa1, 0xef
        answer 0xd3, 0x55
        await 0x5c, service
        raise COM1
        quiet
        in al, 0x60
        to 0xa0, 0x20
        quiet
        to 0x20, 0x62
        await 0x54, service
        lower COM1
        to 0x20, 0x20
        call chips

        say 10, "rotation"
        to 0x20, 0xc3                   ; 3 is the last, so 4 the first
        raise COM1
        raise COM2
        await 0x54, service
        lower COM1
        to 0x20, 0xa0                   ; and 4 is now
        answer 0xd2, 0x1f
        to 0x21, 0xe5
        await 0x51, service
        in al, 0x60
        to 0x20, 0xe1
        await 0x53, service
        lower COM2
        to 0x20, 0xa0
        call chips
        to 0x20, 0xc7
        call chips

        say 10, "level "
        set 0x4d0, 0x10
        to 0x21, 0xef
        raise COM1
        await 0x54, service
        to 0x20, 0x20
        await 0x54, service
        to 0x20, 0x20
        call chips
        lower COM1
        call chips
        quiet
        raise COM1
        await 0x54, service
        lower COM1
        to 0x20, 0x20
        quiet
        set 0x4d0, 0
        call chips

        say 10, "automatic ends, "
        init 3
        to 0x21, 0xe7
        raise COM2
        await 0x53, service
        raise COM1
        await 0x54, service
        lower COM1
        lower COM2
        call chips

        say 10, "special fully nested, "
        init 0x11
        to 0x21, 0xeb
        to 0xa1, 0xef
        answer 0xd3, 0x66
        await 0x5c, service
        in al, 0x60
        call chips
        to 0xa0, 0x20
        to 0x20, 0x20
        call chips
        ended

; service is the handler, which tells what is requested and in service.
service:
        call chips
        jmp [resume]
unexpected:
        say " UNEXPECTED"
        call chips
.stay:  jmp .stay

; chips tells IRR, ISR and IMR of both, without the cascade's request.
chips:  pushad
        say " ("
        to 0x20, 0x0a
        in al, 0x20
        and al, 0xfb
        call byte2
        to 0x20, 0x0b
        in al, 0x20
        call byte2
        in al, 0x21
        call byte2
        say "- "
        to 0xa0, 0x0a
        in al, 0xa0
        call byte2
        to 0xa0, 0x0b
        in al, 0xa0
        call byte2
        in al, 0xa1
        movzx eax, al
        call hex
        say ")"
        popad
        ret

byte2:  movzx eax, al
        call hex
        say " "
        ret

        finish
