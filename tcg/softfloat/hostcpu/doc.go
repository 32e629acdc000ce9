// Package hostcpu runs single instructions on the host CPU with a chosen register
// state, as an oracle for the tests of SIMD and x87 semantics. It works on linux/amd64
// only; nothing but tests may import it.
//
// A page holds a stub: it loads the state with FXRSTOR, FRSTOR, POPF and moves,
// runs the instruction, and stores the state with FXSAVE and FNSAVE. A SIGFPE or
// SIGILL that the instruction raises is caught by a handler in the same page, which makes
// the stub go on behind the instruction.
package hostcpu
