package tcg

// Vectors that micro-ops raise themselves.
const (
	VectorDE = 0  // divide error
	VectorUD = 6  // invalid opcode
	VectorNM = 7  // device not available
	VectorSS = 12 // stack fault
	VectorGP = 13 // general protection
	VectorPF = 14 // page fault
	VectorMF = 16 // x87 error
	VectorAC = 17 // alignment check
	VectorXM = 19 // SIMD floating point
)

// Machine is what an engine asks of the CPU above it while it runs a block.
// A method that returns false has recorded a fault (or another reason to stop) with the
// CPU; the engine then ends the block at once with Env.RIP at the instruction
// that faulted and nothing of it done.
type Machine interface {
	// ReadMem reads size (1, 2, 4, 8) bytes at a linear address under MMU index idx: TLB miss,
	// page crossing, MMIO and all.
	ReadMem(linear uint64, size, idx int) (uint64, bool)
	// WriteMem writes; a page-crossing write changes nothing unless both pages are writable.
	WriteMem(linear uint64, size int, v uint64, idx int) bool
	// ReadBytes and WriteBytes do the same for longer operands (up to 512 bytes).
	ReadBytes(linear uint64, p []byte, idx int) bool
	WriteBytes(linear uint64, p []byte, idx int) bool
	// Probe checks that size bytes could be written, as a read-modify-write must before it reads.
	Probe(linear uint64, size, idx int) bool
	// Linear applies segmentation to offset off: limit, type and canonical checks, base.
	Linear(seg Seg, off uint64, size int, write bool) (uint64, bool)
	// Canonical is Linear for a flat 64-bit operand: #SS for stack-based addresses, else #GP if not canonical.
	Canonical(linear uint64, size int, stack bool) bool
	// Sys runs one whole instruction. RIP is at the instruction on entry; the CPU moves it on.
	Sys(i *SysInst) bool
	// Raise records an exception with the error code 0 where the vector has one.
	Raise(vector int) bool
	// CheckSSE and CheckFPU make the #UD, #NM and pending #MF checks before a Vec or Fpu op.
	CheckSSE(mmx bool) bool
	// CheckAVX makes those before a Vec op with a VEX encoding; it is not asked in real-address and virtual-8086 mode.
	CheckAVX() bool
	CheckFPU(wait bool) bool
}

// Result is how a block run by the interpreter ended.
type Result int

// Results. In all of them Env is current and Env.RIP is where to go on.
const (
	ResultNext  Result = iota // go on at Env.RIP
	ResultFault               // the CPU has recorded a fault or a stop
)
