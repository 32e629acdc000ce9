package interp

import "goemu/tcg"

// The manuals leave some flags undefined. The interpreter gives them the values
// that AMD's Zen processors give, or leaves them as they were:
//
//	AND OR XOR TEST     A is 0
//	SHL SHR SAR         A is 1; O for counts above 1 as for the last bit shifted:
//	                    SHL: top bit of the result XOR C, else the XOR of its two top bits
//	SHLD SHRD           the same; 16-bit counts above 16 shift in the second operand again,
//	                    C is 0, and O for SHLD; 16-bit SHLD by 16: O is C
//	ROL ROR RCL RCR     O for counts above 1: ROL, RCL top bit XOR C, else XOR of the two top bits
//	MUL IMUL            S Z A P unchanged
//	DIV IDIV            all flags unchanged (processors differ)
//	BSF BSR             all but Z unchanged; source 0: destination unchanged
//	TZCNT LZCNT         S A P are 0, O unchanged
//	BT BTS BTR BTC      all but C unchanged
//	ANDN BLSI BLSMSK BLSR BZHI    P of the result, A is 0
//	BEXTR               P of the result, A is 1, S is 0
//	BSWAP 16-bit        result 0

// Undefined is the set of flags that the manuals leave undefined after an op: comparisons
// with other processors leave them out. count is the masked count of a shift.
func Undefined(o *tcg.Op, count int) tcg.Flags {
	code := o.Code
	if code == tcg.Rmw {
		code = o.Sub
	}
	f := tcg.Flags(0)
	switch code {
	case tcg.And, tcg.Or, tcg.Xor, tcg.Test:
		return tcg.FlagA
	case tcg.Shld, tcg.Shrd:
		if count > o.W.Bits() {
			return tcg.FlagsAll
		}
		fallthrough
	case tcg.Shl, tcg.Shr, tcg.Sar:
		if count == 0 {
			return 0
		}
		f = tcg.FlagA
		if count > o.W.Bits() && code != tcg.Sar {
			f |= tcg.FlagC
		}
		if count > 1 {
			f |= tcg.FlagO
		}
		return f
	case tcg.Rol, tcg.Ror, tcg.Rcl, tcg.Rcr:
		if count > 1 {
			return tcg.FlagO
		}
	case tcg.Imul, tcg.MulX, tcg.ImulX:
		return tcg.FlagS | tcg.FlagZ | tcg.FlagA | tcg.FlagP
	case tcg.DivX, tcg.IdivX:
		return tcg.FlagsAll
	case tcg.Bsf, tcg.Bsr:
		return tcg.FlagsAll &^ tcg.FlagZ
	case tcg.Tzcnt, tcg.Lzcnt:
		return tcg.FlagS | tcg.FlagA | tcg.FlagP | tcg.FlagO
	case tcg.Andn, tcg.Blsi, tcg.Blsmsk, tcg.Blsr, tcg.Bzhi:
		return tcg.FlagA | tcg.FlagP
	case tcg.Bextr:
		return tcg.FlagS | tcg.FlagA | tcg.FlagP
	case tcg.Bt, tcg.Bts, tcg.Btr, tcg.Btc:
		return tcg.FlagsAll &^ (tcg.FlagC | tcg.FlagZ)
	}
	return f
}
