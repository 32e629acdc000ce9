//go:build linux && amd64

package amd64

import "goemu/tcg"

// fuse makes one host instruction of a load into a temporary and the operation after it that alone uses the temporary, as
// in ADD RAX,[mem] and CMP [mem],5. It reports whether it did; then the operation is done too.
func (c *compiler) fuse() bool {
	ld := c.op
	if ld.Code != tcg.Ld || !ld.Dst.IsTemp() || c.i+1 >= len(c.b.Ops) || c.last[ld.Dst.Index()] != int32(c.i+1) {
		return false
	}
	o := &c.b.Ops[c.i+1]
	if o.W != ld.W || o.A == o.B {
		return false
	}
	op, compare := aluCmp, o.Code == tcg.Cmp || o.Code == tcg.Test
	switch o.Code {
	case tcg.Cmp, tcg.Test:
	case tcg.Add, tcg.Sub, tcg.And, tcg.Or, tcg.Xor:
		op = aluOf[o.Code]
		if o.Dst != o.A || o.B != ld.Dst {
			return false
		}
	default:
		return false
	}
	other, reversed := o.A, false // reversed: memory is the first operand
	if o.A == ld.Dst {
		other, reversed = o.B, true
	}
	r, imm, ok := noReg, int32(0), true
	switch {
	case other.IsReg():
		r = pin[other.Index()]
		ok = r != noReg
	case other == tcg.RefImm && compare:
		imm, ok = truncImm(o.W, o.Imm)
	default:
		ok = false
	}
	if !ok {
		return false
	}
	c.op, c.i = o, c.i+1
	c.willWrite(o.Dst)
	c.op = ld
	c.clobber()
	m := c.access(ld.W.Bytes(), ld.MemWr)
	switch {
	case o.Code == tcg.Test && other == tcg.RefImm:
		c.rm(sized(opGrp3, o.W), 0, m)
		c.immW(o.W, imm)
	case o.Code == tcg.Test:
		c.rm(sized(opTest, o.W), r, m)
	case other == tcg.RefImm:
		c.aluMI(0, op, o.W, m, imm)
	case reversed:
		c.aluMR(0, op, o.W, m, r)
	default:
		c.aluRM(op, o.W, r, m)
	}
	c.freeAddress(ld)
	c.op = o
	rec := recipe{}
	if op == aluAnd || op == aluOr || op == aluXor {
		rec = recipe{kind: recLogic, w: o.W, a: o.Dst}
	}
	c.flagsOut(rec)
	return true
}

// freeAddress releases the address temporaries of a fused load.
func (c *compiler) freeAddress(ld *tcg.Op) {
	for _, r := range [2]tcg.Ref{ld.A, ld.B} {
		if r.IsTemp() && c.last[r.Index()] < int32(c.i) {
			c.release(r.Index())
		}
	}
}
