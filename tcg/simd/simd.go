// Package simd executes the legacy-encoded SIMD instructions of x86 in portable
// Go: MMX, SSE to SSE4.2, AES-NI, PCLMULQDQ and SHA, as in volume 2 of the
// Intel SDM. Floating-point results, exception flags and NaNs are those of the
// hardware bit for bit. VEX encodings are not covered.
package simd

import "goemu/tcg"

// Exec runs the tcg.Vec operation op. mem holds the memory operand on entry if
// op.MemRd, the rest zero, and on return what is to be stored if op.MemWr.
// It returns the MXCSR exception bits (bits 5..0) that are unmasked; then only the
// sticky flags of MXCSR have changed and the caller raises #XM.
func Exec(env *tcg.Env, op *tcg.Op, mem *[16]byte) (unmasked uint32) {
	return 0
}

// Known tells whether Exec implements the instruction e. Others raise #UD.
func Known(e tcg.Enc) bool { return false }
