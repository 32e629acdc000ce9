package accel_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"goemu/emu/accel"
	"goemu/emu/x86"
)

// Code that is changed runs in its new form from the next instruction on (SDM vol. 3A 9.1.3 asks for a
// jump in between; every processor since the Pentium does without).
func TestSelfModifying(t *testing.T) {
	for _, c := range []struct {
		name string
		p    program
		want uint64
	}{
		{"next instruction of the block, 64-bit", program{bits: 64, src: nextInstruction}, 5050},
		{"next instruction of the block, 32-bit", program{bits: 32, src: nextInstruction}, 5050},
		{"next instruction of the block, paged", program{bits: 32, paged: true, src: nextInstruction}, 5050},
		{"next instruction of the block, real mode", program{bits: 16, src: strings.ReplaceAll(nextInstruction, "[p+1]", "[cs:p+1]")}, 5050},
		{"rep stosb over what follows", program{bits: 64, src: `
			xor ebx, ebx
		l:	lea edi, [p]
			mov ecx, 4
			mov al, 0x90                ; nop for inc r8
			rep stosb
		p:	add ebx, byte 1             ; 83 c3 01
			nop
			lea esi, [orig]
			lea edi, [p]
			mov ecx, 4
			rep movsb
			inc r9d
			cmp r9d, 50
			jb p                        ; the original counts
			mov eax, ebx
			hlt
		orig:	add ebx, byte 1
			nop`}, 49},
		{"rep movsb of itself over itself", program{bits: 64, src: `
			mov r8d, 20
			xor eax, eax
		l:	lea esi, [l]
			lea edi, [l]
			mov ecx, end-l
			rep movsb
			add eax, 3
			add eax, ecx
			dec r8d
			jnz l
		end:	hlt`}, 60},
		{"a block that another jumps to directly", program{bits: 64, src: `
			xor eax, eax
			mov r8d, 40
		a:	inc eax
			jmp b
			align 32
		b:	add eax, 0x100
			dec r8d
			jz done
			cmp r8d, 20
			jne a
			mov dword [b+1], 0x10000    ; 05 id
			jmp a
		done:	hlt`}, 40 + 20*0x100 + 20*0x10000},
		{"a block reached by call, ret and an indirect jump", program{bits: 64, src: `
			xor eax, eax
			mov r8d, 30
			mov rbx, f
		a:	call f
			call rbx
			push after
			jmp rbx
		after:	inc byte [f+1]
			dec r8d
			jnz a
			hlt
			align 64
		f:	add al, 0
			movzx eax, al
			ret`}, 30 * 29 / 2 * 3 % 256},
		{"second page of an instruction", program{bits: 64, src: fmt.Sprintf(secondPage, "byte [f+4], 1")}, secondPageSum},
		{"second page of an instruction, 32-bit", program{bits: 32, src: strings.ReplaceAll(fmt.Sprintf(secondPage, "byte [f+4], 1"), "r8d", "esi")}, secondPageSum},
		{"another linear address of the same page", program{bits: 64, setup: func(w *world, s *x86.EntryState) {
			w.window(64, 0, 0x40000|3)
			w.window(64, 1, 0x40000|3)
			copy(w.ram[0x40010:], "\xb8\x00\x00\x00\x00\xc3")
		}, src: `
			xor ebx, ebx
			mov r8d, 30
			mov r9d, RAM_WINDOW+0x10
		a:	call r9
			add ebx, eax
			mov [RAM_WINDOW+0x1011], r8d
			call r9
			add ebx, eax
			add dword [0x40011], 1      ; and by the identity map
			call r9
			add ebx, eax
			dec r8d
			jnz a
			mov eax, ebx
			hlt`}, aliasSum()},
		{"a device writes the code", program{bits: 64, setup: func(w *world, s *x86.EntryState) {
			w.out = func(port uint16, size int, v uint32) {
				if err := w.space.WritePhys(codeAt+0x101, []byte{byte(v)}); err != nil {
					w.t.Error(err)
				}
			}
		}, src: `
			xor ebx, ebx
			mov ecx, 50
		a:	mov al, cl
			out 0x80, al
			call f
			add ebx, eax
			dec ecx
			jnz a
			mov eax, ebx
			hlt
			times 0x100-($-$$) int3
		f:	mov eax, 0
			ret`}, 50 * 51 / 2},
		{"a device writes into the block that runs", program{bits: 64, setup: func(w *world, s *x86.EntryState) {
			w.out = func(port uint16, size int, v uint32) {
				if err := w.space.WritePhys(codeAt+0x103, []byte{byte(v)}); err != nil {
					w.t.Error(err)
				}
			}
		}, src: `
			xor ebx, ebx
			mov ecx, 50
			jmp a
			times 0x100-($-$$) int3
		a:	out 0x80, al
			mov dl, 0
			movzx edx, dl
			add ebx, edx
			mov eax, ecx
			dec ecx
			jnz a
			mov eax, ebx
			hlt`}, 50*51/2 - 1 + 0},
		{"the stack runs into the code", program{bits: 64, src: `
			mov rsp, p+8
			mov rax, 0x90909090909002b0 ; mov al, 2; nops
			push rax
		p:	mov al, 1
			times 6 nop
			movzx eax, al
			hlt`}, 2},
		{"a call writes its return address over its target", program{bits: 64, src: `
			mov ebx, 7
			mov rsp, f+8
			mov eax, 1
			call f                      ; the return address reads as: or [rax..]
		back:	align 8
		f:	times 8 nop
			mov eax, 3
			hlt`, setup: func(w *world, s *x86.EntryState) {}}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Contains(c.name, "return address") {
				// What the address decodes to is not the point: both engines must run the same.
				c.p.limit = 500
				c.p.run(t, nil)
				return
			}
			c.p.run(t, rax(c.want))
		})
	}
}

const nextInstruction = `
	mov ecx, 100
	xor eax, eax
l:	mov byte [p+1], cl
p:	mov dl, 0x55
	movzx edx, dl
	add eax, edx
	dec ecx
	jnz l
	hlt`

// secondPage crosses a page with a MOV; %s is what the guest does to its last byte.
const (
	secondPage = `
	xor ebx, ebx
	mov r8d, 20
a:	call f
	add ebx, eax
	call f
	add ebx, eax
	add %s
	dec r8d
	jnz a
	mov eax, ebx
	hlt
	times 0xffd-($-$$) int3
f:	mov eax, 1
	ret`
	secondPageSum = 40 + 2*190<<24&0xffff_ffff
)

func aliasSum() (s uint64) {
	eax := uint64(0)
	for r8 := uint64(30); r8 > 0; r8-- {
		s += eax
		s += r8
		eax = r8 + 1
		s += eax
	}
	return s
}

// Every form of store is seen when it hits the instruction that follows.
func TestStoreForms(t *testing.T) {
	// The eight bytes at p become: mov al, 2 and nops. RAX holds them, RBX is p, RCX what stands there.
	for _, form := range []string{
		"mov [rbx], rax",
		"mov [rbx], eax",
		"mov [rbx], ax",
		"mov byte [rbx+1], 2",
		"mov [p], rax",
		"inc byte [rbx+1]",
		"add byte [rbx+1], 1",
		"xor byte [rbx+1], 3",
		"lock add byte [rbx+1], 1",
		"sub byte [rbx+1], 0xff",
		"neg byte [rbx+1]\nmov al, 2\nmov [rbx+1], al",
		"not byte [rbx+1]\nxor byte [rbx+1], 0xfc",
		"shl byte [rbx+1], 1",
		"rol byte [rbx+1], 1",
		"btc dword [rbx], 8\nbts dword [rbx], 9",
		"xchg [rbx], rax",
		"xadd [rbx+1], dl",
		"mov rdx, rax\nmov rax, rcx\nlock cmpxchg [rbx], rdx",
		"setnz [rbx+1]\nshl byte [rbx+1], 1",
		"movnti [rbx], rax",
		"movq xmm0, rax\nmovq [rbx], xmm0",
		"movq xmm0, rax\nmovd [rbx], xmm0",
		"movq xmm0, rax\nmovlps [rbx], xmm0",
		"movq xmm0, rax\nmovups xmm1, [rbx]\nmovsd xmm1, xmm0\nmovups [rbx], xmm1",
		"movq xmm0, rax\nmovaps xmm1, [rbx]\nmovsd xmm1, xmm0\nmovaps [rbx], xmm1",
		"movq mm0, rax\nmovq [rbx], mm0\nemms",
		"mov [SCRATCH], rax\nfild qword [SCRATCH]\nfistp qword [rbx]",
		"mov dword [SCRATCH], 0\nfldz\nfstp dword [SCRATCH]\nmov [rbx], rax",
		"mov rdi, rbx\nstosq",
		"mov rdi, rbx\nstd\nlea rdi, [rbx]\nstosq\ncld",
		"mov [SCRATCH], rax\nmov esi, SCRATCH\nmov rdi, rbx\nmovsq",
		"mov [SCRATCH], rax\nmov esi, SCRATCH\nmov rdi, rbx\nmov ecx, 8\nrep movsb",
		"lea rsp, [rbx+8]\npush rax",
		"mov [SCRATCH], rax\nlea rsp, [rbx+8]\npush qword [SCRATCH]",
		"mov [SCRATCH], rax\nmov rsp, SCRATCH\npop qword [rbx]",
		"mov rdx, [rbx+8]\nmov r8, rax\nmov r9, rdx\nmov rax, rcx\nmov rcx, r9\npush rbx\nmov rdi, rbx\nmov rbx, r8\nlock cmpxchg16b [rdi]\npop rbx",
		"mov rdx, rcx\nshr rdx, 32\nmov rdi, rbx\nmov r8, rax\nmov eax, ecx\nmov rcx, r8\nshr rcx, 32\nmov ebx, r8d\nlock cmpxchg8b [rdi]",
		"mov rdi, rbx\nmovq xmm0, rax\npcmpeqb xmm1, xmm1\npsrldq xmm1, 8\nmaskmovdqu xmm0, xmm1",
		"mov dx, 2\nlea rdi, [rbx+1]\ninsb\nmov byte [rbx+1], 2",
		"bswap rax\nmovbe [rbx], rax",
	} {
		t.Run(strings.ReplaceAll(form, "\n", ";"), func(t *testing.T) {
			p := program{bits: 64, src: `
				mov r15d, 2             ; the second time round the block is known
				xor r14d, r14d
			again:	mov rbx, p
				mov rax, 0x90909090909002b0
				mov rcx, 0x90909090909001b0
				mov [rbx], rcx
				mov dl, 1
				jmp go
				align 16
			go:	test rbx, rbx
				` + form + `
				align 16
			p:	mov al, 1
				times 14 nop
				mov esp, STACK
				movzx eax, al
				add r14d, eax
				dec r15d
				jnz again
				mov eax, r14d
				hlt`}
			p.run(t, rax(4))
		})
	}
}

// A page of code is mapped elsewhere: after INVLPG or a load of CR3 the new code runs, also where the first byte
// of an instruction stays and only its rest moves.
func TestRemappedCode(t *testing.T) {
	for _, bits := range []int{64, 32} {
		entry := "qword [PT+8*%d]"
		if bits == 32 {
			entry = "dword [PT32+4*%d]"
		}
		for _, page := range []int{0, 1} {
			for name, flush := range map[string]string{
				"invlpg": fmt.Sprintf("invlpg [RAM_WINDOW+%#x]", page<<12),
				"cr3":    "mov eax, cr3\nmov cr3, eax",
				"cr4":    "mov eax, cr4\nxor eax, 0x80\nmov cr4, eax", // CR4.PGE
				"cr0":    "nop",
			} {
				if bits == 64 {
					flush = strings.NewReplacer("eax, cr", "rax, cr", ", eax", ", rax").Replace(flush)
					flush = strings.Replace(flush, "xor eax", "xor rax", 1)
				}
				if name == "cr0" {
					if bits == 64 {
						continue
					}
					flush = "mov eax, cr0\nxor eax, 0x80000000\nmov cr0, eax\nxor eax, 0x80000000\nmov cr0, eax"
				}
				t.Run(fmt.Sprintf("%d-bit, page %d, %s", bits, page, name), func(t *testing.T) {
					p := program{bits: bits, paged: true, setup: func(w *world, s *x86.EntryState) {
						w.window(bits, 0, 0x40000|3)
						w.window(bits, 1, 0x41000|3)
						for i, at := range []int{0x40ffd, 0x42ffd} {
							copy(w.ram[at:], "\xb8\x01\x00\x00\x00\xc3")
							w.ram[at+1] = byte(1 + i)
							copy(w.ram[at-0xfd:], "\xe9\xf8\x00\x00\x00") // jmp to it
						}
						copy(w.ram[0x41000:], "\x00\x01\xc3")
						copy(w.ram[0x43000:], "\x00\x02\xc3")
					}, src: fmt.Sprintf(`
						xor ebx, ebx
						mov ecx, 10
					a:	mov esi, RAM_WINDOW+0xffd
						call f
						add ebx, eax
						mov esi, RAM_WINDOW+0xf00
						call f
						add ebx, eax
						xor %s, 0x2000
						%s
						call f
						add ebx, eax
						mov esi, RAM_WINDOW+0xffd
						call f
						add ebx, eax
						xor %s, 0x2000
						%s
						dec ecx
						jnz a
						mov eax, ebx
						hlt
						align 16
					f:	jmp target              ; a direct jump to the indirect one
						align 16
					target:	jmp rsi_
						`, fmt.Sprintf(entry, page), flush, fmt.Sprintf(entry, page), flush)}
					reg := "esi"
					if bits == 64 {
						reg = "rsi"
					}
					p.src = strings.ReplaceAll(p.src, "rsi_", reg)
					one, other := uint64(0x01000001), uint64(0x01000002)
					if page == 1 {
						other = 0x02000001
					}
					p.run(t, rax(20*(one+other)&0xffff_ffff))
				})
			}
		}
	}
}

// Data beside code: stores that hit no instruction drop no block.
func TestDataBesideCode(t *testing.T) {
	p := program{bits: 64, src: `
		xor eax, eax
		mov ecx, 20000
	a:	mov [data], ecx
		add eax, [data]
		inc dword [data+8]
		push rcx
		pop rdx
		dec ecx
		jnz a
		hlt
		align 16
	data:	dq 0, 0`}
	p.run(t, func(t *testing.T, w *world) {
		rax(200010000)(t, w)
		if n := w.eng.Stats.Invalidations; n != 0 {
			t.Errorf("%d blocks were dropped", n)
		}
		if n := w.eng.Stats.Blocks; n > 200 {
			t.Errorf("%d blocks were made", n)
		}
	})
}

// A code memory that holds only a part of the guest's code is dropped when full, in the middle of a run.
func TestArenaFull(t *testing.T) {
	p := program{bits: 64, opt: accel.Options{ArenaBytes: 128 << 10, Count: true}, src: `
		xor eax, eax
		mov ecx, 5
	again:
	%assign i 0
	%rep 2500
		inc eax
		jmp l%+i
		nop
	l%+i:
	%assign i i+1
	%endrep
		dec ecx
		jnz again
		hlt`}
	p.run(t, func(t *testing.T, w *world) {
		rax(12500)(t, w)
		if w.eng.Stats.Flushes == 0 {
			if w.eng.Stats.HostBytes != 0 {
				t.Errorf("no flush: %+v", w.eng.Stats)
			}
		}
	})
}

// Invalidating for ever does not use up memory.
func TestManyInvalidations(t *testing.T) {
	const n = 30000
	p := program{bits: 64, opt: accel.Options{ArenaBytes: 256 << 10}, src: fmt.Sprintf(`
		xor eax, eax
		mov ecx, %d
	a:	mov [f+1], ecx
		call f
		add eax, edx
		dec ecx
		jnz a
		hlt
		align 64
	f:	mov edx, 0
		ret`, n)}
	var before, after runtime.MemStats
	for _, native := range engines() {
		w := p.start(t, native)
		runtime.GC()
		runtime.ReadMemStats(&before)
		w.run(t)
		runtime.GC()
		runtime.ReadMemStats(&after)
		rax(n*(n+1)/2&0xffff_ffff)(t, w)
		s := &w.eng.Stats
		if s.Invalidations < n-1 || s.Invalidations > 2*n || s.Blocks > 3*n {
			t.Errorf("%s: %+v, want about %d invalidations", engineName(native), *s, n)
		}
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
			t.Errorf("%s: the heap has grown by %d bytes", engineName(native), grown)
		}
		w.close()
	}
}
