// Package translate turns decoded x86 instructions into micro-ops (package tcg).
//
// Integer instructions with BMI and ADX, moves, near control transfers, MMX, SSE to SSE4.2, AES, PCLMULQDQ, SHA, GFNI, AVX, AVX2, FMA,
// F16C and x87 become micro-ops, after the operation sections of the SDM, vol. 2. All other instructions become one Sys op, which the
// CPU above runs as a whole: masked moves, gathers and EVEX encodings are among those.
//
// What the micro-ops of an instruction keep to: no guest state changes before the last op that can fault or
// leave, so that an instruction can always be run again from its start.
//
// A near branch to what cannot be an instruction pointer (beyond the limit of CS, or not canonical) is #GP(0) of the branch, as Intel's
// processors do it: with a constant target it is a Sys op; the target of an indirect call is checked before the push, and the others
// where they jump (tcg.JmpInd).
// LFENCE and SFENCE are no ops, as the engines keep to x86-TSO.
// An instruction that the CPU model lacks is undefined, or what older processors take it for: see Restrict.
// With Mode.TF a block is one instruction, but conditional and indirect jumps end as usual: the vCPU loop
// must look at TF after every block of that mode.
package translate

import (
	"errors"

	"goemu/decoder"
	"goemu/mmu"
	"goemu/tcg"
)

// ErrNeedMore means that the first instruction of the block goes beyond the code given. The
// caller adds the next page and tries again, or raises the fault of the fetch.
var ErrNeedMore = errors.New("translate: first instruction is truncated")

// maxInsnLen is the longest x86 instruction; a longer one is #GP(0) (SDM vol. 2, 2.3.11).
const maxInsnLen = 15

// Translator makes blocks. It keeps its buffers between blocks, so it does not allocate once
// the blocks given to it have grown; it is not for concurrent use.
type Translator struct {
	// Yield makes PAUSE a Sys op that ends its block, for a vCPU loop that lets others run.
	Yield bool

	b    tcg.Builder
	key  *tcg.Key
	mode tcg.Mode
	rip  uint64 // of the instruction being translated
	next uint64 // of the one after it
	code []byte // what follows it on the page
	done bool   // the block has its last op
	left int    // instructions that may still come after this one

	inst, peek decoder.Inst

	lacks [maxRows / 64]uint64 // rows of the instruction table that the CPU model lacks
	has   decoder.FeatureSet

	shadow bool // the last instruction was STI: end after the next one
}

// New makes a Translator.
func New() *Translator { return &Translator{has: decoder.AllFeatures} }

// Translate fills b, whose Key the caller has set, with the micro-ops of up to max instructions.
// code are the guest's bytes from Key.RIP to the end of the page, or to
// the end of the following page. Only the first instruction of a block may
// reach into that.
//
// The block ends at a control transfer, at an instruction that can change what
// later code means, after max instructions, or at the end of the page. An undefined instruction is
// a Sys op with decoder.Invalid, its Len 16 if it is too long or reaches beyond the limit of CS (#GP instead of #UD).
func (t *Translator) Translate(b *tcg.Block, code []byte, max int) error {
	t.b.Reset(b)
	t.key, t.mode = &b.Key, b.Key.Mode
	t.done, t.shadow = false, false
	t.rip = b.Key.RIP
	if t.mode&tcg.ModeTF != 0 {
		max = 1
	}
	beyond := false // the segment ends before the code given
	if left := b.Key.Top - b.Key.RIP; !t.code64() && b.Key.Top > b.Key.RIP && left < uint64(len(code)) {
		code, beyond = code[:left], true
	}
	page := mmu.PageSize - int((b.Key.CSBase+b.Key.RIP)&mmu.PageMask)
	if page > len(code) {
		page = len(code)
	}
	off := 0
	for n := 0; ; n++ {
		if n > 0 && (n >= max || off >= page) {
			t.leave(t.rip)
			return nil
		}
		rest := code[off:]
		if n > 0 {
			rest = code[off:page]
		}
		size, err := t.decode(rest, &t.inst)
		if err == decoder.ErrTruncated || len(rest) == 0 {
			switch {
			case n == 0 && beyond:
				t.undefined(decoder.ErrTooLong, len(rest))
				return nil
			case n == 0:
				return ErrNeedMore
			}
			t.leave(t.rip)
			return nil
		}
		t.next = t.wrap(t.rip + uint64(t.inst.Len))
		t.left = max - n - 1
		t.code = nil
		if off+size < page {
			t.code = code[off+size : page]
		}
		if t.inst.Op == decoder.STI && !t.shadow && n > 0 && !t.canShadow() {
			t.leave(t.rip)
			return nil
		}
		if err != nil {
			t.undefined(err, min(len(rest), maxInsnLen))
			return nil
		}
		t.insn(&t.inst, size)
		if t.done {
			return nil
		}
		off += size
		t.rip = t.next
	}
}

// decode decodes one instruction and gives its length.
func (t *Translator) decode(code []byte, i *decoder.Inst) (int, error) {
	err := decoder.Decode(code, decoder.Mode(t.mode&tcg.ModeCode), i)
	return int(i.Len), err
}

// wrap truncates an instruction pointer to what the mode has. Code that runs sequentially beyond 64 KiB does not wrap there.
func (t *Translator) wrap(rip uint64) uint64 {
	if t.mode&tcg.ModeCode == tcg.ModeCode64 {
		return rip
	}
	return uint64(uint32(rip))
}

// leave ends the block with a jump to rip, known now.
func (t *Translator) leave(rip uint64) {
	if t.shadow || t.mode&tcg.ModeTF != 0 {
		t.b.Exit(rip)
	} else {
		t.b.Jmp(rip)
	}
	t.done = true
}

// undefined ends the block with an instruction that does not exist. The block depends on
// all n bytes that the decoder may have looked at.
func (t *Translator) undefined(err error, n int) {
	t.inst.Op = decoder.Invalid
	t.inst.NArgs = 0
	t.inst.Len = uint8(min(max(t.inst.Len, 1), maxInsnLen))
	if err == decoder.ErrTooLong {
		t.inst.Len = maxInsnLen + 1
	}
	t.b.Insn(t.rip, n)
	t.sys(&t.inst, true)
}

// insn translates one instruction of n bytes.
func (t *Translator) insn(i *decoder.Inst, n int) {
	shadow := t.shadow
	t.b.Insn(t.rip, n)
	if t.lacks[i.Row>>6]>>(i.Row&63)&1 != 0 && !t.older(i) {
		if i.Prefix&decoder.PrefixEvex == 0 || t.has.Has(decoder.FeatAVX512F) { // on a model without AVX-512 the CPU counts those by name
			i.Op = decoder.Invalid
		}
		t.sys(i, true)
		return
	}
	switch {
	case i.Prefix&decoder.PrefixLock != 0 && !lockable(i):
		i.Op = decoder.Invalid
		t.sys(i, true)
	case i.Prefix&(decoder.PrefixVex|decoder.PrefixEvex) != 0 && t.realMode():
		i.Op = decoder.Invalid
		t.sys(i, true)
	case i.Prefix&decoder.PrefixVex != 0 && t.vexGPR(i):
	case i.Prefix&(decoder.PrefixVex|decoder.PrefixEvex) == 0 && int(i.Op) < len(handlers) && handlers[i.Op].fn != nil:
		h := &handlers[i.Op]
		h.fn(t, i, h.op)
	case t.simd(i):
		t.vec(i)
	default:
		t.sysDefault(i, 0)
	}
	if t.done {
		return
	}
	if shadow || t.mode&tcg.ModeTF != 0 {
		t.b.Exit(t.next)
		t.done = true
	}
}

// A handler translates the instructions of one shape; op is the micro-op that tells them apart.
type handler struct {
	fn func(t *Translator, i *decoder.Inst, op tcg.Opcode)
	op tcg.Opcode
}

// handlers is indexed by decoder.Op. What is neither here nor SIMD becomes a Sys op.
var handlers = [...]handler{
	// Integer arithmetic.
	decoder.ADD:  {(*Translator).binary, tcg.Add},
	decoder.ADC:  {(*Translator).binary, tcg.Adc},
	decoder.SUB:  {(*Translator).binary, tcg.Sub},
	decoder.SBB:  {(*Translator).binary, tcg.Sbb},
	decoder.AND:  {(*Translator).binary, tcg.And},
	decoder.OR:   {(*Translator).binary, tcg.Or},
	decoder.XOR:  {(*Translator).binary, tcg.Xor},
	decoder.CMP:  {(*Translator).compare, tcg.Cmp},
	decoder.TEST: {(*Translator).compare, tcg.Test},
	decoder.INC:  {(*Translator).unary, tcg.Inc},
	decoder.DEC:  {(*Translator).unary, tcg.Dec},
	decoder.NEG:  {(*Translator).unary, tcg.Neg},
	decoder.NOT:  {(*Translator).unary, tcg.Not},
	decoder.SHL:  {(*Translator).shift, tcg.Shl},
	decoder.SHR:  {(*Translator).shift, tcg.Shr},
	decoder.SAR:  {(*Translator).shift, tcg.Sar},
	decoder.ROL:  {(*Translator).shift, tcg.Rol},
	decoder.ROR:  {(*Translator).shift, tcg.Ror},
	decoder.RCL:  {(*Translator).shift, tcg.Rcl},
	decoder.RCR:  {(*Translator).shift, tcg.Rcr},
	decoder.SHLD: {(*Translator).double, tcg.Shld},
	decoder.SHRD: {(*Translator).double, tcg.Shrd},
	decoder.IMUL: {(*Translator).imul, tcg.ImulX},
	decoder.MUL:  {(*Translator).muldiv, tcg.MulX},
	decoder.DIV:  {(*Translator).muldiv, tcg.DivX},
	decoder.IDIV: {(*Translator).muldiv, tcg.IdivX},

	decoder.BSF:    {(*Translator).scan, tcg.Bsf},
	decoder.BSR:    {(*Translator).scan, tcg.Bsr},
	decoder.TZCNT:  {(*Translator).scan, tcg.Tzcnt},
	decoder.LZCNT:  {(*Translator).scan, tcg.Lzcnt},
	decoder.POPCNT: {(*Translator).scan, tcg.Popcnt},
	decoder.BT:     {(*Translator).bit, tcg.Bt},
	decoder.BTS:    {(*Translator).bit, tcg.Bts},
	decoder.BTR:    {(*Translator).bit, tcg.Btr},
	decoder.BTC:    {(*Translator).bit, tcg.Btc},
	decoder.CRC32:  {(*Translator).crc32, tcg.Vec},
	decoder.ADCX:   {(*Translator).adx, tcg.Adcx},
	decoder.ADOX:   {(*Translator).adx, tcg.Adox},

	// Moves.
	decoder.MOV:        {(*Translator).mov, tcg.Mov},
	decoder.MOVNTI:     {(*Translator).mov, tcg.Mov},
	decoder.MOVZX:      {(*Translator).extend, tcg.Zext},
	decoder.MOVSX:      {(*Translator).extend, tcg.Sext},
	decoder.MOVSXD:     {(*Translator).extend, tcg.Sext},
	decoder.MOVBE:      {(*Translator).movbe, tcg.Bswap},
	decoder.BSWAP:      {(*Translator).bswap, tcg.Bswap},
	decoder.LEA:        {(*Translator).lea, tcg.Lea},
	decoder.XCHG:       {(*Translator).xchg, tcg.Mov},
	decoder.XADD:       {(*Translator).xadd, tcg.Add},
	decoder.CMPXCHG:    {(*Translator).cmpxchg, tcg.Cmpxchg},
	decoder.CMPXCHG8B:  {(*Translator).cmpxchg2, tcg.Cmpxchg2},
	decoder.CMPXCHG16B: {(*Translator).cmpxchg2, tcg.Cmpxchg2},
	decoder.CBW:        {(*Translator).cbw, tcg.Sext},
	decoder.CWD:        {(*Translator).cwd, tcg.Sar},
	decoder.SETCC:      {(*Translator).setcc, tcg.Setcc},
	decoder.CMOVCC:     {(*Translator).cmov, tcg.Cmov},
	decoder.XLAT:       {(*Translator).xlat, tcg.Ld},
	decoder.MOVS:       {(*Translator).stringOnce, tcg.Ld},
	decoder.STOS:       {(*Translator).stringOnce, tcg.St},
	decoder.LODS:       {(*Translator).stringOnce, tcg.Ld},
	decoder.PUSH:       {(*Translator).pushInsn, tcg.St},
	decoder.PUSHF:      {(*Translator).pushf, tcg.St},
	decoder.POP:        {(*Translator).popInsn, tcg.Ld},
	decoder.LEAVE:      {(*Translator).leaveInsn, tcg.Ld},

	// Control transfers.
	decoder.JMP:    {(*Translator).jmp, tcg.Jmp},
	decoder.CALL:   {(*Translator).call, tcg.Jmp},
	decoder.RET:    {(*Translator).ret, tcg.JmpInd},
	decoder.JCC:    {(*Translator).jcc, tcg.Jcc},
	decoder.JCXZ:   {(*Translator).jcxz, tcg.Jz},
	decoder.LOOP:   {(*Translator).loop, tcg.Jnz},
	decoder.LOOPE:  {(*Translator).loopCond, tcg.Jnz},
	decoder.LOOPNE: {(*Translator).loopCond, tcg.Jnz},

	// Flags.
	decoder.CLC:  {(*Translator).flag, tcg.Clc},
	decoder.STC:  {(*Translator).flag, tcg.Stc},
	decoder.CMC:  {(*Translator).flag, tcg.Cmc},
	decoder.CLD:  {(*Translator).flag, tcg.Cld},
	decoder.STD:  {(*Translator).flag, tcg.Std},
	decoder.CLI:  {(*Translator).cli, tcg.Cli},
	decoder.STI:  {(*Translator).sti, tcg.Sti},
	decoder.CLAC: {(*Translator).clac, tcg.Nop},
	decoder.LAHF: {(*Translator).lahf, tcg.GetF},
	decoder.SAHF: {(*Translator).sahf, tcg.PutF},

	decoder.SWAPGS: {(*Translator).swapgs, tcg.Swapgs},

	// Loads and stores are in order, but for loads that overtake stores.
	decoder.MFENCE: {(*Translator).flag, tcg.Fence},
	decoder.LFENCE: {(*Translator).nop, tcg.Nop},
	decoder.SFENCE: {(*Translator).nop, tcg.Nop},

	// Nothing to do.
	decoder.NOP:         {(*Translator).nop, tcg.Nop},
	decoder.PAUSE:       {(*Translator).pause, tcg.Nop},
	decoder.ENDBR32:     {(*Translator).nop, tcg.Nop},
	decoder.ENDBR64:     {(*Translator).nop, tcg.Nop},
	decoder.PREFETCH:    {(*Translator).nop, tcg.Nop},
	decoder.PREFETCHNTA: {(*Translator).nop, tcg.Nop},
	decoder.PREFETCHT0:  {(*Translator).nop, tcg.Nop},
	decoder.PREFETCHT1:  {(*Translator).nop, tcg.Nop},
	decoder.PREFETCHT2:  {(*Translator).nop, tcg.Nop},
	decoder.PREFETCHW:   {(*Translator).nop, tcg.Nop},
	decoder.CLFLUSH:     {(*Translator).touch, tcg.Ld},
	decoder.CLFLUSHOPT:  {(*Translator).touch, tcg.Ld},
	decoder.CLWB:        {(*Translator).touch, tcg.Ld},

	// x87.
	decoder.F2XM1: {(*Translator).fpu, tcg.Fpu}, decoder.FABS: {(*Translator).fpu, tcg.Fpu},
	decoder.FADD: {(*Translator).fpu, tcg.Fpu}, decoder.FADDP: {(*Translator).fpu, tcg.Fpu},
	decoder.FBLD: {(*Translator).fpu, tcg.Fpu}, decoder.FBSTP: {(*Translator).fpu, tcg.Fpu},
	decoder.FCHS: {(*Translator).fpu, tcg.Fpu}, decoder.FCMOVCC: {(*Translator).fpu, tcg.Fpu},
	decoder.FCOM: {(*Translator).fpu, tcg.Fpu}, decoder.FCOMI: {(*Translator).fpu, tcg.Fpu},
	decoder.FCOMIP: {(*Translator).fpu, tcg.Fpu}, decoder.FCOMP: {(*Translator).fpu, tcg.Fpu},
	decoder.FCOMPP: {(*Translator).fpu, tcg.Fpu}, decoder.FCOS: {(*Translator).fpu, tcg.Fpu},
	decoder.FDECSTP: {(*Translator).fpu, tcg.Fpu}, decoder.FDIV: {(*Translator).fpu, tcg.Fpu},
	decoder.FDIVP: {(*Translator).fpu, tcg.Fpu}, decoder.FDIVR: {(*Translator).fpu, tcg.Fpu},
	decoder.FDIVRP: {(*Translator).fpu, tcg.Fpu}, decoder.FFREE: {(*Translator).fpu, tcg.Fpu},
	decoder.FFREEP: {(*Translator).fpu, tcg.Fpu}, decoder.FIADD: {(*Translator).fpu, tcg.Fpu},
	decoder.FICOM: {(*Translator).fpu, tcg.Fpu}, decoder.FICOMP: {(*Translator).fpu, tcg.Fpu},
	decoder.FIDIV: {(*Translator).fpu, tcg.Fpu}, decoder.FIDIVR: {(*Translator).fpu, tcg.Fpu},
	decoder.FILD: {(*Translator).fpu, tcg.Fpu}, decoder.FIMUL: {(*Translator).fpu, tcg.Fpu},
	decoder.FINCSTP: {(*Translator).fpu, tcg.Fpu}, decoder.FIST: {(*Translator).fpu, tcg.Fpu},
	decoder.FISTP: {(*Translator).fpu, tcg.Fpu}, decoder.FISTTP: {(*Translator).fpu, tcg.Fpu},
	decoder.FISUB: {(*Translator).fpu, tcg.Fpu}, decoder.FISUBR: {(*Translator).fpu, tcg.Fpu},
	decoder.FLD: {(*Translator).fpu, tcg.Fpu}, decoder.FLD1: {(*Translator).fpu, tcg.Fpu},
	decoder.FLDL2E: {(*Translator).fpu, tcg.Fpu}, decoder.FLDL2T: {(*Translator).fpu, tcg.Fpu},
	decoder.FLDLG2: {(*Translator).fpu, tcg.Fpu}, decoder.FLDLN2: {(*Translator).fpu, tcg.Fpu},
	decoder.FLDPI: {(*Translator).fpu, tcg.Fpu}, decoder.FLDZ: {(*Translator).fpu, tcg.Fpu},
	decoder.FMUL: {(*Translator).fpu, tcg.Fpu}, decoder.FMULP: {(*Translator).fpu, tcg.Fpu},
	decoder.FNCLEX: {(*Translator).fpu, tcg.Fpu}, decoder.FNINIT: {(*Translator).fpu, tcg.Fpu},
	decoder.FNOP: {(*Translator).fpu, tcg.Fpu}, decoder.FNSTCW: {(*Translator).fpu, tcg.Fpu},
	decoder.FNSTSW: {(*Translator).fpu, tcg.Fpu}, decoder.FPATAN: {(*Translator).fpu, tcg.Fpu},
	decoder.FPREM: {(*Translator).fpu, tcg.Fpu}, decoder.FPREM1: {(*Translator).fpu, tcg.Fpu},
	decoder.FPTAN: {(*Translator).fpu, tcg.Fpu}, decoder.FRNDINT: {(*Translator).fpu, tcg.Fpu},
	decoder.FSCALE: {(*Translator).fpu, tcg.Fpu}, decoder.FSIN: {(*Translator).fpu, tcg.Fpu},
	decoder.FSINCOS: {(*Translator).fpu, tcg.Fpu}, decoder.FSQRT: {(*Translator).fpu, tcg.Fpu},
	decoder.FST: {(*Translator).fpu, tcg.Fpu}, decoder.FSTP: {(*Translator).fpu, tcg.Fpu},
	decoder.FSUB: {(*Translator).fpu, tcg.Fpu}, decoder.FSUBP: {(*Translator).fpu, tcg.Fpu},
	decoder.FSUBR: {(*Translator).fpu, tcg.Fpu}, decoder.FSUBRP: {(*Translator).fpu, tcg.Fpu},
	decoder.FTST: {(*Translator).fpu, tcg.Fpu}, decoder.FUCOM: {(*Translator).fpu, tcg.Fpu},
	decoder.FUCOMI: {(*Translator).fpu, tcg.Fpu}, decoder.FUCOMIP: {(*Translator).fpu, tcg.Fpu},
	decoder.FUCOMP: {(*Translator).fpu, tcg.Fpu}, decoder.FUCOMPP: {(*Translator).fpu, tcg.Fpu},
	decoder.FXAM: {(*Translator).fpu, tcg.Fpu}, decoder.FXCH: {(*Translator).fpu, tcg.Fpu},
	decoder.FXTRACT: {(*Translator).fpu, tcg.Fpu}, decoder.FYL2X: {(*Translator).fpu, tcg.Fpu},
	decoder.FYL2XP1: {(*Translator).fpu, tcg.Fpu},
}
