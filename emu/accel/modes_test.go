package accel_test

import (
	"fmt"
	"strings"
	"testing"

	"goemu/emu/x86"
	"goemu/mmu"
)

// selectors of the descriptor table that these guests load.
const table = `
	align 8
gdt:	dq 0, 0
	dq 0x00cf9b000000ffff           ; 10 code, 32-bit, flat
	dq 0x00cf93000000ffff           ; 18 data, flat
	dq 0x00009b010000ffff           ; 20 code, 16-bit, base 0x10000
	dq 0x0000930200000fff           ; 28 data, 16-bit, base 0x20000, limit 0xfff
	dq 0x0000970200000fff           ; 30 data, expand-down, base 0x20000, from 0x1000 to 0xffff
	dq 0x0040970200000fff           ; 38 data, expand-down, 32-bit, from 0x1000 up
	dq 0x0000910200000fff           ; 40 data, read-only
	dq 0x0000990200000fff           ; 48 code, execute-only, base 0x20000
	dq 0x00af9b000000ffff           ; 50 code, 64-bit
	dq 0x0000130200000fff           ; 58 data, not present
gdt_end:
gdtr:	dw gdt_end-gdt-1
`

// Real mode after a trip to protected mode keeps the limits that were loaded there (SDM vol. 3A 10.9.2); the base follows loads of the selector.
func TestUnrealMode(t *testing.T) {
	for _, c := range []struct{ name, access string }{
		{"32-bit addressing", "mov edi, 0x200000\nmov dword [edi], 0x12345678\nmov eax, [edi]"},
		{"by another register", "mov ebx, 0x1ff000\nmov dword [ebx+0x1000], 0x12345678\nmov eax, [dword 0x200000]"},
		{"base by a new selector", "mov bx, 0x2000\nmov ds, bx\nmov dword [dword 0x1e0000], 0x12345678\nxor bx, bx\nmov ds, bx\nmov eax, [dword 0x200000]"},
		{"string instruction", "mov edi, 0x200000\nmov eax, 0x12345678\nmov ecx, 5\na32 rep stosd\nmov eax, [dword 0x200010]"},
		{"64 KiB of real mode are there too", "mov word [0xfffe], 0x5678\nmov word [dword 0x10000], 0x1234\nmov eax, [dword 0xfffe]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := program{bits: 16, src: `
				mov eax, cr0
				or al, 1
				mov cr0, eax
				mov bx, 0x18
				mov ds, bx
				mov es, bx
				and al, 0xfe
				mov cr0, eax
				xor bx, bx
				mov ds, bx
				mov es, bx
				` + c.access + "\nhlt"}
			p.run(t, rax(0x12345678))
		})
	}
}

// What lies beyond a limit, or wraps round, in 16-bit code.
func TestLimits(t *testing.T) {
	const real = "mov ax, 0x2000\nmov ds, ax\nmov es, ax\nmov ss, ax\nmov esp, 0x8000\n"
	type want struct {
		vector int // -1: none
		code   uint32
	}
	none, shutdown := want{-1, 0}, want{-2, 0}
	run := func(t *testing.T, bits int, src string, w want) {
		t.Run(strings.ReplaceAll(src, "\n", ";"), func(t *testing.T) {
			pro := real
			if bits != 16 {
				pro = ""
			}
			p := program{bits: 16, src: pro + src + "\nhlt"}
			if bits == 1016 {
				p = program{bits: 32, src: "lgdt [gdtr]\njmp 0x20:far16-0x10000\nbits 16\nfar16:\n" + src + "\nhlt\nbits 32\n" + table + "dd gdt"}
			}
			p.run(t, func(t *testing.T, m *world) {
				switch {
				case w == none && len(m.history) != 0:
					t.Errorf("exceptions %v, want none", m.history)
				case w == shutdown:
					if len(m.history) < 2 || m.history[0].Vector != 12 || m.history[1].Vector != 8 || m.cpu.State() != x86.Shutdown {
						t.Errorf("exceptions %v, want #SS, #DF and shutdown", m.history)
					}
				case w != none:
					fault(w.vector, w.code)(t, m)
				}
			})
		})
	}
	for _, c := range []struct {
		src  string
		want want
	}{
		{"mov al, [0xffff]", none},
		{"mov ax, [0xfffe]", none},
		{"mov ax, [0xffff]", want{13, 0}},
		{"mov [0xffff], ax", want{13, 0}},
		{"mov eax, [0xfffd]", want{13, 0}},
		{"inc word [0xffff]", want{13, 0}},
		{"mov al, [dword 0x10000]", want{13, 0}},
		{"mov ebx, 0x10000\nmov [ebx], al", want{13, 0}},
		{"mov bx, 0xffff\nmov si, 2\nmov al, [bx+si]", none}, // 16-bit addresses wrap
		{"mov bx, 0xffff\nmov al, [bx+2]", none},
		{"mov bp, 0xffff\nmov ax, [bp]", want{12, 0}},
		{"movups xmm0, [0xfff1]", want{13, 0}},
		{"fld qword [0xfff9]", want{13, 0}},
		{"mov sp, 0\npush ax", none},
		{"mov sp, 1\npush ax", shutdown}, // the handler's frame does not fit either
		{"mov sp, 0xffff\npop ax", want{12, 0}},
		{"mov sp, 0xfffe\npop ax\ntest sp, sp\njz ok\nud2\nok:", none},
		{"mov sp, 2\npush eax", want{12, 0}},
		{"mov esp, 0x12340002\npush ax\npush ax\ncmp esp, 0x1234fffe\nje ok\nud2\nok:", none}, // only SP moves
		{"mov si, 0xffff\nlodsw", want{13, 0}},
		{"mov si, 0xfffe\nlodsw\ntest si, si\njz ok\nud2\nok:", none},
		{"mov cx, 3\nmov di, 0xfffe\nrep stosb\ncmp di, 1\nje ok\nud2\nok:", none},
		{"jmp short $+2", none},
		{"jmp near l\ntimes 0x4000-($-$$) nop\nhlt\ntimes 0x8000-($-$$) nop\nl: jmp near $+0xc000\nud2", none}, // to 0x4000
	} {
		run(t, 16, c.src, c.want)
	}
	const ds = "mov bx, %#x\nmov %s, bx\n"
	for _, c := range []struct {
		src  string
		want want
	}{
		{fmt.Sprintf(ds, 0x28, "ds") + "mov al, [0xfff]", none},
		{fmt.Sprintf(ds, 0x28, "ds") + "mov al, [0x1000]", want{13, 0}},
		{fmt.Sprintf(ds, 0x28, "ds") + "mov ax, [0xfff]", want{13, 0}},
		{fmt.Sprintf(ds, 0x28, "ds") + "movups xmm0, [0xff0]\nmovups xmm0, [0xff1]", want{13, 0}},
		{fmt.Sprintf(ds, 0x28, "ss") + "mov sp, 0x1000\npush ax\npop ax", none},
		{fmt.Sprintf(ds, 0x28, "ss") + "mov sp, 0x800\nmov bp, 0x1000\nmov al, [bp]", want{12, 0}},
		{fmt.Sprintf(ds, 0x30, "ds") + "mov al, [0x1000]", none},
		{fmt.Sprintf(ds, 0x30, "ds") + "mov al, [0xfff]", want{13, 0}},
		{fmt.Sprintf(ds, 0x30, "ds") + "mov ax, [0xffff]", want{13, 0}},
		{fmt.Sprintf(ds, 0x38, "ds") + "mov ax, [0xffff]\nmov eax, [dword 0xfffffffc]", none}, // base and offset wrap to below the base
		{fmt.Sprintf(ds, 0x38, "ds") + "mov eax, [dword 0xfffffffd]", want{13, 0}},
		{fmt.Sprintf(ds, 0x40, "ds") + "mov al, [0]", none},
		{fmt.Sprintf(ds, 0x40, "ds") + "mov [0], al", want{13, 0}},
		{fmt.Sprintf(ds, 0x40, "ds") + "add byte [0], 1", want{13, 0}},
		{fmt.Sprintf(ds, 0x40, "ds") + "cmp byte [0], 1", none},
		{fmt.Sprintf(ds, 0x48, "ds"), want{13, 0x48}},
		{fmt.Sprintf(ds, 0x58, "ds"), want{11, 0x58}},
		{fmt.Sprintf(ds, 0x58, "ss"), want{12, 0x58}},
		{fmt.Sprintf(ds, 0x40, "ss"), want{13, 0x40}},
		{fmt.Sprintf(ds, 0x100, "ds"), want{13, 0x100}},
		{fmt.Sprintf(ds, 0, "ss"), want{13, 0}},
		{fmt.Sprintf(ds, 0, "ds"), none},
		{fmt.Sprintf(ds, 0, "ds") + "mov al, [0]", want{13, 0}},
		{fmt.Sprintf(ds, 0, "ds") + "mov [0], al", want{13, 0}},
		{"cs mov al, [0]", none},
		{"cs mov [0], al", want{13, 0}},
		{"jmp 0x28:0", want{13, 0x28}},
		{"jmp 0x58:0", want{13, 0x58}},
		{"jmp dword 0x20:0x10000", want{13, 0}},
	} {
		run(t, 1016, c.src, c.want)
	}
}

// Compatibility mode: 32-bit code under long mode's paging sees 32-bit addresses and registers.
func TestCompatibilityMode(t *testing.T) {
	for _, c := range []struct {
		name, code string
		want       uint64
	}{
		{"inc and dec are one byte", "xor eax, eax\ninc eax\ninc eax\ndec eax", 1},
		{"push and pop of four bytes", "mov ebx, esp\npush eax\nmov eax, ebx\nsub eax, esp\npop ebx", 4},
		{"addresses wrap at 4 GiB", "mov dword [SCRATCH], 77\nmov ebx, 0xfffff000\nmov eax, [ebx+SCRATCH+0x1000]", 77},
		{"results are 32 bits", "mov eax, 0x80000000\nadd eax, eax\nmov eax, 0xffffffff\nadd eax, 3", 2},
		{"call and ret", "xor eax, eax\ncall .f\njmp .e\n.f: mov al, 9\nret\n.e:", 9},
		{"ES in use", "mov bx, 0x28\nmov es, bx\nmov byte [es:5], 3\nmov eax, [SCRATCH+5]\nand eax, 0xff", 3},
		{"BCD", "mov al, 0x19\nadd al, 0x28\ndaa\nmovzx eax, al", 0x47},
		{"pusha", "mov eax, 5\nmov ebx, esp\npusha\nsub ebx, esp\npopa\nmov eax, ebx\nmov eax, esp\nsub eax, esp\nadd eax, 5", 5},
		{"fxsave", "fxsave [SCRATCH]\nmov eax, 8", 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := program{bits: 64, src: `
				lgdt [gdtr]
				mov r8, 0x1234567890
				mov rax, -1
				mov rcx, -1
				push qword 0x10
				push qword compat
				retfq
				bits 32
			compat:	mov cx, 0x18
				mov ds, cx
				mov ss, cx
				xor ecx, ecx
				` + c.code + `
				jmp 0x50:back
				bits 64
			back:	mov r9, 0x1234567890
				cmp r8, r9
				je .ok
				mov eax, -1
			.ok:	hlt` + table + "dq gdt"}
			p.run(t, rax(c.want))
		})
	}
}

// Memory that is mapped elsewhere while the guest runs (OnRemap) is seen at once, as data and as code.
func TestRemappedSpace(t *testing.T) {
	other, err := mmu.AllocRAM(mmu.PageSize)
	if err != nil {
		t.Fatal(err)
	}
	defer mmu.FreeRAM(other)
	copy(other, "\xb8\x02\x00\x00\x00\xc3")
	p := program{bits: 64, setup: func(w *world, s *x86.EntryState) {
		copy(w.ram[0x40000:], "\xb8\x01\x00\x00\x00\xc3")
		w.out = func(port uint16, size int, v uint32) {
			if v == 1 {
				w.space.MapRAM(0x40000, other, true)
			} else {
				w.space.Unmap(0x40000, mmu.PageSize)
			}
		}
	}, src: `
		xor ebx, ebx
		mov ecx, 20
		mov edi, 0x40000
	l:	call rdi
		add ebx, eax
		add ebx, [rdi+1]
		mov al, 1
		out 0x80, al
		call rdi
		shl eax, 8
		add ebx, eax
		mov dword [rdi+1], 9            ; it is ROM now
		mov eax, [rdi+1]
		shl eax, 16
		add ebx, eax
		xor eax, eax
		out 0x80, al
		dec ecx
		jnz l
		mov eax, ebx
		hlt`}
	p.run(t, rax(20*(2+0x200+0x20000)))
}
