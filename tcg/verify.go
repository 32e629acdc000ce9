package tcg

import (
	"errors"
	"fmt"
)

// MaxTemps is the most temporaries in one block.
const MaxTemps = 992

// Verify checks that b keeps the rules of the micro-ops: operands of the right
// kinds and widths, temporaries assigned once and before use, one end, flags that
// the op has, targets, sizes; and that no op may fault once the guest instruction
// it belongs to has changed guest state (see docs/design.md, "bail"). The
// error names the op.
func Verify(b *Block) error {
	v := verifier{b: b}
	for i := range b.Ops {
		o := &b.Ops[i]
		if err := v.op(i, o); err != nil {
			if o.Code >= NumOpcodes {
				return fmt.Errorf("op %d: %w", i, err)
			}
			return fmt.Errorf("op %d: %s: %w", i, o, err)
		}
	}
	switch n := len(b.Ops); {
	case n == 0:
		return errors.New("block is empty")
	case !b.Ops[n-1].EndsBlock():
		return fmt.Errorf("op %d: %s: the last op does not end the block", n-1, &b.Ops[n-1])
	case v.insns != b.NInsns:
		return fmt.Errorf("block has %d instructions, NInsns is %d", v.insns, b.NInsns)
	case b.Temps > MaxTemps:
		return fmt.Errorf("block has %d temporaries, at most %d are possible", b.Temps, MaxTemps)
	}
	return nil
}

type verifier struct {
	b       *Block
	set     [MaxTemps]bool
	insns   int
	changed bool // the current guest instruction has changed guest state
}

func (v *verifier) op(i int, o *Op) error {
	if o.Code >= NumOpcodes {
		return fmt.Errorf("opcode %d does not exist", o.Code)
	}
	info := &infos[o.Code]
	s := info.shape
	switch {
	case i == 0 && o.Code != Insn:
		return errors.New("the block does not begin with an instruction")
	case o.EndsBlock() && i != len(v.b.Ops)-1:
		return errors.New("ends the block before its last op")
	case o.W > W64:
		return errors.New("width out of range")
	case s&wide != 0 && o.W == W8:
		return errors.New("has no 8-bit form")
	case o.Cond > CondG:
		return errors.New("condition out of range")
	case o.Rel && (!v.b.Key.Float || info.shape&hasMem == 0 || o.A != None):
		return errors.New("cannot be relative to the page")
	case o.Seg > SegNone:
		return errors.New("segment out of range")
	case o.End && o.Code != Sys:
		return errors.New("only sys has end")
	case o.MemWr && o.Code != Ld && o.Code != Vec && o.Code != Fpu:
		return errors.New("does not tell of writing")
	case (o.Code >= Andn && o.Code <= Adox || o.Code == Cmpxchg2) && o.W < W32:
		return fmt.Errorf("has no %d-bit form", o.W.Bits())
	case o.Lock && o.Code != Rmw && o.Code != Cmpxchg && o.Code != Cmpxchg2:
		return errors.New("cannot be locked")
	}
	for _, check := range [...]func(*Op, *opInfo) error{v.special, v.operands, v.flags, v.precise} {
		if err := check(o, info); err != nil {
			return err
		}
	}
	return nil
}

// special checks the rules of single opcodes.
func (v *verifier) special(o *Op, info *opInfo) error {
	if info.shape&hasSrcW != 0 && o.SrcW > o.W {
		return errors.New("source is wider than the destination")
	}
	switch o.Code {
	case Insn:
		v.insns++
		v.changed = false
		if o.Disp < 1 || o.Disp > 15 {
			return fmt.Errorf("instruction of %d bytes", o.Disp)
		}
	case Rmw:
		sub := &rmwSub[min(o.Sub, NumOpcodes-1)]
		switch {
		case o.Sub >= NumOpcodes || !sub.ok:
			return fmt.Errorf("%s is no operation on memory", o.Sub)
		case infos[o.Sub].shape&wide != 0 && o.W == W8:
			return fmt.Errorf("%s has no 8-bit form", o.Sub)
		case sub.src != (o.C != None):
			return errors.New("wrong number of operands")
		case o.Dst != None && o.Sub != Add && o.Sub != Mov:
			return errors.New("only add and mov give the old value")
		}
	case Vec:
		if o.Enc.Map < 1 || o.Enc.Map > 3 {
			return fmt.Errorf("map %d", o.Enc.Map)
		}
		for _, k := range [3]VKind{o.KReg, o.KSrc, o.KRM} {
			if k > VImpl {
				return errors.New("operand kind out of range")
			}
		}
		if o.VReg > 15 || o.VRM > 15 || o.VSrc > 15 {
			return errors.New("register number out of range")
		}
		if o.Enc.Vex > Vex256 || o.Enc.Vex == VexNone && o.KSrc != VNone {
			return errors.New("VEX operands out of range")
		}
		if o.MemBytes > 32 || o.MemBytes > 16 && o.Enc.Vex != Vex256 {
			return fmt.Errorf("memory operand of %d bytes", o.MemBytes)
		}
	case Fpu:
		if o.Enc.Opcode < 0xd8 || o.Enc.Opcode > 0xdf || uint64(o.Imm) > 0xff {
			return errors.New("no x87 instruction")
		}
		if o.MemBytes > 108 {
			return fmt.Errorf("memory operand of %d bytes", o.MemBytes)
		}
	case Sys:
		if o.Imm < 0 || o.Imm >= int64(len(v.b.Insts)) {
			return fmt.Errorf("instruction %d does not exist", o.Imm)
		}
	case PutF:
		if o.FMask == 0 || o.FMask&^FlagsAll != 0 {
			return errors.New("flag mask out of range")
		}
	}
	if o.Code == Vec || o.Code == Fpu {
		if o.HasMem() != (o.MemBytes != 0) {
			return errors.New("memory operand without size or use")
		}
		if !o.HasMem() && (o.A != None || o.B != None) {
			return errors.New("operands without a memory operand")
		}
	}
	return nil
}

func (v *verifier) operands(o *Op, info *opInfo) error {
	s := info.shape
	if o.HasMem() {
		if err := v.memory(o); err != nil {
			return err
		}
	}
	aw := o.W
	if s&hasSrcW != 0 {
		aw = o.SrcW
	}
	imms := 0
	for _, x := range [...]struct {
		name       string
		r          Ref
		there, imm shape
		w          Width
	}{
		{"first", o.A, hasA, immA, aw},
		{"second", o.B, hasB, immB, o.W},
		{"third", o.C, hasC | optC, immC, o.W},
	} {
		if s&x.there == 0 {
			if x.r != None && (x.name == "third" || s&hasMem == 0) {
				return fmt.Errorf("%s operand where there is none", x.name)
			}
			continue
		}
		if x.r == None && s&x.there&optC != 0 {
			continue
		}
		if x.r == RefImm {
			imms++
			if s&x.imm == 0 {
				return fmt.Errorf("%s operand cannot be an immediate", x.name)
			}
			continue
		}
		if err := v.use(x.r, x.w); err != nil {
			return fmt.Errorf("%s operand: %w", x.name, err)
		}
	}
	if imms > 1 {
		return errors.New("more than one immediate")
	}
	return v.dst(o, s)
}

func (v *verifier) memory(o *Op) error {
	if o.Scale > 3 {
		return fmt.Errorf("scale %d", o.Scale)
	}
	if o.AddrW != W16 && o.AddrW != W32 && o.AddrW != W64 {
		return errors.New("address width out of range")
	}
	for _, r := range [2]Ref{o.A, o.B} {
		if r == None {
			continue
		}
		if err := v.use(r, W64); err != nil {
			return fmt.Errorf("address: %w", err)
		}
	}
	return nil
}

// use checks an operand that is read in width w.
func (v *verifier) use(r Ref, w Width) error {
	switch {
	case r.IsReg():
		return nil
	case r.IsHigh():
		if w != W8 {
			return fmt.Errorf("%s in %d bits", r, w.Bits())
		}
		return nil
	case r.IsTemp():
		n := r.Index()
		if n >= v.b.Temps || n >= MaxTemps {
			return fmt.Errorf("%s is out of range", r)
		}
		if !v.set[n] {
			return fmt.Errorf("%s is used before it is assigned", r)
		}
		return nil
	}
	return fmt.Errorf("%s is no value", r)
}

func (v *verifier) dst(o *Op, s shape) error {
	r := o.Dst
	switch {
	case s&(hasDst|optDst) == 0:
		if r != None {
			return errors.New("destination where there is none")
		}
		return nil
	case r == None && s&optDst != 0, r.IsReg():
		return nil
	case r.IsHigh():
		if o.W != W8 {
			return fmt.Errorf("destination: %s in %d bits", r, o.W.Bits())
		}
		return nil
	case r.IsTemp() && s&dstReg != 0:
		return errors.New("destination is also read and must be a guest register")
	case r.IsTemp():
		n := r.Index()
		if n >= v.b.Temps || n >= MaxTemps {
			return fmt.Errorf("%s is out of range", r)
		}
		if v.set[n] {
			return fmt.Errorf("%s is assigned twice", r)
		}
		v.set[n] = true
		return nil
	}
	return fmt.Errorf("%s is no destination", r)
}

func (v *verifier) flags(o *Op, info *opInfo) error {
	if !o.SetF {
		if o.FOut|o.FObs != 0 {
			return errors.New("flags without SetF")
		}
		return nil
	}
	if info.trait&setsF == 0 {
		return errors.New("sets no flags")
	}
	w, _ := o.FlagsWritten()
	if x := (o.FOut | o.FObs) &^ w; x != 0 {
		return fmt.Errorf("does not write %s", x)
	}
	if x := o.FOut & o.FObs; x != 0 {
		return fmt.Errorf("%s both out and observed", x)
	}
	return nil
}

// precise checks that nothing of the instruction has been done before an op that may exit.
func (v *verifier) precise(o *Op, info *opInfo) error {
	if o.MayExit() && v.changed {
		return errors.New("may fault after its instruction has changed guest state")
	}
	_, writes, _ := o.regs()
	stores := info.trait&effect != 0 && o.Code != Insn && o.Code != ChkIP && o.Code != Ld && o.Code != Ldz && o.Code != Lds
	if writes != 0 || o.SetF || stores {
		v.changed = true
	}
	return nil
}
