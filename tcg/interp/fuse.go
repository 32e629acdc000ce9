package interp

import "slices"

// jumping are the ops that a conditional jump can be made one with.
var jumping = map[opcode]opcode{opSubIF: opSubIJ, opCmpR: opCmpRJ, opCmpI: opCmpIJ, opTestR: opTestRJ, opTestI: opTestIJ}

// fuse makes one op of p, the next of c, and the one before it, where that saves a step: a comparison and its jump, or a copy of a
// register and what is computed with the copy. Nothing can look between the two: none of them leaves, and before the first
// there is nothing in its instruction after which the block could be left (see run.cut).
func (c *Code) fuse(p *ins) bool {
	if len(c.ins) == 0 {
		return false
	}
	q := &c.ins[len(c.ins)-1]
	if slices.ContainsFunc(c.ins[c.first[q.insn]:], ins.stops) {
		return false
	}
	switch {
	case p.op >= opJcc && p.op <= opJG:
		with := jumping[q.op]
		if with == 0 {
			return false
		}
		q.op, q.insn, q.cond = with, p.insn, p.cond
	case (q.op == opMov64 || q.op == opMov && q.scale == 32 && p.scale == 32) && computes(p.op) && p.a == q.dst && p.dst == q.dst && p.b != q.dst:
		p.a = q.a
		*q = *p
	default:
		return false
	}
	return true
}

// stops tells whether after p the block may be left before its end.
func (p ins) stops() bool { return p.op <= opSysEnd || p.op >= opSt64 && p.op <= opStI }

// computes tells whether an op does nothing but to make dst of a, and b if it is a register, and perhaps to set flags.
func computes(op opcode) bool {
	switch op {
	case opCmpR, opCmpI, opTestR, opTestI:
		return false
	}
	return op >= opAddR && op <= opSarR
}
