package tcg

import "goemu/mmu"

// Vec128 is one XMM register, little-endian: element 0 is the low quadword.
type Vec128 [2]uint64

// EnvBias is the distance of the host's env register from the start of Env,
// so that the most used fields are reached with an 8-bit displacement.
const EnvBias = 128

// Sizes of tables in Env that generated code indexes.
const (
	JumpCacheBits    = 13
	JumpCacheEntries = 1 << JumpCacheBits
	SpillSlots       = 32
	ShadowSlots      = 2048
)

// JumpEntry is one entry of the jump cache, indexed by JumpIndex. It hits when
// both RIP and Mode are equal; Code is then the host address of the block's
// entry. Code of an empty entry is the back end's lookup stub, never 0, so that
// even a false hit is harmless.
type JumpEntry struct {
	RIP    uint64
	Mode   uint64
	Code   uint64
	Listed uint64 // for the vCPU loop's book-keeping; generated code does not look at it
}

// NoMode is the Mode of an empty jump-cache entry.
const NoMode = ^uint64(0)

// JumpIndex gives the jump-cache slot of a guest RIP. The page number is mixed in because the starts of functions, of which
// it has many, are aligned.
func JumpIndex(rip uint64) uint64 { return (rip ^ rip>>mmu.PageShift) & (JumpCacheEntries - 1) }

// Env is the part of a vCPU's state that generated code reads and writes. It
// holds no Go pointers and lives outside the Go heap. The offsets of its
// fields are pinned by a test in each back end.
//
// While generated code runs, guest registers may live in host registers; Go
// code sees an Env only between runs, and then every field is current except
// XMM and YMMH (see SSELive) and X87 (see X87Live).
type Env struct {
	GPR [16]uint64 // RAX RCX RDX RBX RSP RBP RSI RDI R8..R15

	// Fields within an 8-bit displacement of the env register.

	ExitReq     uint32    // not 0: leave generated code at the next block head. Written by any thread (atomically).
	CC          uint32    // arithmetic flags in the layout of LAHF and SETO: bits 15..8 SF ZF - AF - PF - CF, bits 7..0 OF
	IntrPending uint32    // not 0: an interrupt waits for IF; STI ors it into ExitReq
	Budget      int32     // -icount: instructions left before generated code must leave
	RIP         uint64    // instruction pointer (offset in CS)
	EFlags      uint32    // all flags but the six arithmetic ones (which are in CC); bit 1 is set
	SSELive     uint8     // 1: XMM and MXCSR are in host registers (only while generated code runs)
	SSEOK       uint8     // 1: guest may run SSE natively (OSFXSR, not EM/TS, all MXCSR exceptions masked)
	X87Live     uint8     // 1: x87 state is in the host FPU, X87 is stale (also between runs)
	X87OK       uint8     // 1: guest may run x87/MMX natively (not EM/TS, all exceptions masked and none pending unmasked)
	SegBase     [6]uint64 // ES CS SS DS FS GS
	AVXLive     uint8     // 1: with SSELive, the upper halves of the YMM registers are in host registers too
	YMMUsed     uint8     // YMMZero, YMMInUse or YMMZeroed; who makes a part of YMMH other than 0 sets YMMInUse
	_           [2]uint8
	Quota       int32  // with a block quota: blocks that generated code may still begin before it must leave
	Page        uint64 // blocks that float (see Key): linear address of the page of their code

	// Further away.

	SegRdTop [6]uint64 // limit+1 for reads: an access of n bytes at offset o is fine if o+n <= SegRdTop; 0: always take the slow path
	SegWrTop [6]uint64 // the same for writes

	KernelGS uint64 // IA32_KERNEL_GS_BASE
	CR2      uint64

	ExitCode  uint32 // why generated code returned: Exit...
	ExitSite  uint32 // block-local number of the side exit or edge
	ExitBlock uint32 // Block.ID of the block that left
	MemWrite  uint32 // ExitTLB: 1 when the access was for writing
	MemAddr   uint64 // ExitTLB: guest-linear address
	Resume    uint64 // host address at which to go on
	HostSP    uint64 // Go's stack pointer while generated code runs
	X87IP     uint64 // RIP of the last x87 instruction that is no control instruction
	X87DP     uint64 // offset of the last memory operand of one

	Insns uint64 // guest instructions executed (maintained only with Options.Count)

	Spill [SpillSlots]uint64 // temporaries of generated code

	MXCSR uint32
	AVXOK uint8 // 1: guest may run VEX forms natively (OSXSAVE, XCR0[2:1] set, not TS, all MXCSR exceptions masked)
	_     [27]uint8
	XMM   [16]Vec128 // 16-byte aligned
	YMMH  [16]Vec128 // bits 255..128 of the YMM registers
	X87   [128]byte  // FNSAVE image, 32-bit protected-mode layout (108 bytes used), but for X87IP, X87DP and X87Op
	X87Op uint32     // opcode of the last x87 instruction that raised an unmasked exception

	VictimsLeft uint32 // pages that generated code may still find among the victims of the TLB before one of them is taken for a miss
	_           [2]uint32

	TLB       mmu.TLB
	JumpCache [JumpCacheEntries]JumpEntry

	// Host return addresses of guest calls: generated code's stack, so that the host predicts returns. An entry
	// is the host address and the guest RIP to return to; the topmost is a sentinel that leads to the look-up stub.
	ShadowSP  uint64 // host address of the newest entry
	ShadowTop uint64 // of the sentinel
	ShadowLow uint64 // below it there is no room for another call
	Shadow    [ShadowSlots]uint64

	ZMMH [16][4]uint64 // bits 511..256 of ZMM0 to ZMM15; ModeZMM says whether any is not 0

	// The interpreter's scratch. After all else, as generated code does not know it.
	File [FileSize]uint64 // operands by Ref: None (0), guest registers, the immediate, temporaries
	Buf  [512]byte        // memory operand of a Vec or Fpu op

	Done  int32 // instructions of the interpreter's block before the one that runs: they are not yet in Budget and Insns
	Again int32 // 1: the Sys instruction that has run is left in the middle, to be run again: it counts when it is complete
}

// States of the upper halves of the YMM registers, so that only guests that use them pay for moving them.
const (
	YMMZero   = 0 // all are 0, and so is YMMH
	YMMInUse  = 1 // YMMH holds them, or the host's registers if AVXLive
	YMMZeroed = 2 // all are 0, but YMMH is not yet: only while generated code runs
)

// DropReturns forgets the host return addresses of guest calls: mode, mapping or blocks have changed.
func (e *Env) DropReturns() { e.ShadowSP = e.ShadowTop }

// FileSize is the number of operands that a block can name, a power of two.
const FileSize = 1024

// Exit codes: why a run of generated code ended.
const (
	ExitNone   = iota
	ExitReqd   // ExitReq was set (or Budget ran out) at a block head; RIP is that block's
	ExitEdge   // edge ExitSite of block ExitBlock is not linked; RIP is its target
	ExitLookup // jump cache missed, or a block ended without static target; RIP is the target
	ExitTLB    // TLB miss at site ExitSite for MemAddr/MemWrite; go on at Resume to try again
	ExitBail   // the guest instruction of site ExitSite must be run by the interpreter
	ExitLearn  // indirect jump ExitSite (an edge) of block ExitBlock goes to RIP for the first time
	ExitSys    // run Sys instruction (site ExitSite); go on at Resume, or look up if the op ended the block
)
