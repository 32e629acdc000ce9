#include "textflag.h"

// func cas128(p unsafe.Pointer, lo, hi, newLo, newHi uint64) (oldLo, oldHi uint64, equal bool)
TEXT ·cas128(SB), NOSPLIT, $0-57
	MOVQ p+0(FP), SI
	MOVQ lo+8(FP), AX
	MOVQ hi+16(FP), DX
	MOVQ newLo+24(FP), BX
	MOVQ newHi+32(FP), CX
	LOCK
	CMPXCHG16B (SI)
	MOVQ AX, oldLo+40(FP)
	MOVQ DX, oldHi+48(FP)
	SETEQ equal+56(FP)
	RET
