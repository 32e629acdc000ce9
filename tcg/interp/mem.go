package interp

import (
	"sync/atomic"
	"unsafe"

	"goemu/mmu"
	"goemu/tcg"
)

// ea is the offset that op's memory operand names.
func (x *run) ea(op *tcg.Op) uint64 {
	f := &x.env.File
	a := f[op.A&fileMask] + f[op.B&fileMask]<<(op.Scale&63) + uint64(op.Disp)
	if op.AddrW != tcg.W64 {
		a &= mask(op.AddrW)
	}
	return a
}

// segment adds the base of seg to an offset, after the checks that it can make itself.
func (x *run) segment(rip uint64, seg tcg.Seg, off, size uint64, write bool) (uint64, bool) {
	if x.long {
		return off + x.env.SegBase[seg], true
	}
	top := x.env.SegRdTop[seg]
	if write {
		top = x.env.SegWrTop[seg]
	}
	if off+size <= top {
		return uint64(uint32(off + x.env.SegBase[seg])), true
	}
	x.env.RIP = rip
	return x.m.Linear(seg, off, int(size), write)
}

// linear is segment for any operand.
func (x *run) linear(op *tcg.Op, off, size uint64, write bool) (uint64, bool) {
	if op.Seg == tcg.SegNone {
		return off, true
	}
	return x.segment(x.rip, op.Seg, off, size, write)
}

// check makes the checks of an access that has missed the TLB: canonical form in 64-bit code, else the limit of
// flat segments, 4 GiB. It leaves Env.RIP at the instruction, for the Machine.
func (x *run) check(rip uint64, seg tcg.Seg, base tcg.Ref, lin, size uint64) bool {
	x.env.RIP = rip
	stack := seg == tcg.SegSS || seg == tcg.SegNone && (base == tcg.Reg(4) || base == tcg.Reg(5))
	switch {
	case x.long:
		if int64(lin)>>47 == int64(lin+size-1)>>47 && uint64(int64(lin)>>47+1) <= 1 {
			return true
		}
		return x.m.Canonical(lin, int(size), stack)
	case seg != tcg.SegNone || lin+size <= 1<<32:
		return true
	case stack:
		return x.m.Raise(tcg.VectorSS)
	}
	return x.m.Raise(tcg.VectorGP)
}

// aligned raises #AC where it must. It comes after all other faults of the access.
func (x *run) aligned(lin, size uint64) bool {
	if x.strict == 0 {
		return true
	}
	var a uint64
	switch {
	case size == 32: // a YMM operand counts as two
		a = 16
	case size&(size-1) == 0:
		a = size
	case size == 10: // double extended
		a = 8
	case size == 14 || size == 94: // 16-bit x87 images
		a = 2
	default:
		a = 4
	}
	return lin&x.strict&(a-1) == 0 || x.m.Raise(tcg.VectorAC)
}

// address is the linear address of p's operand of size bytes, in any segment.
func (x *run) address(p *ins, size uint64, write bool) (uint64, bool) {
	f := unsafe.Pointer(&x.env.File)
	lin := *at(f, p.a) + *at(f, p.b)<<(p.scale&63) + uint64(p.disp)
	if p.addrW != tcg.W64 {
		lin &= mask(p.addrW)
	}
	if p.seg == tcg.SegNone {
		return lin, true
	}
	return x.segment(x.c.rips[p.insn], p.seg, lin, size, write)
}

// load runs opLd and opLds but for the write of the destination.
func (x *run) load(p *ins) (uint64, bool) {
	size := uint64(1) << (p.srcW & 3)
	lin, ok := x.address(p, size, false)
	if !ok {
		return 0, false
	}
	var v uint64
	e := &x.read[mmu.TLBIndex(lin)]
	if t := lin - e.Page; t <= mmu.PageSize-size && lin&x.strict&(size-1) == 0 {
		v = load(e, lin, p.srcW)
	} else if v, ok = x.loadSlow(p, lin, size); !ok {
		return 0, false
	}
	if p.op == opLds {
		v = uint64(signed(v, p.srcW))
	}
	return v, true
}

// store runs opSt and opStI.
func (x *run) store(p *ins) bool {
	size := uint64(1) << (p.w & 3)
	lin, ok := x.address(p, size, true)
	if !ok {
		return false
	}
	v := uint64(p.imm)
	if p.op == opSt {
		v = x.env.File[p.c/8&fileMask]
		if r := tcg.Ref(p.c / 8); r.IsHigh() {
			v = high(&x.env.File, r)
		}
	}
	e := &x.write[mmu.TLBIndex(lin)]
	if t := lin - e.Page; t <= mmu.PageSize-size && lin&x.strict&(size-1) == 0 {
		store(e, lin, p.w, v)
		return true
	}
	return x.storeSlow(p, lin, size, v)
}

// loadSlow reads an operand that is not a plain hit in the TLB.
func (x *run) loadSlow(p *ins, lin, size uint64) (uint64, bool) {
	x.env.Done = int32(p.insn)
	if !x.check(x.c.rips[p.insn], p.seg, tcg.Ref(p.a/8), lin, size) {
		return 0, false
	}
	v, ok := x.m.ReadMem(lin, int(size), x.idx)
	return v, ok && x.aligned(lin, size)
}

// storeSlow writes one.
func (x *run) storeSlow(p *ins, lin, size, v uint64) bool {
	x.env.Done = int32(p.insn)
	if !x.check(x.c.rips[p.insn], p.seg, tcg.Ref(p.a/8), lin, size) {
		return false
	}
	if x.strict != 0 && (!x.m.Probe(lin, int(size), x.idx) || !x.aligned(lin, size)) {
		return false
	}
	if !x.m.WriteMem(lin, int(size), v&mask(p.w), x.idx) {
		return false
	}
	x.wrote()
	return true
}

// hit gives the host address of size bytes that may be read and written there, or nil.
func (x *run) hit(lin, size uint64) unsafe.Pointer {
	e := &x.write[mmu.TLBIndex(lin)]
	t := lin - e.Page
	if t > mmu.PageSize-size || lin&x.strict&(size-1) != 0 {
		return nil
	}
	return ptr(lin + e.Addend)
}

// open prepares a read-modify-write of op's operand: host is its address, or nil if it goes
// through the Machine, which has then been asked whether it may be written.
func (x *run) open(op *tcg.Op, off uint64) (lin uint64, host unsafe.Pointer, ok bool) {
	size := uint64(op.W.Bytes())
	if lin, ok = x.linear(op, off, size, true); !ok {
		return 0, nil, false
	}
	if host = x.hit(lin, size); host != nil {
		return lin, host, true
	}
	if !x.check(x.rip, op.Seg, op.A, lin, size) || !x.m.Probe(lin, int(size), x.idx) || !x.aligned(lin, size) {
		return 0, nil, false
	}
	return lin, x.hit(lin, size), true // Probe may have filled the TLB
}

// rmw runs an Rmw op on the operand at offset off; v is the other operand.
func (x *run) rmw(op *tcg.Op, off, v uint64, cc uint32) (old uint64, ncc uint32, ok bool) {
	lin, host, ok := x.open(op, off)
	if !ok {
		return 0, 0, false
	}
	w := op.W
	if host == nil {
		old, ok = x.m.ReadMem(lin, w.Bytes(), x.idx)
		if !ok {
			return 0, 0, false
		}
		r, ncc := alu(op.Sub, w, old, v, cc)
		if !x.m.WriteMem(lin, w.Bytes(), r&mask(w), x.idx) {
			return 0, 0, false
		}
		x.wrote()
		return old, ncc, true
	}
	if (op.Lock || op.Sub == tcg.Mov) && atomicSpan(host, w) {
		for {
			old = peek(host, w)
			r, ncc := alu(op.Sub, w, old, v, cc)
			if swap(host, w, old, r) {
				return old, ncc, true
			}
		}
	}
	old = peek(host, w)
	r, ncc := alu(op.Sub, w, old, v, cc)
	poke(host, w, r)
	return old, ncc, true
}

// cmpxchg compares the operand with acc and stores v if they are equal.
func (x *run) cmpxchg(op *tcg.Op, off, acc, v uint64) (old uint64, ok bool) {
	lin, host, ok := x.open(op, off)
	if !ok {
		return 0, false
	}
	w := op.W
	if host == nil {
		old, ok = x.m.ReadMem(lin, w.Bytes(), x.idx)
		if !ok {
			return 0, false
		}
		r := v & mask(w)
		if old != acc {
			r = old // the processor writes in any case
		}
		if !x.m.WriteMem(lin, w.Bytes(), r, x.idx) {
			return 0, false
		}
		x.wrote()
		return old, true
	}
	locked := op.Lock && atomicSpan(host, w)
	for {
		old = peek(host, w)
		switch {
		case old != acc:
			return old, true
		case !locked:
			poke(host, w, v)
			return old, true
		case swap(host, w, old, v):
			return old, true
		}
	}
}

func peek(p unsafe.Pointer, w tcg.Width) uint64 {
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

func poke(p unsafe.Pointer, w tcg.Width, v uint64) {
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

// atomicSpan tells whether swap can be used: the operand lies within an aligned unit that
// sync/atomic can exchange. Locked operands elsewhere are not atomic.
func atomicSpan(p unsafe.Pointer, w tcg.Width) bool {
	a := uintptr(p)
	switch w {
	case tcg.W64:
		return a&7 == 0
	case tcg.W32:
		return a&3 == 0
	case tcg.W16:
		return a&3 != 3
	}
	return true
}

// swap replaces old by r atomically; false: the operand was no longer old. 8- and 16-bit
// operands are exchanged within their aligned 32 bits.
func swap(p unsafe.Pointer, w tcg.Width, old, r uint64) bool {
	switch w {
	case tcg.W64:
		return atomic.CompareAndSwapUint64((*uint64)(p), old, r)
	case tcg.W32:
		return atomic.CompareAndSwapUint32((*uint32)(p), uint32(old), uint32(r))
	}
	n := uintptr(p) & 3
	q := (*uint32)(unsafe.Add(p, -int(n)))
	m, sh := uint32(mask(w)), uint(n)*8
	word := atomic.LoadUint32(q)
	if word>>sh&m != uint32(old) {
		return false
	}
	return atomic.CompareAndSwapUint32(q, word, word&^(m<<sh)|uint32(r)&m<<sh)
}
