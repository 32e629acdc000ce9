// Package amd64 is the native back end for amd64 hosts: it turns micro-ops
// (tcg.Block) into host code and runs it.
//
// It follows the AMD64 Architecture Programmer's Manual vol. 3-5 and the Intel SDM
// vol. 2 for encodings. What an op means is said in package tcg; this package only
// does the common case of each and leaves by an exit (tcg.Exit...) for the rest.
//
// # Host registers
//
// R15 holds &Env+tcg.EnvBias. RAX, RCX and RDX are scratch. RSP is Go's stack pointer and is never
// touched. The other 11 hold guest registers (see pin); guest R10, R11, R13, R14 and R15 stay in Env.GPR.
//
// # Flags
//
// The guest's arithmetic flags are at each point of a block in one or more of three places: host EFLAGS, Env.CC,
// or a recipe (an instruction whose operands are still there and that makes them again). See flags.go.
//
// # Exits
//
// Generated code leaves through a descriptor in the code arena that names the exit code, the
// site, the block and the host address at which to go on. See stubs.go and cold.go.
//
// It does not decide what to translate, look up blocks, or handle exits: emu/accel does.
package amd64
