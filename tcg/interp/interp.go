// Package interp runs translated blocks in portable Go. It is the reference for
// the back ends, the engine of hosts that have none, and runs the instructions
// that generated code leaves to it: faults, MMIO, page crossings.
//
// The semantics of the micro-ops are those of package tcg, of the instructions behind them SDM vol. 2;
// undefined.go says what it makes of undefined flags. SIMD and x87 are in
// packages tcg/simd and tcg/x87. Instructions that are a Sys op are the Machine's.
package interp

import (
	"sync/atomic"
	"unsafe"

	"goemu/mmu"
	"goemu/tcg"
)

// file holds the operands of a block by Ref. File[0], None, is 0, so that absent
// base and index registers need no test.
type file = [tcg.FileSize]uint64

const fileMask = tcg.FileSize - 1

// run is the state of one call of Code.Run that slow paths need.
type run struct {
	env    *tcg.Env
	m      tcg.Machine
	c      *Code
	j      *Jumps // nil: the block alone
	least  int32  // of Env.Budget, to go on with another block
	read   *[mmu.TLBEntries]mmu.TLBEntry
	write  *[mmu.TLBEntries]mmu.TLBEntry
	rip    uint64   // of the current instruction, on slow paths
	idx    int      // MMU index
	long   bool     // 64-bit code
	strict uint64   // low address bits that must be 0 where the size says so: 15 with #AC on, else 0
	la, lb uint64   // what the flags are computed from
	k      flagKind // how, or 0: they are in cc
	cc     uint32
	stop   bool // somebody wants the vCPU: leave before the next instruction
	spend  int32
}

// Run compiles b, which has passed tcg.Verify, and runs it once.
func Run(env *tcg.Env, m tcg.Machine, b *tcg.Block) tcg.Result {
	return Compile(b).Run(env, m, nil, false)
}

const (
	eflagsIF = 1 << 9
	eflagsDF = 1 << 10
)

// fetchGPR and storeGPR move the guest registers between Env.GPR and the operand file.
func (x *run) fetchGPR() { *(*[16]uint64)(x.env.File[1:17]) = x.env.GPR }
func (x *run) storeGPR() { x.env.GPR = *(*[16]uint64)(x.env.File[1:17]) }

// book counts n instructions.
func (x *run) book(n int) {
	x.env.Insns += uint64(n)
	x.env.Budget -= int32(n) & x.spend
	x.env.Done = 0
}

// leave leaves before instruction n of the block.
func (x *run) leave(rip uint64, n int) tcg.Result {
	x.storeGPR()
	x.env.RIP = rip
	x.book(n)
	return tcg.ResultNext
}

// fault leaves from instruction n, of which nothing has been done.
func (x *run) fault(n uint8, cc uint32) tcg.Result {
	x.storeGPR()
	x.env.CC = cc
	x.env.RIP = x.c.rips[n]
	x.book(int(n))
	return tcg.ResultFault
}

// cut gives the op before those that are left when the vCPU must be left after p's instruction: p itself,
// or if others of the block follow, one in a copy that ends there.
func (x *run) cut(p *ins) *ins {
	c, n := x.c, int(p.insn)+1
	if n >= len(c.first) {
		return p
	}
	rest := []ins{*p}
	for q := next(p); q != &c.ins[c.first[n]]; q = next(q) {
		rest = append(rest, *q)
	}
	rest = append(rest, ins{op: opLeave, insn: uint8(n), imm: int64(c.rips[n])})
	x.stop = false
	return &rest[0]
}

// wrote asks whether to leave after the current instruction, because memory has been written
// behind the interpreter's back.
func (x *run) wrote() {
	if atomic.LoadUint32(&x.env.ExitReq) != 0 {
		x.stop = true
	}
}

// put writes v to dst as x86 does: 8 and 16 bits leave the rest of a register alone,
// temporaries are zero-extended.
func put(f *file, dst tcg.Ref, w tcg.Width, v uint64) {
	if w == tcg.W64 {
		f[dst&fileMask] = v
		return
	}
	if w == tcg.W32 {
		f[dst&fileMask] = uint64(uint32(v))
		return
	}
	putNarrow(f, dst, w, v)
}

func putNarrow(f *file, dst tcg.Ref, w tcg.Width, v uint64) {
	p := &f[dst&fileMask]
	switch {
	case dst.IsTemp():
		*p = v & mask(w)
	case dst.IsHigh():
		p = &f[tcg.Reg(dst.Index())]
		*p = *p&^0xff00 | v&0xff<<8
	case w == tcg.W8:
		*p = *p&^0xff | v&0xff
	default:
		*p = *p&^0xffff | v&0xffff
	}
}

// putPair writes the halves of a double-width result to RDX:RAX, or AH:AL.
func putPair(f *file, w tcg.Width, hi, lo uint64) {
	if w == tcg.W8 {
		put(f, tcg.Reg(0), tcg.W16, hi<<8|lo&0xff)
		return
	}
	put(f, tcg.Reg(0), w, lo)
	put(f, tcg.Reg(2), w, hi)
}

// high reads AH, CH, DH or BH.
func high(f *file, r tcg.Ref) uint64 { return f[tcg.Reg(r.Index())&fileMask] >> 8 & 0xff }

// narrow gives the operands of an 8-bit op, which may be high bytes.
func narrow(f *file, op *tcg.Op, a, b uint64) (uint64, uint64) {
	if op.A.IsHigh() {
		a = high(f, op.A)
	}
	if op.B.IsHigh() {
		b = high(f, op.B)
	}
	return a, b
}

// ptr makes a pointer of a host address outside the Go heap.
func ptr(host uint64) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&host)) }

// load reads w bits at the linear address lin in the page of e.
func load(e *mmu.TLBEntry, lin uint64, w tcg.Width) uint64 {
	p := ptr(lin + e.Addend)
	switch w {
	case tcg.W64:
		return *(*uint64)(p)
	case tcg.W32:
		return uint64(*(*uint32)(p))
	case tcg.W16:
		return uint64(*(*uint16)(p))
	}
	return uint64(*(*uint8)(p))
}

// store writes the low w bits of v there.
func store(e *mmu.TLBEntry, lin uint64, w tcg.Width, v uint64) {
	p := ptr(lin + e.Addend)
	switch w {
	case tcg.W64:
		*(*uint64)(p) = v
	case tcg.W32:
		*(*uint32)(p) = uint32(v)
	case tcg.W16:
		*(*uint16)(p) = uint16(v)
	default:
		*(*uint8)(p) = uint8(v)
	}
}
