//go:build linux && amd64

package amd64

import "goemu/tcg"

// flagState says where the guest's arithmetic flags are at a point of a block. At least one of host, mem and rec.kind
// holds unless they are dead; then mem is set, so that nobody saves them.
type flagState struct {
	host bool   // host EFLAGS hold all six
	noC  bool   // host EFLAGS hold all but C; rec is an INC or DEC over the C in Env.CC
	mem  bool   // Env.CC holds all six
	rec  recipe // how to make them again
}

// recipeKind is a way to make flags again from operands that are still there.
type recipeKind uint8

const (
	recNone    recipeKind = iota
	recLogic              // a is the result of AND, OR, XOR or TEST a,a
	recTest               // TEST a, b
	recCmp                // CMP a, b: also SUB into another register
	recAdd                // ADD a, b into another register
	recUndoAdd            // a was a + b
	recUndoSub            // a was a - b
	recNeg                // a is the negated operand
	recInc                // a is the result; C is in Env.CC
	recDec
	recShift // operand is in the recipe slot: shift k by b
)

// recipe is a recipeKind with its operands: guest registers or an immediate, never temporaries.
type recipe struct {
	kind recipeKind
	w    tcg.Width
	k    byte // recShift: group 2 opcode extension
	a, b tcg.Ref
	imm  int32
}

// uses tells whether r reads guest register ref.
func (r *recipe) uses(ref tcg.Ref) bool {
	return r.kind != recNone && (r.a == ref || r.b == ref)
}

// condFlags gives the flags each condition reads.
var condFlags = [16]tcg.Flags{
	tcg.CondO: tcg.FlagO, tcg.CondNO: tcg.FlagO,
	tcg.CondB: tcg.FlagC, tcg.CondAE: tcg.FlagC,
	tcg.CondE: tcg.FlagZ, tcg.CondNE: tcg.FlagZ,
	tcg.CondBE: tcg.FlagC | tcg.FlagZ, tcg.CondA: tcg.FlagC | tcg.FlagZ,
	tcg.CondS: tcg.FlagS, tcg.CondNS: tcg.FlagS,
	tcg.CondP: tcg.FlagP, tcg.CondNP: tcg.FlagP,
	tcg.CondL: tcg.FlagS | tcg.FlagO, tcg.CondGE: tcg.FlagS | tcg.FlagO,
	tcg.CondLE: tcg.FlagS | tcg.FlagO | tcg.FlagZ, tcg.CondG: tcg.FlagS | tcg.FlagO | tcg.FlagZ,
}

// flagEffect gives the flags that op o reads, and those that it overwrites whatever its operands are.
func flagEffect(o *tcg.Op) (reads, must tcg.Flags) {
	code, count := o.Code, o.B
	switch o.Code {
	case tcg.Setcc, tcg.Cmov, tcg.Jcc:
		return condFlags[o.Cond], 0
	case tcg.GetF, tcg.Sys:
		return tcg.FlagsAll, 0
	case tcg.PutF:
		return 0, o.FMask
	case tcg.Clc, tcg.Stc:
		return 0, tcg.FlagC
	case tcg.Cmc:
		return tcg.FlagC, tcg.FlagC
	case tcg.Fpu:
		if (o.Enc.Opcode == 0xda || o.Enc.Opcode == 0xdb) && byte(o.Imm) >= 0xc0 && byte(o.Imm) < 0xe0 {
			return tcg.FlagC | tcg.FlagZ | tcg.FlagP, 0
		}
	case tcg.Rmw:
		code, count = o.Sub, o.C
	case tcg.Shld, tcg.Shrd:
		count = o.C
	}
	switch code { // ADC and the like read C with or without SetF
	case tcg.Adc, tcg.Sbb, tcg.Rcl, tcg.Rcr, tcg.Adcx:
		reads = tcg.FlagC
	case tcg.Adox:
		reads = tcg.FlagO
	}
	if !o.SetF {
		return reads, 0
	}
	must = tcg.FlagsAll
	switch code {
	case tcg.Inc, tcg.Dec:
		must = tcg.FlagsAll &^ tcg.FlagC
	case tcg.Bt, tcg.Bts, tcg.Btr, tcg.Btc:
		must = tcg.FlagC
	case tcg.Shl, tcg.Shr, tcg.Sar, tcg.Shld, tcg.Shrd:
		if count != tcg.RefImm || shiftCount(o) == 0 {
			must = 0
		}
	case tcg.Rol, tcg.Ror, tcg.Rcl, tcg.Rcr:
		must = 0
		if count == tcg.RefImm && shiftCount(o) != 0 {
			must = tcg.FlagC | tcg.FlagO
		}
	case tcg.Adcx:
		must = tcg.FlagC
	case tcg.Adox:
		must = tcg.FlagO
	case tcg.Cmpxchg2:
		must = tcg.FlagZ
	case tcg.Mov, tcg.Not:
		must = 0
	}
	return reads, must
}

// shiftCount is the constant count of a shift, as the processor masks it.
func shiftCount(o *tcg.Op) byte {
	if o.W == tcg.W64 {
		return byte(o.Imm) & 63
	}
	return byte(o.Imm) & 31
}

// canExit tells whether o can leave in the middle of its instruction, where all flags are seen.
func canExit(o *tcg.Op) bool {
	switch o.Code {
	case tcg.Ld, tcg.Lds, tcg.Ldz, tcg.St, tcg.Rmw, tcg.Cmpxchg, tcg.Cmpxchg2, tcg.DivX, tcg.IdivX, tcg.Vec, tcg.Fpu, tcg.Sys,
		tcg.Popcnt, tcg.Lzcnt, tcg.Tzcnt, tcg.ChkIP:
		return true
	}
	return !hostBMI(o.Code)
}

// liveness fills live (the flags that anything after op i, or an exit there, reads) and cross (those of them that
// have to survive an op that destroys host EFLAGS). It returns the flags live at the start.
func (c *compiler) liveness() tcg.Flags {
	l, x := tcg.FlagsAll, tcg.Flags(0)
	for i := len(c.b.Ops) - 1; i >= 0; i-- {
		o := &c.b.Ops[i]
		c.live[i], c.cross[i] = l, x
		reads, must := flagEffect(o)
		l = l&^must | reads
		x &^= must
		if canExit(o) {
			l = tcg.FlagsAll
		}
		if destroys(o) {
			x = l
		}
	}
	return l
}

// destroys tells whether the code of o destroys host EFLAGS before it reads them, or without making the guest's.
func destroys(o *tcg.Op) bool {
	if canExit(o) {
		return true
	}
	switch o.Code {
	case tcg.Nop, tcg.Insn, tcg.Mov, tcg.Zext, tcg.Sext, tcg.Lea, tcg.Bswap, tcg.Not, tcg.Setcc, tcg.Cmov, tcg.Jcc,
		tcg.Clc, tcg.Stc, tcg.Cmc:
		return false
	case tcg.Pdep, tcg.Pext, tcg.Fence:
		return false
	case tcg.Jmp, tcg.JmpInd, tcg.Exit: // save them at once
		return false
	}
	return !o.SetF
}

// saveHost stores host EFLAGS to Env.CC.
func (a *asm) saveHost() {
	a.byte(0x9f)                         // LAHF
	a.rr(opSetcc|opc(tcg.CondO), 0, rax) // SETO AL
	a.rm(opMovStore|pre66, rax, env(offCC))
}

// reload loads Env.CC to host EFLAGS: AL+7F sets OF, SAHF the others.
func (a *asm) reload() {
	a.rm(opMovzx16, rax, env(offCC))
	a.byte(0x04)
	a.byte(0x7f) // ADD AL, 7F
	a.byte(0x9e) // SAHF
}

// emitRecipe makes the flags in host EFLAGS. It uses RAX.
func (a *asm) emitRecipe(r *recipe) {
	switch r.kind {
	case recLogic:
		if p := pin[r.a.Index()]; p != noReg {
			a.rr(sized(opTest, r.w), p, p)
		} else {
			a.aluMI(0, aluCmp, r.w, gprMem(r.a.Index()), 0) // the same flags
		}
	case recTest:
		p := a.recipeReg(r.a)
		if r.b == tcg.RefImm {
			a.rr(sized(opGrp3, r.w), 0, p)
			a.immW(r.w, r.imm)
		} else if q := pin[r.b.Index()]; q != noReg {
			a.rr(sized(opTest, r.w), q, p)
		} else {
			a.rm(sized(opTest, r.w), p, gprMem(r.b.Index()))
		}
	case recCmp:
		a.recipeALU(aluCmp, r, a.recipeReg(r.a))
	case recAdd:
		a.recipeCopy(r.a)
		a.recipeALU(aluAdd, r, rax)
	case recUndoAdd:
		a.recipeCopy(r.a)
		a.recipeALU(aluSub, r, rax)
		a.recipeALU(aluAdd, r, rax)
	case recUndoSub:
		a.recipeCopy(r.a)
		a.recipeALU(aluAdd, r, rax)
		a.recipeALU(aluCmp, r, rax)
	case recNeg:
		a.recipeCopy(r.a)
		a.rr(sized(opGrp3, r.w), 3, rax)
		a.rr(sized(opGrp3, r.w), 3, rax)
	case recInc, recDec:
		d, k := int32(-1), reg(0)
		if r.kind == recDec {
			d, k = 1, 1
		}
		a.reload()
		p := a.recipeReg(r.a)
		a.rm(opLea|rexW, rax, mem{base: p, index: noReg, disp: d})
		a.rr(sized(opGrp4, r.w), k, rax)
	case recShift:
		a.rm(opMovLoad|rexW, rax, spillMem(recipeSlot))
		a.shiftI(r.k, r.w, rax, byte(r.imm))
	}
}

// recipeReg gives a register that holds guest register ref: its own, or RAX.
func (a *asm) recipeReg(ref tcg.Ref) reg {
	if p := pin[ref.Index()]; p != noReg {
		return p
	}
	a.rm(opMovLoad|rexW, rax, gprMem(ref.Index()))
	return rax
}

func (a *asm) recipeCopy(ref tcg.Ref) {
	if p := a.recipeReg(ref); p != rax {
		a.movRR(tcg.W64, rax, p)
	}
}

// recipeALU writes `op dst, b`.
func (a *asm) recipeALU(op alu, r *recipe, dst reg) {
	switch {
	case r.b == tcg.RefImm:
		a.aluRI(op, r.w, dst, r.imm)
	case pin[r.b.Index()] != noReg:
		a.aluRR(op, r.w, dst, pin[r.b.Index()])
	default:
		a.aluRM(op, r.w, dst, gprMem(r.b.Index()))
	}
}

// clobber prepares for an instruction that destroys host EFLAGS: afterwards the flags are in Env.CC or in the recipe.
func (c *compiler) clobber() {
	f := &c.fl
	if !f.mem && f.rec.kind == recNone {
		c.saveHost()
		f.mem = true
	}
	f.host, f.noC = false, false
}

// needHost makes host EFLAGS hold the flags in mask. It uses RAX.
func (c *compiler) needHost(mask tcg.Flags) {
	f := &c.fl
	switch {
	case mask == 0, f.host, f.noC && mask&tcg.FlagC == 0:
		return
	case f.rec.kind != recNone:
		c.emitRecipe(&f.rec)
	default:
		c.reload()
	}
	f.host, f.noC = true, false
}

// needMem makes Env.CC hold all flags.
func (c *compiler) needMem() {
	if f := &c.fl; !f.mem {
		c.needHost(tcg.FlagsAll)
		c.saveHost()
		f.mem = true
	}
}

// willWrite tells that the current op writes r. A recipe that reads r ends with the op; if the flags
// live on, they are made in host EFLAGS now.
func (c *compiler) willWrite(r tcg.Ref) {
	if r.IsHigh() {
		r = tcg.Reg(r.Index())
	}
	f := &c.fl
	if !r.IsReg() || !f.rec.uses(r) {
		return
	}
	if f.mem {
		f.rec.kind = recNone
		return
	}
	_, must := flagEffect(c.op)
	if c.live[c.i]&^must == 0 {
		c.dropRecipe = true
		return
	}
	c.needHost(tcg.FlagsAll)
	f.rec.kind = recNone
}

// flagsIn prepares host EFLAGS for the current op, a native instruction: it needs the flags it reads and those that pass
// through it; without SetF it must not destroy them. It uses RAX.
func (c *compiler) flagsIn() {
	reads, must := flagEffect(c.op)
	if c.op.SetF {
		c.needHost(c.live[c.i]&^must | reads)
		return
	}
	c.clobber()
	c.needHost(reads)
	c.fl.host = false
}

// flagsOut tells that host EFLAGS now hold the guest's flags, to be made again by rec.
func (c *compiler) flagsOut(rec recipe) {
	if c.op.SetF {
		c.fl = flagState{host: true, rec: rec}
		c.dropRecipe = false
	}
}

// cond prepares for a conditional instruction and gives the condition to use.
func (c *compiler) cond(cc tcg.Cond) tcg.Cond {
	f := &c.fl
	if f.host || f.rec.kind != recNone || !f.mem {
		c.needHost(condFlags[cc])
		return cc
	}
	bit, off := int32(0), offCC+1
	switch cc &^ 1 {
	case tcg.CondO:
		bit, off = 1, offCC
	case tcg.CondB:
		bit = 0x01
	case tcg.CondE:
		bit = 0x40
	case tcg.CondBE:
		bit = 0x41
	case tcg.CondS:
		bit = 0x80
	case tcg.CondP:
		bit = 0x04
	default:
		c.needHost(condFlags[cc])
		return cc
	}
	c.rm(0xf6, 0, env(off)) // TEST byte
	c.byte(byte(bit))
	if cc&1 == 0 {
		return tcg.CondNE
	}
	return tcg.CondE
}
