package accel_test

import (
	"testing"

	"goemu/emu/x86"
	"goemu/mmu"
)

// TestVictims: pages that share a slot of the TLB and are used in turn are seldom walked for, and what INVLPG
// drops is gone from the victims too. The window's page 0 is reached at five addresses of the same slot, 4 MiB apart.
func TestVictims(t *testing.T) {
	p := program{bits: 64, src: `
        mov ebx, RAM_WINDOW
        mov r10, rbx
        mov r11d, 0x800000
        mov r9d, 0xc00008
        lea r15, [rbx + 0x1000000]
        mov ecx, 2000
        xor edx, edx
.again: inc dword [rbx + 8]
        inc dword [r10 + 0x400000 + 8]
        inc dword [r10 + r11 + 8]
        add edx, [ebx + 0xc00000 + 8]
        add edx, [gs:r15 + 8]
        add edx, [r10 + r11]
        add edx, [rbx + r9]
        dec ecx
        jnz .again
        cmp edx, 3*3*2000*2001/2
        jne .wrong
        mov rax, [rbx + 0xc00000 + 0xffc]   ; runs into page 1: not what a victim is good for
        cmp rax, 0
        jne .wrong
        ; Page 0 of the window becomes page 1's frame. Its other names are still cached, this one no more.
        mov rax, [PT + 8]
        mov [PT], rax
        invlpg [rbx + 0xc00000]
        mov dword [rbx + 0x1008], 77
        mov eax, [rbx + 0xc00000 + 8]
        hlt
.wrong: xor eax, eax
        hlt
`, setup: func(w *world, s *x86.EntryState) {
		w.window(64, 0, 0x30000|7)
		w.window(64, 1, 0x31000|7)
		for i := range 5 {
			w.put64(pd64At+2*8*i, pt64At|7)
		}
	}}
	p.run(t, func(t *testing.T, w *world) {
		rax(77)(t, w)
		const uses = 2000 * 7
		if n := w.eng.Stats.TLBFills; n > uses/32 {
			t.Errorf("%d TLB misses were filled for generated code, in %d accesses", n, uses)
		}
	})
}

// TestVictimComesBack: a page that has lost its slot gets it back when it is used more than the one that has it.
func TestVictimComesBack(t *testing.T) {
	p := program{bits: 64, src: `
        mov ebx, RAM_WINDOW
        mov eax, [rbx]
        mov eax, [rbx + 0x400000]
        mov ecx, 1000
.first: mov eax, [rbx]
        dec ecx
        jnz .first
        mov ecx, 1000
.other: mov eax, [rbx + 0x400000]
        dec ecx
        jnz .other
        mov eax, 5
        hlt
`, setup: func(w *world, s *x86.EntryState) {
		w.window(64, 0, 0x30000|7)
		w.put64(pd64At+2*8, pt64At|7)
	}}
	p.run(t, func(t *testing.T, w *world) {
		rax(5)(t, w)
		const first, other = 0x4000_0000, 0x4040_0000
		for i := range w.env.TLB.Read {
			if e := w.env.TLB.Read[i][mmu.TLBIndex(other)]; e.Page == first {
				t.Errorf("table %d: the page used before has the slot still", i)
			}
		}
	})
}
