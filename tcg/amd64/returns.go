//go:build linux && amd64

package amd64

import (
	"unsafe"

	"goemu/tcg"
)

// Returns are predicted by the host: a guest call pushes the guest's return address on the stack of generated code
// (Env.Shadow) and does a host call, behind which the code goes on to the block at that address. A
// guest return whose target is the newest entry's is a host return; any other drops that entry and
// takes the jump cache. The vCPU loop drops all entries (Env.DropReturns) when mode, mapping or blocks change.

// noReturn is the guest address of the sentinel. A return to it ends in a stub that looks it up, as any other. It
// is canonical, as popReturn asks only of returns elsewhere whether they can be at all.
const noReturn = 0xffff_8000_5a5a_0001

// initShadow makes env's stack of returns empty.
func (e *Engine) initShadow(env *tcg.Env) {
	env.Shadow[tcg.ShadowSlots-2] = e.sentinelStub()
	env.Shadow[tcg.ShadowSlots-1] = noReturn
	env.ShadowTop = uint64(uintptr(unsafe.Pointer(&env.Shadow[tcg.ShadowSlots-2])))
	env.ShadowLow = uint64(uintptr(unsafe.Pointer(&env.Shadow[8])))
	env.DropReturns()
}

// sentinelStub is the host address of the sentinel.
func (e *Engine) sentinelStub() uint64 { return uint64(e.rx) + uint64(e.stubs.sentinel) }

// leaveStack returns to Go, on Go's stack.
func (a *asm) leaveStack() {
	a.rm(opMovStore|rexW, rsp, env(offShadowSP))
	a.rm(opMovLoad|rexW, rsp, env(offHostSP))
	a.byte(0x59) // POP RCX
	a.rr(0xff, 4, rcx)
}

// pushReturn writes the call's side of the pairing: code for the return to rip is laid behind the host's call, and what
// follows is where that call goes. RAX is kept; the flags are in Env.CC.
func (c *compiler) pushReturn(rip uint64) {
	c.aluRM(aluCmp, tcg.W64, rsp, env(offShadowLow))
	c.addCold(stub{kind: coldShadow, from: c.jcc(tcg.CondB), back: c.n})
	c.loadRIP(rcx, rip)
	c.byte(0x51) // PUSH RCX
	c.byte(0xe8) // CALL
	c.imm32(0)
	from := c.n - 4
	c.rm(opLea|rexW, rsp, mem{base: rsp, index: noReg, disp: 8})
	c.noteRIP(rip)
	c.finishEdge(c.newEdge(rip))
	c.patch(from, c.n)
}

// popReturn writes a return to the RIP in RAX. The flags are in Env.CC.
func (c *compiler) popReturn() {
	c.aluRM(aluCmp, tcg.W64, rax, mem{base: rsp, index: noReg, disp: 8})
	c.addCold(stub{kind: coldReturn, from: c.jcc(tcg.CondNE)})
	c.byte(0xc3)
}

// mismatch writes the cold end of popReturn.
func (c *compiler) mismatch() {
	c.checkIP()
	c.aluRM(aluCmp, tcg.W64, rsp, env(offShadowTop))
	empty := c.jcc8(tcg.CondE)
	c.rm(opLea|rexW, rsp, mem{base: rsp, index: noReg, disp: 16})
	c.here8(empty)
	c.lookUp(c.jumpCache())
}
