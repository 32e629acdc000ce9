package accel_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goemu/emu/x86"
	"goemu/mmu"
)

// memoryForms are instructions with a memory operand at [rbx] (RDI for stores, RSI for loads of string
// instructions). RSP is an ordinary stack. write: the operand is written to, so a read-only page faults too.
var memoryForms = []struct {
	text  string
	size  int
	write bool
	only  int // 64: not in 32-bit mode
}{
	{"mov eax, [rbx]", 4, false, 0},
	{"mov ax, [rbx]", 2, false, 0},
	{"mov al, [rbx]", 1, false, 0},
	{"mov rax, [rbx]", 8, false, 64},
	{"movzx eax, byte [rbx]", 1, false, 0},
	{"movsx eax, word [rbx]", 2, false, 0},
	{"movsxd rax, dword [rbx]", 4, false, 64},
	{"add eax, [rbx]", 4, false, 0},
	{"adc rax, [rbx]", 8, false, 64},
	{"cmp [rbx], eax", 4, false, 0},
	{"cmp word [rbx], 5", 2, false, 0},
	{"test [rbx], eax", 4, false, 0},
	{"imul eax, [rbx]", 4, false, 0},
	{"imul eax, [rbx], 9", 4, false, 0},
	{"mul dword [rbx]", 4, false, 0},
	{"div dword [rbx]", 4, false, 0},
	{"cmovz eax, [rbx]", 4, false, 0},
	{"cmovnz eax, [rbx]", 4, false, 0},
	{"bsf eax, [rbx]", 4, false, 0},
	{"popcnt eax, [rbx]", 4, false, 0},
	{"andn eax, ecx, [rbx]", 4, false, 0},
	{"bextr rax, [rbx], rcx", 8, false, 64},
	{"blsr eax, [rbx]", 4, false, 0},
	{"mulx ecx, eax, [rbx]", 4, false, 0},
	{"rorx eax, [rbx], 5", 4, false, 0},
	{"pdep rax, rcx, [rbx]", 8, false, 64},
	{"adcx eax, [rbx]", 4, false, 0},
	{"bt dword [rbx], 3", 4, false, 0},
	{"push dword [rbx]", 4, false, 32},
	{"push qword [rbx]", 8, false, 64},
	{"call qword [rbx]", 8, false, 64},
	{"jmp qword [rbx]", 8, false, 64},
	{"call dword [rbx]", 4, false, 32},
	{"lodsd", 4, false, 0},
	{"lodsb", 1, false, 0},
	{"outsb", 1, false, 0},
	{"xlatb", 1, false, 32},
	{"movups xmm1, [rbx]", 16, false, 0},
	{"movdqu xmm1, [rbx]", 16, false, 0},
	{"movsd xmm1, [rbx]", 8, false, 0},
	{"movss xmm1, [rbx]", 4, false, 0},
	{"addsd xmm1, [rbx]", 8, false, 0},
	{"cvtsi2sd xmm1, dword [rbx]", 4, false, 0},
	{"ucomisd xmm1, [rbx]", 8, false, 0},
	{"movq mm1, [rbx]", 8, false, 0},
	{"fld qword [rbx]", 8, false, 0},
	{"fld tword [rbx]", 10, false, 0},
	{"fadd dword [rbx]", 4, false, 0},
	{"fild word [rbx]", 2, false, 0},
	{"fldcw [rbx]", 2, false, 0},
	{"frstor [rbx]", 108, false, 0},
	{"ldmxcsr [rbx]", 4, false, 0},
	{"lgdt [rbx]", 6, false, 32},
	{"lgdt [rbx]", 10, false, 64},
	{"jmp far [rbx]", 6, false, 0},
	{"lss eax, [rbx]", 6, false, 0},
	{"mov ds, [rbx]", 2, false, 0},
	{"verr [rbx]", 2, false, 0},
	{"lar eax, [rbx]", 2, false, 0},

	{"mov [rbx], eax", 4, true, 0},
	{"mov [rbx], ax", 2, true, 0},
	{"mov [rbx], al", 1, true, 0},
	{"mov [rbx], rax", 8, true, 64},
	{"mov dword [rbx], 7", 4, true, 0},
	{"add [rbx], eax", 4, true, 0},
	{"add dword [rbx], 7", 4, true, 0},
	{"adc [rbx], rax", 8, true, 64},
	{"sbb [rbx], ax", 2, true, 0},
	{"xor byte [rbx], 7", 1, true, 0},
	{"inc dword [rbx]", 4, true, 0},
	{"dec byte [rbx]", 1, true, 0},
	{"neg dword [rbx]", 4, true, 0},
	{"not dword [rbx]", 4, true, 0},
	{"shl dword [rbx], 3", 4, true, 0},
	{"sar dword [rbx], cl", 4, true, 0},
	{"rcl word [rbx], 1", 2, true, 0},
	{"shld [rbx], eax, 5", 4, true, 0},
	{"shrd [rbx], ax, cl", 2, true, 0},
	{"shrd [rbx], rax, 40", 8, true, 64},
	{"xchg [rbx], eax", 4, true, 0},
	{"xchg [rbx], al", 1, true, 0},
	{"lock xadd [rbx], eax", 4, true, 0},
	{"lock cmpxchg [rbx], ecx", 4, true, 0},
	{"cmpxchg8b [rbx]", 8, true, 0},
	{"bts dword [rbx], 3", 4, true, 0},
	{"lock btr dword [rbx], 3", 4, true, 0},
	{"btc [rbx], eax", 4, true, 1000}, // RAX 0: see below
	{"setz [rbx]", 1, true, 0},
	{"pop qword [rbx]", 8, true, 64},
	{"pop dword [rbx]", 4, true, 32},
	{"stosd", 4, true, 0},
	{"stosb", 1, true, 0},
	{"insb", 1, true, 0},
	{"movups [rbx], xmm1", 16, true, 0},
	{"movsd [rbx], xmm1", 8, true, 0},
	{"movq [rbx], mm1", 8, true, 0},
	{"movnti [rbx], eax", 4, true, 0},
	{"fst qword [rbx]", 8, true, 0},
	{"fstp tword [rbx]", 10, true, 0},
	{"fstp dword [rbx]", 4, true, 0},
	{"fistp qword [rbx]", 8, true, 0},
	{"fnstcw [rbx]", 2, true, 0},
	{"fnstsw [rbx]", 2, true, 0},
	{"fnsave [rbx]", 108, true, 0},
	{"fnstenv [rbx]", 28, true, 0},
	{"stmxcsr [rbx]", 4, true, 0},
	{"sgdt [rbx]", 6, true, 32},
	{"sgdt [rbx]", 10, true, 64},
	{"sidt [rbx]", 6, true, 32},
	{"mov [rbx], ds", 2, true, 0},
	{"str [rbx]", 2, true, 0},
	{"smsw [rbx]", 2, true, 0},
	// The operand is the stack.
	{"push rax", 8, true, 640},
	{"push 5", 8, true, 640},
	{"push ax", 2, true, 640},
	{"pushfq", 8, true, 640},
	{"call l", 8, true, 640},
	{"call rcx", 8, true, 640},
	{"enter 16, 0", 8, true, 640},
	{"pop rax", 8, false, 640},
	{"pop ax", 2, false, 640},
	{"popfq", 8, false, 640},
	{"ret", 8, false, 640},
	{"ret 8", 8, false, 640},
	{"retfq", 16, false, 640},
	{"iretq", 40, false, 640},
}

// Pages of the window in these tests: page 1 and 4 are absent, page 5 is read-only, the others can be written.
const (
	pageAbsent   = 1
	pageReadOnly = 5
)

// An instruction that faults on the first or on the second page of its operand has done nothing: registers,
// flags and memory are as before, CR2 is the first byte that could not be reached (SDM vol. 3A 6.5, 4.7).
func TestFaultsLeaveNoTrace(t *testing.T) {
	s := newSeed(t)
	for _, bits := range []int{64, 32} {
		// All instructions in one image, 32 bytes each.
		var src strings.Builder
		for i, f := range memoryForms {
			text := f.text
			if !inMode(f.only, bits) {
				text = "nop"
			}
			if bits == 32 {
				text = strings.NewReplacer("rbx", "ebx", "rcx", "ecx").Replace(text)
			}
			fmt.Fprintf(&src, "%s\nhlt\ntimes %d-($-$$) hlt\n", strings.ReplaceAll(text, "call l", fmt.Sprintf("call $$+%d", 32*i)), 32*(i+1))
		}
		for _, native := range engines() {
			for i, f := range memoryForms {
				if !inMode(f.only, bits) {
					continue
				}
				for _, c := range faultCases(f.size, f.write) {
					r := rand.New(rand.NewSource(s + int64(i)))
					testFault(t, bits, native, src.String(), i, c, r)
				}
				if t.Failed() {
					break
				}
			}
		}
	}
}

func inMode(only, bits int) bool {
	return only == 0 || only == bits || only == 1000 || only == 640 && bits == 64
}

type faultCase struct {
	name string
	addr uint64 // of the operand
	cr2  uint64
	code uint32
}

func faultCases(size int, write bool) []faultCase {
	page := func(n int) uint64 { return windowAt + uint64(n)<<12 }
	var code uint32
	if write {
		code = 2
	}
	c := []faultCase{
		{"page absent", page(pageAbsent) + 0x800, page(pageAbsent) + 0x800, code},
	}
	if write {
		c = append(c, faultCase{"page read-only", page(pageReadOnly) + 0x800, page(pageReadOnly) + 0x800, 3})
	}
	if size > 1 && size <= 16 {
		k := uint64(size / 2)
		c = append(c,
			faultCase{"second page absent", page(pageAbsent) - k, page(pageAbsent), code},
			faultCase{"first page absent", page(pageAbsent+1) - k, page(pageAbsent+1) - k, code})
		if write {
			c = append(c,
				faultCase{"second page read-only", page(6+pageReadOnly) - k, page(6 + pageReadOnly), 3},
				faultCase{"first page read-only", page(7+pageReadOnly) - k, page(7+pageReadOnly) - k, 3})
		}
	}
	return c
}

func testFault(t *testing.T, bits int, native bool, src string, n int, c faultCase, r *rand.Rand) {
	t.Helper()
	form := memoryForms[n]
	var before x86.EntryState
	var xmm any
	var fp [128]byte
	var flags uint32
	image := make([]byte, 16*mmu.PageSize)
	p := program{bits: bits, src: src, paged: true, limit: 1000, setup: func(w *world, s *x86.EntryState) {
		for i := range 16 {
			e := uint64(0x40000+i<<12) | 3
			switch i {
			case pageAbsent, 4:
				e &^= 1
			case pageReadOnly, 6 + pageReadOnly:
				e &^= 2
			}
			w.window(bits, i, e)
		}
		s.CR0 |= 1 << 16
		s.RIP = codeAt + uint64(32*n)
		for i := range s.GPR {
			if i != 4 {
				s.GPR[i] = r.Uint64()
			}
		}
		if bits == 32 {
			for i := range s.GPR {
				s.GPR[i] = uint64(uint32(s.GPR[i]))
			}
		}
		addr := c.addr
		if form.only == 640 {
			if form.write {
				addr += uint64(form.size)
			}
			s.GPR[4] = addr
			s.GPR[5] = stackAt - 0x100
			// The handler's stack: IST 1 of a TSS at 0.
			w.put64(0x24, stackAt)
			for v := range 32 {
				w.ram[idtAt+16*v+4] = 1
			}
		} else {
			s.GPR[3] = addr
		}
		s.GPR[6], s.GPR[7] = addr, addr
		s.GPR[2] = 0x80
		s.GPR[1] = uint64(uint32(s.GPR[1])) // a target of a call can be an instruction pointer
		switch {
		case form.only == 1000:
			s.GPR[0] = 0
		case form.text == "xlatb":
			s.GPR[0] &^= 0xff
		}
		s.RFLAGS = 2 | uint32(r.Uint64())&0x8d5
		for i := range w.env.XMM {
			w.env.XMM[i] = [2]uint64{r.Uint64(), r.Uint64()}
		}
		r.Read(w.ram[0x40000:0x50000])
		copy(image, w.ram[0x40000:0x50000])
		before, xmm, fp = *s, w.env.XMM, w.env.X87
		flags = s.RFLAGS
	}}
	w := p.start(t, native)
	defer w.close()
	w.execute(t)
	bad := func(format string, a ...any) {
		t.Helper()
		t.Errorf("%d-bit, %s: %s, %s: %s", bits, engineName(native), form.text, c.name, fmt.Sprintf(format, a...))
	}
	want := x86.Record{Vector: 14, Code: c.code, RIP: before.RIP, CR2: c.cr2}
	if len(w.history) != 1 || w.history[0] != want {
		bad("exceptions %+v, want %+v", w.history, want)
		return
	}
	sp, word := before.GPR[4], 8
	if form.only == 640 {
		sp = stackAt
	}
	frame := 6 * 8
	if bits == 32 {
		word, frame = 4, 4*4
	}
	if got := w.env.GPR[4]; got != sp-uint64(frame) {
		bad("stack pointer in the handler %#x, want %#x", got, sp-uint64(frame))
		return
	}
	saved := w.ram[sp-uint64(frame):]
	field := func(i int) uint64 {
		if word == 4 {
			return uint64(binary.LittleEndian.Uint32(saved[4*i:]))
		}
		return binary.LittleEndian.Uint64(saved[8*i:])
	}
	if got := uint32(field(3)); got&^(1<<16) != flags {
		bad("flags %#x, before %#x", got, flags)
	}
	if bits == 64 && field(4) != before.GPR[4] {
		bad("RSP %#x, before %#x", field(4), before.GPR[4])
	}
	after := w.env.GPR
	after[4] = before.GPR[4]
	if d := cmp.Diff(before.GPR, after); d != "" {
		bad("registers: %s", d)
	}
	if d := cmp.Diff(xmm, any(w.env.XMM)); d != "" {
		bad("XMM registers: %s", d)
	}
	got := w.env.X87
	clear(fp[12:28]) // instruction and operand pointers: see docs/design.md
	clear(got[12:28])
	if d := cmp.Diff(fp, got); d != "" {
		bad("x87: %s", d)
	}
	if !bytes.Equal(image, w.ram[0x40000:0x50000]) {
		bad("memory has changed")
	}
}

// A repeated string instruction that faults has done the elements before the fault, and its registers say so.
func TestStringFaults(t *testing.T) {
	for _, c := range []struct {
		text          string
		size          int
		src, dst      uint64 // operands, from the start of the window
		rcx           uint64
		wantDone      uint64
		cr2           uint64
		code          uint32
		movesS, moveD int64 // what an element adds to RSI and RDI
	}{
		{"rep movsb", 1, 0xf00, 0x2000, 0x1000, 0x100, 0x1000, 0, 1, 1},
		{"rep movsd", 4, 0xf00, 0x2000, 0x400, 0x40, 0x1000, 0, 4, 4},
		{"rep movsd", 4, 0xf02, 0x2000, 0x400, 0x3f, 0x1000, 0, 4, 4}, // an element that crosses
		{"rep movsb", 1, 0x2000, 0xf80, 0x1000, 0x80, 0x1000, 2, 1, 1},
		{"rep stosb", 1, 0, 0xff0, 0x1000, 0x10, 0x1000, 2, 0, 1},
		{"rep stosw", 2, 0, 0xff1, 0x1000, 7, 0x1000, 2, 0, 2},
		{"rep stosb", 1, 0, 0x5000, 5, 0, 0x5000, 3, 0, 1},
		{"std\nrep movsb", 1, 0x20ff, 0x30ff, 0x1000, 0x100, 0x1fff, 0, -1, -1},
		{"std\nrep stosd", 4, 0, 0x2004, 0x1000, 2, 0x1ffc, 2, 0, -4},
		{"std\nrep stosd", 4, 0, 0x2002, 0x1000, 1, 0x1ffe, 2, 0, -4},
		{"rep lodsb", 1, 0xffd, 0, 0x1000, 3, 0x1000, 0, 1, 0},
		{"repe cmpsb", 1, 0xffd, 0x2ffd, 0x1000, 3, 0x1000, 0, 1, 1},
		{"repne scasb", 1, 0, 0xffd, 0x1000, 3, 0x1000, 0, 0, 1},
		{"rep insb", 1, 0, 0xffd, 0x1000, 3, 0x1000, 2, 0, 1},
		{"rep outsb", 1, 0xffd, 0, 0x1000, 3, 0x1000, 0, 1, 0},
	} {
		for _, bits := range []int{64, 32} {
			t.Run(fmt.Sprintf("%s %d-bit", c.text, bits), func(t *testing.T) {
				p := program{bits: bits, paged: true, src: c.text + "\nhlt", setup: func(w *world, s *x86.EntryState) {
					for i := range 16 {
						e := uint64(0x40000+i<<12) | 3
						if i == pageAbsent {
							e = 0
						} else if i == pageReadOnly {
							e &^= 2
						}
						w.window(bits, i, e)
					}
					s.CR0 |= 1 << 16
					s.GPR[1], s.GPR[6], s.GPR[7] = c.rcx, windowAt+c.src, windowAt+c.dst
					s.GPR[0] = 0x5a
					s.GPR[2] = 0x80
				}}
				p.run(t, func(t *testing.T, w *world) {
					want := x86.Record{Vector: 14, Code: c.code, RIP: codeAt + uint64(strings.Count(c.text, "std")), CR2: windowAt + c.cr2}
					if len(w.history) != 1 || w.history[0] != want {
						t.Errorf("exceptions %+v, want %+v", tail(w.history), want)
					}
					type regs struct{ RCX, RSI, RDI uint64 }
					wantRegs := regs{c.rcx - c.wantDone, windowAt + c.src + c.wantDone*uint64(c.movesS), windowAt + c.dst + c.wantDone*uint64(c.moveD)}
					if d := cmp.Diff(wantRegs, regs{w.env.GPR[1], w.env.GPR[6], w.env.GPR[7]}); d != "" {
						t.Errorf("registers (-want +got):\n%s", d)
					}
				})
			})
		}
	}
}

// The accessed bit is set by any use of a page, the dirty bit by a store; an access that is not allowed sets neither in the last
// level (SDM vol. 3A 4.8).
func TestAccessedDirty(t *testing.T) {
	const a, d = 0x20, 0x40
	for _, c := range []struct {
		text     string
		pte      uint64 // flags before
		want     uint64 // of A and D after
		upper    uint64 // A of the level above
		excepted bool
	}{
		{"mov eax, [RAM_WINDOW]", 3, a, a, false},
		{"mov [RAM_WINDOW], eax", 3, a | d, a, false},
		{"add [RAM_WINDOW], eax", 3, a | d, a, false},
		{"mov eax, [RAM_WINDOW]\nmov [RAM_WINDOW], eax", 3, a | d, a, false},
		{"cmp eax, [RAM_WINDOW]", 1, a, a, false},
		{"mov [RAM_WINDOW], eax", 1, 0, 0, true},
		{"mov eax, [RAM_WINDOW]", 2, 0, 0, true},
		{"mov eax, [RAM_WINDOW]\nmov [RAM_WINDOW], eax", 1, a, a, true},
		{"movups xmm0, [RAM_WINDOW]", 3, a, a, false},
		{"movups [RAM_WINDOW], xmm0", 3, a | d, a, false},
		{"mov edi, RAM_WINDOW\nmov ecx, 3\nrep stosb", 3, a | d, a, false},
		{"mov edi, RAM_WINDOW\nmov ecx, 0\nrep stosb", 3, 0, 0, false},
		{"mov byte [RAM_WINDOW+0x1000], 0xf4\nmov eax, RAM_WINDOW+0x1000\njmp rax", 3, 0, a, false},
		{"mov eax, RAM_WINDOW\nmov byte [RAM_WINDOW+0x1000], 0xf4\nlidt [rax]", 3, a, a, false},
		{"invlpg [RAM_WINDOW]", 3, 0, 0, false},
		{"prefetcht0 [RAM_WINDOW]", 3, 0, 0, false},
		{"cmp eax, eax\nmov ecx, 1\nlock cmpxchg [RAM_WINDOW], ecx", 3, a | d, a, false}, // written also when not equal
	} {
		for _, bits := range []int{64, 32} {
			src := c.text
			if bits == 32 {
				src = strings.NewReplacer("rax", "eax").Replace(src)
			}
			t.Run(strings.ReplaceAll(src, "\n", ";")+fmt.Sprint(" ", bits, " ", c.pte), func(t *testing.T) {
				p := program{bits: bits, paged: true, src: src + "\nhlt", setup: func(w *world, s *x86.EntryState) {
					w.window(bits, 0, 0x40000|c.pte)
					w.window(bits, 1, 0x41000|3)
					s.CR0 |= 1 << 16
				}}
				p.run(t, func(t *testing.T, w *world) {
					pte, upper := w.ram[pt64At], w.ram[pd64At]
					if bits == 32 {
						pte, upper = w.ram[pt32At], w.ram[pd32At+4*(windowAt>>22)]
					}
					if uint64(pte)&(a|d) != c.want {
						t.Errorf("A and D of the page are %#x, want %#x", pte&(a|d), c.want)
					}
					if c.upper != 0 && uint64(upper)&(a|d) != c.upper {
						t.Errorf("A of the directory's entry is %#x, want %#x", upper&(a|d), c.upper)
					}
					if (len(w.history) != 0) != c.excepted {
						t.Errorf("exceptions %v", w.history)
					}
				})
			})
		}
	}
}

// Device registers see each access once, in the size and order of the instruction.
func TestMMIO(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"mov eax, [MMIO]", []string{"R4 000=33221100"}},
		{"mov al, [MMIO+1]", []string{"R1 001=11"}},
		{"mov rax, [MMIO+8]", []string{"R8 008=ffeeddccbbaa9988"}},
		{"mov word [MMIO+2], 0x1234", []string{"W2 002=1234"}},
		{"add dword [MMIO], 5", []string{"R4 000=33221100", "W4 000=33221105"}},
		{"lock inc byte [MMIO+4]", []string{"R1 004=44", "W1 004=45"}},
		{"mov eax, 9\nxchg [MMIO+4], eax", []string{"R4 004=77665544", "W4 004=9"}},
		{"bts dword [MMIO], 31", []string{"R4 000=33221100", "W4 000=b3221100"}},
		{"not word [MMIO]", []string{"R2 000=1100", "W2 000=eeff"}},
		{"push qword [MMIO]", []string{"R8 000=7766554433221100"}},
		{"pop qword [MMIO]", []string{"W8 000=0"}},
		{"mov esi, MMIO\nmov edi, SCRATCH\nmov ecx, 3\nrep movsw", []string{"R2 000=1100", "R2 002=3322", "R2 004=5544"}},
		{"mov edi, MMIO\nmov eax, 0x01020304\nmov ecx, 2\nrep stosd", []string{"W4 000=1020304", "W4 004=1020304"}},
		{"mov eax, 1\ncmp dword [MMIO], 1\nsetz al", []string{"R4 000=33221100"}},
		{"cmp dword [MMIO], 1\njz $+2\nmov eax, [MMIO+4]", []string{"R4 000=33221100", "R4 004=77665544"}},
		{"cmovz eax, [MMIO]", []string{"R4 000=33221100"}}, // the operand is read either way
		{"movd xmm0, [MMIO]", []string{"R4 000=33221100"}},
		{"movq [MMIO], xmm0", []string{"W8 000=0"}},
		{"fld1\nfstp dword [MMIO]", []string{"W4 000=3f800000"}},
		{"mov ax, [MMIO-1]", []string{"R1 000=0"}},
		{"mov word [MMIO-1], 0x5566", []string{"W1 000=55"}},
		{"mov dword [MMIO+0xffe], 0x01020304", []string{"W1 ffe=4", "W1 fff=3"}},
		{"mov ebx, 4\n.l: inc dword [MMIO]\ndec ebx\njnz .l", []string{
			"R4 000=33221100", "W4 000=33221101", "R4 000=33221101", "W4 000=33221102",
			"R4 000=33221102", "W4 000=33221103", "R4 000=33221103", "W4 000=33221104"}},
	} {
		t.Run(strings.ReplaceAll(c.text, "\n", ";"), func(t *testing.T) {
			p := program{bits: 64, src: "xor eax, eax\nx:" + c.text + "\nhlt", setup: func(w *world, s *x86.EntryState) {
				for i := range 16 {
					w.mmio.reg[i] = byte(i * 0x11)
				}
			}}
			p.run(t, func(t *testing.T, w *world) {
				if d := cmp.Diff(c.want, w.mmio.log); d != "" {
					t.Errorf("accesses (-want +got):\n%s", d)
				}
			})
		})
	}
}

// Two contexts share the x87 and SSE registers; CR0.TS tells when they must change hands (SDM vol. 3A 13.4).
func TestLazySwitch(t *testing.T) {
	p := program{bits: 64, src: `
		%define AREA 0x21000            ; save areas of the contexts, 1 KiB apart
		gate64 7, nm
		fninit
		pxor xmm3, xmm3
		fldz
		fxsave [AREA]
		fxsave [AREA+0x400]
		xor r12d, r12d                  ; whose state is in the registers
		xor r13d, r13d                  ; who runs
		xor r14d, r14d                  ; changes of hands
		mov dword [SCRATCH], 3
		mov dword [SCRATCH+4], 5
		mov ecx, 400
	next:	xor r13d, 1                     ; the other context's turn
		cmp r13d, r12d
		je mine
		mov rax, cr0
		or al, 8
		mov cr0, rax
	mine:	test ecx, 3
		jz quiet                        ; every fourth turn does not use the registers
		test ecx, 1
		jz sse
		fiadd dword [SCRATCH+4*r13]
	sse:	cvtsi2sd xmm0, dword [SCRATCH+4*r13]
		addsd xmm3, xmm0
	quiet:	dec ecx
		jnz next
		mov r13d, 0
		call total
		mov ebx, eax
		mov rax, cr0
		or al, 8
		mov cr0, rax
		mov r13d, 1
		call total
		shl rax, 32
		or rax, rbx
		hlt
	total:	mov rax, cr0
		or al, 8
		mov cr0, rax
		cvttsd2si eax, xmm3
		fist word [SCRATCH+8]
		shl eax, 16
		mov ax, [SCRATCH+8]
		ret
	nm:	push rax
		clts
		inc r14d
		mov eax, r12d
		shl eax, 10
		fxsave [AREA+rax]
		mov r12d, r13d
		mov eax, r12d
		shl eax, 10
		fxrstor [AREA+rax]
		pop rax
		iretq`}
	// ECX counts 400..1; context 1 has the even counts. Odd counts add to x87, all but multiples of 4 to XMM3.
	want := uint64(200*3)<<16 | 200*3 // context 0: counts 399, 397 ...
	want |= uint64(100*5) << 48
	p.run(t, func(t *testing.T, w *world) {
		if got := w.env.GPR[0]; got != want {
			t.Errorf("RAX = %#x, want %#x", got, want)
		}
		for _, r := range w.history {
			if r.Vector != 7 {
				t.Errorf("exception %v", r)
			}
		}
	})
}
