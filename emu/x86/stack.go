package x86

import (
	"goemu/decoder"
	"goemu/tcg"
)

var stackOps = map[decoder.Op]handler{
	decoder.PUSHF: sysPUSHF,
	decoder.POPF:  sysPOPF,
	decoder.PUSHA: sysPUSHA,
	decoder.POPA:  sysPOPA,
	decoder.ENTER: sysENTER,
	decoder.LEAVE: sysLEAVE,
	decoder.PUSH:  sysPUSH,
	decoder.POP:   sysPOP,
	decoder.CALL:  sysCALL,
	decoder.RET:   sysRET,
	decoder.JMP:   sysJMP,
}

// push pushes one value and commits RSP.
func (c *CPU) push(v uint64, size int) bool {
	s := c.curStack(c.cpl)
	if !s.push(v, size) {
		return false
	}
	c.env.GPR[regSP] = s.sp
	return true
}

func sysPUSHF(c *CPU, i *tcg.SysInst) bool {
	virtual, ok := c.virtualFlags(i.OpSize)
	switch {
	case !ok:
		return false
	case virtual:
		return c.push(uint64(c.pushedVirtual()), 2)
	}
	return c.push(uint64(c.Flags()&^(flagVM|flagRF)), int(i.OpSize))
}

func sysPOPF(c *CPU, i *tcg.SysInst) bool {
	virtual, ok := c.virtualFlags(i.OpSize)
	if !ok {
		return false
	}
	s := c.curStack(c.cpl)
	v, ok := s.pop(int(i.OpSize))
	if !ok {
		return false
	}
	if virtual {
		if !c.popVirtual(uint32(v)) {
			return false
		}
		c.env.GPR[regSP] = s.sp
		return true
	}
	mask := uint32(flagsArith | flagTF | flagDF | flagNT)
	if i.OpSize != 2 {
		mask |= flagAC | flagID
	}
	if c.cpl <= c.iopl() {
		mask |= flagIF
	}
	if c.cpl == 0 {
		mask |= flagIOPL
	}
	f := c.Flags()
	f &^= flagRF // VIF, VIP and VM stay
	c.env.GPR[regSP] = s.sp
	c.SetFlags(f&^mask | uint32(v)&mask)
	return true
}

func sysPUSHA(c *CPU, i *tcg.SysInst) bool {
	if c.long64 {
		return c.ud()
	}
	s := c.curStack(c.cpl)
	for r := range 8 {
		if !s.push(c.env.GPR[r], int(i.OpSize)) {
			return false
		}
	}
	c.env.GPR[regSP] = s.sp
	return true
}

func sysPOPA(c *CPU, i *tcg.SysInst) bool {
	if c.long64 {
		return c.ud()
	}
	n := int(i.OpSize)
	s := c.curStack(c.cpl)
	var v [8]uint64
	for r := 7; r >= 0; r-- {
		var ok bool
		if v[r], ok = s.pop(n); !ok {
			return false
		}
	}
	for r := range uint8(8) {
		if r != regSP {
			c.setReg(r, n, v[r])
		}
	}
	c.env.GPR[regSP] = s.sp
	return true
}

// sysENTER makes a stack frame (SDM vol. 2A, ENTER).
func sysENTER(c *CPU, i *tcg.SysInst) bool {
	n := int(i.OpSize)
	level := int(i.Imm2 & 31)
	s := c.curStack(c.cpl)
	if !s.push(c.env.GPR[regBP], n) {
		return false
	}
	frame := s.sp
	bp := c.env.GPR[regBP]
	for k := 1; k < level; k++ {
		bp = bp&^s.mask | (bp-uint64(n))&s.mask
		p := s
		p.sp = bp
		v, ok := p.pop(n)
		if !ok || !s.push(v, n) {
			return false
		}
	}
	if level > 0 && !s.push(frame, n) {
		return false
	}
	s.skip(-uint64(uint16(i.Imm)))
	// The last access of the frame must be possible.
	a, ok := s.linear(s.sp&s.mask, n, true)
	if !ok || !c.Probe(a, n, s.idx) {
		return false
	}
	c.setReg(regBP, n, frame)
	c.env.GPR[regSP] = s.sp
	return true
}

func sysLEAVE(c *CPU, i *tcg.SysInst) bool {
	s := c.curStack(c.cpl)
	s.sp = s.sp&^s.mask | c.env.GPR[regBP]&s.mask
	v, ok := s.pop(int(i.OpSize))
	if !ok {
		return false
	}
	c.env.GPR[regSP] = s.sp
	c.setReg(regBP, int(i.OpSize), v)
	return true
}

// sysPUSH is PUSH of anything, segment registers above all. A selector is stored in
// 16 bits even when the operand size is 32 (SDM vol. 2B, PUSH); here zero-extended.
func sysPUSH(c *CPU, i *tcg.SysInst) bool {
	if i.Args[0].Kind == decoder.KSeg {
		return c.push(uint64(c.seg[i.Args[0].Reg].Selector), int(i.OpSize))
	}
	v, ok := c.arg(i, 0)
	return ok && c.push(v, int(i.OpSize))
}

func sysPOP(c *CPU, i *tcg.SysInst) bool {
	s := c.curStack(c.cpl)
	v, ok := s.pop(int(i.OpSize))
	if !ok {
		return false
	}
	old := c.env.GPR[regSP]
	if i.Args[0].Kind != decoder.KSeg {
		c.env.GPR[regSP] = s.sp // the address of a memory operand is computed after the pop
		if !c.setArg(i, 0, v) {
			c.env.GPR[regSP] = old
			return false
		}
		return true
	}
	n := int(i.Args[0].Reg)
	if n == segCS {
		return c.ud()
	}
	if !c.loadSegment(n, uint16(v)) {
		return false
	}
	c.env.GPR[regSP] = s.sp
	if n == segSS {
		c.holdInterrupts(c.next, true)
	}
	return true
}

// sysCALL, sysRET and sysJMP are the near transfers, for translators that leave some of their forms to Go.
// sysCALL and the other near branches come here only when their target cannot be an instruction pointer: see emu/translate.
func sysCALL(c *CPU, i *tcg.SysInst) bool {
	t, ok := c.nearTarget(i)
	n := int(i.OpSize)
	if !ok {
		return false
	}
	if sp := c.env.GPR[regSP] - uint64(n); c.long64 && !(c.Canonical(sp, n, true) && c.Probe(sp, n, c.index()) && c.aligned(sp, n)) {
		return false // in 64-bit code this comes first
	}
	if !c.nearLimit(t) || !c.push(c.next, n) {
		return false
	}
	c.next = t
	return true
}

func sysJMP(c *CPU, i *tcg.SysInst) bool { return c.branch(i) }

func sysRET(c *CPU, i *tcg.SysInst) bool {
	s := c.curStack(c.cpl)
	t, ok := s.pop(int(i.OpSize))
	if !ok || !c.nearLimit(t) {
		return false
	}
	if i.NArgs > 0 {
		s.skip(uint64(uint16(i.Imm)))
	}
	c.env.GPR[regSP] = s.sp
	c.next = t
	return true
}

// nearTarget is where a near branch leads.
func (c *CPU) nearTarget(i *tcg.SysInst) (t uint64, ok bool) {
	if i.Args[0].Kind == decoder.KRel {
		t = c.next + uint64(i.Imm)
	} else if t, ok = c.arg(i, 0); !ok {
		return 0, false
	}
	return t & sizeMask(int(i.OpSize)), true
}

// nearLimit checks a new instruction pointer in the current code segment.
func (c *CPU) nearLimit(t uint64) bool {
	if c.long64 {
		return c.canonical(t) || c.gp(0)
	}
	return t <= uint64(c.seg[segCS].Limit) || c.gp(0)
}
