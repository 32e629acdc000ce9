package accel_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goemu/emu/accel"
	"goemu/emu/x86"
	"goemu/mmu"
	"goemu/tcg/amd64"
)

// prelude is what every guest of these tests knows.
const prelude = `
RAM_WINDOW equ 0x40000000   ; 512 pages mapped by PT, with the guest's paging on
PT      equ %#x
PT32    equ %#x
IDT     equ %#x
GDT     equ %#x
STACK   equ %#x
MMIO    equ %#x
SCRATCH equ 0x20000
%%macro gate64 2             ; handler %%2 for vector %%1; changes RAX
        mov eax, %%2
        mov [IDT+16*(%%1)], ax
        shr eax, 16
        mov [IDT+16*(%%1)+6], ax
%%endmacro
%%macro gate32 2
        mov eax, %%2
        mov [IDT+8*(%%1)], ax
        shr eax, 16
        mov [IDT+8*(%%1)+6], ax
%%endmacro
`

// Page tables of the window that guests with paging have at linear windowAt: PD and PT for 64-bit
// mode, and the page directory and PT for 32-bit mode.
const (
	windowAt = 0x4000_0000
	pd64At   = 0xb000
	pt64At   = 0xc000
	pd32At   = 0xd000
	pt32At   = 0xe000
)

var assembled struct {
	sync.Mutex
	m map[string][]byte
}

// assemble gives the code of a guest for codeAt (16-bit: offset 0 of a segment at codeAt).
func assemble(t testing.TB, bits int, src string) []byte {
	t.Helper()
	org := codeAt
	if bits == 16 {
		org = 0
	}
	text := fmt.Sprintf(prelude, pt64At, pt32At, idtAt, gdtAt, stackAt, mmioAt) +
		fmt.Sprintf("bits %d\ndefault abs\norg %#x\n", bits, org) + src + "\n"
	assembled.Lock()
	defer assembled.Unlock()
	if c := assembled.m[text]; c != nil {
		return c
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "guest.asm"), filepath.Join(dir, "guest.bin")
	if err := os.WriteFile(in, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if msg, err := exec.Command("nasm", "-O1", "-f", "bin", "-o", out, in).CombinedOutput(); err != nil {
		t.Fatalf("nasm: %v\n%s\n%s", err, msg, text)
	}
	c, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if assembled.m == nil {
		assembled.m = map[string][]byte{}
	}
	assembled.m[text] = c
	return c
}

// mmioLog is a page of registers that remembers how it was accessed.
type mmioLog struct {
	reg [mmu.PageSize]byte
	log []string
}

func (m *mmioLog) ReadMMIO(off uint64, size int) (v uint64) {
	for i := range size {
		v |= uint64(m.reg[off+uint64(i)]) << (8 * i)
	}
	m.log = append(m.log, fmt.Sprintf("R%d %03x=%x", size, off, v))
	return v
}

func (m *mmioLog) WriteMMIO(off uint64, size int, v uint64) {
	for i := range size {
		m.reg[off+uint64(i)] = byte(v >> (8 * i))
	}
	m.log = append(m.log, fmt.Sprintf("W%d %03x=%x", size, off, v))
}

// program is a guest and the circumstances in which it runs. It ends at a HLT.
type program struct {
	bits   int
	src    string
	paged  bool          // 32-bit mode: with paging (64-bit mode always has it)
	opt    accel.Options // Native is set by the run
	limit  int64         // instructions, 0: 10 million
	events []happening
	setup  func(w *world, s *x86.EntryState) // before the CPU enters
}

// engines are the engines that this host has.
func engines() []bool {
	if amd64.Supported() {
		return []bool{false, true}
	}
	return []bool{false}
}

func engineName(native bool) string {
	if native {
		return "native"
	}
	return "interp"
}

// start makes a world in which p is about to run.
func (p *program) start(t testing.TB, native bool) *world {
	t.Helper()
	opt := p.opt
	opt.Native = native
	if opt.ArenaBytes == 0 {
		opt.ArenaBytes = 4 << 20
	}
	if p.limit == 0 {
		p.limit = 10_000_000
	}
	w := newWorldWith(t, opt, p.limit)
	w.mmio = &mmioLog{}
	w.space.MapIO(mmioAt, mmu.PageSize, w.mmio)
	w.queue = slices.Clone(p.events)
	copy(w.ram[codeAt:], assemble(t, p.bits, p.src))
	s := w.entry(p.bits, [16]uint64{})
	switch p.bits {
	case 64:
		w.put64(tablesAt+0x1000+8, pd64At|7)
		w.put64(pd64At, pt64At|7)
	case 32:
		if p.paged {
			s.CR0, s.CR3, s.CR4 = s.CR0|0x80000000, pd32At, s.CR4|0x10
			w.put64(pd32At, 0x83)
			w.put64(pd32At+4*(windowAt>>22), pt32At|7)
		}
	}
	if p.setup != nil {
		p.setup(w, &s)
	}
	w.cpu.Enter(&s)
	return w
}

// window maps page n of the window by entry, which is a physical address and flags.
func (w *world) window(bits, n int, entry uint64) {
	if bits == 64 {
		w.put64(pt64At+8*n, entry)
		return
	}
	for i := range 4 {
		w.ram[pt32At+4*n+i] = byte(entry >> (8 * i))
	}
}

// run executes p on every engine, lets check look at each, and wants both to end in the same state.
func (p *program) run(t *testing.T, check func(t *testing.T, w *world)) {
	t.Helper()
	var first outcome
	var firstLog []string
	for i, native := range engines() {
		w := p.start(t, native)
		o := w.run(t)
		t.Run(engineName(native), func(t *testing.T) {
			if w.spent >= w.limit && p.limit >= 10_000_000 {
				t.Errorf("no HLT within %d instructions; RIP %#x, exceptions %v", w.spent, w.env.RIP, tail(w.history))
			}
			if check != nil {
				check(t, w)
			}
			if i == 0 {
				first, firstLog = o, w.mmio.log
				return
			}
			if d := cmp.Diff(first, o); d != "" {
				t.Errorf("interpreter and native engine end in different states (-interp +native):\n%s", d)
			}
			if d := cmp.Diff(firstLog, w.mmio.log); d != "" {
				t.Errorf("device accesses differ (-interp +native):\n%s", d)
			}
			if t.Failed() {
				t.Logf("guest:\n%s", strings.TrimSpace(p.src))
			}
		})
		w.close()
	}
}

func tail(h []x86.Record) []x86.Record { return h[max(0, len(h)-4):] }

// rax wants a value in RAX and no exception on the way.
func rax(want uint64) func(t *testing.T, w *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		if got := w.env.GPR[0]; got != want {
			t.Errorf("RAX = %#x, want %#x; exceptions %v", got, want, tail(w.history))
		}
		if len(w.history) != 0 {
			t.Errorf("unexpected exceptions %v", tail(w.history))
		}
	}
}

// fault wants the run to have ended in one exception, with RIP at the label whose offset in the code is at.
func fault(vector int, code uint32) func(t *testing.T, w *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		if n := len(w.history); n != 1 || w.history[0].Vector != vector || w.history[0].Code != code {
			t.Errorf("exceptions %v, want one of vector %d with error code %#x", tail(w.history), vector, code)
		}
	}
}
