// Package interp runs translated blocks in portable Go. It is the reference for
// the back ends, the engine of hosts that have none, and runs the instructions
// that generated code leaves to it: faults, MMIO, page crossings.
//
// The semantics of the micro-ops are those of package tcg, of the instructions behind them SDM vol. 2;
// undefined.go says what it makes of undefined flags. SIMD and x87 are in
// packages tcg/simd and tcg/x87. Instructions that are a Sys op are the Machine's.
package interp

import (
	"math/bits"
	"sync/atomic"
	"unsafe"

	"goemu/mmu"
	"goemu/tcg"
)

// file holds the operands of a block by Ref. File[0], None, is 0, so that absent
// base and index registers need no test.
type file = [tcg.FileSize]uint64

const fileMask = tcg.FileSize - 1

// run is the state of one call of Run that slow paths need.
type run struct {
	env    *tcg.Env
	m      tcg.Machine
	b      *tcg.Block
	read   *[mmu.TLBEntries]mmu.TLBEntry
	write  *[mmu.TLBEntries]mmu.TLBEntry
	rip    uint64 // of the current instruction
	idx    int    // MMU index
	long   bool   // 64-bit code
	strict uint64 // low address bits that must be 0 where the size says so: 15 with #AC on, else 0
	cc     uint32
	stop   bool // somebody wants the vCPU: leave before the next instruction
}

// Run runs b, which has passed tcg.Verify, once. All of env is current on return. Env.Insns grows by the
// number of instructions completed. The block may end early, with
// ResultNext, when Env.ExitReq is set after a store that the Machine made or a Sys:
// code that lies ahead in the block may have changed.
func Run(env *tcg.Env, m tcg.Machine, b *tcg.Block) tcg.Result {
	mode := b.Key.Mode
	x := run{env: env, m: m, b: b, idx: mode.Index(), long: mode&tcg.ModeCode == tcg.ModeCode64, cc: env.CC | tcg.CCFixed}
	x.read, x.write = &env.TLB.Read[x.idx], &env.TLB.Write[x.idx]
	if mode&tcg.ModeAlign != 0 {
		x.strict = 15
	}
	x.fetchGPR()
	f := &env.File
	f[0] = 0
	cc := x.cc
	ops := b.Ops
	for i := 0; i < len(ops); i++ {
		op := &ops[i]
		if op.Code == tcg.Insn {
			if x.stop {
				env.CC = cc
				return x.leave(uint64(op.Imm), i)
			}
			x.rip = uint64(op.Imm)
			continue
		}
		f[tcg.RefImm] = uint64(op.Imm)
		w := op.W
		va, vb := f[op.A&fileMask], f[op.B&fileMask]
		switch op.Code {
		case tcg.Nop:

		case tcg.Ld, tcg.Lds, tcg.Ldz:
			sw := w
			if op.Code != tcg.Ld {
				sw = op.SrcW
			}
			lin := va + vb<<(op.Scale&63) + uint64(op.Disp)
			if op.AddrW != tcg.W64 {
				lin &= mask(op.AddrW)
			}
			size := uint64(1) << (sw & 7)
			ok := true
			if op.Seg != tcg.SegNone {
				if lin, ok = x.segment(op.Seg, lin, size, false); !ok {
					return x.fault(i, cc)
				}
			}
			var v uint64
			e := &x.read[lin>>mmu.PageShift&(mmu.TLBEntries-1)]
			if t := lin - e.Page; t <= mmu.PageSize-size && lin&x.strict&(size-1) == 0 {
				v = load(e, t, sw)
			} else if v, ok = x.loadSlow(op, lin, size); !ok {
				return x.fault(i, cc)
			}
			if op.Code == tcg.Lds {
				v = uint64(signed(v, sw))
			}
			put(f, op.Dst, w, v)

		case tcg.St:
			lin := va + vb<<(op.Scale&63) + uint64(op.Disp)
			if op.AddrW != tcg.W64 {
				lin &= mask(op.AddrW)
			}
			size := uint64(1) << (w & 7)
			ok := true
			if op.Seg != tcg.SegNone {
				if lin, ok = x.segment(op.Seg, lin, size, true); !ok {
					return x.fault(i, cc)
				}
			}
			v := f[op.C&fileMask]
			if op.C.IsHigh() {
				v = high(f, op.C)
			}
			e := &x.write[lin>>mmu.PageShift&(mmu.TLBEntries-1)]
			if t := lin - e.Page; t <= mmu.PageSize-size && lin&x.strict&(size-1) == 0 {
				store(e, t, w, v)
			} else if !x.storeSlow(op, lin, size, v) {
				return x.fault(i, cc)
			}

		case tcg.Rmw:
			v := f[op.C&fileMask]
			if op.C.IsHigh() {
				v = high(f, op.C)
			}
			old, ncc, ok := x.rmw(op, x.ea(op), v, cc)
			if !ok {
				return x.fault(i, cc)
			}
			if op.SetF {
				cc = ncc
			}
			if op.Dst != tcg.None {
				put(f, op.Dst, w, old)
			}
		case tcg.Cmpxchg:
			v := f[op.C&fileMask]
			if op.C.IsHigh() {
				v = high(f, op.C)
			}
			acc := f[1] & mask(w)
			old, ok := x.cmpxchg(op, x.ea(op), acc, v)
			if !ok {
				return x.fault(i, cc)
			}
			if op.SetF {
				cc = subFlags(acc, old, acc-old, uint(64-w.Bits()))
			}
			if old != acc {
				put(f, tcg.Reg(0), w, old)
			}

		case tcg.Mov:
			if op.A.IsHigh() {
				va = high(f, op.A)
			}
			put(f, op.Dst, w, va)
		case tcg.Zext:
			if op.A.IsHigh() {
				va = high(f, op.A)
			}
			put(f, op.Dst, w, va&mask(op.SrcW))
		case tcg.Sext:
			if op.A.IsHigh() {
				va = high(f, op.A)
			}
			put(f, op.Dst, w, uint64(signed(va, op.SrcW)))
		case tcg.Lea:
			v := va + vb<<(op.Scale&63) + uint64(op.Disp)
			if op.AddrW != tcg.W64 {
				v &= mask(op.AddrW)
			}
			put(f, op.Dst, w, v)
		case tcg.Bswap:
			switch w {
			case tcg.W64:
				va = bits.ReverseBytes64(va)
			case tcg.W32:
				va = uint64(bits.ReverseBytes32(uint32(va)))
			default:
				va = 0
			}
			put(f, op.Dst, w, va)

		case tcg.Add:
			if w == tcg.W8 {
				va, vb = narrow(f, op, va, vb)
			}
			r := va + vb
			if op.SetF {
				cc = addFlags(va, vb, r, uint(64-w.Bits()))
			}
			put(f, op.Dst, w, r)
		case tcg.Sub:
			if w == tcg.W8 {
				va, vb = narrow(f, op, va, vb)
			}
			r := va - vb
			if op.SetF {
				cc = subFlags(va, vb, r, uint(64-w.Bits()))
			}
			put(f, op.Dst, w, r)
		case tcg.Cmp:
			if w == tcg.W8 {
				va, vb = narrow(f, op, va, vb)
			}
			if op.SetF {
				cc = subFlags(va, vb, va-vb, uint(64-w.Bits()))
			}
		case tcg.Test:
			if w == tcg.W8 {
				va, vb = narrow(f, op, va, vb)
			}
			if op.SetF {
				cc = pzs(va&vb, uint(64-w.Bits()))
			}
		case tcg.And:
			if w == tcg.W8 {
				va, vb = narrow(f, op, va, vb)
			}
			r := va & vb
			if op.SetF {
				cc = pzs(r, uint(64-w.Bits()))
			}
			put(f, op.Dst, w, r)
		case tcg.Or:
			if w == tcg.W8 {
				va, vb = narrow(f, op, va, vb)
			}
			r := va | vb
			if op.SetF {
				cc = pzs(r, uint(64-w.Bits()))
			}
			put(f, op.Dst, w, r)
		case tcg.Xor:
			if w == tcg.W8 {
				va, vb = narrow(f, op, va, vb)
			}
			r := va ^ vb
			if op.SetF {
				cc = pzs(r, uint(64-w.Bits()))
			}
			put(f, op.Dst, w, r)
		case tcg.Adc, tcg.Sbb, tcg.Inc, tcg.Dec, tcg.Neg, tcg.Not, tcg.Shl, tcg.Shr, tcg.Sar,
			tcg.Rol, tcg.Ror, tcg.Rcl, tcg.Rcr, tcg.Bts, tcg.Btr, tcg.Btc:
			if w == tcg.W8 {
				va, vb = narrow(f, op, va, vb)
			}
			r, ncc := alu(op.Code, w, va, vb, cc)
			if op.SetF {
				cc = ncc
			}
			put(f, op.Dst, w, r)
		case tcg.Bt:
			if op.SetF {
				cc = cc&^tcg.CCC | uint32(va>>(vb&uint64(w.Bits()-1))&1)<<8
			}
		case tcg.Shld, tcg.Shrd:
			r, ncc := double(op.Code, w, va, vb, f[op.C&fileMask], cc)
			if op.SetF {
				cc = ncc
			}
			put(f, op.Dst, w, r)
		case tcg.Imul:
			r, ncc := imul(w, va, vb, cc)
			if op.SetF {
				cc = ncc
			}
			put(f, op.Dst, w, r)
		case tcg.MulX, tcg.ImulX:
			if op.A.IsHigh() {
				va = high(f, op.A)
			}
			hi, lo, ncc := mulWide(op.Code == tcg.ImulX, w, f[1], va, cc)
			if op.SetF {
				cc = ncc
			}
			putPair(f, w, hi, lo)
		case tcg.DivX, tcg.IdivX:
			if op.A.IsHigh() {
				va = high(f, op.A)
			}
			hi := f[3]
			if w == tcg.W8 {
				hi = f[1] >> 8
			}
			q, r, ok := div(op.Code == tcg.IdivX, w, hi, f[1], va)
			if !ok {
				env.RIP = x.rip
				m.Raise(tcg.VectorDE)
				return x.fault(i, cc)
			}
			putPair(f, w, r, q)
		case tcg.Bsf, tcg.Bsr, tcg.Tzcnt, tcg.Lzcnt, tcg.Popcnt:
			r, keep, ncc := scan(op.Code, w, va, cc)
			if op.SetF {
				cc = ncc
			}
			if !keep {
				put(f, op.Dst, w, r)
			}

		case tcg.Setcc:
			v := uint64(0)
			if op.Cond.Holds(cc) {
				v = 1
			}
			put(f, op.Dst, tcg.W8, v)
		case tcg.Cmov:
			if !op.Cond.Holds(cc) {
				va = f[op.Dst&fileMask]
			}
			put(f, op.Dst, w, va)
		case tcg.GetF:
			put(f, op.Dst, tcg.W64, uint64(tcg.CCToEFlags(cc)))
		case tcg.PutF:
			if op.SetF {
				p := op.FMask.CC()
				cc = cc&^p | tcg.EFlagsToCC(uint32(va))&p
			}
		case tcg.Clc:
			if op.SetF {
				cc &^= tcg.CCC
			}
		case tcg.Stc:
			if op.SetF {
				cc |= tcg.CCC
			}
		case tcg.Cmc:
			if op.SetF {
				cc ^= tcg.CCC
			}
		case tcg.Cld:
			env.EFlags &^= eflagsDF
		case tcg.Std:
			env.EFlags |= eflagsDF
		case tcg.Cli:
			env.EFlags &^= eflagsIF
		case tcg.Sti:
			env.EFlags |= eflagsIF
			atomic.OrUint32(&env.ExitReq, atomic.LoadUint32(&env.IntrPending))

		case tcg.Vec:
			x.cc = cc
			if !x.vec(op) {
				return x.fault(i, cc)
			}
			cc = x.cc
		case tcg.Fpu:
			x.cc = cc
			if !x.fpu(op) {
				return x.fault(i, cc)
			}
			cc = x.cc
		case tcg.Sys:
			x.storeGPR()
			env.CC, env.RIP = cc, x.rip
			if !m.Sys(&b.Insts[op.Imm]) {
				env.Insns += uint64(insns(ops[:i]) - 1)
				return tcg.ResultFault
			}
			if op.End {
				env.Insns += uint64(b.NInsns)
				return tcg.ResultNext
			}
			x.fetchGPR()
			cc = env.CC
			x.wrote()

		case tcg.Jmp, tcg.Exit:
			env.CC = cc
			return x.end(uint64(op.Imm))
		case tcg.Jcc:
			env.CC = cc
			if op.Cond.Holds(cc) {
				return x.end(uint64(op.Imm))
			}
			return x.end(uint64(op.Disp))
		case tcg.Jz, tcg.Jnz:
			env.CC = cc
			if (va&mask(w) == 0) == (op.Code == tcg.Jz) {
				return x.end(uint64(op.Imm))
			}
			return x.end(uint64(op.Disp))
		case tcg.JmpInd:
			env.CC = cc
			return x.end(va)
		}
	}
	// Not reached: Verify has seen an end.
	env.CC = cc
	return x.leave(x.rip, len(ops))
}

const (
	eflagsIF = 1 << 9
	eflagsDF = 1 << 10
)

// fetchGPR and storeGPR move the guest registers between Env.GPR and the operand file.
func (x *run) fetchGPR() { *(*[16]uint64)(x.env.File[1:17]) = x.env.GPR }
func (x *run) storeGPR() { x.env.GPR = *(*[16]uint64)(x.env.File[1:17]) }

// end leaves at the end of the block.
func (x *run) end(rip uint64) tcg.Result {
	x.storeGPR()
	x.env.RIP = rip
	x.env.Insns += uint64(x.b.NInsns)
	return tcg.ResultNext
}

// leave leaves before op i, which begins the instruction at rip.
func (x *run) leave(rip uint64, i int) tcg.Result {
	x.storeGPR()
	x.env.RIP = rip
	x.env.Insns += uint64(insns(x.b.Ops[:i]))
	return tcg.ResultNext
}

// fault leaves from op i, of which nothing has been done.
func (x *run) fault(i int, cc uint32) tcg.Result {
	x.storeGPR()
	x.env.CC = cc
	x.env.RIP = x.rip
	x.env.Insns += uint64(insns(x.b.Ops[:i]) - 1)
	return tcg.ResultFault
}

// insns counts the guest instructions that begin in ops.
func insns(ops []tcg.Op) (n int) {
	for i := range ops {
		if ops[i].Code == tcg.Insn {
			n++
		}
	}
	return n
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

// load reads w bits at offset t of the page of e.
func load(e *mmu.TLBEntry, t uint64, w tcg.Width) uint64 {
	p := unsafe.Add(*(*unsafe.Pointer)(unsafe.Pointer(&e.Host)), t)
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
func store(e *mmu.TLBEntry, t uint64, w tcg.Width, v uint64) {
	p := unsafe.Add(*(*unsafe.Pointer)(unsafe.Pointer(&e.Host)), t)
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
