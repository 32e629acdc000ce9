package tcg

// operand properties of an opcode.
type shape uint16

const (
	hasDst    shape = 1 << iota // Dst must be there
	optDst                      // Dst may be there
	dstReg                      // Dst is also an input, and so no temporary
	hasA                        // A, B, C are value operands
	hasB                        //
	hasC                        //
	optC                        // C may be absent (Rmw of one operand)
	immA                        // the operand may be RefImm
	immB                        //
	immC                        //
	hasMem                      // A and B are base and index
	hasSrcW                     // SrcW means something
	hasCond                     // Cond means something
	hasTarget                   // Imm (and for conditional jumps Disp) is a guest RIP
	wide                        // W16 to W64 only
)

// kind of an opcode.
type trait uint8

const (
	mayExit  trait = 1 << iota // may fault or leave to Go: a point where all guest state is visible
	ends                       // ends a block
	effect                     // does more than write Dst and flags: never dead
	setsF                      // SetF means something
	mayWrite                   // writes its flags perhaps only (shift counts of 0)
)

// opInfo describes one opcode. reads are the flags it reads in any case; writes
// those it writes with SetF.
type opInfo struct {
	name          string
	shape         shape
	trait         trait
	reads, writes Flags
}

const (
	alu2  = hasDst | hasA | hasB | immB
	alu1  = hasDst | hasA
	alu3  = hasDst | hasA | hasB | wide
	fLess = FlagsAll &^ FlagC
)

// infos is the table of micro-ops. Flags follow SDM vol. 1 appendix A; flags it calls
// undefined count as written where AMD's processors write them (see package
// interp, undefined.go), and else stay as they were.
var infos = [NumOpcodes]opInfo{
	Nop:  {name: "nop"},
	Insn: {name: "---", trait: effect},

	Mov:   {name: "mov", shape: alu1 | immA},
	Zext:  {name: "zext", shape: alu1 | immA | hasSrcW},
	Sext:  {name: "sext", shape: alu1 | immA | hasSrcW},
	Lea:   {name: "lea", shape: hasDst | hasMem},
	Bswap: {name: "bswap", shape: alu1 | wide},

	Add:    {name: "add", shape: alu2, trait: setsF, writes: FlagsAll},
	Adc:    {name: "adc", shape: alu2, trait: setsF, writes: FlagsAll, reads: FlagC},
	Sub:    {name: "sub", shape: alu2, trait: setsF, writes: FlagsAll},
	Sbb:    {name: "sbb", shape: alu2, trait: setsF, writes: FlagsAll, reads: FlagC},
	And:    {name: "and", shape: alu2, trait: setsF, writes: FlagsAll},
	Or:     {name: "or", shape: alu2, trait: setsF, writes: FlagsAll},
	Xor:    {name: "xor", shape: alu2, trait: setsF, writes: FlagsAll},
	Cmp:    {name: "cmp", shape: hasA | hasB | immB, trait: setsF, writes: FlagsAll},
	Test:   {name: "test", shape: hasA | hasB | immB, trait: setsF, writes: FlagsAll},
	Inc:    {name: "inc", shape: alu1, trait: setsF, writes: fLess},
	Dec:    {name: "dec", shape: alu1, trait: setsF, writes: fLess},
	Neg:    {name: "neg", shape: alu1, trait: setsF, writes: FlagsAll},
	Not:    {name: "not", shape: alu1},
	Shl:    {name: "shl", shape: alu2, trait: setsF | mayWrite, writes: FlagsAll},
	Shr:    {name: "shr", shape: alu2, trait: setsF | mayWrite, writes: FlagsAll},
	Sar:    {name: "sar", shape: alu2, trait: setsF | mayWrite, writes: FlagsAll},
	Rol:    {name: "rol", shape: alu2, trait: setsF | mayWrite, writes: FlagC | FlagO},
	Ror:    {name: "ror", shape: alu2, trait: setsF | mayWrite, writes: FlagC | FlagO},
	Rcl:    {name: "rcl", shape: alu2, trait: setsF | mayWrite, writes: FlagC | FlagO, reads: FlagC},
	Rcr:    {name: "rcr", shape: alu2, trait: setsF | mayWrite, writes: FlagC | FlagO, reads: FlagC},
	Shld:   {name: "shld", shape: alu1 | hasB | hasC | immC | wide, trait: setsF | mayWrite, writes: FlagsAll},
	Shrd:   {name: "shrd", shape: alu1 | hasB | hasC | immC | wide, trait: setsF | mayWrite, writes: FlagsAll},
	Imul:   {name: "imul", shape: alu2 | wide, trait: setsF, writes: FlagC | FlagO},
	MulX:   {name: "mulx", shape: hasA, trait: setsF | effect, writes: FlagC | FlagO},
	ImulX:  {name: "imulx", shape: hasA, trait: setsF | effect, writes: FlagC | FlagO},
	DivX:   {name: "divx", shape: hasA, trait: effect | mayExit},
	IdivX:  {name: "idivx", shape: hasA, trait: effect | mayExit},
	Bsf:    {name: "bsf", shape: alu1 | dstReg | wide, trait: setsF, writes: FlagZ},
	Bsr:    {name: "bsr", shape: alu1 | dstReg | wide, trait: setsF, writes: FlagZ},
	Tzcnt:  {name: "tzcnt", shape: alu1 | wide, trait: setsF, writes: FlagsAll &^ FlagO},
	Lzcnt:  {name: "lzcnt", shape: alu1 | wide, trait: setsF, writes: FlagsAll &^ FlagO},
	Popcnt: {name: "popcnt", shape: alu1 | wide, trait: setsF, writes: FlagsAll},
	Bt:     {name: "bt", shape: hasA | hasB | immB | wide, trait: setsF, writes: FlagC},
	Bts:    {name: "bts", shape: alu2 | wide, trait: setsF, writes: FlagC},
	Btr:    {name: "btr", shape: alu2 | wide, trait: setsF, writes: FlagC},
	Btc:    {name: "btc", shape: alu2 | wide, trait: setsF, writes: FlagC},

	Andn:   {name: "andn", shape: alu3, trait: setsF, writes: FlagsAll},
	Blsi:   {name: "blsi", shape: alu1 | wide, trait: setsF, writes: FlagsAll},
	Blsmsk: {name: "blsmsk", shape: alu1 | wide, trait: setsF, writes: FlagsAll},
	Blsr:   {name: "blsr", shape: alu1 | wide, trait: setsF, writes: FlagsAll},
	Bzhi:   {name: "bzhi", shape: alu3, trait: setsF, writes: FlagsAll},
	Bextr:  {name: "bextr", shape: alu3, trait: setsF, writes: FlagsAll},
	Pdep:   {name: "pdep", shape: alu3},
	Pext:   {name: "pext", shape: alu3},
	Mulh:   {name: "mulh", shape: alu3},
	Adcx:   {name: "adcx", shape: alu3, trait: setsF, writes: FlagC, reads: FlagC},
	Adox:   {name: "adox", shape: alu3, trait: setsF, writes: FlagO, reads: FlagO},

	Setcc: {name: "setcc", shape: hasDst | hasCond},
	Cmov:  {name: "cmov", shape: alu1 | dstReg | hasCond | wide},
	GetF:  {name: "getf", shape: hasDst, reads: FlagsAll},
	PutF:  {name: "putf", shape: hasA | immA, trait: setsF}, // writes FMask
	Clc:   {name: "clc", trait: setsF, writes: FlagC},
	Stc:   {name: "stc", trait: setsF, writes: FlagC},
	Cmc:   {name: "cmc", trait: setsF, writes: FlagC, reads: FlagC},
	Cld:   {name: "cld", trait: effect},
	Std:   {name: "std", trait: effect},
	Cli:   {name: "cli", trait: effect},
	Sti:   {name: "sti", trait: effect},

	GetEF:  {name: "getef", shape: hasDst},
	GetCR2: {name: "getcr2", shape: hasDst},
	Swapgs: {name: "swapgs", trait: effect},
	ClearZ: {name: "clearz", shape: hasA | immA, trait: effect},

	Ld:      {name: "ld", shape: hasDst | hasMem, trait: mayExit | effect},
	Lds:     {name: "lds", shape: hasDst | hasMem | hasSrcW, trait: mayExit | effect},
	Ldz:     {name: "ldz", shape: hasDst | hasMem | hasSrcW, trait: mayExit | effect},
	St:      {name: "st", shape: hasMem | hasC | immC, trait: mayExit | effect},
	Rmw:     {name: "rmw", shape: hasMem | optDst | optC | immC, trait: mayExit | effect | setsF}, // flags of Sub
	Cmpxchg: {name: "cmpxchg", shape: hasMem | hasC, trait: mayExit | effect | setsF, writes: FlagsAll},

	Cmpxchg2: {name: "cmpxchg2", shape: hasMem, trait: mayExit | effect | setsF, writes: FlagZ},
	Fence:    {name: "fence", trait: effect},

	Vec: {name: "vec", shape: hasMem, trait: mayExit | effect | setsF, writes: FlagsAll},
	Fpu: {name: "fpu", shape: hasMem, trait: mayExit | effect | setsF, writes: FlagsAll},

	Sys: {name: "sys", trait: mayExit | effect, reads: FlagsAll},

	ChkIP: {name: "chkip", shape: hasA, trait: mayExit | effect},

	Jmp:    {name: "jmp", shape: hasTarget, trait: ends | effect},
	Jcc:    {name: "jcc", shape: hasTarget | hasCond, trait: ends | effect},
	Jz:     {name: "jz", shape: hasTarget | hasA, trait: ends | effect},
	Jnz:    {name: "jnz", shape: hasTarget | hasA, trait: ends | effect},
	JmpInd: {name: "jmpind", shape: hasA, trait: ends | effect},
	Exit:   {name: "exit", shape: hasTarget, trait: ends | effect},
}

// rmwSub tells which opcodes Rmw takes as Sub, and how many operands each has beside memory.
var rmwSub = [NumOpcodes]struct{ ok, src bool }{
	Add: {true, true}, Or: {true, true}, Adc: {true, true}, Sbb: {true, true}, And: {true, true}, Sub: {true, true},
	Xor: {true, true}, Inc: {true, false}, Dec: {true, false}, Neg: {true, false}, Not: {true, false},
	Shl: {true, true}, Shr: {true, true}, Sar: {true, true}, Rol: {true, true}, Ror: {true, true}, Rcl: {true, true},
	Rcr: {true, true}, Bts: {true, true}, Btr: {true, true}, Btc: {true, true}, Mov: {true, true},
}

// String is the opcode's name in the text form.
func (c Opcode) String() string {
	if c < NumOpcodes {
		return infos[c].name
	}
	return "op?"
}

// MayExit tells whether the op may fault or leave generated code: guest state is visible there.
func (o *Op) MayExit() bool { return infos[o.Code].trait&mayExit != 0 }

// HasMem tells whether A and B are base and index of a memory operand.
func (o *Op) HasMem() bool {
	switch o.Code {
	case Vec, Fpu:
		return o.MemRd || o.MemWr
	}
	return infos[o.Code].shape&hasMem != 0
}

// EndsBlock tells whether control never reaches the next op.
func (o *Op) EndsBlock() bool { return infos[o.Code].trait&ends != 0 || o.Code == Sys && o.End }

// FlagsRead is the set of flags on which the op's results depend.
func (o *Op) FlagsRead() Flags {
	i := &infos[o.Code]
	f := i.reads
	if i.shape&hasCond != 0 {
		f |= o.Cond.Reads()
	}
	switch o.Code {
	case Rmw:
		f |= infos[o.Sub].reads
	case Fpu: // FCMOVcc: DA and DB with ModRM C0..DF
		if o.Enc.Opcode&0xfe == 0xda && uint8(o.Imm) >= 0xc0 && uint8(o.Imm) < 0xe0 {
			f |= FlagC | FlagZ | FlagP
		}
	}
	return f
}

// FlagsWritten is the set of flags that the op writes with SetF. may says that it
// leaves them alone in some cases, and so counts as reading those that are needed.
func (o *Op) FlagsWritten() (f Flags, may bool) {
	i := &infos[o.Code]
	count := o.B
	switch o.Code {
	case PutF:
		return o.FMask, false
	case Rmw:
		i = &infos[o.Sub]
		count = o.C
	case Shld, Shrd:
		count = o.C
	}
	if i.trait&mayWrite == 0 {
		return i.writes, false
	}
	if count != RefImm {
		return i.writes, true
	}
	n := uint64(o.Imm) & 31
	if o.W == W64 {
		n = uint64(o.Imm) & 63
	}
	return i.writes, n == 0
}

// regSet is a set of guest registers.
type regSet uint16

const allRegs regSet = 0xffff

func setOf(r Ref) regSet {
	switch {
	case r.IsReg():
		return 1 << r.Index()
	case r.IsHigh():
		return 1 << r.Index() // AH..BH are part of RAX, RCX, RDX, RBX, in this order
	}
	return 0
}

const (
	setRAX regSet = 1 << 0
	setRCX regSet = 1 << 1
	setRDX regSet = 1 << 2
	setRBX regSet = 1 << 3
	setRDI regSet = 1 << 7
)

// regs gives the guest registers that o reads, those it writes at least in part,
// and of these the ones whose old value is lost in any case.
func (o *Op) regs() (reads, writes, kills regSet) {
	s := infos[o.Code].shape
	if s&(hasA|hasMem) != 0 {
		reads |= setOf(o.A)
	}
	if s&(hasB|hasMem) != 0 {
		reads |= setOf(o.B)
	}
	if s&(hasC|optC) != 0 {
		reads |= setOf(o.C)
	}
	if s&(hasDst|optDst) != 0 {
		writes = setOf(o.Dst)
		switch {
		case s&dstReg != 0:
			reads |= writes
		case o.W >= W32 && o.Dst.IsReg():
			kills = writes
		}
	}
	switch o.Code {
	case MulX, ImulX:
		reads |= setRAX
		writes |= setRAX | setRDX
		if o.W >= W32 {
			kills |= setRAX | setRDX
		}
	case DivX, IdivX:
		reads |= setRAX | setRDX
		writes |= setRAX | setRDX
		if o.W >= W32 {
			kills |= setRAX | setRDX
		}
	case Cmpxchg:
		reads |= setRAX
		writes |= setRAX
	case Cmpxchg2:
		reads |= setRAX | setRBX | setRCX | setRDX
		writes |= setRAX | setRDX
	case Sys:
		reads, writes = allRegs, allRegs
	case Fpu: // FNSTSW AX
		if o.Enc.Opcode == 0xdf && !o.MemRd && !o.MemWr {
			writes |= setRAX
		}
	case Vec:
		// Without a table of SIMD encodings: every general register named is both read and written.
		for _, v := range [2]struct {
			k VKind
			n uint8
		}{{o.KReg, o.VReg}, {o.KRM, o.VRM}} {
			if v.k == VGPR {
				reads |= 1 << (v.n & 15)
				writes |= 1 << (v.n & 15)
			}
		}
		switch {
		case o.Enc.Map == 3 && o.Enc.Opcode&0xfc == 0x60: // PCMPESTRM, PCMPESTRI, PCMPISTRM, PCMPISTRI
			reads |= setRAX | setRDX
			writes |= setRCX
		case o.Enc.Map == 1 && o.Enc.Opcode == 0xf7: // MASKMOVQ, MASKMOVDQU
			reads |= setRDI
		}
	}
	return reads, writes, kills
}

// FpuControl tells whether o is an x87 control instruction, which leaves the instruction and data pointers alone (SDM vol. 1
// 8.1.8): FNINIT FNCLEX FLDCW FNSTCW FNSTSW, and those on the environment. FNOP, FFREE, FINCSTP and FDECSTP are none on processors.
func (o *Op) FpuControl() bool {
	reg := uint8(o.Imm) >> 3 & 7
	if uint8(o.Imm) < 0xc0 {
		return o.Enc.Opcode == 0xd9 && reg >= 4 || o.Enc.Opcode == 0xdd && (reg == 4 || reg >= 6)
	}
	return o.Enc.Opcode == 0xdb && reg == 4 || o.Enc.Opcode == 0xdf && uint8(o.Imm) == 0xe0
}

// InsnAt is the number of the guest instruction at rip within the block: how
// many instructions stand before it. It is NInsns if there is none.
func (b *Block) InsnAt(rip uint64) int {
	n := 0
	for i := range b.Ops {
		if b.Ops[i].Code != Insn {
			continue
		}
		if uint64(b.Ops[i].Imm) == rip {
			return n
		}
		n++
	}
	return n
}
