package accel_test

import (
	"strings"
	"testing"

	"goemu/emu/accel"
	"goemu/emu/x86"
	"goemu/tcg/amd64"
)

// Code at several linear addresses is translated once, and does at each what it would do alone: what depends on the instruction pointer
// is of the address at which it runs. RBX is that address less the one for which the code was assembled.
const floating = `
		mov ebp, 10                     ; rounds
		xor r15d, r15d
	round:	mov r12, ALIAS0
		mov r13, ALIAS1
		mov r14, ALIAS2
		mov rbx, r12
		call there
		mov rbx, r13
		call there
		mov rbx, r14
		call there
		dec ebp
		jnz round
		mov rax, r15
		hlt
	there:	lea rax, [abs lib]
		add rax, rbx
		mov rcx, rbx
		shr rcx, 39
		mov [abs number], rcx
		jmp rax

		align 4096
	lib:	lea rax, [rel lib]              ; address arithmetic
		sub rax, rbx
		cmp rax, lib
		jne bad
		inc r15
		mov rax, [rel number]           ; a load
		mov rcx, rbx
		shr rcx, 39
		cmp rax, rcx
		jne bad
		inc r15
		call near1                      ; a call on the page: the return address that it pushes
		inc r15
		call far1                       ; one to another page
		inc r15
		mov rax, [rel pointer]
		add rax, rbx
		call rax                        ; an indirect one
		inc r15
		xor eax, eax
		cpuid                           ; run as a whole, in the midst of the block: it clobbers RBX
		mov rbx, [rel number]
		shl rbx, 39
		inc r15
		mov qword [rel counter], 0      ; stores
		lock inc qword [rel counter]
		mov ecx, 3
		bts [rel counter], rcx          ; a bit string
		cmp qword [rel counter], 9
		jne bad
		inc r15
		fldz                            ; the x87 instruction pointer
	x87:	fstp st0
		fxsave64 [rel image]
		mov rax, [rel image+8]
		sub rax, rbx
		cmp rax, x87
		jne bad
		inc r15
		lea eax, [rel x87]              ; 32 bits of the address
		lea rcx, [rel x87]
		mov ecx, ecx
		cmp rax, rcx
		jne bad
		mov rcx, rbx
		shr rcx, 39
		cmp cl, 0xab                    ; at one address all goes on by a return, at the others by a jump
		je done
		pop rax
		jmp rax
	done:	ret
	near1:	mov rax, [rsp]
		sub rax, rbx
		cmp byte [rax-5], 0xe8
		jne bad
		mov ecx, 5
	spin:	inc r15
		dec ecx
		jnz spin
		ret
	bad:	ud2

		align 4096
	far1:	mov rax, [rsp]
		sub rax, rbx
		cmp byte [rax-5], 0xe8
		jne bad
	far2:	jmp rim
		times 4096-2-($-far1) nop
	rim:	mov eax, 0x12345678             ; on two pages
		cmp eax, 0x12345678
		jne bad
		lea rax, [rel rim]
		sub rax, rbx
		cmp rax, rim
		jne bad
		inc r15
		ret

		align 4096
	number:	dq 0
	counter: dq 0
	pointer: dq far2
		align 64
	image:	times 512 db 0`

func TestFloating(t *testing.T) {
	const each = 2 + 6 + 2 + 2 + 1 + 1 + 1 // what R15 counts in a call
	p := program{bits: 64, opt: accel.Options{Count: true}, src: aliases(floating), setup: mapAliases}
	p.run(t, func(t *testing.T, w *world) {
		rax(10*3*each)(t, w)
		// The library is about 40 blocks; more at each of the addresses, and again for each, would be 120.
		if s := &w.eng.Stats; s.HostBytes != 0 && s.Blocks > 130 {
			t.Errorf("%d blocks translated", s.Blocks)
		}
	})
}

// A fault in a block that floats is of the address at which it ran.
func TestFloatingFault(t *testing.T) {
	for _, src := range []string{"mov rax, [abs 0x7fff0000]", "ud2", "div dword [rel zero]", "mov rax, [rel zero+0x1000000]"} {
		p := program{bits: 64, src: aliases(`
			mov r12, ALIAS0
			mov r13, ALIAS1
			xor edx, edx
			lea rax, [abs lib]
			add rax, r12
			call rax
			lea rax, [abs lib]
			add rax, r13
			inc edx
			call rax
			hlt
			align 4096
		lib:	test edx, edx
			jnz short fault
			ret
		fault:	` + src + `
			ret
		zero:	dq 0`), setup: mapAliases}
		p.run(t, func(t *testing.T, w *world) {
			if len(w.history) != 1 {
				t.Fatalf("%s: exceptions %v", src, w.history)
			}
			// test edx, edx: 2 bytes; jnz: 2; ret: 1
			if got, want := w.history[0].RIP, w.alias(1)+codeAt+0x1000+5; got != want {
				t.Errorf("%s: RIP %#x, want %#x", src, got, want)
			}
		})
	}
}

// Code that floats and is written to, at another address, runs in its new form at all.
func TestFloatingModified(t *testing.T) {
	p := program{bits: 64, src: aliases(`
		mov r12, ALIAS0
		mov r13, ALIAS1
		xor r15d, r15d
		mov ebp, 100
	l:	lea rax, [abs lib]
		add rax, r12
		call rax
		add r15, rdx
		lea rax, [abs lib]
		add rax, r13
		call rax
		add r15, rdx
		mov [abs lib+1], ebp            ; mov edx, imm32
		dec ebp
		jnz l
		mov rax, r15
		hlt
		align 4096
	lib:	mov edx, 0
		jmp out
		align 64
	out:	ret`), setup: mapAliases}
	p.run(t, rax(2*(100*101/2-1)))
}

// What may float is what the addresses say: TestRandomBytes would otherwise compare nothing.
func TestFloatingIsTried(t *testing.T) {
	if !amd64.Supported() {
		t.Skip("SKIP: no native engine on this host")
	}
	code := assemble(t, 64, "lea rax, [rel $]\nhlt")
	w := fresh(t, true, 64, code, 1, 1000)
	defer w.close()
	w.run(t)
	if got, want := w.env.GPR[0], w.alias(0)+codeAt; got != want {
		t.Errorf("RAX %#x, want %#x", got, want)
	}
	if w.env.Page != w.alias(0)+codeAt {
		t.Errorf("the page is %#x: the block does not float", w.env.Page)
	}
}

// aliases fills in the addresses of mapAliases.
func aliases(src string) string {
	return strings.NewReplacer("ALIAS0", "0x550000000000", "ALIAS1", "0x558000000000", "ALIAS2", "0x560000000000").Replace(src)
}

func mapAliases(w *world, _ *x86.EntryState) {
	for n := range 3 {
		w.alias(n)
	}
}

// breakCount counts the breakpoints met, and goes on.
type breakCount struct{ n int }

func (d *breakCount) Break(uint64) bool    { d.n++; return false }
func (d *breakCount) Stepped()             {}
func (d *breakCount) Watched(x86.WatchHit) {}

// Breakpoints are at one of the addresses: with one, blocks of its code do not float; without, they do again.
func TestFloatingBreak(t *testing.T) {
	p := program{bits: 64, src: aliases(`
		mov r12, ALIAS0
		mov r13, ALIAS1
		xor r15d, r15d
	l:	lea rax, [abs lib]
		add rax, r12
		call rax
		lea rax, [abs lib]
		add rax, r13
		call rax
		jmp l
		align 4096
	lib:	inc r15
		nop
		ret`), setup: mapAliases, limit: 1000, opt: accel.Options{Count: true}}
	for _, native := range engines() {
		w := p.start(t, native)
		d := &breakCount{}
		w.eng.SetDebugger(d)
		at := w.alias(1) + codeAt + 0x1000 + 3
		for i, want := range []bool{false, true, false, true} {
			if want {
				w.eng.AddBreak(at)
			} else if i > 0 {
				w.eng.RemoveBreak(at)
			}
			d.n = 0
			w.limit += 1000
			w.env.GPR[15] = 0
			w.execute(t)
			calls := int(w.env.GPR[15])
			if met := d.n; want && (met < calls/2-1 || met > calls/2+1) || !want && met != 0 || calls < 50 {
				t.Errorf("%s, turn %d: the breakpoint was met %d times in %d calls", engineName(native), i, met, calls)
			}
		}
		w.close()
	}
}
