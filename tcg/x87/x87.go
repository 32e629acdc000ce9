// Package x87 executes the x87 floating-point instructions in portable Go, as
// in volume 1 chapter 8 and volume 2 of the Intel SDM, on the FNSAVE image
// in tcg.Env. Where Intel and AMD differ it does as AMD does.
package x87

import "goemu/tcg"

// Exec runs the tcg.Fpu operation op. mem holds the memory operand of
// op.MemBytes bytes on entry if op.MemRd, and on return what is to be stored if
// op.MemWr. It returns false if the encoding is undefined (#UD). An unmasked
// exception sets ES in the status word; the caller raises #MF at the next
// waiting instruction.
func Exec(env *tcg.Env, op *tcg.Op, mem *[128]byte) (ok bool) {
	return false
}
