package interp

import (
	"math/bits"
	"sync/atomic"

	"goemu/tcg"
)

// step runs an op that has no compact form, and gives the flags after it. False: the Machine has recorded a fault.
func (x *run) step(op *tcg.Op, cc uint32) (uint32, bool) {
	env, m := x.env, x.m
	f := &env.File
	f[tcg.RefImm] = uint64(op.Imm)
	w := op.W
	va, vb := f[op.A&fileMask], f[op.B&fileMask]
	switch op.Code {
	case tcg.Rmw:
		v := f[op.C&fileMask]
		if op.C.IsHigh() {
			v = high(f, op.C)
		}
		old, ncc, ok := x.rmw(op, x.ea(op), v, cc)
		if !ok {
			return cc, false
		}
		if op.SetF {
			cc = ncc
		}
		if op.Dst != tcg.None {
			put(f, op.Dst, w, old)
		}
	case tcg.Ld: // the first half of a read-modify-write
		lin, host, ok := x.open(op, x.ea(op))
		if !ok {
			return cc, false
		}
		var v uint64
		if host != nil {
			v = peek(host, w)
		} else if v, ok = m.ReadMem(lin, w.Bytes(), x.idx); !ok {
			return cc, false
		}
		put(f, op.Dst, w, v)
	case tcg.Cmpxchg:
		v := f[op.C&fileMask]
		if op.C.IsHigh() {
			v = high(f, op.C)
		}
		acc := f[1] & mask(w)
		old, ok := x.cmpxchg(op, x.ea(op), acc, v)
		if !ok {
			return cc, false
		}
		if op.SetF {
			cc = subFlags(acc, old, acc-old, uint(64-w.Bits()))
		}
		if old != acc {
			put(f, tcg.Reg(0), w, old)
		}

	case tcg.Cmpxchg2:
		equal, ok := x.cmpxchg2(op, x.ea(op))
		if !ok {
			return cc, false
		}
		if op.SetF {
			if cc &^= tcg.CCZ; equal {
				cc |= tcg.CCZ
			}
		}
	case tcg.Fence:
		atomic.AddUint32(&env.ExitReq, 0)

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

	case tcg.Add, tcg.Sub, tcg.And, tcg.Or, tcg.Xor, tcg.Adc, tcg.Sbb, tcg.Inc, tcg.Dec, tcg.Neg, tcg.Not, tcg.Shl, tcg.Shr, tcg.Sar,
		tcg.Rol, tcg.Ror, tcg.Rcl, tcg.Rcr, tcg.Bts, tcg.Btr, tcg.Btc:
		if w == tcg.W8 {
			va, vb = narrow(f, op, va, vb)
		}
		r, ncc := alu(op.Code, w, va, vb, cc)
		if op.SetF {
			cc = ncc
		}
		put(f, op.Dst, w, r)
	case tcg.Cmp, tcg.Test:
		if w == tcg.W8 {
			va, vb = narrow(f, op, va, vb)
		}
		code := tcg.Sub
		if op.Code == tcg.Test {
			code = tcg.And
		}
		if op.SetF {
			_, cc = alu(code, w, va, vb, cc)
		}
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
			return cc, false
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

	case tcg.Andn, tcg.Blsi, tcg.Blsmsk, tcg.Blsr, tcg.Bzhi, tcg.Bextr, tcg.Pdep, tcg.Pext, tcg.Mulh, tcg.Adcx, tcg.Adox:
		r, ncc := bmi(op.Code, w, va, vb, cc)
		if op.SetF {
			cc = ncc
		}
		put(f, op.Dst, w, r)

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

	case tcg.GetEF:
		put(f, op.Dst, tcg.W64, uint64(env.EFlags))
	case tcg.GetCR2:
		put(f, op.Dst, tcg.W64, env.CR2)
	case tcg.Swapgs:
		env.SegBase[tcg.SegGS], env.KernelGS = env.KernelGS, env.SegBase[tcg.SegGS]
	case tcg.ClearZ:
		env.ZMMH[op.Imm&15] = [4]uint64{}

	case tcg.Vec:
		x.cc = cc
		if !x.vec(op) {
			return cc, false
		}
		cc = x.cc
	case tcg.Fpu:
		x.cc = cc
		if !x.fpu(op) {
			return cc, false
		}
		cc = x.cc
	}
	return cc, true
}
