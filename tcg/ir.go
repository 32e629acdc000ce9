// Package tcg is the translator in the middle: typed micro-ops, their printer, parser, verifier and optimiser,
// and the environment that generated code shares with Go.
package tcg

import "goemu/decoder"

// Ref names an operand of an Op: nothing, a guest register, a temporary of the
// block, or the op's immediate.
type Ref uint16

// None is the absent operand. RefImm stands for the value in Op.Imm (ops with a
// memory operand take it from there too: their displacement is Op.Disp).
const (
	None   Ref = 0
	refReg Ref = 1  // 1..16: guest GPRs, RAX..R15
	refHi  Ref = 17 // 17..20: AH CH DH BH
	RefImm Ref = 21
	refTmp Ref = 32 // 32 and up: temporaries
)

// Reg gives the Ref of guest register n (0 RAX, 1 RCX, 2 RDX, 3 RBX, 4 RSP ... 15 R15).
func Reg(n int) Ref { return refReg + Ref(n) }

// High gives the Ref of AH, CH, DH or BH (n 0..3). Only W8 ops take it.
func High(n int) Ref { return refHi + Ref(n) }

// Temp gives the Ref of temporary n. A temporary is assigned once, before its uses.
func Temp(n int) Ref { return refTmp + Ref(n) }

// IsReg, IsHigh and IsTemp tell what r is; Index gives its number within its kind.
func (r Ref) IsReg() bool  { return r >= refReg && r < refHi }
func (r Ref) IsHigh() bool { return r >= refHi && r < RefImm }
func (r Ref) IsTemp() bool { return r >= refTmp }
func (r Ref) Index() int {
	switch {
	case r.IsTemp():
		return int(r - refTmp)
	case r.IsHigh():
		return int(r - refHi)
	default:
		return int(r - refReg)
	}
}

// Width is the operand size of an op: 8, 16, 32 or 64 bits.
type Width uint8

// Operand widths; the value is log2 of the size in bytes.
const (
	W8 Width = iota
	W16
	W32
	W64
	W128 // Vec memory operands only
)

// Bytes is the width in bytes, Bits in bits.
func (w Width) Bytes() int { return 1 << w }
func (w Width) Bits() int  { return 8 << w }

// Cond is an x86 condition code (SDM vol. 2 appendix B.1): the low four bits of the Jcc opcode.
type Cond uint8

// Conditions in encoding order.
const (
	CondO Cond = iota
	CondNO
	CondB
	CondAE
	CondE
	CondNE
	CondBE
	CondA
	CondS
	CondNS
	CondP
	CondNP
	CondL
	CondGE
	CondLE
	CondG
)

// Flags is a set of the six arithmetic flags.
type Flags uint8

// Members of Flags; FlagsAll is all six.
const (
	FlagC Flags = 1 << iota
	FlagP
	FlagA
	FlagZ
	FlagS
	FlagO
	FlagsAll = FlagC | FlagP | FlagA | FlagZ | FlagS | FlagO
)

// Mode is everything beside the address that the meaning of guest code
// depends on, and so part of a block's key.
type Mode uint16

// Fields of Mode.
const (
	ModeCode16  Mode = 0 // code size, two bits
	ModeCode32  Mode = 1
	ModeCode64  Mode = 2
	ModeCode    Mode = 3
	ModeStack32 Mode = 1 << 2 // SS.B (in 16- and 32-bit code)
	ModeIndex   Mode = 3 << 3 // MMU index, mmu.Index...
	ModeFlat    Mode = 1 << 5 // ES SS DS: base 0, limit 4 GiB, readable and writable; CS base 0 and limit 4 GiB
	ModeTF      Mode = 1 << 6 // EFLAGS.TF: blocks of one instruction
	ModeCPL     Mode = 3 << 7
	ModeAlign   Mode = 1 << 9  // #AC is on (CR0.AM, EFLAGS.AC, CPL 3)
	ModeProt    Mode = 1 << 10 // CR0.PE
	ModeVM86    Mode = 1 << 11
	ModeZMM     Mode = 1 << 12 // some of Env.ZMMH is not 0: VEX instructions clear it
)

// ModeIndexShift and ModeCPLShift place the fields of several bits.
const (
	ModeIndexShift = 3
	ModeCPLShift   = 7
)

// CodeBits is 16, 32 or 64; Index the MMU index (mmu.IndexKernel...); CPL 0..3.
func (m Mode) CodeBits() int { return 16 << (m & ModeCode) }
func (m Mode) Index() int    { return int(m & ModeIndex >> ModeIndexShift) }
func (m Mode) CPL() int      { return int(m & ModeCPL >> ModeCPLShift) }

// Opcode says what an Op does. W is Op.W throughout. "dst.W <- v" for a guest
// register means what x86 means: W8 and W16 leave the rest of the register alone,
// W32 zeroes the upper half. A temporary receives v zero-extended to 64 bits.
// Operands are read as their low W bits.
type Opcode uint8

// The micro-ops. EA is the effective address of a memory operand, see Op.
const (
	Nop Opcode = iota

	Insn // a guest instruction begins: Imm its RIP, Disp its length in bytes

	// Moves.
	Mov  // Dst.W <- A
	Zext // Dst.W <- A zero-extended from SrcW
	Sext // Dst.W <- A sign-extended from SrcW
	Lea  // Dst.W <- EA truncated to AddrW; no segment
	Bswap

	// Arithmetic. With SetF the x86 flags of the instruction of the same name.
	Add // Dst.W <- A + B
	Adc
	Sub
	Sbb
	And
	Or
	Xor
	Cmp  // Sub without Dst
	Test // And without Dst
	Inc  // Dst.W <- A + 1; C unchanged
	Dec
	Neg
	Not // never flags
	Shl // Dst.W <- A << (B & (31 or 63)); count 0: flags unchanged
	Shr
	Sar
	Rol
	Ror
	Rcl
	Rcr
	Shld // Dst.W <- A shifted left by C, filled from B
	Shrd
	Imul // Dst.W <- A * B (low half), W16..W64; flags of two-operand IMUL
	MulX // one-operand MUL: RDX:RAX (W8: AX) <- RAX * A
	ImulX
	DivX // one-operand DIV by A; #DE leaves everything unchanged
	IdivX
	Bsf // source 0: Dst unchanged, Z set
	Bsr
	Tzcnt
	Lzcnt
	Popcnt
	Bt // bit B mod W of A to C
	Bts
	Btr
	Btc

	// BMI1, BMI2 and ADX, W32 and W64 only.
	Andn   // Dst.W <- ^A & B
	Blsi   // Dst.W <- A & -A, C: A is not 0
	Blsmsk // Dst.W <- A ^ (A - 1), C: A is 0
	Blsr   // Dst.W <- A & (A - 1), C: A is 0
	Bzhi   // Dst.W <- the low B (8 bits) bits of A, C: B is W or more
	Bextr  // Dst.W <- the B>>8 (8 bits) bits of A from bit B (8 bits) on
	Pdep   // Dst.W <- the low bits of A put where B has ones; never flags
	Pext   // Dst.W <- the bits of A where B has ones, from bit 0 on; never flags
	Mulh   // Dst.W <- the high half of the unsigned A * B; never flags
	Adcx   // Dst.W <- A + B + C flag, and only C
	Adox   // Dst.W <- A + B + O flag, and only O

	// Flags.
	Setcc // Dst.W8 <- Cond ? 1 : 0
	Cmov  // Dst.W <- Cond ? A : Dst (W32 zero-extends either way)
	GetF  // Dst.W64 <- arithmetic flags in EFLAGS layout, bit 1 set
	PutF  // flags named by Flag operand Op.FMask <- A in EFLAGS layout
	Clc
	Stc
	Cmc
	Cld
	Std
	Cli // only where the privilege check has been made at translation time
	Sti // sets IF, ors IntrPending into ExitReq; the translator ends the block after the next instruction

	// Other state, where the privilege check has been made at translation time.
	GetEF  // Dst.W64 <- Env.EFlags: EFLAGS without the arithmetic flags, bit 1 set
	GetCR2 // Dst.W64 <- CR2
	Swapgs // exchanges the base of GS and IA32_KERNEL_GS_BASE
	ClearZ // bits 511..256 of vector register Imm (A) <- 0

	// Memory.
	Ld  // Dst.W <- [EA]; MemWr: the same instruction will store there, so the access must be allowed to write
	Lds // Dst.W <- [EA] of SrcW, sign-extended
	Ldz // Dst.W <- [EA] of SrcW, zero-extended
	St  // [EA].W <- C
	Rmw // [EA].W <- Sub([EA].W, C): Sub is one of Add Or Adc Sbb And Sub Xor Inc Dec Neg Not Shl Shr Sar Rol Ror
	//     Rcl Rcr Bts Btr Btc Mov (exchange); Dst, if any, <- the old value; Lock: atomic.
	//     Add with Dst is XADD. With SetF the flags of Sub.
	Cmpxchg  // compare rAX with [EA].W: equal: [EA] <- C; else rAX <- [EA]. Sets flags as CMP rAX,[EA]. Lock: atomic.
	Cmpxchg2 // compare rDX:rAX of W (W32, W64) each with the 2*W bits at EA: equal: [EA] <- rCX:rBX, Z set; else rDX:rAX <- [EA], Z clear.
	//          Lock: atomic. W64: #GP unless 16-byte aligned.
	Fence // loads and stores before it are seen before those after it

	// SIMD and x87: Enc says which instruction; registers numbered as in the instruction.
	Vec // MMX, SSE, AVX: see Enc, VReg, VSrc, VRM; may set flags (SetF)
	Fpu // x87: Enc.Opcode D8..DF, ModRM in Imm

	// The rest of the architecture: plain Go above.
	Sys // run Block.Insts[Imm] in emu/x86; reads and writes any state. End set: the block ends after it.

	ChkIP // #GP(0) unless A can be an instruction pointer (Key.ValidIP); in 64-bit code a fault of pushing W comes first

	// Ends of a block. Targets are guest RIPs; constant ones can be instruction pointers.
	Jmp    // to Imm
	Jcc    // Cond ? Imm : Disp
	Jz     // A.W == 0 ? Imm : Disp
	Jnz    // A.W != 0 ? Imm : Disp
	JmpInd // to A (already truncated to the operand size). LinkRet: where A cannot be an instruction pointer (Key.ValidIP), #GP(0)
	//        after RSP.W has lost Disp, the bytes that were popped; LinkNone: #GP(0)
	Exit // to Imm after a look at Env.ExitReq; with Mode.TF to the vCPU loop

	NumOpcodes
)

// Seg selects the segment of a memory operand. SegNone adds no base and checks
// nothing (flat). Numbers are those of the Sreg encoding.
type Seg uint8

// Segments.
const (
	SegES Seg = iota
	SegCS
	SegSS
	SegDS
	SegFS
	SegGS
	SegNone
)

// Link tells that a jump is half of a call: back ends may pair the halves to predict returns. It changes nothing else.
type Link uint8

// Links.
const (
	LinkNone Link = iota
	LinkCall      // Jmp, JmpInd: a call; it will return to Disp
	LinkRet       // JmpInd: a return, which has popped Disp bytes
)

// VKind says what a register number of a Vec op names.
type VKind uint8

// Kinds of Vec operands.
const (
	VNone VKind = iota
	VXMM
	VMMX
	VGPR
	VMem
	VImpl // no operand: the opcode extension of a group stands in Reg
)

// Encs of Enc.Vex.
const (
	VexNone uint8 = iota // legacy encoding
	Vex128               // VEX.L 0: bits 255..128 of a vector destination become 0
	Vex256
)

// Enc identifies a SIMD or x87 instruction by its encoding.
type Enc struct {
	PP     uint8 // mandatory prefix: 0, 0x66, 0xF3, 0xF2
	Map    uint8 // 1: 0F, 2: 0F38, 3: 0F3A; 0: x87
	Opcode uint8
	RexW   bool // REX.W or VEX.W
	Vex    uint8
}

// Op is one micro-op. Which fields mean something depends on Code.
//
// A memory operand's effective address is A + B<<Scale + Disp, truncated to AddrW.
// With Seg != SegNone the segment's base is added (in 64-bit mode FS and GS only,
// 64-bit arithmetic; otherwise 32-bit arithmetic after a check against SegRdTop or SegWrTop).
// An op that faults has changed nothing.
type Op struct {
	Code  Opcode
	W     Width
	SrcW  Width
	AddrW Width // width of the address arithmetic
	Scale uint8 // log2
	Seg   Seg
	Sub   Opcode // Rmw
	Cond  Cond
	SetF  bool
	Lock  bool
	End   bool // Sys ends the block
	Align bool // Vec: #GP unless aligned to its size
	Link  Link // Jmp, JmpInd
	Rel   bool // the address is relative to the page of the code: Env.Page is added to it. For blocks with Key.Float, and back ends only

	Dst, A, B, C Ref

	Enc       Enc
	VReg, VRM uint8 // register numbers of ModRM.reg and ModRM.rm
	KReg, KRM VKind
	VSrc      uint8 // VEX.vvvv
	KSrc      VKind // what VSrc names; VNone: no such operand
	HasImm    bool  // Vec: imm8 in Imm (a fourth register operand too: its number in bits 7..4)
	MemW      Width // Vec, Fpu: size of the memory operand (x87 10-byte and larger: MemBytes)
	MemBytes  uint8 // size in bytes of a Vec/Fpu memory operand
	MemRd     bool  // Vec, Fpu: the operand is read
	MemWr     bool  // Vec, Fpu: the operand is written; Ld: it will be
	FMask     Flags // PutF: which flags
	FOut      Flags // set by the optimiser: flags written here that a later op of the block or the next block reads
	FObs      Flags // set by the optimiser: flags written here that only a side exit can see

	Imm  int64
	Disp int64
}

// Block is one translated piece of guest code: straight-line, one entry.
type Block struct {
	ID     uint32
	Key    Key
	NInsns int
	Bytes  int // length of the guest code
	Temps  int // number of temporaries
	Ops    []Op
	Insts  []SysInst
	// KillsFlags: all six arithmetic flags are overwritten before anything can see them.
	KillsFlags bool
}

// Key identifies a block. Phys is the guest-physical address of the first byte.
//
// A block that floats is for code of 64 bits wherever its page is mapped: RIP, and all guest RIPs in its ops but those in registers, are
// relative to the first byte of that page, whose linear address is in Env.Page while the block runs.
type Key struct {
	RIP    uint64
	CSBase uint64
	Phys   uint64
	Mode   Mode
	Float  bool
	Top    uint64 // limit of the code segment + 1, or Top57; 0: no instruction pointer of the mode can be beyond it
}

// Top57 is Key.Top of 64-bit code while linear addresses have 57 bits, not 48 (CR4.LA57).
const Top57 = 1 << 56

// ValidIP tells whether code of the block's segment can be at rip: within the limit, in 64-bit mode canonical.
func (k *Key) ValidIP(rip uint64) bool {
	if k.Mode&ModeCode == ModeCode64 {
		return uint64(int64(rip)>>k.SignBit()+1) <= 1
	}
	return k.Top == 0 || rip < k.Top
}

// SignBit is the highest bit of a linear address of 64-bit code, which all above it equal.
func (k *Key) SignBit() uint {
	if k.Top == Top57 {
		return 56
	}
	return 47
}

// SysInst is an instruction that emu/x86 runs as a whole.
type SysInst struct {
	decoder.Inst
	RIP uint64
}
