; Takes interrupts of each kind and tells of them on the debug console, a line each: what it was, and how often.
%include "../../tests/direct/common.inc"
%include "irq.inc"

IOAPIC  equ 0xfec00000

; pin NUMBER, LOW HALF: of an entry of the I/O APIC
%macro pin 2
        mov dword [IOAPIC], 0x11 + 2 * %1
        mov dword [IOAPIC + 0x10], 0
        mov dword [IOAPIC], 0x10 + 2 * %1
        mov dword [IOAPIC + 0x10], %2
%endmacro

        begin

        ; The 8259As: vectors from 0x50, all masked but for the timer.
        mov al, 0x11
        out 0x20, al
        out 0xa0, al
        mov al, 0x50
        out 0x21, al
        mov al, 0x58
        out 0xa1, al
        mov al, 4
        out 0x21, al
        mov al, 2
        out 0xa1, al
        mov al, 1
        out 0x21, al
        out 0xa1, al
        mov al, 0xfe
        out 0x21, al
        mov al, 0xff
        out 0xa1, al

        apic 0xf0, 0x1ff
        apic 0x80, 0
        say "8259A"
        apic 0x350, 0x700               ; ExtINT
        pit 500
        await 0x50, pic
        say 10, "8259A, not let through"
        apic 0x350, 0x10700
        pit 500
        mov ecx, 20000
.loop:  dec ecx
        jnz .loop
        sti
        nop
        nop
        cli
        say 10, "8259A, let through again"
        apic 0x350, 0x700
        await 0x50, pic
        mov al, 0xff
        out 0x21, al
        apic 0x350, 0x10700

        say 10, "timer, one shot"
        apic 0x3e0, 0xb
        apic 0x320, 0x41
        apic 0x380, 200000
        await 0x41, eoi
        say " left "
        mov eax, [APIC + 0x390]
        call hex
        say 10, "timer, divided by 16"
        apic 0x3e0, 3
        apic 0x320, 0x42
        apic 0x380, 10000
        await 0x42, eoi
        say 10, "timer, periodic"
        apic 0x3e0, 0xb
        apic 0x320, 0x20043
        apic 0x380, 300000
        mov ebp, 5
.tick:  await 0x43, eoi
        dec ebp
        jnz .tick
        apic 0x320, 0x10043
        apic 0x380, 0
        mov byte [silent], 1            ; one more may have come meanwhile
        mov dword [resume], .quiet
        mov ecx, 20000
        sti
.loop4: dec ecx
        jnz .loop4
.quiet: cli
        mov byte [silent], 0

        say 10, "timer, deadline"
        mov eax, 1
        cpuid
        test ecx, 1 << 24
        jz .none
        apic 0x320, 0x40044
        rdtsc
        add eax, 300000
        adc edx, 0
        mov ecx, 0x6e0
        wrmsr
        await 0x44, eoi
        mov ecx, 0x6e0
        rdmsr
        or eax, edx
        say " left "
        call hex
        apic 0x320, 0x10044
.none:

        say 10, "IPI to self"
        apic 0x300, 0x44045
        await 0x45, eoi
        say 10, "IPI to ID 0"
        apic 0x310, 0
        apic 0x300, 0x4046
        await 0x46, eoi
        say 10, "IPI below the task priority "
        apic 0x80, 0x50
        apic 0x300, 0x44047
        sti
        nop
        nop
        cli
        mov eax, [APIC + 0x220]
        shr eax, 7
        and eax, 1
        call hex
        apic 0x80, 0
        await 0x47, eoi
        apic 0x80, 0x35
        say 10, "task priority "
        mov eax, [APIC + 0x80]
        call hex
        apic 0x80, 0
        say 10, "two IPIs, the higher first"
        apic 0x300, 0x44048
        apic 0x300, 0x44068
        await 0x68, eoi
        await 0x48, eoi
        say 10, "NMI"
        mov dword [part], nmi
        mov dword [resume], .nmi
        mov byte [expect], 2
        apic 0x300, 0x4400
.wait:  jmp .wait
.nmi:

        say 10, "I/O APIC, edge"
        pin 2, 0x49
        pit 500
        await 0x49, eoi
        pin 2, 0x10049
        say 10, "I/O APIC, masked"
        pin 2, 0x1004a
        pit 500
        mov ecx, 20000
.loop2: dec ecx
        jnz .loop2
        sti
        nop
        nop
        cli
        say 10, "I/O APIC, level"        ; the serial port's, whose transmitter is empty
        mov dx, 0x3fc
        mov al, 8
        out dx, al
        pin 4, 0x804b
        mov dx, 0x3f9
        mov al, 2
        out dx, al
        await 0x4b, eoi                 ; it is still asserted
        await 0x4b, serve
        mov dword [part], count
        mov dword [resume], .done
        mov byte [expect], 0x4b
        sti
        mov ecx, 20000
.loop3: dec ecx
        jnz .loop3
.done:  cli
        say 10, "remote IRR "
        mov dword [IOAPIC], 0x18
        mov eax, [IOAPIC + 0x10]
        shr eax, 14
        and eax, 1
        call hex
        pin 4, 0x1804b
        mov dx, 0x3f9
        mov al, 0
        out dx, al

        mov eax, 1
        cpuid
        test ecx, 1 << 21
        jz .end
        say 10, "x2APIC, ID "
        mov ecx, 0x1b
        rdmsr
        or eax, 0x400
        wrmsr
        mov ecx, 0x802
        rdmsr
        call hex
        say ", LDR "
        mov ecx, 0x80d
        rdmsr
        call hex
        say 10, "x2APIC, IPI to self"
        mov ecx, 0x83f
        mov eax, 0x4c
        xor edx, edx
        wrmsr
        await 0x4c, eoi2
        say 10, "x2APIC, IPI by ICR"
        mov ecx, 0x830
        mov eax, 0x404d
        xor edx, edx
        wrmsr
        await 0x4d, eoi2
        say 10, "x2APIC, a register that is not there"
        mov dword [part], fault
        mov dword [resume], .gp
        mov byte [expect], 13
        mov ecx, 0x80e
        rdmsr
        say " is read"
.gp:    say 10, "x2APIC, timer"
        mov ecx, 0x832
        mov eax, 0x4e
        wrmsr
        mov ecx, 0x838
        mov eax, 200000
        wrmsr
        await 0x4e, eoi2

.end:   ended

eoi:    apic 0xb0, 0
        jmp [resume]
eoi2:   mov ecx, 0x80b
        xor eax, eax
        xor edx, edx
        wrmsr
        jmp [resume]
serve:  mov dx, 0x3fa
        in al, dx
        jmp eoi
count:  jmp eoi
pic:    mov al, 0x0b                    ; what is in service
        out 0x20, al
        in al, 0x20
        movzx eax, al
        say " ISR "
        call hex
        mov al, 0x20
        out 0x20, al
        jmp [resume]
nmi:
fault:  jmp [resume]

        finish
