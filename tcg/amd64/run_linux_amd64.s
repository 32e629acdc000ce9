#include "go_asm.h"
#include "textflag.h"

#define GPR(n) (const_offGPR+8*n)(R15)
#define XMM(n) (const_offXMM+16*n)(R15)
#define YMMH(n) (const_offYMMH+16*n)(R15)

DATA goMXCSR<>+0(SB)/4, $0x1f80
GLOBL goMXCSR<>(SB), RODATA|NOPTR, $4

// func run(env *tcg.Env, code, enter uintptr)
// Loads the pinned registers, calls code through the stub enter, which switches stacks, and stores them again. The ABI wrapper around this function restores
// R14 and X15. Guest calls and returns are the host's, so that on the way out the host's predictor of returns is out of
// step: jumps take the place of returns.
TEXT ·run(SB), NOSPLIT|NOFRAME, $0-24
	MOVQ env+0(FP), R15
	MOVQ code+8(FP), CX
	MOVQ enter+16(FP), AX
	PUSHQ BP
	ADDQ $const_envBias, R15
	MOVQ GPR(0), R11
	MOVQ GPR(1), R12
	MOVQ GPR(2), R10
	MOVQ GPR(3), BX
	MOVQ GPR(4), R14
	MOVQ GPR(5), BP
	MOVQ GPR(6), SI
	MOVQ GPR(7), DI
	MOVQ GPR(8), R8
	MOVQ GPR(9), R9
	MOVQ GPR(12), R13
	CALL AX
	MOVQ R11, GPR(0)
	MOVQ R12, GPR(1)
	MOVQ R10, GPR(2)
	MOVQ BX, GPR(3)
	MOVQ R14, GPR(4)
	MOVQ BP, GPR(5)
	MOVQ SI, GPR(6)
	MOVQ DI, GPR(7)
	MOVQ R8, GPR(8)
	MOVQ R9, GPR(9)
	MOVQ R13, GPR(12)
	CMPB const_offSSELive(R15), $0
	JEQ  done
	CMPB const_offAVXLive(R15), $0
	JNE  upper
lower:
	MOVUPS X0, XMM(0)
	MOVUPS X1, XMM(1)
	MOVUPS X2, XMM(2)
	MOVUPS X3, XMM(3)
	MOVUPS X4, XMM(4)
	MOVUPS X5, XMM(5)
	MOVUPS X6, XMM(6)
	MOVUPS X7, XMM(7)
	MOVUPS X8, XMM(8)
	MOVUPS X9, XMM(9)
	MOVUPS X10, XMM(10)
	MOVUPS X11, XMM(11)
	MOVUPS X12, XMM(12)
	MOVUPS X13, XMM(13)
	MOVUPS X14, XMM(14)
	MOVUPS X15, XMM(15)
	STMXCSR const_offMXCSR(R15)
	LDMXCSR goMXCSR<>(SB)
	MOVB $0, const_offSSELive(R15)
done:
	POPQ BP
	POPQ CX
	JMP  CX
upper: // First, as some processors are slow at SSE while upper halves are in use. All are 0 unless YMMUsed is YMMInUse.
	MOVB $0, const_offAVXLive(R15)
	CMPB const_offYMMUsed(R15), $const_ymmInUse
	JCS  lower
	JNE  zeroed
	VEXTRACTF128 $1, Y0, YMMH(0)
	VEXTRACTF128 $1, Y1, YMMH(1)
	VEXTRACTF128 $1, Y2, YMMH(2)
	VEXTRACTF128 $1, Y3, YMMH(3)
	VEXTRACTF128 $1, Y4, YMMH(4)
	VEXTRACTF128 $1, Y5, YMMH(5)
	VEXTRACTF128 $1, Y6, YMMH(6)
	VEXTRACTF128 $1, Y7, YMMH(7)
	VEXTRACTF128 $1, Y8, YMMH(8)
	VEXTRACTF128 $1, Y9, YMMH(9)
	VEXTRACTF128 $1, Y10, YMMH(10)
	VEXTRACTF128 $1, Y11, YMMH(11)
	VEXTRACTF128 $1, Y12, YMMH(12)
	VEXTRACTF128 $1, Y13, YMMH(13)
	VEXTRACTF128 $1, Y14, YMMH(14)
	VEXTRACTF128 $1, Y15, YMMH(15)
	VZEROUPPER
	JMP  lower
zeroed:
	MOVB $const_ymmZero, const_offYMMUsed(R15)
	MOVUPS X0, XMM(0)
	PXOR X0, X0
	MOVUPS X0, YMMH(0)
	MOVUPS X0, YMMH(1)
	MOVUPS X0, YMMH(2)
	MOVUPS X0, YMMH(3)
	MOVUPS X0, YMMH(4)
	MOVUPS X0, YMMH(5)
	MOVUPS X0, YMMH(6)
	MOVUPS X0, YMMH(7)
	MOVUPS X0, YMMH(8)
	MOVUPS X0, YMMH(9)
	MOVUPS X0, YMMH(10)
	MOVUPS X0, YMMH(11)
	MOVUPS X0, YMMH(12)
	MOVUPS X0, YMMH(13)
	MOVUPS X0, YMMH(14)
	MOVUPS X0, YMMH(15)
	MOVUPS XMM(0), X0
	JMP  lower

// func fnsave(p *byte)
TEXT ·fnsave(SB), NOSPLIT, $0-8
	MOVQ p+0(FP), AX
	BYTE $0xdd; BYTE $0x30 // FNSAVE [RAX]
	RET

// func cpuid(leaf, sub uint32) (a, b, c, d uint32)
TEXT ·cpuid(SB), NOSPLIT, $0-24
	MOVL leaf+0(FP), AX
	MOVL sub+4(FP), CX
	CPUID
	MOVL AX, a+8(FP)
	MOVL BX, b+12(FP)
	MOVL CX, c+16(FP)
	MOVL DX, d+20(FP)
	RET

// func xgetbv() (lo uint32)
TEXT ·xgetbv(SB), NOSPLIT, $0-4
	XORL CX, CX
	XGETBV
	MOVL AX, lo+0(FP)
	RET

// Offsets in the kernel's ucontext_t of the interrupted R15 and RIP.
#define UC_R15 96
#define UC_RIP 168

// The signal handler: DI signal, SI siginfo, DX ucontext. It uses only registers that C functions may destroy.
TEXT sigurg<>(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ UC_RIP(DX), AX
	LEAQ ·arenas(SB), CX
	MOVL $const_maxArenas, R8
next:
	CMPQ AX, 0(CX)
	JCS  other
	CMPQ AX, 8(CX)
	JCC  other
	MOVQ UC_R15(DX), R9
	LOCK
	ORL  $1, const_offExitReq(R9)
	JMP  chain
other:
	ADDQ $16, CX
	DECL R8
	JNE  next
chain:
	MOVQ ·goHandler(SB), AX
	JMP  AX

// func sigurgPC() uintptr
TEXT ·sigurgPC(SB), NOSPLIT, $0-8
	LEAQ sigurg<>(SB), AX
	MOVQ AX, ret+0(FP)
	RET
