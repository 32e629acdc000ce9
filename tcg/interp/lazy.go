package interp

import "goemu/tcg"

// flagKind says how arithmetic flags follow from the operands last computed with: an operation in the upper bits,
// the width in the lower two. Operands are kept shifted to the top of 64 bits. 0: the flags are in cc.
type flagKind uint8

// Operations. AND, OR, XOR and TEST leave the flags of a subtraction of 0 from the result.
const (
	lazySub flagKind = (iota + 1) << 2
	lazyAdd
	lazyInc // C stays as in cc
	lazyDec
	lazyShl // by b, not 0
	lazyShr
	lazySar
)

// flags gives the arithmetic flags.
func (x *run) flags() uint32 {
	if x.k == 0 {
		return x.cc
	}
	return compute(x.k, x.la, x.lb, x.cc)
}

// settle brings them into x.cc.
func (x *run) settle() {
	if x.k != 0 {
		x.cc, x.k = compute(x.k, x.la, x.lb, x.cc), 0
	}
}

// compute gives the flags that k, a and b stand for; cc are the flags before.
func compute(k flagKind, a, b uint64, cc uint32) uint32 {
	w := tcg.Width(k & 3)
	sh := uint(64-w.Bits()) & 63
	a >>= sh
	switch k &^ 3 {
	case lazySub:
		b >>= sh
		return subFlags(a, b, a-b, sh)
	case lazyAdd:
		b >>= sh
		return addFlags(a, b, a+b, sh)
	case lazyInc:
		return incFlags(a, a+1, sh, cc)
	case lazyDec:
		return decFlags(a, a-1, sh, cc)
	case lazyShl:
		_, cc = shift(tcg.Shl, w, a, b, cc)
	case lazyShr:
		_, cc = shift(tcg.Shr, w, a, b, cc)
	case lazySar:
		_, cc = shift(tcg.Sar, w, a, b, cc)
	}
	return cc
}

// holds evaluates a condition.
func (x *run) holds(c tcg.Cond) bool {
	if x.k&^3 == lazySub {
		a, b := x.la, x.lb
		var r bool
		switch c >> 1 {
		case tcg.CondB >> 1:
			r = a < b
		case tcg.CondE >> 1:
			r = a == b
		case tcg.CondBE >> 1:
			r = a <= b
		case tcg.CondS >> 1:
			r = int64(a-b) < 0
		case tcg.CondL >> 1:
			r = int64(a) < int64(b)
		case tcg.CondG >> 1:
			r = int64(a) <= int64(b)
		default:
			return c.Holds(x.flags())
		}
		return r != (c&1 != 0)
	}
	return c.Holds(x.flags())
}
