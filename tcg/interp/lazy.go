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

// flags gives the flags that k, a and b, or else cc stand for.
func flags(k flagKind, a, b uint64, cc uint32) uint32 {
	if k == 0 {
		return cc
	}
	return compute(k, a, b, cc)
}

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
func holds(c tcg.Cond, k flagKind, a, b uint64, cc uint32) bool {
	if k&^3 == lazySub {
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
			return c.Holds(compute(k, a, b, cc))
		}
		return r != (c&1 != 0)
	}
	return c.Holds(flags(k, a, b, cc))
}
