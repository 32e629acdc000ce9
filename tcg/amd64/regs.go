//go:build linux && amd64

package amd64

import (
	"unsafe"

	"goemu/mmu"
	"goemu/tcg"
)

// pin gives the host register of each guest register, noReg for those that stay in Env.GPR.
// RBX, RSI, RDI and RBP keep their numbers because they need no REX prefix; RSP is in R14, which as
// a base needs neither SIB nor displacement.
var pin = [16]reg{
	0: r11, 1: r12, 2: r10, 3: rbx, 4: r14, 5: rbp, 6: rsi, 7: rdi,
	8: r8, 9: r9, 10: noReg, 11: noReg, 12: r13, 13: noReg, 14: noReg, 15: noReg,
}

// Displacements from R15 of what generated code and the trampolines use.
const (
	offGPR         = int(unsafe.Offsetof(tcg.Env{}.GPR)) - tcg.EnvBias
	offExitReq     = int(unsafe.Offsetof(tcg.Env{}.ExitReq)) - tcg.EnvBias
	offCC          = int(unsafe.Offsetof(tcg.Env{}.CC)) - tcg.EnvBias
	offIntrPending = int(unsafe.Offsetof(tcg.Env{}.IntrPending)) - tcg.EnvBias
	offBudget      = int(unsafe.Offsetof(tcg.Env{}.Budget)) - tcg.EnvBias
	offRIP         = int(unsafe.Offsetof(tcg.Env{}.RIP)) - tcg.EnvBias
	offEFlags      = int(unsafe.Offsetof(tcg.Env{}.EFlags)) - tcg.EnvBias
	offSSELive     = int(unsafe.Offsetof(tcg.Env{}.SSELive)) - tcg.EnvBias
	offSSEOK       = int(unsafe.Offsetof(tcg.Env{}.SSEOK)) - tcg.EnvBias
	offAVXLive     = int(unsafe.Offsetof(tcg.Env{}.AVXLive)) - tcg.EnvBias
	offAVXOK       = int(unsafe.Offsetof(tcg.Env{}.AVXOK)) - tcg.EnvBias
	offYMMUsed     = int(unsafe.Offsetof(tcg.Env{}.YMMUsed)) - tcg.EnvBias
	offX87Live     = int(unsafe.Offsetof(tcg.Env{}.X87Live)) - tcg.EnvBias
	offX87OK       = int(unsafe.Offsetof(tcg.Env{}.X87OK)) - tcg.EnvBias
	offSegBase     = int(unsafe.Offsetof(tcg.Env{}.SegBase)) - tcg.EnvBias
	offSegRdTop    = int(unsafe.Offsetof(tcg.Env{}.SegRdTop)) - tcg.EnvBias
	offSegWrTop    = int(unsafe.Offsetof(tcg.Env{}.SegWrTop)) - tcg.EnvBias
	offKernelGS    = int(unsafe.Offsetof(tcg.Env{}.KernelGS)) - tcg.EnvBias
	offCR2         = int(unsafe.Offsetof(tcg.Env{}.CR2)) - tcg.EnvBias
	offQuota       = int(unsafe.Offsetof(tcg.Env{}.Quota)) - tcg.EnvBias
	offPage        = int(unsafe.Offsetof(tcg.Env{}.Page)) - tcg.EnvBias
	offExitCode    = int(unsafe.Offsetof(tcg.Env{}.ExitCode)) - tcg.EnvBias
	offExitSite    = int(unsafe.Offsetof(tcg.Env{}.ExitSite)) - tcg.EnvBias
	offExitBlock   = int(unsafe.Offsetof(tcg.Env{}.ExitBlock)) - tcg.EnvBias
	offMemWrite    = int(unsafe.Offsetof(tcg.Env{}.MemWrite)) - tcg.EnvBias
	offMemAddr     = int(unsafe.Offsetof(tcg.Env{}.MemAddr)) - tcg.EnvBias
	offResume      = int(unsafe.Offsetof(tcg.Env{}.Resume)) - tcg.EnvBias
	offX87IP       = int(unsafe.Offsetof(tcg.Env{}.X87IP)) - tcg.EnvBias
	offX87DP       = int(unsafe.Offsetof(tcg.Env{}.X87DP)) - tcg.EnvBias
	offX87Op       = int(unsafe.Offsetof(tcg.Env{}.X87Op)) - tcg.EnvBias
	offInsns       = int(unsafe.Offsetof(tcg.Env{}.Insns)) - tcg.EnvBias
	offSpill       = int(unsafe.Offsetof(tcg.Env{}.Spill)) - tcg.EnvBias
	offMXCSR       = int(unsafe.Offsetof(tcg.Env{}.MXCSR)) - tcg.EnvBias
	offXMM         = int(unsafe.Offsetof(tcg.Env{}.XMM)) - tcg.EnvBias
	offZMMH        = int(unsafe.Offsetof(tcg.Env{}.ZMMH)) - tcg.EnvBias
	offYMMH        = int(unsafe.Offsetof(tcg.Env{}.YMMH)) - tcg.EnvBias
	offX87         = int(unsafe.Offsetof(tcg.Env{}.X87)) - tcg.EnvBias
	offVictimsLeft = int(unsafe.Offsetof(tcg.Env{}.VictimsLeft)) - tcg.EnvBias
	offTLB         = int(unsafe.Offsetof(tcg.Env{}.TLB)) - tcg.EnvBias
	offVictim      = offTLB + int(unsafe.Offsetof(mmu.TLB{}.Victim))
	offTLBWrite    = offTLB + int(unsafe.Offsetof(mmu.TLB{}.Write))
	offHostSP      = int(unsafe.Offsetof(tcg.Env{}.HostSP)) - tcg.EnvBias
	offShadowSP    = int(unsafe.Offsetof(tcg.Env{}.ShadowSP)) - tcg.EnvBias
	offShadowTop   = int(unsafe.Offsetof(tcg.Env{}.ShadowTop)) - tcg.EnvBias
	offShadowLow   = int(unsafe.Offsetof(tcg.Env{}.ShadowLow)) - tcg.EnvBias
	offJumpCache   = int(unsafe.Offsetof(tcg.Env{}.JumpCache)) - tcg.EnvBias

	tlbTable  = mmu.TLBEntries * tlbEntry // bytes of one table
	tlbEntry  = int(unsafe.Sizeof(mmu.TLBEntry{}))
	victims   = mmu.Victims * tlbEntry // bytes of the victims of one table
	addendOff = int(unsafe.Offsetof(mmu.TLBEntry{}.Addend))
	jumpEntry = int(unsafe.Sizeof(tcg.JumpEntry{}))

	// for the trampolines
	envBias  = tcg.EnvBias
	ymmZero  = tcg.YMMZero
	ymmInUse = tcg.YMMInUse

	// rdxSlot is the spill slot in which a miss keeps RDX; recipeSlot holds an operand saved for a recipe.
	rdxSlot    = tcg.SpillSlots - 1
	recipeSlot = tcg.SpillSlots - 2
	freeSlots  = tcg.SpillSlots - 2
)

// env is the memory operand of an Env field.
func env(off int) mem { return mem{base: r15, index: noReg, disp: int32(off)} }

func gprMem(i int) mem   { return env(offGPR + 8*i) }
func spillMem(i int) mem { return env(offSpill + 8*i) }
