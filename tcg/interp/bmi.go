package interp

import (
	"encoding/binary"
	"math/bits"

	"goemu/tcg"
)

// bmi computes the ops of BMI1, BMI2 and ADX: the result, and the flags after it if they are wanted.
func bmi(code tcg.Opcode, w tcg.Width, a, b uint64, cc uint32) (r uint64, ncc uint32) {
	m := mask(w)
	sh := uint(64 - w.Bits())
	a &= m
	carry := false
	switch code {
	case tcg.Andn:
		r = ^a & b
	case tcg.Blsi:
		r, carry = a&-a, a != 0
	case tcg.Blsmsk:
		r, carry = a^(a-1), a == 0
	case tcg.Blsr:
		r, carry = a&(a-1), a == 0
	case tcg.Bzhi:
		n := uint(b & 0xff)
		r, carry = a&(1<<n-1), n >= uint(w.Bits())
	case tcg.Bextr:
		// A shift by 64 or more gives 0, and 0-1 all ones.
		r = a >> (b & 0xff) & (1<<(b>>8&0xff) - 1)
		return r, pzs(r, sh)&^tcg.CCS | tcg.CCA
	case tcg.Pdep:
		return pdep(a, b&m), cc
	case tcg.Pext:
		return pext(a, b&m), cc
	case tcg.Mulh:
		if w == tcg.W64 {
			r, _ = bits.Mul64(a, b)
			return r, cc
		}
		return a * (b & m) >> 32, cc
	case tcg.Adcx:
		r, c := addCarry(w, a, b&m, cc&tcg.CCC != 0)
		if cc &^= tcg.CCC; c {
			cc |= tcg.CCC
		}
		return r, cc
	case tcg.Adox:
		r, c := addCarry(w, a, b&m, cc&tcg.CCO != 0)
		if cc &^= tcg.CCO; c {
			cc |= tcg.CCO
		}
		return r, cc
	}
	ncc = pzs(r, sh)
	if carry {
		ncc |= tcg.CCC
	}
	return r, ncc
}

// addCarry adds two numbers of w bits.
func addCarry(w tcg.Width, a, b uint64, in bool) (r uint64, out bool) {
	c := uint64(0)
	if in {
		c = 1
	}
	r, c = bits.Add64(a, b, c)
	if w == tcg.W32 {
		c = r >> 32
	}
	return r, c != 0
}

// pdep puts the low bits of v where m has ones.
func pdep(v, m uint64) (r uint64) {
	for ; m != 0; m &= m - 1 {
		if v&1 != 0 {
			r |= m & -m
		}
		v >>= 1
	}
	return r
}

// pext gathers the bits of v where m has ones.
func pext(v, m uint64) (r uint64) {
	for bit := uint64(1); m != 0; m &= m - 1 {
		if v&m&-m != 0 {
			r |= bit
		}
		bit <<= 1
	}
	return r
}

// cmpxchg2 runs CMPXCHG8B and CMPXCHG16B on the operand at offset off.
func (x *run) cmpxchg2(op *tcg.Op, off uint64) (equal, ok bool) {
	if op.W == tcg.W64 {
		return x.cmpxchg16(op, off)
	}
	f := &x.env.File
	ax, bx, cx, dx := &f[tcg.Reg(0)], f[tcg.Reg(3)], f[tcg.Reg(1)], &f[tcg.Reg(2)]
	wide := *op
	wide.W = tcg.W64
	acc := *dx<<32 | *ax&0xffff_ffff
	old, ok := x.cmpxchg(&wide, off, acc, cx<<32|bx&0xffff_ffff)
	if !ok {
		return false, false
	}
	if old != acc {
		*ax, *dx = old&0xffff_ffff, old>>32
	}
	return old == acc, true
}

// cmpxchg16 runs CMPXCHG16B. Its alignment is checked before its address.
func (x *run) cmpxchg16(op *tcg.Op, off uint64) (equal, ok bool) {
	lin, ok := x.linear(op, off, 16, true)
	if !ok {
		return false, false
	}
	x.env.RIP = x.rip
	if lin&15 != 0 {
		return false, x.m.Raise(tcg.VectorGP)
	}
	f := &x.env.File
	ax, bx, cx, dx := &f[tcg.Reg(0)], f[tcg.Reg(3)], f[tcg.Reg(1)], &f[tcg.Reg(2)]
	host := x.hit(lin, 16)
	if host == nil {
		if !x.check(x.rip, op.Seg, op.A, lin, 16) || !x.m.Probe(lin, 16, x.idx) {
			return false, false
		}
		host = x.hit(lin, 16) // Probe may have filled the TLB
	}
	if host != nil {
		lo, hi, equal := cas128(host, *ax, *dx, bx, cx)
		if !equal {
			*ax, *dx = lo, hi
		}
		return equal, true
	}
	b := x.env.Buf[:16]
	if !x.m.ReadBytes(lin, b, x.idx) {
		return false, false
	}
	lo, hi := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	if equal = lo == *ax && hi == *dx; equal {
		binary.LittleEndian.PutUint64(b, bx)
		binary.LittleEndian.PutUint64(b[8:], cx)
	}
	if !x.m.WriteBytes(lin, b, x.idx) { // the processor writes in any case
		return false, false
	}
	x.wrote()
	if !equal {
		*ax, *dx = lo, hi
	}
	return equal, true
}
