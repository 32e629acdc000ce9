#include "textflag.h"

// func call(fn uintptr)
TEXT ·call(SB), NOSPLIT, $64-8
	MOVQ fn+0(FP), AX
	CALL AX
	RET
