package tcg

import (
	"math/bits"
)

// value is what the values pass knows of a guest register or a temporary.
type value struct {
	kind valueKind
	w    Width  // alias: in how many low bits it holds
	base Ref    // alias: of this register or temporary ...
	ver  uint32 // ... as it was when it had been assigned so often
	c    int64  // the constant, in all 64 bits; alias: what is added to base
}

type valueKind uint8

const (
	unknown valueKind = iota
	constant
	alias // temporaries only: base + c
)

// values propagates constants and copies forward, folds what is constant, and
// moves address arithmetic into memory operands.
//
// Only temporaries are replaced by what they are a copy of, and only by guest registers or older
// temporaries: guest registers cost nothing to read, and temporaries must not live longer.
// A constant goes where an immediate may stand, if it fits in 32 bits.
func (z *optimiser) values(b *Block) {
	clear(z.val[:refTmp+Ref(b.Temps)])
	clear(z.ver[:])
	z.key = b.Key
	for i := range b.Ops {
		o := &b.Ops[i]
		if o.HasMem() {
			z.address(o)
		}
		z.operands(o)
		v := z.fold(o)
		z.assign(o, v)
	}
}

// know gives what is known of r now.
func (z *optimiser) know(r Ref) value {
	if r == None || r >= RefImm && !r.IsTemp() {
		return value{}
	}
	if r.IsHigh() {
		v := z.know(Reg(r.Index()))
		if v.kind != constant {
			return value{}
		}
		return value{kind: constant, c: v.c >> 8 & 0xff}
	}
	v := z.val[r]
	if v.kind == alias && v.base.IsReg() && z.ver[v.base.Index()] != v.ver {
		return value{}
	}
	return v
}

// trunc gives the low bits of c, zero-extended; sext sign-extended.
func trunc(c int64, w Width) int64 {
	switch w {
	case W8:
		return int64(uint8(c))
	case W16:
		return int64(uint16(c))
	case W32:
		return int64(uint32(c))
	}
	return c
}

func sext(c int64, w Width) int64 {
	switch w {
	case W8:
		return int64(int8(c))
	case W16:
		return int64(int16(c))
	case W32:
		return int64(int32(c))
	}
	return c
}

func fits32(c int64) bool { return c == int64(int32(c)) }

// isStack tells whether a flat address with this base faults with #SS instead of #GP.
func isStack(r Ref) bool { return r == Reg(4) || r == Reg(5) }

// address folds what is known of base and index into the displacement.
func (z *optimiser) address(o *Op) {
	if v := z.know(o.A); o.A.IsTemp() || o.Code == Lea {
		switch {
		case v.kind == constant:
			z.redisp(o, None, o.B, v.c)
		case v.kind == alias && v.w >= o.AddrW && !(isStack(v.base) && o.Seg == SegNone && o.Code != Lea):
			z.redisp(o, v.base, o.B, v.c)
		}
	}
	switch v := z.know(o.B); {
	case v.kind == constant:
		if z.redisp(o, o.A, None, v.c<<o.Scale) {
			o.Scale = 0
		}
	case v.kind == alias && v.w >= o.AddrW:
		z.redisp(o, o.A, v.base, v.c<<o.Scale)
	}
}

// redisp replaces base and index and adds c to the displacement, if the sum can be encoded.
func (z *optimiser) redisp(o *Op, base, index Ref, c int64) bool {
	d := sext(o.Disp+c, o.AddrW)
	if (base != None || index != None) && !fits32(d) {
		return false
	}
	o.A, o.B, o.Disp = base, index, d
	return true
}

var commutes = [NumOpcodes]bool{Add: true, Adc: true, And: true, Or: true, Xor: true, Imul: true, Test: true}

// operands replaces the value operands of o.
func (z *optimiser) operands(o *Op) {
	s := infos[o.Code].shape
	aw := o.W
	switch {
	case s&hasSrcW != 0:
		aw = o.SrcW
	case o.Code == ChkIP || o.Code == JmpInd:
		aw = W64 // W is that of the push, or of the stack pointer
	}
	if s&hasA != 0 {
		if commutes[o.Code] && o.A.IsTemp() && o.B != RefImm && z.know(o.A).kind == constant {
			o.A, o.B = o.B, o.A
		}
		o.A = z.operand(o, o.A, aw, s&immA != 0)
	}
	if s&hasB != 0 {
		o.B = z.operand(o, o.B, o.W, s&immB != 0)
	}
	if s&(hasC|optC) != 0 {
		// A register stored is as good as an immediate, and shorter.
		imm := s&immC != 0 && (o.C.IsTemp() || o.Code == Shld || o.Code == Shrd || o.Code == Rmw) &&
			!(o.Code == Rmw && (o.Dst != None || o.Sub == Mov)) // XADD and XCHG take a register
		o.C = z.operand(o, o.C, o.W, imm)
	}
}

// operand gives what may stand for r, of which the low w bits are read.
func (z *optimiser) operand(o *Op, r Ref, w Width, imm bool) Ref {
	if r == RefImm {
		return r
	}
	switch v := z.know(r); v.kind {
	case constant:
		c := sext(v.c, w)
		if imm && (fits32(c) || o.Code == Mov) {
			o.Imm = c
			return RefImm
		}
	case alias:
		if v.c == 0 && v.w >= w {
			return v.base
		}
	}
	return r
}

// constOf gives the value of an operand if it is constant.
func (z *optimiser) constOf(o *Op, r Ref) (int64, bool) {
	if r == RefImm {
		return o.Imm, true
	}
	v := z.know(r)
	return v.c, v.kind == constant
}

// move makes o a Mov of r or, if r is RefImm, of c.
func (o *Op) move(r Ref, c int64) {
	*o = Op{Code: Mov, W: o.W, Dst: o.Dst, A: r, Imm: c, Seg: SegNone}
}

// fold simplifies o and gives what is known of its destination's low W bits.
func (z *optimiser) fold(o *Op) value {
	switch o.Code {
	case ChkIP:
		if c, ok := z.constOf(o, o.A); ok && z.key.ValidIP(uint64(c)) {
			*o = Op{Code: Nop}
		}
		return value{}
	case JmpInd:
		if c, ok := z.constOf(o, o.A); ok && z.key.ValidIP(uint64(c)) && !z.key.Float {
			to := Op{Code: Jmp, W: W64, Seg: SegNone, Imm: c}
			if o.Link == LinkCall {
				to.Link, to.Disp = LinkCall, o.Disp
			}
			*o = to
		}
		return value{}
	case Jz, Jnz:
		if c, ok := z.constOf(o, o.A); ok {
			to := o.Imm
			if (trunc(c, o.W) == 0) != (o.Code == Jz) {
				to = o.Disp
			}
			*o = Op{Code: Jmp, W: W64, Seg: SegNone, Imm: to}
		}
		return value{}
	case Lea:
		return z.foldLea(o)
	}
	s := infos[o.Code].shape
	if s&(hasDst|hasA) != hasDst|hasA || s&dstReg != 0 {
		return value{}
	}
	a, aOK := z.constOf(o, o.A)
	b, bOK := z.constOf(o, o.B)
	if s&hasC != 0 { // Shld, Shrd: only a count of 0 is looked at
		b, bOK = z.constOf(o, o.C)
		aOK = false
	}
	if c, ok := foldConst(o, a, aOK, b, bOK); ok {
		if !o.SetF {
			o.move(RefImm, sext(c, o.W))
		}
		return value{kind: constant, c: trunc(c, o.W)}
	}
	if bOK && z.identity(o, b) {
		o.move(o.A, 0)
	}
	return z.copied(o)
}

func (z *optimiser) foldLea(o *Op) value {
	if o.Rel {
		return value{}
	}
	if o.A == None && o.B != None && o.Scale == 0 {
		o.A, o.B = o.B, None
	}
	switch {
	case o.A == None && o.B == None:
		c := trunc(o.Disp, o.AddrW)
		o.move(RefImm, sext(c, o.W))
		return value{kind: constant, c: trunc(c, o.W)}
	case o.B != None:
		return value{}
	case o.Disp == 0 && o.AddrW >= o.W:
		o.move(o.A, 0)
		return z.copied(o)
	}
	return z.plus(o.A, o.Disp, min(o.W, o.AddrW))
}

// identity tells whether o, whose second operand (count, for double shifts) is b, just copies A and leaves the flags alone.
func (z *optimiser) identity(o *Op, b int64) bool {
	switch o.Code {
	case Shl, Shr, Sar, Rol, Ror, Rcl, Rcr, Shld, Shrd:
		n := b & 31
		if o.W == W64 {
			n = b & 63
		}
		return n == 0
	case Add, Sub, Or, Xor:
		return !o.SetF && trunc(b, o.W) == 0
	case And:
		return !o.SetF && sext(b, o.W) == -1
	}
	return false
}

// copied gives what a destination is a copy of.
func (z *optimiser) copied(o *Op) value {
	c := o.Imm
	switch o.Code {
	case Mov:
		return z.plus(o.A, 0, o.W)
	case Zext, Sext:
		return z.plus(o.A, 0, o.SrcW)
	case Add, Sub:
		if o.B != RefImm {
			return value{}
		}
		if o.Code == Sub {
			c = -c
		}
		return z.plus(o.A, c, o.W)
	case Inc:
		return z.plus(o.A, 1, o.W)
	case Dec:
		return z.plus(o.A, -1, o.W)
	}
	return value{}
}

// plus is the value r + c, in w bits.
func (z *optimiser) plus(r Ref, c int64, w Width) value {
	switch {
	case r.IsTemp():
		if v := z.know(r); v.kind == alias {
			v.c += c
			v.w = min(v.w, w)
			return v
		}
		return value{kind: alias, base: r, c: c, w: w}
	case r.IsReg():
		return value{kind: alias, base: r, ver: z.ver[r.Index()], c: c, w: w}
	}
	return value{}
}

// assign notes that o has written its destinations, and v for Dst.
func (z *optimiser) assign(o *Op, v value) {
	if o.Dst.IsTemp() {
		if v.kind == alias {
			// A displacement counts only in the bits for which the alias holds.
			v.c = sext(v.c, v.w)
		}
		z.val[o.Dst] = v
		return
	}
	_, writes, _ := o.regs()
	if writes == 0 {
		return
	}
	old := value{}
	if writes&(writes-1) == 0 {
		old = z.val[Reg(bits.TrailingZeros16(uint16(writes)))]
	}
	for s := writes; s != 0; s &= s - 1 {
		n := bits.TrailingZeros16(uint16(s))
		z.ver[n]++
		z.val[Reg(n)] = value{}
	}
	if v.kind != constant || o.Dst == None {
		return
	}
	switch {
	case o.Dst.IsHigh():
		if old.kind == constant {
			old.c = old.c&^0xff00 | v.c&0xff<<8
			z.val[Reg(o.Dst.Index())] = old
		}
	case o.W >= W32:
		z.val[o.Dst] = v
	case old.kind == constant:
		mask := int64(1)<<o.W.Bits() - 1
		old.c = old.c&^mask | v.c&mask
		z.val[o.Dst] = old
	}
}

// foldConst computes an op on constants; only the low W bits of the result count.
func foldConst(o *Op, a int64, aOK bool, b int64, bOK bool) (int64, bool) {
	if !aOK {
		switch {
		case (o.Code == Xor || o.Code == Sub) && o.A == o.B:
			return 0, true
		case o.Code == And && bOK && trunc(b, o.W) == 0:
			return 0, true
		}
		return 0, false
	}
	switch o.Code {
	case Mov:
		return a, true
	case Zext:
		return trunc(a, o.SrcW), true
	case Sext:
		return sext(a, o.SrcW), true
	case Bswap:
		switch o.W {
		case W64:
			return int64(bits.ReverseBytes64(uint64(a))), true
		case W32:
			return int64(bits.ReverseBytes32(uint32(a))), true
		}
		return 0, false
	case Inc:
		return a + 1, true
	case Dec:
		return a - 1, true
	case Neg:
		return -a, true
	case Not:
		return ^a, true
	}
	if !bOK {
		return 0, false
	}
	n := uint(b & 31)
	if o.W == W64 {
		n = uint(b & 63)
	}
	switch o.Code {
	case Add:
		return a + b, true
	case Sub:
		return a - b, true
	case And:
		return a & b, true
	case Or:
		return a | b, true
	case Xor:
		return a ^ b, true
	case Imul:
		return a * b, true
	case Shl:
		return a << n, true
	case Shr:
		return int64(uint64(trunc(a, o.W)) >> n), true
	case Sar:
		return sext(a, o.W) >> n, true
	}
	return 0, false
}
