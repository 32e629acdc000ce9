package accel_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goemu/emu/accel"
	"goemu/emu/x86"
)

// lines is a guest of one instruction a line; its code ends with a table of where the lines are, so that tests can speak of
// addresses by line. Blank lines count.
type lines string

func (l lines) program(bits int, prologue, epilogue string) (p program, addr func(w *world) []uint64) {
	var src strings.Builder
	src.WriteString(prologue + "\n")
	ls := strings.Split(strings.TrimSpace(string(l)), "\n")
	for i, line := range ls {
		fmt.Fprintf(&src, "L%d: %s\n", i, strings.TrimSpace(line))
	}
	src.WriteString("hlt\n" + epilogue + "\n")
	for i := range ls {
		fmt.Fprintf(&src, "dd L%d\n", i)
	}
	p = program{bits: bits, src: src.String()}
	return p, func(w *world) []uint64 {
		code := assemble(w.t, bits, p.src)
		table := code[len(code)-4*len(ls):]
		a := make([]uint64, len(ls))
		for i := range a {
			a[i] = uint64(binary.LittleEndian.Uint32(table[4*i:]))
		}
		return a
	}
}

// With EFLAGS.TF set at its start, an instruction is followed by a debug trap (SDM vol. 3A 18.3.1.4): not the one that sets TF, not a
// load of SS, not one that enters a handler; a repeated string instruction after each repetition.
func TestSingleStep(t *testing.T) {
	for _, c := range []struct {
		name  string
		bits  int
		code  lines
		steps []int // lines that the saved RIP of each debug trap points at
		epi   string
	}{
		{"plain instructions", 64, `
			push qword 0x102
			popfq
			nop
			inc eax
			mov [SCRATCH], eax
			add dword [SCRATCH], 5
			push qword 2
			popfq
			nop`, []int{3, 4, 5, 6, 7, 8}, ""},
		{"jumps, calls and returns", 64, `
			push qword 0x102
			popfq
			jmp short L4
			nop
			xor eax, eax
			jz L7
			nop
			jnz L8
			call L12
			mov ecx, 2
			loop L10
			jmp L13
			ret
			push qword 2
			popfq
			nop`, []int{4, 5, 7, 8, 12, 9, 10, 10, 11, 13, 14, 15}, ""},
		{"repeated string instructions", 64, `
			mov ecx, 3
			mov edi, SCRATCH
			mov esi, SCRATCH+64
			push qword 0x102
			popfq
			rep stosb
			rep stosb
			mov cl, 2
			rep movsq
			mov cl, 9
			repe scasb
			push qword 2
			popfq
			nop`, []int{5, 5, 6, 7, 8, 8, 9, 10, 11, 12, 13}, ""},
		{"load of SS", 64, `
			mov eax, 0x18
			push qword 0x102
			popfq
			mov ss, eax
			nop
			nop
			mov ds, eax
			push qword 2
			popfq
			nop`, []int{5, 6, 7, 8, 9}, ""},
		{"pop of SS and LSS, 32-bit", 32, `
			push dword 0x18
			push dword 0x102
			popfd
			pop ss
			nop
			lss eax, [far_data]
			nop
			push dword 2
			popfd
			nop`, []int{5, 6, 7, 8, 9}, "far_data: dd 5\n dw 0x18"},
		{"software interrupt and IRET", 64, `
			push qword 0x102
			popfq
			int 0x1f
			nop
			push qword 2
			popfq
			nop`, []int{4, 5, 6}, ""},
		{"SSE and x87", 64, `
			push qword 0x102
			popfq
			movups xmm0, [SCRATCH]
			addps xmm0, xmm0
			fld1
			fstp dword [SCRATCH]
			emms
			push qword 2
			popfq
			nop`, []int{3, 4, 5, 6, 7, 8, 9}, ""},
		{"CPUID, MSR, ports, control registers", 64, `
			push qword 0x102
			popfq
			cpuid
			mov ecx, 0xc0000080
			rdmsr
			in al, 0x80
			mov rax, cr3
			mov cr3, rax
			push qword 2
			popfq
			nop`, []int{3, 4, 5, 6, 7, 8, 9, 10}, ""},
		{"SYSCALL whose mask clears TF", 64, `
			mov ecx, 0xc0000081
			xor eax, eax
			mov edx, 0x00180010
			wrmsr
			inc ecx
			mov eax, L15
			xor edx, edx
			wrmsr
			mov ecx, 0xc0000084
			mov eax, 0x100
			wrmsr
			push qword 0x102
			popfq
			syscall
			nop
			nop
			nop`, nil, ""},
		{"POPF that leaves TF set, and one that clears it", 64, `
			push qword 2
			push qword 0x102
			push qword 0x102
			popfq
			popfq
			popfq
			nop
			nop`, []int{5, 6}, ""},
		{"IRET that sets TF", 64, `
			mov eax, ss
			push rax
			push qword STACK
			push qword 0x102
			push qword 0x10
			push qword L7
			iretq
			nop
			nop
			push qword 2
			popfq
			nop`, []int{8, 9, 10, 11}, ""},
		{"a store into the next instruction", 64, `
			push qword 0x102
			popfq
			mov byte [L3+1], 9
			mov al, 1
			push qword 2
			popfq
			nop`, []int{3, 4, 5, 6}, ""},
		{"real mode", 16, `
			push word 0x102
			popf
			nop
			mov ax, 5
			jmp short L6
			nop
			push word 2
			popf
			nop`, []int{3, 4, 6, 7, 8}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			pro, epi := "", c.epi
			iret := map[int]string{64: "iretq", 32: "iretd", 16: "iret"}[c.bits]
			switch c.bits {
			case 64:
				pro = "gate64 1, handler\ngate64 0x1f, handler"
			case 32:
				pro = "gate32 1, handler"
			case 16:
				pro = "push ds\nxor ax, ax\nmov ds, ax\nmov word [4], handler\nmov word [6], 0x1000\npop ds"
			}
			epi += "\nalign 16\nhandler: " + iret
			p, addr := c.code.program(c.bits, pro, epi)
			p.setup = func(w *world, s *x86.EntryState) {
				if c.bits == 64 {
					s.EFER |= 1 // SCE
				}
			}
			p.run(t, func(t *testing.T, w *world) {
				at := addr(w)
				var got []int
				for _, r := range w.history {
					if r.Vector == 1 {
						got = append(got, slices.Index(at, r.RIP))
					} else if r.Vector != 0x1f {
						t.Errorf("exception %v", r)
					}
				}
				if d := cmp.Diff(c.steps, got); d != "" {
					t.Errorf("lines after which a trap came (-want +got):\n%s", d)
				}
			})
		})
	}
}

// An interrupt that waits is taken after the instruction after STI, MOV SS or POP SS, at once after POPF and IRET
// (SDM vol. 2 STI, vol. 3A 6.8.3).
func TestInterruptShadow(t *testing.T) {
	for _, c := range []struct {
		name string
		bits int
		at   int64 // the interrupt comes after this many instructions of the guest
		code lines
		want int // line before which it is taken; -1: never
	}{
		{"STI", 64, 0, "cli\nnop\nsti\nnop\nnop\nnop", 4},
		{"STI when interrupts were on", 64, 2, "sti\nnop\nsti\nnop\nnop\ncli", 2},
		{"STI HLT", 64, 0, "cli\nsti\nhlt\nnop", 3},
		{"STI CLI", 64, 0, "cli\nsti\ncli\nnop\nnop", -1},
		{"STI STI", 64, 0, "cli\nsti\nsti\nnop\nnop", 3},
		{"STI and a jump", 64, 0, "cli\nsti\njmp L4\nnop\nnop\nnop", 4},
		{"STI RET", 64, 0, "cli\npush qword L5\nsti\nret\nnop\nnop\nnop", 5},
		{"STI and a repeated instruction", 64, 0, "cli\nmov ecx, 5\nmov edi, SCRATCH\nsti\nrep stosb\nnop\nnop", 5},
		{"MOV SS", 64, 3, "sti\nmov eax, 0x18\nmov ss, eax\nnop\nnop\nnop", 4},
		{"MOV DS", 64, 3, "sti\nmov eax, 0x18\nmov ds, eax\nnop\nnop\nnop", 3},
		{"POP SS", 32, 3, "sti\npush dword 0x18\npop ss\nnop\nnop\nnop", 4},
		{"POPF", 64, 0, "cli\npush qword 0x202\npopfq\nnop\nnop", 3},
		{"POPF in 32-bit mode", 32, 0, "cli\npush dword 0x202\npopfd\nnop\nnop", 3},
		{"POPF in real mode", 16, 0, "cli\npush word 0x202\npopf\nnop\nnop", 3},
		{"STI in real mode", 16, 0, "cli\nsti\nnop\nnop\nnop", 3},
		{"IRET", 64, 0, "cli\nmov eax, 0x18\npush rax\npush qword STACK\npush qword 0x202\npush qword 0x10\npush qword L8\niretq\nnop\nnop", 8},
		{"a loop", 64, 100, "sti\nmov ecx, 1000\nloop L2\nnop", 2},
		{"a jump to itself", 64, 100, "sti\njmp L1\nnop", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var pro string
			switch c.bits {
			case 64:
				pro = "gate64 0x20, handler\njmp L0"
			case 32:
				pro = "gate32 0x20, handler\njmp L0"
			case 16:
				pro = "push ds\nxor ax, ax\nmov ds, ax\nmov word [0x80], handler\nmov word [0x82], 0x1000\npop ds\njmp L0"
			}
			before := int64(strings.Count(pro, "\n") + 1)
			if c.bits != 16 {
				before = 5 // the macro is four instructions
			}
			for _, count := range []bool{true, false} {
				if !count && c.at != 0 {
					continue // no count, no exact moment
				}
				p, addr := c.code.program(c.bits, pro, "handler: hlt")
				p.opt = accel.Options{Count: count}
				p.events = []happening{{c.at, 0x20}}
				if c.at > 0 {
					p.events[0].at += before
				}
				p.setup = func(w *world, s *x86.EntryState) {
					w.env.ExitReq = 1 // the interrupt is seen before the first instruction
					if c.bits == 64 {
						w.put64(idtAt+16*0x20, 0x10<<16|0x8e<<40)
						s.IDT.Limit = 16*33 - 1
					} else if c.bits == 32 {
						w.put64(idtAt+8*0x20, 0x10<<16|0x8e<<40)
						s.IDT.Limit = 8*33 - 1
					}
				}
				p.run(t, func(t *testing.T, w *world) {
					at, got := addr(w), -1
					for _, r := range w.cpu.History() {
						if r.Extern {
							got = slices.Index(at, r.RIP)
							if got < 0 {
								t.Errorf("interrupt taken at %#x, no line of the guest", r.RIP)
							}
						}
					}
					if got != c.want || len(w.history) != 0 {
						t.Errorf("interrupt taken before line %d, want %d; exceptions %v", got, c.want, w.history)
					}
				})
			}
		})
	}
}

// HLT ends with an interrupt if IF is set, and with an NMI; NMIs wait for the IRET of the one before (SDM vol. 3A 6.7.1).
func TestHaltAndNMI(t *testing.T) {
	const pro = `
		gate64 0x20, irq
		gate64 2, nmi
		xor eax, eax
		xor ebx, ebx
		xor ecx, ecx
		xor edx, edx`
	for _, c := range []struct {
		name   string
		src    string
		events []happening
		want   uint64 // RAX: interrupts, and 0x10000 for each NMI
	}{
		{"HLT with IF", "sti\nhlt\nhlt\ncli\nhlt", []happening{{1000, 0x20}, {2000, 0x20}}, 2},
		{"HLT without IF", "cli\nhlt", []happening{{1000, 0x20}}, 0},
		{"NMI ends HLT without IF", "cli\nhlt\nhlt", []happening{{1000, 2}}, 0x10000},
		{"NMI in a loop", "cli\nl: cmp eax, 0\nje l\nhlt", []happening{{5000, 2}}, 0x10000},
		{"NMI in an NMI's handler", "mov ebx, 1\nhlt\nhlt", []happening{{1000, 2}, {1020, 2}}, 0x20000},
		{"two NMIs in an NMI's handler are one", "mov ebx, 1\nhlt\nhlt", []happening{{1000, 2}, {1020, 2}, {1030, 2}}, 0x20000},
		{"interrupt in an NMI's handler with IF", "mov ebx, 2\nhlt\nhlt", []happening{{1000, 2}, {1020, 0x20}}, 0x10001},
		{"interrupts queue up", "sti\nmov ecx, 500\nl: loop l\ncli\nhlt", []happening{{50, 0x20}, {50, 0x20}, {50, 0x20}}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := program{bits: 64, opt: accel.Options{Count: true}, events: c.events, src: pro + "\n" + c.src + `
			hlt
			align 16
		irq:	inc eax
			iretq
		nmi:	add eax, 0x10000
			test ebx, ebx
			jz .end
			test ebx, 2
			jz .spin
			sti
		.spin:	mov edx, 100
		.l:	dec edx
			jnz .l
			xor ebx, ebx
			mov edx, eax            ; no second NMI may have come until now
		.end:	iretq`,
				setup: func(w *world, s *x86.EntryState) {
					w.put64(idtAt+16*0x20, 0x10<<16|0x8e<<40)
					s.IDT.Limit = 16*33 - 1
				}}
			p.run(t, func(t *testing.T, w *world) {
				if got := w.env.GPR[0]; got != c.want {
					t.Errorf("RAX = %#x, want %#x", got, c.want)
				}
				if e := w.env.GPR[2]; strings.Contains(c.name, "in an NMI's handler") && e>>16 != 1 {
					t.Errorf("%d NMIs at the end of the first handler", e>>16)
				}
				if len(w.history) != 0 {
					t.Errorf("exceptions %v", w.history)
				}
			})
		})
	}
}

// everything is a guest that does a bit of everything for some hundred instructions.
const everything = `
	mov edi, SCRATCH
	mov ecx, 37
	mov al, 0x11
	rep stosb
	mov esi, SCRATCH
	mov edi, SCRATCH+0x100
	mov ecx, 9
	rep movsd
	xor eax, eax
	mov ebx, 0x12345
	mov ecx, 6
.l:	add eax, ebx
	adc rbx, rax
	rol rbx, 3
	cmp eax, 0x8000
	jb .skip
	setc dl
	xadd [SCRATCH+0x10], eax
.skip:	push rbx
	call f
	pop rdx
	xor eax, edx
	dec ecx
	jnz .l
	mov esi, 3
	cvtsi2sd xmm0, esi
	movapd xmm1, xmm0
	sqrtsd xmm1, xmm1
	mulsd xmm1, xmm0
	movsd [SCRATCH+0x200], xmm1
	fld qword [SCRATCH+0x200]
	fld1
	faddp
	fstp qword [SCRATCH+0x208]
	mov byte [patch+1], 0x77
patch:	mov dl, 0
	mov eax, 0x18
	mov ss, eax
	nop
	cpuid
	mov ecx, 20
	lea r9, [f]
.m:	call r9
	loop .m
	cmp byte [SCRATCH+5], 0x11
	cmove r10, rbx
	bts r10, 5
	pushfq
	pop r11
	mul rbx
	test rbx, rbx
	hlt
f:	lea eax, [rax+rbx*2+1]
	test eax, eax
	js .neg
	ret
.neg:	neg eax
	ret`

// The state after n instructions is the same on all engines, for every n; and an interrupt after any n leaves the end as it is
// without.
func TestEveryBoundary(t *testing.T) {
	whole := program{bits: 64, opt: accel.Options{Count: true}, src: everything}
	w := whole.start(t, false)
	w.execute(t)
	n := w.spent
	if len(w.history) != 0 || n < 200 {
		t.Fatalf("%d instructions, exceptions %v", n, w.history)
	}
	end := func(w *world) (any, []byte) {
		fp := w.env.X87
		clear(fp[12:28]) // instruction and operand pointers: see docs/design.md
		return []any{w.env.GPR, w.env.XMM, fp, w.cpu.Flags()}, w.ram[0x20000:0x21000]
	}
	wantRegs, mem := end(w)
	wantMem := slices.Clone(mem)
	w.close()
	reference := whole.start(t, false) // goes on from boundary to boundary; the native engine starts anew each time
	defer reference.close()
	for k := int64(1); k < n; k++ {
		for _, native := range engines() {
			w := reference
			if native {
				w = whole.start(t, true)
			}
			w.limit = k
			w.execute(t)
			if w.spent != k {
				t.Fatalf("%s: %d instructions run instead of %d", engineName(native), w.spent, k)
			}
			if native {
				want, wantMem := end(reference)
				got, mem := end(w)
				if d := cmp.Diff([]any{reference.env.RIP, want}, []any{w.env.RIP, got}); d != "" || !slices.Equal(wantMem, mem) {
					t.Fatalf("after %d instructions (-interp +native):\n%s\nmemory equal: %v", k, d, slices.Equal(wantMem, mem))
				}
				w.close()
			}
		}
		for _, native := range engines() {
			if !native && k%4 != 0 {
				continue
			}
			p := program{bits: 64, src: everything, events: []happening{{k, 0x20}}, limit: 100000, setup: func(w *world, s *x86.EntryState) {
				// The handler runs on a stack of its own and changes nothing but a counter.
				copy(w.ram[0x5100:], "\xff\x04\x25\x00\x53\x00\x00\x48\xcf") // inc dword [0x5300]; iretq
				w.put64(idtAt+16*0x20, 0x5100|0x10<<16|1<<32|0x8e<<40)
				w.put64(0x24, stackAt+0x1000)
				s.IDT.Limit = 16*33 - 1
				s.RFLAGS |= 0x200
			}}
			p.opt.Count = true
			w := p.start(t, native)
			w.execute(t)
			r, m := end(w)
			want := wantRegs.([]any)
			got := r.([]any)
			gpr := got[0].([16]uint64)
			gpr[11] &^= 0x200 // PUSHF; POP R11
			got[0] = gpr
			got[3] = got[3].(uint32) &^ 0x200
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("%s: an interrupt after %d instructions changes the end:\n%s", engineName(native), k, d)
			}
			if !slices.Equal(wantMem, m) {
				t.Fatalf("%s: an interrupt after %d instructions changes memory", engineName(native), k)
			}
			if w.ram[0x5300] != 1 && !slices.ContainsFunc(w.cpu.History(), func(r x86.Record) bool { return r.Extern }) {
				t.Fatalf("%s: no interrupt after %d instructions; %v", engineName(native), k, w.history)
			}
			w.close()
		}
	}
}
