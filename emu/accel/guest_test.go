package accel_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc64"
	"math/rand"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"goemu/decoder"
	"goemu/emu/accel"
	"goemu/emu/cpumodel"
	"goemu/emu/x86"
	"goemu/mmu"
	"goemu/tcg"
	"goemu/tcg/amd64"
	"goemu/tests/seed"
)

// world is a machine without devices: RAM from 0 on, ports that read a fixed pattern, time that counts instructions.
type world struct {
	t     testing.TB
	env   *tcg.Env
	ram   []byte
	space *mmu.Space
	cpu   *x86.CPU
	eng   *accel.Engine
	limit int64 // instructions to run
	spent int64

	out     func(port uint16, size int, v uint32) // what a port write does
	queue   []happening                           // to come, in the order of time
	irr     []int                                 // vectors that wait to be taken
	stop    atomic.Bool                           // ends the run at the next poll
	history []x86.Record                          // exceptions and software interrupts
	mmio    *mmioLog
}

// happening is something that reaches the CPU from outside once at instructions have been executed.
type happening struct {
	at     int64
	vector int // 2: NMI
}

func (w *world) In(port uint16, size int) uint32 { return uint32(port) * 0x01010101 }
func (w *world) Out(port uint16, size int, v uint32) {
	if w.out != nil {
		w.out(port, size, v)
	}
}
func (w *world) TSC() uint64             { return uint64(w.spent) }
func (w *world) APICBase() uint64        { return 0xfee00900 }
func (w *world) SetAPICBase(uint64) bool { return true }
func (w *world) TPR() uint8              { return 0 }
func (w *world) SetTPR(uint8)            {}
func (w *world) SetFERR(bool)            {}
func (w *world) IGNNE() bool             { return false }
func (w *world) INTR() bool              { return len(w.irr) > 0 }
func (w *world) Spent(n int32)           { w.spent += int64(n) }

const (
	worldRAM = 4 << 20
	codeAt   = 0x10000
	tablesAt = 0x8000 // PML4, PDPT, PD
	gdtAt    = 0x6000
	idtAt    = 0x7000
	stackAt  = 0x30000
	mmioAt   = 0x3f0000 // a page of device registers in the midst of RAM
)

// Poll makes what is due happen.
func (w *world) Poll() bool {
	for len(w.queue) > 0 && w.queue[0].at <= w.spent {
		if v := w.queue[0].vector; v == 2 {
			w.cpu.RequestNMI()
		} else {
			w.irr = append(w.irr, v)
		}
		w.queue = w.queue[1:]
	}
	return w.spent >= w.limit || w.stop.Load()
}

// Wait skips to what happens next; a HLT that nothing ends, ends the run.
func (w *world) Wait() bool {
	if len(w.queue) == 0 {
		return true
	}
	w.spent = max(w.spent, w.queue[0].at)
	return w.Poll()
}

func (w *world) IntAck() int {
	v := w.irr[0]
	w.irr = w.irr[1:]
	return v
}

func (w *world) Budget() int32 {
	next := w.limit
	if len(w.queue) > 0 {
		next = min(next, w.queue[0].at)
	}
	return int32(max(min(next-w.spent, 1<<30), 1))
}

func newWorld(t testing.TB, native bool, limit int64) *world {
	t.Helper()
	return newWorldWith(t, accel.Options{Native: native, Count: true, ArenaBytes: 4 << 20}, limit)
}

func newWorldWith(t testing.TB, opt accel.Options, limit int64) *world {
	t.Helper()
	return newWorldModel(t, opt, limit, nil)
}

// newWorldModel makes a world with a CPU model; nil: the default.
func newWorldModel(t testing.TB, opt accel.Options, limit int64, model *cpumodel.Model) *world {
	t.Helper()
	env, err := accel.NewEnv()
	if err != nil {
		t.Fatal(err)
	}
	ram, err := mmu.AllocRAM(worldRAM)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, env: env, ram: ram, space: mmu.NewSpace(40), limit: limit}
	w.space.MapRAM(0, ram, false)
	w.cpu = x86.New(env, w.space, w, x86.Options{Model: model, SyncX87: accel.SyncX87,
		OnException: func(r x86.Record) {
			if !r.Extern { // they come when the test says, not where
				w.history = append(w.history, r)
			}
		}})
	w.eng, err = accel.New(w.cpu, w.space, w, opt)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) put64(at int, v uint64) { binary.LittleEndian.PutUint64(w.ram[at:], v) }

// enter puts the CPU in 16-, 32- or 64-bit mode at codeAt, with handlers for all exceptions that halt.
func (w *world) enter(bits int, gpr [16]uint64) {
	s := w.entry(bits, gpr)
	w.cpu.Enter(&s)
}

// entry builds the tables for enter and gives the state that it enters.
func (w *world) entry(bits int, gpr [16]uint64) x86.EntryState {
	gpr[4] = stackAt
	s := x86.EntryState{RIP: codeAt, RFLAGS: 2, GPR: gpr, CR0: 0x33, CR4: 0x600}
	data := x86.Segment{Selector: 0x18, Limit: 0xffffffff, Attr: 0xc093}
	code := x86.Segment{Selector: 0x10, Limit: 0xffffffff, Attr: 0xc09b}
	w.put64(gdtAt+0x18, 0x00cf93000000ffff)
	const handler = 0x5000
	w.ram[handler] = 0xf4 // hlt
	w.ram[handler+1], w.ram[handler+2] = 0xeb, 0xfd
	switch bits {
	case 64:
		code.Attr = 0xa09b
		w.put64(gdtAt+0x10, 0x00af9b000000ffff)
		s.CR0, s.CR4, s.CR3, s.EFER = 0x80000033, 0x620, tablesAt, 0xd00
		w.put64(tablesAt, tablesAt+0x1000|3)
		w.put64(tablesAt+0x1000, tablesAt+0x2000|3)
		for i := range 2 {
			w.put64(tablesAt+0x2000+8*i, uint64(i)<<21|0x83)
		}
		for v := range 32 {
			w.put64(idtAt+16*v, handler&0xffff|0x10<<16|0x8e<<40)
		}
		s.IDT = x86.Table{Base: idtAt, Limit: 32*16 - 1}
	case 32:
		w.put64(gdtAt+0x10, 0x00cf9b000000ffff)
		for v := range 32 {
			w.put64(idtAt+8*v, handler&0xffff|0x10<<16|0x8e<<40)
		}
		s.IDT = x86.Table{Base: idtAt, Limit: 32*8 - 1}
	case 16:
		// Real mode: CS base codeAt, the other segments at the data.
		s.CR0, s.RIP = 0x32, 0
		code = x86.Segment{Selector: codeAt >> 4, Base: codeAt, Limit: 0xffff, Attr: 0x009b}
		data = x86.Segment{Selector: 0x2000, Base: 0x20000, Limit: 0xffff, Attr: 0x0093}
		s.GPR[4] = 0xfff0
		for v := range 256 {
			binary.LittleEndian.PutUint32(w.ram[4*v:], handler)
		}
		s.IDT = x86.Table{Limit: 0x3ff}
	}
	s.GDT = x86.Table{Base: gdtAt, Limit: 0x1f}
	for i := range s.Segs {
		s.Segs[i] = data
	}
	s.Segs[1] = code
	s.TR = x86.Segment{Limit: 0x67, Attr: 0x8b}
	return s
}

// outcome is what two engines must agree on.
type outcome struct {
	State string
	RAM   uint64
	Spent int64
	XMM   [16]tcg.Vec128
	X87   [128]byte
}

func (w *world) run(t testing.TB) outcome {
	t.Helper()
	w.execute(t)
	return w.outcome()
}

// execute runs the guest to the end.
func (w *world) execute(t testing.TB) {
	t.Helper()
	done := make(chan struct{})
	go func() { w.eng.Run(); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Minute):
		t.Fatalf("the run does not end; RIP %#x, %d instructions so far, code % x", w.env.RIP, w.spent, w.ram[codeAt:codeAt+64])
	}
}

// patient runs the guest to the end like execute, but for random code: that may hold REP STOS over 4 GiB of nothing, element by
// element. It reports false where such an instruction was stopped after some seconds, and fails if anything else takes very long.
func (w *world) patient() bool {
	w.t.Helper()
	for range 60 {
		done := make(chan struct{})
		go func() { w.eng.Run(); close(done) }()
		select {
		case <-done:
			return true
		case <-time.After(5 * time.Second):
		}
		w.stop.Store(true)
		atomic.StoreUint32(&w.env.ExitReq, 1)
		select {
		case <-done:
		case <-time.After(5 * time.Minute):
			w.t.Fatalf("the run cannot be stopped; RIP %#x", w.env.RIP)
		}
		for i := range uint64(14) {
			switch b, _ := w.cpu.Peek(w.env.RIP + w.cpu.CSBase() + i); b {
			case 0xf2, 0xf3:
				return false
			}
		}
		w.stop.Store(false) // the machine is busy
	}
	w.t.Fatalf("the run does not end; RIP %#x, %d instructions so far, code % x", w.env.RIP, w.spent, w.ram[codeAt:codeAt+64])
	return false
}

func (w *world) outcome() outcome {
	o := outcome{Spent: w.spent, RAM: crc64.Checksum(w.ram, crc64.MakeTable(crc64.ECMA)), XMM: w.env.XMM, X87: w.env.X87}
	clear(o.X87[12:28]) // instruction and operand pointers: see docs/design.md
	var b dump
	w.cpu.DumpState(&b)
	o.State = string(b)
	return o
}

type dump []byte

func (d *dump) Write(p []byte) (int, error) { *d = append(*d, p...); return len(p), nil }

// fresh makes a world with code, and everything else random. With an odd seed 64-bit code is in blocks that float.
func fresh(t testing.TB, native bool, bits int, code []byte, seed int64, limit int64) *world {
	w := newWorld(t, native, limit)
	r := rand.New(rand.NewSource(seed))
	r.Read(w.ram[0x20000:0x60000])
	copy(w.ram[codeAt:], code)
	var gpr [16]uint64
	for j := range gpr {
		switch r.Intn(4) {
		case 0:
			gpr[j] = uint64(0x20000 + r.Intn(0x30000)) // a data address
		case 1:
			gpr[j] = r.Uint64()
		case 2:
			gpr[j] = uint64(r.Intn(256))
		default:
			gpr[j] = uint64(int64(-1) - int64(r.Intn(8)))
		}
	}
	s := w.entry(bits, gpr)
	if bits == 64 && seed&1 != 0 {
		s.RIP = w.alias(0) + codeAt
		w.eng.FloatAt(codeAt)
	}
	w.cpu.Enter(&s)
	return w
}

// alias maps all RAM once more, after entry for 64-bit code, and gives the linear address: one at which blocks may float.
func (w *world) alias(n int) uint64 {
	const first = 0xaa // PML4 entry
	w.put64(tablesAt+8*(first+n), tablesAt+0x1000|7)
	return uint64(first+n) << 39
}

func (w *world) close() {
	w.eng.Close()
	mmu.FreeRAM(w.ram)
}

// vague are the instructions that leave flags or a register undefined (SDM vol. 2): after one
// of them the engines may differ, as the native one gives what the host gives.
var vague = map[decoder.Op]bool{
	decoder.MUL: true, decoder.IMUL: true, decoder.DIV: true, decoder.IDIV: true, decoder.BSF: true, decoder.BSR: true,
	decoder.SHL: true, decoder.SHR: true, decoder.SAR: true, decoder.SHLD: true, decoder.SHRD: true,
	decoder.ROL: true, decoder.ROR: true, decoder.RCL: true, decoder.RCR: true, decoder.TZCNT: true, decoder.LZCNT: true,
	decoder.BT: true, decoder.BTS: true, decoder.BTR: true, decoder.BTC: true, decoder.BSWAP: true,
	decoder.AAA: true, decoder.AAS: true, decoder.AAD: true, decoder.AAM: true, decoder.DAA: true, decoder.DAS: true,
	// Approximations and transcendental functions: the host's last bit is the host's own.
	decoder.RCPPS: true, decoder.RCPSS: true, decoder.RSQRTPS: true, decoder.RSQRTSS: true,
	decoder.FSIN: true, decoder.FCOS: true, decoder.FSINCOS: true, decoder.FPTAN: true, decoder.FPATAN: true,
	decoder.F2XM1: true, decoder.FYL2X: true, decoder.FYL2XP1: true,
}

// undefined tells whether the program executes an instruction of vague: then its end proves nothing.
func undefined(t testing.TB, bits int, code []byte, seed int64, spent int64) bool {
	w := fresh(t, false, bits, code, seed, 0)
	defer w.close()
	for ; w.limit <= spent; w.limit++ {
		w.eng.Run()
		var b [15]byte
		for i := range b {
			b[i], _ = w.cpu.Peek(w.env.RIP + w.cpu.CSBase() + uint64(i))
		}
		var in decoder.Inst
		if decoder.Decode(b[:], map[int]decoder.Mode{16: decoder.Mode16, 32: decoder.Mode32, 64: decoder.Mode64}[w.cpu.Mode().CodeBits()], &in) == nil &&
			vague[in.Op] {
			return true
		}
	}
	return false
}

// compare runs the same guest bytes on both engines.
func compare(t testing.TB, bits int, code []byte, seed int64, limit int64) {
	t.Helper()
	var got [2]outcome
	for i, native := range []bool{false, true} {
		w := fresh(t, native, bits, code, seed, limit)
		if !w.patient() {
			return // it stands in a string instruction that repeats for minutes, and could be stopped there
		}
		got[i] = w.outcome()
		w.close()
	}
	if d := cmp.Diff(got[0], got[1]); d != "" && !undefined(t, bits, code, seed, got[0].Spent) {
		t.Errorf("%d-bit code % x (seed %d): interpreter and native engine differ (-interp +native):\n%s", bits, code, seed, d)
	}
}

func newSeed(t *testing.T) int64 { return int64(seed.Of(t)) }

// TestRandomBytes runs random bytes in all modes on both engines: nothing may crash or hang, and both end in the same state.
func TestRandomBytes(t *testing.T) {
	if !amd64.Supported() {
		t.Skip("SKIP: no native engine on this host")
	}
	s := newSeed(t)
	for _, bits := range []int{16, 32, 64} {
		t.Run(fmt.Sprint(bits), func(t *testing.T) {
			for i := range int64(150) {
				r := rand.New(rand.NewSource(s + i))
				code := make([]byte, 64)
				r.Read(code)
				compare(t, bits, code, s+i, 300)
				if t.Failed() {
					return
				}
			}
		})
	}
}

func FuzzGuest(f *testing.F) {
	f.Add(uint8(2), []byte{0x48, 0x01, 0xd8, 0xeb, 0xfb})
	f.Add(uint8(1), []byte{0xf3, 0xa4, 0xcd, 0x80})
	f.Add(uint8(0), []byte{0xea, 0, 0, 0, 0xf0})
	f.Fuzz(func(t *testing.T, mode uint8, code []byte) {
		if len(code) > 4096 || !amd64.Supported() {
			return
		}
		compare(t, []int{16, 32, 64, 64}[mode%4], code, int64(mode%4), 500)
	})
}
