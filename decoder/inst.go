package decoder

// Mode is the default operand and address size of the code segment.
type Mode uint8

// Modes.
const (
	Mode16 Mode = iota
	Mode32
	Mode64
)

// Kind tells what an Arg is.
type Kind uint8

// Operand kinds. Reg of an Arg is the register number of that kind.
const (
	KNone  Kind = iota
	KReg        // general register; with Size 1: Reg 0..15 low bytes (SPL.. with REX), 16..19 AH CH DH BH
	KMem        // memory: the Inst's Base, Index, Scale, Disp, Seg
	KImm        // Inst.Imm, sign-extended to 64 bits where the instruction does so
	KImm2       // Inst.Imm2 (ENTER, far pointers' selector, EXTRQ)
	KRel        // relative branch: Inst.Imm is the displacement
	KFar        // ptr16:16/32: selector Inst.Imm2, offset Inst.Imm
	KMoffs      // absolute address in Inst.Disp, segment Inst.Seg
	KSeg        // segment register
	KCR         // control register
	KDR         // debug register
	KST         // x87 register
	KMMX
	KXMM
	KYMM
	KZMM
	KMask // AVX-512 opmask
	KBnd
)

// Arg is one operand, in Intel's order (destination first).
type Arg struct {
	Kind Kind
	Reg  uint8
	Size uint8 // in bytes; 0 where it means nothing (LEA's memory operand)
}

// NoReg is the Base or Index of a memory operand that has none.
const NoReg = 0xff

// RIPReg is the Base of a RIP-relative operand; Disp counts from the end of the instruction.
const RIPReg = 0xfe

// Segment numbers as in the Sreg encoding.
const (
	SegES = iota
	SegCS
	SegSS
	SegDS
	SegFS
	SegGS
)

// Prefix bits of Inst.Prefix.
const (
	PrefixLock = 1 << iota
	PrefixRep  // F3, and not part of the opcode
	PrefixRepne
	PrefixOpSize // 66, and not part of the opcode
	PrefixAddrSize
	PrefixSeg
	PrefixRex
	PrefixVex
	PrefixEvex
)

// REX bits of Inst.Rex (also filled from VEX/EVEX).
const (
	RexB = 1 << iota
	RexX
	RexR
	RexW
)

// Memory is a memory operand but for its displacement.
type Memory struct {
	Seg   uint8 // effective segment, defaults applied (set without memory operand too: string instructions)
	Base  uint8
	Index uint8
	Scale uint8 // 1, 2, 4, 8
	VSIB  Kind  // KXMM, KYMM, KZMM: Index is such a register (gathers and scatters), else KNone
}

// noMemory is the Memory of an instruction without one.
var noMemory = Memory{Seg: SegDS, Base: NoReg, Index: NoReg, Scale: 1}

// Inst is one decoded instruction. It fills a cache line.
type Inst struct {
	Op       Op
	Len      uint8 // in bytes, 1..15
	Mode     Mode
	OpSize   uint8 // effective operand size in bytes: 2, 4, 8 (after default-64 rules: PUSH in 64-bit mode is 8); string instructions: 1 too
	AddrSize uint8 // effective address size in bytes: 2, 4, 8
	StackOp  bool  // the instruction implicitly uses the stack
	Prefix   uint16
	Rex      uint8
	Cond     uint8 // condition of JCC, SETCC, CMOVCC, FCMOVCC

	// Encoding, for those who emit the same instruction again.
	PP                uint8 // mandatory prefix: 0, 0x66, 0xF3, 0xF2
	Map               uint8 // 0 one-byte, 1 0F, 2 0F38, 3 0F3A
	Opcode            uint8
	ModRM             uint8 // valid if HasModRM
	HasModRM          bool
	Vvvv              uint8
	VecLen            uint8 // 0 128, 1 256, 2 512
	Mask, Bcast, Zero uint8 // EVEX aaa, b, z
	RC                uint8 // EVEX {rn-sae}, {rd-sae}, {ru-sae}, {rz-sae}: 1..4; {sae}: 5; none: 0

	Memory
	Row  uint16 // row of the instruction table
	Imm2 uint16 // see Imm
	Disp int64  // of the memory operand; EVEX: disp8 already multiplied

	// Immediates are sign-extended from their encoded size where they are signed numbers of the operand size
	// (Ibs, Iz, Iv in the table), else zero-extended.
	Imm int64

	NArgs uint8
	Args  [4]Arg
}

// Offset is where the memory operand begins in its segment, of an instruction at rip with these general registers; it must not be a vector of operands
// (VSIB). It is 0 if there is none.
func (i *Inst) Offset(gpr *[16]uint64, rip uint64) uint64 {
	at := uint64(i.Disp)
	switch i.Base {
	case NoReg:
	case RIPReg:
		at += rip + uint64(i.Len)
	default:
		at += gpr[i.Base&15]
	}
	if i.Index != NoReg {
		at += gpr[i.Index&15] * uint64(i.Scale)
	}
	return at & (1<<(8*uint(i.AddrSize)) - 1)
}
